//! The chat benchmark's engine side: the tasks m1 to m9, on IndexedDB, with a relay in memory.
//!
//! Each function is called by the page of `end2end/bench`, which gathers what they return: a JSON array of
//! `{"task", "n", "value", "unit"}`. Times are of whole verbs, until their write sets are durable (strict). In m3, m4,
//! m5a and m6a they hold what the relay in memory does; in the others they don't.
#![allow(clippy::expect_used, clippy::panic, reason = "a benchmark that goes wrong has to stop")]

use crate::{indexeddb::IndexedDb, scope};
use haven_bridge::{ConversationId, IntentId, ItemContent};
use haven_core::{
    Engine, Millis,
    intent::{Accepted, Intent},
    request::{Reply, Request},
    store::StorageKey,
    testing::{Peer, TestRelay, address, bystander, key_packages},
};
use haven_wire::{
    group::{Kind, NewMessage, Row, Rows},
    push::FromRelay,
};
use std::{fmt::Write as _, rc::Rc};
use wasm_bindgen::prelude::wasm_bindgen;
use zeroize::Zeroizing;

type Durable = Peer<Rc<IndexedDb>>;

fn storage_key() -> StorageKey {
    StorageKey(Zeroizing::new([7; 32]))
}

fn clock() -> f64 {
    scope::this().performance().expect("a clock").now()
}

fn now() -> Millis {
    scope::now()
}

/// Gathers results.
#[derive(Default)]
struct Results(String);

impl Results {
    fn add(&mut self, task: &str, n: u32, value: f64, unit: &str) {
        let comma = if self.0.is_empty() { "" } else { "," };
        let row = format!(r#"{comma}{{"task":"{task}","n":{n},"value":{value},"unit":"{unit}"}}"#);
        self.0.push_str(&row);
    }

    fn since(&mut self, task: &str, n: u32, start: f64) {
        self.add(task, n, clock() - start, "ms");
    }

    fn rate(&mut self, task: &str, n: u32, start: f64, count: u32) {
        self.add(task, n, f64::from(count) * 1000.0 / (clock() - start), "msg/s");
    }

    fn json(self) -> String {
        format!("[{}]", self.0)
    }
}

async fn open(name: &str) -> Rc<IndexedDb> {
    Rc::new(IndexedDb::take_over(name).await.expect("a database").0)
}

fn intent_id(number: u32) -> IntentId {
    let mut id = [0xE0; 16];
    id.iter_mut().zip(number.to_be_bytes()).for_each(|(to, from)| *to = from);
    scope::random::<8>()
        .expect("random")
        .iter()
        .zip(id.iter_mut().skip(8))
        .for_each(|(from, to)| *to = *from);
    IntentId(id)
}

/// m1b: a new account in a new database. m1d: opening it again. m2: 100 key packages, which nobody stores.
#[wasm_bindgen]
pub async fn clients(name: String) -> String {
    let mut results = Results::default();
    let relay = TestRelay::default();
    let start = clock();
    let store = open(&name).await;
    let peer = Peer::sign_up(store.clone(), storage_key(), &relay, 1, now()).await;
    results.since("m1b create a client in a new store", 0, start);
    drop(peer);
    store.close();
    let start = clock();
    let store = open(&name).await;
    let engine = Engine::open(store.clone(), storage_key(), now()).await.expect("open");
    assert!(engine.is_some(), "the client is there");
    results.since("m1d reopen a client from its store", 0, start);
    let start = clock();
    let made = key_packages(9, 100, now());
    assert_eq!(made.one_time.len(), 100);
    results.since("m2 generate 100 key packages", 0, start);
    store.close();
    results.json()
}

/// A group of `n`: alice, bob, and others who were added and do nothing.
struct Group {
    relay: TestRelay,
    alice: Durable,
    bob: Durable,
    conversation: ConversationId,
    n: u32,
    /// How many rows bob has read.
    read: usize,
}

impl Group {
    /// Makes the group and joins bob, measuring m3 and m4.
    async fn new(name: &str, n: u32, results: &mut Results) -> Self {
        let relay = TestRelay::default();
        let alice_store = open(&format!("{name}-alice")).await;
        let mut alice = Peer::sign_up(alice_store, storage_key(), &relay, 1, now()).await;
        let bob_store = open(&format!("{name}-bob")).await;
        let mut bob = Peer::sign_up(bob_store, storage_key(), &relay, 2, now()).await;
        bob.talk(&relay, now()).await;
        alice.talk(&relay, now()).await;
        for number in 3..=n {
            bystander(&relay, number, now());
        }
        let addresses = (2..=n).map(address).collect();
        let Accepted::Started(conversation) =
            alice.want(Intent::StartConversation { addresses, title: None }, now()).await
        else {
            panic!("no conversation")
        };
        start_group(&mut alice, &relay, n, results).await;
        let mut group = Self { relay, alice, bob, conversation, n, read: 1 };
        group.join(results).await;
        group
    }

