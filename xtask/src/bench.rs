//! Benchmarks.

use std::path::Path;

use crate::{
    browser,
    process::{Failure, Outcome, Run},
    relay, tools,
};

/// The chat benchmark in a browser, against the optimised build.
pub fn chat(arguments: &[&str]) -> Outcome {
    let script = Path::new("end2end/bench/chat.mjs");
    if !script.exists() {
        let sentence = "The chat benchmark is not written yet: end2end/bench/chat.mjs is missing.";
        return Err(Failure::new(sentence));
    }
    tools::npm_packages()?;
    let relay = relay::release()?;
    Run::new("node")
        .args([script])
        .args(arguments)
        .env("CHROME_BIN", browser::chromium()?)
        .env("HAVEN_SERVER", relay)
        .wait()
}
