//! Mail that arrives while the program is killed.

use crate::{
    common::{TestRelay, dns::Zone, mail::*, smtp::Client},
    process::client::{Program, Wire, free_port},
};
use haven_wire::mail::{EntryKind, GetMailbox};
use std::{collections::BTreeSet, net::SocketAddr, path::Path};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

const WORKERS: usize = 6;
const ROUNDS: usize = 50;

fn message(id: &str) -> Vec<u8> {
    format!("From: bob@example.org\r\nMessage-ID: <{id}>\r\n\r\n{}", "Plainwords\r\n".repeat(2000)).into()
}

/// Brings one mail after the other until the relay is gone. The one that wasn't answered is brought again by whoever
/// comes next, as every server does.
async fn bring(smtp: SocketAddr, worker: usize, number: usize, taken: UnboundedSender<String>) -> usize {
    let mut number = number;
    let Some(mut client) = Client::greeted_at(smtp).await else { return number };
    client.say("EHLO mail.example.org").await;
    loop {
        let id = format!("{worker}.{number}@example.org");
        let reply = client.mail("bob@example.org", &["alice@localhost"], &message(&id)).await;
        if !reply.starts_with("250") {
            return number;
        }
        taken.send(id).unwrap();
        number += 1;
    }
}

/// Lets the program take mail. Answers where.
async fn configure(data: &Path) -> SocketAddr {
    let smtp = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let dns = Zone::default().serve().await;
    let config = format!("[mail]\nsmtp_listen = \"{smtp}\"\ndns = \"{dns}\"\n");
    std::fs::write(data.join("haven.toml"), config).unwrap();
    smtp
}

async fn start(data: &Path) -> Program {
    Program::start(data, &["--log", "error"]).await
}

/// What was read of a mailbox.
#[derive(Default)]
struct Kept {
    /// Up to this entry.
    after: u64,
    /// The ids of the mails.
    ids: Vec<String>,
}

impl Kept {
    /// Reads on. Each mail is whole.
    async fn read(&mut self, wire: &Wire, alice: &Reader) {
        loop {
            let call = GetMailbox { after: self.after, limit: 1000 };
            let page = wire.call(&call, alice.by()).await.unwrap().unwrap();
            let Some(last) = page.entries.last() else { return };
            self.after = last.sequence;
            for entry in &page.entries {
                assert_eq!(entry.kind, EntryKind::Arrived);
                let mail = String::from_utf8(opened(&alice.cert, entry.body.as_ref().unwrap())).unwrap();
                let id = mail.split("Message-ID: <").nth(1).unwrap().split('>').next().unwrap();
                assert!(mail.as_bytes().ends_with(&message(id)), "it is whole");
                self.ids.push(id.to_owned());
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mail_that_got_250_is_there_once_after_kill_9() {
    let relay = TestRelay::start().await;
    let alice = Reader::new(&relay, "alice").await;
    let directory = relay.stop().await;
    let data = directory.path().join("data");
    let smtp = configure(&data).await;
    let mut all = BTreeSet::new();
    let mut next = [0; WORKERS];
    let mut kept = Kept::default();
    let mut program = start(&data).await;
    for _ in 0..ROUNDS {
        let (took, mut taken) = unbounded_channel();
        let workers: Vec<_> = (0..WORKERS)
            .map(|worker| tokio::spawn(bring(smtp, worker, next[worker], took.clone())))
            .collect();
        drop(took);
        for _ in 0..20 {
            all.insert(taken.recv().await.unwrap());
        }
        program.kill();
        for (worker, ended) in workers.into_iter().enumerate() {
            next[worker] = ended.await.unwrap();
        }
        all.extend(std::iter::from_fn(|| taken.try_recv().ok()));
        program = start(&data).await;
        kept.read(&program.wire, &alice).await;
        let once: BTreeSet<_> = kept.ids.iter().cloned().collect();
        assert_eq!(once.len(), kept.ids.len(), "nothing twice");
        assert!(all.is_subset(&once), "nothing lost");
    }
    let mut again = Kept::default();
    again.read(&program.wire, &alice).await;
    assert_eq!(again.ids, kept.ids, "what was there has stayed");
    println!("{} mails were taken, none was lost", all.len());
}

#[tokio::test]
async fn logs_of_arriving_mail_name_nobody() {
    let relay = TestRelay::start().await;
    Reader::new(&relay, "quietperson").await;
    let directory = relay.stop().await;
    let data = directory.path().join("data");
    let smtp = configure(&data).await;
    let program = Program::start(&data, &["--log", "trace"]).await;
    let mut client = Client::greeted_at(smtp).await.unwrap();
    client.say("EHLO quiethost.example").await;
    for to in ["quietperson@localhost", "nobodyknown@localhost", "stranger@elsewhere.example"] {
        client.mail("quietsender@example.org", &[to], &message("1@example.org")).await;
        client.say("RSET").await;
    }
    drop(client);
    let (_, _, log) = program.terminate();
    for word in ["quiet", "nobodyknown", "stranger", "example", "127.0.0.1", "Plainwords"] {
        assert!(!log.contains(word), "{word} in {log}");
    }
}
