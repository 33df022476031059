//! The engine's verbs.
//!
//! - [`handle`]: what a person wants. [`receive`]: what relays push.
//! - [`outgoing`]: what to send now, from the next of the [`steps`] of each conversation.
//! - [`confirm`] and [`reject`]: what became of it. [`read`]: what the page shows.
//!
//! A verb that changes anything runs OpenMLS synchronously on what is in memory, and then stores everything that
//! changed in one write set. Only after that does it return what to send and what to show. If anything fails, what is
//! in memory is thrown away and read again from the store: so a failed verb has changed nothing.

mod confirm;
mod handle;
mod mail;
mod outgoing;
mod read;
mod receive;
mod reject;
mod steps;

pub use handle::Handled;
pub use mail::{Attachment, Opener};
pub use outgoing::Pending;

use crate::{
    Error, Millis,
    chat::records::{Contact, DeviceKeys, timeline_suffix},
    identity::Account,
    memory::{Batch, Memory},
    network::{Network, Retry},
    request::RequestId,
    store::{SealedStore, StorageKey, Store, StoreError, Table},
};
use haven_bridge::Event;
use haven_wire::group::Opened;
use openmls_traits::OpenMlsProvider as _;
use std::collections::BTreeMap;

/// A relay that keeps answering nonsense is believed to mean it after so many tries.
pub(crate) const PATIENCE: u32 = 6;

/// The engine of one signed-in device.
pub struct Engine<S> {
    pub(crate) store: SealedStore<S>,
    pub(crate) memory: Memory,
    /// Reading the store again failed: nothing can be done before that works.
    stale: bool,
    /// When to go on after the store took nothing, or could not be read. Until then nothing is asked of relays: their
    /// answers could not be kept.
    storage: Retry,
    /// Whether the person has heard of it.
    storage_told: bool,
}

/// After so many failures in a row the person hears of it.
const TELLING: u32 = 3;

impl<S: Store> Engine<S> {
    /// Opens what is stored. Nothing: nobody is signed in here.
    pub async fn open(store: S, key: StorageKey, now: Millis) -> Result<Option<Self>, Error> {
        let store = SealedStore::new(store, &key)?;
        let Some(mut memory) = Memory::load(&store, now).await? else { return Ok(None) };
        memory.network = Network::after_restart(std::mem::take(&mut memory.network), Network::default());
        let mut engine = Self { store, memory, stale: false, storage: Retry::default(), storage_told: false };
        engine.sweep().await?;
        Ok(Some(engine))
    }

    /// Stores a new account or device, and opens it.
    pub async fn create(store: S, key: StorageKey, mut account: Account, now: Millis) -> Result<Self, Error> {
        let sealed = SealedStore::new(store, &key)?;
        let keys = DeviceKeys::new(&account, now)?;
        let mut batch = Batch::default();
        for person in std::mem::take(&mut account.vault.people) {
            batch.contact(&Contact::from_vault(person))?;
        }
        batch.put(Table::Meta, b"account", Vec::new(), Some(&account))?;
        batch.put(Table::Meta, b"device", Vec::new(), Some(&keys))?;
        sealed.commit(batch.writes).await?;
        let opened = Self::open(sealed.into_inner(), key, now).await?;
        opened.ok_or(Error::Bug("a stored account is not there"))
    }

