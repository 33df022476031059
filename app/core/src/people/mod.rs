//! Who is known here, from chat and from mail together.
//!
//! People are those whose certificate is pinned, or who were blocked, and everybody whom this person wrote a mail to.
//! Strangers who only wrote are not listed until they get an answer, but have a page by their address as well.
//!
//! - [`views`]: the list, and a person's page.
//! - [`verify`]: comparing certificates with their owners.
//! - [`files`]: certificates from files.
//! - [`vault`]: who is pinned and blocked, for a person's next device.

mod files;
mod vault;
mod verify;
mod views;
