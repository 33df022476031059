//! The gate: everything that has to pass before a change is merged, in the order of `STEPS`.

use std::time::{Duration, Instant};

use crate::{
    browser, foreign,
    process::{Failure, Outcome, Run, find},
    relay, sizes, tools, tree,
};

/// A part of the gate that also runs alone.
struct Step {
    name: &'static str,
    about: &'static str,
    run: fn(&[&str]) -> Outcome,
}

impl Step {
    const fn new(name: &'static str, about: &'static str, run: fn(&[&str]) -> Outcome) -> Self {
        Self { name, about, run }
    }
}

/// Quick ones first. What is built for one is used by the next.
const STEPS: [Step; 10] = [
    Step::new("fmt", "the code is formatted", fmt),
    Step::new("tree", "the page holds no cryptography, and the relay nothing that decrypts", |_| {
        tree::check()
    }),
    Step::new("deny", "licences, sources, advisories, who may depend on whom", deny),
    Step::new("clippy", "lints, natively and for WebAssembly", clippy),
    Step::new("docs", "documentation builds without warnings", docs),
    Step::new("test", "unit, integration and documentation tests", test),
    Step::new("wasm", "WebAssembly tests in a headless browser", wasm),
    Step::new("release", "the optimised web app and relay build", |_| relay::release().map(drop)),
    Step::new("sizes", "what is downloaded stays within its budget", |_| sizes::check()),
    Step::new("e2e", "people in browsers, against the release build", end_to_end),
];

/// Packages that exist only in a browser.
const BROWSER: [&str; 4] = ["--package", "haven-app", "--package", "haven-worker"];
/// All others.
const NATIVE: [&str; 5] = ["--workspace", "--exclude", "haven-app", "--exclude", "haven-worker"];
const WASM: [&str; 2] = ["--target", "wasm32-unknown-unknown"];

/// Runs all steps, and stops at the first that fails.
pub fn all() -> Outcome {
    let begin = Instant::now();
    let mut durations = Vec::new();
    for step in &STEPS {
        durations.push((step.name, timed(step, &[])?));
    }
    eprintln!();
    for (name, duration) in durations {
        eprintln!("{:>8}  {name}", seconds(duration));
    }
    eprintln!("All steps passed after {}.", seconds(begin.elapsed()));
    Ok(())
}

/// Runs one step, with further arguments for its tool.
pub fn one(name: &str, arguments: &[&str]) -> Outcome {
    match STEPS.iter().find(|step| step.name == name) {
        Some(step) => timed(step, arguments).map(drop),
        None => Err(Failure::new(format!("There is no step `{name}`; `cargo xtask ci` lists them."))),
    }
}

/// Prints the steps.
pub fn list() {
    for Step { name, about, .. } in &STEPS {
        println!("{name:>8}  {about}");
    }
}

fn timed(step: &Step, arguments: &[&str]) -> Outcome<Duration> {
    let Step { name, about, run } = step;
    eprintln!("\n=== {name}: {about}");
    let begin = Instant::now();
    let outcome = run(arguments);
    let duration = begin.elapsed();
    let took = seconds(duration);
    match outcome {
        Ok(()) => eprintln!("=== {name} passed after {took}"),
        Err(failure) => {
            return Err(Failure::new(format!(
                "{name} failed after {took}: {failure} Run it alone with `cargo xtask ci {name}`."
            )));
        }
    }
    Ok(duration)
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f32())
}

fn fmt(arguments: &[&str]) -> Outcome {
    tools::component("fmt", "rustfmt")?;
    Run::cargo().args(["fmt", "--all", "--check"]).args(arguments).wait()
}

fn clippy(arguments: &[&str]) -> Outcome {
    tools::component("clippy", "clippy")?;
    tools::wasm_target()?;
    // All packages natively, so that `docs` needs no other dependencies.
    Run::cargo()
        .args(["clippy", "--locked", "--all-targets", "--workspace"])
        .args(arguments)
        .args(["--", "--deny", "warnings"])
        .wait()?;
    browser_tests().args(["--no-run"]).args(arguments).wait()
}

/// The tests of the packages for browsers, linted while they are compiled: what they depend on is compiled once, and not
/// for lints and for tests.
fn browser_tests() -> Run {
    Run::cargo()
        .args(["test", "--locked", "--tests", "--all-features"])
        .args(BROWSER)
        .args(WASM)
        .env("RUSTC_WORKSPACE_WRAPPER", "clippy-driver")
        // How `cargo clippy` passes `--deny warnings` on.
        .env("CLIPPY_ARGS", "--deny__CLIPPY_HACKERY__warnings__CLIPPY_HACKERY__")
}

fn docs(arguments: &[&str]) -> Outcome {
    Run::cargo()
        .args(["doc", "--locked", "--no-deps", "--document-private-items", "--workspace"])
        .args(arguments)
        // Private items are documented, so links to them lead somewhere.
        .env("RUSTDOCFLAGS", "--deny warnings --allow rustdoc::private_intra_doc_links")
        .wait()
}

fn test(arguments: &[&str]) -> Outcome {
    foreign::programs();
    let cargo = |command: &[&str], arguments: &[&str]| {
        let cargo = Run::cargo().args(command).args(["--locked"]).args(NATIVE);
        cargo.args(arguments).wait()
    };
    if find("cargo-nextest").is_none() {
        return cargo(&["test"], arguments);
    }
    cargo(&["nextest", "run"], arguments)?;
    // nextest runs no documentation tests.
    cargo(&["test", "--doc"], &[])
}

fn wasm(arguments: &[&str]) -> Outcome {
    tools::component("clippy", "clippy")?;
    tools::wasm_target()?;
    tools::wasm_bindgen()?;
    let chromium = browser::chromium()?;
    browser_tests()
        .args(arguments)
        .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER", "wasm-bindgen-test-runner")
        .env("CHROMEDRIVER", browser::driver()?)
        .env("WASM_BINDGEN_TEST_WEBDRIVER_JSON", browser::capabilities(&chromium)?)
        .env("WASM_BINDGEN_TEST_TIMEOUT", "120")
        .wait()
}

fn end_to_end(arguments: &[&str]) -> Outcome {
    tools::npm_packages()?;
    foreign::programs();
    foreign::mail_programs();
    let relay = relay::release()?;
    let chromium = browser::chromium()?;
    let playwright = |arguments: &[&str]| {
        Run::new("playwright")
            .args(["test"])
            .args(arguments)
            .directory("end2end")
            .env("CHROME_BIN", &chromium)
            .env("HAVEN_SERVER", &relay)
            .wait()
    };
    if !arguments.is_empty() {
        return playwright(arguments);
    }
    playwright(&["--grep-invert", "@alone"])?;
    // Those that promise a second: beside other browsers they would measure how busy the machine is.
    playwright(&["--grep", "@alone", "--workers", "1"])
}

fn deny(arguments: &[&str]) -> Outcome {
    tools::cargo_deny()?;
    let check = |flags: &[&str], what: &[&str]| {
        Run::new("cargo-deny").args(["--locked", "check"]).args(flags).args(what).args(arguments).wait()
    };
    check(&[], &["bans", "licenses", "sources"])?;
    if Run::new("cargo-deny").args(["fetch", "db"]).succeeds() {
        check(&["--disable-fetch"], &["advisories"])
    } else {
        eprintln!(
            "NOT CHECKED: the advisory database could not be fetched, so known vulnerabilities were not looked for."
        );
        Ok(())
    }
}
