//! Requests that were answered. What an answer brings is checked as if an enemy had sent it; what breaks the rules is
//! dropped, told, or waited out, and nothing else suffers for it.

use super::{Engine, PATIENCE};
use crate::{
    Error, Millis,
    chat::{
        claims, join,
        records::{DAY, Job, Join, Task},
    },
    identity::inbox,
    memory::{Batch, Memory},
    mls::{Provider, storage},
    network::Purpose,
    request::{Reply, RequestId},
    store::{Store, Table},
};
use haven_bridge::{ConversationId, Event, Failure};
use haven_wire::{
    ids::{Hash, MessageId},
    inbox as wire_inbox, keys,
};
use openmls_traits::OpenMlsProvider as _;

/// Welcomes that are fetched before more pointers are taken out of the inbox. Whoever knows this device can fill that.
pub(super) const MAX_JOINS: usize = 16;

impl<S: Store> Engine<S> {
    /// A request was answered.
    pub async fn confirm(&mut self, id: RequestId, reply: Reply, now: Millis) -> Result<Vec<Event>, Error> {
        self.refresh(now).await?;
        let Some(purpose) = self.memory.network.in_flight.remove(&id) else { return Ok(Vec::new()) };
        match (purpose, reply) {
            (Purpose::Rows(id, after), Reply::GetRows(rows)) => self.rows_came(id, after, rows, now).await,
            (Purpose::Commit(id), Reply::AppendCommit(appended)) => {
                self.commit_taken(id, appended.sequence, now).await
            }
            (Purpose::Append(id, messages), Reply::AppendMessages(appended)) => {
                self.messages_taken(id, messages, appended.sequence, now).await
            }
            (Purpose::Heads(ids), Reply::GetHeads(heads)) => self.heads_came(ids, heads.heads, now).await,
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
            (Purpose::Vault, Reply::GetVault(vault)) => self.vault_came(&vault, now).await,
            (Purpose::Certificate, Reply::Lookup(entry)) => self.own_entry_came(entry, now).await,
            (Purpose::Certificate, Reply::PutCertificate(_)) => self.certificate_published(now).await,
            (purpose, reply) if purpose.is_about_mail() => self.mail_confirmed(purpose, reply, now).await,
            _ => Err(Error::Bug("a reply of another kind than its request")),
        }
    }

    /// How long logs are. Once a day it is noted which of them were read to their end: what comes later was not there
    /// before.
    async fn heads_came(
        &mut self,
        ids: Vec<ConversationId>,
        heads: Vec<Option<u64>>,
        now: Millis,
    ) -> Result<Vec<Event>, Error> {
        let mut complete = Vec::new();
        for (id, head) in ids.into_iter().zip(heads) {
            match head {
                Some(head) => self.memory.network.saw_head(id, head, false),
                // The relay doesn't know the group, or takes the token for a wrong one. Reading tells.
                None => self.memory.network.line(id).caught_up = false,
            }
            let Some(conversation) = self.memory.conversations.get(&id) else { continue };
            let to_be_noted = !(conversation.head.complete..conversation.head.complete + DAY).contains(&now);
            if head.is_some() && head == conversation.head.cursor && to_be_noted {
                complete.push(id);
            }
        }
        if complete.is_empty() {
            return Ok(Vec::new());
        }
        let work = |memory: &mut Memory, batch: &mut Batch| {
            for id in complete {
                if let Some(conversation) = memory.conversations.get_mut(&id) {
                    conversation.head.complete = now;
                    batch.heads.insert(id);
                }
            }
            Ok(())
        };
        Ok(self.verb(now, work).await?.1)
    }

    /// The relay has stored a commit. Its row may have come before this answer; then nothing is pending any more.
    async fn commit_taken(
        &mut self,
        id: ConversationId,
        sequence: u64,
        now: Millis,
    ) -> Result<Vec<Event>, Error> {
        let conversation = self.memory.conversations.get(&id);
        let pending = conversation.is_some_and(|conversation| conversation.pending.is_some());
        let cursor = conversation.and_then(|conversation| conversation.head.cursor);
        let line = self.memory.network.line(id);
        line.busy = false;
        if pending && cursor.is_some_and(|cursor| sequence <= cursor) {
            // It would have been met there.
            return self.withheld(id, now).await;
        }
        line.commit_taken = pending;
        line.retry.clear();
        line.writing.clear();
        self.memory.network.saw_head(id, sequence, true);
        Ok(Vec::new())
    }

