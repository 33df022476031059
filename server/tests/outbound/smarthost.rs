//! Through a smarthost: every outcome, and what the sender reads.

use crate::{
    common::{
        mail::by_smarthost,
        mail_server::{MailServer, saying},
    },
    outbound::scene::{Scene, mail, text},
};
use haven_wire::mail::MailInfo;
use std::sync::Arc;

async fn scene_with(command: &'static str, answer: &'static str) -> (Scene, MailServer) {
    let server = MailServer::start(saying(command, answer)).await;
    (Scene::new(by_smarthost(server.address)).await, server)
}

fn said(what: &str) -> String {
    format!("This relay's outgoing mail server (127.0.0.1) said: {what}")
}

#[tokio::test]
async fn mail_goes_to_the_smarthost_as_it_is_and_signed() {
    let (mut scene, mut server) = scene_with("NEVER", "").await;
    assert!(scene.relay.call(&MailInfo {}, scene.alice.by()).await.unwrap().sends);
    let call = mail(&["bob@example.org", "carol@example.net"], "Hello");
    scene.send(&call).await.unwrap();
    let taken = server.next().await;
    assert_eq!(taken.from, "alice@localhost");
    assert_eq!(taken.to, ["bob@example.org", "carol@example.net"]);
    let message = String::from_utf8(taken.message).unwrap();
    assert!(message.starts_with("DKIM-Signature: v=1;"));
    assert!(message.ends_with(&text("bob@example.org", "Hello")), "{message}");
    let told = scene.outcome().await;
    assert_eq!(told, ("bob@example.org carol@example.net".into(), "relayed".into()));
    scene.send(&call).await.unwrap();
    assert!(scene.queue_is_empty().await);
    assert_eq!(server.all(), []);
}

#[tokio::test]
async fn what_the_server_refuses_for_ever_fails_at_once_with_its_words() {
    for (command, answer) in [
        ("MAIL", "550 5.7.1 not you"),
        ("RCPT", "550 5.1.1 no such user"),
        ("DATA", "554 5.6.0 no"),
        (".", "550-5.7.1 this is\r\n550 5.7.1 spam\u{1b}[31m"),
    ] {
        let (mut scene, _server) = scene_with(command, answer).await;
        scene.send(&mail(&["bob@example.org"], "Hello")).await.unwrap();
        let (to, outcome) = scene.outcome().await;
        assert_eq!(to, "bob@example.org");
        let reason = outcome.strip_prefix("failed: ").unwrap();
        let code = answer.split([' ', '-']).next().unwrap();
        assert!(reason.starts_with(&said(code)), "{reason}");
        assert!(!reason.contains(char::is_control));
        assert!(scene.queue_is_empty().await);
    }
}

#[tokio::test]
async fn recipients_have_each_their_own_outcome() {
    let script = Arc::new(|command: &str| match command {
        "RCPT TO:<never@example.org>" => Some("550 5.1.1 no such user".to_owned()),
        "RCPT TO:<later@example.org>" => Some("450 4.2.1 come again".to_owned()),
        _ => None,
    });
    let mut server = MailServer::start(script).await;
    let mut scene = Scene::new(by_smarthost(server.address)).await;
    scene.send(&mail(&["never@example.org", "now@example.org", "later@example.org"], "Hello")).await.unwrap();
    assert_eq!(scene.outcome().await, ("now@example.org".into(), "relayed".into()));
    let failed = format!("failed: {}", said("550 5.1.1 no such user"));
    assert_eq!(scene.outcome().await, ("never@example.org".into(), failed));
    assert_eq!(server.next().await.to, ["now@example.org"]);
    // Stored once for each of the three.
    scene.tried(3).await;
    scene.age(3700).await;
    let delayed = format!("delayed: {}", said("450 4.2.1 come again"));
    assert_eq!(scene.outcome().await, ("later@example.org".into(), delayed));
    assert_eq!(server.count("RCPT TO:<now@example.org>"), 1);
    assert_eq!(server.all(), []);
}

