//! The chat benchmark: what `haven_worker::bench` exports, as a wasm module of its own.

pub use haven_worker::bench;

fn main() {}
