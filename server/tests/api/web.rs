//! The web app's files, headers, health.

use crate::common::{By, TestRelay, group::Group, request, split};
use axum::{
    body::Body,
    http::{Request, header},
};
use haven_wire::{Call as _, account::*, group::*};
use std::path::Path;

const SCRIPT: &str = "app-0123456789abcdef.js";

async fn with_files() -> (TestRelay, tempfile::TempDir) {
    let root = tempfile::tempdir().unwrap();
    let write = |name: &str, content: &str| std::fs::write(root.path().join(name), content).unwrap();
    write("index.html", "<!doctype html>index");
    write(SCRIPT, "script");
    write(&format!("{SCRIPT}.br"), "compressed script");
    write("worker_bg.wasm", "wasm");
    write("worker_bg.wasm.br", "compressed wasm");
    write("sw.js", "service worker");
    write("manifest.webmanifest", "{}");
    let path: &Path = root.path();
    let relay = TestRelay::start_with(|config| config.web_root = Some(path.into()), Default::default()).await;
    (relay, root)
}

#[tokio::test]
async fn files_have_their_type_and_caching() {
    let (relay, _root) = with_files().await;
    let immutable = "public, max-age=31536000, immutable";
    for (path, content_type, caching, body) in [
        ("/", "text/html; charset=utf-8", "no-cache", "<!doctype html>index"),
        ("/chat/some-id", "text/html; charset=utf-8", "no-cache", "<!doctype html>index"),
        ("/app-0123456789abcdef.js", "text/javascript; charset=utf-8", immutable, "script"),
        ("/worker_bg.wasm", "application/wasm", "no-cache", "wasm"),
        ("/sw.js", "text/javascript; charset=utf-8", "no-cache", "service worker"),
        ("/manifest.webmanifest", "application/manifest+json", "no-cache", "{}"),
    ] {
        let (response, bytes) = relay.get(path, &[]).await;
        assert_eq!(response.status(), 200, "{path}");
        assert_eq!(response.headers()[header::CONTENT_TYPE], content_type, "{path}");
        assert_eq!(response.headers()[header::CACHE_CONTROL], caching, "{path}");
        assert_eq!(bytes, body.as_bytes(), "{path}");
    }
    for path in ["/missing.js", "/../Cargo.toml", "/%2e%2e/Cargo.toml", "/v1/missing", "/.br"] {
        assert_eq!(relay.get(path, &[]).await.0.status(), 404, "{path}");
    }
}

#[tokio::test]
async fn compressed_files_go_to_those_who_take_them() {
    let (relay, _root) = with_files().await;
    let (response, bytes) = relay.get("/worker_bg.wasm", &[("accept-encoding", "gzip, br")]).await;
    assert_eq!(response.headers()[header::CONTENT_ENCODING], "br");
    assert_eq!(response.headers()[header::CONTENT_TYPE], "application/wasm");
    assert_eq!(response.headers()[header::VARY], "accept-encoding");
    assert_eq!(bytes, b"compressed wasm");
    let (plain, _) = relay.get("/worker_bg.wasm", &[("accept-encoding", "gzip")]).await;
    assert!(!plain.headers().contains_key(header::CONTENT_ENCODING));
    assert_eq!(plain.headers()[header::VARY], "accept-encoding");
    assert_ne!(plain.headers()[header::ETAG], response.headers()[header::ETAG]);
}

#[tokio::test]
async fn an_unchanged_file_is_not_sent_again() {
    let (relay, root) = with_files().await;
    let (first, _) = relay.get("/sw.js", &[]).await;
    let tag = first.headers()[header::ETAG].to_str().unwrap().to_owned();
    let (again, bytes) = relay.get("/sw.js", &[("if-none-match", &tag)]).await;
    assert_eq!(again.status(), 304);
    assert!(bytes.is_empty());
    assert_eq!(again.headers()[header::ETAG], tag.as_str());
    std::fs::write(root.path().join("sw.js"), "another").unwrap();
    let (changed, _) = relay.get("/sw.js", &[("if-none-match", &tag)]).await;
    assert_eq!(changed.status(), 200);
}

#[tokio::test]
async fn every_answer_has_the_security_headers() {
    let (relay, _root) = with_files().await;
    let mut answers = vec![
        relay.raw(request(&Info {}, By::Nobody)).await,
        relay.raw(request(&GetHeads { groups: Vec::new() }, By::Nobody)).await,
    ];
    for path in ["/", "/worker_bg.wasm", "/sw.js", "/missing.js", "/v1/missing", "/v1/info", "/healthz"] {
        let request = Request::get(path).body(Body::empty()).unwrap();
        answers.push(relay.raw(request).await);
    }
    for answer in answers {
        let headers = answer.headers();
        let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert_eq!(
            policy,
            "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; connect-src 'self'; \
             img-src 'self' blob: data:; font-src 'self'; worker-src 'self'; manifest-src 'self'; frame-src 'self'; \
             base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types default"
        );
        assert_eq!(headers["cross-origin-opener-policy"], "same-origin");
        assert_eq!(headers["cross-origin-embedder-policy"], "require-corp");
        assert_eq!(headers[header::REFERRER_POLICY], "no-referrer");
        assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
        assert!(headers.contains_key("cross-origin-resource-policy"));
        assert!(headers.contains_key("permissions-policy"));
        assert!(!headers.contains_key(header::SET_COOKIE));
    }
}

