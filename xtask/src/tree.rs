//! The page holds no cryptography: neither protocols, nor primitives, nor the packages of ours that use them.

use crate::process::{Failure, Outcome, Run};

/// Packages that must not be in the user interface's tree, by how their names begin.
const FORBIDDEN: [&str; 24] = [
    "aes",
    "argon2",
    "chacha20",
    "curve25519",
    "ecdsa",
    "ed25519",
    "haven-core",
    "haven-server",
    "haven-wire",
    "haven-worker",
    "hkdf",
    "hmac",
    "hpke",
    "opaque-ke",
    "openmls",
    "openssl",
    "p256",
    "p384",
    "pgp",
    "ring",
    "rsa",
    "rustls",
    "sequoia",
    "x25519",
];

/// Lists what the user interface is made of. Fails if cryptography is among it.
pub fn check() -> Outcome {
    let tree = Run::cargo()
        .args([
            "tree",
            "--locked",
            "--package",
            "haven-app",
            "--all-features",
        ])
        .args(["--target", "wasm32-unknown-unknown", "--edges", "normal"])
        .args(["--prefix", "none", "--format", "{p}", "--no-dedupe"])
        .output()?;
    let found = forbidden(&tree);
    if found.is_empty() {
        let mut packages: Vec<&str> = tree.lines().collect();
        packages.sort_unstable();
        packages.dedup();
        eprintln!(
            "No cryptography among haven-app's {} packages.",
            packages.len()
        );
        return Ok(());
    }
    Err(Failure::new(format!(
        "haven-app must hold no cryptography, but depends on {}. `cargo tree --package haven-app --target \
         wasm32-unknown-unknown --invert NAME` says through whom.",
        found.join(", ")
    )))
}

fn forbidden(tree: &str) -> Vec<&str> {
    let names = tree
        .lines()
        .filter_map(|line| line.split_whitespace().next());
    let mut found: Vec<&str> = names.filter(|name| is_forbidden(name)).collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// Whether the name begins with a forbidden one and goes on with a digit, a `-` or a `_`, or ends there.
fn is_forbidden(name: &str) -> bool {
    FORBIDDEN.iter().any(|forbidden| {
        name.strip_prefix(forbidden)
            .is_some_and(|rest| !rest.starts_with(|next: char| next.is_ascii_alphabetic()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relatives_are_found_and_strangers_are_not() {
        let tree = "haven-app v0.1.0 (/x)\nsequoia-openpgp v2.0.0\nopenmls_traits v0.6.0\nstring v1.0.0\nringbuf v1.0.0\nsequoia-openpgp v2.0.0 (*)\n";
        assert_eq!(forbidden(tree), ["openmls_traits", "sequoia-openpgp"]);
    }
}