/// Whatever is wrong with the smarthost may be mended, so mail waits for two days.
#[tokio::test]
async fn a_wrong_smarthost_delays_first_and_fails_after_two_days() {
    for (command, answer, reason) in [
        ("", "554 5.7.1 go away", said("554 5.7.1 go away")),
        ("EHLO", "550 5.7.1 who?", said("550 5.7.1 who?")),
        ("MAIL", "451 4.3.0 disk full", said("451 4.3.0 disk full")),
        (".", "452 4.3.1 disk full", said("452 4.3.1 disk full")),
        ("DATA", "421 4.3.2 shutting down", said("421 4.3.2 shutting down")),
        ("RCPT", "", "This relay's outgoing mail server (127.0.0.1) could not be reached: ".into()),
    ] {
        let (mut scene, _server) = scene_with(command, answer).await;
        scene.send(&mail(&["bob@example.org"], "Hello")).await.unwrap();
        scene.tried(1).await;
        scene.age(1000).await;
        scene.tried(2).await;
        scene.age(3000).await;
        let (_, delayed) = scene.outcome().await;
        assert!(delayed.starts_with(&format!("delayed: {reason}")), "{delayed}");
        scene.tried(3).await;
        scene.age(3000).await;
        scene.tried(4).await;
        scene.age(2 * 86_400).await;
        // Not told a second time that it is delayed.
        let (_, failed) = scene.outcome().await;
        assert!(failed.starts_with(&format!("failed: {reason}")), "{failed}");
        assert!(scene.queue_is_empty().await);
    }
}

#[tokio::test]
async fn a_dead_smarthost_is_said_to_be_out_of_reach() {
    let dead = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut scene = Scene::new(by_smarthost(dead)).await;
    scene.send(&mail(&["bob@example.org"], "Hello")).await.unwrap();
    scene.tried(1).await;
    scene.age(3600).await;
    let (_, delayed) = scene.outcome().await;
    let reason =
        "delayed: This relay's outgoing mail server (127.0.0.1) could not be reached: Connection refused";
    assert!(delayed.starts_with(reason), "{delayed}");
}

#[tokio::test]
async fn a_password_goes_only_where_tls_is() {
    let server = MailServer::start(saying("NEVER", "")).await;
    let password = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(password.path(), "hidden\n").unwrap();
    let mut scene = Scene::new(|config| {
        by_smarthost(server.address)(config);
        config.mail.smarthost = Some(format!("smtp://alice@127.0.0.1:{}", server.address.port()));
        config.mail.smarthost_password_file = Some(password.path().into());
        config.mail.smarthost_tls = haven_server::mail::config::Tls::Required;
    })
    .await;
    scene.send(&mail(&["bob@example.org"], "Hello")).await.unwrap();
    scene.tried(1).await;
    assert_eq!(server.count("AUTH") + server.count("MAIL"), 0);
    scene.age(3600).await;
    let (_, delayed) = scene.outcome().await;
    assert!(delayed.contains("offers no safe connection"), "{delayed}");
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_no_protection() {
    let server = MailServer::with_tls(saying("NEVER", "")).await;
    let mut scene = Scene::new(|config| {
        by_smarthost(server.address)(config);
        config.mail.smarthost_tls = haven_server::mail::config::Tls::Required;
    })
    .await;
    scene.send(&mail(&["bob@example.org"], "Hello")).await.unwrap();
    scene.tried(1).await;
    assert_eq!(server.count("MAIL"), 0);
    scene.age(3600).await;
    let (_, delayed) = scene.outcome().await;
    assert!(delayed.contains("offers no safe connection: invalid peer certificate"), "{delayed}");
}

#[tokio::test]
async fn the_smarthost_is_signed_in_to() {
    let mut server = MailServer::start(saying("NEVER", "")).await;
    let password = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(password.path(), "hidden\n").unwrap();
    let scene = Scene::new(|config| {
        by_smarthost(server.address)(config);
        config.mail.smarthost = Some(format!("smtp://alice@127.0.0.1:{}", server.address.port()));
        config.mail.smarthost_password_file = Some(password.path().into());
    })
    .await;
    scene.send(&mail(&["bob@example.org"], "Hello")).await.unwrap();
    // base64 of \0alice\0hidden
    assert_eq!(server.next().await.login.unwrap(), "AGFsaWNlAGhpZGRlbg==");
}
