//! The relay from outside: calls in the same process, push over a real socket.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests"
)]

#[path = "../common/mod.rs"]
mod common;

mod accounts;
mod attacks;
mod certificates;
mod groups;
mod keys_and_inbox;
mod mail;
mod pictures;
mod push;
mod web;
mod wkd;
