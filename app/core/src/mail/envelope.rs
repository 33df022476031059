//! Where a mail's protected part is: its Cryptographic Envelope (RFC 9787).
//!
//! Whoever carries a mail can wrap anything around an encrypted part. So there is one rule: what is encrypted or signed
//! is shown alone, and nothing that stood beside it.

use super::mime::Part;
use std::borrow::Cow;

const BEGIN_MESSAGE: &[u8] = b"-----BEGIN PGP MESSAGE-----";
const END_MESSAGE: &[u8] = b"-----END PGP MESSAGE-----";
const BEGIN_SIGNED: &[u8] = b"-----BEGIN PGP SIGNED MESSAGE-----";
const END_SIGNED: &[u8] = b"-----END PGP SIGNATURE-----";

/// How a mail is protected.
pub(super) enum Envelope<'m> {
    /// It isn't.
    None,
    /// PGP/MIME: an OpenPGP message around a MIME part.
    Encrypted(Cow<'m, [u8]>),
    /// PGP/MIME: a part, and a signature over its exact bytes.
    Signed {
        /// The part.
        payload: &'m Part<'m>,
        /// The signature.
        signature: Cow<'m, [u8]>,
    },
    /// An armored message in the text.
    InlineEncrypted {
        /// The part that it stands in.
        part: &'m Part<'m>,
        /// The message.
        message: Vec<u8>,
    },
    /// A text with a cleartext signature.
    InlineSigned {
        /// The part that it stands in.
        part: &'m Part<'m>,
        /// The text with its signature.
        message: Vec<u8>,
    },
}

/// Finds out how a mail is protected.
pub(super) fn find<'m>(root: &'m Part<'m>) -> Envelope<'m> {
    if let Some(data) = encrypted(root) {
        Envelope::Encrypted(data.decoded())
    } else if let Some((payload, signature)) = signed(root) {
        Envelope::Signed { payload, signature: signature.decoded() }
    } else {
        inline(root).unwrap_or(Envelope::None)
    }
}

/// The encrypted part: in the structure of RFC 3156, in what Exchange makes of it ("mixed up": the type became
/// `multipart/mixed`, an empty text came before the two parts), or in what a mailing list makes of it (the
/// whole structure became the first of several parts).
fn encrypted<'m>(root: &'m Part<'m>) -> Option<&'m Part<'m>> {
    if root.is("multipart/encrypted") {
        return root.children.iter().find(|part| is_data(part));
    }
    if !root.is("multipart/mixed") {
        return None;
    }
    if let Some(first) = root.children.first().filter(|first| first.is("multipart/encrypted")) {
        return encrypted(first);
    }
    let control = root.children.iter().position(|part| part.is("application/pgp-encrypted"))?;
    root.children.get(control + 1).filter(|part| is_data(part))
}

fn is_data(part: &Part<'_>) -> bool {
    part.is("application/octet-stream") || part.is("application/pgp-encrypted") && is_armored(part.body)
}

fn is_armored(body: &[u8]) -> bool {
    body.trim_ascii_start().starts_with(BEGIN_MESSAGE)
}

/// The part that is signed, and the signature.
pub(super) fn signed<'m>(root: &'m Part<'m>) -> Option<(&'m Part<'m>, &'m Part<'m>)> {
    let pair = match root.children.as_slice() {
        [payload, signature] if root.is("multipart/signed") => Some((payload, signature)),
        // A mailing list has added its own text.
        [first, ..] if root.is("multipart/mixed") && first.is("multipart/signed") => signed(first),
        _ => None,
    };
    pair.filter(|(_, signature)| signature.is("application/pgp-signature"))
}

fn inline<'m>(root: &'m Part<'m>) -> Option<Envelope<'m>> {
    let part = first_text(root)?;
    let text = part.decoded();
    if let Some(message) = cut(&text, BEGIN_MESSAGE, END_MESSAGE) {
        return Some(Envelope::InlineEncrypted { part, message });
    }
    cut(&text, BEGIN_SIGNED, END_SIGNED).map(|message| Envelope::InlineSigned { part, message })
}

/// The first text that is no attachment.
fn first_text<'m>(part: &'m Part<'m>) -> Option<&'m Part<'m>> {
    if part.children.is_empty() {
        let attached = part.disposition().is_some_and(|disposition| disposition.is_attachment());
        return (part.is("text/plain") && !attached).then_some(part);
    }
    part.children.iter().find_map(first_text)
}

/// What is between two lines, with them. Bytes, because a signature doesn't know of charsets.
fn cut(text: &[u8], begin: &[u8], end: &[u8]) -> Option<Vec<u8>> {
    let lines = text.split_inclusive(|byte| *byte == b'\n');
    let mut found = Vec::new();
    for line in lines.skip_while(|line| line.trim_ascii_end() != begin) {
        found.extend_from_slice(line);
        if line.trim_ascii_end() == end {
            return Some(found);
        }
    }
    None
}
