//! What a person writes, and what becomes of it.

use crate::Millis;
use haven_bridge::mail::Mailbox;

/// A mail as its writer sees it, before it is signed and encrypted.
#[derive(Clone, Debug, Default, Eq, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Letter {
    /// The id, unique for ever, without `<` and `>`: `something@domain`.
    pub message_id: String,
    /// When it was written.
    pub date: Millis,
    /// Who writes it.
    pub from: Mailbox,
    /// To.
    pub to: Vec<Mailbox>,
    /// Cc.
    pub cc: Vec<Mailbox>,
    /// Bcc. They stand in no message, and nobody but the writer learns of them.
    pub bcc: Vec<Mailbox>,
    /// The subject.
    pub subject: String,
    /// The text.
    pub text: String,
    /// Whether marks in the text are formatting.
    pub formatted: bool,
    /// The id of the mail that it answers, without `<` and `>`.
    pub in_reply_to: Option<String>,
    /// The ids of the mails before it in the thread, oldest first, without `<` and `>`.
    pub references: Vec<String>,
    /// What is attached.
    pub files: Vec<File>,
}

/// A file that is attached to a mail.
#[derive(Clone, Debug, Eq, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct File {
    /// The file name.
    pub name: String,
    /// The media type, such as `image/png`.
    pub media_type: String,
    /// The content.
    #[serde(with = "serde_bytes")]
    pub bytes: Vec<u8>,
}

/// A letter, ready to be submitted.
#[derive(Clone, Debug, Eq, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Composed {
    /// Recipients and the message for them (RFC 5322): ASCII, lines end with CRLF and have at most 998 bytes.
    #[serde(with = "messages")]
    pub messages: Vec<(Vec<String>, Vec<u8>)>,
    /// Which of the messages the sender keeps.
    pub kept: u32,
    /// Whether they are encrypted; all or none is.
    pub encrypted: bool,
}

/// A certificate that is known to be somebody's.
#[derive(Clone, Debug, Eq, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct KnownCertificate {
    /// Whose: the address. Upper and lower case of ASCII letters are the same.
    pub address: String,
    /// The certificate: binary OpenPGP.
    #[serde(with = "serde_bytes")]
    pub certificate: Vec<u8>,
}

/// Messages as bytes, which are copied, instead of as lists of numbers, which are read one by one.
mod messages {
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};
    use serde_bytes::{ByteBuf, Bytes};

    type Messages = Vec<(Vec<String>, Vec<u8>)>;

    pub(super) fn serialize<S: Serializer>(messages: &Messages, to: S) -> Result<S::Ok, S::Error> {
        let messages = messages.iter().map(|(recipients, message)| (recipients, Bytes::new(message)));
        messages.collect::<Vec<_>>().serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Messages, D::Error> {
        let messages = Vec::<(Vec<String>, ByteBuf)>::deserialize(from)?;
        Ok(messages.into_iter().map(|(recipients, message)| (recipients, message.into_vec())).collect())
    }
}
