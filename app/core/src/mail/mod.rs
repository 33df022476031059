//! Mail: from a letter to messages that other mail programs open, and back.
//!
//! Pure functions over bytes. There is no state, no I/O and no clock here, and nothing of the engine, so that a program
//! which does nothing but open and compose mail links little else.
//!
//! - **Out:** [`compose()`] takes a [`Letter`]. `fields` writes header fields, `marks` makes HTML of a formatted
//!   text, `encrypt` signs and encrypts, `sealing` lets a browser's cipher do the bulk of it.
//! - **In:** [`open_entry`] and [`open_mail`] give an [`Opened`]. `mime` cuts a mail into parts, `envelope` finds the
//!   protected one, `decrypt` opens and verifies it, `protection` decides which header fields are shown, `content`
//!   collects text and attachments, `html` makes HTML harmless, `plain` makes text of it, `origin` reads what the relay
//!   wrote above it, [`status`] what servers report of a mail that was sent. At a person's word, `pictures` puts fetched
//!   pictures into it, `files` opens attachments that are encrypted by themselves, and `unchecked` reads what was
//!   refused.
//! - **Keys:** [`certificates`] judges other people's, `autocrypt` sends and reads those in header fields.
//!
//! What holds: nothing is shown of what is not whole and unchanged; nothing that stood beside a protected part is shown
//! with it; what a stranger can send costs a bounded amount of time and memory.

mod armor;
mod autocrypt;
#[cfg(any(test, feature = "testing"))]
mod bare;
pub mod certificates;
mod compose;
mod content;
mod decrypt;
mod encrypt;
mod envelope;
mod error;
mod fields;
mod files;
mod headers;
mod html;
pub mod letter;
mod marks;
mod mime;
mod open;
pub mod opened;
mod origin;
mod pictures;
mod plain;
mod protection;
mod sealing;
pub mod status;
mod unchecked;

#[cfg(any(test, feature = "testing"))]
pub(crate) use bare::{begin_message, finish_message, open_message};
pub use compose::{Composing, begin, compose};
pub use error::Error;
pub use files::opened_attachment;
pub use letter::{Composed, File, KnownCertificate, Letter};
pub use marks::formatted;
pub use open::{attachment, file_of, open_entry, open_mail, unseal};
pub use opened::{Keys, Offer, OfferedKey, Opened};
pub use pictures::{FetchedPicture, Pictured, with_pictures};
pub use sealing::{Job, Sealing};
pub use unchecked::unchecked_text;
