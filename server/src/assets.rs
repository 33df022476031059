//! The web app's files: built into the binary, or read from a directory during development.
//!
//! Files with a content hash in their name never change and are cached for ever. All others are asked for again each
//! time, which costs a 304. Files that were compressed beforehand (`name.br` beside `name`) are sent so.

use axum::{
    body::Bytes,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use haven_wire::ids::Hash;
use rust_embed::RustEmbed;
use std::{
    borrow::Cow,
    collections::BTreeMap,
    path::{Component, Path, PathBuf},
};

#[derive(RustEmbed)]
#[folder = "../dist"]
struct Embedded;

/// The files.
pub enum Assets {
    /// Those of the binary, by path.
    Built(BTreeMap<String, File>),
    /// A directory.
    Directory(PathBuf),
}

/// A file.
#[derive(Clone)]
pub struct File {
    bytes: Bytes,
    hash: [u8; 32],
}

impl Assets {
    /// The files that were there when the relay was built.
    pub fn built() -> Self {
        let files = Embedded::iter().filter_map(|path| {
            let file = Embedded::get(&path)?;
            let hash = file.metadata.sha256_hash();
            let bytes = match file.data {
                Cow::Borrowed(bytes) => Bytes::from_static(bytes),
                Cow::Owned(bytes) => Bytes::from(bytes),
            };
            Some((path.into_owned(), File { bytes, hash }))
        });
        Self::Built(files.collect())
    }

    /// The files of a directory, read anew for each request.
    pub fn directory(path: PathBuf) -> Self {
        Self::Directory(path)
    }

    /// A hash over all files and their names, which tells one build from another.
    pub fn build(&self) -> String {
        let index = match self {
            Self::Built(files) => {
                files.iter().flat_map(|(path, file)| [path.as_bytes(), &file.hash].concat()).collect()
            }
            // During development the index names all files that have a hash in their name.
            Self::Directory(_) => self.file("index.html").map(|file| file.hash.to_vec()).unwrap_or_default(),
        };
        Hash::of(&index).to_hex()
    }

    fn file(&self, path: &str) -> Option<File> {
        match self {
            Self::Built(files) => files.get(path).cloned(),
            Self::Directory(root) => {
                let relative = Path::new(path);
                let inside = relative.components().all(|part| matches!(part, Component::Normal(_)));
                let bytes = inside.then(|| std::fs::read(root.join(relative)).ok()).flatten()?;
                let hash = Hash::of(&bytes).0;
                Some(File { bytes: bytes.into(), hash })
            }
        }
    }

    /// Answers a GET for `path`, which starts with a slash.
    pub fn serve(&self, path: &str, headers: &HeaderMap) -> Response {
        let name = path.trim_start_matches('/');
        let is_page = !name.rsplit('/').next().is_some_and(|last| last.contains('.'));
        let name = if is_page { "index.html" } else { name };
        let compressed = accepts_brotli(headers).then(|| self.file(&format!("{name}.br"))).flatten();
        let (file, encoding) = match compressed {
            Some(file) => (Some(file), Some("br")),
            None => (self.file(name), None),
        };
        match file {
            Some(file) => answer(name, file, encoding, headers),
            None => (StatusCode::NOT_FOUND, "not found\n").into_response(),
        }
    }
}

fn answer(name: &str, file: File, encoding: Option<&'static str>, request: &HeaderMap) -> Response {
    let mut response = Response::default();
    let headers = response.headers_mut();
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    let caching = if has_content_hash(name) { "public, max-age=31536000, immutable" } else { "no-cache" };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    // A strong ETag names these very bytes, so the compressed file has its own.
    let tag = format!("\"{}\"", hex::encode(file.hash));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(header::ETAG, tag);
    }
    if is_known(request, &tag) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return response;
    }
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type(name)));
    if let Some(encoding) = encoding {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    *response.body_mut() = file.bytes.into();
    response
}

fn is_known(request: &HeaderMap, tag: &str) -> bool {
    request
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|known| known.trim() == "*" || known.trim().trim_start_matches("W/") == tag)
}

fn accepts_brotli(request: &HeaderMap) -> bool {
    request
        .get_all(header::ACCEPT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|coding| {
            let mut parts = coding.split(';').map(str::trim);
            parts.next() == Some("br")
                && !parts.any(|part| matches!(part, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
        })
}

/// Fewer digits of a hash that begins with as many zeros are one in four thousand million. The size in an icon's name is
/// shorter.
const FEWEST_DIGITS: usize = 8;

/// Whether Trunk has put a hash of the content into the name: `-` and hex digits before a `.` or `_`. There are 16 of
/// them, or less, because Trunk leaves zeros at the beginning out.
fn has_content_hash(name: &str) -> bool {
    let file = name.rsplit('/').next().unwrap_or(name);
    file.split('-').skip(1).any(|part| {
        let digits = part.bytes().take_while(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')).count();
        (FEWEST_DIGITS..=16).contains(&digits) && matches!(part.as_bytes().get(digits), Some(b'.' | b'_'))
    })
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "wasm" => "application/wasm",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "webp" => "image/webp",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_with_trunks_hash_are_immutable() {
        for name in [
            "app-123456789abcdef0.js",
            "app-123456789abcdef0_bg.wasm",
            "a/base-fedcba9876543210.css",
            // Its hash begins with a zero, or with several.
            "app-123456789abcdef.js",
            "app-6789abcdef_bg.wasm",
        ] {
            assert!(has_content_hash(name), "{name}");
        }
        for name in [
            "index.html",
            "worker.js",
            "app-123456789abcdef01.js",
            "app-123456789abcdefg.js",
            "deadbeefdeadbeef.js",
            "icons/haven-192.png",
            "icons/haven-maskable-512.png",
            "fonts/atkinson-next-latin.woff2",
        ] {
            assert!(!has_content_hash(name), "{name}");
        }
    }

    #[test]
    fn brotli_is_sent_to_those_who_take_it() {
        let accepts = |value: &'static str| {
            accepts_brotli(&HeaderMap::from_iter([(
                header::ACCEPT_ENCODING,
                HeaderValue::from_static(value),
            )]))
        };
        assert!(accepts("gzip, deflate, br, zstd"));
        assert!(accepts("br;q=0.5"));
        assert!(!accepts("br;q=0"));
        assert!(!accepts("gzip"));
    }

    #[test]
    fn a_directory_is_not_left() {
        let assets = Assets::directory("src".into());
        assert!(assets.file("lib.rs").is_some());
        assert!(assets.file("../Cargo.toml").is_none());
        assert!(assets.file("/etc/hosts").is_none());
        assert!(assets.file("routes/../lib.rs").is_none());
    }
}
