//! Fetches pictures that mails show from elsewhere, when their readers ask for them.
//!
//! Invariants:
//! - Nothing of the person who asks goes out: no cookie, no referrer, no name of a browser, no kept connection.
//! - Every address on the way, those of redirects included, is checked as [`Outside`] does it, and has no port, user or
//!   password in it.
//! - What is handed on begins like a picture of a kind that can do nothing but be drawn. What the server calls it doesn't
//!   count.
//! - An answer takes at most [`WITHIN`] and [`MAX_PICTURE`] bytes. Nothing is kept, and no address is logged.

use crate::outside::{NoWay, Outside, Root, browser};
use haven_wire::{
    Refusal,
    limits::{MAX_PICTURE, MAX_PICTURE_ADDRESS},
    mail::Picture,
};
use reqwest::{Client, Response, Url, header};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

/// How long a picture may take, the wait for others included.
pub const WITHIN: Duration = Duration::from_secs(10);
/// Pictures that are in memory at a time, while they are fetched and until they were handed on.
const MAX_AT_A_TIME: usize = 32;
/// Redirects that are followed.
const MAX_REDIRECTS: usize = 3;
/// After so many bytes it is plain whether this is a picture.
const ENOUGH: usize = 16;

/// Fetches pictures.
pub struct Pictures {
    outside: Outside,
    client: Option<Client>,
    room: Arc<Semaphore>,
}

/// A picture, and the room that it takes until it was handed on.
#[derive(Debug)]
pub struct Fetched {
    /// The picture.
    pub picture: Picture,
    /// Its room.
    pub room: OwnedSemaphorePermit,
}

/// Why there is no picture.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Fault {
    /// There is none, or it may not be asked for.
    #[error("there is no picture at this address")]
    NoPicture,
    /// It is larger than [`MAX_PICTURE`].
    #[error("the picture is too large")]
    TooLarge,
    /// Its server can't be reached, or failed. Another time it may do.
    #[error("the picture can't be fetched now")]
    Unreachable,
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::NoPicture => Self::NotFound,
            Fault::TooLarge => Self::TooLarge { what: "picture".into(), limit: MAX_PICTURE as u64 },
            Fault::Unreachable => Self::Unavailable,
        }
    }
}

/// What a server answers.
enum Answer {
    Picture(Picture),
    Elsewhere(Url),
}

impl Pictures {
    /// Over this way out, trusting the certificate authorities that this machine trusts.
    pub fn new(outside: Outside) -> Self {
        Self::trusting(outside, Vec::new())
    }

    /// [`Pictures::new`], trusting other authorities if there are any: tests have their own.
    pub fn trusting(outside: Outside, roots: Vec<Root>) -> Self {
        // A kept connection would let a server see that two pictures are for the same reader.
        let client = browser(&outside, roots, |builder| builder.pool_max_idle_per_host(0));
        if let Err(error) = &client {
            tracing::warn!(%error, "pictures can't be fetched from elsewhere");
        }
        Self { outside, client: client.ok(), room: Arc::new(Semaphore::new(MAX_AT_A_TIME)) }
    }

    /// Fetches the picture at an address.
    pub async fn fetch(&self, address: &str) -> Result<Fetched, Fault> {
        let fetched = timeout(WITHIN, async {
            let room = self.room.clone().acquire_owned().await.map_err(|_| Fault::Unreachable)?;
            let picture = self.follow(address).await?;
            Ok(Fetched { picture, room })
        });
        fetched.await.unwrap_or(Err(Fault::Unreachable))
    }

    async fn follow(&self, address: &str) -> Result<Picture, Fault> {
        if address.len() > MAX_PICTURE_ADDRESS {
            return Err(Fault::NoPicture);
        }
        let mut url = Url::parse(address).map_err(|_| Fault::NoPicture)?;
        for _ in 0..=MAX_REDIRECTS {
            match self.ask(url).await? {
                Answer::Picture(picture) => return Ok(picture),
                Answer::Elsewhere(other) => url = other,
            }
        }
        Err(Fault::NoPicture)
    }

