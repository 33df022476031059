//! What a handler answers when it can't do what was asked: a [`Refusal`] in CBOR with its status.

use crate::{cbor, store::StoreError};
use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use haven_wire::Refusal;

/// A refusal on its way out.
#[derive(Debug)]
pub struct ApiError(pub Refusal);

/// What a handler answers.
pub type Answer<T> = Result<cbor::Cbor<T>, ApiError>;

impl ApiError {
    /// A part of the request makes no sense.
    pub fn bad(what: &str) -> Self {
        Self(Refusal::BadRequest { what: what.into() })
    }

    /// A part of the request is too large.
    pub fn too_large(what: &str, limit: usize) -> Self {
        Self(Refusal::TooLarge { what: what.into(), limit: limit as u64 })
    }
}

/// Refuses a part of a request that is larger than its limit.
pub fn at_most(what: &str, size: usize, limit: usize) -> Result<(), ApiError> {
    if size > limit { Err(ApiError::too_large(what, limit)) } else { Ok(()) }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        Self(refusal)
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Refused(refusal) => Self(refusal),
            StoreError::Failed(detail) => {
                tracing::error!(detail, "storage failed");
                Self(Refusal::Unavailable)
            }
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = cbor::body(&self.0);
        *response.status_mut() = status;
        if let Refusal::RateLimited { retry_after_s } = self.0 {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(retry_after_s));
        }
        response
    }
}
