//! Everything that the engine holds in memory, read from the store when it opens and after a failure.

use crate::{
    Error, Millis,
    chat::records::*,
    identity::{Account, Fingerprint},
    mailbox::MailMemory,
    mls::{Context, Members, Provider, storage},
    network::Network,
    store::{self, SealedStore, Store, StoreError, Table},
};
use haven_bridge::{ConversationId, Event, IntentId, ItemId, TimelineItem};
use openmls::group::{GroupId as MlsGroupId, MlsGroup};
use openmls_traits::OpenMlsProvider as _;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::collections::{BTreeMap, BTreeSet};

/// Answers of intents are remembered so long: far longer than a tab waits before it repeats one.
const INTENT_LIFE: Millis = 24 * 60 * 60 * 1000;

/// What was answered to an intent.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Answer {
    Done,
    Started([u8; 16]),
    Queued([u8; 16]),
    Failed(haven_bridge::Failure),
}

/// A conversation in memory.
pub struct Conversation {
    pub details: Details,
    pub head: Head,
    pub outbound: BTreeMap<u64, Outbound>,
    /// What was begun here and not sent.
    pub begun: String,
    pub pending: Option<PendingCommit>,
    pub group: Option<Group>,
}

impl Conversation {
    /// Without anything under way.
    pub fn new(details: Details, head: Head) -> Self {
        let (outbound, begun) = (BTreeMap::new(), String::new());
        Self { details, head, outbound, begun, pending: None, group: None }
    }
}

/// A loaded MLS group.
pub struct Group {
    pub mls: MlsGroup,
    pub members: Members,
    pub context: Context,
}

/// All of it.
pub struct Memory {
    pub account: Account,
    pub keys: DeviceKeys,
    pub provider: Provider,
    pub conversations: BTreeMap<ConversationId, Conversation>,
    pub contacts: BTreeMap<Fingerprint, Contact>,
    pub jobs: BTreeMap<u64, Job>,
    pub intents: BTreeMap<IntentId, Answer>,
    pub mail: MailMemory,
    pub network: Network,
}

/// What a verb changes, until it is stored.
#[derive(Default)]
pub struct Batch {
    pub writes: Vec<store::Change>,
    pub details: BTreeSet<ConversationId>,
    pub heads: BTreeSet<ConversationId>,
    pub items: BTreeMap<ConversationId, Vec<TimelineItem>>,
    pub removed_items: BTreeMap<ConversationId, Vec<ItemId>>,
    pub answers: Vec<(IntentId, Answer)>,
    pub events: Vec<Event>,
    /// Conversations whose timelines are deleted after the verb, page by page: all of it, or what comes after a position.
    pub forgotten: Vec<(ConversationId, Option<u64>)>,
    /// Whether something about mail changed.
    pub mail: bool,
}

impl Batch {
    /// Writes or deletes one value.
    pub fn put<T: Serialize>(
        &mut self,
        table: Table,
        name: &[u8],
        suffix: Vec<u8>,
        value: Option<&T>,
    ) -> Result<(), Error> {
        let value = value.map(haven_wire::encode).transpose()?;
        self.writes.push((table, name.to_vec(), suffix, value));
        Ok(())
    }

    /// Writes an item of a timeline, and shows it.
    pub fn item(&mut self, conversation: ConversationId, item: TimelineItem) -> Result<(), Error> {
        let suffix = timeline_suffix(item.position);
        self.put(Table::Timeline, &conversation.0, suffix, Some(&item))?;
        self.items.entry(conversation).or_default().push(item);
        Ok(())
    }

    /// Writes or deletes an own message that is not in the log.
    pub fn outbound(
        &mut self,
        id: ConversationId,
        order: u64,
        message: Option<&Outbound>,
    ) -> Result<(), Error> {
        self.put(Table::Conversations, b"outbound", outbound_suffix(id, order), message)
    }

    /// Writes or deletes what was begun.
    pub fn begun(&mut self, id: ConversationId, text: &str) -> Result<(), Error> {
        let text = (!text.is_empty()).then_some(text);
        self.put(Table::Conversations, b"begun", id.0.to_vec(), text.as_ref())
    }

    /// Writes or deletes the pending commit.
    pub fn pending(&mut self, id: ConversationId, pending: Option<&PendingCommit>) -> Result<(), Error> {
        self.put(Table::Conversations, b"pending", id.0.to_vec(), pending)
    }

    /// Writes or deletes a job.
    pub fn job(&mut self, id: u64, job: Option<&Job>) -> Result<(), Error> {
        self.put(Table::Jobs, b"job", id.to_be_bytes().to_vec(), job)
    }

