//! Whether the relay is alive and able to store.

use crate::state::State;
use axum::{Router, extract::State as Shared, http::StatusCode, routing::get};
use std::time::Duration;

/// A disk that takes longer than this is not ready.
const READY_WITHIN: Duration = Duration::from_secs(2);

/// The paths of this module.
pub fn router() -> Router<State> {
    Router::new().route("/healthz", get(async || "ok\n")).route("/readyz", get(ready))
}

/// Writes to the database and waits until it is on disk.
async fn ready(Shared(state): Shared<State>) -> (StatusCode, &'static str) {
    match tokio::time::timeout(READY_WITHIN, state.store.probe()).await {
        Ok(Ok(())) => (StatusCode::OK, "ready\n"),
        Ok(Err(_)) => (StatusCode::SERVICE_UNAVAILABLE, "can't store\n"),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "storing takes too long\n"),
    }
}
