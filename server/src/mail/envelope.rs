//! Who sends a mail in the queue to whom. It is sealed before the store gets it.

use haven_wire::ids::MessageId;
use serde::{Deserialize, Serialize};

/// The envelope of a mail in the queue, in CBOR.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Envelope {
    /// The sender's account ([`crate::store::AccountId`]): reports go to its mailbox.
    #[serde(with = "serde_bytes")]
    pub account: [u8; 16],
    /// The sender's address.
    pub sender: String,
    /// [`haven_wire::mail::SubmitMail::id`].
    pub submission: MessageId,
    /// Those who don't have it yet.
    pub recipients: Vec<String>,
    /// Whether the sender was told that it takes longer.
    #[serde(default)]
    pub said_delayed: bool,
}
