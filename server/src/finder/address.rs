//! An address whose certificate is looked for.

use crate::outside::names::is_public_name;

/// What a local part may hold beside letters, digits and dots (RFC 5322, `atext`).
const SYMBOLS: &str = "!#$%&'*+-/=?^_`{|}~";
/// RFC 5321, section 4.5.3.1.1.
const MAX_LOCAL: usize = 64;

/// An address in two parts.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Address {
    /// Before the `@`, as it was written.
    pub local: String,
    /// After it, in lower case.
    pub domain: String,
}

impl Address {
    /// Nothing for what can't be an address, or one that would have to be quoted. The domain may be one that is not public
    /// if it has one label, as this relay's may be.
    pub fn parse(address: &str) -> Option<Self> {
        let (local, domain) = address.rsplit_once('@')?;
        let domain = domain.to_ascii_lowercase();
        let good = is_local_part(local) && (is_public_name(&domain) || domain == "localhost");
        good.then(|| Self { local: local.to_owned(), domain })
    }
}

fn is_local_part(local: &str) -> bool {
    let atext = |c: char| c.is_ascii_alphanumeric() || SYMBOLS.contains(c);
    local.len() <= MAX_LOCAL && local.split('.').all(|atom| !atom.is_empty() && atom.chars().all(atext))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_from_what_only_looks_like_one() {
        let address = Address::parse("Joe.Doe+x@Example.ORG").unwrap();
        assert_eq!((address.local.as_str(), address.domain.as_str()), ("Joe.Doe+x", "example.org"));
        let long = format!("{}@a.example", "a".repeat(65));
        for address in [
            "",
            "@",
            "a",
            "a@",
            "@a.example",
            ".a@a.example",
            "a.@a.example",
            "a..b@a.example",
            "a b@a.example",
            "a@b@a.example",
            "\"a\"@a.example",
            "a@127.0.0.1",
            "a@[127.0.0.1]",
            "a@[IPv6:::1]",
            "a@db.internal",
            "a@router",
            "a\r\n@a.example",
            "a@a.example\r\nx",
            "a@a.example/../",
            "ä@a.example",
            &long,
        ] {
            assert_eq!(Address::parse(address), None, "{address}");
        }
    }
}
