//! Calls to relays over HTTP.

use crate::{
    network,
    transfer::{self, Progress},
};
use futures_util::{
    FutureExt as _,
    future::{self, Either},
};
use gloo_net::http::{Request, Response};
use gloo_timers::future::TimeoutFuture;
use haven_core::request::{Caller, Rejection};
use haven_wire::{
    Authorisation, Call, EPOCH_TOKEN_HEADER, Refusal,
    ids::{EpochToken, SessionToken},
};
use js_sys::{Array, Uint8Array};
use std::{cell::RefCell, rc::Rc};
use wasm_bindgen::JsValue;
use web_sys::{AbortController, Blob, RequestCache, RequestCredentials};

/// How long an answer may take, in milliseconds …
const PATIENCE: u32 = 30_000;
/// … and how many bytes of a body are given a millisecond more: 256 kbit/s.
const BYTES_PER_MILLI: usize = 32;
/// Chromium uploads larger bodies six times as fast from a `Blob` as from bytes.
const WORTH_A_BLOB: usize = 4 * 1024;

/// Carries out calls. It holds the session, once there is one.
#[derive(Default)]
pub struct RelayClient {
    session: RefCell<Option<Session>>,
}

struct Session {
    origin: String,
    token: SessionToken,
}

impl RelayClient {
    /// From now on, calls to `origin` that want a session use this one.
    pub fn sign_in(&self, origin: &str, token: SessionToken) {
        let origin = origin.to_owned();
        *self.session.borrow_mut() = Some(Session { origin, token });
    }

    /// Forgets the session.
    pub fn sign_out(&self) {
        self.session.take();
    }

    /// The session of a relay. It is never shown to another one.
    fn session(&self, origin: &str) -> Option<SessionToken> {
        let session = self.session.borrow();
        let session = session.as_ref().filter(|session| session.origin == origin);
        session.map(|session| session.token)
    }

    /// The header field that a call is authorised with.
    fn authorised(
        &self,
        authorisation: Authorisation,
        origin: &str,
        token: Option<EpochToken>,
    ) -> Result<Option<(&'static str, String)>, Rejection> {
        match authorisation {
            Authorisation::Open => Ok(None),
            Authorisation::Session => {
                // Not "not signed in", which would mean that the relay has ended the session.
                let session = self.session(origin).ok_or(Rejection::Unreachable)?;
                Ok(Some(("Authorization", format!("Bearer {}", session.to_hex()))))
            }
            Authorisation::EpochToken => {
                let token = token.ok_or(Rejection::Refused(Refusal::WrongEpochToken))?;
                Ok(Some((EPOCH_TOKEN_HEADER, token.to_hex())))
            }
        }
    }

    async fn carry_out<C: Call>(
        &self,
        origin: &str,
        call: &C,
        token: Option<EpochToken>,
        progress: Option<Progress>,
    ) -> Result<C::Reply, Rejection> {
        let body = haven_wire::encode(call)
            .map_err(|error| Rejection::Refused(Refusal::BadRequest { what: error.to_string() }))?;
        let authorised = self.authorised(C::AUTHORISATION, origin, token)?;
        let answer = post(format!("{origin}{}", C::PATH), authorised, body, progress).await?;
        haven_wire::decode(&answer).map_err(|_| Rejection::Unreachable)
    }
}

impl Caller for RelayClient {
    async fn call<C: Call>(
        &self,
        origin: &str,
        call: &C,
        token: Option<EpochToken>,
    ) -> Result<C::Reply, Rejection> {
        self.carry_out(origin, call, token, None).await
    }
}

/// Calls whose bodies may be large: somebody may hear how far they are.
pub struct Watched {
    /// Who carries them out.
    pub client: Rc<RelayClient>,
    /// Who hears it.
    pub progress: Option<Progress>,
}

impl Caller for Watched {
    async fn call<C: Call>(
        &self,
        origin: &str,
        call: &C,
        token: Option<EpochToken>,
    ) -> Result<C::Reply, Rejection> {
        self.client.carry_out(origin, call, token, self.progress.clone()).await
    }
}

