//! Certificates in header fields: Autocrypt Level 1.
//!
//! The writer's own certificate goes out with every mail, and inside an encrypted mail to several people the
//! certificates of the others, so that everybody can answer all. What comes in is only read here; nobody vouches for it.

use super::{
    certificates::Judge,
    fields::Field,
    mime::Part,
    opened::{Offer, OfferedKey},
};
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

/// The certificate that the writer of a mail offers. With several fields, or several writers, none counts.
pub(super) fn offered(header: &Part<'_>, writer: &[Mailbox]) -> Option<OfferedKey> {
    let [writer] = writer else { return None };
    let mut offers = header.all("Autocrypt").filter_map(|field| Offered::read(field.raw));
    let mut fitting = offers.by_ref().filter(|offer| offer.address.eq_ignore_ascii_case(&writer.address));
    match (fitting.next(), fitting.next()) {
        (Some(offer), None) => Some(offer.key(|prefers| Offer::Autocrypt { prefer_encrypt: prefers })),
        _ => None,
    }
}

/// The certificates of other recipients, from an encrypted part.
pub(super) fn gossiped(payload: &Part<'_>, recipients: &[Mailbox]) -> Vec<OfferedKey> {
    let offers =
        payload.all("Autocrypt-Gossip").take(recipients.len()).filter_map(|field| Offered::read(field.raw));
    let is_recipient =
        |offer: &Offered| recipients.iter().any(|to| to.address.eq_ignore_ascii_case(&offer.address));
    offers.filter(is_recipient).map(|offer| offer.key(|_| Offer::Gossip)).collect()
}

/// What a field says.
struct Offered {
    address: String,
    prefers: bool,
    certificate: Vec<u8>,
}

impl Offered {
    /// Reads a field. One with an attribute that isn't known, and doesn't say that this doesn't matter, says nothing.
    fn read(raw: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(raw).ok().filter(|text| text.len() < MAX_FIELD)?;
        let mut found = Self { address: String::new(), prefers: false, certificate: Vec::new() };
        for attribute in text.split(';').map(str::trim).filter(|attribute| !attribute.is_empty()) {
            let (name, value) = attribute.split_once('=')?;
            match name.trim() {
                "addr" => found.address = value.trim().to_owned(),
                "prefer-encrypt" => found.prefers = value.trim() == "mutual",
                "keydata" => found.certificate = base64::MIME.decode(value).ok()?,
                other if other.starts_with('_') => {}
                _ => return None,
            }
        }
        (!found.address.is_empty() && !found.certificate.is_empty()).then_some(found)
    }

    fn key(self, how: impl FnOnce(bool) -> Offer) -> OfferedKey {
        OfferedKey { address: self.address, certificate: self.certificate, how: how(self.prefers) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(field: &str) -> Option<Offered> {
        Offered::read(field.as_bytes())
    }

    #[test]
    fn a_field_with_what_is_not_understood_says_nothing() {
        let good = offer(" addr=a@example.org; prefer-encrypt=mutual;\r\n keydata=AA\r\n AA").unwrap();
        assert_eq!(
            (good.address.as_str(), good.prefers, good.certificate),
            ("a@example.org", true, vec![0, 0, 0])
        );
        assert!(offer("addr=a@example.org; _more=1; keydata=AAAA").is_some());
        for bad in [
            "addr=a@example.org; more=1; keydata=AAAA",
            "addr=a@example.org",
            "keydata=AAAA",
            "addr=a@example.org; keydata=?",
            "",
            &format!("addr=a@example.org; keydata={}", "A".repeat(MAX_FIELD)),
        ] {
            assert!(offer(bad).is_none(), "{bad}");
        }
    }
}
