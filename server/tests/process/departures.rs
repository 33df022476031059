//! Mail that is on its way out while the program is killed.

use crate::{
    common::{
        By, TestRelay,
        mail::*,
        mail_server::{MailServer, saying},
        random,
        socket::Socket,
    },
    process::client::{Program, Wire},
};
use haven_wire::{ids::*, mail::*};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, mpsc},
    time::{Duration, Instant},
};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

const WORKERS: usize = 4;
const ROUNDS: usize = 50;
const RECIPIENTS: [&str; 2] = ["bob@localhost", "eve@example.org"];

/// One mail in sixteen is as large as what comes with a list of entries.
fn submission(id: MessageId) -> SubmitMail {
    let lines = if id.0[0].is_multiple_of(16) { 9_000 } else { 500 };
    let message = format!(
        "From: <alice@localhost>\r\nMessage-ID: <{}@localhost>\r\n\r\n{}",
        id.to_hex(),
        "Plainwords\r\n".repeat(lines)
    );
    let recipients = RECIPIENTS.map(str::to_owned).to_vec();
    SubmitMail {
        id,
        messages: vec![OutgoingMail { recipients, message: message.into() }],
        kept: 0,
        note: None,
    }
}

/// Sends until the relay is gone.
async fn send(wire: Wire, session: SessionToken, accepted: UnboundedSender<MessageId>) {
    loop {
        let id = MessageId(random());
        let Some(answer) = wire.call(&submission(id), By::Session(&session)).await else { return };
        answer.unwrap();
        accepted.send(id).unwrap();
    }
}

/// What is in a mailbox, opened.
async fn entries(wire: &Wire, reader: &Reader) -> Vec<(EntryKind, Vec<u8>)> {
    let (mut entries, mut after) = (Vec::new(), 0);
    loop {
        let page = wire.call(&GetMailbox { after, limit: 1000 }, reader.by()).await.unwrap().unwrap();
        let Some(last) = page.entries.last() else { return entries };
        after = last.sequence;
        for entry in page.entries {
            entries.push((entry.kind, opened(&reader.cert, &entry.body.unwrap())));
        }
    }
}

/// How often each mail is in a mailbox, or was taken by the server.
fn count<'a>(mails: impl Iterator<Item = &'a [u8]>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for mail in mails {
        let text = String::from_utf8_lossy(mail);
        let id = text.split("Message-ID: <").nth(1).unwrap().split('@').next().unwrap();
        *counts.entry(id.to_owned()).or_default() += 1;
    }
    counts
}

