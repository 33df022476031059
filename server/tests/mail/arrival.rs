//! What is taken, and how it is kept.

use crate::common::{TestRelay, dns::Zone, mail::*, smtp::Client, socket::Socket};
use haven_server::store::RelayStore as _;
use haven_wire::{limits::MAX_ARRIVING_MAIL, mail::*, push::FromRelay};
use sequoia_openpgp::cert::CertBuilder;
use std::path::Path;

pub const MESSAGE: &str = "From: Bob <bob@example.org>\r\nTo: alice@localhost\r\nSubject: Quietsubject\r\n\
    Message-ID: <1@example.org>\r\n\r\nPlainwords caf\u{e9}\r\n.\r\n..\r\n";

pub async fn relay() -> TestRelay {
    mail_relay(Zone::default(), |_| ()).await
}

/// The mail behind the header fields that the relay put before it.
fn untraced(mail: &[u8]) -> (String, Vec<u8>) {
    let at = mail.windows(6).position(|window| window == b"\nFrom:").unwrap() + 1;
    (String::from_utf8(mail[..at].into()).unwrap(), mail[at..].to_vec())
}

#[tokio::test]
async fn a_mail_is_in_the_mailbox_byte_for_byte_behind_the_relays_own_fields() {
    let relay = relay().await;
    let alice = Reader::new(&relay, "alice").await;
    let mut socket = Socket::of(&relay, &alice.person).await;
    let mut client = Client::of(&relay).await;
    assert!(
        client
            .mail("bob@example.org", &["alice@localhost"], MESSAGE.as_bytes())
            .await
            .starts_with("250 2.0.0")
    );
    assert!(matches!(socket.next().await, Some(FromRelay::Mailbox { head: 1 })));
    let mails = alice.mails(&relay).await;
    assert_eq!(mails.len(), 1);
    let (trace, message) = untraced(&mails[0]);
    assert_eq!(message, MESSAGE.as_bytes());
    assert!(
        trace.starts_with("Received: from mail.example.org ([127.0.0.1])\r\n\tby localhost with ESMTP;\r\n")
    );
    assert!(trace.contains("\r\nAuthentication-Results: localhost;\r\n"), "{trace}");
    let entry = &alice.mailbox(&relay).await.entries[0];
    assert_eq!((entry.kind, entry.sequence), (EntryKind::Arrived, 1));
}

#[tokio::test]
async fn no_file_of_the_relay_holds_a_word_of_a_mail_its_subject_or_its_sender() {
    let relay = relay().await;
    let alice = Reader::new(&relay, "alice").await;
    let large = format!("{MESSAGE}{}", "Plainwords again and again\r\n".repeat(50_000));
    let mut client = Client::of(&relay).await;
    for message in [MESSAGE, &large] {
        let reply = client.mail("bob@example.org", &["alice@localhost"], message.as_bytes()).await;
        assert!(reply.starts_with("250 2.0.0"), "{reply}");
    }
    // One that is refused leaves nothing either.
    let bare = MESSAGE.replace("words caf", "words\ncaf");
    assert!(
        client.mail("bob@example.org", &["alice@localhost"], bare.as_bytes()).await.starts_with("550 5.6.0")
    );
    relay.store.probe().await.unwrap();
    let check = |data: &Path| {
        let mut files = 0;
        for file in std::fs::read_dir(data).unwrap() {
            let bytes = std::fs::read(file.unwrap().path()).unwrap();
            files += 1;
            for word in ["Plainwords", "Quietsubject", "bob@", "example.org", "UGxhaW53b3Jkc"] {
                let found =
                    bytes.windows(word.len()).any(|window| window.eq_ignore_ascii_case(word.as_bytes()));
                assert!(!found, "{word}");
            }
        }
        assert!(files >= 4, "database, its log, and keys");
    };
    check(&relay.data());
    assert_eq!(alice.mails(&relay).await.len(), 2);
    let data = relay.stop().await;
    check(&data.path().join("data"));
}

#[tokio::test]
async fn two_people_get_one_mail_each_under_their_own_key() {
    let relay = relay().await;
    let (alice, bob) = (Reader::new(&relay, "alice").await, Reader::new(&relay, "bob").await);
    let mut client = Client::of(&relay).await;
    let to = ["alice@localhost", "BOB@localhost", "alice@LOCALHOST"];
    assert!(client.mail("carol@example.org", &to, MESSAGE.as_bytes()).await.starts_with("250"));
    for reader in [alice, bob] {
        let mails = reader.mails(&relay).await;
        assert_eq!(mails.len(), 1);
        assert_eq!(untraced(&mails[0]).1, MESSAGE.as_bytes());
    }
}

