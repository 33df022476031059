//! The conversation: order of commands, extensions, TLS, pipelining, chunks.

use crate::{
    common::{TestRelay, dns::Zone, mail::*, smtp::Client},
    mail::arrival::{MESSAGE, relay},
};
use lettre::{
    AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor,
    address::Envelope,
    transport::smtp::client::{Certificate, Tls, TlsParameters},
};
use rcgen::{CertifiedKey, KeyPair};
use std::path::{Path, PathBuf};

#[tokio::test]
async fn extensions_are_named_and_help_is_short() {
    let relay = relay().await;
    let mut client = Client::greeted(&relay).await;
    let reply = client.say("EHLO mail.example.org").await;
    let lines: Vec<_> = reply.lines().map(|line| line.split_at(4).1).collect();
    assert_eq!(
        lines,
        [
            "localhost",
            "PIPELINING",
            "SIZE 54525952",
            "8BITMIME",
            "SMTPUTF8",
            "CHUNKING",
            "ENHANCEDSTATUSCODES"
        ]
    );
    for (command, code) in [
        ("NOOP", "250"),
        ("VRFY alice", "252"),
        ("EXPN all", "502"),
        ("AUTH PLAIN AAAA", "502"),
        ("ETRN x", "502"),
        ("HELP", "502"),
        ("STARTTLS", "503"),
        ("NONSENSE", "500"),
        ("MAIL FROM:nobody", "501"),
        ("QUIT", "221"),
    ] {
        assert!(client.say(command).await.starts_with(code), "{command}");
    }
    assert_eq!(client.reply().await, None);
}

#[tokio::test]
async fn commands_have_their_order() {
    let relay = relay().await;
    Reader::new(&relay, "alice").await;
    let mut client = Client::greeted(&relay).await;
    for (command, code) in [
        ("MAIL FROM:<b@example.org>", "503"),
        ("HELO mail.example.org", "250 localhost"),
        ("RCPT TO:<alice@localhost>", "503"),
        ("DATA", "503"),
        ("MAIL FROM:<b@example.org> BODY=8BITMIME SMTPUTF8 SIZE=100", "250"),
        ("MAIL FROM:<b@example.org>", "503"),
        ("DATA", "503"),
        ("RCPT TO:<alice@localhost>", "250"),
        ("RSET", "250"),
        ("DATA", "503"),
        ("MAIL FROM:<>", "250"),
        ("EHLO again", "250"),
        ("RCPT TO:<alice@localhost>", "503"),
        ("MAIL FROM:<b@example.org> BODY=BINARYMIME", "555"),
        ("MAIL FROM:<b@example.org> SIZE=99999999", "552 5.3.4"),
    ] {
        assert!(client.say(command).await.starts_with(code), "{command}");
    }
}

#[tokio::test]
async fn a_report_of_a_failure_comes_from_nobody_and_is_taken() {
    let relay = relay().await;
    let alice = Reader::new(&relay, "alice").await;
    let mut client = Client::of(&relay).await;
    assert!(client.mail("", &["alice@localhost"], MESSAGE.as_bytes()).await.starts_with("250"));
    assert_eq!(alice.mails(&relay).await.len(), 1);
}

#[tokio::test]
async fn recipients_are_checked_while_the_sender_waits() {
    let relay = relay().await;
    Reader::new(&relay, "alice").await;
    let mut client = Client::of(&relay).await;
    assert!(client.say("MAIL FROM:<b@example.org>").await.starts_with("250"));
    for (recipient, code) in [
        ("nobody@localhost", "550 5.1.1"),
        ("..@localhost", "501 5.1.3"),
        ("someone@example.org", "550 5.7.1"),
        ("alice@localhost.example.org", "550 5.7.1"),
        ("alice", "501 5.1.3"),
        ("alice%example.org@localhost", "550 5.1.1"),
        ("@localhost:eve@example.org", "550 5.7.1"),
        ("Postmaster", "550 5.1.1"),
        ("alice@localhost", "250 2.1.5"),
    ] {
        let reply = client.say(&format!("RCPT TO:<{recipient}>")).await;
        assert!(reply.starts_with(code), "{recipient}: {reply}");
    }
}

