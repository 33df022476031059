//! Composing: from a letter to the messages that are sent.
//!
//! Everything that the reader sees is in one part, the Cryptographic Payload: header fields, text and files. Its root is
//! always `multipart/mixed`, because Thunderbird looks for protected header fields nowhere else. Around it is either
//! PGP/MIME encryption (RFC 3156) or, where somebody has no certificate and the person decided so, a detached
//! signature. RFC 9788 says how the header fields outside relate to those inside.
//!
//! What holds for every message that comes out: ASCII alone, CRLF, lines of at most 998 bytes, no field that the
//! sender didn't mean.

use super::{
    Composed, Error, File, KnownCertificate, Letter, autocrypt,
    certificates::{self, Judge},
    encrypt,
    fields::{self, Field},
    marks,
    sealing::Sealing,
};
use crate::{Millis, identity::SecretCertificate};
use haven_bridge::mail::Mailbox;
use haven_wire::limits::MAX_MAIL;
use mail_builder::{
    headers::content_type::ContentType,
    mime::{BodyPart, MimePart},
};
use sequoia_openpgp::Cert;

/// The first part of an encrypted message, whole.
const CONTROL: &str = "Content-Type: application/pgp-encrypted\r\n\
                       Content-Description: PGP/MIME version identification\r\n\r\n\
                       Version: 1\r\n";
/// The header of the second one.
const ENCRYPTED: &str = "Content-Type: application/octet-stream; name=\"encrypted.asc\"\r\n\
                         Content-Disposition: inline; filename=\"encrypted.asc\"\r\n\r\n";
/// The header of a signature.
const SIGNATURE: &str = "Content-Type: application/pgp-signature; name=\"signature.asc\"\r\n\
                         Content-Description: OpenPGP digital signature\r\n\
                         Content-Disposition: attachment; filename=\"signature.asc\"\r\n\r\n";

/// Makes the messages for a letter.
///
/// With certificates, there has to be one for the address of each recipient, and every message is encrypted to its
/// recipients and the sender: one message for To and Cc, and one for each Bcc, so that nobody learns of the others.
/// Without certificates, one message goes to everybody in the clear, signed.
pub fn compose(
    letter: &Letter,
    sender: &SecretCertificate,
    certificates: Option<&[KnownCertificate]>,
    now: Millis,
) -> Result<Composed, Error> {
    begin(letter, sender, certificates, now)?.finish()
}

/// Begins what [`compose`] does, up to the cipher, which may run elsewhere.
pub fn begin(
    letter: &Letter,
    sender: &SecretCertificate,
    certificates: Option<&[KnownCertificate]>,
    now: Millis,
) -> Result<Composing, Error> {
    fields::check(letter)?;
    let judge = Judge::new(now);
    match certificates {
        Some(known) => encrypted(letter, sender, known, &judge),
        None => clear(letter, sender, &judge),
    }
}

/// A mail that is being composed.
pub struct Composing {
    messages: Vec<Message>,
    encrypted: bool,
}

/// A message and its recipients.
struct Message {
    recipients: Vec<String>,
    /// What comes before the encrypted part.
    bytes: Vec<u8>,
    /// The encrypted part, and what comes after it.
    sealing: Option<(Sealing, String)>,
}

impl Composing {
    /// What is being encrypted.
    pub fn sealings(&mut self) -> impl Iterator<Item = &mut Sealing> {
        self.messages.iter_mut().filter_map(|message| Some(&mut message.sealing.as_mut()?.0))
    }

    /// Finishes the messages.
    pub fn finish(self) -> Result<Composed, Error> {
        let mut messages = Vec::with_capacity(self.messages.len());
        let mut size = 0;
        for Message { recipients, mut bytes, sealing } in self.messages {
            if let Some((sealing, after)) = sealing {
                encrypt::armored(sealing, &mut bytes)?;
                bytes.extend_from_slice(after.as_bytes());
            }
            size += bytes.len();
            if size > MAX_MAIL {
                return Err(Error::TooLarge);
            }
            messages.push((recipients, bytes));
        }
        Ok(Composed { messages, kept: 0, encrypted: self.encrypted })
    }
}

