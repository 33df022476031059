//! Mail: a person's mailbox on the relay, sending, and finding certificates.
//!
//! The **mailbox** is one log for each person: what arrived, what was sent, what became of it, and notes that the
//! person's devices leave for each other. Every body is encrypted to the person's certificate or sealed by one of their
//! devices, so the relay can't read what it keeps. Devices hold cursors; only the person deletes.

use crate::{call, ids::*};
use serde::{Deserialize, Serialize};

/// One entry of a mailbox.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct MailboxEntry {
    /// 1, 2, 3, … Numbers of deleted entries are not used again.
    pub sequence: u64,
    /// What it is.
    pub kind: EntryKind,
    /// For [`EntryKind::Sent`], [`EntryKind::Withdrawn`] and [`EntryKind::Note`]: the id that the device gave it. Otherwise
    /// the relay's. A deleted entry keeps its id.
    pub id: MessageId,
    /// Bytes of the body.
    pub size: u64,
    /// The body. Nothing if it is longer than [`crate::limits::MAX_INLINE_MAIL`] (fetch it with [`GetMail`]) or the
    /// entry was deleted.
    pub body: Option<serde_bytes::ByteBuf>,
}

/// What an entry of a mailbox is.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    /// A mail that arrived. Its body is a binary OpenPGP message, encrypted by the relay to the person's certificate and
    /// not signed. In it is the mail as it came (RFC 5322), with two header fields before its own: the relay's
    /// `Received` and `Authentication-Results`.
    Arrived,
    /// A mail that the person sent, encrypted like one that arrived, without these fields: [`SubmitMail::kept`].
    Sent,
    /// What became of a mail that was sent: a [`DeliveryReport`] in CBOR, encrypted like a mail that arrived.
    Delivery,
    /// What a device left for the person's other devices, sealed by them.
    Note,
    /// The entry was deleted. It has no body, and takes the place of the old one under a new sequence number.
    Deleted,
    /// A mail that was taken back before the relay had it: [`WithdrawMail`]. Its body is empty.
    Withdrawn,
}

/// Reads a mailbox.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct GetMailbox {
    /// Entries after this sequence number.
    pub after: u64,
    /// At most so many; the relay may send fewer, but at least one if there is one.
    pub limit: u32,
}
call!(GetMailbox => Mailbox, Session, "/v1/mail/box");

/// A part of a mailbox.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Mailbox {
    /// The entries, in the order of their sequence numbers.
    pub entries: Vec<MailboxEntry>,
    /// The last sequence number of the mailbox.
    pub head: u64,
    /// Bytes in it.
    pub used: u64,
    /// Bytes that may be in it.
    pub quota: u64,
    /// Mail that was turned away because the person's certificate can't be used.
    #[serde(default)]
    pub refused: RefusedMail,
}

/// Mail that was turned away because its recipient's certificate is revoked, broken, or can't encrypt.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct RefusedMail {
    /// How often, since the account was made. A sender that tries again counts again.
    pub count: u64,
    /// The last time, in days since 1970.
    pub last_day: u64,
}

/// Reads the body of one entry. [`crate::Refusal::NotFound`] if it was deleted.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct GetMail {
    /// Its sequence number.
    pub sequence: u64,
}
call!(GetMail => MailBody, Session, "/v1/mail/get");

/// A body.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MailBody {
    /// The bytes.
    #[serde(with = "serde_bytes")]
    pub body: Vec<u8>,
}

/// Leaves notes for the person's other devices. One whose id is in the mailbox is passed over.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PutNotes {
    /// The notes, at most [`crate::limits::MAX_NOTES`] of [`crate::limits::MAX_NOTE`] bytes.
    pub notes: Vec<Note>,
}
call!(PutNotes => MailboxHead, Session, "/v1/mail/notes");

/// A note.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Note {
    /// Random.
    pub id: MessageId,
    /// Sealed.
    #[serde(with = "serde_bytes")]
    pub sealed: Vec<u8>,
}

/// Deletes entries for good. Those that are not there are passed over.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DeleteMail {
    /// Their sequence numbers, at most [`crate::limits::MAX_NOTES`].
    pub sequences: Vec<u64>,
}
call!(DeleteMail => MailboxHead, Session, "/v1/mail/delete");

/// Where a mailbox ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct MailboxHead {
    /// The last sequence number.
    pub head: u64,
}

