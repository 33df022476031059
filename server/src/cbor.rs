//! CBOR bodies in and out.

use crate::{error::ApiError, state::State};
use axum::{
    body::{Body, Bytes},
    extract::{FromRequest, Request},
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use haven_wire::{Call, Refusal, group::AppendCommit, limits, mail::SubmitMail};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde::Serialize;
use std::time::Duration;

/// The content type of all calls.
pub const CONTENT_TYPE: HeaderValue = HeaderValue::from_static("application/cbor");
/// A body that takes longer is given up.
const BODY_TIMEOUT: Duration = Duration::from_secs(120);

/// As an argument: the decoded request of a [`Call`]. As an answer: status 200 and the value.
pub struct Cbor<T>(pub T);

/// How large a request at this path may be.
pub fn limit_at(path: &str) -> usize {
    match path {
        AppendCommit::PATH => limits::MAX_COMMIT_REQUEST,
        SubmitMail::PATH => limits::MAX_MAIL + limits::MAX_REQUEST,
        _ => limits::MAX_REQUEST,
    }
}

impl<T: Call> FromRequest<State> for Cbor<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &State) -> Result<Self, ApiError> {
        if request.headers().get(header::CONTENT_TYPE) != Some(&CONTENT_TYPE) {
            return Err(ApiError::bad("content type"));
        }
        let bytes = collect(request.into_body(), limit_at(T::PATH)).await?;
        haven_wire::decode(&bytes).map(Self).map_err(|_| ApiError::bad("body"))
    }
}

async fn collect(body: Body, limit: usize) -> Result<Bytes, ApiError> {
    let collected = tokio::time::timeout(BODY_TIMEOUT, Limited::new(body, limit).collect()).await;
    match collected {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(ApiError::too_large("request", limit)),
        Ok(Err(_)) => Err(ApiError::bad("body")),
        Err(_) => Err(ApiError::bad("slow body")),
    }
}

impl<T: Serialize> IntoResponse for Cbor<T> {
    fn into_response(self) -> Response {
        body(&self.0)
    }
}

/// The headers of an answer with a CBOR body.
pub fn headers() -> [(HeaderName, HeaderValue); 2] {
    [(header::CONTENT_TYPE, CONTENT_TYPE), (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))]
}

/// A 200 with a CBOR body.
pub fn body<T: Serialize>(value: &T) -> Response {
    match haven_wire::encode(value) {
        Ok(bytes) => (headers(), bytes).into_response(),
        Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, Refusal::Internal.to_string()).into_response(),
    }
}
