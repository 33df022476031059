//! People who write each other, and what the relay does with their mail.

use haven_bridge::mail::Mailbox;
use haven_core::{
    identity::SecretCertificate,
    mail::{self, Composed, File, Keys, KnownCertificate, Letter, Opened},
};
use sequoia_openpgp::{
    Cert,
    parse::Parse as _,
    policy::StandardPolicy,
    serialize::stream::{Encryptor, LiteralWriter, Message},
};
use std::{
    io::Write as _,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// 2026-11-22 12:00 UTC in milliseconds.
pub const NOW: u64 = 1_795_348_800_000;

/// The same, as Sequoia wants it.
pub fn clock() -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(NOW)
}

/// What the relay writes above a mail whose sender's domain vouches for it.
pub const ARRIVED: &str = "Received: from mx.example.org (mx.example.org [192.0.2.1]) by relay.example with ESMTPS;\r\n \
                           Sun, 22 Nov 2026 12:00:05 +0000\r\n\
                           Authentication-Results: relay.example; dmarc=pass header.from=example.org\r\n";

pub fn person(name: &str) -> SecretCertificate {
    SecretCertificate::generate(&format!("{name}@example.org"), NOW).unwrap().0
}

pub fn known(secret: &SecretCertificate) -> KnownCertificate {
    KnownCertificate { address: secret.address().into(), certificate: secret.public_bytes().unwrap() }
}

pub fn mailbox(name: &str, address: &str) -> Mailbox {
    Mailbox { name: name.into(), address: address.into() }
}

/// A letter from Alice to Bob.
pub fn letter() -> Letter {
    Letter {
        message_id: "1@example.org".into(),
        date: NOW,
        from: mailbox("Alice", "alice@example.org"),
        to: vec![mailbox("Bob", "bob@example.org")],
        subject: "Lunch".into(),
        text: "Twelve o'clock?\n".into(),
        ..Letter::default()
    }
}

pub fn file(name: &str, media_type: &str, bytes: &[u8]) -> File {
    File { name: name.into(), media_type: media_type.into(), bytes: bytes.into() }
}

/// Composes for the people given.
pub fn compose(letter: &Letter, sender: &SecretCertificate, recipients: &[&SecretCertificate]) -> Composed {
    let known: Vec<_> = recipients.iter().map(|recipient| known(recipient)).collect();
    mail::compose(letter, sender, Some(&known), NOW).unwrap()
}

/// The message for the first group of recipients.
pub fn message(composed: &Composed) -> String {
    String::from_utf8(composed.messages[0].1.clone()).unwrap()
}

/// Opens a mail as `reader`, who knows `others`.
pub fn open(raw: impl AsRef<[u8]>, reader: &SecretCertificate, others: &[&SecretCertificate]) -> Opened {
    let known: Vec<_> = others.iter().map(|other| known(other)).collect();
    mail::open_mail(raw.as_ref(), &Keys { own: std::slice::from_ref(reader), known: &known }, NOW)
}

/// Encrypts as the relay does when a mail arrives.
pub fn seal(raw: &[u8], owner: &SecretCertificate) -> Vec<u8> {
    let cert = Cert::from_bytes(&owner.public_bytes().unwrap()).unwrap();
    encrypt(raw, &cert)
}

/// Encrypts to all keys of a certificate that can be encrypted to, without signing.
pub fn encrypt(raw: &[u8], cert: &Cert) -> Vec<u8> {
    let policy = StandardPolicy::at(clock());
    let keys = cert.keys().with_policy(&policy, clock()).for_transport_encryption();
    let mut out = Vec::new();
    let message = Encryptor::for_recipients(Message::new(&mut out), keys).build().unwrap();
    let mut message = LiteralWriter::new(message).build().unwrap();
    message.write_all(raw).unwrap();
    message.finalize().unwrap();
    out
}
