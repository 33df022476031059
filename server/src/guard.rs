//! What surrounds every route: security headers, CORS, the limit by network, counting.

use crate::{
    auth::Caller,
    cbor,
    error::ApiError,
    limits::Limit,
    routes::{groups::is_open_to_other_origins, wkd},
    state::State,
};
use axum::{
    body::HttpBody as _,
    extract::{MatchedPath, Request, State as Shared},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use haven_wire::Refusal;

/// Memory for requests that are larger than most, in KiB: a dozen of the largest commits, half a dozen of the largest
/// mails. Bodies of mail that are read have as much, and mail that arrives.
pub const LARGE_KIB: usize = 256 * 1024;
/// A request up to this size, in bytes, needs no share of it.
const SMALL: u64 = 64 * 1024;
/// When to come again, in seconds, if there was no room for a large request.
const RETRY_AFTER_S: u32 = 10;

/// Sent with every answer. A worker follows the policy of its own script's answer, so no file may lack it.
const HEADERS: [(HeaderName, &str); 7] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; connect-src 'self'; \
         img-src 'self' blob: data:; font-src 'self'; worker-src 'self'; manifest-src 'self'; frame-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types default",
    ),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-embedder-policy"), "require-corp"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    // The camera reads another person's QR code; passkeys lock the app.
    (
        HeaderName::from_static("permissions-policy"),
        "accelerometer=(), autoplay=(), browsing-topics=(), camera=(self), clipboard-read=(), \
         clipboard-write=(self), display-capture=(), encrypted-media=(), fullscreen=(self), gamepad=(), \
         geolocation=(), gyroscope=(), hid=(), idle-detection=(), local-fonts=(), magnetometer=(), microphone=(), \
         midi=(), payment=(), picture-in-picture=(), publickey-credentials-create=(self), \
         publickey-credentials-get=(self), screen-wake-lock=(), serial=(), usb=(), \
         xr-spatial-tracking=()",
    ),
];

/// The empty page that the app fills with the HTML of a mail. Styles of the mail may apply; nothing runs, and nothing is
/// fetched. It is of the app's origin, so that the app may write into it.
const MAIL_FRAME: &str = "/mail.html";
const MAIL_FRAME_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'; \
     form-action 'none'; frame-ancestors 'self'; sandbox allow-same-origin allow-popups \
     allow-popups-to-escape-sandbox";

const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// Adds security headers, answers preflights, and tells pages of other origins what is open to them.
pub async fn headers(request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let open = is_open_to_other_origins(path) || wkd::is_below(path);
    let mail_frame = path == MAIL_FRAME;
    let preflight = open && request.method() == Method::OPTIONS;
    let mut response =
        if preflight { StatusCode::NO_CONTENT.into_response() } else { next.run(request).await };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if mail_frame {
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(MAIL_FRAME_POLICY));
        headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("SAMEORIGIN"));
    }
    let resource_policy = if open { "cross-origin" } else { "same-origin" };
    headers.insert(RESOURCE_POLICY, HeaderValue::from_static(resource_policy));
    if open {
        add_cors(headers, preflight);
    }
    response
}

/// Any origin, no credentials: an origin authorises nothing, an epoch token does.
fn add_cors(headers: &mut HeaderMap, preflight: bool) {
    let mut add = |name: HeaderName, value: &'static str| {
        headers.insert(name, HeaderValue::from_static(value));
    };
    add(header::ACCESS_CONTROL_ALLOW_ORIGIN, "*");
    add(header::ACCESS_CONTROL_EXPOSE_HEADERS, "retry-after");
    if preflight {
        add(header::ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD, POST");
        add(header::ACCESS_CONTROL_ALLOW_HEADERS, "content-type, haven-epoch-token");
        add(header::ACCESS_CONTROL_MAX_AGE, "86400");
    }
}

/// Limits calls by network, and the memory that large requests take together.
pub async fn limit(Shared(state): Shared<State>, caller: Caller, request: Request, next: Next) -> Response {
    if let Err(refusal) = caller.take(&state, Limit::calls_per_network, 1) {
        return refusal.into_response();
    }
    let most = cbor::limit_at(request.uri().path()) as u64;
    // One that doesn't say how large it is may be as large as it can be; one without a body says so.
    let size = request.body().size_hint().exact().unwrap_or(most).min(most);
    let mut share = None;
    // Small ones are bounded by the number of connections.
    if size > SMALL {
        let kib = u32::try_from(size / 1024).unwrap_or(u32::MAX);
        share = state.large_requests.take(caller.0, kib).await;
        if share.is_none() {
            return ApiError(Refusal::RateLimited { retry_after_s: RETRY_AFTER_S }).into_response();
        }
    }
    let response = next.run(request).await;
    drop(share);
    response
}

/// Counts answers by route and status, and logs them. Neither a path's pattern nor a status names anybody.
pub async fn count(Shared(state): Shared<State>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map_or("assets", MatchedPath::as_str).to_owned();
    let started = std::time::Instant::now();
    let response = next.run(request).await;
    let status = response.status().as_u16();
    state.metrics.request(&route, status);
    tracing::debug!(route, status, ms = started.elapsed().as_millis() as u64, "answered");
    response
}
