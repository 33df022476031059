//! An address whose certificate is looked for.

use crate::{mail::address::valid, outside::names::is_public_name};

/// An address in two parts.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Address {
    /// Before the `@`, as it was written.
    pub local: String,
    /// After it, in lower case.
    pub domain: String,
}

impl Address {
    /// Nothing for what can't be an address, or one whose domain is not in the public DNS. (`localhost` may be this relay.)
    pub fn parse(address: &str) -> Option<Self> {
        let (local, domain) = address.rsplit_once('@').filter(|_| valid(address))?;
        let domain = domain.to_ascii_lowercase();
        let good = is_public_name(&domain) || domain == "localhost";
        good.then(|| Self { local: local.to_owned(), domain })
    }
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
