//! What is stored of mail. All of it is CBOR, and old forms must stay readable.

use crate::{Millis, chat::records::PersonRecord, mail::Opened};
use haven_bridge::{
    Failure,
    mail::{Delivery, Draft, Folder, MailId, Mailbox, Outside, Protection, ThreadId},
};
use haven_wire::{
    ids::{Hash, MessageId},
    mail::RefusedMail,
};
use serde::{Deserialize, Serialize};

/// What is under way, and how far the mailbox was read: one record each, all read when the engine opens.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum UnderWay {
    /// How far the mailbox was read.
    Head(Head),
    /// A mail that waits to be sent.
    Sending(Box<Sending>),
    /// A note that the relay doesn't have yet.
    Note(WaitingNote),
    /// An entry that is to be deleted at the relay, by its sequence number.
    Deletion(u64),
}

impl UnderWay {
    /// Its key's suffix.
    pub fn suffix(&self) -> Vec<u8> {
        match self {
            Self::Head(_) => vec![0],
            Self::Sending(sending) => [&[1][..], &sending.draft.id.0].concat(),
            Self::Note(note) => [&[2][..], note.id.as_bytes()].concat(),
            Self::Deletion(sequence) => [&[3][..], &sequence.to_be_bytes()].concat(),
        }
    }
}

/// How far the mailbox was read, and what the relay said of it.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct Head {
    /// The last entry that was taken in.
    pub cursor: u64,
    /// Bytes in the mailbox.
    pub used: u64,
    /// Bytes that may be in it.
    pub quota: u64,
    /// What the relay does with mail of other servers.
    pub outside: Option<Outside>,
    /// What was turned away because of the own certificate.
    #[serde(default)]
    pub refused: RefusedMail,
    /// How much of that the person knows of.
    #[serde(default)]
    pub refused_seen: u64,
}

/// A mail in short: all of these are in memory once mail was looked at.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Record {
    /// Its id: that of the relay's entry.
    pub id: MailId,
    /// The relay's entry.
    pub sequence: u64,
    /// Its Message-ID, without the brackets.
    pub message_id: Option<String>,
    /// Its thread.
    pub thread: ThreadId,
    /// Where it lies.
    pub folder: Folder,
    /// Where it lay before it went into the trash or junk.
    #[serde(default)]
    pub came_from: Option<Folder>,
    /// Who wrote it.
    pub from: Mailbox,
    /// To, then Cc.
    pub to: Vec<Mailbox>,
    /// The subject.
    pub subject: String,
    /// The start of the text.
    pub snippet: String,
    /// When it arrived or was written.
    pub time: Millis,
    /// Whether it was seen.
    pub seen: bool,
    /// Whether the person sent it.
    pub own: bool,
    /// How many attachments it has.
    pub attachments: u32,
    /// How it was protected.
    pub protection: Protection,
    /// What became of it for its recipients.
    #[serde(default)]
    pub deliveries: Vec<Delivery>,
}

/// What a mail says.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Body {
    /// As it was opened.
    pub opened: Opened,
    /// Who got a blind copy, of an own mail.
    #[serde(default)]
    pub bcc: Vec<Mailbox>,
}

/// A draft and its files.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StoredDraft {
    /// Its id, which becomes that of the mail.
    pub id: MailId,
    /// As the page saved it last.
    pub draft: Draft,
    /// When it was saved last.
    pub saved: Millis,
    /// The files whose bytes are stored.
    pub files: Vec<StoredFile>,
    /// The id under which these are stored, if it is not the draft's own: that of the mail that was taken back.
    #[serde(default)]
    pub files_of: Option<MailId>,
}

impl StoredDraft {
    /// The name under which the pieces of a file are stored.
    pub fn file_name(&self, file: u32) -> Vec<u8> {
        [&self.files_of.unwrap_or(self.id).0[..], &file.to_be_bytes()].concat()
    }

    /// The same under a new id, for a mail that was taken back: under the old one, the relay would not take it.
    pub fn renamed(self) -> Self {
        let id = MailId(derived("haven draft taken back 1\n", &self.id.0));
        Self { id, files_of: self.files_of.or(Some(self.id)), ..self }
    }
}

/// A file of a draft, stored in pieces.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct StoredFile {
    /// Its id in the draft.
    pub id: u32,
    /// Bytes.
    pub size: u64,
    /// Pieces.
    pub pieces: u32,
    /// Whether the draft has named it: one that it names no more is deleted.
    pub named: bool,
}

/// A mail that waits to be sent.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Sending {
    /// What it says.
    pub draft: StoredDraft,
    /// Whether it may go in the clear.
    pub in_the_clear: bool,
    /// When the person sent it.
    pub time: Millis,
    /// Whether the relay may have it already: then it has to be asked before it can be taken back.
    pub submitted: bool,
    /// Whether the person wants it back. It goes out no more, unless the relay has it.
    #[serde(default)]
    pub wanted_back: bool,
    /// Why it can't be sent.
    pub failed: Option<Failure>,
}

/// A note that the relay doesn't have yet.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct WaitingNote {
    /// Its id.
    pub id: MessageId,
    /// What it says.
    pub note: Note,
}

/// What a device tells the person's other devices, sealed.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Note {
    /// Mails lie in a folder.
    Moved {
        /// The mails.
        mails: Vec<MailId>,
        /// The folder.
        folder: Folder,
    },
    /// Mails were seen, or are to look as if they weren't.
    Marked {
        /// The mails.
        mails: Vec<MailId>,
        /// Whether they were seen.
        seen: bool,
    },
    /// Who got a blind copy of a mail.
    BlindCopies {
        /// The mail.
        mail: MailId,
        /// Who.
        bcc: Vec<Mailbox>,
    },
    /// A person's certificate was compared with them.
    Verified {
        /// The person.
        person: PersonRecord,
        /// When. Nothing: that is taken back.
        at: Option<Millis>,
    },
}

/// The thread that a mail belongs to, by the first of the mails that it names, or itself.
pub fn thread_of(root: &str) -> ThreadId {
    ThreadId(derived("haven thread 1\n", root.as_bytes()))
}

/// An id that comes from something else.
pub fn derived(label: &str, from: &[u8]) -> [u8; 16] {
    let hash = Hash::of(&[label.as_bytes(), from].concat());
    let mut id = [0; 16];
    id.iter_mut().zip(hash.0).for_each(|(to, from)| *to = from);
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A draft as it was stored when all mails were plain text.
    #[derive(Serialize)]
    struct PlainDraft {
        to: Vec<Mailbox>,
        cc: Vec<Mailbox>,
        bcc: Vec<Mailbox>,
        subject: String,
        text: String,
        about: Option<(MailId, haven_bridge::mail::About)>,
        attachments: Vec<haven_bridge::mail::DraftFile>,
    }

    #[test]
    fn a_draft_from_before_there_was_formatting_is_plain_text() {
        let Draft { to, cc, bcc, text, about, attachments, .. } = Draft::default();
        let subject = "Boat".to_owned();
        let before = PlainDraft { to, cc, bcc, subject: subject.clone(), text, about, attachments };
        let stored = haven_wire::encode(&before).unwrap();
        let draft: Draft = haven_wire::decode(&stored).unwrap();
        assert_eq!(draft, Draft { subject, ..Draft::default() });
    }
}