#[tokio::test]
async fn mail_to_the_postmaster_reaches_whoever_runs_the_relay() {
    let relay = mail_relay(Zone::default(), |config| config.mail.postmaster = Some("alice".into())).await;
    let alice = Reader::new(&relay, "alice").await;
    let mut client = Client::of(&relay).await;
    for (count, role) in ["postmaster", "Abuse@localhost"].into_iter().enumerate() {
        let message = MESSAGE.replace("<1@", &format!("<{count}@"));
        assert!(client.mail("b@example.org", &[role], message.as_bytes()).await.starts_with("250"), "{role}");
        assert_eq!(alice.mails(&relay).await.len(), count + 1);
    }
}

#[tokio::test]
async fn pipelined_commands_are_answered_in_their_order() {
    let relay = relay().await;
    let alice = Reader::new(&relay, "alice").await;
    let mut client = Client::of(&relay).await;
    let commands =
        "MAIL FROM:<b@example.org>\r\nRCPT TO:<nobody@localhost>\r\nRCPT TO:<alice@localhost>\r\nDATA\r\n";
    client.send(commands.as_bytes()).await.unwrap();
    for code in ["250 2.1.0", "550 5.1.1", "250 2.1.5", "354"] {
        assert!(client.reply().await.unwrap().starts_with(code), "{code}");
    }
    let rest = format!(
        "{}\r\n.\r\nMAIL FROM:<c@example.org>\r\nRSET\r\nQUIT\r\n",
        MESSAGE.replace("\r\n.", "\r\n..")
    );
    client.send(rest.as_bytes()).await.unwrap();
    for code in ["250 2.0.0 Taken", "250 2.1.0", "250", "221"] {
        assert!(client.reply().await.unwrap().starts_with(code), "{code}");
    }
    assert_eq!(alice.mails(&relay).await.len(), 1);
}

#[tokio::test]
async fn a_mail_may_come_in_chunks() {
    let relay = relay().await;
    let alice = Reader::new(&relay, "alice").await;
    let mut client = Client::of(&relay).await;
    let (first, second) = MESSAGE.as_bytes().split_at(40);
    let mut commands = b"MAIL FROM:<b@example.org>\r\nRCPT TO:<alice@localhost>\r\n".to_vec();
    commands.extend(format!("BDAT {}\r\n", first.len()).bytes().chain(first.iter().copied()));
    commands.extend(format!("BDAT {} LAST\r\n", second.len()).bytes().chain(second.iter().copied()));
    commands.extend(b"NOOP\r\n");
    client.send(&commands).await.unwrap();
    for code in ["250 2.1.0", "250 2.1.5", "250 2.0.0 OK", "250 2.0.0 Taken", "250"] {
        assert!(client.reply().await.unwrap().starts_with(code), "{code}");
    }
    assert!(alice.mails(&relay).await[0].ends_with(MESSAGE.as_bytes()));
    // Where none is expected, a chunk is read and not taken for commands.
    client.send(b"BDAT 6\r\nQUIT\r\nNOOP\r\n").await.unwrap();
    assert!(client.reply().await.unwrap().starts_with("503"));
    assert!(client.reply().await.unwrap().starts_with("250"));
}

/// A relay that offers STARTTLS, its certificate, and where it is.
async fn relay_with_tls(data: &Path) -> (TestRelay, CertifiedKey<KeyPair>, PathBuf) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (certificate, key) = (data.join("cert.pem"), data.join("key.pem"));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let relay = mail_relay(Zone::default(), |config| {
        config.mail.tls_certificate = Some(certificate.clone());
        config.mail.tls_key = Some(key);
    })
    .await;
    (relay, made, certificate)
}

