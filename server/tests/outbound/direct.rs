//! Straight to the servers of a domain.

use crate::common::mail_server::{MailServer, Script, saying};
use async_trait::async_trait;
use haven_server::{
    mail::outbound::{route::Route, session::Parcel, verdict::Verdict},
    outside::{
        Outside,
        names::{Exchanger, Names, Unresolved},
    },
};
use lettre::transport::smtp::extension::ClientId;
use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

const PUBLIC: &str = "93.184.216.34";
const DEAD: &str = "93.184.216.35";

/// Addresses of hosts, and exchangers of domains.
#[derive(Default)]
struct Dns {
    hosts: Vec<(&'static str, &'static str)>,
    exchangers: Vec<(&'static str, u16, &'static str)>,
}

#[async_trait]
impl Names for Dns {
    async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, Unresolved> {
        if host == "silent.example" {
            return Err(Unresolved::NoAnswer);
        }
        let found = self.hosts.iter().filter(|(name, _)| *name == host);
        let found: Vec<IpAddr> = found.map(|(_, address)| address.parse().unwrap()).collect();
        if found.is_empty() { Err(Unresolved::NoSuchName) } else { Ok(found) }
    }

    async fn exchangers(&self, domain: &str) -> Result<Vec<Exchanger>, Unresolved> {
        let found = self.exchangers.iter().filter(|(name, ..)| *name == domain);
        let found =
            found.map(|(_, preference, host)| Exchanger { preference: *preference, host: (*host).into() });
        let found: Vec<_> = found.collect();
        if found.is_empty() { Err(Unresolved::NoSuchName) } else { Ok(found) }
    }
}

async fn send(dns: Dns, server: &MailServer) -> Verdict {
    let dead = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let detours = BTreeMap::from([(PUBLIC.parse().unwrap(), server.address), (DEAD.parse().unwrap(), dead)]);
    let route = Route::Direct(Outside::with(Arc::new(dns), detours));
    let (sender, recipient) = ("alice@a.example".parse().unwrap(), "bob@example.org".parse().unwrap());
    let parcel = Parcel { sender: &sender, recipients: &[recipient], message: b"From: a\r\n\r\nHello\r\n" };
    let hello = ClientId::Domain("a.example".into());
    let mut verdicts = route.send(&hello, "example.org", parcel).await;
    assert_eq!(verdicts.len(), 1);
    verdicts.remove(0)
}

fn reason(verdict: Verdict) -> String {
    match verdict {
        Verdict::Delivered => "delivered".into(),
        Verdict::Later(reason) => format!("later: {}", reason.into_inner()),
        Verdict::Failed(reason) => format!("failed: {}", reason.into_inner()),
    }
}

async fn good() -> MailServer {
    MailServer::start(saying("NEVER", "")).await
}

#[tokio::test]
async fn the_best_server_that_answers_takes_it() {
    let mut server = good().await;
    let dns = Dns {
        hosts: vec![("mx1.example.org", DEAD), ("mx2.example.org", PUBLIC)],
        exchangers: vec![
            ("example.org", 20, "mx2.example.org"),
            ("example.org", 5, "gone.example.org"),
            ("example.org", 10, "mx1.example.org"),
        ],
    };
    assert_eq!(send(dns, &server).await, Verdict::Delivered);
    assert_eq!(server.next().await.to, ["bob@example.org"]);
}

#[tokio::test]
async fn a_domain_without_exchangers_is_its_own() {
    let server = good().await;
    let dns = Dns { hosts: vec![("example.org", PUBLIC)], ..Dns::default() };
    assert_eq!(send(dns, &server).await, Verdict::Delivered);
}

#[tokio::test]
async fn a_domain_that_takes_no_mail_or_is_none_fails_at_once() {
    let server = good().await;
    let null = Dns { hosts: vec![("example.org", PUBLIC)], exchangers: vec![("example.org", 0, "")] };
    assert_eq!(reason(send(null, &server).await), "failed: example.org takes no mail");
    let nothing = reason(send(Dns::default(), &server).await);
    assert_eq!(nothing, "failed: example.org: there is no such host");
    assert_eq!(server.count(""), 0);
}

#[tokio::test]
async fn a_dns_that_does_not_answer_is_asked_again_later() {
    let server = good().await;
    let dns = Dns { exchangers: vec![("example.org", 1, "silent.example")], ..Dns::default() };
    assert_eq!(reason(send(dns, &server).await), "later: silent.example: the name could not be looked up");
}

#[tokio::test]
async fn no_mail_goes_into_private_networks() {
    let server = good().await;
    for (host, address) in [
        ("mx.example.org", "127.0.0.1"),
        ("mx.example.org", "::1"),
        ("mx.example.org", "::ffff:127.0.0.1"),
        ("mx.example.org", "169.254.169.254"),
        ("mx.example.org", "10.0.0.1"),
        ("localhost", PUBLIC),
        ("127.0.0.1", PUBLIC),
        ("db.internal", PUBLIC),
    ] {
        let dns = Dns { hosts: vec![(host, address)], exchangers: vec![("example.org", 1, host)] };
        assert!(reason(send(dns, &server).await).starts_with("failed: "), "{host} {address}");
    }
    assert_eq!(server.count(""), 0);
}

#[tokio::test]
async fn tls_is_used_if_it_is_offered_whoever_signed_the_certificate() {
    let dns = || Dns { hosts: vec![("example.org", PUBLIC)], ..Dns::default() };
    let mut server = MailServer::with_tls(saying("NEVER", "")).await;
    assert_eq!(send(dns(), &server).await, Verdict::Delivered);
    assert!(server.next().await.tls);
    // TLS fails there: better without than never.
    let broken: Script = Arc::new(|command: &str| (command == "STARTTLS").then(|| "454 4.7.0 no".to_owned()));
    let mut server = MailServer::with_tls(broken).await;
    assert_eq!(send(dns(), &server).await, Verdict::Delivered);
    assert!(!server.next().await.tls);
}
