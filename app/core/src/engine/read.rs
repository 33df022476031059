//! What the page reads. Nothing here changes what is stored.

use super::Engine;
use crate::{
    Error, Millis,
    memory::Memory,
    store::{Store, StoreError, Table},
};
use haven_bridge::{
    Comparison, ConversationDetails, ConversationId, ConversationSummary, DeviceView, FoundKey, ItemId, Me,
    Person, PersonRef, PersonView, TimelineItem, TimelinePage,
};

impl<S: Store> Engine<S> {
    /// Who is signed in.
    pub fn me(&self) -> Result<Me, Error> {
        self.memory.me()
    }

    /// All conversations, newest first.
    pub fn conversations(&self) -> Vec<ConversationSummary> {
        self.memory.summaries()
    }

    /// A conversation with its members.
    pub async fn conversation(&mut self, id: ConversationId) -> Result<Option<ConversationDetails>, Error> {
        self.memory.load_group(&self.store, id).await?;
        Ok(self.memory.details(id))
    }

    /// A page of a timeline: the `limit` items before the item `before`, or the newest ones.
    pub async fn timeline(
        &self,
        id: ConversationId,
        before: Option<ItemId>,
        limit: usize,
    ) -> Result<TimelinePage, Error> {
        let waiting = self.memory.waiting_items(id);
        let newest = before.is_none();
        let position = match before.filter(|item| waiting.iter().all(|other| other.id != *item)) {
            Some(item) => self.position(id, item).await?,
            None => None,
        };
        let mut items = self.stored_items(id, position, limit + 1).await?;
        let more = items.len() > limit;
        items.truncate(limit);
        items.reverse();
        if newest {
            items.extend(waiting);
        }
        Ok(TimelinePage { items, more })
    }

    /// Stored items before a position, newest first.
    pub(super) async fn stored_items(
        &self,
        id: ConversationId,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<TimelineItem>, Error> {
        let after = before.map(crate::chat::records::timeline_suffix);
        let found = self.store.scan(Table::Timeline, &id.0, after.as_deref(), limit).await?;
        let decode = |(_, value): (Vec<u8>, Vec<u8>)| {
            haven_wire::decode(&value).map_err(|_| StoreError::Damaged.into())
        };
        found.into_iter().map(decode).collect()
    }

    /// Where an item stands. It is looked for from the newest on, as pages are asked for in that order.
    async fn position(&self, id: ConversationId, item: ItemId) -> Result<Option<u64>, Error> {
        const PAGE: usize = 256;
        let mut before = None;
        loop {
            let items = self.stored_items(id, before, PAGE).await?;
            if let Some(found) = items.iter().find(|other| other.id == item) {
                return Ok(Some(found.position));
            }
            match items.last() {
                Some(last) => before = Some(last.position),
                None => return Ok(None),
            }
        }
    }

    /// Everybody known.
    pub async fn people(&mut self) -> Result<Vec<Person>, Error> {
        self.memory.mail.load_rest(&self.store).await?;
        Ok(self.memory.people())
    }

    /// A person's page, by fingerprint or, if that is empty, by address.
    pub async fn person(&mut self, who: &PersonRef, now: Millis) -> Result<Option<PersonView>, Error> {
        self.memory.mail.load_rest(&self.store).await?;
        Ok(self.memory.person_view(who, now))
    }

    /// What to compare with a person. If the certificate is not here, the relay is asked for it.
    pub async fn safety_number(&mut self, who: &PersonRef, now: Millis) -> Result<Comparison, Error> {
        self.refresh(now).await?;
        self.memory.mail.load_rest(&self.store).await?;
        let Some(person) = Memory::person_named(who) else { return Ok(Comparison::NoKey) };
        let comparison = self.memory.comparison(&person, now)?;
        if comparison == Comparison::Asking {
            self.memory.network.mail.wanted.insert(person.address);
        }
        Ok(comparison)
    }

    /// The certificates in a file.
    pub async fn keys_in_file(&mut self, bytes: &[u8], now: Millis) -> Result<Vec<FoundKey>, Error> {
        self.memory.mail.load_rest(&self.store).await?;
        Ok(self.memory.keys_in_file(bytes, now))
    }

    /// What was begun in a conversation and not sent.
    pub fn begun(&self, id: ConversationId) -> String {
        self.memory.conversations.get(&id).map(|conversation| conversation.begun.clone()).unwrap_or_default()
    }

    /// This person's devices.
    pub fn devices(&self) -> Result<Vec<DeviceView>, Error> {
        Ok(self.memory.account.devices()?)
    }
}
