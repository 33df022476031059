//! People with devices, and a relay between them: what most tests are made of.

mod shown;
mod turns;

use super::{
    crash::{Again, Crash, CrashStore},
    people,
    relay::{Connection, TestRelay},
};
use crate::{
    Engine, Millis,
    identity::{Account, SecretCertificate},
    intent::{Accepted, Intent},
    request::{Caller as _, Rejection},
    store::StorageKey,
};
use haven_bridge::{ConversationId, ConversationState, Event, Failure, IntentId};
use haven_wire::{ids::DeviceId, keys::PublishKeyPackages};
use std::rc::Rc;
use zeroize::Zeroizing;

/// Names a device of a world.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Who(pub usize);

/// A device.
pub struct Device {
    /// The address of its person.
    pub address: String,
    /// Its account, as it was made.
    pub account: Account,
    /// Its store, which outlives its engine.
    pub store: Rc<CrashStore>,
    /// What its engine told when requests were answered.
    pub told: Vec<Event>,
    /// How far the device's clock is ahead of the world's; less than 0: behind.
    pub skew: i64,
    engine: Option<Engine<Rc<CrashStore>>>,
    stored: u64,
}

/// People, devices, a relay and a clock.
pub struct World {
    /// The relay.
    pub relay: Rc<TestRelay>,
    /// The devices.
    pub devices: Vec<Device>,
    /// The time, which only tests move.
    pub now: Millis,
    /// Whether every engine is thrown away and opened again after each of its verbs.
    pub restarting: bool,
    crashing: Option<Again>,
    next_intent: u64,
}

