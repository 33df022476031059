//! Pictures from elsewhere, for mails whose readers ask for them.

use super::reply;
use crate::{
    auth::{SignedIn as By, take},
    cbor::Cbor,
    error::ApiError,
    limits::Limit,
    pictures::Fetched,
    state::State,
};
use axum::{Router, extract::State as Shared, response::Response, routing::post};
use haven_wire::{Call as _, Refusal, mail::GetPicture};

/// The call of this module.
pub fn router() -> Router<State> {
    Router::new().route(GetPicture::PATH, post(picture))
}

async fn picture(
    Shared(state): Shared<State>,
    By(session): By,
    Cbor(call): Cbor<GetPicture>,
) -> Result<Response, ApiError> {
    take(&state, Limit::pictures, session.account, 1)?;
    let Fetched { picture, room } = state.pictures.fetch(&call.url).await.map_err(Refusal::from)?;
    let bytes = haven_wire::encode(&picture).map_err(|_| Refusal::Internal)?;
    Ok(reply::held(bytes, room))
}
