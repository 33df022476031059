//! Looks for certificates of people elsewhere: by WKD at their domain, and at a key server.
//!
//! Invariants:
//! - What is asked, and of whom, follows from the address alone. Nothing of the person who asks goes out.
//! - An answer takes at most [`WITHIN`] and [`MAX_CERTIFICATE`] bytes of each source.
//! - Nothing here judges a certificate; clients do.

mod address;
mod cache;
mod web;

pub use crate::outside::Root;
pub use address::Address;

use crate::{config::Certificates, outside::Outside};
use cache::Cache;
use haven_wire::{
    limits::MAX_CERTIFICATE,
    mail::{FoundCertificate, FoundCertificates, Source},
};
use reqwest::Url;
use std::time::{Duration, Instant};
use tokio::{sync::Semaphore, time::timeout};
use web::{Page, Web};

/// How long one source may take.
pub const WITHIN: Duration = Duration::from_secs(5);
/// Sources that are asked at a time. Others wait, within their time.
const MAX_AT_A_TIME: usize = 32;

/// Asks, and remembers answers for a while.
pub struct Finder {
    web: Web,
    wkd: bool,
    key_server: Option<String>,
    cache: Cache,
    room: Semaphore,
}

/// What a source said.
#[derive(Debug, Eq, PartialEq)]
enum Said {
    /// Certificates, in binary.
    This(Vec<u8>),
    /// It knows none.
    Nothing,
    /// It could not be asked.
    Unknown,
}

impl Finder {
    /// Over this way out, trusting the certificate authorities that this machine trusts.
    pub fn new(outside: Outside, settings: &Certificates) -> Self {
        Self::trusting(outside, settings, Vec::new())
    }

    /// [`Finder::new`], trusting other authorities if there are any: tests have their own.
    pub fn trusting(outside: Outside, settings: &Certificates, roots: Vec<Root>) -> Self {
        Self {
            web: Web::new(outside, roots),
            wkd: settings.wkd,
            key_server: settings.key_server.clone(),
            cache: Cache::default(),
            room: Semaphore::new(MAX_AT_A_TIME),
        }
    }

    /// Looks for certificates of somebody elsewhere.
    pub async fn find(&self, address: &Address) -> FoundCertificates {
        if let Some(known) = self.cache.get(address, Instant::now()) {
            return known;
        }
        let (wkd, key_server) = tokio::join!(self.within(self.wkd(address)), self.within(self.vks(address)));
        let mut answer = FoundCertificates { found: Vec::new(), incomplete: false };
        for (source, said) in [(Source::Wkd, wkd), (Source::KeyServer, key_server)] {
            match said {
                Said::This(certificate) => answer.found.push(FoundCertificate { source, certificate }),
                Said::Nothing => {}
                Said::Unknown => answer.incomplete = true,
            }
        }
        self.cache.put(address, &answer, Instant::now());
        answer
    }

    async fn within(&self, source: impl Future<Output = Said>) -> Said {
        let asked = timeout(WITHIN, async {
            let _room = self.room.acquire().await;
            source.await
        });
        asked.await.unwrap_or(Said::Unknown)
    }

    /// The advanced method; the direct one only if the domain has no host for the advanced one.
    async fn wkd(&self, Address { local, domain }: &Address) -> Said {
        if !self.wkd {
            return Said::Nothing;
        }
        let hash = crate::wkd::hash(local);
        let query = [("l", local)];
        let advanced = format!("https://openpgpkey.{domain}/.well-known/openpgpkey/{domain}/hu/{hash}");
        let direct = format!("https://{domain}/.well-known/openpgpkey/hu/{hash}");
        match self.web.get(Url::parse_with_params(&advanced, query).ok()).await {
            Page::NoSuchHost => said(self.web.get(Url::parse_with_params(&direct, query).ok()).await),
            page => said(page),
        }
    }

    /// By e-mail address, which such a server has verified.
    async fn vks(&self, Address { local, domain }: &Address) -> Said {
        let Some(server) = &self.key_server else { return Said::Nothing };
        let mut url = Url::parse(server).ok();
        if let Some(Ok(mut path)) = url.as_mut().map(Url::path_segments_mut) {
            path.pop_if_empty().extend(["vks", "v1", "by-email", &format!("{local}@{domain}")]);
        }
        said(self.web.get(url).await)
    }
}

/// Reads an answer. A host that is there and says no, or says nonsense, has no certificate.
fn said(page: Page) -> Said {
    match page {
        Page::Is(body) => binary(body).map_or(Said::Nothing, Said::This),
        Page::IsNot | Page::NoSuchHost => Said::Nothing,
        Page::Unknown => Said::Unknown,
    }
}

/// Takes the armor off, if there is one: key servers send it, and some directories do against the rules. Nothing if this
/// can't be OpenPGP: every packet begins with its highest bit set.
fn binary(body: Vec<u8>) -> Option<Vec<u8>> {
    use sequoia_openpgp::armor::{Kind, Reader, ReaderMode};
    use std::io::Read as _;
    if body.first()? & 0x80 != 0 {
        return Some(body);
    }
    let mut bare = Vec::new();
    let mut reader = Reader::from_bytes(&body, ReaderMode::Tolerant(Some(Kind::PublicKey)));
    reader.by_ref().take(MAX_CERTIFICATE as u64).read_to_end(&mut bare).ok()?;
    (bare.first()? & 0x80 != 0).then_some(bare)
}