    async fn join(&mut self, results: &mut Results) {
        let later = now() + 20_000;
        let mut joined = false;
        while !joined {
            let pending = self.bob.engine.outgoing(later).await.expect("outgoing");
            for outgoing in pending.requests {
                let welcome = matches!(outgoing.request, Request::GetWelcome(_));
                let start = clock();
                self.bob.exchange(&self.relay, outgoing, later).await;
                if welcome {
                    results.since("m4 joiner processes the Welcome", self.n, start);
                    joined = true;
                }
            }
        }
        self.bob.talk(&self.relay, later).await;
        let answer = haven_bridge::RequestAnswer::Accept;
        let accept = Intent::AnswerRequest { conversation: self.conversation, answer };
        self.bob.want(accept, later).await;
    }

    /// A commit by alice, and bob's processing of it.
    async fn commit(&mut self, intent: Intent, tasks: [&str; 2], results: &mut Results) {
        let start = clock();
        self.alice.want(intent, now()).await;
        self.alice.talk(&self.relay, now()).await;
        results.since(tasks[0], self.n, start);
        let rows = self.unread_by_bob();
        let start = clock();
        self.bob.engine.receive(vec![rows], now()).await.expect("receive");
        results.since(tasks[1], self.n, start);
    }

    /// The rows that bob has not read, as a push.
    fn unread_by_bob(&mut self) -> FromRelay {
        let mut rows = self.relay.rows();
        let rows = rows.split_off(std::mem::replace(&mut self.read, rows.len()));
        FromRelay::Rows { group_id: self.relay.groups().first().copied().expect("a group"), rows }
    }