#[tokio::test]
async fn the_same_mail_again_is_stored_once_also_after_its_deletion() {
    let relay = relay().await;
    let alice = Reader::new(&relay, "alice").await;
    for _ in 0..2 {
        let mut client = Client::of(&relay).await;
        for way in ["", "Received: another way\r\n"] {
            let message = format!("{way}{MESSAGE}");
            let reply = client.mail("bob@example.org", &["alice@localhost"], message.as_bytes()).await;
            assert!(reply.starts_with("250"));
        }
        assert_eq!(alice.mailbox(&relay).await.entries.len(), 1);
        relay.call(&DeleteMail { sequences: vec![1] }, alice.by()).await.unwrap();
    }
    assert_eq!(alice.mailbox(&relay).await.entries[0].kind, EntryKind::Deleted);
}

#[tokio::test]
async fn mails_without_an_id_are_kept_each() {
    let relay = relay().await;
    let alice = Reader::new(&relay, "alice").await;
    let mut client = Client::of(&relay).await;
    let alarm = b"From: door@example.org\r\nSubject: open\r\n\r\n";
    for _ in 0..2 {
        assert!(client.mail("door@example.org", &["alice@localhost"], alarm).await.starts_with("250"));
    }
    assert_eq!(alice.mails(&relay).await.len(), 2);
}

#[tokio::test]
async fn who_has_it_does_not_get_it_again_when_another_was_full() {
    let relay = mail_relay(Zone::default(), |config| config.mail.quota_mb = 1).await;
    let (alice, bob) = (Reader::new(&relay, "alice").await, Reader::new(&relay, "bob").await);
    let mut client = Client::of(&relay).await;
    let filling = format!("{MESSAGE}{}", "x\r\n".repeat(320_000));
    assert!(client.mail("c@example.org", &["bob@localhost"], filling.as_bytes()).await.starts_with("250"));
    // Both are named before the content comes, which is too much for one of them.
    let second = format!("From: d@example.org\r\nMessage-ID: <2@x>\r\n\r\n{}", "y\r\n".repeat(30_000));
    let to = ["alice@localhost", "bob@localhost"];
    assert!(client.mail("d@example.org", &to, second.as_bytes()).await.starts_with("452 4.2.2"));
    assert_eq!(alice.mails(&relay).await.len(), 1);
    relay.call(&DeleteMail { sequences: vec![1] }, bob.by()).await.unwrap();
    assert!(client.mail("d@example.org", &to, second.as_bytes()).await.starts_with("250"));
    assert_eq!(alice.mails(&relay).await.len(), 1);
    assert_eq!(bob.mailbox(&relay).await.entries.len(), 2);
}

#[tokio::test]
async fn who_has_no_room_or_no_usable_certificate_is_refused_by_name() {
    let relay = mail_relay(Zone::default(), |config| config.mail.quota_mb = 1).await;
    let alice = Reader::new(&relay, "alice").await;
    let (cert, revocation) =
        CertBuilder::new().add_userid("<b@localhost>").add_transport_encryption_subkey().generate().unwrap();
    let bob = Reader::with(&relay, "bob", cert.insert_packets(revocation).unwrap().0).await;
    let mut client = Client::of(&relay).await;
    assert!(client.say("MAIL FROM:<c@example.org> SIZE=1200000").await.starts_with("250"));
    assert!(client.say("RCPT TO:<alice@localhost>").await.starts_with("452 4.2.2"));
    assert!(client.say("RSET").await.starts_with("250"));
    assert!(client.say("MAIL FROM:<c@example.org>").await.starts_with("250"));
    assert!(client.say("RCPT TO:<bob@localhost>").await.starts_with("450 4.2.1"));
    assert!(client.say("RCPT TO:<alice@localhost>").await.starts_with("250"));
    assert!(client.say("RSET").await.starts_with("250"));
    assert!(client.mail("c@example.org", &["alice@localhost"], MESSAGE.as_bytes()).await.starts_with("250"));
    assert_eq!(alice.mails(&relay).await.len(), 1);
    // Who could do something about it hears of it.
    let told = bob.mailbox(&relay).await.refused;
    assert_eq!(told.count, 1);
    assert!(told.last_day > 20_000, "{told:?}");
    assert_eq!(alice.mailbox(&relay).await.refused, RefusedMail::default());
    let metrics = relay.state.metrics.render();
    for outcome in ["full", "no_key", "taken"] {
        assert!(
            metrics.contains(&format!("haven_arriving_mail_total{{outcome=\"{outcome}\"}} 1")),
            "{metrics}"
        );
    }
}

