//! The engine's verbs.
//!
//! A verb that changes anything runs OpenMLS synchronously on what is in memory, and then stores everything that
//! changed in one write set. Only after that does it return what to send and what to show. If anything fails, what is
//! in memory is thrown away and read again from the store: so a failed verb has changed nothing.

use crate::{
    Error, Millis,
    chat::{
        claims, join,
        records::{DeviceKeys, Join, State, Task},
    },
    identity::{Account, inbox},
    intent::{Accepted, Intent},
    memory::{Batch, Memory},
    network::{Network, POLL, Purpose},
    request::{Outgoing, Rejection, Reply, Request, RequestId},
    store::{SealedStore, StorageKey, Store, StoreError, Table},
};
use haven_bridge::{
    ConversationDetails, ConversationId, ConversationSummary, Event, Failure, IntentId, ItemId,
};
use haven_bridge::{DeviceView, Me, Person, TimelineItem, TimelinePage};
use haven_wire::{
    Refusal, group,
    group::Opened,
    ids::{GroupId, Hash, MessageId},
    inbox as wire_inbox, keys, limits,
    push::FromRelay,
};
use openmls_traits::OpenMlsProvider as _;
use std::collections::BTreeMap;

/// Rows that one request asks for.
const ROWS: u32 = limits::MAX_ROWS as u32;
/// A relay that keeps answering nonsense is believed to mean it after so many tries.
const PATIENCE: u32 = 6;

/// What became of a batch of intents.
#[derive(Debug)]
pub struct Handled {
    /// One answer for each intent.
    pub results: Vec<Result<Accepted, Failure>>,
    /// What to show.
    pub events: Vec<Event>,
}

/// What to send now.
#[derive(Debug)]
pub struct Pending {
    /// Calls to make. They may all run at once.
    pub requests: Vec<Outgoing>,
    /// When to ask again, if nothing happens before.
    pub wake_at: Millis,
    /// What to show.
    pub events: Vec<Event>,
}

/// The engine of one signed-in device.
pub struct Engine<S> {
    pub(crate) store: SealedStore<S>,
    pub(crate) memory: Memory,
    /// Reading the store again failed: nothing can be done before that works.
    stale: bool,
}

impl<S: Store> Engine<S> {
    /// Opens what is stored. Nothing: nobody is signed in here.
    pub async fn open(store: S, key: StorageKey, now: Millis) -> Result<Option<Self>, Error> {
        let store = SealedStore::new(store, &key)?;
        let Some(mut memory) = Memory::load(&store, now).await? else { return Ok(None) };
        memory.network = Network::after_restart(std::mem::take(&mut memory.network), None);
        let mut engine = Self { store, memory, stale: false };
        engine.sweep().await?;
        Ok(Some(engine))
    }

