//! Addresses of people on relays: `local@domain`.

use super::Error;
use haven_wire::limits::valid_local_part;

/// A domain name, in characters (RFC 1035).
const MAX_DOMAIN: usize = 253;
/// A label of a domain name, in characters (RFC 1035).
const MAX_LABEL: usize = 63;

/// The one spelling of a relay's address: without white space around it, in lower case. Two addresses are the same if
/// this gives the same text.
///
/// Addresses of relays are plain ASCII, so that no two of them look alike in a group's list of members. Domains in
/// other scripts are written in their `xn--` form.
pub fn normalise(address: &str) -> Result<String, Error> {
    let address = address.trim().to_ascii_lowercase();
    if is_normal(&address) { Ok(address) } else { Err(Error::BadAddress) }
}

/// Whether `address` is a relay's address in the spelling of [`normalise`].
pub fn is_normal(address: &str) -> bool {
    address.split_once('@').is_some_and(|(local, domain)| valid_local_part(local) && valid_domain(domain))
}

/// The part after the `@`.
pub fn domain(address: &str) -> Result<&str, Error> {
    let parts = address.rsplit_once('@');
    parts.map(|(_, domain)| domain).ok_or(Error::BadAddress)
}

/// Whether this is a domain name, in lower case.
pub(crate) fn valid_domain(domain: &str) -> bool {
    let alphanumeric = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= MAX_LABEL
            && label.chars().all(|c| alphanumeric(c) || c == '-')
            && label.starts_with(alphanumeric)
            && label.ends_with(alphanumeric)
    };
    domain.len() <= MAX_DOMAIN && domain.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_white_space_make_no_difference() {
        assert_eq!(normalise(" Alice@Example.ORG\n").unwrap(), "alice@example.org");
        assert_eq!(normalise("bob@localhost").unwrap(), "bob@localhost");
        assert_eq!(domain("bob@localhost").unwrap(), "localhost");
    }

    #[test]
    fn what_could_deceive_or_break_something_is_no_address() {
        let long = format!("{}@example.org", "a".repeat(33));
        let deep = format!("a@{}", "a.".repeat(130));
        for wrong in [
            "",
            "alice",
            "@example.org",
            "alice@",
            "alice@@example.org",
            "alice@a@b",
            "alice@example..org",
            "alice@-example.org",
            "alice@example.org.",
            "al ice@example.org",
            "аlice@example.org",
            "alice@exаmple.org",
            "alice@example.org\0",
            "<alice@example.org>",
            "alice@example.org:443",
            &long,
            &deep,
        ] {
            assert_eq!(normalise(wrong), Err(Error::BadAddress), "{wrong}");
        }
    }
}
