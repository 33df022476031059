//! Pictures from elsewhere, put into a mail's HTML when its reader asked for them.
//!
//! It takes two looks at the mail: the first says which pictures there are, the second puts in what was fetched meanwhile,
//! as data URLs. So what is shown was cleaned with the pictures in it, and no text of a mail can pass for one.

use super::{
    Error, content, html,
    open::{Reader, parse, unseal},
    opened::Keys,
};
use crate::Millis;
use serde::{Deserialize, Serialize};

/// A picture that was fetched.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct FetchedPicture {
    /// Its address, as the mail has it.
    pub address: String,
    /// Its media type.
    pub media_type: String,
    /// Its bytes.
    #[serde(with = "serde_bytes")]
    pub bytes: Vec<u8>,
}

/// HTML with pictures.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct Pictured {
    /// The HTML, cleaned. Nothing if none is shown.
    pub html: Option<String>,
    /// The addresses of the pictures that are missing in it.
    pub missing: Vec<String>,
}

/// The HTML of a mailbox's entry with these pictures in it.
pub fn with_pictures(
    body: &[u8],
    fetched: &[FetchedPicture],
    keys: &Keys<'_>,
    now: Millis,
) -> Result<Pictured, Error> {
    let raw = unseal(body, keys)?;
    let mail = parse(&raw).map_err(|_| Error::NoSuchPart)?;
    let url = |picture: &FetchedPicture| {
        Some((picture.address.clone(), html::data_url(&picture.media_type, &picture.bytes)?))
    };
    let fetched = fetched.iter().filter_map(url).collect();
    Ok(Reader::new(keys, now).look(&mail, |view| {
        if !view.shows_html() {
            return Pictured::default();
        }
        let content = content::with_pictures(view.payload, fetched);
        Pictured { html: content.html, missing: content.missing }
    }))
}
