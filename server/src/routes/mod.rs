//! The calls, one module for each part of the wire's API.

pub mod accounts;
pub mod certificates;
pub mod groups;
pub mod health;
pub mod inbox;
pub mod key_packages;
pub mod keys;
pub mod mail;
pub mod pictures;
pub mod push;
mod reply;
pub mod wkd;

use crate::state::State;
use haven_wire::limits::valid_local_part;

/// The part of an address of this relay before the `@`.
pub fn local_part<'a>(state: &State, address: &'a str) -> Option<&'a str> {
    let (local, domain) = address.rsplit_once('@')?;
    (domain.eq_ignore_ascii_case(&state.config.domain) && valid_local_part(local)).then_some(local)
}
