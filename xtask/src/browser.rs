//! Chromium and its driver: found, or installed where that can be done.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    process::{Failure, Outcome, Run, find},
    tools, workspace,
};

const CHROMIUMS: [&str; 5] = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

/// A Chromium: `CHROME_BIN`, one in the search path, or Playwright's own. Installs one if there is none.
pub fn chromium() -> Outcome<PathBuf> {
    if let Some(found) = find_chromium() {
        return Ok(found);
    }
    if debian_root() {
        // Together: the driver drives only the Chromium of its own version. Playwright's download would lack
        // libraries on a bare Debian.
        apt_install(&["chromium", "chromium-driver"], "the browser tests need one")?;
    } else {
        eprintln!("\nInstalling a Chromium, by Playwright: the browser tests need one.");
        Run::new("playwright").args(["install", "chromium"]).wait().ok();
    }
    find_chromium().ok_or_else(|| {
        let sentence = "No Chromium was found, and none could be installed: install Chromium or Chrome, \
                        or set CHROME_BIN to its program.";
        Failure::new(sentence)
    })
}

/// ChromeDriver, for the WebAssembly tests: `CHROMEDRIVER`, or one in the search path. Installs it on Debian.
pub fn driver() -> Outcome<PathBuf> {
    let found = || {
        let named = std::env::var_os("CHROMEDRIVER").map(PathBuf::from);
        named.and_then(find).or_else(|| find("chromedriver"))
    };
    if let Some(driver) = found() {
        return Ok(driver);
    }
    if debian_root() {
        apt_install(&["chromium-driver"], "the WebAssembly tests run in a browser")?;
    }
    found().ok_or_else(|| {
        let sentence = "No ChromeDriver was found: install the one of your Chromium's version \
                        (Debian: chromium-driver), or set CHROMEDRIVER to its program.";
        Failure::new(sentence)
    })
}

/// Writes what the WebAssembly test runner tells the driver: which browser to start.
pub fn capabilities(chromium: &Path) -> Outcome<PathBuf> {
    let path = workspace::notes()?.join("webdriver.json");
    let program = chromium.to_string_lossy().replace('\\', "\\\\").replace('"', "\\\"");
    let flags =
        r#""disable-gpu", "disable-background-networking", "disable-component-update", "no-first-run""#;
    let json = format!(r#"{{"goog:chromeOptions": {{"binary": "{program}", "args": [{flags}]}}}}"#);
    fs::write(&path, json).map_err(|error| Failure::file("Writing", &path, &error))?;
    Ok(path)
}

fn find_chromium() -> Option<PathBuf> {
    let named = std::env::var_os("CHROME_BIN").map(PathBuf::from);
    named.and_then(find).or_else(|| CHROMIUMS.iter().find_map(find)).or_else(playwrights_own)
}

/// The Chromium that Playwright would start, if it was downloaded.
fn playwrights_own() -> Option<PathBuf> {
    tools::npm_packages().ok()?;
    let script = "process.stdout.write(require('@playwright/test').chromium.executablePath())";
    let node = Run::new("node").args(["-e", script]).directory("end2end");
    let path = PathBuf::from(node.quiet_output()?);
    path.is_file().then_some(path)
}

/// Whether packages can be installed by apt-get.
pub fn debian_root() -> bool {
    let root = Run::new("id").args(["-u"]).quiet_output();
    root.is_some_and(|id| id.trim() == "0") && find("apt-get").is_some()
}

/// Installs Debian's packages.
pub fn apt_install(packages: &[&str], why: &str) -> Outcome {
    eprintln!("\nInstalling {} by apt-get: {why}.", packages.join(" and "));
    let apt = || Run::new("apt-get").env("DEBIAN_FRONTEND", "noninteractive");
    apt().args(["update", "-q"]).wait()?;
    apt().args(["install", "-q", "-y", "--no-install-recommends"]).args(packages).wait()
}
