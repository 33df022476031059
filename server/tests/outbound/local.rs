//! Between people of one relay.

use crate::{
    common::mail::*,
    scene::{Scene, mail, text},
};
use haven_wire::{Refusal, mail::*};

#[tokio::test]
async fn mail_between_two_people_of_a_relay_arrives_at_once() {
    let mut scene = Scene::new(|_| ()).await;
    let bob = Reader::new(&scene.relay, "bob").await;
    let call = mail(&["Bob@LocalHost"], "Hello");
    scene.send(&call).await.unwrap();
    let report = scene.told().await;
    assert_eq!((report.id, report.outcome), (call.id, Outcome::Delivered));
    assert_eq!(report.recipients, ["Bob@LocalHost"]);
    let arrived = String::from_utf8(bob.mails(&scene.relay).await.remove(0)).unwrap();
    let (trace, message) = arrived.split_at(arrived.find("From: ").unwrap());
    assert_eq!(message, text("Bob@LocalHost", "Hello"));
    assert!(trace.starts_with("Received: by localhost with HTTP;\r\n\t"), "{trace}");
    assert!(
        trace.contains("Authentication-Results: localhost;\r\n\tauth=pass smtp.auth=alice@localhost\r\n")
    );
    assert!(scene.queue_is_empty().await);
}

#[tokio::test]
async fn somebody_unknown_fails_and_the_others_get_it_once() {
    let mut scene = Scene::new(|_| ()).await;
    let bob = Reader::new(&scene.relay, "bob").await;
    let call = mail(&["bob@localhost", "nobody@localhost", "BOB@localhost"], "Hello");
    scene.send(&call).await.unwrap();
    scene.send(&call).await.unwrap();
    assert_eq!(scene.outcome().await, ("bob@localhost BOB@localhost".into(), "delivered".into()));
    let failed = "failed: nobody here has this address";
    assert_eq!(scene.outcome().await, ("nobody@localhost".into(), failed.into()));
    assert_eq!(bob.mails(&scene.relay).await.len(), 1);
    assert!(scene.queue_is_empty().await);
}

#[tokio::test]
async fn a_full_mailbox_is_said_after_an_hour_and_waited_for() {
    let scene = Scene::new(|config| config.mail.quota_mb = 1).await;
    let bob = Reader::new(&scene.relay, "bob").await;
    let filler = vec![b'a'; 500_000];
    let filler = [
        text("bob@localhost", "Large").as_bytes(),
        filler.chunks(70).collect::<Vec<_>>().join(&b"\r\n"[..]).as_slice(),
        b"\r\n",
    ]
    .concat();
    let carol = Reader::new(&scene.relay, "carol").await;
    for from in [&scene.alice, &carol] {
        let mut call = mail(&["bob@localhost"], "Large");
        let name = from.person.address.as_bytes();
        call.messages[0].message =
            [b"From: <", name, b">", &filler[b"From: <alice@localhost>".len()..]].concat();
        scene.relay.call(&call, from.by()).await.unwrap();
    }
    // One of the two fits.
    scene.tried(1).await;
    assert_eq!(bob.mails(&scene.relay).await.len(), 1);
    scene.age(3600).await;
    scene.tried(2).await;
    let entries = bob.mailbox(&scene.relay).await.entries;
    scene.relay.call(&DeleteMail { sequences: vec![entries[0].sequence] }, bob.by()).await.unwrap();
    scene.age(0).await;
    while !scene.queue_is_empty().await {
        tokio::task::yield_now().await;
    }
    let kinds: Vec<_> = bob.mailbox(&scene.relay).await.entries.iter().map(|entry| entry.kind).collect();
    assert_eq!(kinds, [EntryKind::Deleted, EntryKind::Arrived]);
}

#[tokio::test]
async fn without_a_way_out_mail_to_other_domains_is_refused_at_once() {
    let scene = Scene::new(|_| ()).await;
    let refused = scene.send(&mail(&["alice@localhost", "bob@example.org"], "Hello")).await;
    assert_eq!(refused, Err(Refusal::OutsideMailOff));
    let info = scene.relay.call(&MailInfo {}, scene.alice.by()).await.unwrap();
    assert!(!info.sends);
    assert!(scene.alice.mailbox(&scene.relay).await.entries.is_empty());
    assert!(!scene.relay.data().join("dkim.key").exists());
}

#[tokio::test]
async fn results_that_a_sender_claims_in_the_relays_name_are_taken_out() {
    let mut scene = Scene::new(|_| ()).await;
    let bob = Reader::new(&scene.relay, "bob").await;
    let mut call = mail(&["bob@localhost"], "Hello");
    let forged = b"Authentication-Results: localhost; dkim=pass header.d=bank.example\r\n";
    call.messages[0].message = [forged.as_slice(), &call.messages[0].message].concat();
    scene.send(&call).await.unwrap();
    scene.told().await;
    let arrived = String::from_utf8(bob.mails(&scene.relay).await.remove(0)).unwrap();
    assert!(!arrived.contains("bank.example"), "{arrived}");
}
