//! What tests and benchmarks need: people with devices, a relay in memory, and crashes on demand.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "only tests use it"
)]

mod crash;
mod drivers;
mod mail;
pub mod openpgp;
mod passive;
mod peer;
mod people;
mod probe;
mod relay;
mod world;

pub use crash::{Crash, CrashStore};
pub use drivers::{Dice, for_every_crash, for_every_lost_call, in_every_world};
pub use mail::seal;
pub use passive::PassiveClient;
pub use peer::{Peer, address, bystander, key_packages};
pub use people::{ORIGIN, account, account_with, another_device};
pub use probe::{Forged, Forgery, envelope, key_package, pointer};
pub use relay::{Answer, Connection, Fault, Tamper, TestRelay};
pub use world::{Device, Who, World};
