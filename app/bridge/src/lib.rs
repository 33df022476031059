//! What the page and the engine's worker say to each other.
//!
//! Plain data, no logic: commands and their replies, events, and view models that hold display text and states but
//! no secrets (but what their owner types, chooses or is shown: passwords, the recovery phrase, a suggested passphrase,
//! a key file). Values travel as postcard in a `Uint8Array`; page and worker are always of the same build, so the
//! encoding needs no versions.

mod command;
mod event;
mod failure;
pub mod mail;
mod people;
mod view;

pub use command::{Command, KeyFile, OwnKey, Reply};
pub use event::Event;
pub use failure::{Failure, KeyTrouble};
pub use people::*;
pub use view::*;

use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// The most bytes of a text message: with its envelope and MLS's framing it stays below the relay's limit of a row. The page
/// says before it is sent that a text is longer, and the engine refuses it.
pub const MAX_TEXT: usize = 32 * 1024;

/// The most bytes of a file with certificates, which may carry the signatures of many others.
pub const MAX_KEY_FILE: usize = 256 * 1024;

/// Page to worker.
#[allow(clippy::large_enum_variant, reason = "nearly all of them are requests")]
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum ToWorker {
    /// Wants something done. The worker answers with [`FromWorker::Reply`] of the same id.
    Request {
        /// Chosen by the page, unique among its requests.
        id: u64,
        /// What to do.
        command: Command,
    },
    /// The page's `online` and `offline` events, which never fire in a worker.
    Online(bool),
}

/// Worker to page.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum FromWorker {
    /// The worker listens. What was sent before is lost.
    Ready,
    /// Answer to a request.
    Reply {
        /// The request's id.
        id: u64,
        /// What came of it.
        result: Result<Reply, Failure>,
    },
    /// Something changed.
    Event(Event),
}

/// Bytes that are not a message of this build.
#[derive(Debug, thiserror::Error)]
#[error("not a message of this build: {0}")]
pub struct Malformed(postcard::Error);

/// Encodes a message.
pub fn encode<T: Serialize>(message: &T) -> Result<Vec<u8>, Malformed> {
    postcard::to_stdvec(message).map_err(Malformed)
}

/// Decodes a message.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Malformed> {
    postcard::from_bytes(bytes).map_err(Malformed)
}
