//! Work on mail that is done outside the engine, because it takes long: opening what arrived, composing what is sent.
//!
//! It is a pure function of what is in it. Natively it is done in place; in a browser a worker of its own does it, so
//! that chats go on meanwhile.

use crate::{
    Millis,
    identity::{Fingerprint, Secret, SecretCertificate},
    mail::{
        self, Composed, Composing, FetchedPicture, Keys, KnownCertificate, Letter, Offer, OfferedKey, Opened,
        Pictured, certificates,
    },
};
use haven_bridge::mail::{OpenedFile, SenderCheck, Signature};
use haven_wire::mail::EntryKind;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use std::collections::BTreeMap;

/// The certificates of addresses.
pub type Pins = BTreeMap<String, Fingerprint>;

/// Work to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Work {
    /// The person's certificate with its secret keys.
    pub own: Secret,
    /// The time.
    pub now: Millis,
    /// What to do.
    pub task: Task,
}

/// What to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Task {
    /// Open entries of the mailbox.
    Open {
        /// Their kinds and bodies.
        entries: Vec<(EntryKind, ByteBuf)>,
        /// Certificates to verify with.
        known: Vec<KnownCertificate>,
        /// Which certificates addresses have to have, known or not.
        pins: Pins,
    },
    /// Make a mail.
    Compose {
        /// What it says.
        letter: Box<Letter>,
        /// A certificate for each recipient; nothing: in the clear.
        certificates: Option<Vec<KnownCertificate>>,
        /// Where files of the letter come from that have no bytes in it.
        forwarded: Option<Forwarded>,
    },
    /// Take an attachment out of an entry.
    Attachment {
        /// The entry's body.
        #[serde(with = "serde_bytes")]
        body: Vec<u8>,
        /// The attachment's number.
        part: u32,
        /// Certificates to verify with.
        known: Vec<KnownCertificate>,
    },
    /// Show an entry's HTML with pictures from elsewhere.
    Pictures {
        /// The entry's body.
        #[serde(with = "serde_bytes")]
        body: Vec<u8>,
        /// The pictures.
        fetched: Vec<FetchedPicture>,
    },
    /// Give an entry's mail as it came.
    Source {
        /// The entry's body.
        #[serde(with = "serde_bytes")]
        body: Vec<u8>,
    },
    /// Read the text of an entry that was refused as not intact.
    Unchecked {
        /// The entry's body.
        #[serde(with = "serde_bytes")]
        body: Vec<u8>,
    },
    /// Show how a formatted text looks.
    Preview {
        /// The text.
        text: String,
    },
}

/// A mail whose attachments are sent on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Forwarded {
    /// The body of its entry in the mailbox.
    #[serde(with = "serde_bytes")]
    pub body: Vec<u8>,
    /// Which file of the letter is which attachment of it.
    pub parts: Vec<(usize, u32)>,
}

/// What came out.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Outcome {
    /// Of [`Task::Open`]: one for each entry.
    Opened(Vec<OpenedEntry>),
    /// Of [`Task::Compose`].
    Composed(Composed),
    /// Of [`Task::Attachment`].
    File(OpenedFile),
    /// Of [`Task::Pictures`].
    Pictures(Pictured),
    /// Of [`Task::Source`].
    Source(ByteBuf),
    /// Of [`Task::Unchecked`]. Nothing: it can't be decrypted.
    Unchecked(Option<String>),
    /// Of [`Task::Preview`]. Nothing: it goes as text.
    Preview(Option<String>),
    /// What was to be composed is larger than a mail may be.
    TooLarge,
    /// It can't be done, and why: for the log of a developer, not for a person.
    Failed(String),
}

impl From<mail::Error> for Outcome {
    fn from(error: mail::Error) -> Self {
        match error {
            mail::Error::TooLarge => Self::TooLarge,
            other => Self::Failed(other.to_string()),
        }
    }
}

/// An entry that was opened.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum OpenedEntry {
    /// A mail.
    Mail(Box<Opened>),
    /// Something else that the relay encrypted.
    Bytes(ByteBuf),
    /// It can't be opened: not encrypted to this person, or damaged.
    Sealed,
}

/// Work that was begun.
pub enum Begun {
    /// It is done.
    Done(Outcome),
    /// A mail has still to be enciphered, which somebody else may do faster.
    Composing(Composing),
}

impl Begun {
    /// Does the rest.
    pub fn finish(self) -> Outcome {
        match self {
            Self::Done(outcome) => outcome,
            Self::Composing(composing) => match composing.finish() {
                Ok(composed) => Outcome::Composed(composed),
                Err(error) => error.into(),
            },
        }
    }
}

impl Work {
    /// Does it.
    pub fn run(self) -> Outcome {
        self.begin().finish()
    }

