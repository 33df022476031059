//! What the relay remembers of mail, behind [`MailStore`]: mailboxes, and the queue of what goes to other servers.
//!
//! Beside the invariants of [`super`]:
//! - An entry's id is in a mailbox once. A call that brings an id again changes nothing, also after its deletion.
//! - Sequence numbers grow, and become visible in their order. A deletion takes a new one.
//! - Nothing here is readable: bodies are encrypted or sealed before they come, envelopes and messages likewise.

use super::{AccountId, Result};
use crate::limits::Day;
use async_trait::async_trait;
use haven_wire::{
    ids::MessageId,
    mail::{EntryKind, MailboxEntry, Note, RefusedMail, Withdrawal},
};

/// A person as far as mail goes.
#[derive(Clone, Debug)]
pub struct MailAccount {
    /// The account.
    pub account: AccountId,
    /// The part of the address before the `@`.
    pub local: String,
    /// The person's certificate.
    pub certificate: Vec<u8>,
    /// Bytes in the mailbox.
    pub used: u64,
}

/// An entry for a mailbox.
#[derive(Clone, Debug)]
pub struct NewEntry {
    /// What tells it from others; see [`MailboxEntry::id`].
    pub id: MessageId,
    /// What it is. [`EntryKind::Deleted`] is not for new entries.
    pub kind: EntryKind,
    /// Encrypted or sealed.
    pub body: Vec<u8>,
}

/// A part of a mailbox.
#[derive(Clone, Debug)]
pub struct MailboxPage {
    /// The entries, in the order of their sequence numbers, short ones with their bodies.
    pub entries: Vec<MailboxEntry>,
    /// The last sequence number.
    pub head: u64,
    /// Bytes in the mailbox.
    pub used: u64,
    /// Mail that was turned away because of the person's certificate.
    pub refused: RefusedMail,
}

/// Names a mail on its way: random.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct QueueId(pub [u8; 16]);

/// A mail for other servers.
#[derive(Clone, Debug)]
pub struct NewQueued {
    /// Its id, which both parts are bound to.
    pub id: QueueId,
    /// Who sends it to whom, and what was tried: sealed.
    pub envelope: Vec<u8>,
    /// The message: sealed.
    pub message: Vec<u8>,
}

/// What somebody sends.
#[derive(Clone, Debug)]
pub struct Submission {
    /// The person's own copy. Its id is that of the submission.
    pub kept: NewEntry,
    /// Goes with it.
    pub note: Option<Note>,
    /// What goes out.
    pub queued: Vec<NewQueued>,
    /// Now, in seconds since 1970: the first attempt is due.
    pub now: u64,
}

/// A mail whose time has come. Its message is read by [`MailStore::queued_message`].
#[derive(Clone, Debug)]
pub struct Due {
    /// Its id.
    pub id: QueueId,
    /// Sealed.
    pub envelope: Vec<u8>,
    /// How often it was tried before.
    pub attempts: u32,
    /// When it was queued, in seconds since 1970.
    pub first_tried: u64,
}

/// When a mail is tried again.
#[derive(Clone, Debug)]
pub struct Again {
    /// In seconds since 1970.
    pub due: u64,
    /// The envelope as it is now, sealed: without recipients who have it.
    pub envelope: Vec<u8>,
}

/// An entry for the mailbox of the sender, stored together with what it reports.
#[derive(Clone, Debug)]
pub struct Report {
    /// Whose mailbox.
    pub account: AccountId,
    /// The entry.
    pub entry: NewEntry,
}

/// The part of the store that holds mail.
#[async_trait]
pub trait MailStore: Send + Sync + 'static {
    /// Who has this address.
    async fn mail_account(&self, local: &str) -> Result<Option<MailAccount>>;
    /// Who signed in.
    async fn own_mail_account(&self, account: AccountId) -> Result<MailAccount>;

    /// Appends an entry, and answers its sequence number. [`haven_wire::Refusal::MailboxFull`] if the mailbox would
    /// hold more than `quota` bytes.
    async fn append_mail(&self, account: AccountId, entry: NewEntry, quota: u64) -> Result<u64>;
    /// Reads entries after a sequence number, at most `limit` and about
    /// [`haven_wire::limits::MAX_ROWS_BYTES`], but one if there is one.
    async fn mailbox(&self, account: AccountId, after: u64, limit: u32) -> Result<MailboxPage>;
    /// Bytes of a body, if there is one.
    async fn mail_size(&self, account: AccountId, sequence: u64) -> Result<Option<u64>>;
    /// Reads a body.
    async fn mail_body(&self, account: AccountId, sequence: u64) -> Result<Option<Vec<u8>>>;
    /// Appends notes, all or none. Answers the last sequence number.
    async fn put_notes(&self, account: AccountId, notes: Vec<Note>, quota: u64) -> Result<u64>;
    /// Deletes bodies for good; see [`EntryKind::Deleted`]. Answers the last sequence number.
    async fn delete_mail(&self, account: AccountId, sequences: Vec<u64>) -> Result<u64>;

    /// Counts a mail that was turned away because of its recipient's certificate.
    async fn count_refused_mail(&self, account: AccountId, day: Day) -> Result<()>;

    /// Keeps and queues a mail. Answers the sequence number of the person's copy. [`haven_wire::Refusal::NotFound`] if it
    /// was taken back.
    async fn submit_mail(&self, account: AccountId, new: Submission, quota: u64) -> Result<u64>;
    /// Makes sure that the submission with this id is never taken, unless it was already.
    async fn withdraw_mail(&self, account: AccountId, id: MessageId) -> Result<Withdrawal>;
    /// Takes mail that is due at `now`, the longest due first. Nobody else gets it before `until`.
    async fn take_due_mail(&self, now: u64, until: u64, limit: u32) -> Result<Vec<Due>>;
    /// Reads a message of the queue, sealed.
    async fn queued_message(&self, id: QueueId) -> Result<Option<Vec<u8>>>;
    /// Gives back a mail that was taken, to be tried again. One that is finished is passed over, and its report too.
    async fn reschedule_mail(&self, id: QueueId, again: Again, report: Option<Report>) -> Result<()>;
    /// Deletes a mail from the queue. One that is finished is passed over, and its report too.
    async fn finish_mail(&self, id: QueueId, report: Option<Report>) -> Result<()>;
    /// When the next mail is due or no longer taken, in seconds since 1970.
    async fn next_mail_due(&self) -> Result<Option<u64>>;
    /// Gives back all mail that was taken, for a relay that starts: nobody is trying it now.
    async fn release_mail(&self) -> Result<()>;
}