fn key() -> StorageKey {
    StorageKey(Zeroizing::new([7; 32]))
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

impl World {
    /// An empty world on a day in 2026.
    pub fn new() -> Self {
        let now = 1_790_000_000_000;
        Self {
            relay: Rc::default(),
            devices: Vec::new(),
            now,
            restarting: false,
            crashing: None,
            next_intent: 0,
        }
    }

    /// A world in which the store of every device crashes again and again.
    pub fn crashing(again: Again) -> Self {
        Self { crashing: Some(again), ..Self::new() }
    }

    /// A world in which every engine is restarted after every verb.
    pub fn restarting() -> Self {
        Self { restarting: true, ..Self::new() }
    }

    /// A new person `name@example.org`. Ids of different devices are far apart, so that mixing them up fails.
    pub async fn sign_up(&mut self, name: &str) -> Who {
        let number = self.devices.len();
        let device_id = DeviceId([number as u8 + 1; 16]);
        let address = format!("{name}@example.org");
        let label = format!("{name}'s laptop");
        let (account, entry) = people::account(&address, device_id, &label, self.now);
        self.relay.register(&address, entry, device_id);
        self.add_device(address, account).await
    }

    /// A new person `name@example.org` with a certificate that was there before.
    pub async fn sign_up_with(&mut self, secret: &SecretCertificate) -> Who {
        let device_id = DeviceId([self.devices.len() as u8 + 1; 16]);
        let address = secret.address().to_owned();
        let (account, entry) = people::account_with(secret, Vec::new(), device_id, "a laptop", self.now);
        self.relay.register(&address, entry, device_id);
        self.add_device(address, account).await
    }

    /// One more device for a person.
    pub async fn sign_in(&mut self, who: Who, label: &str) -> Who {
        let device_id = DeviceId([self.devices.len() as u8 + 1; 16]);
        let address = self.devices[who.0].address.clone();
        let entry = self.relay.entry(&address).expect("an entry");
        let first = self.devices[who.0].account.clone();
        let (account, entry) = people::another_device(&first, &entry, device_id, label, self.now);
        self.relay.register(&address, entry, device_id);
        self.add_device(address, account).await
    }

    /// One more device for a person, that knows what is in the vault at the relay, as a real sign-in gives it.
    pub async fn sign_in_from_vault(&mut self, who: Who, label: &str) -> Who {
        let device_id = DeviceId([self.devices.len() as u8 + 1; 16]);
        let mut first = self.devices[who.0].account.clone();
        let entry = self.relay.entry(&first.address).expect("an entry");
        let vault = self.relay.vault(&first.address).expect("a vault");
        first.vault = first.open_vault(&vault).expect("the person's vault");
        first.vault_version = vault.version;
        let (account, entry) = people::another_device(&first, &entry, device_id, label, self.now);
        self.relay.register(&account.address, entry, device_id);
        self.add_device(account.address.clone(), account).await
    }

    async fn add_device(&mut self, address: String, account: Account) -> Who {
        let store = Rc::new(CrashStore::default());
        let engine = Engine::create(store.clone(), key(), account.clone(), self.now).await.expect("create");
        if let Some(again) = self.crashing {
            store.crash_again(again);
        }
        let (engine, told) = (Some(engine), Vec::new());
        self.devices.push(Device { address, account, store, told, skew: 0, engine, stored: 0 });
        Who(self.devices.len() - 1)
    }

    /// The engine of a device.
    pub fn engine(&mut self, who: Who) -> &mut Engine<Rc<CrashStore>> {
        self.devices[who.0].engine.as_mut().expect("an engine that runs")
    }

    /// Opens one more engine on a copy of a device's store.
    pub async fn another_engine(&self, who: Who) -> Engine<CrashStore> {
        let copy = self.devices[who.0].store.copy();
        Engine::open(copy, key(), self.clock(who)).await.expect("open").expect("an account")
    }

    /// People who have key packages at the relay and never read anything, for large groups.
    pub async fn paper_people(&mut self, count: usize) -> Vec<String> {
        let mut addresses = Vec::new();
        for n in 0..count {
            let address = format!("paper{n}@example.org");
            let mut id = [0xEE; 16];
            id[..8].copy_from_slice(&(n as u64).to_be_bytes());
            let (account, entry) = people::account(&address, DeviceId(id), "Paper", self.now);
            self.relay.register(&address, entry, DeviceId(id));
            let one_time = vec![super::probe::key_package(&account, self.now, |_| ()).into()];
            let publish = PublishKeyPackages { suite: 1, one_time, last_resort: None };
            let connection = Connection { relay: &self.relay, device: DeviceId(id), address: &address };
            connection.call(&account.origin, &publish, None).await.expect("published");
            addresses.push(address);
        }
        addresses
    }

    /// A device's way to the relay.
    pub fn connection(&self, who: Who) -> Connection<'_> {
        let device = &self.devices[who.0];
        Connection { relay: &self.relay, device: device.account.device_id, address: &device.address }
    }

    /// Has a device removed: by itself, or by another one of its person.
    pub async fn remove_device(&mut self, by: Who, device: Who) {
        let (now, account) = (self.clock(by), self.engine(by).account().clone());
        let removed = self.device_id(device);
        let entry =
            crate::remove_device(&account, removed, &self.connection(by), now).await.expect("removed");
        if by == device {
            return;
        }
        loop {
            let seen = self.engine(by).saw_devices(&entry, None, now).await;
            self.after_verb(by).await;
            if let Ok(seen) = seen {
                self.devices[by.0].told.extend(seen);
                return;
            }
        }
    }

    /// Makes a call that only a misbehaving client makes.
    pub async fn call_as<C: haven_wire::Call>(
        &self,
        who: Who,
        call: &C,
        token: haven_wire::ids::EpochToken,
    ) -> Result<C::Reply, Rejection> {
        self.relay.set_time(self.now);
        self.connection(who).call(&self.devices[who.0].account.origin, call, Some(token)).await
    }

    /// Ends a device's engine as a crash would, and opens it again.
    pub async fn restart(&mut self, who: Who) {
        let now = self.clock(who);
        let device = &mut self.devices[who.0];
        device.engine = None;
        loop {
            device.store.restart();
            let opened = Engine::open(device.store.clone(), key(), now).await;
            if opened.is_err() && device.store.crashed() {
                continue;
            }
            device.engine = opened.expect("open");
            break;
        }
        assert!(device.engine.is_some(), "the account is still there");
    }

    /// What a device's clock shows.
    pub fn clock(&self, who: Who) -> Millis {
        self.now.saturating_add_signed(self.devices[who.0].skew)
    }

    /// A world of its own in which everything is as it is here, with its engines just started.
    pub async fn fork(&self) -> Self {
        let copy = |device: &Device| Device {
            address: device.address.clone(),
            account: device.account.clone(),
            store: Rc::new(device.store.copy()),
            told: Vec::new(),
            skew: device.skew,
            engine: None,
            stored: 0,
        };
        let mut world = Self {
            relay: Rc::new(self.relay.copy()),
            devices: self.devices.iter().map(copy).collect(),
            now: self.now,
            restarting: self.restarting,
            crashing: self.crashing,
            next_intent: self.next_intent,
        };
        for who in world.everybody() {
            world.restart(who).await;
        }
        world
    }

    /// All devices.
    pub fn everybody(&self) -> Vec<Who> {
        (0..self.devices.len()).map(Who).collect()
    }

    /// Replaces a device's store, as restoring a backup of a browser profile would.
    pub async fn restore(&mut self, who: Who, backup: CrashStore) {
        self.devices[who.0].store = Rc::new(backup);
        self.restart(who).await;
    }

    /// Restarts a device after a crash, and in a restarting world whenever something was stored.
    async fn after_verb(&mut self, who: Who) {
        let device = &mut self.devices[who.0];
        let stored = std::mem::replace(&mut device.stored, device.store.commits()) != device.store.commits();
        if (self.restarting && stored) || device.store.crashed() {
            self.restart(who).await;
        }
    }

    /// A fresh intent id.
    pub fn intent_id(&mut self) -> IntentId {
        self.next_intent += 1;
        let mut id = [0xA5; 16];
        id[..8].copy_from_slice(&self.next_intent.to_be_bytes());
        IntentId(id)
    }

    /// Has wishes handled, again after a crash, as a page does whose request was not answered.
    pub async fn handle(
        &mut self,
        who: Who,
        wishes: Vec<(IntentId, Intent)>,
    ) -> Vec<Result<Accepted, Failure>> {
        loop {
            let now = self.clock(who);
            let handled = self.engine(who).handle(wishes.clone(), now).await;
            self.after_verb(who).await;
            if let Ok(handled) = handled {
                return handled.results;
            }
        }
    }

    /// Wants something.
    pub async fn want(&mut self, who: Who, intent: Intent) -> Accepted {
        let id = self.intent_id();
        self.handle(who, vec![(id, intent)]).await.remove(0).expect("accepted")
    }

    /// Starts a conversation of `who` with others.
    pub async fn start(&mut self, who: Who, others: &[Who]) -> ConversationId {
        let addresses = others.iter().map(|other| self.devices[other.0].address.clone()).collect();
        match self.want(who, Intent::StartConversation { addresses, title: None }).await {
            Accepted::Started(id) => id,
            other => panic!("{other:?} instead of a conversation"),
        }
    }

    /// Starts a conversation that everybody accepts.
    pub async fn conversation(&mut self, who: Who, others: &[Who]) -> ConversationId {
        let id = self.start(who, others).await;
        self.settle().await;
        for other in others {
            self.accept(*other, id).await;
        }
        id
    }

    /// Wants something, and hears why it can't be.
    pub async fn want_in_vain(&mut self, who: Who, intent: Intent) -> Failure {
        let id = self.intent_id();
        self.handle(who, vec![(id, intent)]).await.remove(0).expect_err("refused")
    }

    /// The fingerprint of a device's person, in hex.
    pub fn fingerprint(&self, who: Who) -> String {
        self.devices[who.0].account.fingerprint.to_hex()
    }

    /// The id of a device.
    pub fn device_id(&self, who: Who) -> DeviceId {
        self.devices[who.0].account.device_id
    }

    /// The address of a device's person.
    pub fn address(&self, who: Who) -> String {
        self.devices[who.0].address.clone()
    }

    /// The only conversation of a device.
    pub fn only_conversation(&mut self, who: Who) -> ConversationId {
        let all = self.engine(who).conversations();
        assert_eq!(all.len(), 1, "one conversation in {all:?}");
        all[0].id
    }

    /// The addresses of everybody in a conversation, oneself included, with the number of their devices.
    pub async fn members(&mut self, who: Who, conversation: ConversationId) -> Vec<(String, usize)> {
        let details = self.engine(who).conversation(conversation).await.expect("details").expect("there");
        let member = |member: haven_bridge::Member| (member.person.address, member.devices.len());
        let mut members: Vec<_> = details.members.into_iter().map(member).collect();
        members.sort();
        members
    }

    /// Hands frames to a device, as its socket would.
    pub async fn push(&mut self, who: Who, frames: Vec<haven_wire::push::FromRelay>) {
        let now = self.clock(who);
        let outcome = self.engine(who).receive(frames, now).await;
        let crashed = self.devices[who.0].store.crashed();
        assert!(outcome.is_ok() || crashed, "receive failed: {:?}", outcome.err());
        self.after_verb(who).await;
    }

    /// Starts conversations with somebody who is not there.
    pub async fn conversation_in_vain(&mut self, who: Who, with: Who, count: usize) -> Vec<ConversationId> {
        let mut started = Vec::new();
        for _ in 0..count {
            started.push(self.start(who, &[with]).await);
            while self.step(who).await {}
        }
        started
    }

    /// Accepts a request.
    pub async fn accept(&mut self, who: Who, conversation: ConversationId) {
        if matches!(self.state(who, conversation), ConversationState::Request { .. }) {
            let answer = haven_bridge::RequestAnswer::Accept;
            self.want(who, Intent::AnswerRequest { conversation, answer }).await;
        }
    }

    /// Writes a text.
    pub async fn say(&mut self, who: Who, conversation: ConversationId, text: &str) {
        self.want(who, Intent::SendText { conversation, text: text.into() }).await;
    }

    /// Plans a crash of a device at its `n`th write set from now on.
    pub fn crash_at(&self, who: Who, n: u64, crash: Crash) {
        self.devices[who.0].store.crash_at(n, crash);
    }

    /// Cuts a device off.
    pub fn offline(&self, who: Who) {
        self.relay.set_offline(self.device_id(who), true);
    }

    /// Connects a device again.
    pub fn online(&mut self, who: Who) {
        self.relay.set_offline(self.device_id(who), false);
        self.engine(who).reconnected();
    }
}
