//! Settings, a section each.

pub mod about;
pub mod account;
pub mod appearance;
pub mod devices;
pub mod key;
pub mod recovery;
pub mod sign_out;