/// lettre is another implementation.
#[tokio::test]
async fn another_program_brings_mail_with_and_without_tls() {
    let data = tempfile::tempdir().unwrap();
    let (relay, made, _) = relay_with_tls(data.path()).await;
    let alice = Reader::new(&relay, "alice").await;
    let root = Certificate::from_der(made.cert.der().to_vec()).unwrap();
    let parameters = TlsParameters::builder("localhost".into()).add_root_certificate(root).build().unwrap();
    let envelope =
        Envelope::new(Some("b@example.org".parse().unwrap()), vec!["alice@localhost".parse().unwrap()])
            .unwrap();
    for tls in [Tls::None, Tls::Required(parameters)] {
        let transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous("127.0.0.1")
            .port(relay.smtp.unwrap().port())
            .tls(tls)
            .build();
        let message = MESSAGE.replace("Message-ID", "X-Message-ID");
        assert!(transport.send_raw(&envelope, message.as_bytes()).await.unwrap().is_positive());
    }
    let mails = alice.mails(&relay).await;
    for (mail, protocol) in mails.iter().zip(["with ESMTP;", "with ESMTPS;"]) {
        assert!(String::from_utf8_lossy(mail).contains(protocol));
        // lettre ends every mail with an empty line.
        assert!(mail.ends_with(b"\r\n.\r\n..\r\n\r\n"));
    }
    assert_eq!(mails.len(), 2);
}

#[tokio::test]
async fn after_starttls_the_session_begins_anew_and_the_mail_says_so() {
    let data = tempfile::tempdir().unwrap();
    let (relay, made, certificate) = relay_with_tls(data.path()).await;
    let alice = Reader::new(&relay, "alice").await;
    let mut client = Client::of(&relay).await;
    assert!(client.say("EHLO a").await.contains("250-STARTTLS\r\n"));
    assert!(client.say("MAIL FROM:<b@example.org>").await.starts_with("250"));
    let mut client = client.start_tls(made.cert.der().clone()).await;
    assert!(client.say("MAIL FROM:<b@example.org>").await.starts_with("503"));
    assert!(!client.say("EHLO a").await.contains("STARTTLS"));
    assert!(client.say("STARTTLS").await.starts_with("503"));
    assert!(client.mail("b@example.org", &["alice@localhost"], MESSAGE.as_bytes()).await.starts_with("250"));
    let mail = String::from_utf8_lossy(&alice.mails(&relay).await[0]).into_owned();
    assert!(mail.contains("with ESMTPS;"), "{mail}");
    // A certificate that vanished is a reason to come again, not to talk in the clear.
    std::fs::remove_file(certificate).unwrap();
    let mut client = Client::of(&relay).await;
    assert!(client.say("STARTTLS").await.starts_with("454"));
}

#[tokio::test]
async fn a_certificate_that_cannot_be_used_keeps_the_relay_from_starting() {
    let data = tempfile::tempdir().unwrap();
    let mut config = crate::common::config(data.path());
    config.mail.tls_certificate = Some(data.path().join("none.pem"));
    config.mail.tls_key = Some(data.path().join("none.pem"));
    assert!(matches!(
        haven_server::relay::Relay::open(config).await,
        Err(haven_server::relay::Error::Tls(_))
    ));
}

#[tokio::test]
async fn asking_for_names_is_limited_by_network() {
    let relay = mail_relay(Zone::default(), |config| {
        config.domain = "haven.example".into();
        config.limits.arrivals_per_network.burst = 3;
    })
    .await;
    let mut client = Client::of(&relay).await;
    assert!(client.say("MAIL FROM:<b@example.org>").await.starts_with("250"));
    for code in ["550 5.1.1", "550 5.1.1", "550 5.1.1", "450 4.7.1"] {
        assert!(client.say("RCPT TO:<guess@haven.example>").await.starts_with(code));
    }
}
