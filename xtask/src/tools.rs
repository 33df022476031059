//! Tools: found, or installed with a word on why. Nothing is installed outside the target directory and the
//! `node_modules` in `end2end` and `end2end/bench`, except by rustup, and by [`crate::browser`] and
//! [`crate::foreign`], which say so.

use std::path::Path;

use crate::{
    fingerprint,
    process::{Failure, Outcome, Run, find},
    workspace,
};

/// Trunk 0.22 wants a newer Rust.
const TRUNK: &str = "0.21.14";
const CARGO_DENY: &str = "0.20.2";
/// Understands what the `wasm_split_helpers` in `Cargo.lock` write.
const WASM_SPLIT: &str = "0.2.4";

/// Whatever builds the web app.
pub fn for_the_web() -> Outcome {
    wasm_target()?;
    wasm_bindgen()?;
    trunk()?;
    npm_packages()
}

/// Rust's standard library for WebAssembly.
pub fn wasm_target() -> Outcome {
    const TARGET: &str = "wasm32-unknown-unknown";
    let rustc = || Run::new("rustc").args(["--print", "target-libdir", "--target", TARGET]);
    if Path::new(rustc().output()?.trim()).is_dir() {
        return Ok(());
    }
    if find("rustup").is_none() {
        let sentence = format!(
            "Rust's {TARGET} target is missing, and so is rustup, which would install it: get Rust from rustup.rs, \
             or the target from where your Rust came."
        );
        return Err(Failure::new(sentence));
    }
    announce(&format!("Rust's {TARGET} target, by rustup: the web app is WebAssembly"));
    Run::new("rustup").args(["target", "add", TARGET]).wait()
}

/// A part of the Rust toolchain: `cargo <command>` works once it is there.
pub fn component(command: &str, component: &str) -> Outcome {
    let there = || Run::cargo().args([command, "--version"]).succeeds();
    if there() {
        return Ok(());
    }
    announce(&format!("{component}, by rustup: a part of the gate"));
    Run::new("rustup").args(["component", "add", component]).wait()
}

/// wasm-bindgen's command line and test runner. They must be of the very version that the code is compiled with.
pub fn wasm_bindgen() -> Outcome {
    let version = workspace::locked_version("wasm-bindgen")?;
    let test_runner = find("wasm-bindgen-test-runner").is_some();
    if test_runner && has_version("wasm-bindgen", &version) {
        return Ok(());
    }
    let why = "it joins WebAssembly and JavaScript";
    cargo_install("wasm-bindgen-cli", &version, why, Speed::Optimised, &[])
}

/// Trunk, which builds the web app from `app/index.html`.
pub fn trunk() -> Outcome {
    if has_version("trunk", TRUNK) {
        return Ok(());
    }
    cargo_install("trunk", TRUNK, "it puts the web app together", Speed::QuickToBuild, &[])
}

/// wasm-split, which takes the page apart. It can't say its version, so cargo's own list is asked.
pub fn wasm_split() -> Outcome {
    const PACKAGE: &str = "wasm_split_cli_support";
    let list = std::fs::read_to_string(workspace::tools().join(".crates.toml")).unwrap_or_default();
    if list.contains(&format!("\"{PACKAGE} {WASM_SPLIT} ")) && find("wasm-split-cli").is_some() {
        return Ok(());
    }
    let why = "it takes pages that are rarely opened out of the first download";
    cargo_install(PACKAGE, WASM_SPLIT, why, Speed::Optimised, &["build-binary"])
}

/// cargo-deny, which looks at the dependencies.
pub fn cargo_deny() -> Outcome {
    if has_version("cargo-deny", CARGO_DENY) {
        return Ok(());
    }
    let why = "it checks the dependencies' licences, sources and advisories";
    cargo_install("cargo-deny", CARGO_DENY, why, Speed::QuickToBuild, &[])
}

/// What `end2end/package-lock.json` lists: Playwright, mail software to test against, and Binaryen with its wasm-opt.
pub fn npm_packages() -> Outcome {
    npm_install("end2end", "wasm-opt, Playwright and mail software", "they shrink the web app and test it")
}

/// What `end2end/bench/package-lock.json` lists: core-crypto. Large, and nothing but the chat benchmark wants it.
pub fn npm_packages_of_the_benchmark() -> Outcome {
    npm_install(
        "end2end/bench",
        "parts of the chat benchmark (Wire's core-crypto)",
        "they are measured beside Haven",
    )
}

/// Installs what a directory's `package-lock.json` lists, unless it is there.
fn npm_install(directory: &str, what: &str, why: &str) -> Outcome {
    let lock = Path::new(directory).join("package-lock.json");
    let stamp = Path::new(directory).join("node_modules/.haven-installed");
    let wanted = fingerprint::of(std::slice::from_ref(&lock))?.to_string();
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    if find("npm").is_none() {
        return Err(Failure::new(format!(
            "Node.js with npm is missing, and {what} come from there: install Node.js 20 or newer from nodejs.org or your \
             system's packages."
        )));
    }
    announce(&format!("{what} into {directory}/node_modules, by npm: {why}"));
    Run::new("npm").args(["ci", "--no-audit", "--no-fund"]).directory(directory).wait()?;
    std::fs::write(&stamp, wanted).map_err(|error| Failure::file("Writing", &stamp, &error))
}

/// How much time a tool's own compilation is worth.
enum Speed {
    Optimised,
    QuickToBuild,
}

/// Whether a program of exactly this version is found.
fn has_version(program: &str, version: &str) -> bool {
    let printed = Run::new(program).args(["--version"]).quiet_output();
    printed.is_some_and(|printed| printed.split_whitespace().nth(1) == Some(version))
}

/// Builds a program from crates.io into the tool directory.
fn cargo_install(package: &str, version: &str, why: &str, speed: Speed, features: &[&str]) -> Outcome {
    announce(&format!(
        "{package} {version} into {}, by cargo: {why}. Once; takes some minutes",
        workspace::tools().display()
    ));
    let optimisation = match speed {
        Speed::Optimised => "2",
        Speed::QuickToBuild => "0",
    };
    let install = |locked: &[&str]| {
        Run::cargo()
            .args(["install", package, "--version", &format!("={version}"), "--force"])
            .args(["--features", &features.join(",")])
            .args(["--root".as_ref(), workspace::tools().as_os_str()])
            .args(locked)
            .env("CARGO_TARGET_DIR", workspace::tools().join("build"))
            .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", optimisation)
            .env("CARGO_PROFILE_RELEASE_LTO", "off")
            .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
            .env("CARGO_PROFILE_RELEASE_DEBUG", "none")
            .wait()
    };
    install(&["--locked"]).or_else(|failure| {
        // A mirror that lags may not hold yet what the lock file names.
        eprintln!("{failure} Trying again with other versions of its dependencies.");
        install(&[])
    })
}

fn announce(what: &str) {
    eprintln!("\nInstalling {what}.");
}
