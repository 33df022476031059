//! Mail: from a letter to messages that other mail programs open, and back.
//!
//! Pure functions over bytes. There is no state, no I/O and no clock here, and nothing of the engine, so that a program
//! which does nothing but open and compose mail links little else.
//!
//! [`letter`] is what goes in when composing, [`opened`] what comes out when opening.

mod autocrypt;
pub mod certificates;
mod compose;
mod content;
mod decrypt;
mod encrypt;
mod envelope;
mod error;
mod fields;
mod headers;
mod html;
pub mod letter;
mod mime;
mod open;
pub mod opened;
mod origin;
mod protection;

pub use compose::compose;
pub use error::Error;
pub use letter::{Composed, File, KnownCertificate, Letter};
pub use open::{attachment, open_entry, open_mail, unseal};
pub use opened::{Keys, Offer, OfferedKey, Opened};
