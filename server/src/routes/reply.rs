//! Answers that may be large. Who reads slowly holds one for long: together they may take so much memory and no more.

use crate::{cbor, error::ApiError, state::State};
use axum::{
    body::Bytes,
    response::{IntoResponse as _, Response},
};
use haven_wire::Refusal;
use serde::Serialize;
use tokio::sync::OwnedSemaphorePermit;

/// Answers below this, in KiB, need no room: a relay that is short of it still serves short ones.
const SMALL_KIB: u32 = 64;

/// An answer whose size is known once it was read. Few are read at once, and while many large ones are being sent the next
/// large one is refused.
pub(super) async fn bounded<T: Serialize>(
    state: &State,
    read: impl Future<Output = Result<T, ApiError>>,
) -> Result<Response, ApiError> {
    let _turn = state.reads.acquire().await.map_err(|_| Refusal::Unavailable)?;
    let bytes = haven_wire::encode(&read.await?).map_err(|_| Refusal::Internal)?;
    let kib = u32::try_from(bytes.len() / 1024).unwrap_or(u32::MAX);
    if kib < SMALL_KIB {
        return Ok((cbor::headers(), bytes).into_response());
    }
    let room = state.large_replies.clone().try_acquire_many_owned(kib).map_err(|_| Refusal::Unavailable)?;
    Ok(held(bytes, room))
}

/// An answer that keeps its room until it was sent.
pub(super) fn held(bytes: Vec<u8>, room: OwnedSemaphorePermit) -> Response {
    (cbor::headers(), Bytes::from_owner(Held { bytes, _room: room })).into_response()
}

struct Held {
    bytes: Vec<u8>,
    _room: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}