    /// Writes a contact.
    pub fn contact(&mut self, contact: &Contact) -> Result<(), Error> {
        self.put(Table::Contacts, b"contact", contact.fingerprint.as_bytes().to_vec(), Some(contact))
    }
}

fn outbound_suffix(id: ConversationId, order: u64) -> Vec<u8> {
    [&id.0[..], &order.to_be_bytes()].concat()
}

/// Reads all values of a name.
pub async fn load<T: DeserializeOwned, S: Store>(
    store: &SealedStore<S>,
    table: Table,
    name: &[u8],
) -> Result<Vec<(Vec<u8>, T)>, Error> {
    let found = store.scan(table, name, None, usize::MAX).await?;
    let decode = |(suffix, value): (Vec<u8>, Vec<u8>)| {
        haven_wire::decode(&value).map(|value| (suffix, value)).map_err(|_| StoreError::Damaged.into())
    };
    found.into_iter().map(decode).collect()
}

async fn load_one<T: DeserializeOwned, S: Store>(
    store: &SealedStore<S>,
    name: &[u8],
) -> Result<Option<T>, Error> {
    let found = store.get(Table::Meta, name, &[]).await?;
    found.map(|value| haven_wire::decode(&value).map_err(|_| StoreError::Damaged.into())).transpose()
}

impl Memory {
    /// Reads everything but the groups. Nothing: nobody is signed in here.
    pub async fn load<S: Store>(store: &SealedStore<S>, now: Millis) -> Result<Option<Self>, Error> {
        let Some(account) = load_one(store, b"account").await? else { return Ok(None) };
        let keys = load_one(store, b"device").await?.ok_or(StoreError::Damaged)?;
        let mut network = Network::default();
        network.publish = load_one(store, b"publish").await?;
        network.seen_pointers = load_one(store, b"seen_pointers").await?.unwrap_or_default();
        network.unlisted = load_one(store, b"unlisted").await?.unwrap_or_default();
        network.vault.due = load_one(store, b"vault_due").await?.unwrap_or(false);
        network.certificate.due = load_one(store, b"certificate_due").await?.unwrap_or(false);
        let mut memory = Self {
            account,
            keys,
            provider: Provider::default(),
            conversations: load_conversations(store).await?,
            contacts: BTreeMap::new(),
            jobs: BTreeMap::new(),
            intents: load_intents(store, now).await?,
            mail: MailMemory::load(store).await?,
            network,
        };
        for (_, contact) in load::<Contact, S>(store, Table::Contacts, b"contact").await? {
            memory.contacts.insert(contact.fingerprint, contact);
        }
        for (_, job) in load::<Job, S>(store, Table::Jobs, b"job").await? {
            memory.jobs.insert(job.id, job);
        }
        Ok(Some(memory))
    }

    /// Loads the group of a conversation, if it has one that isn't loaded yet.
    pub async fn load_group<S: Store>(
        &mut self,
        store: &SealedStore<S>,
        id: ConversationId,
    ) -> Result<(), Error> {
        let Some(conversation) = self.conversations.get_mut(&id) else { return Ok(()) };
        if conversation.group.is_some() {
            return Ok(());
        }
        let group_id = MlsGroupId::from_slice(conversation.details.group_id.as_bytes());
        let scope = storage::scope_of(conversation.details.group_id)?;
        let records = store.scan(Table::Mls, &scope, None, usize::MAX).await?;
        self.provider.storage().load(&scope, records)?;
        conversation.group = Group::load(&self.provider, &group_id)?;
        Ok(())
    }

    /// Ends a verb: adds what changed in groups and records to the batch, and tells what to show.
    pub fn finish(&mut self, batch: &mut Batch) -> Result<(), Error> {
        self.write_message_secrets()?;
        if self.mail.correspondents.take_changed() {
            batch.events.push(Event::People);
        }
        for id in &batch.details {
            if let Some(conversation) = self.conversations.get(id) {
                let value = haven_wire::encode(&conversation.details)?;
                batch.writes.push((Table::Conversations, b"details".to_vec(), id.0.to_vec(), Some(value)));
            }
        }
        for id in &batch.heads {
            if let Some(conversation) = self.conversations.get(id) {
                let value = haven_wire::encode(&conversation.head)?;
                batch.writes.push((Table::Conversations, b"head".to_vec(), id.0.to_vec(), Some(value)));
            }
        }
        if let Some((first, _)) = batch.answers.first() {
            let suffix = first.0.to_vec();
            let answers = std::mem::take(&mut batch.answers);
            batch.put(Table::Intents, b"intents", suffix, Some(&(self.network.now, &answers)))?;
            self.intents.extend(answers);
        }
        for (id, after) in std::mem::take(&mut batch.forgotten) {
            batch.put(Table::Meta, b"forgotten", id.0.to_vec(), Some(&after))?;
        }
        batch.writes.extend(self.provider.storage().take_changes()?);
        self.show(batch);
        Ok(())
    }

