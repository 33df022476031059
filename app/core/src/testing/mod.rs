//! What tests and benchmarks need: people with devices, a relay in memory, and crashes on demand.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "only tests use it"
)]

mod crash;
mod people;
mod relay;
mod world;

pub use crash::{Crash, CrashStore};
pub use people::{ORIGIN, account, another_device};
pub use relay::{Connection, Fault, Tamper, TestRelay};
pub use world::{Device, Who, World};