    /// Does all but the bulk of the enciphering.
    pub fn begin(self) -> Begun {
        let Self { own, now, task } = self;
        let own = match SecretCertificate::from_bytes(&own) {
            Ok(own) => [own],
            Err(error) => return Begun::Done(Outcome::Failed(error.to_string())),
        };
        Begun::Done(match task {
            Task::Open { entries, known, pins } => {
                let keys = Keys { own: &own, known: &known };
                let open = |(kind, body): &(EntryKind, ByteBuf)| open(*kind, body, &keys, &pins, now);
                Outcome::Opened(entries.iter().map(open).collect())
            }
            Task::Compose { mut letter, certificates, forwarded } => {
                let [sender] = &own;
                let keys = Keys { own: &own, known: &[] };
                let composing = forwarded
                    .map_or(Ok(()), |forwarded| forwarded.fill(&mut letter, &keys, now))
                    .and_then(|()| mail::begin(&letter, sender, certificates.as_deref(), now));
                match composing {
                    Ok(composing) => return Begun::Composing(composing),
                    Err(error) => error.into(),
                }
            }
            Task::Attachment { body, part, known } => {
                let keys = Keys { own: &own, known: &known };
                outcome(mail::opened_attachment(&body, part, &keys, now).map(Outcome::File))
            }
            Task::Pictures { body, fetched } => {
                let keys = Keys { own: &own, known: &[] };
                outcome(mail::with_pictures(&body, &fetched, &keys, now).map(Outcome::Pictures))
            }
            Task::Source { body } => {
                let raw = mail::unseal(&body, &Keys { own: &own, known: &[] });
                outcome(raw.map(|raw| Outcome::Source(raw.into())))
            }
            Task::Unchecked { body } => {
                let keys = Keys { own: &own, known: &[] };
                outcome(mail::unchecked_text(&body, &keys).map(Outcome::Unchecked))
            }
            Task::Preview { text } => Outcome::Preview(mail::formatted(&text)),
        })
    }
}

fn outcome(done: Result<Outcome, mail::Error>) -> Outcome {
    done.unwrap_or_else(Outcome::from)
}

impl Forwarded {
    /// Puts the attachments into the letter.
    fn fill(self, letter: &mut Letter, keys: &Keys<'_>, now: Millis) -> Result<(), mail::Error> {
        for (file, part) in self.parts {
            if let Some(file) = letter.files.get_mut(file) {
                file.bytes = mail::attachment(&self.body, part, keys, now)?.bytes;
            }
        }
        Ok(())
    }
}

fn open(kind: EntryKind, body: &[u8], keys: &Keys<'_>, pins: &Pins, now: Millis) -> OpenedEntry {
    let opened = match kind {
        EntryKind::Delivery => mail::unseal(body, keys).map(|bytes| OpenedEntry::Bytes(ByteBuf::from(bytes))),
        _ => open_mail(body, keys, pins, now).map(|opened| OpenedEntry::Mail(Box::new(opened))),
    };
    opened.unwrap_or(OpenedEntry::Sealed)
}

/// Opens a mail. The first one from somebody brings the certificate that its signature is verified with: it counts as
/// the sender's if it is the pinned one, or if none is known for the address and the mail isn't forged. A later one may
/// bring a newer state of a known certificate, which was renewed since.
fn open_mail(body: &[u8], keys: &Keys<'_>, pins: &Pins, now: Millis) -> Result<Opened, mail::Error> {
    let opened = mail::open_entry(body, keys, now)?;
    let sender = opened.from.first().map(|from| from.address.to_ascii_lowercase()).unwrap_or_default();
    let by_sender = |key: &&OfferedKey| key.how != Offer::Gossip && key.address.eq_ignore_ascii_case(&sender);
    let offered: Vec<_> = opened.keys.iter().filter(by_sender).collect();
    let known = match opened.signature {
        _ if offered.is_empty() => return Ok(opened),
        Signature::UnknownKey { .. } => {
            let forged = opened.sender == SenderCheck::Failed;
            let strange = keys.known.iter().all(|known| !known.address.eq_ignore_ascii_case(&sender));
            let counts = |key: &OfferedKey| match pins.get(&sender) {
                Some(pinned) => certificates::fingerprint_v4(&key.certificate) == Some(*pinned),
                None => strange && !forged,
            };
            let named = offered.iter().map(|key| KnownCertificate {
                address: if counts(key) { sender.clone() } else { String::new() },
                certificate: key.certificate.clone(),
            });
            keys.known.iter().cloned().chain(named).collect()
        }
        Signature::Invalid { .. } => joined(keys.known, &offered),
        _ => return Ok(opened),
    };
    mail::open_entry(body, &Keys { known: &known, ..*keys }, now)
}

/// Known certificates with what these say of the same ones.
fn joined(known: &[KnownCertificate], offered: &[&OfferedKey]) -> Vec<KnownCertificate> {
    let offered: Vec<_> = offered
        .iter()
        .filter_map(|key| Some((certificates::fingerprint_v4(&key.certificate)?, &key.certificate)))
        .collect();
    let join = |known: &KnownCertificate| {
        let own = certificates::fingerprint_v4(&known.certificate);
        let same = offered.iter().find(|(fingerprint, _)| Some(*fingerprint) == own);
        let certificate = same.map_or_else(
            || known.certificate.clone(),
            |(_, newer)| certificates::merge(&known.certificate, (*newer).clone()),
        );
        KnownCertificate { certificate, ..known.clone() }
    };
    known.iter().map(join).collect()
}
