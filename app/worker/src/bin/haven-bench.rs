//! The benchmarks: what `haven_worker::bench` and `mail_bench` export, as a wasm module of its own.

pub use haven_worker::{bench, mail_bench};

fn main() {}
