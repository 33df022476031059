//! Components in a real browser, with a scripted engine.
#![cfg(target_arch = "wasm32")]
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "clippy does not know these tests by their attribute"
)]

mod conversation;
mod keys;
mod mail;
mod page;
mod people;
mod session;
mod timeline;

wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_browser);
