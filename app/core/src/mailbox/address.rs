//! Addresses of mail, which may be anywhere: wider than those of relays (`identity/address.rs`).

use crate::identity::address::valid_domain;

/// The part before the `@`, in bytes (RFC 5321).
const MAX_LOCAL: usize = 64;
/// A whole address, in bytes (RFC 5321).
const MAX: usize = 254;

/// The one spelling of an address by which certificates are kept: trimmed, in lower case. Nothing if it is no address.
///
/// Quoted local parts are not taken: nearly nobody has one, and much software misreads them.
pub fn normalise(address: &str) -> Option<String> {
    let address = address.trim().to_ascii_lowercase();
    let (local, domain) = address.rsplit_once('@')?;
    let good = address.len() <= MAX && valid_local(local) && valid_domain(domain);
    good.then_some(address)
}

fn valid_local(local: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || ".!#$%&'*+-/=?^_`{|}~".contains(c);
    local.len() <= MAX_LOCAL && local.split('.').all(|atom| !atom.is_empty()) && local.chars().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::normalise;

    #[test]
    fn ordinary_addresses_are_taken_in_one_spelling() {
        for (written, normal) in [
            (" Bob@Example.ORG ", "bob@example.org"),
            ("o'neil+lists@mail.example.co.uk", "o'neil+lists@mail.example.co.uk"),
            ("alice@localhost", "alice@localhost"),
        ] {
            assert_eq!(normalise(written).as_deref(), Some(normal));
        }
    }

    #[test]
    fn what_could_deceive_or_inject_something_is_no_address() {
        let long = format!("{}@example.org", "a".repeat(65));
        for wrong in [
            "",
            "bob",
            "@example.org",
            "bob@",
            "bob@@example.org",
            "b b@example.org",
            "bob@example..org",
            ".bob@example.org",
            "bob.@example.org",
            "bob@-a.org",
            "bob@example.org\r\nBcc: eve@example.org",
            "\"bob smith\"@example.org",
            "bob@[127.0.0.1]",
            "bób@example.org",
            "<bob@example.org>",
            &long,
        ] {
            assert_eq!(normalise(wrong), None, "{wrong}");
        }
    }
}
