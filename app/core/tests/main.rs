//! What the engine promises. One program: the engine is generic, and would be compiled anew for each.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "helpers of tests"
)]

mod common;
mod foreign;
mod letters;
mod programs;

mod account;
mod commit_conflict;
mod conversation;
mod crash_recovery;
mod foreign_mail;
mod group_lifecycle;
mod header_protection;
mod hostile_html;
mod identity;
mod limits;
mod mail_at_a_word;
mod mail_keys;
mod mail_limits;
mod mail_round_trip;
mod mail_trouble;
mod mailbox;
mod malicious_member;
mod misbehaving_relay;
mod mls_interop;
mod mls_vectors;
mod offline_catch_up;
mod openpgp_interop;
mod own_key;
mod own_key_import;
mod own_messages;
mod people;
mod requests;
mod storage;
mod strict_parser;
mod two_devices;