    fn texts(&self, count: u32) -> Vec<(IntentId, Intent)> {
        let text = "x".repeat(200);
        let conversation = self.conversation;
        (0..count).map(|i| (intent_id(i), Intent::SendText { conversation, text: text.clone() })).collect()
    }
}

/// Runs a start: first the claims, then, measured, the commit until it is merged.
async fn start_group(alice: &mut Durable, relay: &TestRelay, n: u32, results: &mut Results) {
    loop {
        let start = clock();
        let pending = alice.engine.outgoing(now()).await.expect("outgoing");
        let staged =
            pending.requests.iter().any(|outgoing| matches!(outgoing.request, Request::AppendCommit(_)));
        for outgoing in pending.requests {
            alice.exchange(relay, outgoing, now()).await;
        }
        if staged {
            alice.talk(relay, now()).await;
            return results.since("m3 create group + add N in one commit", n, start);
        }
    }
}

/// m3 to m6 in a group of `n`.
#[wasm_bindgen]
pub async fn groups(name: String, n: u32) -> String {
    let mut results = Results::default();
    let mut group = Group::new(&name, n, &mut results).await;
    let conversation = group.conversation;
    let tasks = ["m5a self-update commit: create + merge", "m5b other member processes that commit"];
    group.commit(Intent::SelfUpdate { conversation }, tasks, &mut results).await;
    let people = group.alice.engine.conversation(conversation).await.expect("read").expect("a conversation");
    let last = people.members.last().expect("a member").person.fingerprint.clone();
    let tasks = ["m6a remove one member: create + merge", "m6b other member processes that removal"];
    group.commit(Intent::RemovePeople { conversation, fingerprints: vec![last] }, tasks, &mut results).await;
    results.json()
}

/// m7 in a group of `n`: one by one, in bursts, and as a backlog.
#[wasm_bindgen]
pub async fn messages(name: String, n: u32, count: u32) -> String {
    let mut ignored = Results::default();
    let mut results = Results::default();
    let mut group = Group::new(&name, n, &mut ignored).await;
    one_by_one(&mut group, count, &mut results).await;
    in_bursts(&mut group, count, &mut results).await;
    results.json()
}

async fn one_by_one(group: &mut Group, count: u32, results: &mut Results) {
    let mut sending = 0.0;
    let mut receiving = 0.0;
    for intent in group.texts(count) {
        let start = clock();
        group.alice.engine.handle(vec![intent], now()).await.expect("handle");
        let pending = group.alice.engine.outgoing(now()).await.expect("outgoing");
        sending += clock() - start;
        for outgoing in pending.requests {
            group.alice.exchange(&group.relay, outgoing, now()).await;
        }
        group.alice.talk(&group.relay, now()).await;
        let rows = group.unread_by_bob();
        let start = clock();
        group.bob.engine.receive(vec![rows], now()).await.expect("receive");
        receiving += clock() - start;
    }
    let rate = |time: f64| f64::from(count) * 1000.0 / time;
    results.add("m7c one by one: encrypt, durable", group.n, rate(sending), "msg/s");
    results.add("m7d one by one: decrypt, durable", group.n, rate(receiving), "msg/s");
}

async fn in_bursts(group: &mut Group, count: u32, results: &mut Results) {
    let texts = group.texts(count);
    let mut sending = 0.0;
    let start = clock();
    group.alice.engine.handle(texts, now()).await.expect("handle");
    sending += clock() - start;
    loop {
        let start = clock();
        let pending = group.alice.engine.outgoing(now()).await.expect("outgoing");
        sending += clock() - start;
        if pending.requests.is_empty() {
            break;
        }
        for outgoing in pending.requests {
            group.alice.exchange(&group.relay, outgoing, now()).await;
        }
    }
    results.add("m7c burst: encrypt, durable", group.n, f64::from(count) * 1000.0 / sending, "msg/s");
    let rows = group.unread_by_bob();
    let start = clock();
    group.bob.engine.receive(vec![rows], now()).await.expect("receive");
    results.rate("m7d backlog: decrypt, durable", group.n, start, count);
    results.since("m7e a received backlog of these messages", group.n, start);
}

/// m8, first half: bob in a group of `n`, and a message for him that he has not read. Gives the rows in hex.
#[wasm_bindgen]
pub async fn prepare_restart(name: String, n: u32) -> String {
    let mut ignored = Results::default();
    let mut group = Group::new(&name, n, &mut ignored).await;
    group.alice.engine.handle(group.texts(1), now()).await.expect("handle");
    group.alice.talk(&group.relay, now()).await;
    let FromRelay::Rows { rows, .. } = group.unread_by_bob() else { panic!("no rows") };
    hex(&rows)
}

/// m8, second half: from a closed page to the first decrypted message. Gives the time since the start of navigation
/// is the page's business; here are the parts.
#[wasm_bindgen]
pub async fn restart(name: String, n: u32, rows: String) -> String {
    let mut results = Results::default();
    let rows = unhex(&rows);
    let start = clock();
    let store = open(&format!("{name}-bob")).await;
    let mut engine = Engine::open(store, storage_key(), now()).await.expect("open").expect("bob");
    results.since("m8.2 open store + client", n, start);
    let start = clock();
    let texts = first_text(&mut engine, rows).await;
    assert_eq!(texts, 1, "the message is readable");
    results.since("m8.3 load group + decrypt", n, start);
    results.json()
}

async fn first_text(engine: &mut Engine<Rc<IndexedDb>>, rows: Vec<Row>) -> usize {
    let head = rows.last().map_or(0, |row| row.sequence);
    let pending = engine.outgoing(now()).await.expect("outgoing");
    for outgoing in pending.requests {
        if matches!(outgoing.request, Request::GetRows(_)) {
            let reply = Reply::GetRows(Rows { rows: rows.clone(), head });
            engine.confirm(outgoing.id, reply, now()).await.expect("confirm");
        }
    }
    let conversation = engine.conversations().first().expect("a conversation").id;
    let page = engine.timeline(conversation, None, 10).await.expect("a timeline");
    page.items.iter().filter(|item| matches!(item.content, ItemContent::Received { .. })).count()
}

/// m9, first half: alice encrypts `count` messages, each awaited. Calls `sent` with each row in hex when it is about
/// to leave; the tab is killed while the last are under way.
#[wasm_bindgen]
pub async fn encrypt_until_killed(name: String, count: u32, sent: js_sys::Function) -> String {
    let mut ignored = Results::default();
    let mut group = Group::new(&name, 2, &mut ignored).await;
    for intent in group.texts(count) {
        let before = group.relay.rows().len();
        group.alice.engine.handle(vec![intent], now()).await.expect("handle");
        group.alice.talk(&group.relay, now()).await;
        for row in group.relay.rows().split_off(before) {
            sent.call1(&wasm_bindgen::JsValue::NULL, &hex(&[row]).into()).expect("told");
        }
    }
    hex(&group.relay.rows())
}

/// m9, second half: alice's store after the kill sends `count` more, and bob reads all. Gives how many of hers use a
/// key again.
#[wasm_bindgen]
pub async fn count_reused(name: String, rows: String, count: u32) -> u32 {
    let rows = rows.split(',').flat_map(unhex).collect();
    let alice_store = open(&format!("{name}-alice")).await;
    let mut alice = Engine::open(alice_store, storage_key(), now()).await.expect("open").expect("alice");
    let mut all = catch_up(&mut alice, rows).await;
    let conversation = alice.conversations().first().expect("a conversation").id;
    let more = (0..count).map(|i| (intent_id(i), Intent::SendText { conversation, text: "again".into() }));
    alice.handle(more.collect(), now()).await.expect("handle");
    for outgoing in alice.outgoing(now()).await.expect("outgoing").requests {
        let Request::AppendMessages(append) = outgoing.request else { continue };
        for NewMessage { message_id, ciphertext } in append.messages {
            let sequence = all.last().map_or(0, |row| row.sequence) + 1;
            let (epoch, kind) = (append.epoch, Kind::Application);
            all.push(Row { sequence, epoch, kind, message_id, ciphertext, gone: None, commit: None });
        }
    }
    reused_among(&name, all).await
}

/// Lets an engine that was just opened catch up with a log.
async fn catch_up(engine: &mut Engine<Rc<IndexedDb>>, rows: Vec<Row>) -> Vec<Row> {
    let head = rows.last().map_or(0, |row| row.sequence);
    let pending = engine.outgoing(now()).await.expect("outgoing");
    for outgoing in pending.requests {
        if let Request::GetRows(call) = &outgoing.request {
            let after = rows.iter().filter(|row| row.sequence > call.after).cloned().collect();
            let reply = Reply::GetRows(Rows { rows: after, head });
            engine.confirm(outgoing.id, reply, now()).await.expect("confirm");
        }
    }
    rows
}

/// How many rows bob's engine finds to use a key again.
async fn reused_among(name: &str, rows: Vec<Row>) -> u32 {
    let store = open(&format!("{name}-bob")).await;
    let mut bob = Engine::open(store, storage_key(), now()).await.expect("open").expect("bob");
    catch_up(&mut bob, rows).await;
    let conversation = bob.conversations().first().expect("a conversation").id;
    let page = bob.timeline(conversation, None, 1000).await.expect("a timeline");
    let reused = page.items.iter().filter(|item| matches!(item.content, ItemContent::Unreadable(_))).count();
    u32::try_from(reused).unwrap_or(u32::MAX)
}

fn hex(rows: &[Row]) -> String {
    let bytes = haven_wire::encode(&rows).expect("rows");
    let mut text = String::with_capacity(bytes.len() * 2);
    bytes.iter().for_each(|byte| write!(text, "{byte:02x}").expect("text"));
    text
}

fn unhex(text: &str) -> Vec<Row> {
    let digits: Vec<u8> = text.bytes().map(|c| (c as char).to_digit(16).expect("hex") as u8).collect();
    let bytes: Vec<u8> =
        digits.chunks(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)).collect();
    haven_wire::decode(&bytes).expect("rows")
}