/// Sends a mail: stores the person's own copy in the mailbox and queues the rest, in one transaction. The same id again
/// gives the same answer and sends nothing. [`crate::Refusal::NotFound`] if it was taken back.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SubmitMail {
    /// Made by the device when the person pressed "Send".
    pub id: MessageId,
    /// What is sent: one for all, and one for each recipient of a blind copy.
    pub messages: Vec<OutgoingMail>,
    /// Which of the messages the relay encrypts to the person and keeps as [`EntryKind::Sent`].
    pub kept: u32,
    /// A [`Note`]'s content that goes with it in the same transaction, if there is one: who got a blind copy.
    pub note: Option<Note>,
}
call!(SubmitMail => Submitted, Session, "/v1/mail/submit");

/// A message and who gets it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OutgoingMail {
    /// Addresses, at most [`crate::limits::MAX_RECIPIENTS`] in all messages together.
    #[serde(deserialize_with = "crate::bounded::list")]
    pub recipients: Vec<String>,
    /// The whole message (RFC 5322): lines end with CRLF, none is longer than 998 bytes, nothing but ASCII. Its one
    /// `From` is the account's address. At most [`crate::limits::MAX_MAIL`] bytes in all messages together.
    #[serde(with = "serde_bytes")]
    pub message: Vec<u8>,
}

/// A mail was taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Submitted {
    /// The sequence number of the person's own copy.
    pub sequence: u64,
}

/// Takes a mail back that may have been submitted. Unless the relay has it already, it won't take it any more, however late
/// it comes. The same again gives the same answer.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct WithdrawMail {
    /// [`SubmitMail::id`].
    pub id: MessageId,
}
call!(WithdrawMail => Withdrawal, Session, "/v1/mail/withdraw");

/// Whether a mail was taken back.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Withdrawal {
    /// It was not sent, and never will be.
    Withdrawn,
    /// Too late: the relay has it.
    Sent(Submitted),
}

/// What became of a mail for some of its recipients.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct DeliveryReport {
    /// [`SubmitMail::id`].
    pub id: MessageId,
    /// For whom.
    pub recipients: Vec<String>,
    /// What became of it.
    pub outcome: Outcome,
    /// When, in seconds since 1970.
    pub time: u64,
}

/// What became of a mail.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It is in the mailbox of a person of this relay, or the recipient's server has taken it.
    Delivered,
    /// The server that all mail goes through has taken it. If it can't deliver it, it says so by mail (RFC 3464).
    Relayed,
    /// It could not be handed on yet, and is tried again. Said once, after the first hour.
    Delayed {
        /// What the other side said, or why it can't be reached. One line.
        reason: String,
    },
    /// It will not be tried again.
    Failed {
        /// What the other side said, or why it could not be reached. One line.
        reason: String,
    },
}

/// Looks for certificates of an address: in this relay's directory, by WKD, and at a key server.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FindCertificates {
    /// The address.
    pub address: String,
}
call!(FindCertificates => FoundCertificates, Session, "/v1/mail/certificates");

/// What was found. Nobody has checked it: the client does.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FoundCertificates {
    /// Certificates, the best source first.
    pub found: Vec<FoundCertificate>,
    /// Whether a source could not be asked, so that more may be found later.
    pub incomplete: bool,
}

/// A certificate and where it is from.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FoundCertificate {
    /// Where it is from.
    pub source: Source,
    /// Binary OpenPGP, maybe several certificates.
    #[serde(with = "serde_bytes")]
    pub certificate: Vec<u8>,
}

/// Where a certificate is from.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The directory of this relay, which is that of the address's domain.
    Directory,
    /// The Web Key Directory of the address's domain.
    Wkd,
    /// A key server that has checked the address by mail (keys.openpgp.org).
    KeyServer,
}

/// Whether this relay sends and receives mail to and from other servers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MailInfo {}
call!(MailInfo => MailInfoReply, Session, "/v1/mail/info");

/// What the relay does with mail.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct MailInfoReply {
    /// It hands mail to other servers.
    pub sends: bool,
    /// It takes mail from other servers.
    pub receives: bool,
}

/// Fetches a picture that a mail shows from elsewhere, because its reader asked for it. The relay asks the server in the
/// address as itself: nothing of the person or the device goes out with it. [`crate::Refusal::NotFound`] if there is no
/// picture at the address, or one that may not be asked for or is no picture; [`crate::Refusal::Unavailable`] if nobody
/// can say now; [`crate::Refusal::TooLarge`] beyond [`crate::limits::MAX_PICTURE`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct GetPicture {
    /// Its address: `http` or `https`, with a name and no port, at most [`crate::limits::MAX_PICTURE_ADDRESS`] bytes.
    pub url: String,
}
call!(GetPicture => Picture, Session, "/v1/mail/picture");

/// A picture.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Picture {
    /// What its bytes begin like: `image/png`, `image/jpeg`, `image/gif`, `image/webp` or `image/avif`.
    pub media_type: String,
    /// The bytes.
    #[serde(with = "serde_bytes")]
    pub bytes: Vec<u8>,
}
