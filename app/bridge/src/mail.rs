//! View models of mail.

use crate::{Failure, view::id};
use serde::{Deserialize, Serialize};

id!(
    /// A mail, or a draft of one.
    MailId
);
id!(
    /// Mails that answer each other.
    ThreadId
);

/// Where a mail lies. A mail is in one folder.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
pub enum Folder {
    /// What arrived.
    Inbox,
    /// What is being written. Drafts stay on the device.
    Drafts,
    /// What was sent, or waits to be.
    Sent,
    /// Done with, and kept.
    Archive,
    /// Not wanted.
    Junk,
    /// To be deleted.
    Trash,
}

/// How many mails a folder has.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct FolderCount {
    /// The folder.
    pub folder: Folder,
    /// Threads in it; drafts count one each.
    pub threads: u32,
    /// Mails in it that were not seen.
    pub unread: u32,
}

/// The mailbox as a whole.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct MailboxView {
    /// All folders, in the order of [`Folder`].
    pub folders: Vec<FolderCount>,
    /// Bytes at the relay.
    pub used: u64,
    /// Bytes that may be there; 0 while it is not known.
    pub quota: u64,
    /// Mails that are being fetched or opened; 0 when all that is known of is here.
    pub arriving: u32,
    /// Whether the relay sends to and receives from other servers. Nothing while it is not known.
    pub outside: Option<Outside>,
    /// The day on which mail was last turned away because the person's certificate can't be used, unless the person
    /// knows of it.
    pub refused: Option<u64>,
}

/// What the relay does with mail of other servers.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Outside {
    /// It hands mail to them.
    pub sends: bool,
    /// It takes mail from them.
    pub receives: bool,
}

/// A person in a mail's header.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq, Serialize, Deserialize)]
pub struct Mailbox {
    /// The name that the header gives; may be empty. Anybody can write anything here.
    pub name: String,
    /// The address.
    pub address: String,
}

/// A row in the list of a folder: a thread, newest mail first in time.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct ThreadSummary {
    /// Its id.
    pub id: ThreadId,
    /// The folder that the row is for.
    pub folder: Folder,
    /// The newest mail of the thread in this folder.
    pub newest: MailSummary,
    /// How many mails the thread has in all folders but junk and trash.
    pub mails: u32,
    /// How many of those in this folder were not seen.
    pub unread: u32,
    /// The people who wrote in it, oldest first, at most five; oneself is included.
    pub people: Vec<Mailbox>,
}

/// A page of a folder, newest first.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MailPage {
    /// The rows.
    pub threads: Vec<ThreadSummary>,
    /// Whether there are older ones.
    pub more: bool,
}

/// A mail in short.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct MailSummary {
    /// Its id.
    pub id: MailId,
    /// Its thread.
    pub thread: ThreadId,
    /// Where it lies.
    pub folder: Folder,
    /// Who wrote it. A mail with several writers names the first.
    pub from: Mailbox,
    /// Who got it: To, then Cc.
    pub to: Vec<Mailbox>,
    /// The subject, on one line; may be empty.
    pub subject: String,
    /// The start of the text.
    pub snippet: String,
    /// When it was written or arrived, in milliseconds since 1970.
    pub time: u64,
    /// Whether it was seen.
    pub seen: bool,
    /// How many attachments it has.
    pub attachments: u32,
    /// How it was protected on its way.
    pub protection: Protection,
    /// For a mail from oneself: how far it got.
    pub state: Option<MailState>,
}

/// How a mail was protected on its way.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub enum Protection {
    /// Encrypted by its writer to its readers.
    EndToEnd,
    /// It came in the clear, and the relay encrypted it on arrival.
    #[default]
    OnArrival,
    /// One's own mail that goes in the clear, or a draft.
    Clear,
}