    /// The relay has stored messages. That is shown at once; what is stored here changes when they are met in the log,
    /// which may have been before this answer.
    async fn messages_taken(
        &mut self,
        id: ConversationId,
        messages: Vec<MessageId>,
        sequence: u64,
        now: Millis,
    ) -> Result<Vec<Event>, Error> {
        let conversation = self.memory.conversations.get(&id);
        let cursor = conversation.and_then(|conversation| conversation.head.cursor);
        let outbound = conversation.into_iter().flat_map(|conversation| conversation.outbound.values());
        let waiting: Vec<MessageId> = outbound.map(|message| message.message_id).collect();
        let line = self.memory.network.line(id);
        line.busy = false;
        let first_waits = messages.first().is_some_and(|first| waiting.contains(first));
        if first_waits && cursor.is_some_and(|cursor| sequence <= cursor) {
            // It would have been met there.
            return self.withheld(id, now).await;
        }
        line.retry.clear();
        line.writing.clear();
        let last = sequence.saturating_add((messages.len() as u64).saturating_sub(1));
        line.taken.extend(messages.iter().filter(|message| waiting.contains(message)));
        self.memory.network.saw_head(id, last, true);
        let mut items = self.memory.waiting_items(id);
        items.retain(|item| messages.iter().any(|message| message.0 == item.id.0));
        Ok(if items.is_empty() { Vec::new() } else { vec![Event::Items { conversation: id, items }] })
    }

    async fn inbox_came(&mut self, inbox: wire_inbox::Inbox, now: Millis) -> Result<Vec<Event>, Error> {
        let network = &mut self.memory.network;
        let Some(last) = inbox.entries.last().map(|entry| entry.sequence) else {
            network.inbox_due = false;
            network.retry.clear();
            return Ok(Vec::new());
        };
        if inbox.entries.iter().all(|entry| network.seen_pointers.contains(&Hash::of(&entry.sealed))) {
            // Their deletion got lost, or the relay goes on showing them.
            network.retry.later(now);
            network.acknowledge = Some(last);
            return Ok(Vec::new());
        }
        let work = |memory: &mut Memory, batch: &mut Batch| {
            let mut taken = None;
            for entry in &inbox.entries {
                if memory.joins() >= MAX_JOINS {
                    break;
                }
                memory.take_pointer(batch, &entry.sealed)?;
                taken = Some(entry.sequence);
            }
            batch.put(Table::Meta, b"seen_pointers", Vec::new(), Some(&memory.network.seen_pointers))?;
            Ok(taken)
        };
        let (taken, events) = self.verb(now, work).await?;
        self.memory.network.acknowledge = taken;
        Ok(events)
    }

    async fn welcome_came(&mut self, job: u64, bytes: &[u8], now: Millis) -> Result<Vec<Event>, Error> {
        let Some(Task::Join(wanted)) = self.memory.jobs.get(&job).map(|job| job.task.clone()) else {
            return Ok(Vec::new());
        };
        if let Some(id) = self.memory.held(wanted.group_id) {
            let work =
                |memory: &mut Memory, batch: &mut Batch| memory.refuse_second_welcome(batch, job, id, now);
            return Ok(self.verb(now, work).await?.1);
        }
        let joined = self.try_join(job, &wanted, bytes, now).await;
        match joined {
            Ok(events) => Ok(events),
            Err(Error::Store(error)) => Err(error.into()),
            // Its sender learns nothing, and may add this device again.
            Err(_) => self.drop_welcome(job, now).await,
        }
    }

    /// A Welcome that breaks the rules, or that the relay doesn't have, is dropped. The person is told, once a day.
    pub(super) async fn drop_welcome(&mut self, job: u64, now: Millis) -> Result<Vec<Event>, Error> {
        let work = |memory: &mut Memory, batch: &mut Batch| {
            memory.tell_welcome_refused(batch, now);
            memory.end_job(batch, job)
        };
        Ok(self.verb(now, work).await?.1)
    }

