//! The way to other people's servers, whose names strangers choose.
//!
//! Invariants:
//! - A connection goes only to an address that was checked to be public ([`public::is_public`]), and to the very address
//!   that was checked: names are resolved once, here.
//! - An address in place of a name, and a name that can't be in the public DNS, is refused before anybody is asked.

mod browser;
pub mod names;
pub mod public;

pub use browser::{Root, browser};

use hickory_resolver::TokioResolver;
use names::{Exchanger, Names, Unresolved};
use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

/// Addresses of one name that are looked at.
const MAX_ADDRESSES: usize = 8;
/// Mail exchangers of one domain that are looked at.
const MAX_EXCHANGERS: usize = 8;

/// Why there is no way to a host.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NoWay {
    /// This can't be the name of a public host.
    #[error("this is not the name of a public host")]
    NotAHost,
    /// The DNS knows no such host.
    #[error("there is no such host")]
    NoSuchHost,
    /// None of its addresses is public.
    #[error("the host has no public address")]
    NotPublic,
    /// The DNS did not answer. Another time it may.
    #[error("the name could not be looked up")]
    Unknown,
}

impl From<Unresolved> for NoWay {
    fn from(why: Unresolved) -> Self {
        match why {
            Unresolved::NoSuchName => Self::NoSuchHost,
            Unresolved::NoAnswer => Self::Unknown,
        }
    }
}

/// Where a host is: one or more checked addresses.
pub type Checked = Vec<SocketAddr>;

/// The way out; cheap to clone.
#[derive(Clone)]
pub struct Outside {
    names: Arc<dyn Names>,
    detours: Arc<BTreeMap<IpAddr, SocketAddr>>,
}

impl Outside {
    /// Where this DNS says.
    pub fn new(resolver: TokioResolver) -> Self {
        Self::with(Arc::new(resolver), BTreeMap::new())
    }

    /// With another DNS. A connection to an address in `detours`, after it passed all checks, goes where that says: tests
    /// have no public addresses.
    pub fn with(names: Arc<dyn Names>, detours: BTreeMap<IpAddr, SocketAddr>) -> Self {
        Self { names, detours: Arc::new(detours) }
    }

    /// Public addresses of a host.
    pub async fn addresses(&self, host: &str, port: u16) -> Result<Checked, NoWay> {
        if !names::is_public_name(host) {
            return Err(NoWay::NotAHost);
        }
        let found = self.names.addresses(host).await?;
        let public = found.into_iter().filter(|address| public::is_public(*address)).take(MAX_ADDRESSES);
        let checked: Checked = public.map(|address| self.detour(address, port)).collect();
        if checked.is_empty() { Err(NoWay::NotPublic) } else { Ok(checked) }
    }

    /// The hosts that take mail for a domain, the best first. Nothing if the domain names none.
    pub async fn exchangers(&self, domain: &str) -> Result<Vec<Exchanger>, NoWay> {
        if !names::is_public_name(domain) {
            return Err(NoWay::NotAHost);
        }
        let mut found = match self.names.exchangers(domain).await {
            Ok(found) => found,
            // Names that have only addresses are answered so, too.
            Err(Unresolved::NoSuchName) => Vec::new(),
            Err(Unresolved::NoAnswer) => return Err(NoWay::Unknown),
        };
        found.sort();
        found.truncate(MAX_EXCHANGERS);
        Ok(found)
    }

    fn detour(&self, address: IpAddr, port: u16) -> SocketAddr {
        self.detours.get(&address).copied().unwrap_or(SocketAddr::new(address, port))
    }
}
