//! What Haven puts into messages, pointers and group contexts, written down a second time.

use haven_core::identity::Fingerprint;
use haven_wire::ids::{GroupId, Hash, MessageId, WelcomeId};
use mls_rs::{
    Extension, ExtensionList,
    extension::{ExtensionType, MlsExtension as _, built_in::RequiredCapabilitiesExt},
    identity::CredentialType,
};
use serde::{Deserialize, Serialize};
use serde_bytes::{ByteArray, ByteBuf};
use std::collections::BTreeMap;

/// The leaf extension that holds a device's attestation.
pub const ATTESTATION: ExtensionType = ExtensionType::new(0xff10);
/// The extension of the group context that holds a [`Context`].
pub const CONTEXT: ExtensionType = ExtensionType::new(0xff11);

/// What is in the group context.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Context {
    pub rules: u32,
    pub conversation: ByteArray<16>,
    pub origin: String,
    pub title: String,
    pub admins: Vec<Fingerprint>,
    pub knock_key: ByteArray<32>,
    pub predecessor: Option<ByteBuf>,
}

/// What an inbox entry says.
#[derive(Serialize, Deserialize)]
pub struct Pointed {
    pub origin: String,
    pub group_id: GroupId,
    pub welcome: WelcomeId,
    pub commit: Hash,
}

/// How many rows of an epoch somebody has seen, and their running hash.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    pub rows: u64,
    pub hash: ByteArray<16>,
}

/// The authenticated data of a commit.
pub fn commit_data(message_id: MessageId, seen: &Seen) -> Vec<u8> {
    [message_id.as_bytes(), &seen.rows.to_be_bytes(), &seen.hash[..]].concat()
}

/// The plaintext of a message.
#[derive(Serialize, Deserialize)]
pub struct Envelope {
    pub time: u64,
    pub seen: Seen,
    pub ended: Ended,
    pub content: Content,
}

/// A content after draft-ietf-mimi-content: salt, replaces, topic, expires, answers, extensions, body.
#[derive(Serialize, Deserialize)]
pub struct Content(
    ByteArray<16>,
    Option<ByteBuf>,
    ByteBuf,
    Option<u64>,
    Option<ByteBuf>,
    BTreeMap<String, String>,
    Part,
);

/// Disposition, language, cardinality, type, bytes.
#[derive(Serialize, Deserialize)]
struct Part(u8, String, u8, String, ByteBuf);

const TEXT: &str = "text/plain;charset=utf-8";

impl Content {
    /// A text to be rendered.
    pub fn text(salt: [u8; 16], text: &str) -> Self {
        let part = Part(1, String::new(), 1, TEXT.into(), ByteBuf::from(text));
        Self(ByteArray::new(salt), None, ByteBuf::new(), None, None, BTreeMap::new(), part)
    }

    /// The text.
    pub fn into_text(self) -> String {
        let Self(_, None, _, None, None, _, Part(1, _, 1, kind, text)) = self else {
            panic!("not a plain text");
        };
        assert_eq!(kind, TEXT);
        String::from_utf8(text.into_vec()).expect("a text")
    }
}

impl Seen {
    /// Nothing since the commit that opened the epoch.
    pub fn opening(commit: &Hash) -> Self {
        Self { rows: 0, hash: cut(Hash::of(commit.as_bytes())) }
    }

    /// One more row.
    pub fn count(&mut self, row: &Hash) {
        self.rows += 1;
        self.hash = cut(Hash::of(&[self.hash.as_slice(), row.as_bytes()].concat()));
    }
}

/// How the last epochs with rows ended for somebody: number and running hash, after one that was not seen.
#[derive(Clone, Serialize, Deserialize)]
pub struct Ended(ByteBuf);

impl Ended {
    /// Of who is a member from `epoch` on.
    pub fn since(epoch: u64) -> Self {
        let before = epoch.saturating_sub(1).to_be_bytes();
        Self(ByteBuf::from([&before[..], &[0; 16]].concat()))
    }

    /// An epoch has ended.
    pub fn add(&mut self, epoch: u64, seen: &Seen) {
        if seen.rows > 0 {
            let kept = self.0[self.0.len().saturating_sub(4 * 24)..].to_vec();
            self.0 = ByteBuf::from([&kept[..], &epoch.to_be_bytes(), &seen.hash[..]].concat());
        }
    }

    /// What is told of the epochs after `epoch`.
    pub fn after(&self, epoch: u64) -> Vec<(u64, &[u8])> {
        let ends = self.0.chunks(24).map(|end| (number(end), &end[8..]));
        ends.filter(|(ended, _)| *ended > epoch).collect()
    }

    /// Both know what came after this epoch.
    pub fn both(&self, other: &Self) -> u64 {
        number(&self.0).max(number(&other.0))
    }
}

fn number(bytes: &[u8]) -> u64 {
    u64::from_be_bytes(bytes[..8].try_into().expect("eight bytes"))
}

fn cut(hash: Hash) -> ByteArray<16> {
    ByteArray::new(hash.0[..16].try_into().expect("sixteen bytes"))
}

/// What Haven requires of every member's client.
pub fn required() -> RequiredCapabilitiesExt {
    RequiredCapabilitiesExt::new(vec![ATTESTATION, CONTEXT], vec![], vec![CredentialType::BASIC])
}

/// The extensions of a group context.
pub fn extensions(context: &Context) -> ExtensionList {
    let context = haven_wire::encode(context).expect("a context");
    let required = required().into_extension().expect("an extension");
    ExtensionList::from(vec![required, Extension::new(CONTEXT, context)])
}
