//! A deliberate look at what was refused, because it isn't protected against changes or was changed.
//!
//! Whoever carries such a mail can have put it together from pieces, the reader's own secrets among them. What makes that
//! dangerous is what a program does with it by itself: fetch, link, run, send back. So what comes out here is plain text,
//! for the eye alone. It is not stored, and no answer quotes it.

use super::{
    Error, content, decrypt,
    envelope::{self, Envelope},
    mime,
    open::{parse, unseal},
    opened::Keys,
};

/// What is read of such a mail, in bytes.
const MAX_UNCHECKED: usize = 512 * 1024;

/// The text of a mailbox's entry that is encrypted and was refused. Nothing if it can't be decrypted at all.
pub fn unchecked_text(body: &[u8], keys: &Keys<'_>) -> Result<Option<String>, Error> {
    let raw = unseal(body, keys)?;
    let Ok(mail) = parse(&raw) else { return Ok(None) };
    let message = match envelope::find(&mail) {
        Envelope::Encrypted(message) => message.into_owned(),
        Envelope::InlineEncrypted { message, .. } => message,
        Envelope::None | Envelope::Signed { .. } | Envelope::InlineSigned { .. } => return Ok(None),
    };
    Ok(decrypt::open_unchecked(&message, MAX_UNCHECKED, keys).map(|bytes| text(&bytes)))
}

/// The text of a MIME part; of anything else, and of one without text, all that it says.
fn text(bytes: &[u8]) -> String {
    let part = mime::parse(bytes).ok().filter(|part| !part.fields.is_empty());
    let text = part.map(|part| content::of(&part).text).filter(|text| !text.trim().is_empty());
    text.unwrap_or_else(|| String::from_utf8_lossy(bytes).into_owned())
}
