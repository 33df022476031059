//! Mail on its way out: what becomes of it, and what its sender is told.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests"
)]

#[path = "../common/mod.rs"]
mod common;

mod direct;
mod disk;
mod local;
mod scene;

mod signature;
mod smarthost;