fn encrypted(
    letter: &Letter,
    sender: &SecretCertificate,
    known: &[KnownCertificate],
    judge: &Judge<'_>,
) -> Result<Composing, Error> {
    let certs = find(letter, known)?;
    let open = letter.to.len() + letter.cc.len();
    let (all, blind) = certs.split_at_checked(open).ok_or(Error::Bug("a recipient without a certificate"))?;
    let inside = fields::of(letter);
    let outside = fields::outside(&inside);
    let payload = encrypted_payload(letter, inside, &outside, all, judge)?;

    let mut messages = Vec::new();
    let groups = [all].into_iter().filter(|all| !all.is_empty()).chain(blind.chunks(1));
    for group in groups {
        let first = messages.iter().map(|message: &Message| message.recipients.len()).sum::<usize>();
        let certs: Vec<&Cert> = group.iter().map(|(_, cert)| cert).collect();
        let sealing = encrypt::begin(&payload, sender, &certs, judge).map_err(|error| match error {
            Error::NotEncryptable(number) => Error::NotEncryptable(first + number),
            other => other,
        })?;
        let (bytes, after) = envelope(&outside, payload.len(), sender, &letter.from.address, judge)?;
        let recipients = group.iter().map(|(to, _)| to.address.clone()).collect();
        messages.push(Message { recipients, bytes, sealing: Some((sealing, after)) });
    }
    Ok(Composing { messages, encrypted: true })
}

/// The certificate of each recipient, in the order of To, Cc and Bcc.
fn find<'l>(letter: &'l Letter, known: &[KnownCertificate]) -> Result<Vec<(&'l Mailbox, Cert)>, Error> {
    let recipients = letter.to.iter().chain(&letter.cc).chain(&letter.bcc);
    let find = |(number, recipient): (usize, &'l Mailbox)| {
        let mut fitting = known.iter().filter(|known| known.address.eq_ignore_ascii_case(&recipient.address));
        let cert = fitting.find_map(|known| certificates::read(&known.certificate));
        cert.map(|cert| (recipient, cert)).ok_or(Error::NotEncryptable(number))
    };
    recipients.enumerate().map(find).collect()
}

/// What is encrypted: the fields, what stands outside, the other recipients' certificates, text and files.
fn encrypted_payload<'l>(
    letter: &'l Letter,
    mut inside: Vec<Field<'l>>,
    outside: &[Field<'l>],
    all: &[(&Mailbox, Cert)],
    judge: &Judge<'_>,
) -> Result<Vec<u8>, Error> {
    inside.extend(outside.iter().map(fields::outer));
    if all.len() > 1 {
        let gossip = |(to, cert): &(&Mailbox, Cert)| autocrypt::gossip(to, cert, judge);
        inside.extend(all.iter().filter_map(gossip));
    }
    payload(letter, inside, "cipher")
}

