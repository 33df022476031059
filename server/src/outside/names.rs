//! Names of hosts, and asking the DNS for them.

use crate::mail::address::valid_domain;
use async_trait::async_trait;
use hickory_resolver::{TokioResolver, net::NetError, proto::rr::RData};
use std::net::IpAddr;

/// Names that the public DNS doesn't hold (RFC 6761, RFC 6762, RFC 7686, RFC 8375, RFC 9476, and ICANN's choice for
/// private use). What answers to one is in somebody's own network.
const PRIVATE: [&str; 10] =
    ["alt", "arpa", "home", "internal", "invalid", "lan", "local", "localdomain", "localhost", "onion"];

/// A host that takes mail for a domain. Lower preferences come first.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Exchanger {
    /// Its preference.
    pub preference: u16,
    /// Its name, without a dot at the end. Empty if the domain says that it takes no mail (RFC 7505).
    pub host: String,
}

/// Why the DNS did not say.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Unresolved {
    /// There is no such name, or it has nothing of the kind that was asked for.
    NoSuchName,
    /// There was no useful answer.
    NoAnswer,
}

/// The DNS.
#[async_trait]
pub trait Names: Send + Sync {
    /// The addresses of a host.
    async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, Unresolved>;
    /// The mail exchangers of a domain.
    async fn exchangers(&self, domain: &str) -> Result<Vec<Exchanger>, Unresolved>;
}

#[async_trait]
impl Names for TokioResolver {
    async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, Unresolved> {
        let found = self.lookup_ip(absolute(host)).await?;
        Ok(found.iter().collect())
    }

    async fn exchangers(&self, domain: &str) -> Result<Vec<Exchanger>, Unresolved> {
        let found = self.mx_lookup(absolute(domain)).await?;
        let exchangers = found.answers().iter().filter_map(|record| match &record.data {
            RData::MX(mx) => Some(Exchanger {
                preference: mx.preference,
                host: mx.exchange.to_ascii().trim_end_matches('.').to_ascii_lowercase(),
            }),
            _ => None,
        });
        Ok(exchangers.collect())
    }
}

/// With the dot that keeps the machine's own domain from being tried as well.
fn absolute(name: &str) -> String {
    format!("{name}.")
}

impl From<NetError> for Unresolved {
    fn from(error: NetError) -> Self {
        if error.is_no_records_found() { Self::NoSuchName } else { Self::NoAnswer }
    }
}

/// Whether this may be the name of a host in the public DNS: at least two labels, no address, nothing special.
pub fn is_public_name(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or_default();
    valid_domain(name)
        && name.contains('.')
        // Also where others would read an address: 127.1, 0x7f.1.
        && !last.starts_with(|first: char| first.is_ascii_digit())
        && !PRIVATE.iter().any(|private| last.eq_ignore_ascii_case(private))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_hosts_are_told_from_everything_else() {
        for name in
            ["example.org", "openpgpkey.a-b.example", "xn--bcher-kva.example", "1.example", "A.Example"]
        {
            assert!(is_public_name(name), "{name}");
        }
        let long_label = format!("{}.example", "a".repeat(64));
        let long_name = format!("{}example", "a.".repeat(130));
        for name in [
            "",
            ".",
            "localhost",
            "example",
            "a.localhost",
            "printer.local",
            "db.internal",
            "1.0.0.127.in-addr.arpa",
            "127.0.0.1",
            "127.1",
            "0x7f.1",
            "2130706433",
            "0177.0.0.1",
            "[::1]",
            "::1",
            "::ffff:127.0.0.1",
            "1.2.3.4.",
            "example.org.",
            ".example.org",
            "a..example",
            "-a.example",
            "a-.example",
            "a_b.example",
            "a b.example",
            "a.example/",
            "a.example:443",
            "user@a.example",
            "a.example#",
            "a.example?",
            "a%2eexample.org",
            "bücher.example",
            "a.example\0",
            "a.example\r\n",
            "x.onion",
            &long_label,
            &long_name,
        ] {
            assert!(!is_public_name(name), "{name}");
        }
    }
}
