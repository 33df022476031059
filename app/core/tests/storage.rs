//! What is stored: sealed, small, whole; and what happens when storing fails.

use haven_bridge::Event;
use haven_core::{
    intent::Intent,
    store::{Key, MemoryStore, SealedStore, StorageKey, Store, StoreError, Table, WriteSet, conformance},
    testing::{Who, World},
};
use std::{cell::RefCell, collections::BTreeMap, rc::Rc};
use zeroize::Zeroizing;

/// Databases by name, as a browser has them.
struct Databases<S>(RefCell<BTreeMap<String, Rc<S>>>);

impl<S> Databases<S> {
    fn open(&self, name: &str, new: impl FnOnce() -> S) -> Rc<S> {
        self.0.borrow_mut().entry(name.into()).or_insert_with(|| Rc::new(new())).clone()
    }
}

/// A sealed store as a plain one: every key is a suffix of one name.
struct AllUnderOneName(SealedStore<MemoryStore>);

impl Store for AllUnderOneName {
    async fn get(&self, table: Table, keys: &[Key]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        let mut found = Vec::new();
        for key in keys {
            found.push(self.0.get(table, b"name", key).await?);
        }
        Ok(found)
    }

    async fn scan(
        &self,
        table: Table,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<(Key, Vec<u8>)>, StoreError> {
        let mut found = self.0.scan(table, b"name", after, usize::MAX).await?;
        found.retain(|(key, _)| key.starts_with(prefix));
        found.truncate(limit);
        Ok(found)
    }

    async fn commit(&self, writes: WriteSet) -> Result<(), StoreError> {
        let change = |(table, key, value)| (table, b"name".to_vec(), key, value);
        self.0.commit(writes.changes.into_iter().map(change).collect()).await
    }
}

fn key() -> StorageKey {
    StorageKey(Zeroizing::new([9; 32]))
}

#[test]
fn the_store_in_memory_does_what_every_store_must() {
    pollster::block_on(async {
        let databases = Databases(RefCell::default());
        conformance::check_all(async |name: &str| databases.open(name, MemoryStore::new)).await;
    });
}

#[test]
fn a_sealed_store_does_what_every_store_must() {
    pollster::block_on(async {
        let databases = Databases(RefCell::default());
        let new = || AllUnderOneName(SealedStore::new(MemoryStore::new(), &key()).expect("sealed"));
        conformance::check_all(async |name: &str| databases.open(name, new)).await;
    });
}

#[test]
fn a_sealed_value_opens_only_in_its_place_and_with_its_key() {
    pollster::block_on(async {
        let inner = Rc::new(MemoryStore::new());
        let sealed = SealedStore::new(inner.clone(), &key()).expect("sealed");
        let change =
            |table, suffix: &[u8]| (table, b"name".to_vec(), suffix.to_vec(), Some(b"value".to_vec()));
        sealed.commit(vec![change(Table::Meta, b"a"), change(Table::Meta, b"b")]).await.expect("stored");
        let keys = inner.keys(Table::Meta);
        let values = inner.get(Table::Meta, &keys).await.expect("values");
        let moved = vec![
            (Table::Meta, keys[0].clone(), values[1].clone()),
            (Table::Jobs, keys[0].clone(), values[0].clone()),
        ];
        inner.commit(WriteSet { changes: moved }).await.expect("stored");
        assert_eq!(sealed.get(Table::Meta, b"name", b"a").await, Err(StoreError::Damaged));
        assert_eq!(sealed.get(Table::Meta, b"name", b"b").await, Ok(Some(b"value".to_vec())));
        let other = SealedStore::new(inner.clone(), &StorageKey(Zeroizing::new([8; 32]))).expect("sealed");
        assert_eq!(other.get(Table::Meta, b"name", b"b").await, Ok(None), "names are hidden by the key");
    });
}

/// Puts and bytes that a message costs its sender and a receiver, in a group of `size` leaves.
async fn cost_of_a_message(size: usize) -> [(u64, u64); 2] {
    const MESSAGES: u64 = 20;
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bob").await);
    world.settle().await;
    let mut addresses = world.paper_people(size - 2).await;
    addresses.push(world.address(bob));
    let chat = match world.want(alice, Intent::StartConversation { addresses, title: None }).await {
        haven_core::intent::Accepted::Started(chat) => chat,
        other => panic!("{other:?}"),
    };
    world.settle().await;
    world.accept(bob, chat).await;
    world.say(alice, chat, "the first one").await;
    world.settle().await;
    let written = |world: &World, who: Who| world.devices[who.0].store.written();
    let before = [alice, bob].map(|who| written(&world, who));
    for n in 0..MESSAGES {
        world.say(alice, chat, &format!("message {n} of two hundred bytes: {}", "x".repeat(170))).await;
        world.settle().await;
    }
    assert_eq!(world.texts(bob, chat).await.len() as u64, MESSAGES + 1);
    let after = [alice, bob].map(|who| written(&world, who));
    let each = |n: usize| ((after[n].0 - before[n].0) / MESSAGES, (after[n].1 - before[n].1) / MESSAGES);
    [each(0), each(1)]
}

#[test]
fn a_message_costs_the_same_in_small_and_large_groups() {
    pollster::block_on(async {
        let small = cost_of_a_message(10).await;
        let large = cost_of_a_message(500).await;
        println!("puts and bytes of sender and receiver: {small:?} of 10, {large:?} of 500");
        for (small, large) in small.into_iter().zip(large) {
            // A value in pieces is a new piece, a deleted one and the list of them, where a small one is one value.
            assert!(large.0 <= small.0 * 3 / 2 + 2, "puts: {small:?} and {large:?}");
            assert!(large.1 * 2 <= small.1 * 3, "bytes: {small:?} and {large:?}");
        }
    });
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn neither_database_nor_relay_hold_anything_readable() {
    pollster::block_on(async {
        let mut world = World::new();
        let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bob").await);
        world.settle().await;
        let chat = world.conversation(alice, &[bob]).await;
        world.want(alice, Intent::Rename { conversation: chat, title: "Birthday surprise".into() }).await;
        world.say(alice, chat, "the cake is in the cellar").await;
        world.settle().await;
        world.offline(alice);
        world.say(alice, chat, "this one waits for the relay").await;
        world.start(alice, &[bob]).await;
        world.settle().await;
        let secrets = ["Birthday", "cellar", "waits for", "alice@", "bob@", "laptop", "example.org"];
        for text in secrets {
            for who in [alice, bob] {
                let everything = world.devices[who.0].store.everything();
                assert!(!contains(&everything, text), "{text} in the database of {who:?}");
            }
            assert!(!contains(&world.relay.everything(), text), "{text} at the relay");
        }
        let held = world.relay.everything();
        assert!(held.len() > 1000, "the search looks at something");
        for device in &world.devices {
            let fingerprint = device.account.fingerprint;
            let found = held.windows(20).any(|window| window == fingerprint.as_bytes());
            assert!(!found, "who is in a group is not to be read at the relay");
        }
    });
}

#[test]
fn a_full_disk_is_told_and_changes_nothing() {
    pollster::block_on(async {
        let mut world = World::new();
        let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bob").await);
        world.settle().await;
        let chat = world.conversation(alice, &[bob]).await;
        world.say(alice, chat, "before").await;
        world.settle().await;

        world.devices[alice.0].store.fail_next(1);
        let (id, now) = (world.intent_id(), world.now);
        let text = Intent::SendText { conversation: chat, text: "once".into() };
        let failed = world.engine(alice).handle(vec![(id, text.clone())], now).await;
        assert!(failed.is_err());
        assert_eq!(world.texts(alice, chat).await, ["before"]);
        world.engine(alice).handle(vec![(id, text)], now).await.expect("there is room again");

        // While it is encrypted, while it is received, and while a commit is staged and merged.
        for who in [bob, alice] {
            for _ in 0..3 {
                world.say(alice, chat, "more").await;
                world.want(bob, Intent::Rename { conversation: chat, title: world.now.to_string() }).await;
                world.devices[who.0].store.fail_next(1);
                let mut failures = 0;
                for _ in 0..20 {
                    for other in [alice, bob] {
                        let now = world.clock(other);
                        let Ok(pending) = world.engine(other).outgoing(now).await else {
                            failures += 1;
                            continue;
                        };
                        for request in pending.requests {
                            let outcome = match world.call(other, &request).await {
                                Ok(reply) => world.engine(other).confirm(request.id, reply, now).await,
                                Err(why) => world.engine(other).reject(request.id, why, now).await,
                            };
                            failures += usize::from(outcome.is_err());
                        }
                    }
                    world.now += 1_000;
                }
                assert_eq!(failures, 1);
                world.settle().await;
            }
        }
        let texts = world.texts(bob, chat).await;
        assert_eq!(texts.iter().filter(|text| *text == "once").count(), 1);
        assert_eq!(texts.len(), 8);
        assert_eq!(world.texts(alice, chat).await, texts);
        world.assert_works(&[alice, bob], chat).await;
        assert_eq!(world.epochs(&[alice, bob], chat).await.len(), 1);
    });
}

#[test]
fn a_device_that_can_not_store_asks_relays_for_little_and_says_so() {
    pollster::block_on(async {
        let mut world = World::new();
        let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bob").await);
        world.settle().await;
        let chat = world.conversation(alice, &[bob]).await;
        world.settle().await;
        world.say(alice, chat, "hello").await;
        while world.step(alice).await {}
        world.devices[bob.0].store.fail_next(u64::MAX);
        let (calls, mut told) = (world.relay.calls(), 0);
        for _ in 0..2_000 {
            let now = world.clock(bob);
            let pending = world.engine(bob).outgoing(now).await.expect("outgoing");
            told += pending.events.iter().filter(|event| matches!(event, Event::NotStored)).count();
            for request in pending.requests {
                let reply = world.call(bob, &request).await.expect("an answer");
                // Whatever comes can't be kept.
                let _ = world.engine(bob).confirm(request.id, reply, now).await;
            }
            world.now += 10;
        }
        assert!(world.relay.calls() - calls < 100, "{} calls in 20 seconds", world.relay.calls() - calls);
        assert_eq!(told, 1, "the person hears of it once");
        world.devices[bob.0].store.fail_next(0);
        world.now += 60_000;
        world.settle().await;
        assert_eq!(world.texts(bob, chat).await, ["hello"]);
    });
}