#[tokio::test]
async fn the_frame_for_mail_runs_and_fetches_nothing_and_only_the_app_may_hold_it() {
    let (relay, _root) = with_files().await;
    let answer = relay.raw(Request::get("/mail.html").body(Body::empty()).unwrap()).await;
    let headers = answer.headers();
    assert_eq!(
        headers[header::CONTENT_SECURITY_POLICY],
        "default-src 'none'; style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'self'; sandbox allow-same-origin allow-popups allow-popups-to-escape-sandbox"
    );
    assert_eq!(headers[header::X_FRAME_OPTIONS], "SAMEORIGIN");
    assert_eq!(headers["cross-origin-embedder-policy"], "require-corp");
    for other in ["/mail.htm", "//mail.html", "/mail.html/"] {
        let answer = relay.raw(Request::get(other).body(Body::empty()).unwrap()).await;
        assert_eq!(answer.headers()[header::X_FRAME_OPTIONS], "DENY", "{other}");
    }
}

#[tokio::test]
async fn group_calls_are_open_to_other_origins_and_others_are_not() {
    let relay = TestRelay::start().await;
    let preflight = |path: &str| {
        Request::options(path)
            .header(header::ORIGIN, "https://elsewhere.example")
            .header(header::ACCESS_CONTROL_REQUEST_METHOD, "POST")
            .body(Body::empty())
            .unwrap()
    };
    for path in [AppendCommit::PATH, GetRows::PATH, GetHeads::PATH, GetWelcome::PATH] {
        let answer = relay.raw(preflight(path)).await;
        assert_eq!(answer.status(), 204);
        assert_eq!(answer.headers()[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*");
        let allowed = answer.headers()[header::ACCESS_CONTROL_ALLOW_HEADERS].to_str().unwrap();
        assert!(allowed.contains(haven_wire::EPOCH_TOKEN_HEADER));
        assert_eq!(answer.headers()["cross-origin-resource-policy"], "cross-origin");
    }
    for path in [GetVault::PATH, RegisterFinish::PATH, "/"] {
        let answer = relay.raw(preflight(path)).await;
        assert!(!answer.headers().contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN), "{path}");
        assert_eq!(answer.headers()["cross-origin-resource-policy"], "same-origin");
    }
    let group = Group::new();
    let refused = relay.raw(request(&group.new_messages(1), By::Token(&group.token(0)))).await;
    assert_eq!(refused.status(), 403);
    assert_eq!(refused.headers()[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*");
}

#[tokio::test]
async fn the_relay_says_what_it_is() {
    let change = |config: &mut haven_server::config::Config| {
        config.web_root = None;
        config.source_url = Some("https://git.example.org/haven".into());
    };
    let relay = TestRelay::start_with(change, Default::default()).await;
    let info = relay.call(&Info {}, By::Nobody).await.unwrap();
    assert_eq!(info.domain, "localhost");
    assert_eq!(info.origin, format!("http://localhost:{}", relay.address.port()));
    assert!(info.sign_up);
    assert_eq!(info.source.as_deref(), Some("https://git.example.org/haven"));
    assert_eq!(info.build.len(), 64);
    assert_eq!(relay.get("/", &[]).await.0.status(), 200);
}

#[tokio::test]
async fn health_is_told_and_counted() {
    let relay = TestRelay::start().await;
    assert_eq!(relay.get("/healthz", &[]).await.0.status(), 200);
    assert_eq!(relay.get("/readyz", &[]).await.0.status(), 200);
    relay.store.close().await;
    assert_eq!(relay.get("/readyz", &[]).await.0.status(), 503);
    let metrics = relay.state.metrics.render();
    assert!(metrics.contains("haven_requests_total{route=\"/healthz\",status=\"200\"} 1"), "{metrics}");
    assert!(metrics.contains("haven_requests_total{route=\"/readyz\",status=\"503\"} 1"), "{metrics}");
}

#[tokio::test]
async fn answers_are_not_stored_by_caches() {
    let relay = TestRelay::start().await;
    let (response, _) = split(relay.raw(request(&Info {}, By::Nobody)).await).await;
    assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
    assert_eq!(response.headers()[header::CONTENT_TYPE], "application/cbor");
}
