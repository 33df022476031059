//! Haven's engine: identity, MLS chat and storage rules, without I/O.
//!
//! The same source runs natively (tests) and as WebAssembly in a browser's worker. It touches neither network nor
//! clock nor database by itself: calls to relays are pulled out of it ([`Engine::outgoing`]) and their answers pushed
//! in ([`Engine::confirm`], [`Engine::reject`]), what relays push goes to [`Engine::receive`], `now` is a parameter,
//! and everything stored goes through three methods of a [`store::Store`].
//!
//! Where to start reading: `engine/` for the verbs, `chat/` for what happens in a conversation, `mls/` for what
//! OpenMLS stores and how, [`identity`] for certificates, attestations and accounts.

mod chat;
mod crypto;
mod engine;
mod error;
pub mod identity;
pub mod intent;
pub mod mail;
mod mailbox;
mod memory;
mod mls;
mod network;
mod own_devices;
mod own_key;
mod people;
pub mod request;
pub mod store;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod vault_sync;

pub use engine::{Attachment, Engine, Handled, Opener, Pending};
pub use error::Error;
pub use mailbox::work;
pub use own_devices::{make_room, remove_device};

/// Milliseconds since 1970-01-01 UTC.
pub type Millis = u64;
