//! What application messages hold: CBOR after draft-ietf-mimi-content, in an envelope that shows what the relay
//! withheld.

use super::seen::{Ended, Seen};
use serde::{Deserialize, Serialize};

const TEXT: &str = "text/plain;charset=utf-8";

/// The plaintext of an application message.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Envelope {
    /// When it was made, in milliseconds, by the sender's clock.
    pub time: u64,
    /// What the sender had seen.
    pub seen: Seen,
    /// How the epochs before this one had ended for the sender.
    #[serde(default)]
    pub ended: Ended,
    /// The content.
    pub content: Content,
}

/// A message's content (draft-ietf-mimi-content, `mimiContent`): an array in the draft's order.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Content(
    /// Salt.
    #[serde(with = "serde_bytes")]
    [u8; 16],
    /// The message that this one replaces (edit, delete).
    Option<serde_bytes::ByteBuf>,
    /// Topic.
    serde_bytes::ByteBuf,
    /// When it expires.
    Option<u64>,
    /// The message that this one answers.
    Option<serde_bytes::ByteBuf>,
    /// Extensions.
    std::collections::BTreeMap<String, String>,
    /// The body.
    Part,
);

/// A part of a content (`NestedPart` with a single part): disposition, language, cardinality, type and bytes.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
struct Part(u8, String, u8, String, serde_bytes::ByteBuf);

/// The disposition "render".
const RENDER: u8 = 1;
/// The cardinality of a single part.
const SINGLE: u8 = 1;

impl Content {
    /// A text.
    pub fn text(salt: [u8; 16], text: &str) -> Self {
        let body = serde_bytes::ByteBuf::from(text.as_bytes());
        let part = Part(RENDER, String::new(), SINGLE, TEXT.into(), body);
        Self(salt, None, serde_bytes::ByteBuf::new(), None, None, Default::default(), part)
    }

    /// The text, if it is nothing but a text.
    pub fn as_text(&self) -> Option<&str> {
        let Self(_, replaces, _, expires, answers, _, Part(disposition, _, cardinality, kind, body)) = self;
        let plain = replaces.is_none() && expires.is_none() && answers.is_none();
        let text = *disposition == RENDER && *cardinality == SINGLE && kind == TEXT;
        if plain && text { std::str::from_utf8(body).ok() } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_comes_back() {
        let content = Content::text([7; 16], "Grüße 🌍");
        let bytes = haven_wire::encode(&content).expect("encode");
        let back: Content = haven_wire::decode(&bytes).expect("decode");
        assert_eq!(back.as_text(), Some("Grüße 🌍"));
    }

    #[test]
    fn an_edit_is_not_shown_as_a_text() {
        let Content(salt, _, topic, expires, answers, extensions, part) = Content::text([7; 16], "x");
        let replaced = Some(serde_bytes::ByteBuf::from([1; 32]));
        let edit = Content(salt, replaced, topic, expires, answers, extensions, part);
        assert_eq!(edit.as_text(), None);
    }
}
