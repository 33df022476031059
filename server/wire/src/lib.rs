//! The relay's API, shared by the relay and its clients.
//!
//! Every call is one `POST` whose body and answer are CBOR ([`encode`], [`decode`]). A call is a struct that
//! implements [`Call`], which names its path, its answer and how it is authorised. A refusal is a [`Refusal`] with
//! the HTTP status of [`Refusal::status`]. Rows are pushed over one WebSocket per device ([`push`]), as hints only:
//! everything that it brings can be fetched by a call as well.
//!
//! This crate holds types and limits, no logic beyond encoding. It knows no MLS and no OpenPGP: what they produce
//! are byte strings here.

pub mod account;
mod bounded;
pub mod group;
pub mod ids;
pub mod inbox;
pub mod keys;
pub mod limits;
pub mod mail;
pub mod push;
mod refusal;

pub use refusal::Refusal;

use serde::{Serialize, de::DeserializeOwned};

/// The header that carries an epoch token, in hex, on group calls.
pub const EPOCH_TOKEN_HEADER: &str = "haven-epoch-token";

/// How a call is authorised.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Authorisation {
    /// By nothing but what the body holds.
    Open,
    /// By a device's session token: `Authorization: Bearer <hex>`.
    Session,
    /// By the epoch token of a group: [`EPOCH_TOKEN_HEADER`]. Never together with a session.
    EpochToken,
}

/// One call of the relay's API: `POST {PATH}` with this value as CBOR.
pub trait Call: Serialize + DeserializeOwned {
    /// The path, which never holds an id, an address or a token.
    const PATH: &'static str;
    /// How the call is authorised.
    const AUTHORISATION: Authorisation;
    /// What the relay answers with status 200.
    type Reply: Serialize + DeserializeOwned;
}

/// Declares [`Call`] for a request type.
macro_rules! call {
    ($request:ty => $reply:ty, $authorisation:ident, $path:literal) => {
        impl crate::Call for $request {
            const PATH: &'static str = $path;
            const AUTHORISATION: crate::Authorisation = crate::Authorisation::$authorisation;
            type Reply = $reply;
        }
    };
}
pub(crate) use call;

/// A body that is not the CBOR that was expected.
#[derive(Debug, thiserror::Error)]
#[error("not the expected CBOR: {0}")]
pub struct Malformed(String);

/// Encodes a value as CBOR.
pub fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, Malformed> {
    cbor4ii::serde::to_vec(Vec::new(), value).map_err(|error| Malformed(error.to_string()))
}

/// Decodes a value from CBOR. The whole input must be used.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Malformed> {
    let mut reader = cbor4ii::core::utils::SliceReader::new(bytes);
    let mut deserializer = cbor4ii::serde::Deserializer::new(&mut reader);
    let value = T::deserialize(&mut deserializer).map_err(|error| Malformed(error.to_string()))?;
    let rest = {
        use cbor4ii::core::dec::Read as _;
        reader.fill(1).map_err(|error| Malformed(format!("{error:?}")))?.as_ref().len()
    };
    if rest > 0 { Err(Malformed("bytes after the value".into())) } else { Ok(value) }
}
