//! The web app.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    compress, fingerprint, parts,
    process::{Failure, Outcome, Run},
    tools, workspace,
};

/// Everything that the web app is made of, and this program, which makes it.
const SOURCES: [&str; 12] = [
    ".cargo/config.toml",
    "Cargo.lock",
    "Cargo.toml",
    "Trunk.toml",
    "app",
    "end2end/package-lock.json",
    "public",
    "rust-toolchain.toml",
    "server/wire",
    "style",
    "xtask/src/parts.rs",
    "xtask/src/web.rs",
];

/// Builds the optimised web app into `dist`, with a compressed copy of each file, unless it is there already.
pub fn release() -> Outcome {
    let stamp = workspace::notes()?.join("web");
    let wanted = fingerprint_of(&SOURCES)?;
    if read_stamp(&stamp) == Some((wanted, served())) {
        eprintln!("The web app in {}/ is up to date.", workspace::DIST);
        return Ok(());
    }
    tools::for_the_web()?;
    tools::wasm_split()?;
    fetch()?;
    trunk("build").args(["--release"]).env("HAVEN_BUILD", build_number()).env(parts::SPLIT, "1").wait()?;
    parts::replace_page(Path::new(workspace::DIST))?;
    shrink_engine(Path::new(workspace::DIST))?;
    stamp_service_worker(Path::new(workspace::DIST))?;
    compress::directory(Path::new(workspace::DIST))?;
    let text = format!("{wanted:016x} {:016x}", served());
    fs::write(&stamp, text).map_err(|error| Failure::file("Writing", &stamp, &error))
}

/// Tells tabs of different builds which one is newer: how many commits there are, or 0 outside a checkout.
fn build_number() -> String {
    let count = Run::new("git").args(["rev-list", "--count", "HEAD"]).quiet_output();
    count.map_or_else(|| "0".into(), |count| count.trim().to_owned())
}

/// Twice more over the engine, which Trunk has optimised for speed: that leaves more than a kilobyte over.
fn shrink_engine(dist: &Path) -> Outcome {
    let engine = dist.join("haven-worker_bg.wasm");
    Run::new("wasm-opt").args(["-Os", "-Oz", "--quiet"]).args([&engine, Path::new("-o"), &engine]).wait()
}

/// Writes into the service worker what it keeps for starting without a network, and a name for this build of it.
fn stamp_service_worker(dist: &Path) -> Outcome {
    const NOT_KEPT: [&str; 4] = ["index.html", "sw.js", "robots.txt", "OFL.txt"];
    let mut files = fingerprint::files(dist)?;
    let name = |file: &PathBuf| file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    files.retain(|file| !NOT_KEPT.contains(&name(file).as_str()) && !name(file).ends_with(".br"));
    files.sort();
    let build = fingerprint::of(&fingerprint::files(dist)?)?;
    let paths: Vec<String> = files
        .iter()
        .filter_map(|file| file.strip_prefix(dist).ok())
        .map(|file| format!("\"/{}\"", file.to_string_lossy().replace('\\', "/")))
        .collect();
    let script = dist.join("sw.js");
    let failed = |error| Failure::file("Stamping", &script, &error);
    let source = fs::read_to_string(&script).map_err(failed)?;
    let stamped = source
        .replacen("const BUILD = \"unstamped\";", &format!("const BUILD = \"{build:016x}\";"), 1)
        .replacen("const FILES = [];", &format!("const FILES = [{}];", paths.join(", ")), 1);
    if stamped.contains("unstamped\";") || stamped.contains("FILES = [];") {
        return Err(Failure::new("public/sw.js has no lines for the build's name and files any more."));
    }
    fs::write(&script, stamped).map_err(failed)
}

/// Trunk with `command`. It finds its tools in the search path and downloads none, so that they are of known versions.
pub fn trunk(command: &str) -> Run {
    // Trunk's own stack says nothing about a fault in our code.
    Run::new("trunk").args([command, "--offline", "true", "--locked", "true"]).env("RUST_BACKTRACE", "0")
}

/// Downloads the dependencies, since [`trunk`] won't.
pub fn fetch() -> Outcome {
    Run::cargo().args(["fetch", "--locked", "--quiet"]).wait()
}

/// The fingerprint of what is in `dist`; zero when nothing is.
fn served() -> u64 {
    fingerprint_of(&[workspace::DIST]).unwrap_or_default()
}

fn fingerprint_of(paths: &[&str]) -> Outcome<u64> {
    let mut files = Vec::new();
    for path in paths.iter().map(Path::new).filter(|path| path.exists()) {
        files.extend(fingerprint::files(path)?);
    }
    files.retain(|file| !temporary(file));
    fingerprint::of(&files)
}

/// What editors leave beside a file.
fn temporary(file: &Path) -> bool {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with('.') && name != ".cargo" || name.ends_with('~') || name.ends_with(".swp")
}

fn read_stamp(stamp: &PathBuf) -> Option<(u64, u64)> {
    let text = fs::read_to_string(stamp).ok()?;
    let (sources, served) = text.split_once(' ')?;
    let number = |hex| u64::from_str_radix(hex, 16).ok();
    Some((number(sources)?, number(served)?))
}
