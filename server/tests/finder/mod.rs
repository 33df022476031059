//! Certificates of people elsewhere, and pictures that mails show from there: where they are fetched, and where never.

mod pictures;
mod world;

use haven_wire::mail::{FoundCertificates, Source};
use sequoia_openpgp::{
    cert::CertBuilder,
    serialize::{Serialize as _, SerializeInto as _},
};
use std::time::{Duration, Instant};
use world::{PUBLIC, Reply, World};

const HASH: &str = "iy9q119eutrkn8s1mk4r39qejnbu3n5q";
const KEY_SERVER: (&str, &str) = ("keys.example", PUBLIC);
const ADVANCED: (&str, &str) = ("openpgpkey.example.org", PUBLIC);
const DIRECT: (&str, &str) = ("example.org", PUBLIC);

fn good() -> Reply {
    Reply::Status(200, b"\x99certificate".to_vec())
}

fn sources(answer: &FoundCertificates) -> Vec<Source> {
    answer.found.iter().map(|found| found.source).collect()
}

#[tokio::test]
async fn wkd_comes_first_and_by_the_advanced_method() {
    let pages = [("openpgpkey.example.org", good()), ("keys.example", good())];
    let world = World::new(&[ADVANCED, DIRECT, KEY_SERVER], &pages).await;
    let answer = world.find("Joe.Doe@Example.ORG").await;
    assert_eq!(sources(&answer), [Source::Wkd, Source::KeyServer]);
    assert_eq!(answer.found[0].certificate, b"\x99certificate");
    assert!(!answer.incomplete);
    let mut asked = world.asked();
    asked.sort();
    let wkd = format!("openpgpkey.example.org/.well-known/openpgpkey/example.org/hu/{HASH}?l=Joe.Doe");
    assert_eq!(asked, ["keys.example/vks/v1/by-email/Joe.Doe@example.org".to_owned(), wkd]);
}

#[tokio::test]
async fn the_direct_method_is_for_domains_without_a_host_for_the_other() {
    let pages = [("example.org", good())];
    let world = World::new(&[DIRECT, KEY_SERVER], &pages).await;
    assert_eq!(sources(&world.find("joe.doe@example.org").await), [Source::Wkd]);
    let path = format!("example.org/.well-known/openpgpkey/hu/{HASH}?l=joe.doe");
    assert!(world.asked().contains(&path));
    let world = World::new(&[ADVANCED, DIRECT, KEY_SERVER], &pages).await;
    assert!(world.find("joe.doe@example.org").await.found.is_empty());
}

#[tokio::test]
async fn an_armored_certificate_is_handed_on_in_binary() {
    let (certificate, _) = CertBuilder::new().add_userid("<joe.doe@example.org>").generate().unwrap();
    let mut armored = Vec::new();
    certificate.armored().serialize(&mut armored).unwrap();
    assert!(armored.starts_with(b"-----BEGIN PGP PUBLIC KEY BLOCK-----"));
    let world = World::new(&[KEY_SERVER], &[("keys.example", Reply::Status(200, armored))]).await;
    let answer = world.find("joe.doe@example.org").await;
    assert_eq!(answer.found[0].certificate, certificate.to_vec().unwrap());
}

#[tokio::test]
async fn an_answer_is_remembered_and_a_failure_is_not() {
    let world = World::new(&[DIRECT, KEY_SERVER], &[("example.org", good())]).await;
    for _ in 0..3 {
        assert_eq!(world.find("joe.doe@example.org").await.found.len(), 1);
    }
    assert_eq!(world.asked().len(), 2);
    let failing = [("keys.example", Reply::Status(429, Vec::new()))];
    let world = World::new(&[DIRECT, KEY_SERVER], &failing).await;
    for _ in 0..3 {
        assert!(world.find("joe.doe@example.org").await.incomplete);
    }
    assert_eq!(world.asked().len(), 6);
}

#[tokio::test]
async fn what_could_not_be_asked_is_said() {
    for (status, incomplete) in [(404, false), (403, false), (429, true), (500, true), (503, true)] {
        let pages = [("keys.example", Reply::Status(status, Vec::new()))];
        let world = World::new(&[DIRECT, KEY_SERVER], &pages).await;
        let answer = world.find("joe.doe@example.org").await;
        assert!(answer.found.is_empty());
        assert_eq!(answer.incomplete, incomplete, "{status}");
    }
}

