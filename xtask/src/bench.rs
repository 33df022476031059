//! Benchmarks.

use std::{fs, path::PathBuf};

use crate::{
    browser,
    process::{Failure, Outcome, Run},
    tools, web, workspace,
};

/// The chat benchmark in a browser, against the optimised build, beside core-crypto unless that is not wanted.
pub fn chat(arguments: &[&str]) -> Outcome {
    web::release()?;
    module("haven-bench")?;
    if !arguments.contains(&"--without-peer") {
        tools::npm_packages_of_the_benchmark()?;
    }
    let app = fs::canonicalize(workspace::DIST)
        .map_err(|error| Failure::file("Finding", workspace::DIST.as_ref(), &error))?;
    // The web app's files are served beside the benchmark's, for the times of loading.
    run("end2end/bench/chat.mjs", arguments)?.env("HAVEN_DIST", app).wait()
}

/// The mail benchmark in a browser, beside openpgp.js.
pub fn mail(arguments: &[&str]) -> Outcome {
    module("haven-bench")?;
    module("haven-mail")?;
    run("end2end/bench/mail.mjs", arguments)?.wait()
}

fn run(script: &str, arguments: &[&str]) -> Outcome<Run> {
    Ok(Run::new("node")
        .args([script])
        .args(arguments.iter().filter(|argument| **argument != "--"))
        .env("CHROME_BIN", browser::chromium()?)
        .env("HAVEN_BENCH", folder()))
}

/// Where [`module`] puts what it builds.
fn folder() -> PathBuf {
    workspace::target().join("bench")
}

/// Builds one of haven-worker's programs as a module that a page's worker can load, optimised as the app's are.
fn module(program: &str) -> Outcome {
    const BUILD: [&str; 7] =
        ["build", "--locked", "--release", "--package", "haven-worker", "--target", "wasm32-unknown-unknown"];
    tools::for_the_web()?;
    let features: &[&str] = if program == "haven-bench" { &["--features", "bench"] } else { &[] };
    Run::cargo().args(BUILD).args(["--bin", program]).args(features).wait()?;
    let module = workspace::target().join(format!("wasm32-unknown-unknown/release/{program}.wasm"));
    Run::new("wasm-bindgen")
        .args(["--target", "web", "--no-typescript", "--out-dir"])
        .args([&folder(), &module])
        .wait()?;
    let bound = folder().join(format!("{program}_bg.wasm"));
    // The features that every browser of the last years has; all of them would be more than Chromium takes.
    Run::new("wasm-opt")
        .args(["-O3", "--enable-bulk-memory", "--enable-nontrapping-float-to-int", "--enable-sign-ext"])
        .args(["--enable-mutable-globals", "--enable-reference-types", "--enable-multivalue"])
        .args([&bound, &PathBuf::from("-o"), &bound])
        .wait()
}
