//! What the relay finds out about senders, and what it does about it.

use crate::{
    common::{dns::Zone, mail::*, smtp::Client},
    mail::arrival::MESSAGE,
};

/// Appendix A of RFC 8463, signed with Ed25519 by its authors.
const SIGNED: &str = include_str!("../data/rfc8463.eml");

fn signed() -> String {
    SIGNED.replace("\r\n", "\n").replace('\n', "\r\n")
}

fn football() -> Zone {
    Zone::default()
        .txt(
            "brisbane._domainkey.football.example.com",
            "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
        )
        .txt("_dmarc.football.example.com", "v=DMARC1; p=reject")
        .txt("football.example.com", "v=spf1 -all")
}

async fn brought(zone: Zone, from: &str, message: &str) -> (String, Vec<String>) {
    let relay = mail_relay(zone, |_| ()).await;
    let alice = Reader::new(&relay, "alice").await;
    let mut client = Client::of(&relay).await;
    let reply = client.mail(from, &["alice@localhost"], message.as_bytes()).await;
    let mails = alice.mails(&relay).await;
    (reply, mails.into_iter().map(|mail| String::from_utf8(mail).unwrap()).collect())
}

#[tokio::test]
async fn a_signature_that_holds_is_said_to_hold() {
    let (reply, mails) = brought(football(), "joe@football.example.com", &signed()).await;
    assert!(reply.starts_with("250"), "{reply}");
    let mail = &mails[0];
    assert!(mail.contains("dkim=pass header.i=@football.example.com header.s=brisbane"), "{mail}");
    assert!(mail.contains("spf=fail"), "{mail}");
    assert!(mail.contains("dmarc=pass header.from=football.example.com"), "{mail}");
    assert!(mail.ends_with(&signed()));
}

#[tokio::test]
async fn a_forged_mail_is_refused_where_its_domain_wants_that() {
    let forged = signed().replace("lost the game", "won the game");
    let (reply, mails) = brought(football(), "joe@football.example.com", &forged).await;
    assert!(reply.starts_with("550 5.7.26"), "{reply}");
    assert!(mails.is_empty());
}

#[tokio::test]
async fn a_forged_mail_is_marked_where_its_domain_does_not_mind() {
    for (policy, words) in [("none", "dmarc=fail"), ("quarantine", "policy.dmarc=quarantine")] {
        let zone = football().txt("_dmarc.football.example.com", &format!("v=DMARC1; p={policy}"));
        let forged = signed().replace("lost the game", "won the game");
        let (reply, mails) = brought(zone, "joe@football.example.com", &forged).await;
        assert!(reply.starts_with("250"), "{reply}");
        assert!(mails[0].contains(words), "{}", mails[0]);
        assert!(!mails[0].contains("dkim=pass"));
    }
}

#[tokio::test]
async fn a_server_that_its_domain_names_passes() {
    let zone = Zone::default()
        .txt("example.org", "v=spf1 ip4:127.0.0.1 -all")
        .txt("_dmarc.example.org", "v=DMARC1; p=reject");
    let (reply, mails) = brought(zone, "bob@example.org", MESSAGE).await;
    assert!(reply.starts_with("250"), "{reply}");
    assert!(mails[0].contains("spf=pass"), "{}", mails[0]);
    assert!(mails[0].contains("dmarc=pass header.from=example.org"), "{}", mails[0]);
}

#[tokio::test]
async fn results_that_a_sender_made_up_are_taken_out() {
    let made_up = "Authentication-Results: localhost; dkim=pass header.d=bank.example\r\n\
        Authentication-Results: mx.example.org; spf=pass\r\n";
    let (_, mails) = brought(Zone::default(), "bob@example.org", &format!("{made_up}{MESSAGE}")).await;
    assert!(!mails[0].contains("bank.example"), "{}", mails[0]);
    assert!(mails[0].contains("mx.example.org; spf=pass"));
    assert_eq!(mails[0].matches("Authentication-Results: localhost;").count(), 1);
}

#[tokio::test]
async fn a_mail_is_taken_and_not_judged_while_dns_fails() {
    let (reply, mails) = brought(Zone::failing(), "joe@football.example.com", &signed()).await;
    assert!(reply.starts_with("250"), "{reply}");
    for words in ["dkim=temperror", "spf=temperror", "dmarc=temperror"] {
        assert!(mails[0].contains(words), "{}", mails[0]);
    }
}

#[tokio::test]
async fn a_server_in_front_is_believed_if_it_is_named() {
    let zone = Zone::default()
        .txt("example.org", "v=spf1 ip4:192.0.2.1 -all")
        .txt("_dmarc.example.org", "v=DMARC1; p=reject");
    for named in [true, false] {
        let relay = mail_relay(zone.clone(), |config| {
            config.mail.smtp_proxies = if named { vec![[127, 0, 0, 1].into()] } else { Vec::new() };
        })
        .await;
        let alice = Reader::new(&relay, "alice").await;
        let mut client = Client::of(&relay).await;
        assert_eq!(client.say("EHLO proxy.localhost").await.contains("250-XFORWARD NAME ADDR"), named);
        let reply = client.say("XFORWARD ADDR=192.0.2.1 HELO=mx.example.org PROTO=ESMTP").await;
        assert!(reply.starts_with(if named { "250" } else { "500" }), "{reply}");
        let reply = client.mail("bob@example.org", &["alice@localhost"], MESSAGE.as_bytes()).await;
        assert!(reply.starts_with(if named { "250" } else { "550 5.7.26" }), "{reply}");
        for mail in alice.mails(&relay).await {
            let mail = String::from_utf8(mail).unwrap();
            assert!(mail.starts_with("Received: from mx.example.org ([192.0.2.1])\r\n"), "{mail}");
            assert!(mail.contains("spf=pass"), "{mail}");
        }
    }
}
