//! What the relay promises. One program: it is linked once.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests"
)]

mod common;

mod api;
mod clients;
mod finder;
mod mail;
mod mls_vectors;
mod outbound;
mod process;
mod store_conformance;
