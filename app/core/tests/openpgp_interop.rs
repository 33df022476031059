//! Mail between Haven and GnuPG, both ways.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::string_slice, clippy::unwrap_used, reason = "tests")]

use haven_bridge::mail::Mailbox;
use haven_core::{
    identity::SecretCertificate,
    mail::{self, File, KnownCertificate, Letter},
};
use std::{
    fs,
    path::PathBuf,
    process::{Command, Output, Stdio},
};

/// 2026-11-22 in milliseconds.
const NOW: u64 = 1_795_305_600_000;

/// A GnuPG home of its own, gone when dropped.
struct Gpg(PathBuf);

impl Gpg {
    /// Nothing, said loudly, where there is no GnuPG.
    fn new(name: &str) -> Option<Self> {
        use std::os::unix::fs::PermissionsExt as _;
        if Command::new("gpg").arg("--version").stdout(Stdio::null()).status().is_err() {
            println!("NOT CHECKED: {name}: there is no `gpg` here");
            return None;
        }
        let home = std::env::temp_dir().join(format!("haven-gpg-mail-{name}-{}", std::process::id()));
        fs::create_dir_all(&home).unwrap();
        fs::set_permissions(&home, fs::Permissions::from_mode(0o700)).unwrap();
        Some(Self(home))
    }

    fn write(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.0.join(name);
        fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn run(&self, arguments: &[&str]) -> Output {
        Command::new("gpg")
            .arg("--homedir")
            .arg(&self.0)
            .args(["--batch", "--no-tty", "--trust-model", "always", "--faked-system-time", "20261122T000500"])
            .args(arguments)
            .output()
            .unwrap()
    }

    /// What it writes, and what it says.
    fn ok(&self, arguments: &[&str]) -> (Vec<u8>, String) {
        let output = self.run(arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "gpg {arguments:?}: {said}");
        (output.stdout, said)
    }

    /// Makes a key and gives its certificate.
    fn generate(&self, address: &str) -> KnownCertificate {
        self.ok(&["--passphrase", "", "--quick-gen-key", &format!("<{address}>"), "ed25519", "cert,sign", "2y"]);
        let (listing, _) = self.ok(&["--with-colons", "--list-keys", address]);
        let listing = String::from_utf8(listing).unwrap();
        let fingerprint = listing.lines().find_map(|line| line.strip_prefix("fpr:")).unwrap().replace(':', "");
        self.ok(&["--passphrase", "", "--quick-add-key", &fingerprint, "cv25519", "encr", "2y"]);
        KnownCertificate { address: address.into(), certificate: self.ok(&["--export", address]).0 }
    }
}

impl Drop for Gpg {
    fn drop(&mut self) {
        let _ = Command::new("gpgconf").arg("--homedir").arg(&self.0).args(["--kill", "all"]).output();
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn alice() -> SecretCertificate {
    SecretCertificate::generate("alice@example.org", NOW).unwrap().0
}

fn person(name: &str, address: &str) -> Mailbox {
    Mailbox { name: name.into(), address: address.into() }
}

fn letter() -> Letter {
    Letter {
        message_id: "1@example.org".into(),
        date: NOW,
        from: person("Älice", "alice@example.org"),
        to: vec![person("Bob", "bob@example.org")],
        subject: "Grüße aus Köln: ein Betreff, der länger ist als eine Zeile im Kopf einer Nachricht".into(),
        text: "Hällo Bob,\n\ntrailing space \nFrom here on.\n.\n".into(),
        in_reply_to: Some("0@example.org".into()),
        references: vec!["0@example.org".into()],
        files: vec![File {
            name: "Übersicht \"1\".bin".into(),
            media_type: "application/x-test".into(),
            bytes: (0..=255).cycle().take(5000).collect(),
        }],
        ..Letter::default()
    }
}

fn part<'a>(text: &'a str, begin: &str, end: &str) -> &'a str {
    let start = text.find(begin).unwrap();
    let stop = text.find(end).unwrap() + end.len();
    &text[start..stop]
}

#[test]
fn gpg_opens_and_verifies_what_haven_encrypts() {
    let Some(gpg) = Gpg::new("opens") else { return };
    let alice = alice();
    let bob = gpg.generate("bob@example.org");
    let composed = mail::compose(&letter(), &alice, Some(&[bob]), NOW).unwrap();
    gpg.ok(&["--import", &gpg.write("alice.pgp", &alice.public_bytes().unwrap())]);

    let (recipients, message) = &composed.messages[0];
    assert_eq!(recipients, &["bob@example.org"]);
    let message = std::str::from_utf8(message).unwrap();
    let armor = part(message, "-----BEGIN PGP MESSAGE-----", "-----END PGP MESSAGE-----");
    let (payload, said) = gpg.ok(&["--decrypt", &gpg.write("message.asc", armor.as_bytes())]);
    let payload = String::from_utf8(payload).unwrap();
    assert!(said.contains("Good signature from \"<alice@example.org>\""), "{said}");
    assert!(said.contains("using EDDSA key"), "{said}");
    assert!(payload.contains("hp=\"cipher\"") && payload.contains("HP-Outer: Subject: [...]"), "{payload}");
    assert!(!message.contains("Gr=C3") && !message.contains("Betreff"));
}

#[test]
fn gpg_verifies_what_haven_signs_in_the_clear() {
    let Some(gpg) = Gpg::new("verifies") else { return };
    let alice = alice();
    gpg.ok(&["--import", &gpg.write("alice.pgp", &alice.public_bytes().unwrap())]);
    let composed = mail::compose(&letter(), &alice, None, NOW).unwrap();
    let message = String::from_utf8(composed.messages[0].1.clone()).unwrap();
    let boundary = part(&message, "boundary=\"", "\"\r\n\r\n").split('"').nth(1).unwrap().to_owned();
    let parts: Vec<&str> = message.split(&format!("\r\n--{boundary}")).collect();
    let signed = parts[1].strip_prefix("\r\n").unwrap();
    let signature = part(parts[2], "-----BEGIN PGP SIGNATURE-----", "-----END PGP SIGNATURE-----");
    let signature = gpg.write("signature.asc", signature.as_bytes());
    let (_, said) = gpg.ok(&["--verify", &signature, &gpg.write("signed", signed.as_bytes())]);
    assert!(said.contains("Good signature"), "{said}");
    let changed = gpg.write("changed", signed.replace("Bob,", "Eve,").as_bytes());
    assert!(!gpg.run(&["--verify", &signature, &changed]).status.success());
}
