//! What a mail shows once it is open.

use super::{KnownCertificate, status::StatusReport};
use crate::{Millis, identity::SecretCertificate};
use haven_bridge::mail::{
    AttachmentView, HeaderDifference, MailTrouble, Mailbox, Protection, SenderCheck, Signature,
};
use serde::{Deserialize, Serialize};

/// The keys that mail is opened with.
#[derive(Clone, Copy, Debug)]
pub struct Keys<'a> {
    /// One's own, to decrypt. Expired ones decrypt as well. Signatures by them are verified, too.
    pub own: &'a [SecretCertificate],
    /// Those of others, to verify. They are read only when a signature names them.
    pub known: &'a [KnownCertificate],
}

/// An open mail.
///
/// Everything in it was written by somebody else: names and texts may say anything. What is known *about* them stands in
/// [`Self::protection`], [`Self::signature`], [`Self::sender`] and [`Self::differences`].
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct Opened {
    /// The id, without `<` and `>`.
    pub message_id: Option<String>,
    /// The ids of the mails that it answers.
    pub in_reply_to: Vec<String>,
    /// The ids of the mails before it in the thread, oldest first.
    pub references: Vec<String>,
    /// Who wrote it.
    pub from: Vec<Mailbox>,
    /// Where an answer goes, if not to the writer.
    pub reply_to: Vec<Mailbox>,
    /// To.
    pub to: Vec<Mailbox>,
    /// Cc.
    pub cc: Vec<Mailbox>,
    /// The subject, on one line; may be empty.
    pub subject: String,
    /// When it was written, as it says itself.
    pub date: Option<Millis>,
    /// When the relay took it. Nothing for a mail that one sent oneself.
    pub received: Option<Millis>,
    /// How it was protected on its way. [`Protection::Clear`] for what one sent oneself without encryption.
    pub protection: Protection,
    /// Who signed it.
    pub signature: Signature,
    /// Header fields that say one thing inside the protected part and another outside. What is inside is shown, but for
    /// a writer who hasn't signed.
    pub differences: Vec<HeaderDifference>,
    /// What the relay found out about the sender's server.
    pub sender: SenderCheck,
    /// The text. Made from the HTML if there is nothing else.
    pub text: String,
    /// The HTML, cleaned.
    pub html: Option<String>,
    /// Whether something that would be fetched from elsewhere was taken out of the HTML.
    pub remote_content: bool,
    /// What is attached; [`super::attachment`] gives the bytes.
    pub attachments: Vec<AttachmentView>,
    /// Why it can't be read as it should be.
    pub trouble: Option<MailTrouble>,
    /// Certificates that came with it. Nobody has checked them.
    pub keys: Vec<OfferedKey>,
    /// What it reports of a mail that was sent.
    #[serde(default)]
    pub status: Option<StatusReport>,
}

/// A certificate that came with a mail.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct OfferedKey {
    /// Whose it is said to be.
    pub address: String,
    /// The certificate: binary OpenPGP.
    #[serde(with = "serde_bytes")]
    pub certificate: Vec<u8>,
    /// How it came.
    pub how: Offer,
}

/// How a certificate came with a mail.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub enum Offer {
    /// The writer's own, in an `Autocrypt` field.
    Autocrypt {
        /// Whether the writer wants encrypted answers.
        prefer_encrypt: bool,
    },
    /// A recipient's, in an `Autocrypt-Gossip` field of an encrypted mail.
    Gossip,
    /// Attached as `application/pgp-keys`.
    Attached,
}
