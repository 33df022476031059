//! The Web Key Directory.

use crate::common::{By, TestRelay, person::*, split};
use axum::{
    body::Body,
    http::{Request, header},
};
use haven_server::limits::Rate;
use haven_wire::mail::{FindCertificates, Source};
use sequoia_openpgp::{cert::CertBuilder, serialize::SerializeInto as _};
use std::{
    io::Write as _,
    process::{Command, Stdio},
};

/// `joe.doe`, from the draft's example.
const HASH: &str = "iy9q119eutrkn8s1mk4r39qejnbu3n5q";

fn directory() -> [String; 2] {
    ["localhost/hu", "hu"].map(|under| format!("/.well-known/openpgpkey/{under}/{HASH}"))
}

#[tokio::test]
async fn a_certificate_is_found_by_both_methods_and_from_any_page() {
    let relay = TestRelay::start().await;
    Person::new(&relay, "joe.doe").await;
    for path in directory() {
        let (response, body) = relay.get(&format!("{path}?l=Joe.Doe"), &[]).await;
        assert_eq!(response.status(), 200, "{path}");
        assert_eq!(body, b"certificate of joe.doe");
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/octet-stream");
        assert_eq!(response.headers()[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*");
        assert_eq!(response.headers()["cross-origin-resource-policy"], "cross-origin");
    }
}

#[tokio::test]
async fn a_head_request_tells_the_same_without_the_body() {
    let relay = TestRelay::start().await;
    Person::new(&relay, "joe.doe").await;
    for path in directory() {
        let request = Request::head(&path).body(Body::empty()).unwrap();
        let (response, body) = split(relay.raw(request).await).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()[header::CONTENT_LENGTH], "22");
        assert_eq!(response.headers()[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*");
        assert!(body.is_empty());
    }
}

#[tokio::test]
async fn both_policy_files_are_there() {
    let relay = TestRelay::start().await;
    for under in ["policy", "LocalHost/policy"] {
        let (response, body) = relay.get(&format!("/.well-known/openpgpkey/{under}"), &[]).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*");
        assert!(body.is_empty());
    }
}

#[tokio::test]
async fn whoever_is_not_in_the_directory_is_not_found() {
    let relay = TestRelay::start().await;
    Person::new(&relay, "joe.doe").await;
    let nobody = "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy";
    for under in [
        format!("hu/{nobody}"),
        format!("localhost/hu/{nobody}"),
        format!("elsewhere.example/hu/{HASH}"),
        "elsewhere.example/policy".into(),
        "hu/joe.doe".into(),
        "hu/%00".into(),
        "submission-address".into(),
        "localhost/hu".into(),
    ] {
        let (response, _) = relay.get(&format!("/.well-known/openpgpkey/{under}"), &[]).await;
        assert_eq!(response.status(), 404, "{under}");
        assert_eq!(response.headers()[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*");
    }
}

#[tokio::test]
async fn reading_many_certificates_is_slowed_down() {
    let change = |config: &mut haven_server::config::Config| {
        config.domain = "a.example".into();
        config.limits.wkd_per_network = Rate { burst: 2, every_s: 60.0 };
    };
    let relay = TestRelay::start_with(change, Default::default()).await;
    let path = format!("/.well-known/openpgpkey/hu/{HASH}");
    for status in [404, 404, 429] {
        assert_eq!(relay.get(&path, &[]).await.0.status(), status);
    }
}

/// GnuPG reads what is published, and computes the same hash. Passed over, and said, on a machine without it.
#[tokio::test]
async fn gnupg_agrees_about_certificate_and_hash() {
    let relay = TestRelay::start().await;
    let (_, mut sign_up) = sign_up(&relay, "joe.doe").await;
    let (certificate, _) = CertBuilder::new().add_userid("<joe.doe@localhost>").generate().unwrap();
    sign_up.certificate = certificate.to_vec().unwrap();
    relay.call(&sign_up, By::Nobody).await.unwrap();
    let (_, body) = relay.get(&directory()[0], &[]).await;
    let home = tempfile::tempdir().unwrap();
    let gpg = |arguments: &[&str]| {
        let mut gpg = Command::new("gpg");
        gpg.arg("--homedir").arg(home.path()).arg("--batch").args(arguments);
        gpg.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        gpg.spawn()
    };
    let Ok(mut import) = gpg(&["--import"]) else { return eprintln!("NOT CHECKED: there is no gpg") };
    import.stdin.take().unwrap().write_all(&body).unwrap();
    assert!(import.wait().unwrap().success());
    let listed = gpg(&["--with-wkd-hash", "--list-keys"]).unwrap().wait_with_output().unwrap();
    assert!(String::from_utf8_lossy(&listed.stdout).contains(&format!("{HASH}@localhost")));
}

#[tokio::test]
async fn people_of_this_domain_are_looked_for_in_the_directory_alone() {
    let relay = TestRelay::start().await;
    let alice = Person::new(&relay, "alice").await;
    Person::new(&relay, "bob").await;
    let call = |address: &str| FindCertificates { address: address.into() };
    let answer = relay.call(&call("Bob@LocalHost"), alice.by()).await.unwrap();
    assert_eq!(answer.found[0].source, Source::Directory);
    assert_eq!(answer.found[0].certificate, b"certificate of bob");
    for nobody in ["carol@localhost", "not+ours@localhost"] {
        let answer = relay.call(&call(nobody), alice.by()).await.unwrap();
        assert!(answer.found.is_empty() && !answer.incomplete);
    }
    for nonsense in
        ["", "bob", "@localhost", "bob@127.0.0.1", "bob@[::1]", "bob@db.internal", "b b@a.example"]
    {
        assert_eq!(relay.call(&call(nonsense), alice.by()).await.unwrap_err().status(), 400, "{nonsense}");
    }
    assert_eq!(
        relay.call(&call("bob@localhost"), By::Session(&random_session())).await.unwrap_err().status(),
        401
    );
}

fn random_session() -> haven_wire::ids::SessionToken {
    haven_wire::ids::SessionToken(crate::common::random())
}
