//! The Web Key Directory of this domain, by both of its methods. Anybody may read it, from any page.
//!
//! The hash alone says who is meant; the `l` parameter, which repeats the local part, is not looked at.

use crate::{auth::Caller, error::ApiError, limits::Limit, state::State};
use axum::{
    Router,
    extract::{Path, State as Shared},
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::get,
};

const ROOT: &str = "/.well-known/openpgpkey";

/// The paths of this module.
pub fn router() -> Router<State> {
    let directory = Router::new()
        .route("/{domain}/hu/{hash}", get(advanced))
        .route("/{domain}/policy", get(advanced_policy))
        .route("/hu/{hash}", get(direct))
        .route("/policy", get(policy))
        // Or the web app would answer.
        .fallback(async || StatusCode::NOT_FOUND);
    Router::new().nest(ROOT, directory)
}

/// Whether a path belongs to the directory, which is open to pages of other origins.
pub fn is_below(path: &str) -> bool {
    path.starts_with(ROOT)
}

async fn advanced(
    state: Shared<State>,
    caller: Caller,
    Path((domain, hash)): Path<(String, String)>,
) -> Response {
    if is_ours(&state, &domain) { direct(state, caller, Path(hash)).await } else { not_found() }
}

async fn direct(Shared(state): Shared<State>, caller: Caller, Path(hash): Path<String>) -> Response {
    if let Err(refusal) = caller.take(&state, Limit::wkd_per_network, 1) {
        return refusal.into_response();
    }
    match state.store.certificate_by_wkd(&hash).await {
        Ok(Some(certificate)) => octets(certificate),
        Ok(None) => not_found(),
        Err(error) => ApiError::from(error).into_response(),
    }
}

async fn advanced_policy(Shared(state): Shared<State>, Path(domain): Path<String>) -> Response {
    if is_ours(&state, &domain) { policy().await } else { not_found() }
}

/// Empty: nothing differs from the draft. Some clients take a directory without this file for none.
async fn policy() -> Response {
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], "").into_response()
}

fn is_ours(state: &State, domain: &str) -> bool {
    domain.eq_ignore_ascii_case(&state.config.domain)
}

fn octets(bytes: Vec<u8>) -> Response {
    let headers = [(header::CONTENT_TYPE, "application/octet-stream"), (header::CACHE_CONTROL, "no-cache")];
    (headers, bytes).into_response()
}

fn not_found() -> Response {
    StatusCode::NOT_FOUND.into_response()
}