/// How far an own mail got.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub enum MailState {
    /// It is safe on this device, and is being encrypted or waits for the relay.
    Waiting,
    /// The same, and the relay says that it can't store anything now.
    RelayFull,
    /// The person wants it back, and the relay, which may have it, is asked.
    WantedBack,
    /// The relay has taken it.
    Sent,
    /// It could not be delivered to some of its recipients: [`MailView::deliveries`] says to whom, and why.
    Undelivered,
    /// It can't go out. It can be tried again, or taken back to the drafts.
    Failed(Failure),
}

/// A mail as a whole.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct MailView {
    /// In short.
    pub summary: MailSummary,
    /// To.
    pub to: Vec<Mailbox>,
    /// Cc.
    pub cc: Vec<Mailbox>,
    /// Bcc, of an own mail.
    pub bcc: Vec<Mailbox>,
    /// Where an answer goes, if not to the writer.
    pub reply_to: Vec<Mailbox>,
    /// The text. Made from the HTML if the mail has nothing else.
    pub text: String,
    /// The HTML, cleaned: no scripts, no forms, nothing that is fetched from elsewhere. Inline pictures are data URLs.
    pub html: Option<String>,
    /// Whether something that would be fetched from elsewhere was taken out of the HTML.
    pub remote_content: bool,
    /// Attachments.
    pub attachments: Vec<AttachmentView>,
    /// Who signed it.
    pub signature: Signature,
    /// Header fields that say one thing inside and another outside.
    pub differences: Vec<HeaderDifference>,
    /// What the relay found out about the sender's server.
    pub sender: SenderCheck,
    /// What became of it for its recipients, of an own mail.
    pub deliveries: Vec<Delivery>,
    /// Why it can't be read as it should be.
    pub trouble: Option<MailTrouble>,
    /// Whether the sender signed it with a certificate that was verified.
    pub signer_verified: bool,
}

/// An attachment.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct AttachmentView {
    /// Its number in the mail, for [`crate::Command::MailAttachment`].
    pub part: u32,
    /// The file name, without directories; never empty.
    pub name: String,
    /// The media type, such as `image/png`.
    pub media_type: String,
    /// Bytes.
    pub size: u64,
}

/// Who signed a mail.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub enum Signature {
    /// Nobody.
    #[default]
    None,
    /// The signature is good.
    Valid {
        /// The certificate, in hex.
        fingerprint: String,
        /// Whether the certificate is the known one of the address in `From`.
        by_sender: bool,
    },
    /// Signed by a certificate that is not known.
    UnknownKey {
        /// Its fingerprint or key id in hex, as the signature names it.
        issuer: String,
    },
    /// The signature is bad, or made by a certificate that must not sign (any more).
    Invalid {
        /// What is wrong, in short.
        why: String,
    },
}

/// A header field that says one thing inside the protected part and another outside.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct HeaderDifference {
    /// The field's name.
    pub name: String,
    /// Inside: what is shown.
    pub inside: String,
    /// Outside: what others could read or change on the way.
    pub outside: String,
}

/// What the relay found out about the server that a mail came from.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub enum SenderCheck {
    /// Nothing: it is an own mail, or came from a person of this relay.
    Local,
    /// The domain of the address vouches for it (DKIM or SPF, aligned).
    Passed,
    /// The domain says that mail like this is not from it (DMARC).
    Failed,
    /// The domain says nothing.
    #[default]
    Unknown,
}

/// What became of a mail for one recipient.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Delivery {
    /// The recipient.
    pub address: String,
    /// What became of it.
    pub state: DeliveryState,
}

/// What became of a mail.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub enum DeliveryState {
    /// Under way.
    Underway,
    /// The recipient's server has it.
    Delivered,
    /// A server has it that hands it on.
    Relayed,
    /// It could not be handed on yet, and is tried again.
    Delayed {
        /// What the other side said.
        reason: String,
    },
    /// It can't be delivered.
    Failed {
        /// What the other side said.
        reason: String,
    },
}

