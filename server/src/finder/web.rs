//! Reads small pages over HTTPS from servers whose names strangers choose.

use crate::outside::{NoWay, Outside, Root, browser};
use haven_wire::limits::MAX_CERTIFICATE;
use reqwest::{Client, Response, StatusCode, Url};

/// What came of a request.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Page {
    /// The body of a 200.
    Is(Vec<u8>),
    /// The host is there, and has no such page, or one that is far too large; or it may not be asked.
    IsNot,
    /// The DNS knows no such host.
    NoSuchHost,
    /// Nobody can say now.
    Unknown,
}

/// An HTTPS client that follows nobody, remembers nothing, and goes only where [`Outside`] lets it.
pub(super) struct Web {
    outside: Outside,
    client: Option<Client>,
}

impl Web {
    /// Trusts `roots`, or what this machine trusts if there are none.
    pub fn new(outside: Outside, roots: Vec<Root>) -> Self {
        let client = browser(&outside, roots, |builder| builder.https_only(true));
        if let Err(error) = &client {
            tracing::warn!(%error, "certificates can't be looked for elsewhere");
        }
        Self { outside, client: client.ok() }
    }

    /// Reads a page. Nothing stands for an address that can't be written.
    pub async fn get(&self, url: Option<Url>) -> Page {
        let (Some(client), Some(url)) = (&self.client, url) else { return Page::Unknown };
        // The client would connect to an address in place of a name without resolving anything.
        match self.outside.addresses(url.host_str().unwrap_or_default(), 443).await {
            Err(NoWay::Unknown) => return Page::Unknown,
            Err(NoWay::NoSuchHost) => return Page::NoSuchHost,
            Err(NoWay::NotAHost | NoWay::NotPublic) => return Page::IsNot,
            Ok(_) => {}
        }
        match client.get(url).send().await {
            Ok(response) => read(response).await,
            Err(_) => Page::Unknown,
        }
    }
}

/// Reads a body while it stays small.
async fn read(mut response: Response) -> Page {
    match response.status() {
        StatusCode::OK => {}
        StatusCode::TOO_MANY_REQUESTS => return Page::Unknown,
        status if status.is_server_error() => return Page::Unknown,
        _ => return Page::IsNot,
    }
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() > MAX_CERTIFICATE => return Page::IsNot,
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => return Page::Is(body),
            Err(_) => return Page::Unknown,
        }
    }
}