    /// OpenMLS writes message secrets with every message; here they are written once a verb.
    fn write_message_secrets(&mut self) -> Result<(), Error> {
        use openmls::group::PastEpochDeletion;
        let due = self.provider.storage().stop_deferring();
        for group in self.conversations.values_mut().filter_map(|conversation| conversation.group.as_mut()) {
            if due.contains(&storage::scope_of_group(group.mls.group_id())?) {
                let nothing = PastEpochDeletion::delete_all_without_timestamps();
                let written = group.mls.delete_past_epoch_secrets(&self.provider, nothing);
                written.map_err(|_| Error::Bug("message secrets can't be written"))?;
            }
        }
        Ok(())
    }

    fn show(&self, batch: &mut Batch) {
        for (conversation, items) in std::mem::take(&mut batch.items) {
            batch.events.push(Event::Items { conversation, items });
        }
        for (conversation, items) in std::mem::take(&mut batch.removed_items) {
            batch.events.push(Event::ItemsRemoved { conversation, items });
        }
        for id in batch.details.union(&batch.heads) {
            if let Some(conversation) = self.conversations.get(id) {
                batch.events.push(Event::Conversation(self.summary(conversation)));
            }
        }
        if batch.mail {
            batch.events.push(Event::Mail(self.mailbox_view()));
        }
    }
}

impl Group {
    fn load(provider: &Provider, group_id: &MlsGroupId) -> Result<Option<Self>, Error> {
        let Some(mls) = MlsGroup::load(provider.storage(), group_id)? else { return Ok(None) };
        Ok(Some(Self { members: Members::read_all(&mls)?, context: Context::read(mls.extensions())?, mls }))
    }
}

async fn load_conversations<S: Store>(
    store: &SealedStore<S>,
) -> Result<BTreeMap<ConversationId, Conversation>, Error> {
    let mut heads: BTreeMap<_, Head> =
        load(store, Table::Conversations, b"head").await?.into_iter().collect();
    let mut pending: BTreeMap<_, PendingCommit> =
        load(store, Table::Conversations, b"pending").await?.into_iter().collect();
    let mut begun: BTreeMap<_, String> =
        load(store, Table::Conversations, b"begun").await?.into_iter().collect();
    let mut conversations = BTreeMap::new();
    for (suffix, details) in load::<Details, S>(store, Table::Conversations, b"details").await? {
        let head = heads.remove(&suffix).ok_or(StoreError::Damaged)?;
        let mut conversation = Conversation::new(details, head);
        conversation.pending = pending.remove(&suffix);
        conversation.begun = begun.remove(&suffix).unwrap_or_default();
        conversations.insert(conversation.details.id, conversation);
    }
    for (suffix, mut message) in load::<Outbound, S>(store, Table::Conversations, b"outbound").await? {
        let id = suffix
            .get(..16)
            .and_then(|id| id.try_into().ok())
            .map(ConversationId)
            .ok_or(StoreError::Damaged)?;
        if let Some(conversation) = conversations.get_mut(&id) {
            // What was encrypted for an epoch that is over was not taken by the relay: it is encrypted again.
            message.encrypted = message.encrypted.filter(|sent| sent.epoch == conversation.head.epoch);
            conversation.outbound.insert(message.order, message);
        }
    }
    Ok(conversations)
}

/// Reads answered intents, and forgets old ones. That needs no write set of its own with anything else: they are
/// past use.
async fn load_intents<S: Store>(
    store: &SealedStore<S>,
    now: Millis,
) -> Result<BTreeMap<IntentId, Answer>, Error> {
    let mut intents = BTreeMap::new();
    let mut old = Vec::new();
    for (suffix, (time, answers)) in
        load::<(Millis, Vec<(IntentId, Answer)>), S>(store, Table::Intents, b"intents").await?
    {
        if now.saturating_sub(time) > INTENT_LIFE {
            old.push((Table::Intents, b"intents".to_vec(), suffix, None));
        } else {
            intents.extend(answers);
        }
    }
    store.commit(old).await?;
    Ok(intents)
}