    /// Stores a new account or device, and opens it.
    pub async fn create(store: S, key: StorageKey, account: Account, now: Millis) -> Result<Self, Error> {
        let sealed = SealedStore::new(store, &key)?;
        let keys = DeviceKeys::new(&account, now)?;
        let mut batch = Batch::default();
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

    /// Who is signed in.
    pub fn me(&self) -> Result<Me, Error> {
        self.memory.me()
    }

    /// Whether the relay has ended this device's session.
    pub fn signed_out(&self) -> bool {
        self.memory.network.signed_out
    }

    /// Takes intents in: all of them in one write set.
    pub async fn handle(&mut self, intents: Vec<(IntentId, Intent)>, now: Millis) -> Result<Handled, Error> {
        self.refresh(now).await?;
        let mut prepared = Vec::new();
        for (id, intent) in intents {
            let unread = self.prepare(&intent).await?;
            prepared.push((id, intent, unread));
        }
        let all = prepared.clone();
        let together = self.take_in_all(all, now).await;
        match together {
            Err(Error::Store(error)) => Err(Error::Store(error)),
            Err(_) if prepared.len() > 1 => self.take_in_singly(prepared, now).await,
            Err(error) => Ok(Handled { results: vec![Err(error.into())], events: Vec::new() }),
            Ok(handled) => Ok(handled),
        }
    }

    async fn take_in_all(
        &mut self,
        intents: Vec<(IntentId, Intent, Option<u32>)>,
        now: Millis,
    ) -> Result<Handled, Error> {
        let work = |memory: &mut Memory, batch: &mut Batch| {
            let mut results = Vec::new();
            for (id, intent, unread) in intents {
                results.push(memory.take_in(batch, id, intent, unread, now)?);
            }
            Ok(results)
        };
        let (results, events) = self.verb(now, work).await?;
        self.sweep().await?;
        Ok(Handled { results, events })
    }

    /// One intent has met a defect: the others are not to suffer for it.
    async fn take_in_singly(
        &mut self,
        intents: Vec<(IntentId, Intent, Option<u32>)>,
        now: Millis,
    ) -> Result<Handled, Error> {
        let mut handled = Handled { results: Vec::new(), events: Vec::new() };
        for intent in intents {
            match self.take_in_all(vec![intent], now).await {
                Ok(one) => {
                    handled.results.extend(one.results);
                    handled.events.extend(one.events);
                }
                Err(Error::Store(error)) => return Err(Error::Store(error)),
                Err(error) => handled.results.push(Err(error.into())),
            }
        }
        Ok(handled)
    }

    /// What an intent needs from the store before it can be carried out.
    async fn prepare(&mut self, intent: &Intent) -> Result<Option<u32>, Error> {
        match intent {
            Intent::AnswerRequest { conversation, .. } => {
                self.memory.load_group(&self.store, *conversation).await?;
                Ok(None)
            }
            Intent::MarkRead { conversation, up_to } => self.unread_after(*conversation, *up_to).await,
            _ => Ok(None),
        }
    }

    /// How many received items are newer than `up_to`. Nothing: it is not among the newest.
    async fn unread_after(&self, id: ConversationId, up_to: ItemId) -> Result<Option<u32>, Error> {
        let Some(conversation) = self.memory.conversations.get(&id) else { return Ok(None) };
        if conversation.head.unread == 0 || conversation.outbound.values().any(|m| m.message_id.0 == up_to.0)
        {
            return Ok(Some(0));
        }
        let limit = usize::try_from(conversation.head.unread).unwrap_or(0).saturating_add(64).min(1000);
        let items = self.stored_items(id, None, limit).await?;
        let newer = items.iter().position(|item| item.id == up_to);
        let received = |item: &&TimelineItem| {
            use haven_bridge::ItemContent as C;
            matches!(item.content, C::Received { .. } | C::Unsupported { .. } | C::Unreadable(_))
        };
        let count = |newer| items.iter().take(newer).filter(received).count();
        Ok(newer.map(|newer| u32::try_from(count(newer)).unwrap_or(u32::MAX)))
    }

    /// Stored items before a position, newest first.
    async fn stored_items(
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

    /// Rows and news that a relay pushed: all of them in one write set.
    pub async fn receive(&mut self, frames: Vec<FromRelay>, now: Millis) -> Result<Vec<Event>, Error> {
        self.refresh(now).await?;
        let mut rows: BTreeMap<ConversationId, Vec<group::Row>> = BTreeMap::new();
        for frame in frames {
            self.take_frame(frame, &mut rows);
        }
        rows.retain(|id, rows| {
            let line = self.memory.network.line(*id);
            let head = rows.last().map_or(0, |row| row.sequence);
            line.known_head = line.known_head.max(head);
            // Before the first fetch rows are only a hint: what came before them is not here yet.
            line.caught_up
        });
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        for id in rows.keys() {
            self.memory.load_group(&self.store, *id).await?;
        }
        let work = |memory: &mut Memory, batch: &mut Batch| {
            rows.iter().try_for_each(|(id, rows)| memory.process_rows(batch, *id, rows, now))
        };
        match self.verb(now, work).await {
            Ok((_, events)) => Ok(events),
            Err(Error::Store(error)) => Err(error.into()),
            Err(_) => {
                let mut events = Vec::new();
                for (id, rows) in &rows {
                    events.extend(self.process_singly(*id, rows, now).await?);
                }
                Ok(events)
            }
        }
    }

    /// A row has met a defect: those before it are processed, its conversation stops there, and others go on.
    async fn process_singly(
        &mut self,
        id: ConversationId,
        rows: &[group::Row],
        now: Millis,
    ) -> Result<Vec<Event>, Error> {
        let mut events = Vec::new();
        for row in rows {
            self.memory.load_group(&self.store, id).await?;
            let one = std::slice::from_ref(row);
            let processed = self.verb(now, |memory, batch| memory.process_rows(batch, id, one, now)).await;
            match processed {
                Ok((_, more)) => events.extend(more),
                Err(Error::Store(error)) => return Err(error.into()),
                Err(_) => {
                    let reason = haven_bridge::StopReason::CommitUnreadable;
                    events.extend(self.stop_for(id, reason, now).await?);
                    break;
                }
            }
        }
        Ok(events)
    }

    fn take_frame(&mut self, frame: FromRelay, rows: &mut BTreeMap<ConversationId, Vec<group::Row>>) {
        let network = &mut self.memory.network;
        let conversation = |group_id: GroupId| {
            let mut all = self.memory.conversations.values();
            all.find(|c| c.details.group_id == group_id).map(|c| c.details.id)
        };
        match frame {
            FromRelay::Welcome => {
                network.live = true;
                network.inbox_due = true;
            }
            FromRelay::Rows { group_id, rows: new } => {
                if let Some(id) = conversation(group_id) {
                    rows.entry(id).or_default().extend(new);
                }
            }
            FromRelay::Head { group_id, head } => {
                if let Some(id) = conversation(group_id) {
                    network.saw_head(id, head, false);
                }
            }
            FromRelay::Inbox => network.inbox_due = true,
            FromRelay::KeyPackagesLow => network.key_packages_due = true,
            FromRelay::SignedOut => network.signed_out = true,
            FromRelay::Closed { .. } | FromRelay::Pong(_) => {}
        }
    }

    /// The socket is gone: rows no longer come by themselves.
    pub fn disconnected(&mut self) {
        self.memory.network.live = false;
    }

    /// The groups whose rows should be pushed, by relay.
    pub fn subscriptions(&self) -> BTreeMap<String, Vec<Opened>> {
        let mut subscriptions: BTreeMap<String, Vec<Opened>> = BTreeMap::new();
        for conversation in self.memory.conversations.values().filter(|c| c.follows_log()) {
            subscriptions.entry(conversation.details.origin.clone()).or_default().push(conversation.opened());
        }
        subscriptions
    }

    /// What to send now.
    pub async fn outgoing(&mut self, now: Millis) -> Result<Pending, Error> {
        self.refresh(now).await?;
        let mut pending = Pending { requests: Vec::new(), wake_at: now + POLL, events: Vec::new() };
        if self.memory.network.signed_out {
            return Ok(pending);
        }
        self.device_requests(&mut pending);
        if self.memory.network.retry.due(now) {
            pending.requests.extend(self.memory.vault_request()?);
        }
        self.job_requests(&mut pending);
        let ids: Vec<ConversationId> = self.memory.conversations.keys().copied().collect();
        let mut to_encrypt = Vec::new();
        for id in ids {
            if let Some(step) = self.memory.next_step(id) {
                self.memory.load_group(&self.store, id).await?;
                to_encrypt.push((id, step));
            }
        }
        self.conversation_requests(&mut pending, to_encrypt).await?;
        self.poll_heads(&mut pending);
        pending.wake_at = self.memory.wake_at(now, pending.wake_at);
        if self.memory.conversations.keys().any(|id| self.memory.next_step(*id).is_some()) {
            // A job turned out to be done already, and there is another one.
            pending.wake_at = now + 1;
        }
        Ok(pending)
    }

    fn device_requests(&mut self, pending: &mut Pending) {
        let Memory { account, network, .. } = &mut self.memory;
        if !network.retry.due(network.now) {
            return;
        }
        let origin = account.origin.clone();
        let requests = &mut pending.requests;
        if network.inbox_due
            && !network.under_way(|p| matches!(p, Purpose::Inbox | Purpose::AcknowledgeInbox))
        {
            let request = match network.acknowledge {
                Some(up_to) => {
                    let acknowledge = Request::AcknowledgeInbox(wire_inbox::AcknowledgeInbox { up_to });
                    network.start(&origin, Purpose::AcknowledgeInbox, None, acknowledge)
                }
                None => {
                    let get = Request::GetInbox(wire_inbox::GetInbox { after: 0 });
                    network.start(&origin, Purpose::Inbox, None, get)
                }
            };
            requests.push(request);
        }
        if network.under_way(|p| matches!(p, Purpose::CountKeyPackages | Purpose::Publish)) {
            return;
        }
        if let Some(publish) = network.publish.clone() {
            let request = Request::PublishKeyPackages(publish);
            requests.push(network.start(&origin, Purpose::Publish, None, request));
        } else if network.key_packages_due {
            network.key_packages_due = false;
            let count = keys::CountKeyPackages { suite: crate::mls::suite::suite_number() };
            requests.push(network.start(
                &origin,
                Purpose::CountKeyPackages,
                None,
                Request::CountKeyPackages(count),
            ));
        }
    }

    fn job_requests(&mut self, pending: &mut Pending) {
        let jobs: Vec<_> = self.memory.jobs.values().cloned().collect();
        for job in jobs {
            let retry = self.memory.network.job_retry.get(&job.id).copied().unwrap_or_default();
            if !retry.due(self.memory.network.now) {
                continue;
            }
            if let Task::Join(join) = &job.task {
                let network = &mut self.memory.network;
                if !network.under_way(|p| matches!(p, Purpose::Welcome { job: other } if *other == job.id)) {
                    let get = Request::GetWelcome(group::GetWelcome { id: join.welcome });
                    pending.requests.push(network.start(
                        &join.origin,
                        Purpose::Welcome { job: job.id },
                        None,
                        get,
                    ));
                }
                continue;
            }
            self.claim_requests(pending, &job);
        }
    }

    fn claim_requests(&mut self, pending: &mut Pending, job: &crate::chat::records::Job) {
        const AT_ONCE: usize = 4;
        let Task::Change(change) = &job.task else { return };
        let conversation = self.memory.conversations.get(&ConversationId(change.conversation));
        if !conversation.is_some_and(|c| matches!(c.details.state, State::Active | State::Starting)) {
            return;
        }
        for address in self.memory.unclaimed(job) {
            let Memory { account, network, .. } = &mut self.memory;
            let claims = |p: &&Purpose| matches!(p, Purpose::Claim { .. });
            if network.in_flight.values().filter(claims).count() >= AT_ONCE {
                return;
            }
            let same = |p: &Purpose| matches!(p, Purpose::Claim { job: j, address: a } if *j == job.id && *a == address);
            if network.under_way(same) {
                continue;
            }
            let suite = crate::mls::suite::suite_number();
            let request =
                Request::ClaimKeyPackages(keys::ClaimKeyPackages { address: address.clone(), suite });
            let purpose = Purpose::Claim { job: job.id, address };
            pending.requests.push(network.start(&account.origin, purpose, None, request));
        }
    }

    /// Encrypts and stages what is due, stores it, and only then makes the requests.
    async fn conversation_requests(
        &mut self,
        pending: &mut Pending,
        steps: Vec<(ConversationId, Step)>,
    ) -> Result<(), Error> {
        let now = self.memory.network.now;
        let writing: Vec<_> = steps.iter().filter(|(_, step)| step.writes()).cloned().collect();
        if !writing.is_empty() {
            let together = self.prepare_steps(&writing, now).await;
            match together {
                Ok(events) => pending.events.extend(events),
                Err(Error::Store(error)) => return Err(error.into()),
                Err(_) => {
                    for (id, step) in writing {
                        let events = self.prepare_or_give_up(id, step, now).await?;
                        pending.events.extend(events);
                    }
                }
            }
        }
        for (id, step) in steps {
            pending.requests.extend(self.memory.request_for(id, &step));
        }
        Ok(())
    }

    async fn prepare_steps(
        &mut self,
        steps: &[(ConversationId, Step)],
        now: Millis,
    ) -> Result<Vec<Event>, Error> {
        for (id, _) in steps {
            self.memory.load_group(&self.store, *id).await?;
        }
        let work = |memory: &mut Memory, batch: &mut Batch| {
            steps.iter().try_for_each(|(id, step)| memory.prepare_step(batch, *id, step, now))
        };
        Ok(self.verb(now, work).await?.1)
    }

    /// One step failed for a reason that trying again won't change: what it was for is given up, and the other
    /// conversations go on.
    async fn prepare_or_give_up(
        &mut self,
        id: ConversationId,
        step: Step,
        now: Millis,
    ) -> Result<Vec<Event>, Error> {
        let failure = match self.prepare_steps(&[(id, step.clone())], now).await {
            Err(Error::Store(error)) => return Err(error.into()),
            Err(error) => Failure::from(error),
            Ok(events) => return Ok(events),
        };
        self.memory.load_group(&self.store, id).await?;
        let work = |memory: &mut Memory, batch: &mut Batch| match step {
            Step::Stage(job) => memory.fail_change(batch, job, &failure, now),
            _ => memory.fail_waiting(batch, id, &failure),
        };
        Ok(self.verb(now, work).await?.1)
    }

    /// Asks for the heads of all logs that nothing else is under way for.
    fn poll_heads(&mut self, pending: &mut Pending) {
        let Memory { conversations, network, .. } = &mut self.memory;
        if network.now < network.polled + POLL || network.under_way(|p| matches!(p, Purpose::Heads(_))) {
            return;
        }
        network.polled = network.now;
        network.inbox_due = true;
        let mut by_origin: BTreeMap<String, Vec<(ConversationId, Opened)>> = BTreeMap::new();
        for conversation in conversations.values().filter(|c| c.follows_log()) {
            let entry = (conversation.details.id, conversation.opened());
            by_origin.entry(conversation.details.origin.clone()).or_default().push(entry);
        }
        for (origin, all) in by_origin {
            for some in all.chunks(limits::MAX_HEADS) {
                let (ids, groups): (Vec<_>, Vec<_>) = some.iter().cloned().unzip();
                let request = Request::GetHeads(group::GetHeads { groups });
                pending.requests.push(network.start(&origin, Purpose::Heads(ids), None, request));
            }
        }
    }

    /// A request was answered.
    pub async fn confirm(&mut self, id: RequestId, reply: Reply, now: Millis) -> Result<Vec<Event>, Error> {
        self.refresh(now).await?;
        let Some(purpose) = self.memory.network.in_flight.remove(&id) else { return Ok(Vec::new()) };
        match (purpose, reply) {
            (Purpose::Rows(id), Reply::GetRows(rows)) => self.rows_came(id, rows, now).await,
            (Purpose::Commit(id), Reply::AppendCommit(appended)) => {
                let line = self.memory.network.line(id);
                line.busy = false;
                line.commit_taken = true;
                line.retry.clear();
                self.memory.network.saw_head(id, appended.sequence, true);
                Ok(Vec::new())
            }
            (Purpose::Append(id, messages), Reply::AppendMessages(appended)) => {
                Ok(self.messages_taken(id, messages, appended.sequence))
            }
            (Purpose::Heads(ids), Reply::GetHeads(heads)) => {
                for (id, head) in ids.into_iter().zip(heads.heads) {
                    self.memory.network.saw_head(id, head.unwrap_or(0), false);
                }
                Ok(Vec::new())
            }
            (Purpose::Inbox, Reply::GetInbox(inbox)) => self.inbox_came(inbox, now).await,
            (Purpose::AcknowledgeInbox, Reply::AcknowledgeInbox(_)) => {
                self.memory.network.acknowledge = None;
                Ok(Vec::new())
            }
            (Purpose::Welcome { job }, Reply::GetWelcome(reply)) => {
                self.welcome_came(job, &reply.welcome, now).await
            }
            (Purpose::Claim { job, address }, Reply::ClaimKeyPackages(reply)) => {
                self.claim_came(job, &address, &reply, now).await
            }
            (Purpose::CountKeyPackages, Reply::CountKeyPackages(count)) => self.counted(count, now).await,
            (Purpose::Publish, Reply::PublishKeyPackages(_)) => {
                let work = |memory: &mut Memory, batch: &mut Batch| {
                    memory.network.publish = None;
                    batch.put::<()>(Table::Meta, b"publish", Vec::new(), None)
                };
                Ok(self.verb(now, work).await?.1)
            }
            (Purpose::Vault, Reply::PutVault(_)) => {
                Ok(self.verb(now, |memory, batch| memory.vault_taken(batch)).await?.1)
            }
            (Purpose::Vault, Reply::GetVault(vault)) => {
                match self.verb(now, |memory, batch| memory.merge_vault(batch, &vault)).await {
                    Ok((_, events)) => Ok(events),
                    Err(Error::Store(error)) => Err(error.into()),
                    Err(_) => {
                        // Another vault than this person's, or an older one: nothing else is to suffer for it.
                        self.memory.network.retry.later(now);
                        Ok(Vec::new())
                    }
                }
            }
            _ => Err(Error::Bug("a reply of another kind than its request")),
        }
    }

    async fn rows_came(
        &mut self,
        id: ConversationId,
        rows: group::Rows,
        now: Millis,
    ) -> Result<Vec<Event>, Error> {
        let cursor = self.memory.conversations.get(&id).and_then(|c| c.head.cursor);
        let line = self.memory.network.line(id);
        line.busy = false;
        line.known_head = line.known_head.max(rows.head);
        let behind = line.known_head > cursor.unwrap_or(0) || cursor.is_none();
        let first = rows.rows.first().map(|row| row.sequence);
        let goes_on = first.is_some() && (cursor.is_none() || first <= cursor.map(|cursor| cursor + 1));
        if behind && !goes_on {
            return self.withheld(id, now).await;
        }
        if rows.head < cursor.unwrap_or(0) {
            return self.withheld(id, now).await;
        }
        line.retry.clear();
        self.memory.load_group(&self.store, id).await?;
        let work = |memory: &mut Memory, batch: &mut Batch| memory.process_rows(batch, id, &rows.rows, now);
        let events = if rows.rows.is_empty() {
            Vec::new()
        } else {
            match self.verb(now, work).await {
                Ok((_, events)) => events,
                Err(Error::Store(error)) => return Err(error.into()),
                Err(_) => self.process_singly(id, &rows.rows, now).await?,
            }
        };
        let cursor = self.memory.conversations.get(&id).and_then(|c| c.head.cursor);
        let line = self.memory.network.line(id);
        line.caught_up |= cursor.is_some_and(|cursor| cursor >= line.known_head);
        Ok(events)
    }

    /// The relay has rows that it doesn't give. After some patience the person is told.
    async fn withheld(&mut self, id: ConversationId, now: Millis) -> Result<Vec<Event>, Error> {
        let line = self.memory.network.line(id);
        line.retry.later(now);
        if line.retry.failures() < PATIENCE {
            return Ok(Vec::new());
        }
        self.stop(id, "it keeps back messages that it has, or has lost some", now).await
    }

    async fn stop(&mut self, id: ConversationId, what: &str, now: Millis) -> Result<Vec<Event>, Error> {
        let reason = haven_bridge::StopReason::RelayMisbehaved { what: what.into() };
        self.stop_for(id, reason, now).await
    }

    async fn stop_for(
        &mut self,
        id: ConversationId,
        reason: haven_bridge::StopReason,
        now: Millis,
    ) -> Result<Vec<Event>, Error> {
        let work = |memory: &mut Memory, batch: &mut Batch| {
            if let Some(conversation) = memory.conversations.get_mut(&id) {
                conversation.details.state = State::Stopped(reason);
                batch.details.insert(id);
            }
            Ok(())
        };
        Ok(self.verb(now, work).await?.1)
    }

    /// The relay has stored messages. That is shown at once; what is stored here changes when they are met in the log.
    fn messages_taken(&mut self, id: ConversationId, messages: Vec<MessageId>, sequence: u64) -> Vec<Event> {
        let line = self.memory.network.line(id);
        line.busy = false;
        line.retry.clear();
        let last = sequence + (messages.len() as u64).saturating_sub(1);
        line.taken.extend(messages.iter().copied());
        self.memory.network.saw_head(id, last, true);
        let mut items = self.memory.waiting_items(id);
        items.retain(|item| messages.iter().any(|message| message.0 == item.id.0));
        if items.is_empty() { Vec::new() } else { vec![Event::Items { conversation: id, items }] }
    }

    async fn inbox_came(&mut self, inbox: wire_inbox::Inbox, now: Millis) -> Result<Vec<Event>, Error> {
        let Some(last) = inbox.entries.last().map(|entry| entry.sequence) else {
            self.memory.network.inbox_due = false;
            self.memory.network.retry.clear();
            return Ok(Vec::new());
        };
        let seen = &self.memory.network.seen_pointers;
        let new: Vec<_> =
            inbox.entries.into_iter().filter(|entry| !seen.contains(&Hash::of(&entry.sealed))).collect();
        let work = |memory: &mut Memory, batch: &mut Batch| {
            new.iter().try_for_each(|entry| memory.take_pointer(batch, &entry.sealed))?;
            batch.put(Table::Meta, b"seen_pointers", Vec::new(), Some(&memory.network.seen_pointers))
        };
        let events = if new.is_empty() { Vec::new() } else { self.verb(now, work).await?.1 };
        self.memory.network.acknowledge = Some(last);
        Ok(events)
    }

    async fn welcome_came(&mut self, job: u64, bytes: &[u8], now: Millis) -> Result<Vec<Event>, Error> {
        let Some(Task::Join(wanted)) = self.memory.jobs.get(&job).map(|job| job.task.clone()) else {
            return Ok(Vec::new());
        };
        let joined = self.try_join(job, &wanted, bytes, now).await;
        match joined {
            Ok(events) => Ok(events),
            Err(Error::Store(error)) => Err(error.into()),
            // A Welcome that breaks the rules is dropped. Its sender learns nothing, and may add this device again.
            Err(_) => Ok(self.verb(now, |memory, batch| memory.end_job(batch, job)).await?.1),
        }
    }

    async fn try_join(
        &mut self,
        job: u64,
        wanted: &Join,
        bytes: &[u8],
        now: Millis,
    ) -> Result<Vec<Event>, Error> {
        let welcome = join::read_welcome(bytes)?;
        if let Some(own) = self.memory.keys.addressed(&welcome)? {
            let scope = own.scope()?;
            let records = self.store.scan(Table::Mls, &scope, None, usize::MAX).await?;
            self.memory.provider.storage().load(&scope, records)?;
        }
        let held: Vec<ConversationId> = self
            .memory
            .conversations
            .values()
            .filter(|c| c.details.group_id == wanted.group_id)
            .map(|c| c.details.id)
            .collect();
        for id in held {
            self.memory.load_group(&self.store, id).await?;
        }
        let work = |memory: &mut Memory, batch: &mut Batch| memory.join(batch, job, wanted, welcome, now);
        Ok(self.verb(now, work).await?.1)
    }

    async fn claim_came(
        &mut self,
        job: u64,
        address: &str,
        reply: &keys::ClaimedKeyPackages,
        now: Millis,
    ) -> Result<Vec<Event>, Error> {
        let Memory { provider, contacts, account, .. } = &self.memory;
        let judged = claims::judge(provider, contacts, account, address, reply, now);
        let own = address == self.memory.account.address;
        match judged {
            Ok(person) if own && person.person.fingerprint != self.memory.account.fingerprint => {
                let what = "it shows another certificate under your own address".to_owned();
                let failure = Failure::RelayMisbehaved { what };
                Ok(self.verb(now, |memory, batch| memory.fail_change(batch, job, &failure, now)).await?.1)
            }
            Ok(person) => {
                let work = |memory: &mut Memory, batch: &mut Batch| {
                    if !own {
                        memory.pin(batch, &person.person, Some(person.device_list))?;
                    }
                    memory.network.claims.entry(job).or_default().insert(address.into(), person);
                    Ok(())
                };
                Ok(self.verb(now, work).await?.1)
            }
            Err(Failure::NoDevice { .. }) if own => {
                let nobody = claims::ClaimedPerson::nobody(&self.memory.account);
                self.memory.network.claims.entry(job).or_default().insert(address.into(), nobody);
                Ok(Vec::new())
            }
            // Somebody who has just signed up is publishing key packages at this moment.
            Err(Failure::NoDevice { .. }) if self.job_failures(job) < PATIENCE => {
                self.memory.network.job_retry.entry(job).or_default().later(now);
                Ok(Vec::new())
            }
            Err(failure) => {
                Ok(self.verb(now, |memory, batch| memory.fail_change(batch, job, &failure, now)).await?.1)
            }
        }
    }

    fn job_failures(&self, job: u64) -> u32 {
        self.memory.network.job_retry.get(&job).map_or(0, |retry| retry.failures())
    }

    async fn counted(&mut self, count: keys::KeyPackageCount, now: Millis) -> Result<Vec<Event>, Error> {
        let work = |memory: &mut Memory, batch: &mut Batch| {
            let Memory { keys, account, provider, network, .. } = memory;
            let publish = keys.refill(account, provider, count, now)?;
            if publish.is_some() {
                batch.put(Table::Meta, b"device", Vec::new(), Some(&*keys))?;
                batch.put(Table::Meta, b"publish", Vec::new(), publish.as_ref())?;
                network.publish = publish;
            }
            Ok(())
        };
        let events = self.verb(now, work).await?.1;
        Ok(events)
    }

    /// A request failed.
    pub async fn reject(
        &mut self,
        id: RequestId,
        rejection: Rejection,
        now: Millis,
    ) -> Result<Vec<Event>, Error> {
        self.refresh(now).await?;
        let Some(purpose) = self.memory.network.in_flight.remove(&id) else { return Ok(Vec::new()) };
        if rejection == Rejection::Refused(Refusal::NotSignedIn) {
            self.memory.network.signed_out = true;
        }
        match purpose {
            Purpose::Rows(id) => self.rows_refused(id, &rejection, now).await,
            Purpose::Commit(id) => self.commit_refused(id, &rejection, now).await,
            Purpose::Append(id, messages) => self.append_refused(id, &messages, &rejection, now).await,
            Purpose::Claim { job, address } => self.claim_refused(job, &address, &rejection, now).await,
            Purpose::Welcome { job } => {
                if rejection == Rejection::Refused(Refusal::NotFound) {
                    return Ok(self.verb(now, |memory, batch| memory.end_job(batch, job)).await?.1);
                }
                self.later_job(job, &rejection, now);
                Ok(Vec::new())
            }
            Purpose::CountKeyPackages | Purpose::Publish => {
                self.memory.network.key_packages_due = true;
                self.later(&rejection, now);
                Ok(Vec::new())
            }
            Purpose::Inbox | Purpose::AcknowledgeInbox => {
                self.later(&rejection, now);
                Ok(Vec::new())
            }
            Purpose::Vault => {
                self.memory.network.vault_behind |=
                    matches!(rejection, Rejection::Refused(Refusal::Conflict { .. }));
                self.later(&rejection, now);
                Ok(Vec::new())
            }
            Purpose::Heads(_) => Ok(Vec::new()),
        }
    }

    async fn rows_refused(
        &mut self,
        id: ConversationId,
        rejection: &Rejection,
        now: Millis,
    ) -> Result<Vec<Event>, Error> {
        let line = self.memory.network.line(id);
        line.busy = false;
        wait(&mut line.retry, rejection, now);
        let lost = *rejection == Rejection::Refused(Refusal::WrongEpochToken);
        if lost && line.retry.failures() >= PATIENCE {
            return self.stop(id, "it no longer knows this conversation", now).await;
        }
        Ok(Vec::new())
    }

    async fn commit_refused(
        &mut self,
        id: ConversationId,
        rejection: &Rejection,
        now: Millis,
    ) -> Result<Vec<Event>, Error> {
        let cursor = self.memory.conversations.get(&id).and_then(|c| c.head.cursor);
        let line = self.memory.network.line(id);
        line.busy = false;
        match rejection {
            Rejection::Refused(Refusal::WrongEpoch { head, .. }) => {
                // Another commit was first, or this one was and the answer got lost: the log tells.
                line.lost_race(cursor, *head, now);
                line.known_head = line.known_head.max(*head);
                Ok(Vec::new())
            }
            Rejection::Refused(refusal) if is_final(refusal) => {
                let job = self.memory.conversations.get(&id).and_then(|c| c.pending.as_ref()?.job);
                let failure = failure_of(refusal, "");
                let Some(job) = job else { return Ok(Vec::new()) };
                self.memory.load_group(&self.store, id).await?;
                Ok(self.verb(now, |memory, batch| memory.fail_change(batch, job, &failure, now)).await?.1)
            }
            rejection => {
                line.caught_up &= matches!(rejection, Rejection::Refused(_));
                wait(&mut line.retry, rejection, now);
                Ok(Vec::new())
            }
        }
    }

    async fn append_refused(
        &mut self,
        id: ConversationId,
        messages: &[MessageId],
        rejection: &Rejection,
        now: Millis,
    ) -> Result<Vec<Event>, Error> {
        let cursor = self.memory.conversations.get(&id).and_then(|c| c.head.cursor);
        let line = self.memory.network.line(id);
        line.busy = false;
        match rejection {
            Rejection::Refused(Refusal::EpochTooOld { head, .. }) => {
                line.lost_race(cursor, *head, now);
                line.known_head = line.known_head.max(*head);
                Ok(Vec::new())
            }
            Rejection::Refused(refusal) if is_final(refusal) => {
                let failure = failure_of(refusal, "");
                let work = |memory: &mut Memory, batch: &mut Batch| {
                    memory.fail_messages(batch, id, messages, &failure)
                };
                Ok(self.verb(now, work).await?.1)
            }
            rejection => {
                // A lost answer: catch up first, then send again what the log doesn't have.
                line.caught_up &= matches!(rejection, Rejection::Refused(_));
                wait(&mut line.retry, rejection, now);
                Ok(Vec::new())
            }
        }
    }

    async fn claim_refused(
        &mut self,
        job: u64,
        address: &str,
        rejection: &Rejection,
        now: Millis,
    ) -> Result<Vec<Event>, Error> {
        match rejection {
            Rejection::Refused(refusal @ (Refusal::NotFound | Refusal::BadRequest { .. })) => {
                let failure = failure_of(refusal, address);
                Ok(self.verb(now, |memory, batch| memory.fail_change(batch, job, &failure, now)).await?.1)
            }
            rejection => {
                self.later_job(job, rejection, now);
                Ok(Vec::new())
            }
        }
    }

    fn later(&mut self, rejection: &Rejection, now: Millis) {
        wait(&mut self.memory.network.retry, rejection, now);
    }

    fn later_job(&mut self, job: u64, rejection: &Rejection, now: Millis) {
        wait(self.memory.network.job_retry.entry(job).or_default(), rejection, now);
    }

    /// The network came back: nothing waits for a later try.
    pub fn reconnected(&mut self) {
        let network = &mut self.memory.network;
        network.retry.clear();
        network.job_retry.clear();
        network.lines.values_mut().for_each(|line| line.retry.clear());
        network.polled = 0;
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
    pub fn people(&self) -> Vec<Person> {
        self.memory.people()
    }

    /// This person's devices.
    pub fn devices(&self) -> Result<Vec<DeviceView>, Error> {
        self.memory.devices()
    }

    /// Reads the store again after a failure, if that hasn't worked yet.
    async fn refresh(&mut self, now: Millis) -> Result<(), Error> {
        self.memory.network.now = now;
        if self.stale { self.reload(now).await } else { Ok(()) }
    }

    /// Throws away what is in memory, and reads the store again.
    async fn reload(&mut self, now: Millis) -> Result<(), Error> {
        self.stale = true;
        let mut memory = Memory::load(&self.store, now).await?.ok_or(StoreError::Damaged)?;
        let stored = std::mem::take(&mut memory.network);
        memory.network = Network::after_restart(stored, Some(&self.memory.network));
        self.memory = memory;
        self.stale = false;
        Ok(())
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
        let stored = match worked {
            Ok(value) => self.store.commit(batch.writes).await.map(|()| value).map_err(Error::from),
            Err(error) => Err(error),
        };
        match stored {
            Ok(value) => Ok((value, batch.events)),
            Err(error) => {
                // The first error is the one to tell; a failing reload leaves the engine stale, and is tried again.
                let _ = self.reload(now).await;
                Err(error)
            }
        }
    }

    /// Deletes the timelines of forgotten conversations, page by page.
    async fn sweep(&mut self) -> Result<(), Error> {
        const PAGE: usize = 500;
        for (suffix, _) in self.store.scan(Table::Meta, b"forgotten", None, 100).await? {
            loop {
                let items = self.store.scan(Table::Timeline, &suffix, None, PAGE).await?;
                let last = items.len() < PAGE;
                let mut changes: Vec<_> = items
                    .into_iter()
                    .map(|(item, _)| (Table::Timeline, suffix.clone(), item, None))
                    .collect();
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

impl Memory {
    /// Takes in what came to the inbox. What can't be opened is nobody's fault here, and can't be answered: it is
    /// dropped.
    fn take_pointer(&mut self, batch: &mut Batch, sealed: &[u8]) -> Result<(), Error> {
        const REMEMBERED: usize = 200;
        let seen = &mut self.network.seen_pointers;
        seen.push(Hash::of(sealed));
        seen.drain(..seen.len().saturating_sub(REMEMBERED));
        let opened = inbox::open_from_inbox(self.account.inbox_secret.as_ref(), sealed);
        let Ok(Ok(join)) = opened.map(|bytes| haven_wire::decode::<Join>(&bytes)) else { return Ok(()) };
        if join.origin == self.account.origin {
            self.add_job(batch, Task::Join(join))?;
        }
        Ok(())
    }
}

/// The next thing to do with a conversation's log.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Read rows.
    Fetch,
    /// Send the commit that is pending.
    Commit,
    /// Stage a job's commit, and send it.
    Stage(u64),
    /// Encrypt what waits, and send it.
    Append,
}

impl Step {
    fn writes(&self) -> bool {
        matches!(self, Self::Stage(_) | Self::Append)
    }
}

impl Memory {
    /// What to do next with a conversation's log, if anything. One thing at a time.
    fn next_step(&self, id: ConversationId) -> Option<Step> {
        let conversation = self.conversations.get(&id)?;
        let now = self.network.now;
        let fresh = crate::network::Line::default();
        let line = self.network.lines.get(&id).unwrap_or(&fresh);
        if line.busy || !line.retry.due(now) {
            return None;
        }
        let unborn = conversation.details.state == State::Starting && conversation.head.epoch == 0;
        if unborn && !line.commit_taken && !(conversation.pending.is_some() && line.known_head > 0) {
            return self.birth(conversation);
        }
        if !conversation.follows_log() {
            return None;
        }
        let behind = conversation.head.cursor.is_none_or(|cursor| line.known_head > cursor);
        if !line.caught_up || (behind && line.fetch_at <= now) {
            return Some(Step::Fetch);
        }
        if behind {
            return None;
        }
        if conversation.pending.is_some() {
            return (!line.commit_taken).then_some(Step::Commit);
        }
        if let Some(job) = self.ready_job(id) {
            return Some(Step::Stage(job));
        }
        let taken = |message: &crate::chat::records::Outbound| line.taken.contains(&message.message_id);
        let waits = conversation.outbound.values().any(|m| m.failed.is_none() && !taken(m));
        let may_send = conversation.details.state == State::Active && !conversation.head.must_update;
        (waits && may_send).then_some(Step::Append)
    }

    /// A group that is being made: its first commit makes the log.
    fn birth(&self, conversation: &crate::memory::Conversation) -> Option<Step> {
        if conversation.pending.is_some() {
            return Some(Step::Commit);
        }
        self.ready_job(conversation.details.id).map(Step::Stage)
    }

    /// The first job of a conversation that has all that it needs.
    fn ready_job(&self, id: ConversationId) -> Option<u64> {
        let of_this = |job: &&crate::chat::records::Job| match &job.task {
            Task::Change(change) => change.conversation == id.0,
            Task::Join(_) => false,
        };
        let mut jobs = self.jobs.values().filter(of_this);
        jobs.find(|job| self.unclaimed(job).is_empty()).map(|job| job.id)
    }

    /// Does what must be stored before a step's request is made.
    fn prepare_step(
        &mut self,
        batch: &mut Batch,
        id: ConversationId,
        step: &Step,
        now: Millis,
    ) -> Result<(), Error> {
        match step {
            Step::Stage(job) => {
                if let crate::chat::change::Staged::Nothing = self.stage(batch, *job, now)? {
                    self.end_job(batch, *job)?;
                }
                Ok(())
            }
            Step::Append => self.encrypt_waiting(batch, id),
            Step::Fetch | Step::Commit => Ok(()),
        }
    }

    /// The request of a step.
    fn request_for(&mut self, id: ConversationId, step: &Step) -> Option<Outgoing> {
        let append = matches!(step, Step::Append).then(|| self.append_request(id)).flatten();
        let conversation = self.conversations.get(&id)?;
        let token = conversation.head.token;
        let (purpose, request) = match step {
            Step::Fetch => {
                let after = conversation.head.cursor.unwrap_or(0);
                let (group_id, epoch) = (conversation.details.group_id, conversation.head.epoch);
                let rows = group::GetRows { group_id, epoch, after, limit: ROWS };
                (Purpose::Rows(id), Request::GetRows(rows))
            }
            Step::Commit | Step::Stage(_) => {
                let request = conversation.pending.as_ref()?.request.clone();
                (Purpose::Commit(id), Request::AppendCommit(request))
            }
            Step::Append => {
                let request = append?;
                let messages = request.messages.iter().map(|message| message.message_id).collect();
                (Purpose::Append(id, messages), Request::AppendMessages(request))
            }
        };
        let origin = conversation.details.origin.clone();
        self.network.line(id).busy = true;
        Some(self.network.start(&origin, purpose, Some(token), request))
    }

    /// When something is due by itself.
    fn wake_at(&self, now: Millis, latest: Millis) -> Millis {
        let mut at = latest.min(self.network.polled + POLL);
        for line in self.network.lines.values() {
            if line.known_head > 0 && line.fetch_at > now {
                at = at.min(line.fetch_at);
            }
            at = at.min(line.retry.next(now).unwrap_or(at));
        }
        for retry in self.network.job_retry.values().chain([&self.network.retry]) {
            at = at.min(retry.next(now).unwrap_or(at));
        }
        at.max(now + 1)
    }
}

impl crate::memory::Conversation {
    /// Whether the log has anything for this device.
    fn follows_log(&self) -> bool {
        matches!(self.details.state, State::Active | State::Request(_) | State::Starting)
            && (self.head.epoch > 0 || self.pending.is_some())
    }

    fn opened(&self) -> Opened {
        Opened { group_id: self.details.group_id, epoch: self.head.epoch, token: self.head.token }
    }
}

fn wait(retry: &mut crate::network::Retry, rejection: &Rejection, now: Millis) {
    retry.later(now);
    if let Rejection::Refused(Refusal::RateLimited { retry_after_s }) = rejection {
        retry.at_least(now + u64::from(*retry_after_s) * 1000);
    }
}

/// Whether trying the same thing again can't help.
fn is_final(refusal: &Refusal) -> bool {
    matches!(refusal, Refusal::BadRequest { .. } | Refusal::HeaderMismatch | Refusal::TooLarge { .. })
}

fn failure_of(refusal: &Refusal, address: &str) -> Failure {
    match refusal {
        Refusal::NotFound | Refusal::BadRequest { .. } if !address.is_empty() => {
            Failure::AddressUnknown { address: address.into() }
        }
        refusal => Failure::Relay { message: refusal.to_string() },
    }
}
