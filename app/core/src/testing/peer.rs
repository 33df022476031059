//! One engine at a relay in memory, over any store: what benchmarks are made of.

use super::{
    people::account,
    relay::{Connection, TestRelay},
};
use crate::{
    Engine, Millis,
    chat::records::DeviceKeys,
    intent::{Accepted, Intent},
    mls::Provider,
    request::Outgoing,
    store::{StorageKey, Store},
};
use haven_bridge::IntentId;
use haven_wire::{
    ids::DeviceId,
    keys::{KeyPackageCount, PublishKeyPackages},
};

/// A person with one device.
pub struct Peer<S> {
    /// The engine.
    pub engine: Engine<S>,
    /// The person's address.
    pub address: String,
    /// The device.
    pub device_id: DeviceId,
}

fn device_id(number: u32) -> DeviceId {
    let mut id = [0xD0; 16];
    id[..4].copy_from_slice(&number.to_be_bytes());
    DeviceId(id)
}

/// The address of person `number`.
pub fn address(number: u32) -> String {
    format!("person{number}@example.org")
}

/// A person whose device does nothing but be added: it has one key package at the relay.
pub fn bystander(relay: &TestRelay, number: u32, now: Millis) {
    let device_id = device_id(number);
    let (account, entry) = account(&address(number), device_id, "Browser", now);
    relay.register(&account.address, entry, device_id);
    let mut keys = DeviceKeys::new(&account, now).expect("keys");
    let nothing = KeyPackageCount { one_time: u32::MAX, last_resort_fresh: false };
    let last_resort = keys.refill(&account, &Provider::default(), nothing, now).expect("key packages");
    relay.publish_for(device_id, last_resort.expect("a key package"));
}

/// Makes `count` key packages, and gives the bytes that would be published.
pub fn key_packages(number: u32, count: u32, now: Millis) -> PublishKeyPackages {
    let (account, _) = account(&address(number), device_id(number), "Browser", now);
    let mut keys = DeviceKeys::new(&account, now).expect("keys");
    let missing = KeyPackageCount { one_time: 100 - count, last_resort_fresh: true };
    keys.refill(&account, &Provider::default(), missing, now)
        .expect("key packages")
        .expect("some are missing")
}

impl<S: Store> Peer<S> {
    /// Signs person `number` up.
    pub async fn sign_up(store: S, key: StorageKey, relay: &TestRelay, number: u32, now: Millis) -> Self {
        let device_id = device_id(number);
        let address = address(number);
        let (account, entry) = account(&address, device_id, "Browser", now);
        relay.register(&address, entry, device_id);
        let engine = Engine::create(store, key, account, now).await.expect("create");
        Self { engine, address, device_id }
    }

    /// Wants something.
    pub async fn want(&mut self, intent: Intent, now: Millis) -> Accepted {
        let mut id = [0; 16];
        let number = self.engine.memory_for_tests().random::<16>().expect("random");
        id.copy_from_slice(&number);
        let handled = self.engine.handle(vec![(IntentId(id), intent)], now).await.expect("handle");
        handled.results.into_iter().next().expect("an answer").expect("accepted")
    }

    /// Makes one call.
    pub async fn exchange(&mut self, relay: &TestRelay, outgoing: Outgoing, now: Millis) {
        let connection = Connection { relay, device: self.device_id, address: &self.address };
        match outgoing.send(&connection).await {
            Ok(reply) => self.engine.confirm(outgoing.id, reply, now).await.expect("confirm"),
            Err(rejection) => self.engine.reject(outgoing.id, rejection, now).await.expect("reject"),
        };
    }

    /// Talks to the relay until there is nothing more to say for now.
    pub async fn talk(&mut self, relay: &TestRelay, now: Millis) {
        loop {
            let pending = self.engine.outgoing(now).await.expect("outgoing");
            if pending.requests.is_empty() {
                return;
            }
            for outgoing in pending.requests {
                self.exchange(relay, outgoing, now).await;
            }
        }
    }
}
