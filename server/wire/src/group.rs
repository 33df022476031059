//! The log of a group: appending a row is accepting, ordering and delivering it.
//!
//! Group calls are authorised by an epoch token alone. The relay stores the SHA-256 hash of each epoch's token, and
//! no list of members. Token *n* opens the rows from the commit that opened epoch *n* (for epoch 0: from the first
//! row) up to and including the next barrier commit, or the 256th commit after. It writes in epoch *n* only.

use crate::{call, ids::*};
use serde::{Deserialize, Serialize};

/// What a row holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// An application message.
    Application,
    /// A commit.
    Commit,
}

/// One row of a group's log.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Counts the rows of the group, from 1. What a token opens has no gaps: of a message that was deleted because of its
    /// age, the row stays for as long as a token opens it.
    pub sequence: u64,
    /// The epoch that the message was made in. A commit of epoch n opens epoch n + 1.
    pub epoch: u64,
    /// What it is.
    pub kind: Kind,
    /// The id that its sender gave it.
    pub message_id: MessageId,
    /// An MLS PrivateMessage (RFC 9420, section 6). Empty if it is gone.
    #[serde(with = "serde_bytes")]
    pub ciphertext: Vec<u8>,
    /// For an application message that the relay has deleted because of its age: the hash of its ciphertext. So running
    /// hashes go on across it, and its sender recognises it. It is told of no message that came in the last
    /// [`crate::limits::MIN_MESSAGE_DAYS`], and of no commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gone: Option<Hash>,
    /// For a commit: what was registered with it.
    pub commit: Option<CommitMark>,
}

/// What the committer registered with a commit.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct CommitMark {
    /// The hash of the next epoch's token.
    pub next_token_hash: Hash,
    /// Whether the commit removes somebody. Tokens of earlier epochs don't read beyond it.
    pub barrier: bool,
}

/// Appends a commit, if it is the first one for its epoch: whole or not at all, in one transaction.
///
/// A commit of epoch 0 to a group that doesn't exist makes the group. A message id that was accepted before gives the
/// first answer again.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AppendCommit {
    /// The group.
    pub group_id: GroupId,
    /// The epoch that the commit ends.
    pub epoch: u64,
    /// The commit's id.
    pub message_id: MessageId,
    /// An MLS PrivateMessage.
    #[serde(with = "serde_bytes")]
    pub commit: Vec<u8>,
    /// What is registered with it.
    pub mark: CommitMark,
    /// The Welcome for those who are added.
    pub welcome: Option<StoredWelcome>,
    /// One for each added device.
    pub pointers: Vec<Pointer>,
}
call!(AppendCommit => Appended, EpochToken, "/v1/group/commit");

/// A Welcome, stored beside its commit and fetched by its id.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StoredWelcome {
    /// Random, and all that is needed to fetch it.
    pub id: WelcomeId,
    /// An MLS Welcome with the ratchet tree in it.
    #[serde(with = "serde_bytes")]
    pub welcome: Vec<u8>,
}

/// A sealed pointer to a Welcome, for one inbox.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Pointer {
    /// The inbox.
    pub inbox: DeviceId,
    /// Sealed to the inbox key.
    #[serde(with = "serde_bytes")]
    pub sealed: Vec<u8>,
}

/// Where a row stands.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Appended {
    /// The sequence number of the (first) appended row. Others of the same call follow it in order, but not always
    /// without other rows between.
    pub sequence: u64,
    /// Inboxes of this relay that don't exist, of those in the call. They are no reason to refuse a commit.
    pub unknown_inboxes: Vec<DeviceId>,
}

/// Appends application messages of the current epoch: all of them in this order, or none.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AppendMessages {
    /// The group.
    pub group_id: GroupId,
    /// The epoch of all of them. If it is over: [`crate::Refusal::EpochTooOld`].
    pub epoch: u64,
    /// At most [`crate::limits::MAX_APPEND`]. Those whose id was accepted before are passed over.
    pub messages: Vec<NewMessage>,
}
call!(AppendMessages => Appended, EpochToken, "/v1/group/append");

/// An application message.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NewMessage {
    /// Its id.
    pub message_id: MessageId,
    /// An MLS PrivateMessage.
    #[serde(with = "serde_bytes")]
    pub ciphertext: Vec<u8>,
}

/// Reads rows.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct GetRows {
    /// The group.
    pub group_id: GroupId,
    /// The epoch of the token.
    pub epoch: u64,
    /// Rows after this sequence number. Rows before those that the token opens are passed over.
    pub after: u64,
    /// At most this many; the relay may send fewer ([`crate::limits::MAX_ROWS`], [`crate::limits::MAX_ROWS_BYTES`]).
    pub limit: u32,
}
call!(GetRows => Rows, EpochToken, "/v1/group/rows");

/// Rows in order.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Rows {
    /// The rows. When the last one is a barrier, go on with the next epoch's token.
    pub rows: Vec<Row>,
    /// The sequence number of the group's last row, whether or not the token opens it.
    pub head: u64,
}

/// Fetches a Welcome.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct GetWelcome {
    /// Its id.
    pub id: WelcomeId,
}
call!(GetWelcome => WelcomeReply, Open, "/v1/welcome");

/// A Welcome.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct WelcomeReply {
    /// An MLS Welcome.
    #[serde(with = "serde_bytes")]
    pub welcome: Vec<u8>,
}

/// Asks for the last sequence numbers of many groups at once. Tokens are in the body, one for each group.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct GetHeads {
    /// At most [`crate::limits::MAX_HEADS`].
    pub groups: Vec<Opened>,
}
call!(GetHeads => Heads, Open, "/v1/group/heads");

/// A group and what opens it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Opened {
    /// The group.
    pub group_id: GroupId,
    /// The epoch of the token.
    pub epoch: u64,
    /// The token.
    pub token: EpochToken,
}

/// The answers in the order of the questions: the last sequence number, or nothing where the token doesn't fit.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Heads {
    /// One for each group.
    pub heads: Vec<Option<u64>>,
}
