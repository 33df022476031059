//! Certificates in header fields: Autocrypt Level 1.
//!
//! The writer's own certificate goes out with every mail, and inside an encrypted mail to several people the
//! certificates of the others, so that everybody can answer all. What comes in is only read here; nobody vouches for it.

use super::{certificates::Judge, fields::Field};
use crate::identity::SecretCertificate;
use encodify::base64;
use haven_bridge::mail::Mailbox;
use mail_builder::headers::{HeaderType, raw::Raw};
use sequoia_openpgp::Cert;

/// A whole field, in bytes, as Autocrypt has it.
const MAX_FIELD: usize = 10 * 1024;

/// The writer's certificate. Nothing if it is too large for the field.
pub(super) fn own(sender: &SecretCertificate, address: &str, judge: &Judge<'_>) -> Option<Field<'static>> {
    let value = field(address, "prefer-encrypt=mutual; ", &judge.minimal(sender.cert(), address)?)?;
    Some(("Autocrypt", value))
}

/// The certificate of another recipient.
pub(super) fn gossip(to: &Mailbox, cert: &Cert, judge: &Judge<'_>) -> Option<Field<'static>> {
    let value = field(&to.address, "", &judge.minimal(cert, &to.address)?)?;
    Some(("Autocrypt-Gossip", value))
}

fn field(address: &str, preference: &str, certificate: &[u8]) -> Option<HeaderType<'static>> {
    // The spaces are where the field is folded.
    let encoded = base64::MIME.encode(certificate).trim_end().replace("\r\n", " ");
    let value = format!("addr={address}; {preference}keydata= {encoded}");
    (value.len() < MAX_FIELD).then(|| Raw::new(value).into())
}
