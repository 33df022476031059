//! Where things are.

use std::path::{Path, PathBuf};

use crate::process::{Failure, Outcome};

/// The web app as it is served, below [`root`].
pub const DIST: &str = "dist";

/// Makes the workspace's root the working directory.
pub fn enter() -> Outcome {
    let root = root();
    std::env::set_current_dir(&root).map_err(|error| Failure::file("Entering", &root, &error))
}

/// The workspace's root.
pub fn root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package).to_owned()
}

/// Cargo's target directory: this program lies in its `debug`.
pub fn target() -> PathBuf {
    std::env::current_exe()
        .ok()
        .and_then(|program| Some(program.parent()?.parent()?.to_owned()))
        .unwrap_or_else(|| root().join("target"))
}

/// Where tools are installed.
pub fn tools() -> PathBuf {
    target().join("tools")
}

/// Where this program keeps its notes between two runs. Created on the way.
pub fn notes() -> Outcome<PathBuf> {
    let path = target().join("xtask");
    std::fs::create_dir_all(&path).map_err(|error| Failure::file("Creating", &path, &error))?;
    Ok(path)
}

/// The version of a package in `Cargo.lock`.
pub fn locked_version(package: &str) -> Outcome<String> {
    let path = root().join("Cargo.lock");
    let lock = std::fs::read_to_string(&path).map_err(|error| Failure::file("Reading", &path, &error))?;
    version_in(&lock, package)
        .map(str::to_owned)
        .ok_or_else(|| Failure::new(format!("Cargo.lock holds no package {package}.")))
}

fn version_in<'a>(lock: &'a str, package: &str) -> Option<&'a str> {
    let name = format!("name = \"{package}\"");
    let mut lines = lock.lines().skip_while(|line| *line != name);
    lines.nth(1)?.strip_prefix("version = \"")?.strip_suffix('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_locked_version_is_found_by_the_whole_name() {
        let lock = "[[package]]\nname = \"a-b\"\nversion = \"1.0.0\"\n\n[[package]]\nname = \"a\"\nversion = \"2.0.0\"\n";
        assert_eq!(version_in(lock, "a"), Some("2.0.0"));
        assert_eq!(version_in(lock, "c"), None);
    }
}
