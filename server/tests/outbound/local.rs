//! Between people of one relay.

use crate::{
    common::{mail::*, random},
    outbound::scene::{Scene, mail, text},
};
use haven_wire::{Refusal, ids::MessageId, limits::MAX_NOTE, mail::*};

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
    let mut scene = Scene::new(|config| config.mail.quota_mb = 1).await;
    let bob = Reader::new(&scene.relay, "bob").await;
    let notes = (0..60).map(|_| Note { id: MessageId(random()), sealed: vec![0; MAX_NOTE] }).collect();
    let head = scene.relay.call(&PutNotes { notes }, bob.by()).await.unwrap().head;
    let mut call = mail(&["bob@localhost"], "Large");
    call.messages[0].message.extend("Plainwords\r\n".repeat(2000).as_bytes());
    scene.send(&call).await.unwrap();
    scene.tried(1).await;
    scene.age(3600).await;
    let delayed = "delayed: the recipient's mailbox is full";
    assert_eq!(scene.outcome().await, ("bob@localhost".into(), delayed.into()));
    scene.tried(2).await;
    let sequences = (1..=head).collect();
    scene.relay.call(&DeleteMail { sequences }, bob.by()).await.unwrap();
    scene.age(0).await;
    assert_eq!(scene.outcome().await, ("bob@localhost".into(), "delivered".into()));
    let last = bob.mailbox(&scene.relay).await.entries.pop().unwrap();
    assert_eq!(last.kind, EntryKind::Arrived);
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