/// Waits until nothing is on its way any more. Answers what Alice was told: how often, for each mail and recipient.
async fn told(wire: &Wire, alice: &Reader) -> BTreeMap<(String, String), usize> {
    let mut socket = Socket::of_at(wire.address, &alice.person).await;
    loop {
        let entries = entries(wire, alice).await;
        let sent = entries.iter().filter(|(kind, _)| *kind == EntryKind::Sent).count();
        let mut told = BTreeMap::new();
        for (_, body) in entries.iter().filter(|(kind, _)| *kind == EntryKind::Delivery) {
            let report: DeliveryReport = haven_wire::decode(body).unwrap();
            assert!(matches!(report.outcome, Outcome::Delivered | Outcome::Relayed));
            for recipient in report.recipients {
                *told.entry((report.id.to_hex(), recipient)).or_default() += 1;
            }
        }
        if told.len() == sent * RECIPIENTS.len() {
            return told;
        }
        socket.mailbox_has(entries.len() as u64 + 1).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mail_that_was_accepted_is_delivered_after_kill_9_and_into_mailboxes_once() {
    let relay = TestRelay::start().await;
    let (alice, bob) = (Reader::new(&relay, "alice").await, Reader::new(&relay, "bob").await);
    let directory = relay.stop().await;
    let data = directory.path().join("data");
    let mut server = MailServer::start(saying("NEVER", "")).await;
    let config = format!(
        "[mail]\nroute = \"smarthost\"\nsmarthost = \"smtp://{}\"\nsmarthost_tls = \"none\"\n\
         [limits]\nsubmit_mails = {{ burst = 1000000, every_s = 0.001 }}\n",
        server.address
    );
    std::fs::write(data.join("haven.toml"), config).unwrap();
    let mut all = BTreeSet::new();
    let mut program = Program::start(&data, &["--log", "error"]).await;
    for _ in 0..ROUNDS {
        let (accept, mut accepted) = unbounded_channel();
        let workers: Vec<_> = (0..WORKERS)
            .map(|_| tokio::spawn(send(program.wire.clone(), alice.person.session, accept.clone())))
            .collect();
        drop(accept);
        for _ in 0..5 {
            all.insert(accepted.recv().await.unwrap());
        }
        program.kill();
        for worker in workers {
            worker.await.unwrap();
        }
        all.extend(std::iter::from_fn(|| accepted.try_recv().ok()));
        program = Program::start(&data, &["--log", "error"]).await;
    }
    let told = told(&program.wire, &alice).await;
    assert!(told.values().all(|times| *times == 1), "told twice");
    let arrived = entries(&program.wire, &bob).await;
    let arrived = count(arrived.iter().map(|(_, mail)| mail.as_slice()));
    let taken = server.all();
    let taken = count(taken.iter().map(|taken| taken.message.as_slice()));
    for id in all {
        assert_eq!(arrived.get(&id.to_hex()), Some(&1), "once in Bob's mailbox");
        assert!(taken.contains_key(&id.to_hex()), "lost on its way to the server");
    }
    assert!(arrived.values().all(|times| *times == 1), "twice in Bob's mailbox");
    let twice = taken.values().filter(|times| **times > 1).count();
    println!("{} mails, none lost; the server got {twice} of them twice", arrived.len());
}

/// Which certificates are trusted is a matter of the whole process.
#[tokio::test]
async fn a_smarthost_that_proves_its_name_gets_the_password_and_the_mail() {
    let relay = TestRelay::start().await;
    let alice = Reader::new(&relay, "alice").await;
    let directory = relay.stop().await;
    let data = directory.path().join("data");
    let mut server = MailServer::with_tls(saying("NEVER", "")).await;
    let (trusted, password) = (data.join("trusted.pem"), data.join("password"));
    std::fs::write(&trusted, &server.certificate).unwrap();
    std::fs::write(&password, "hidden\n").unwrap();
    let config = format!(
        "[mail]\nroute = \"smarthost\"\nsmarthost = \"smtp://alice@localhost:{}\"\nsmarthost_password_file = {password:?}\n",
        server.address.port()
    );
    std::fs::write(data.join("haven.toml"), config).unwrap();
    let program = Program::spawn(Program::command(&data, &[]).env("SSL_CERT_FILE", trusted));
    let mut call = submission(MessageId(random()));
    call.messages[0].recipients = vec![RECIPIENTS[1].to_owned()];
    program.wire.call(&call, alice.by()).await.unwrap().unwrap();
    let taken = server.next().await;
    assert!(taken.tls);
    // base64 of \0alice\0hidden
    assert_eq!(taken.login.unwrap(), "AGFsaWNlAGhpZGRlbg==");
    let (_, _, log) = program.terminate();
    assert!(log.contains("haven._domainkey.localhost IN TXT \"v=DKIM1; k=rsa; p=MIIBIjANBgkqhkiG"), "{log}");
    assert!(!log.contains("eve") && !log.contains("alice"), "{log}");
}

/// A mail server that says nothing at the end of a message until it may. The first end of the pair hears that it is there, the
/// other one lets it answer.
async fn waiting_server() -> (MailServer, mpsc::Receiver<()>, mpsc::Sender<()>) {
    let ((reached, there), (go, may)) = (mpsc::channel(), mpsc::channel());
    let (reached, may) = (Mutex::new(reached), Mutex::new(may));
    let script = Arc::new(move |command: &str| {
        if command == "." {
            let _ = reached.lock().unwrap().send(());
            // Whoever goes away without a word lets it answer, too.
            let _ = tokio::task::block_in_place(|| may.lock().unwrap().recv());
        }
        None
    });
    (MailServer::start(script).await, there, go)
}

/// A program that sends by this server, and a mail of Alice's that is just being handed over.
async fn caught_sending(
    server: &MailServer,
    there: &mpsc::Receiver<()>,
) -> (tempfile::TempDir, Reader, Program) {
    let relay = TestRelay::start().await;
    let alice = Reader::new(&relay, "alice").await;
    let directory = relay.stop().await;
    let data = directory.path().join("data");
    let address = server.address;
    let config = format!(
        "[mail]\nroute = \"smarthost\"\nsmarthost = \"smtp://{address}\"\nsmarthost_tls = \"none\"\n"
    );
    std::fs::write(data.join("haven.toml"), config).unwrap();
    let program = Program::start(&data, &["--log", "error"]).await;
    let mut call = submission(MessageId(random()));
    call.messages[0].recipients = vec![RECIPIENTS[1].to_owned()];
    program.wire.call(&call, alice.by()).await.unwrap().unwrap();
    tokio::task::block_in_place(|| there.recv().unwrap());
    (directory, alice, program)
}

/// What Alice was told, once she was told something.
async fn first_told(wire: &Wire, alice: &Reader) -> Vec<Outcome> {
    let mut socket = Socket::of_at(wire.address, &alice.person).await;
    loop {
        let entries = entries(wire, alice).await;
        let reports = entries.iter().filter(|(kind, _)| *kind == EntryKind::Delivery);
        let outcomes: Vec<Outcome> =
            reports.map(|(_, body)| haven_wire::decode::<DeliveryReport>(body).unwrap().outcome).collect();
        if !outcomes.is_empty() {
            return outcomes;
        }
        socket.mailbox_has(entries.len() as u64 + 1).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_that_is_being_sent_when_the_program_is_asked_to_end_is_sent_once() {
    let (mut server, there, go) = waiting_server().await;
    let (directory, alice, program) = caught_sending(&server, &there).await;
    program.ask_to_end();
    // It takes no calls any more, so it is on its way to its end.
    while program.wire.call(&GetMailbox { after: 0, limit: 1 }, alice.by()).await.is_some() {}
    go.send(()).unwrap();
    let (status, _, log) = tokio::task::block_in_place(|| program.ended());
    assert!(status.success() && log.is_empty(), "{log}");
    let again = Program::start(&directory.path().join("data"), &["--log", "error"]).await;
    assert_eq!(first_told(&again.wire, &alice).await, [Outcome::Relayed]);
    again.terminate();
    assert_eq!(server.all().len(), 1);
    assert_eq!(server.count("DATA"), 1, "nobody is sent it a second time");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_does_not_answer_keeps_no_program_from_ending_and_gets_the_mail_later() {
    let (server, there, go) = waiting_server().await;
    let (directory, alice, program) = caught_sending(&server, &there).await;
    let begin = Instant::now();
    let (status, _, _) = tokio::task::block_in_place(|| program.terminate());
    assert!(status.success());
    assert!(begin.elapsed() < Duration::from_secs(30), "{:?}", begin.elapsed());
    drop(go);
    let again = Program::start(&directory.path().join("data"), &["--log", "error"]).await;
    assert_eq!(first_told(&again.wire, &alice).await, [Outcome::Relayed]);
    again.terminate();
}