    async fn try_join(
        &mut self,
        job: u64,
        wanted: &Join,
        bytes: &[u8],
        now: Millis,
    ) -> Result<Vec<Event>, Error> {
        let welcome = join::read_welcome(bytes)?;
        let key_package = self.memory.keys.addressed(&welcome)?.ok_or_else(join::not_addressed)?;
        // Opened beside what is in memory: anybody can send a Welcome that fails here, and nothing else suffers for it.
        let provider = Provider::default();
        for scope in [key_package.scope()?, storage::scope_of(wanted.group_id)?] {
            let records = self.store.scan(Table::Mls, &scope, None, usize::MAX).await?;
            provider.storage().load(&scope, records)?;
        }
        let known = self.memory.conversations.values().find(|c| c.details.group_id == wanted.group_id);
        if let Some(id) = known.map(|conversation| conversation.details.id) {
            self.memory.load_group(&self.store, id).await?;
        }
        let joined = self.memory.open_welcome(&provider, wanted, welcome)?;
        let conversation = self.memory.admit(&provider, wanted, &joined, now)?;
        let work = |memory: &mut Memory, batch: &mut Batch| {
            memory.provider.storage().absorb(provider.into_storage());
            memory.join(batch, job, &key_package, joined, conversation)
        };
        Ok(self.verb(now, work).await?.1)
    }

    async fn claim_came(
        &mut self,
        job: u64,
        address: &str,
        reply: &keys::ClaimedKeyPackages,
        now: Millis,
    ) -> Result<Vec<Event>, Error> {
        if !self.memory.awaits_claim(job, address) {
            return Ok(Vec::new());
        }
        let Memory { provider, contacts, account, .. } = &self.memory;
        let judged = claims::judge(provider, contacts, account, address, reply, now);
        let own = address == self.memory.account.address;
        match judged {
            Ok(person) if own && person.person.fingerprint != self.memory.account.fingerprint => {
                let what = "it shows another certificate under your own address".to_owned();
                self.fail_job(job, &Failure::RelayMisbehaved { what }, now).await
            }
            Ok(person) => {
                let work = |memory: &mut Memory, batch: &mut Batch| match own {
                    true => Ok(()),
                    false => memory.pin(batch, &person.person, Some(person.device_list)),
                };
                let events = self.verb(now, work).await?.1;
                self.memory.network.claims.entry(job).or_default().insert(address.into(), person);
                Ok(events)
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
            Err(failure) => self.fail_job(job, &failure, now).await,
        }
    }

    fn job_failures(&self, job: u64) -> u32 {
        self.memory.network.job_retry.get(&job).map_or(0, |retry| retry.failures())
    }

    async fn counted(&mut self, count: keys::KeyPackageCount, now: Millis) -> Result<Vec<Event>, Error> {
        // What is to be deleted has to be there first.
        for scope in self.memory.keys.outdated(now)? {
            let records = self.store.scan(Table::Mls, &scope, None, usize::MAX).await?;
            self.memory.provider.storage().load(&scope, records)?;
        }
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
}

impl Memory {
    /// Takes in what came to the inbox. What can't be opened is nobody's fault here, and can't be answered: it is
    /// dropped.
    fn take_pointer(&mut self, batch: &mut Batch, sealed: &[u8]) -> Result<(), Error> {
        const REMEMBERED: usize = 200;
        let (seen, hash) = (&mut self.network.seen_pointers, Hash::of(sealed));
        if seen.contains(&hash) {
            return Ok(());
        }
        seen.push(hash);
        seen.drain(..seen.len().saturating_sub(REMEMBERED));
        let opened = inbox::open_from_inbox(self.account.inbox_secret.as_ref(), sealed);
        let Ok(Ok(join)) = opened.map(|bytes| haven_wire::decode::<Join>(&bytes)) else { return Ok(()) };
        let same = |job: &Job| matches!(&job.task, Task::Join(known) if known.welcome == join.welcome);
        if join.origin == self.account.origin && !self.jobs.values().any(same) {
            self.add_job(batch, Task::Join(join))?;
        }
        Ok(())
    }

    /// Welcomes that are to be fetched.
    pub(super) fn joins(&self) -> usize {
        self.jobs.values().filter(|job| matches!(job.task, Task::Join(_))).count()
    }
}
