//! Devices with the real engine, that call a relay in the same process. Every engine is opened anew from its store
//! before every step.

use crate::common::{By, TestRelay};
use haven_bridge::{ConversationId, DeviceView, IntentId, ItemContent, Line};
use haven_core::{
    Engine, Millis,
    identity::{Account, SignIn, SignUp},
    intent::{Accepted, Intent},
    request::{Caller, Outgoing, Rejection},
    store::{MemoryStore, StorageKey},
};
use haven_server::store::{Cutoffs, RelayStore as _};
use haven_wire::{
    Authorisation, Call,
    account::Info,
    ids::{DeviceId, EpochToken, SessionToken},
};
use std::{collections::BTreeMap, rc::Rc};

/// Everybody's password.
pub const PASSWORD: &str = "crouton-unplug-vividly-ferret-anthem";

type Store = Rc<MemoryStore>;

fn key() -> StorageKey {
    StorageKey(zeroize::Zeroizing::new([7; 32]))
}

/// A device's way to the relay.
struct Calls<'a> {
    relay: &'a TestRelay,
    session: SessionToken,
}

impl Caller for Calls<'_> {
    async fn call<C: Call>(
        &self,
        _origin: &str,
        call: &C,
        token: Option<EpochToken>,
    ) -> Result<C::Reply, Rejection> {
        let by = match C::AUTHORISATION {
            Authorisation::Open => By::Nobody,
            Authorisation::Session => By::Session(&self.session),
            Authorisation::EpochToken => By::Token(token.as_ref().expect("a token")),
        };
        self.relay.call(call, by).await.map_err(Rejection::Refused)
    }
}

/// One device.
pub struct Device {
    store: Store,
    engine: Engine<Store>,
    session: SessionToken,
    now: Millis,
    intents: u32,
}

impl Device {
    async fn new(account: Account, now: Millis) -> Self {
        let (store, session) = (Store::default(), account.session);
        let engine = Engine::create(store.clone(), key(), account, now).await.unwrap();
        Self { store, engine, session, now, intents: 0 }
    }

    /// Opens the engine anew, as after a crash.
    async fn restart(&mut self) {
        self.engine = Engine::open(self.store.clone(), key(), self.now).await.unwrap().unwrap();
    }

    /// Wants something.
    pub async fn want(&mut self, intent: Intent) -> Accepted {
        self.restart().await;
        self.intents += 1;
        let mut id = crate::common::random::<16>();
        id[..4].copy_from_slice(&self.intents.to_be_bytes());
        let handled = self.engine.handle(vec![(IntentId(id), intent)], self.now).await.unwrap();
        handled.results.into_iter().next().unwrap().unwrap()
    }

    async fn outgoing(&mut self) -> Vec<Outgoing> {
        self.engine.outgoing(self.now).await.unwrap().requests
    }

    /// Talks until there is nothing more to say now. Gives the number of calls.
    async fn talk(&mut self, relay: &TestRelay) -> usize {
        let mut calls = 0;
        self.restart().await;
        loop {
            let requests = self.outgoing().await;
            if requests.is_empty() {
                return calls;
            }
            for outgoing in requests {
                calls += 1;
                let caller = Calls { relay, session: self.session };
                match outgoing.send(&caller).await {
                    Ok(reply) => self.engine.confirm(outgoing.id, reply, self.now).await.unwrap(),
                    Err(rejection) => self.engine.reject(outgoing.id, rejection, self.now).await.unwrap(),
                };
            }
        }
    }

    pub fn title(&self, conversation: ConversationId) -> String {
        let all = self.engine.conversations();
        all.into_iter().find(|summary| summary.id == conversation).expect("the conversation").title
    }

    pub async fn count_people(&mut self, conversation: ConversationId) -> usize {
        self.engine.conversation(conversation).await.unwrap().expect("the conversation").members.len()
    }

    /// How many devices its person has, as far as it knows.
    pub fn count_devices(&self) -> usize {
        self.engine.devices().unwrap().len()
    }

    /// How many devices are in a conversation.
    pub async fn count_leaves(&mut self, conversation: ConversationId) -> usize {
        let details = self.engine.conversation(conversation).await.unwrap().expect("the conversation");
        details.members.iter().map(|member| member.devices.len()).sum()
    }

    /// Whether the relay has ended its session.
    pub fn signed_out(&self) -> bool {
        self.engine.signed_out()
    }

    /// Texts, what was missed, and whether anybody disagrees, oldest first.
    async fn texts(&mut self, conversation: ConversationId) -> Vec<String> {
        let page = self.engine.timeline(conversation, None, 100).await.unwrap();
        let mut items = page.items;
        items.sort_by_key(|item| item.position);
        let text = |content| match content {
            ItemContent::Received { text, disagrees: true, .. } => Some(format!("disagrees: {text}")),
            ItemContent::Sent { text, .. } | ItemContent::Received { text, .. } => Some(text),
            ItemContent::Line(Line::Missed { count }) => Some(format!("{count} missed")),
            ItemContent::Line(Line::Withheld { count }) => Some(format!("{count} withheld")),
            _ => None,
        };
        items.into_iter().filter_map(|item| text(item.content)).collect()
    }
}

/// A relay and the devices of its people, by name.
pub struct Cast {
    relay: TestRelay,
    devices: BTreeMap<String, Device>,
    now: Millis,
}

impl Cast {
    pub fn new(relay: TestRelay) -> Self {
        let since = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
        Self { relay, devices: BTreeMap::new(), now: since.as_millis().try_into().unwrap() }
    }

