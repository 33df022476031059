//! DKIM signatures, as receivers check them.

use crate::{common::dns::Zone, outbound::scene::text};
use haven_server::mail::{
    authentication::{Findings, Resolver, Sender, examine},
    outbound::dkim::Dkim,
};

/// A signed mail, and the DNS that goes with it. (No resolver asks anybody about `localhost`, the relay's domain in other
/// tests.)
async fn sent() -> (Vec<u8>, Zone) {
    let data = tempfile::tempdir().unwrap();
    let dkim = Dkim::open(&data.path().join("dkim.key"), "haven", "a.example").unwrap();
    let record = dkim.record();
    assert_eq!(record.name, "haven._domainkey.a.example");
    let message = text("bob@example.org", "Hello").replace("@localhost", "@a.example");
    (dkim.sign(message.into_bytes()), Zone::default().txt(&record.name, &record.text))
}

async fn results(message: &[u8], zone: &Zone) -> String {
    let resolver = Resolver::new(Some(zone.clone().serve().await)).unwrap();
    let sender = Sender {
        from: [192, 0, 2, 1].into(),
        helo: "mx.example".into(),
        mail_from: "alice@a.example".into(),
    };
    match examine(resolver, sender, message.into(), "mx.example".into()).await {
        Findings::Results(results) => results,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_receiver_finds_the_signature_good() {
    let (message, zone) = sent().await;
    let results = results(&message, &zone).await;
    assert!(results.contains("dkim=pass"), "{results}");
    assert!(results.contains("header.d=a.example"), "{results}");
}

#[tokio::test]
async fn whatever_is_changed_or_added_breaks_it() {
    let (message, zone) = sent().await;
    let message = String::from_utf8(message).unwrap();
    for changed in [
        message.replace("Subject: Hello", "Subject: Goodbye"),
        message.replace("Good morning", "Good night"),
        message.replace("\r\nFrom: ", "\r\nFrom: <mallory@a.example>\r\nX-Was: "),
        message.replace("\r\nFrom: ", "\r\nCc: <mallory@a.example>\r\nFrom: "),
        message.replace("\r\nFrom: ", "\r\nReply-To: <mallory@a.example>\r\nFrom: "),
        message.replace("\r\nFrom: ", "\r\nContent-Type: text/html\r\nFrom: "),
    ] {
        assert_ne!(changed, message);
        let results = results(changed.as_bytes(), &zone).await;
        assert!(!results.contains("dkim=pass"), "{results}");
    }
}

#[tokio::test]
async fn the_key_stays_the_same_and_its_owners_alone() {
    let data = tempfile::tempdir().unwrap();
    let path = data.path().join("dkim.key");
    let first = Dkim::open(&path, "haven", "a.example").unwrap().record().clone();
    assert_eq!(Dkim::open(&path, "haven", "a.example").unwrap().record(), &first);
    use std::os::unix::fs::PermissionsExt as _;
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}