#[tokio::test]
async fn a_mail_of_twenty_five_megabytes_arrives_and_one_that_is_too_large_does_not() {
    let relay = relay().await;
    let alice = Reader::new(&relay, "alice").await;
    let mut client = Client::of(&relay).await;
    let line = format!("{}\r\n", "QmFzZTY0".repeat(9));
    let mut message = MESSAGE.to_owned();
    while message.len() < 25 * 1024 * 1024 {
        message.push_str(&line);
    }
    let reply = client.mail("bob@example.org", &["alice@localhost"], message.as_bytes()).await;
    assert!(reply.starts_with("250"), "{reply}");
    let entry = alice.mailbox(&relay).await.entries[0].clone();
    assert!(entry.body.is_none() && entry.size > 25 * 1024 * 1024);
    let sealed = relay.call(&GetMail { sequence: 1 }, alice.by()).await.unwrap().body;
    assert_eq!(untraced(&opened(&alice.cert, &sealed)).1, message.as_bytes());
    while message.len() <= MAX_ARRIVING_MAIL {
        message.push_str(&line);
    }
    let reply = client.mail("bob@example.org", &["alice@localhost"], message.as_bytes()).await;
    assert!(reply.starts_with("552 5.3.4"), "{reply}");
    // The session goes on.
    assert!(client.say("NOOP").await.starts_with("250"));
    assert_eq!(alice.mailbox(&relay).await.head, 1);
    assert_eq!(relay.state.large_arrivals.all.available_permits(), haven_server::guard::LARGE_KIB);
}

#[tokio::test]
async fn large_mails_wait_for_their_share_of_memory_and_small_ones_do_not() {
    let relay = relay().await;
    let alice = Reader::new(&relay, "alice").await;
    let all = u32::try_from(haven_server::guard::LARGE_KIB).unwrap();
    let taken = relay.state.large_arrivals.all.acquire_many(all).await.unwrap();
    let (mut waits, mut goes_on) = (Client::of(&relay).await, Client::of(&relay).await);
    let large = format!("{MESSAGE}{}", "x\r\n".repeat(200_000)).replace("<1@", "<2@");
    let waiting = waits.mail("bob@example.org", &["alice@localhost"], large.as_bytes());
    let small = goes_on.mail("bob@example.org", &["alice@localhost"], MESSAGE.as_bytes());
    tokio::select! {
        reply = waiting => panic!("{reply}"),
        reply = small => assert!(reply.starts_with("250"), "{reply}"),
    }
    drop(taken);
    let reply =
        Client::of(&relay).await.mail("bob@example.org", &["alice@localhost"], large.as_bytes()).await;
    assert!(reply.starts_with("250"), "{reply}");
    assert_eq!(alice.mails(&relay).await.len(), 2);
}

#[tokio::test]
async fn a_full_disk_is_said_in_the_session_and_the_mail_is_there_once_when_it_comes_again() {
    let relay = relay().await;
    let alice = Reader::new(&relay, "alice").await;
    let large = format!("{MESSAGE}{}", "Plainwords\r\n".repeat(50_000));
    relay.store.limit_pages(relay.store.pages().await.unwrap()).await.unwrap();
    for _ in 0..2 {
        let mut client = Client::of(&relay).await;
        let reply = client.mail("bob@example.org", &["alice@localhost"], large.as_bytes()).await;
        assert!(reply.starts_with("451 4.3.0"), "{reply}");
        assert_eq!(alice.mailbox(&relay).await.head, 0);
    }
    relay.store.limit_pages(1_000_000_000).await.unwrap();
    for _ in 0..2 {
        let mut client = Client::of(&relay).await;
        let reply = client.mail("bob@example.org", &["alice@localhost"], large.as_bytes()).await;
        assert!(reply.starts_with("250"), "{reply}");
    }
    let mails = alice.mails(&relay).await;
    assert_eq!(mails.len(), 1);
    assert_eq!(untraced(&mails[0]).1, large.as_bytes());
}
