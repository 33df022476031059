//! Benchmarks.

use std::{fs, path::PathBuf};

use crate::{
    browser,
    process::{Failure, Outcome, Run},
    tools, web, workspace,
};

/// The chat benchmark in a browser, against the optimised build.
pub fn chat(arguments: &[&str]) -> Outcome {
    web::release()?;
    let engine = engine()?;
    let app = fs::canonicalize(workspace::DIST)
        .map_err(|error| Failure::file("Finding", workspace::DIST.as_ref(), &error))?;
    // The web app's files are served beside the benchmark's, for the times of loading.
    Run::new("node")
        .args(["end2end/bench/chat.mjs"])
        .args(arguments.iter().filter(|argument| **argument != "--"))
        .env("CHROME_BIN", browser::chromium()?)
        .env("HAVEN_BENCH", &engine)
        .env("HAVEN_DIST", app)
        .wait()
}

/// Builds the engine's side of the benchmark as a module that a page's worker can load, optimised as the app's is.
fn engine() -> Outcome<PathBuf> {
    const BUILD: [&str; 11] = [
        "build",
        "--locked",
        "--release",
        "--package",
        "haven-worker",
        "--bin",
        "haven-bench",
        "--features",
        "bench",
        "--target",
        "wasm32-unknown-unknown",
    ];
    tools::for_the_web()?;
    Run::cargo().args(BUILD).wait()?;
    let module = workspace::target().join("wasm32-unknown-unknown/release/haven-bench.wasm");
    let folder = workspace::target().join("bench");
    Run::new("wasm-bindgen")
        .args(["--target", "web", "--no-typescript", "--out-dir"])
        .args([&folder, &module])
        .wait()?;
    let bound = folder.join("haven-bench_bg.wasm");
    // The features that every browser of the last years has; all of them would be more than Chromium takes.
    Run::new("wasm-opt")
        .args(["-O3", "--enable-bulk-memory", "--enable-nontrapping-float-to-int", "--enable-sign-ext"])
        .args(["--enable-mutable-globals", "--enable-reference-types", "--enable-multivalue"])
        .args([&bound, &PathBuf::from("-o"), &bound])
        .wait()?;
    Ok(folder)
}
