//! What a hostile server tries.

use crate::{
    common::{TestRelay, mail::*, smtp::Client},
    mail::arrival::{MESSAGE, relay},
};
use haven_wire::ids::Hash;

#[tokio::test]
async fn nobody_relays_through_this_relay() {
    let relay = relay().await;
    Reader::new(&relay, "alice").await;
    let mut client = Client::of(&relay).await;
    for sender in ["", "alice@localhost", "eve@example.org"] {
        let reply = client.mail(sender, &["victim@example.org"], MESSAGE.as_bytes()).await;
        assert!(reply.starts_with("550 5.7.1"), "{reply}");
        assert!(client.say("RSET").await.starts_with("250"));
    }
    use haven_server::store::MailStore as _;
    assert_eq!(relay.store.next_mail_due().await.unwrap(), None);
}

/// Each of these ends a mail for some server. Here none does: the second mail is part of the first, which is refused.
#[tokio::test]
async fn a_smuggled_mail_is_neither_taken_nor_answered() {
    let relay = relay().await;
    let alice = Reader::new(&relay, "alice").await;
    for end in ["\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r\n.\r", "\r.\r\n", "\r\n\0.\r\n", "\r\r\n.\r\n"] {
        let mut client = Client::of(&relay).await;
        for command in ["MAIL FROM:<b@example.org>", "RCPT TO:<alice@localhost>", "DATA"] {
            assert!(client.say(command).await.starts_with(['2', '3']));
        }
        let second =
            "MAIL FROM:<admin@localhost>\r\nRCPT TO:<alice@localhost>\r\nDATA\r\nFrom: a@localhost\r\n";
        let whole = format!("From: b@example.org\r\n\r\nfirst{end}{second}\r\n.\r\nNOOP\r\n");
        client.send(whole.as_bytes()).await.unwrap();
        assert!(client.reply().await.unwrap().starts_with("550 5.6.0"), "{end:?}");
        // Nothing in it and nothing after it was taken for a command.
        assert_eq!(client.reply().await, None, "{end:?}");
    }
    assert!(alice.mailbox(&relay).await.entries.is_empty());
}

#[tokio::test]
async fn commands_with_strange_line_ends_are_refused() {
    let relay = relay().await;
    for line in ["NOOP\n", "NOOP\rNOOP\r\n", "NOOP\0\r\n", "NOOP\r\r\n"] {
        let mut client = Client::of(&relay).await;
        client.send(line.as_bytes()).await.unwrap();
        assert!(client.reply().await.unwrap().starts_with("500 5.5.2"), "{line:?}");
        assert!(client.say("VRFY x").await.starts_with("252"), "{line:?}");
    }
    let mut client = Client::of(&relay).await;
    let long = format!("NOOP {}", "a".repeat(10_000));
    assert!(client.say(&long).await.starts_with("500 5.5.2 Line too long"));
    assert!(client.say("NOOP").await.starts_with("250"));
}

#[tokio::test]
async fn what_is_sent_before_it_is_asked_for_ends_the_session() {
    let relay = relay().await;
    Reader::new(&relay, "alice").await;
    let mut client = Client::of(&relay).await;
    for command in ["MAIL FROM:<b@example.org>", "RCPT TO:<alice@localhost>"] {
        assert!(client.say(command).await.starts_with("250"));
    }
    client.send(b"DATA\r\nPOST / HTTP/1.1\r\n").await.unwrap();
    assert!(client.reply().await.unwrap().starts_with("421 4.7.0 Wait"));
    assert_eq!(client.reply().await, None);
}

#[tokio::test]
async fn somebody_who_makes_only_errors_is_let_go() {
    let relay = relay().await;
    let mut client = Client::greeted(&relay).await;
    let mut replies = Vec::new();
    while replies.len() < 100 {
        let reply = client.say("GET / HTTP/1.1").await;
        if reply.is_empty() {
            break;
        }
        replies.push(reply);
    }
    assert_eq!(replies.len(), 21);
    assert!(replies.last().unwrap().starts_with("421 4.7.0 Too many errors"));
}