/// Why a mail can't be read as it should be.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub enum MailTrouble {
    /// It is encrypted to other keys than this person's.
    NoKey,
    /// It is encrypted without protection against changes, or was changed on its way. Nothing of it is shown.
    NotIntact,
    /// It breaks a limit: too large, too deep, too many parts, or it unpacks to too much.
    TooMuch {
        /// What there is too much of.
        what: String,
    },
    /// It is no mail that can be read.
    Malformed,
}

/// A draft.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct Draft {
    /// To, as typed: addresses that may be unfinished.
    pub to: Vec<Mailbox>,
    /// Cc.
    pub cc: Vec<Mailbox>,
    /// Bcc.
    pub bcc: Vec<Mailbox>,
    /// The subject.
    pub subject: String,
    /// The text.
    pub text: String,
    /// Whether marks in the text are formatting, such as `**bold**`.
    #[serde(default)]
    pub formatted: bool,
    /// The mail that it answers or forwards.
    pub about: Option<(MailId, About)>,
    /// Files, in their order.
    pub attachments: Vec<DraftFile>,
}

/// What a draft does with another mail.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub enum About {
    /// It answers.
    Answer,
    /// It forwards.
    Forward,
}

/// A file in a draft. Its bytes were given with [`crate::Command::AttachFile`], or are those of an attachment of the
/// mail that is forwarded.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct DraftFile {
    /// Its id, unique in the draft.
    pub id: u32,
    /// The file name.
    pub name: String,
    /// The media type.
    pub media_type: String,
    /// Bytes.
    pub size: u64,
}

/// What will happen to a mail for one recipient, and why.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct RecipientState {
    /// The address, as it was asked for.
    pub address: String,
    /// What will happen.
    pub outlook: Outlook,
}

/// What will happen to a mail for a recipient.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub enum Outlook {
    /// It is encrypted to this certificate.
    Encrypted {
        /// In hex.
        fingerprint: String,
        /// Where the certificate is from.
        source: KeySource,
    },
    /// No certificate was found: it can only go in the clear.
    NoKey,
    /// It is not known yet: a source could not be asked. It can be tried again.
    Unsure,
    /// There is a certificate that must not be used, and nothing else.
    Unusable(Unusable),
    /// The address is of the own relay, and nobody has it.
    Nobody,
    /// This is no address.
    NoAddress,
}

/// Where a certificate is from, the best first.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
pub enum KeySource {
    /// A person whose certificate was compared with them.
    Verified,
    /// A person known from chat, or whose certificate was taken before.
    Pinned,
    /// A file that was added by hand.
    File,
    /// The directory of this relay.
    Directory,
    /// The Web Key Directory of the address's domain.
    Wkd,
    /// It came with a mail from this address.
    Mail,
    /// A key server.
    KeyServer,
}

/// Why a certificate must not be used.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub enum Unusable {
    /// Its owner revoked it.
    Revoked,
    /// It has expired.
    Expired,
    /// It has no key to encrypt to that Haven understands.
    CannotEncrypt,
    /// It is not the one that was known: the new one has to be accepted first.
    Changed {
        /// The new one, in hex.
        fingerprint: String,
    },
}

/// A mail's HTML with the pictures from elsewhere that could be fetched.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct MailPictures {
    /// Cleaned like [`MailView::html`]; the pictures are data URLs.
    pub html: String,
    /// How many pictures are in it that could not be fetched.
    pub missing: u32,
}

/// An attachment with its bytes.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct OpenedFile {
    /// The file name; of a file that was encrypted by itself and opened, without the `.pgp` at its end.
    pub name: String,
    /// The bytes: what was inside, if it could be opened.
    pub bytes: Vec<u8>,
    /// Whether it was encrypted by itself.
    pub lock: FileLock,
    /// Who signed it by itself.
    pub signature: Signature,
}

/// Whether an attachment was encrypted by itself, beside the mail's text.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub enum FileLock {
    /// It wasn't.
    #[default]
    None,
    /// It was, and is open now.
    Opened,
    /// It is encrypted to other keys than this person's, and still is.
    NoKey,
    /// It was changed on its way or has no protection against that, and is still encrypted.
    NotIntact,
}
