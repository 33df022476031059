//! Which certificate a person may publish in place of the one that the directory holds: another state of the same one.
//!
//! The relay vouches for nothing here: clients pin and judge certificates themselves. It keeps a stolen session from
//! replacing a certificate, and everybody from publishing what nobody could use.

use crate::mail::arrival;
use sequoia_openpgp::{
    Cert, cert::CertParser, cert::ValidCert, parse::Parse as _, policy::StandardPolicy,
    types::RevocationStatus,
};
use std::time::SystemTime;

/// Packets in a certificate.
const MAX_PACKETS: usize = 500;

/// Says what is wrong with `new` as a successor of `held`, for the person with this address.
pub fn check_update(held: &[u8], new: &[u8], address: &str) -> Result<(), &'static str> {
    let now = SystemTime::now();
    let new_bytes = new;
    let new = read(new).ok_or("the certificate can't be read")?;
    if new.is_tsk() {
        return Err("the certificate holds secret keys");
    }
    if let Some(held) = read(held) {
        follows(&held, &new, now)?;
    }
    if is_revoked(&new, now) {
        return Ok(());
    }
    let policy = StandardPolicy::new();
    let valid = new.with_policy(&policy, now).map_err(|_| "the certificate has no valid self-signature")?;
    if !names(&valid, address) {
        return Err("the certificate is for another address");
    }
    arrival::encrypt(new_bytes, &[]).map(drop).map_err(|_| "the certificate can't encrypt")
}

#[expect(clippy::disallowed_methods, reason = "what it brings along is a burden for browsers alone")]
fn names(valid: &ValidCert<'_>, address: &str) -> bool {
    let mut emails =
        valid.userids().revoked(false).filter_map(|userid| userid.userid().email().ok().flatten());
    emails.any(|email| email.eq_ignore_ascii_case(address))
}

/// It is the same certificate, not older, and still revoked if it was.
fn follows(held: &Cert, new: &Cert, now: SystemTime) -> Result<(), &'static str> {
    if held.fingerprint() != new.fingerprint() {
        Err("it is another certificate")
    } else if is_revoked(held, now) && !is_revoked(new, now) {
        Err("a revocation can't be taken back")
    } else if newest(held) > newest(new) {
        Err("the certificate is older than the one that is published")
    } else {
        Ok(())
    }
}

fn read(bytes: &[u8]) -> Option<Cert> {
    let mut certs = CertParser::from_bytes(bytes).ok()?;
    let cert = certs.next()?.ok()?;
    let small = cert.clone().into_packets().count() <= MAX_PACKETS;
    (small && certs.next().is_none()).then_some(cert)
}

fn is_revoked(cert: &Cert, now: SystemTime) -> bool {
    matches!(cert.revocation_status(&StandardPolicy::new(), now), RevocationStatus::Revoked(_))
}

/// When the primary key last signed a User ID.
fn newest(cert: &Cert) -> Option<SystemTime> {
    let signatures = cert.userids().flat_map(|userid| userid.self_signatures());
    signatures.filter_map(|signature| signature.signature_creation_time()).max()
}