    /// The address of a person.
    pub fn address(&self, person: &str) -> String {
        format!("{person}@localhost")
    }

    fn calls(&self, session: SessionToken) -> Calls<'_> {
        Calls { relay: &self.relay, session }
    }

    async fn call<C: Call>(&self, session: SessionToken, call: &C) -> C::Reply {
        self.calls(session).call("", call, None).await.unwrap()
    }

    /// A new person.
    pub async fn sign_up(&mut self, name: &str) {
        let nobody = SessionToken([0; 32]);
        let origin = self.call(nobody, &Info {}).await.origin;
        let (sign_up, request) = SignUp::start(&origin, &self.address(name), PASSWORD).unwrap();
        let reply = self.call(nobody, &request).await;
        let (account, request) = sign_up.finish(&reply, "Browser", self.now).unwrap();
        self.call(nobody, &request).await;
        let device = Device::new(account, self.now).await;
        self.devices.insert(name.into(), device);
        self.settle().await;
    }

    /// Another device of a person.
    pub async fn sign_in(&mut self, person: &str, name: &str) {
        self.sign_in_for(person, name, &[]).await.unwrap();
    }

    /// Another device of a person, for which these make room. If there is none, the devices that there are.
    pub async fn sign_in_for(
        &mut self,
        person: &str,
        name: &str,
        leaving: &[DeviceId],
    ) -> Result<(), Vec<DeviceView>> {
        let nobody = SessionToken([0; 32]);
        let origin = self.call(nobody, &Info {}).await.origin;
        let (sign_in, request) = SignIn::start(&origin, &self.address(person), PASSWORD).unwrap();
        let reply = self.call(nobody, &request).await;
        let (finishing, request) = sign_in.finish(&reply).unwrap();
        let reply = self.call(nobody, &request).await;
        let (mut account, list) = finishing.complete(&reply, "Phone", self.now).unwrap();
        let calls = self.calls(account.session);
        let room = haven_core::make_room(&mut account, list, leaving, &calls, self.now).await.unwrap();
        let list = room.ok_or_else(|| account.devices().unwrap())?;
        self.call(account.session, &list).await;
        account.saw_device_list(&list.device_list).unwrap();
        let device = Device::new(account, self.now).await;
        self.devices.insert(name.into(), device);
        self.settle().await;
        Ok(())
    }

    /// A device is gone, and what it stored.
    pub fn lose(&mut self, name: &str) -> DeviceId {
        self.devices.remove(name).unwrap().engine.account().device_id
    }

    /// Has a device removed: by itself, or by another one of its person.
    pub async fn remove_device(&mut self, by: &str, removed: &str) {
        let (by, id) = (self.device(by), self.device(removed).engine.account().device_id);
        let account = by.engine.account().clone();
        haven_core::remove_device(&account, id, &self.calls(by.session), self.now).await.unwrap();
    }

    /// Time goes by.
    pub fn wait(&mut self, time: Millis) {
        self.now += time;
    }

    pub fn device(&self, name: &str) -> &Device {
        &self.devices[name]
    }

    pub fn device_mut(&mut self, name: &str) -> &mut Device {
        self.devices.get_mut(name).unwrap()
    }

    pub async fn want(&mut self, name: &str, intent: Intent) {
        self.device_mut(name).want(intent).await;
    }

    pub async fn start(&mut self, name: &str, intent: Intent) -> ConversationId {
        match self.device_mut(name).want(intent).await {
            Accepted::Started(conversation) => conversation,
            other => panic!("{other:?}"),
        }
    }

    /// Lets a device make what it wants to send, and forgets the requests: they are made again from what is stored.
    pub async fn prepare(&mut self, name: &str) {
        self.device_mut(name).outgoing().await;
    }

    /// A device stays away while the others talk.
    pub async fn settle_without(&mut self, name: &str) {
        let away = self.devices.remove(name).unwrap();
        self.settle().await;
        self.devices.insert(name.into(), away);
    }

    /// Days go by for the devices, and the relay deletes every message that it has.
    pub async fn messages_get_too_old(&mut self) {
        self.now += 40 * 24 * 60 * 60 * 1000;
        let tomorrow = haven_server::limits::today() + 1;
        let cutoffs = Cutoffs { messages: tomorrow, commits: 0, welcomes: 0, key_packages: 0 };
        while self.relay.store.sweep(cutoffs).await.unwrap() > 0 {}
    }

    /// Everybody talks, until nobody has anything new to say. Between rounds, time for a poll goes by.
    pub async fn settle(&mut self) {
        for _ in 0..8 {
            self.now += 20_000;
            for device in self.devices.values_mut() {
                device.now = self.now;
                device.talk(&self.relay).await;
            }
            // The relay does it as well, in its own time.
            while self.relay.store.deliver_outbox().await.unwrap() > 0 {}
        }
    }

    pub async fn restart_relay(&mut self) {
        let stopped = TestRelay::start().await;
        self.relay = std::mem::replace(&mut self.relay, stopped).restart().await;
    }

    pub async fn texts(&mut self, name: &str, conversation: ConversationId) -> Vec<String> {
        self.device_mut(name).texts(conversation).await
    }

    /// The bytes of all files of the relay's data directory.
    pub fn all_that_the_relay_holds(&self) -> Vec<u8> {
        let files = std::fs::read_dir(self.relay.data()).unwrap().map(|entry| entry.unwrap().path());
        files.filter(|path| path.is_file()).flat_map(|path| std::fs::read(path).unwrap()).collect()
    }
}
