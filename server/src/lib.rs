//! Haven's relay.
//!
//! It stores ciphertext, puts commits in order and serves the web app. What it must never learn is written in
//! `SECURITY.md`; how it keeps that, module by module:
//!
//! - [`routes`] implement the API of `haven-wire`. Group calls know epoch tokens and no accounts.
//! - [`store`] remembers. Appending a row is accepting, ordering and delivering it, in one transaction.
//! - [`fanout`] pushes rows to sockets after they are durable. Pushes are hints.
//! - [`header`] reads four fields of an MLS message; nothing here parses more.
//! - [`opaque`] checks passwords that it never sees.
//! - [`mail`] encrypts what arrives before it is stored, and seals what is on its way.
//! - [`limits`] slow down those who ask too much; [`auth`] tells who is asking.
//! - [`guard`] adds security headers to every answer; [`mod@assets`] are the web app's files.
//! - [`finder`] looks for certificates elsewhere, [`pictures`] fetches what mails show from there; [`outside`] keeps both, and everything else that connects to servers whose
//!   names strangers choose, off private networks.
//! - [`certificate`] says which one may follow another in the directory.
//! - [`wkd`] is how the rest of the world finds certificates.
//! - [`serve`] listens, [`upkeep`] delivers pointers and deletes what is old.

pub mod assets;
pub mod auth;
pub mod cbor;
pub mod certificate;
pub mod config;
pub mod error;
pub mod fanout;
pub mod finder;
pub mod guard;
pub mod header;
pub mod limits;
pub mod mail;
pub mod metrics;
pub mod opaque;
pub mod outside;
pub mod pictures;
pub mod relay;
pub mod routes;
pub mod secret_file;
pub mod serve;
pub mod shares;
pub mod state;
pub mod store;
pub mod upkeep;
pub mod wkd;

use axum::{
    Router,
    extract::{Request, State as Shared},
    http::{Method, StatusCode},
    middleware::{from_fn, from_fn_with_state},
    response::{IntoResponse, Response},
};
use error::ApiError;
use haven_wire::Refusal;
use state::State;
use tower_http::catch_panic::CatchPanicLayer;

/// All routes, with what surrounds them.
pub fn app(state: State) -> Router {
    Router::new()
        .merge(routes::accounts::router())
        .merge(routes::certificates::router())
        .merge(routes::groups::router())
        .merge(routes::inbox::router())
        .merge(routes::key_packages::router())
        .merge(routes::keys::router())
        .merge(routes::mail::router())
        .merge(routes::pictures::router())
        .merge(routes::push::router())
        .merge(routes::wkd::router())
        .merge(routes::health::router())
        .route_layer(from_fn_with_state(state.clone(), guard::limit))
        .fallback(assets)
        .layer(CatchPanicLayer::custom(|_| ApiError(Refusal::Internal).into_response()))
        .layer(from_fn_with_state(state.clone(), guard::count))
        .layer(from_fn(guard::headers))
        .with_state(state)
}

/// What no route takes: the web app's files.
async fn assets(Shared(state): Shared<State>, request: Request) -> Response {
    let path = request.uri().path();
    if path.starts_with("/v1/") {
        ApiError(Refusal::NotFound).into_response()
    } else if matches!(*request.method(), Method::GET | Method::HEAD) {
        state.assets.serve(path, request.headers())
    } else {
        StatusCode::METHOD_NOT_ALLOWED.into_response()
    }
}
