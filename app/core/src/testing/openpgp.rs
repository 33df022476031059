//! OpenPGP alone, without MIME, for benchmarks beside other implementations.

use crate::{
    Millis,
    identity::SecretCertificate,
    mail::{self, Keys, Sealing},
};
use sequoia_openpgp::{Cert, parse::Parse as _, policy::StandardPolicy};

/// Signs a message and begins to encrypt it.
pub fn begin(
    payload: &[u8],
    sender: &SecretCertificate,
    recipients: &[&SecretCertificate],
    now: Millis,
) -> Sealing {
    let recipients: Vec<&Cert> = recipients.iter().map(|person| person.cert()).collect();
    mail::begin_message(payload, sender, &recipients, now).expect("usable certificates")
}

/// Finishes it, in ASCII armor or binary.
pub fn finish(sealing: Sealing, armored: bool) -> Vec<u8> {
    mail::finish_message(sealing, armored).expect("a message")
}

/// Opens a message that has one good signature.
pub fn open(message: &[u8], keys: &Keys<'_>, now: Millis) -> Vec<u8> {
    mail::open_message(message, keys, now).expect("a message with a good signature")
}

/// Reads a certificate. Gives the numbers of its User IDs and its keys.
pub fn read(certificate: &[u8]) -> (usize, usize) {
    let cert = Cert::from_bytes(certificate).expect("a certificate");
    (cert.userids().count(), cert.keys().count())
}

/// Reads a certificate and verifies its self-signatures. Gives the numbers of good User IDs and keys.
pub fn verify(certificate: &[u8]) -> (usize, usize) {
    let cert = Cert::from_bytes(certificate).expect("a certificate");
    let policy = StandardPolicy::new();
    let valid = cert.with_policy(&policy, None).expect("a valid certificate");
    (valid.userids().count(), valid.keys().count())
}
