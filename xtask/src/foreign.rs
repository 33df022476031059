//! Programs of others, with which the tests write mail to and fro: found, or installed where that can be done.
//!
//! The gate passes without them, since not every system has them; the tests then say `NOT CHECKED`, and so does this.

use std::fs;

use crate::{
    browser::{apt_install, debian_root},
    process::{Failure, Outcome, Run, find},
    workspace,
};

/// A program, and Debian's package with it.
type Program = (&'static str, &'static str);

/// What reads and writes OpenPGP: a few megabytes.
const OPENPGP: [Program; 4] = [("gpg", "gnupg"), ("sq", "sq"), ("sqop", "sqop"), ("rnp", "rnp")];
/// What carries mail, and a certificate for it.
const MAIL: [Program; 3] = [("postfix", "postfix"), ("swaks", "swaks"), ("openssl", "openssl")];

/// Installs OpenPGP programs that are missing, on Debian as root. Says what is missing afterwards.
pub fn programs() {
    provide(&OPENPGP);
}

/// The same for what carries mail.
pub fn mail_programs() {
    provide(&MAIL);
}

fn provide(programs: &[Program]) {
    let missing = || programs.iter().copied().filter(|(program, _)| find(program).is_none());
    if missing().next().is_some() && debian_root() {
        for program in missing() {
            // One by one: Debian's releases don't have them all.
            if let Err(failure) = install(program) {
                eprintln!("{failure}");
            }
        }
    }
    let missing: Vec<&str> = missing().map(|(program, _)| program).collect();
    if !missing.is_empty() {
        eprintln!("NOT CHECKED: mail to and from {}, which can't be found.", missing.join(", "));
    }
}

fn install((program, package): Program) -> Outcome {
    if package == "postfix" {
        prepare_postfix()?;
    }
    apt_install(&[package], &format!("the tests exchange mail with {program}"))
}

/// Lets Debian install a Postfix without a configuration, so that none is started: the tests start their own. Not where
/// another mail server is, which Debian would remove for it.
fn prepare_postfix() -> Outcome {
    if find("/usr/sbin/sendmail").is_some() {
        return Err(Failure::new("Postfix is not installed: this machine has another mail server."));
    }
    let path = workspace::notes()?.join("postfix.debconf");
    fs::write(&path, "postfix postfix/main_mailer_type select No configuration\n")
        .map_err(|error| Failure::file("Writing", &path, &error))?;
    Run::new("debconf-set-selections").args([path]).wait()
}
