//! A relay on a random port, people with accounts, groups with tokens.
//!
//! `TestRelay::start()` is all that a test with real clients needs: `relay.origin()` is where they connect.

pub mod dns;
pub mod group;
pub mod mail;
pub mod mail_server;
pub mod person;
pub mod smtp;
pub mod socket;

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Request, Response, header},
};
use clap::Parser as _;
use haven_server::{
    app,
    config::{Config, Options},
    relay::Relay,
    routes::push::Patience,
    state::State,
    store::sqlite::SqliteStore,
};
use haven_wire::{Authorisation, Call, EPOCH_TOKEN_HEADER, Refusal, ids::*};
use http_body_util::BodyExt as _;
use std::{net::SocketAddr, path::Path, sync::Arc};
use tokio::{sync::oneshot, task::JoinHandle};
use tower::ServiceExt as _;

/// How a call is authorised.
#[derive(Clone, Copy)]
pub enum By<'a> {
    Nobody,
    Session(&'a SessionToken),
    Token(&'a EpochToken),
}

/// A relay that serves on a random port of this machine until it is dropped or stopped.
pub struct TestRelay {
    pub state: State,
    pub store: Arc<SqliteStore>,
    pub address: SocketAddr,
    pub smtp: Option<SocketAddr>,
    app: Router,
    stop: Option<oneshot::Sender<()>>,
    served: JoinHandle<()>,
    data: tempfile::TempDir,
}

/// The configuration of a relay in `data`, on a random port.
pub fn config(data: &Path) -> Config {
    let data = data.to_str().unwrap();
    let options = ["haven-server", "--listen", "127.0.0.1:0", "--metrics", "off", "--data", data];
    let mut config = Config::load(Options::parse_from(options)).unwrap();
    // Without the web app, whose files would be read anew for each test.
    config.web_root = Some(config.data.clone());
    config
}

impl TestRelay {
    pub async fn start() -> Self {
        Self::start_with(|_| (), Patience::default()).await
    }

    pub async fn start_with(change: impl FnOnce(&mut Config), patience: Patience) -> Self {
        Self::over(tempfile::tempdir().unwrap(), change, patience).await
    }

    async fn over(data: tempfile::TempDir, change: impl FnOnce(&mut Config), patience: Patience) -> Self {
        let mut config = config(&data.path().join("data"));
        change(&mut config);
        let relay = Relay::open_with(config, patience).await.unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let state = relay.state.clone();
        Self {
            app: app(state.clone()),
            state,
            store: relay.store(),
            address: relay.address(),
            smtp: relay.smtp_address(),
            stop: Some(stop),
            served: tokio::spawn(relay.serve(async {
                let _ = stopped.await;
            })),
            data,
        }
    }

    /// `http://127.0.0.1:<port>`
    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The data directory.
    pub fn data(&self) -> std::path::PathBuf {
        self.data.path().join("data")
    }

    /// Ends the relay as SIGTERM does.
    pub async fn stop(mut self) -> tempfile::TempDir {
        let _ = self.stop.take().unwrap().send(());
        (&mut self.served).await.unwrap();
        self.data
    }

    /// Ends the relay, and starts another over the same data.
    pub async fn restart(self) -> Self {
        Self::over(self.stop().await, |_| (), Patience::default()).await
    }

    pub async fn raw(&self, request: Request<Body>) -> Response<Body> {
        self.app.clone().oneshot(request).await.unwrap()
    }

    pub async fn get(&self, path: &str, headers: &[(&str, &str)]) -> (Response<()>, Vec<u8>) {
        let mut request = Request::get(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        split(self.raw(request.body(Body::empty()).unwrap()).await).await
    }

    /// A call, in the same process.
    pub async fn call<C: Call>(&self, call: &C, by: By<'_>) -> Result<C::Reply, Refusal> {
        let (response, body) = split(self.raw(request(call, by)).await).await;
        answer::<C>(&response, &body)
    }

    /// The size and status of a call's answer.
    pub async fn answer_shape<C: Call>(&self, call: &C, by: By<'_>) -> (u16, usize) {
        let (response, body) = split(self.raw(request(call, by)).await).await;
        (response.status().as_u16(), body.len())
    }
}

pub async fn split(response: Response<Body>) -> (Response<()>, Vec<u8>) {
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes().to_vec();
    (Response::from_parts(parts, ()), body)
}

pub fn answer<C: Call>(response: &Response<()>, body: &[u8]) -> Result<C::Reply, Refusal> {
    if response.status() == 200 {
        Ok(haven_wire::decode(body).unwrap())
    } else {
        let refusal: Refusal = haven_wire::decode(body).unwrap();
        assert_eq!(refusal.status(), response.status().as_u16());
        Err(refusal)
    }
}

pub fn headers_of<C: Call>(by: By<'_>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, "application/cbor".parse().unwrap());
    match by {
        By::Nobody => assert_eq!(C::AUTHORISATION, Authorisation::Open),
        By::Session(token) => {
            assert_eq!(C::AUTHORISATION, Authorisation::Session);
            let value = format!("Bearer {}", token.to_hex());
            headers.insert(header::AUTHORIZATION, value.parse().unwrap());
        }
        By::Token(token) => {
            assert_eq!(C::AUTHORISATION, Authorisation::EpochToken);
            headers.insert(EPOCH_TOKEN_HEADER, token.to_hex().parse().unwrap());
        }
    }
    headers
}

pub fn request<C: Call>(call: &C, by: By<'_>) -> Request<Body> {
    let body = haven_wire::encode(call).unwrap();
    let mut request = Request::post(C::PATH).body(Body::empty()).unwrap();
    *request.headers_mut() = headers_of::<C>(by);
    request.headers_mut().insert(header::CONTENT_LENGTH, body.len().into());
    *request.body_mut() = body.into();
    request
}

/// Random bytes.
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).unwrap();
    bytes
}