#[tokio::test]
async fn nobody_connects_to_an_address_that_is_not_public() {
    for address in [
        "127.0.0.1",
        "0.0.0.0",
        "10.0.0.1",
        "100.64.0.1",
        "169.254.169.254",
        "172.16.0.1",
        "192.168.1.1",
        "192.0.2.1",
        "198.18.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "::ffff:93.184.216.34",
        "64:ff9b::7f00:1",
        "fe80::1",
        "fd00::1",
        "ff02::1",
        "2002:7f00:1::",
    ] {
        let hosts = [("openpgpkey.example.org", address), ("example.org", address)];
        let world = World::new(&hosts, &[("example.org", good())]).await;
        let answer = world.find("joe.doe@example.org").await;
        assert!(answer.found.is_empty(), "{address}");
        assert_eq!(*world.trapped.lock().unwrap(), 0, "{address}");
    }
}

/// As a rebinding DNS server does, or one that answers with several addresses.
#[tokio::test]
async fn a_private_address_beside_a_public_one_is_passed_over() {
    let hosts = [("example.org", "127.0.0.1"), ("example.org", "::ffff:127.0.0.1"), DIRECT];
    let world = World::new(&hosts, &[("example.org", good())]).await;
    assert_eq!(sources(&world.find("joe.doe@example.org").await), [Source::Wkd]);
    assert_eq!(*world.trapped.lock().unwrap(), 0);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    for to in [
        "https://localhost/",
        "https://127.0.0.1/",
        "http://169.254.169.254/latest/meta-data/",
        "https://[::1]/",
        "https://keys.example/elsewhere",
        "//keys.example/elsewhere",
        "file:///etc/passwd",
    ] {
        let pages = [("example.org", Reply::Redirect(to.into()))];
        let world = World::new(&[DIRECT, KEY_SERVER], &pages).await;
        let answer = world.find("joe.doe@example.org").await;
        assert!(answer.found.is_empty() && !answer.incomplete, "{to}");
        assert_eq!(world.asked().len(), 2, "{to}");
    }
}

#[tokio::test]
async fn a_body_without_end_is_given_up_at_64_kib() {
    let world = World::new(&[DIRECT, KEY_SERVER], &[("example.org", Reply::Endless)]).await;
    let answer = world.find("joe.doe@example.org").await;
    // Not incomplete: it did not wait until its time was over.
    assert!(answer.found.is_empty() && !answer.incomplete);
}

#[tokio::test]
async fn a_silent_server_does_not_keep_others_answers() {
    let pages = [("example.org", Reply::Silent), ("keys.example", good())];
    let world = World::new(&[DIRECT, KEY_SERVER], &pages).await;
    let started = Instant::now();
    let answer = world.find("joe.doe@example.org").await;
    assert_eq!(sources(&answer), [Source::KeyServer]);
    assert!(answer.incomplete);
    assert!(started.elapsed() < Duration::from_secs(8));
}

#[tokio::test]
async fn what_can_not_be_a_certificate_is_not_handed_on() {
    let page = b"<!doctype html><title>Welcome</title>".to_vec();
    let bare_armor = b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n-----END PGP PUBLIC KEY BLOCK-----\n".to_vec();
    for body in [page, bare_armor, Vec::new(), vec![0; 100]] {
        let world = World::new(&[DIRECT, KEY_SERVER], &[("example.org", Reply::Status(200, body))]).await;
        let answer = world.find("joe.doe@example.org").await;
        assert!(answer.found.is_empty() && !answer.incomplete);
    }
}

/// The server's certificate names other hosts.
#[tokio::test]
async fn a_server_that_can_not_prove_its_name_is_not_asked() {
    let world = World::new(&[("other.example", PUBLIC)], &[]).await;
    let settings = haven_server::config::Certificates { wkd: true, key_server: None };
    let finder = haven_server::finder::Finder::new(world.outside.clone(), &settings);
    let address = haven_server::finder::Address::parse("joe.doe@other.example").unwrap();
    assert!(finder.find(&address).await.incomplete);
    assert_eq!(*world.connections.lock().unwrap(), 1);
    assert!(world.asked().is_empty());
}