    async fn ask(&self, url: Url) -> Result<Answer, Fault> {
        let client = self.client.as_ref().ok_or(Fault::Unreachable)?;
        if !is_plain(&url) {
            return Err(Fault::NoPicture);
        }
        self.outside.addresses(url.host_str().unwrap_or_default(), 0).await?;
        let response = client.get(url).send().await.map_err(|_| Fault::Unreachable)?;
        let status = response.status();
        if status.is_redirection() {
            target(&response).map(Answer::Elsewhere).ok_or(Fault::NoPicture)
        } else if status.is_success() {
            read(response).await.map(Answer::Picture)
        } else if status.is_server_error() || status.as_u16() == 429 {
            Err(Fault::Unreachable)
        } else {
            Err(Fault::NoPicture)
        }
    }
}

impl From<NoWay> for Fault {
    fn from(why: NoWay) -> Self {
        match why {
            NoWay::Unknown => Self::Unreachable,
            NoWay::NotAHost | NoWay::NoSuchHost | NoWay::NotPublic => Self::NoPicture,
        }
    }
}

/// Whether an address says where a picture is and nothing else. Other ports are those of other services.
fn is_plain(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https")
        && url.port().is_none()
        && url.username().is_empty()
        && url.password().is_none()
}

/// Where a redirect leads.
fn target(response: &Response) -> Option<Url> {
    let location = response.headers().get(header::LOCATION)?.to_str().ok()?;
    let target = response.url().join(location).ok()?;
    (target.as_str().len() <= MAX_PICTURE_ADDRESS).then_some(target)
}

/// Reads a body while it stays small and looks like a picture.
async fn read(mut response: Response) -> Result<Picture, Fault> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|_| Fault::Unreachable)? {
        if bytes.len() + chunk.len() > MAX_PICTURE {
            return Err(Fault::TooLarge);
        }
        bytes.extend_from_slice(&chunk);
        if bytes.len() >= ENOUGH && kind(&bytes).is_none() {
            return Err(Fault::NoPicture);
        }
    }
    let media_type = kind(&bytes).ok_or(Fault::NoPicture)?.to_owned();
    Ok(Picture { media_type, bytes })
}

/// The media type of what begins like this. No SVG: it is a document, which can fetch and run.
fn kind(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1A, b'\n', ..] => Some("image/png"),
        [0xFF, 0xD8, 0xFF, ..] => Some("image/jpeg"),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some("image/gif"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some("image/webp"),
        [_, _, _, _, b'f', b't', b'y', b'p', b'a', b'v', b'i', b'f' | b's', ..] => Some("image/avif"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_known_by_how_they_begin() {
        let avif = b"\0\0\0\x1cftypavif\0\0\0\0";
        for (bytes, media_type) in [
            (&b"\x89PNG\r\n\x1a\n..."[..], "image/png"),
            (b"\xff\xd8\xff\xe0...", "image/jpeg"),
            (b"GIF89a...", "image/gif"),
            (b"RIFF....WEBPVP8 ", "image/webp"),
            (avif, "image/avif"),
        ] {
            assert_eq!(kind(bytes), Some(media_type));
        }
        for other in [
            &b""[..],
            b"<svg xmlns=\"http://www.w3.org/2000/svg\">",
            b"<!doctype html>",
            b"%PDF-1.7",
            b"RIFF....WAVEfmt ",
            b"\0\0\0\x1cftypmp42\0\0\0\0",
            b"\x89PNG",
        ] {
            assert_eq!(kind(other), None);
        }
    }

    #[test]
    fn addresses_with_ports_users_or_other_schemes_are_not_asked() {
        let plain = |address: &str| Url::parse(address).is_ok_and(|url| is_plain(&url));
        assert!(plain("https://a.example/x.png?y=1#z") && plain("http://a.example:80/"));
        for address in [
            "ftp://a.example/x.png",
            "file:///etc/passwd",
            "data:image/png;base64,AAAA",
            "https://a.example:8443/",
            "http://a.example:25/",
            "https://alice@a.example/",
            "https://alice:secret@a.example/",
            "//a.example/x.png",
            "x.png",
        ] {
            assert!(!plain(address), "{address}");
        }
    }
}