/// What is the same for all calls, and compiled once. Gives the body of the answer.
async fn post(
    url: String,
    authorised: Option<(&'static str, String)>,
    body: Vec<u8>,
    progress: Option<Progress>,
) -> Result<Vec<u8>, Rejection> {
    let headers: Vec<_> =
        [("Content-Type", "application/cbor".to_owned())].into_iter().chain(authorised).collect();
    if network::is_offline() {
        return Err(Rejection::Unreachable);
    }
    let answer = match progress {
        Some(progress) => watched(&url, &headers, &body, progress).await?,
        None => exchange(&url, &headers, &body).await?,
    };
    if answer.status == 200 { Ok(answer.body) } else { Err(refusal(&answer)) }
}

struct Answer {
    status: u16,
    body: Vec<u8>,
}

/// Something between may answer in the relay's place, such as a proxy with an error page. It doesn't speak for it.
fn refusal(answer: &Answer) -> Rejection {
    match haven_wire::decode::<Refusal>(&answer.body) {
        Ok(refusal) if refusal.status() == answer.status => Rejection::Refused(refusal),
        _ => Rejection::Unreachable,
    }
}

/// Sends a body and reads the answer to its end, or gives up in time.
async fn exchange(url: &str, headers: &[(&str, String)], body: &[u8]) -> Result<Answer, Rejection> {
    let controller = AbortController::new().map_err(unreachable)?;
    let request = Request::post(url).cache(RequestCache::NoStore).credentials(RequestCredentials::Omit);
    let request = headers.iter().fold(request, |request, (name, value)| request.header(name, value));
    let request = request
        .abort_signal(Some(&controller.signal()))
        .body(body_of(body).map_err(unreachable)?)
        .map_err(unreachable)?;
    let response = within(patience(body.len()), &controller, request.send()).await?;
    let length = response.headers().get("Content-Length").and_then(|length| length.parse().ok());
    within(patience(length.unwrap_or(0)), &controller, read(response)).await
}

/// Waits for a part of an exchange, and ends the exchange if it takes too long, in milliseconds.
async fn within<T>(
    patience: u32,
    controller: &AbortController,
    part: impl Future<Output = Result<T, gloo_net::Error>>,
) -> Result<T, Rejection> {
    match future::select(part.boxed_local(), TimeoutFuture::new(patience)).await {
        Either::Left((done, _)) => done.map_err(unreachable),
        Either::Right(((), _)) => {
            controller.abort();
            Err(Rejection::Unreachable)
        }
    }
}

/// The same, and tells how far it is.
async fn watched(
    url: &str,
    headers: &[(&str, String)],
    body: &[u8],
    progress: Progress,
) -> Result<Answer, Rejection> {
    let blob = blob(&Uint8Array::from(body)).map_err(unreachable)?;
    let answer = transfer::exchange(url, headers, &blob, patience(body.len()), progress).await;
    answer.map(|(status, body)| Answer { status, body }).ok_or(Rejection::Unreachable)
}

/// How long a body of this size may take on its way, in milliseconds.
pub(crate) fn patience(size: usize) -> u32 {
    PATIENCE.saturating_add(u32::try_from(size / BYTES_PER_MILLI).unwrap_or(u32::MAX))
}

async fn read(response: Response) -> Result<Answer, gloo_net::Error> {
    let status = response.status();
    let body = response.binary().await?;
    Ok(Answer { status, body })
}

fn body_of(body: &[u8]) -> Result<JsValue, JsValue> {
    let bytes = Uint8Array::from(body);
    if body.len() < WORTH_A_BLOB { Ok(bytes.into()) } else { blob(&bytes).map(Into::into) }
}

fn blob(bytes: &Uint8Array) -> Result<Blob, JsValue> {
    Blob::new_with_u8_array_sequence(&Array::of1(bytes))
}

/// Browsers don't say why a fetch failed, and it makes no difference here.
fn unreachable<E>(_: E) -> Rejection {
    Rejection::Unreachable
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scope;
    use haven_wire::account::{GetVault, Info};
    use wasm_bindgen::JsCast as _;
    use wasm_bindgen_test::wasm_bindgen_test;

    fn answer(status: u16, refusal: &Refusal) -> Answer {
        let body = haven_wire::encode(refusal).unwrap();
        Answer { status, body }
    }

    #[wasm_bindgen_test]
    fn only_the_relay_refuses() {
        let refused = refusal(&answer(404, &Refusal::NotFound));
        assert_eq!(refused, Rejection::Refused(Refusal::NotFound));
        let other_status = refusal(&answer(502, &Refusal::NotFound));
        assert_eq!(other_status, Rejection::Unreachable);
        let body = b"<h1>Bad gateway</h1>".to_vec();
        let page = refusal(&Answer { status: 502, body });
        assert_eq!(page, Rejection::Unreachable);
    }

    #[wasm_bindgen_test]
    async fn a_session_is_shown_to_its_own_relay_only() {
        let client = RelayClient::default();
        let here = scope::origin();
        client.sign_in(&here, SessionToken([7; 32]));
        assert!(client.session(&here).is_some());
        assert!(client.session("https://elsewhere.example").is_none());
        let elsewhere = client.call("https://elsewhere.example", &GetVault {}, None);
        assert_eq!(elsewhere.await.err(), Some(Rejection::Unreachable));
        client.sign_out();
        assert!(client.session(&here).is_none());
    }

    #[wasm_bindgen_test]
    async fn what_is_not_a_relay_is_unreachable() {
        // The server of these tests answers, but is no relay.
        let (client, here) = (RelayClient::default(), scope::origin());
        let reply = client.call(&here, &Info {}, None).await;
        assert_eq!(reply.err(), Some(Rejection::Unreachable));
    }

    #[wasm_bindgen_test]
    fn large_bodies_go_as_blobs() {
        assert!(body_of(&[0; 10]).unwrap().is_instance_of::<Uint8Array>());
        assert!(body_of(&[0; 10_000]).unwrap().is_instance_of::<Blob>());
    }
}