/// PGP/MIME around an encrypted payload of about this size: what comes before it, and after it.
fn envelope(
    outside: &[Field<'_>],
    size: usize,
    sender: &SecretCertificate,
    address: &str,
    judge: &Judge<'_>,
) -> Result<(Vec<u8>, String), Error> {
    let mut out = Vec::with_capacity(size / 2 * 3 + 8192);
    write_head(outside, sender, address, judge, &mut out);
    let boundary = boundary()?;
    let kind = ContentType::new("multipart/encrypted")
        .attribute("protocol", "application/pgp-encrypted")
        .attribute("boundary", boundary.as_str());
    fields::write(&[("Content-Type", kind.into())], &mut out);
    out.extend_from_slice(format!("\r\n--{boundary}\r\n{CONTROL}\r\n--{boundary}\r\n{ENCRYPTED}").as_bytes());
    Ok((out, format!("\r\n--{boundary}--\r\n")))
}

fn clear(letter: &Letter, sender: &SecretCertificate, judge: &Judge<'_>) -> Result<Composing, Error> {
    let protected = fields::of(letter);
    let mut out = Vec::new();
    write_head(&protected, sender, &letter.from.address, judge, &mut out);
    let payload = payload(letter, protected, "clear")?;
    let boundary = boundary()?;
    let kind = ContentType::new("multipart/signed")
        .attribute("micalg", "pgp-sha512")
        .attribute("protocol", "application/pgp-signature")
        .attribute("boundary", boundary.as_str());
    fields::write(&[("Content-Type", kind.into())], &mut out);
    out.extend_from_slice(format!("\r\n--{boundary}\r\n").as_bytes());
    out.extend_from_slice(&payload);
    out.extend_from_slice(format!("\r\n--{boundary}\r\n{SIGNATURE}").as_bytes());
    encrypt::sign(&payload, sender, judge, &mut out)?;
    out.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    let everybody = letter.to.iter().chain(&letter.cc).chain(&letter.bcc);
    let recipients = everybody.map(|mailbox| mailbox.address.clone()).collect();
    Ok(Composing { messages: vec![Message { recipients, bytes: out, sealing: None }], encrypted: false })
}

/// The fields outside.
fn write_head(
    fields: &[Field<'_>],
    sender: &SecretCertificate,
    address: &str,
    judge: &Judge<'_>,
    out: &mut Vec<u8>,
) {
    fields::write(fields, out);
    if let Some(own) = autocrypt::own(sender, address, judge) {
        fields::write(&[own], out);
    }
    out.extend_from_slice(b"MIME-Version: 1.0\r\n");
}

/// The Cryptographic Payload. `mode` is RFC 9788's `hp`; `protected-headers` says the same to older programs.
fn payload(letter: &Letter, protected: Vec<Field<'_>>, mode: &str) -> Result<Vec<u8>, Error> {
    let kind = ContentType::new("multipart/mixed")
        .attribute("boundary", boundary()?)
        .attribute("protected-headers", "v1")
        .attribute("hp", mode.to_owned());
    let mut parts = vec![body(letter)?];
    parts.extend(letter.files.iter().map(attachment));
    let mut root = MimePart::new(kind, parts);
    root.headers.extend(protected.into_iter().map(|(name, value)| (name.into(), value)));
    let mut out = Vec::new();
    root.write_part(&mut out);
    Ok(out)
}

/// The text, and its HTML if it is formatted. Programs show the last form that they know.
fn body(letter: &Letter) -> Result<MimePart<'_>, Error> {
    let text = MimePart::new("text/plain", letter.text.as_str());
    let Some(html) = letter.formatted.then(|| marks::formatted(&letter.text)).flatten() else {
        return Ok(text);
    };
    let kind = ContentType::new("multipart/alternative").attribute("boundary", boundary()?);
    Ok(MimePart::new(kind, vec![text, MimePart::new("text/html", html)]))
}

fn attachment(file: &File) -> MimePart<'_> {
    let name = fields::name(&file.name);
    let kind = ContentType::new(media_type(&file.media_type)).attribute("name", name.clone());
    MimePart::new(kind, BodyPart::Binary(file.bytes.as_slice().into())).attachment(name)
}

/// The media type of an attachment. Types that must not be encoded, and what is none, become plain bytes.
fn media_type(given: &str) -> String {
    let token = |text: &str| {
        !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "!#$&-^_.+".contains(c))
    };
    match given.to_ascii_lowercase().split_once('/') {
        Some((kind, subtype))
            if token(kind) && token(subtype) && !matches!(kind, "message" | "multipart") =>
        {
            format!("{kind}/{subtype}")
        }
        _ => "application/octet-stream".to_owned(),
    }
}

/// A boundary that stands in no part: nobody can guess it.
fn boundary() -> Result<String, Error> {
    let mut random = [0; 16];
    sequoia_openpgp::crypto::random(&mut random).map_err(|_| Error::Bug("no randomness"))?;
    Ok(format!("=_{}", hex::encode(random)))
}
