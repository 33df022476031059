//! The inbox of a device: sealed pointers to Welcomes.

use crate::{account::Done, call};
use serde::{Deserialize, Serialize};

/// Reads this device's inbox from its beginning.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct GetInbox {
    /// Entries after this sequence number.
    pub after: u64,
}
call!(GetInbox => Inbox, Session, "/v1/inbox/get");

/// Entries in order.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Inbox {
    /// At most 100.
    pub entries: Vec<InboxEntry>,
}

/// A sealed pointer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct InboxEntry {
    /// Counts the entries of this inbox, from 1.
    pub sequence: u64,
    /// Sealed to the inbox key.
    #[serde(with = "serde_bytes")]
    pub sealed: Vec<u8>,
}

/// Deletes the entries up to a sequence number, once they are safe on the device.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AcknowledgeInbox {
    /// The last entry to delete.
    pub up_to: u64,
}
call!(AcknowledgeInbox => Done, Session, "/v1/inbox/acknowledge");
