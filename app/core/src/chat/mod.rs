//! What happens in a conversation.
//!
//! - [`intents`]: what a person wants done, taken in.
//! - [`send`]: own messages, from waiting to the log.
//! - [`receive`]: rows of the log, one after the other; [`messages`] and [`commits`] among them. [`token`]: what opens
//!   the rows of an epoch.
//! - [`change`]: commits of one's own, from a job to the log. [`claims`]: who can be added. [`join`]: Welcomes.
//! - [`content`]: what is in a message. [`seen`]: how much of the log its sender had seen. [`lines`]: what a commit says
//!   in the timeline.
//! - [`records`]: what is stored of all that. [`views`]: what the page sees of it.

pub(crate) mod change;
pub(crate) mod claims;
pub(crate) mod commits;
pub(crate) mod content;
pub(crate) mod device_keys;
pub(crate) mod intents;
pub(crate) mod join;
pub(crate) mod lines;
pub(crate) mod messages;
pub(crate) mod receive;
pub(crate) mod records;
pub(crate) mod seen;
pub(crate) mod send;
pub(crate) mod token;
pub(crate) mod views;