#[tokio::test]
async fn one_network_has_so_many_sessions() {
    let relay = relay().await;
    let mut held = Vec::new();
    for _ in 0..20 {
        held.push(Client::greeted(&relay).await);
    }
    assert!(Client::greeted_at(relay.smtp.unwrap()).await.is_none());
    // Whoever leaves makes room, as soon as the relay has noticed.
    assert!(held.pop().unwrap().say("QUIT").await.starts_with("221"));
    patiently(&relay).await;
}

#[tokio::test]
async fn malformed_mails_are_refused() {
    let relay = relay().await;
    let alice = Reader::new(&relay, "alice").await;
    let mut client = Client::of(&relay).await;
    let signed = "DKIM-Signature: v=1; a=rsa-sha256; d=a.example; s=b; h=from; bh=; b=\r\n".repeat(13);
    let header = "X: a\r\n".repeat(100_000);
    let circles = "Received: from a by b; Thu, 1 Jan 1970 00:00:00 +0000\r\n".repeat(60);
    let long = "a".repeat(20_000);
    for message in [
        String::new(),
        "no header section\r\n".into(),
        "Subject: nobody sends it\r\n\r\n".into(),
        "From: a@example.org\r\nFrom: b@example.org\r\n\r\n".into(),
        "From: a@example.org, b@example.com\r\n\r\n".into(),
        format!("{circles}{MESSAGE}"),
        format!("{signed}{MESSAGE}"),
        format!("{header}{MESSAGE}"),
        format!("{MESSAGE}{long}\r\n"),
    ] {
        let reply = client.mail("b@example.org", &["alice@localhost"], message.as_bytes()).await;
        assert!(reply.starts_with("550 5.6.0"), "{message:.60}: {reply}");
    }
    assert!(alice.mailbox(&relay).await.entries.is_empty());
}

/// Random pieces of SMTP, of mail and of nothing. The relay goes on, and what it took is a mail.
#[tokio::test]
async fn nonsense_does_no_harm() {
    let relay = relay().await;
    let alice = Reader::new(&relay, "alice").await;
    let pieces: [&[u8]; 20] = [
        b"EHLO a\r\n",
        b"HELO a\r\n",
        b"MAIL FROM:<b@example.org>\r\n",
        b"RCPT TO:<alice@localhost>\r\n",
        b"DATA\r\n",
        b"BDAT 10\r\n",
        b"BDAT 3 LAST\r\n",
        b"BDAT 99999999999999999999\r\n",
        b"RSET\r\n",
        b"STARTTLS\r\n",
        b"\r\n.\r\n",
        b"\r\n",
        b"\n",
        b"\r",
        b".",
        b"\0",
        b"\xff\xfe",
        b"From: a@example.org\r\n\r\n",
        b"MAIL FROM:<\xc3\xa4@\xc3\xa4> SMTPUTF8\r\n",
        b"RCPT TO:<> NOTIFY=\xff\r\n",
    ];
    for seed in 0..60_u64 {
        let mut bytes = Vec::new();
        for number in 0..seed * 3 {
            let random = Hash::of(&[seed.to_be_bytes(), number.to_be_bytes()].concat()).0;
            match random[0] {
                0..=200 => bytes.extend(pieces[usize::from(random[1]) % pieces.len()]),
                _ => bytes.extend(&random[2..usize::from(random[1] % 30) + 2]),
            }
        }
        // It may hang up before it has heard everything.
        let _ = patiently(&relay).await.send(&bytes).await;
    }
    let mut client = patiently(&relay).await;
    assert!(client.say("EHLO mail.example.org").await.starts_with("250"));
    assert!(client.mail("b@example.org", &["alice@localhost"], MESSAGE.as_bytes()).await.starts_with("250"));
    let mails = alice.mails(&relay).await;
    assert!(mails.iter().all(|mail| mail.starts_with(b"Received: from ")));
}

/// A session as soon as there is a place.
async fn patiently(relay: &TestRelay) -> Client {
    loop {
        if let Some(client) = Client::greeted_at(relay.smtp.unwrap()).await {
            return client;
        }
    }
}
