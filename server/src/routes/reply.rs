//! Answers that may be large. Who reads slowly holds one for long: together they may take so much memory and no more.

use crate::{auth::Caller, cbor, error::ApiError, state::State};
use axum::{
    body::Bytes,
    response::{IntoResponse as _, Response},
};
use haven_wire::Refusal;
use serde::Serialize;

/// Answers below this, in KiB, need no room: a relay that is short of it still serves short ones.
const SMALL_KIB: u32 = 64;

/// An answer whose size is known once it was read. Few are read at once, and while many large ones are being sent the next
/// large one is refused.
pub(super) async fn bounded<T: Serialize>(
    state: &State,
    caller: Caller,
    read: impl Future<Output = Result<T, ApiError>>,
) -> Result<Response, ApiError> {
    let _turn = state.reads.acquire().await.map_err(|_| Refusal::Unavailable)?;
    let bytes = haven_wire::encode(&read.await?).map_err(|_| Refusal::Internal)?;
    let kib = u32::try_from(bytes.len() / 1024).unwrap_or(u32::MAX);
    if kib < SMALL_KIB {
        return Ok((cbor::headers(), bytes).into_response());
    }
    let share = state.large_replies.try_take(caller.0, kib).ok_or(Refusal::Unavailable)?;
    Ok(held(bytes, share))
}

/// An answer that keeps its room until it was sent.
pub(super) fn held(bytes: Vec<u8>, share: impl Send + 'static) -> Response {
    (cbor::headers(), Bytes::from_owner(Held { bytes, _share: share })).into_response()
}

struct Held<S> {
    bytes: Vec<u8>,
    _share: S,
}

impl<S> AsRef<[u8]> for Held<S> {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}
