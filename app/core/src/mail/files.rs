//! Attachments that are encrypted or signed by themselves, as programs without PGP/MIME send them: `plan.pdf.pgp`, or
//! `plan.pdf` with `plan.pdf.sig` beside it.

use super::{
    Error, content,
    decrypt::{self, Plain, Refusal, Verdict},
    mime::Part,
    open::{Reader, View, parse, unseal},
    opened::Keys,
};
use crate::Millis;
use haven_bridge::mail::{FileLock, OpenedFile};

/// What encrypted files end with.
const ENCRYPTED: [&str; 3] = [".pgp", ".gpg", ".asc"];
/// What signatures beside a file end with.
const SIGNATURES: [&str; 2] = [".sig", ".asc"];

/// An attachment of a mailbox's entry, opened as far as it is encrypted by itself.
pub fn opened_attachment(body: &[u8], part: u32, keys: &Keys<'_>, now: Millis) -> Result<OpenedFile, Error> {
    let raw = unseal(body, keys)?;
    let mail = parse(&raw).map_err(|_| Error::NoSuchPart)?;
    let reader = Reader::new(keys, now);
    reader.look(&mail, |view| {
        let found = view.attachment(part).ok_or(Error::NoSuchPart)?;
        let name = content::name(part, found);
        let file = reader.open_file(found, name)?;
        let verdicts = if file.verdicts.is_empty() { reader.beside(view, &file) } else { file.verdicts };
        let signature = reader.signed(&mail, view, &verdicts);
        Ok(OpenedFile { name: file.name, bytes: file.bytes, lock: file.lock, signature })
    })
}

struct Open {
    name: String,
    bytes: Vec<u8>,
    lock: FileLock,
    verdicts: Vec<Verdict>,
}

impl Reader<'_> {
    fn open_file(&self, part: &Part<'_>, name: String) -> Result<Open, Error> {
        let bytes = part.decoded().into_owned();
        let Some(inner) = without_ending(&name, &ENCRYPTED).filter(|_| !part.is("application/pgp-keys"))
        else {
            return Ok(Open { name, bytes, lock: FileLock::None, verdicts: Vec::new() });
        };
        match decrypt::open(&bytes, &self.keys, &self.judge) {
            Ok(Plain { bytes, verdicts, encrypted }) => {
                let lock = if encrypted { FileLock::Opened } else { FileLock::None };
                Ok(Open { name: inner.to_owned(), bytes, lock, verdicts })
            }
            Err(Refusal::TooMuch(_)) => Err(Error::TooLarge),
            Err(refusal) => {
                let lock = match refusal {
                    Refusal::NoKey => FileLock::NoKey,
                    _ if decrypt::is_encrypted(&bytes) => FileLock::NotIntact,
                    // A certificate, a signature, or something else under such a name.
                    _ => FileLock::None,
                };
                Ok(Open { name, bytes, lock, verdicts: Vec::new() })
            }
        }
    }

    /// The signatures that another attachment holds for a file.
    fn beside(&self, view: &View<'_>, file: &Open) -> Vec<Verdict> {
        let signs = |part: &&Part<'_>| {
            let name = content::name(0, part);
            without_ending(&name, &SIGNATURES) == Some(file.name.as_str())
        };
        let all = content::attachments(view.payload);
        let signatures = all.iter().copied().filter(signs).map(Part::decoded);
        let signatures = signatures.filter(|signature| decrypt::is_signature(signature));
        signatures.flat_map(|found| decrypt::verify(&found, &file.bytes, &self.keys, &self.judge)).collect()
    }
}

/// A file's name without one of these endings; nothing if it has none.
fn without_ending<'n>(name: &'n str, endings: &[&str]) -> Option<&'n str> {
    let (start, end) = name.split_at_checked(name.len().checked_sub(4)?)?;
    let ends = endings.iter().any(|ending| ending.eq_ignore_ascii_case(end));
    (ends && !start.is_empty()).then_some(start)
}
