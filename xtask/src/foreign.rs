//! OpenPGP programs of others, with which the tests write mail to and fro: found, or installed where that can be done.
//!
//! The gate passes without them, since not every system has them; the tests then say `NOT CHECKED`, and so does this.

use crate::{
    browser::{apt_install, debian_root},
    process::find,
};

/// Programs, and Debian's packages with them: a few megabytes.
const PROGRAMS: [(&str, &str); 4] = [("gpg", "gnupg"), ("sq", "sq"), ("sqop", "sqop"), ("rnp", "rnp")];

/// Installs what is missing, on Debian as root. Says what is missing afterwards.
pub fn programs() {
    let missing = || PROGRAMS.into_iter().filter(|(program, _)| find(program).is_none());
    if missing().next().is_some() && debian_root() {
        for (program, package) in missing() {
            // One by one: Debian's releases don't have them all.
            let why = format!("the tests exchange mail with {program}");
            if let Err(failure) = apt_install(&[package], &why) {
                eprintln!("{failure}");
            }
        }
    }
    let missing: Vec<&str> = missing().map(|(program, _)| program).collect();
    if !missing.is_empty() {
        eprintln!("NOT CHECKED: mail to and from {}, which can't be found.", missing.join(", "));
    }
}
