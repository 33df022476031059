//! What must be nowhere in a package's tree of dependencies. (`deny.toml` says who may depend on what directly.)

use crate::process::{Failure, Outcome, Run};

/// What a package may not hold, not even through others.
struct Rule {
    package: &'static str,
    target: &'static str,
    /// How the names begin, with spaces between.
    forbidden: &'static str,
}

const RULES: [Rule; 2] = [
    // The page holds no cryptography: neither protocols nor primitives, nor what of ours uses them.
    Rule {
        package: "haven-app",
        target: "wasm32-unknown-unknown",
        forbidden: "aes argon2 chacha20 curve25519 ecdsa ed25519 haven-core haven-server haven-wire \
                    haven-worker hkdf hmac hpke opaque-ke openmls openssl p256 p384 ring rsa rustls \
                    sequoia x25519",
    },
    // The relay can't read what it stores. Its tests may. Sequoia is in it to encrypt mail that arrives, without anything
    // that keeps secret keys.
    Rule {
        package: "haven-server",
        target: "x86_64-unknown-linux-gnu",
        forbidden: "haven-app haven-bridge haven-core haven-worker openmls sequoia-cert-store sequoia-gpg-agent \
                    sequoia-ipc sequoia-keystore",
    },
];

/// Fails if a package holds what it must not.
pub fn check() -> Outcome {
    RULES.iter().try_for_each(obeyed)
}

fn obeyed(rule: &Rule) -> Outcome {
    let tree = Run::cargo()
        .args(["tree", "--locked", "--package", rule.package, "--all-features"])
        .args(["--target", rule.target, "--edges", "normal"])
        .args(["--prefix", "none", "--format", "{p}", "--no-dedupe"])
        .output()?;
    let names = names(&tree);
    let found: Vec<&str> = names.iter().copied().filter(|name| is_forbidden(name, rule.forbidden)).collect();
    let Rule { package, target, .. } = rule;
    if found.is_empty() {
        eprintln!("Nothing among {package}'s {} dependencies that must not be.", names.len());
        return Ok(());
    }
    Err(Failure::new(format!(
        "{package} must not hold {}. `cargo tree --package {package} --target {target} --invert NAME` says \
         where it comes from.",
        found.join(", ")
    )))
}

/// The names of the packages below the first, each once.
fn names(tree: &str) -> Vec<&str> {
    let mut names: Vec<&str> =
        tree.lines().skip(1).filter_map(|line| line.split_whitespace().next()).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Whether the name begins with a forbidden one and goes on with a digit, a `-` or a `_`, or ends there.
fn is_forbidden(name: &str, forbidden: &str) -> bool {
    forbidden.split_whitespace().any(|forbidden| {
        name.strip_prefix(forbidden)
            .is_some_and(|rest| !rest.starts_with(|next: char| next.is_ascii_alphabetic()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_package_itself_does_not_count_and_others_count_once() {
        let tree = "haven-app v0.1.0 (/x)\nb v1.0.0\na v0.6.0\nb v1.0.0\n";
        assert_eq!(names(tree), ["a", "b"]);
    }

    #[test]
    fn relatives_are_found_and_strangers_are_not() {
        let forbidden = "openmls ring";
        assert!(is_forbidden("openmls", forbidden));
        assert!(is_forbidden("openmls_traits", forbidden));
        assert!(!is_forbidden("ringbuf", forbidden));
        assert!(!is_forbidden("string", forbidden));
    }
}