    /// What is in memory.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn memory_for_tests(&self) -> &Memory {
        &self.memory
    }

    /// The account of this device.
    pub fn account(&self) -> &Account {
        &self.memory.account
    }

    /// Whether the relay has ended this device's session.
    pub fn signed_out(&self) -> bool {
        self.memory.network.signed_out
    }

    /// Whether the engine still waits for what comes of a request. One that it doesn't wait for can be given up.
    pub fn waits_for(&self, request: RequestId) -> bool {
        self.memory.network.in_flight.contains_key(&request)
    }

    /// The groups whose rows should be pushed, by relay.
    pub fn subscriptions(&self) -> BTreeMap<String, Vec<Opened>> {
        let mut subscriptions: BTreeMap<String, Vec<Opened>> = BTreeMap::new();
        for conversation in self.memory.conversations.values().filter(|c| c.follows_log()) {
            subscriptions.entry(conversation.details.origin.clone()).or_default().push(conversation.opened());
        }
        subscriptions
    }

    /// The socket is gone: rows no longer come by themselves.
    pub fn disconnected(&mut self) {
        self.memory.network.live = false;
    }

    /// The network came back: nothing waits for a later try.
    pub fn reconnected(&mut self) {
        let network = &mut self.memory.network;
        network.retry.clear();
        network.vault.retry.clear();
        network.certificate.retry.clear();
        network.mail.retry.clear();
        network.mail.searches.clear();
        network.job_retry.clear();
        for line in network.lines.values_mut() {
            line.retry.clear();
            // A relay decides when sockets end, so what it refused is not forgotten with them.
            line.writing.at_once();
        }
        network.polled = 0;
    }

    /// Runs `work` on what is in memory and stores what it changed: all or nothing.
    pub(crate) async fn verb<T>(
        &mut self,
        now: Millis,
        work: impl FnOnce(&mut Memory, &mut Batch) -> Result<T, Error>,
    ) -> Result<(T, Vec<Event>), Error> {
        let mut batch = Batch::default();
        self.memory.provider.storage().start_deferring();
        let worked = work(&mut self.memory, &mut batch).and_then(|value| {
            self.memory.finish(&mut batch)?;
            Ok(value)
        });
        let (value, batch) = match worked {
            Ok(value) => (Ok(value), Ok(batch)),
            Err(error) => (Err(Error::Bug("a verb without a value")), Err(error)),
        };
        let events = self.keep(batch, now).await?;
        Ok((value?, events))
    }

    /// Stores what a verb has changed, or forgets it. Gives what to tell. It is the same for all verbs, and compiled once.
    async fn keep(&mut self, batch: Result<Batch, Error>, now: Millis) -> Result<Vec<Event>, Error> {
        let stored = match batch {
            Ok(batch) => {
                let wrote = !batch.writes.is_empty();
                let stored = self.store.commit(batch.writes).await;
                stored.map(|()| (wrote, batch.events)).map_err(Error::from)
            }
            Err(error) => Err(error),
        };
        match stored {
            Ok((wrote, events)) => {
                if wrote {
                    self.storage.clear();
                    self.storage_told = false;
                }
                Ok(events)
            }
            Err(error) => {
                self.storage_failed(&error, now);
                // The first error is the one to tell; a failing reload leaves the engine stale, and is tried again.
                let _ = self.reload(now).await;
                Err(error)
            }
        }
    }

    fn storage_failed(&mut self, error: &Error, now: Millis) {
        // Several that fail together count once.
        if matches!(error, Error::Store(_)) && self.storage.due(now) {
            self.storage.later(now);
        }
    }

    /// Reads the store again after a failure, if that hasn't worked yet.
    pub(crate) async fn refresh(&mut self, now: Millis) -> Result<(), Error> {
        self.memory.network.now = now;
        if self.stale { self.reload(now).await } else { Ok(()) }
    }

    /// Throws away what is in memory, and reads the store again.
    async fn reload(&mut self, now: Millis) -> Result<(), Error> {
        self.stale = true;
        let mut memory = Memory::load(&self.store, now).await?.ok_or(StoreError::Damaged)?;
        let stored = std::mem::take(&mut memory.network);
        memory.network = Network::after_restart(stored, std::mem::take(&mut self.memory.network));
        self.memory = memory;
        self.stale = false;
        Ok(())
    }

    /// Deletes the timelines of forgotten conversations, page by page.
    async fn sweep(&mut self) -> Result<(), Error> {
        const PAGE: usize = 500;
        for (suffix, after) in self.store.scan(Table::Meta, b"forgotten", None, 100).await? {
            let after: Option<u64> = haven_wire::decode(&after).map_err(|_| StoreError::Damaged)?;
            let kept = after.map(timeline_suffix);
            loop {
                let items = self.store.scan(Table::Timeline, &suffix, None, PAGE).await?;
                // The newest come first.
                let newer = |item: &Vec<u8>| kept.as_ref().is_none_or(|kept| item < kept);
                let mut changes: Vec<_> = items
                    .into_iter()
                    .filter(|(item, _)| newer(item))
                    .map(|(item, _)| (Table::Timeline, suffix.clone(), item, None))
                    .collect();
                let last = changes.len() < PAGE;
                if last {
                    changes.push((Table::Meta, b"forgotten".to_vec(), suffix.clone(), None));
                }
                self.store.commit(changes).await?;
                if last {
                    break;
                }
            }
        }
        Ok(())
    }
}
