//! Addresses that the relay sends to, and host names.

/// Longest address (RFC 5321, section 4.5.3.1.3, without the angle brackets).
const MAX_ADDRESS: usize = 254;
/// Longest part before the `@`.
const MAX_LOCAL: usize = 64;

/// Whether this is an address in ASCII, without quotes and comments: a dot-atom and a host name.
pub fn valid(address: &str) -> bool {
    let Some((local, domain)) = address.rsplit_once('@') else {
        return false;
    };
    let atoms = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c);
    address.len() <= MAX_ADDRESS
        && local.len() <= MAX_LOCAL
        && local.split('.').all(|atom| !atom.is_empty() && atom.chars().all(atoms))
        && valid_domain(domain)
}

/// Whether this is a host name in ASCII.
pub fn valid_domain(domain: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    domain.len() <= 253 && domain.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_addresses_are_taken() {
        for address in ["a@b", "bob.o'neil+tag@mail.example.org", "x@xn--mller-kva.example", "1@2.3"] {
            assert!(valid(address), "{address}");
        }
    }

    #[test]
    fn what_could_end_a_command_or_mean_something_else_is_not() {
        let long = format!("{}@example.org", "a".repeat(65));
        for address in [
            "",
            "@",
            "a@",
            "@b",
            "a",
            "a@b@c",
            "a b@c",
            "a@b c",
            "a@b\r\nRCPT TO:<c@d>",
            "a@b>",
            "<a@b>",
            "a@-b",
            "a@b-",
            "a@b..c",
            "a..b@c",
            ".a@b",
            "\"a\"@b",
            "a@[127.0.0.1]",
            "ä@b",
            "a@ä",
            "a,b@c",
            "a@b,c",
            &long,
        ] {
            assert!(!valid(address), "{address:?}");
        }
    }
}
