//! Mail from other servers, over real connections: what is taken is in the mailbox, once and unreadable to all but its
//! owner; what is not is refused in the session.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests"
)]

#[path = "../common/mod.rs"]
mod common;

mod arrival;
mod attacks;
mod authentication;
mod sessions;
