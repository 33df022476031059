//! What to send now. Nothing is handed out before it is stored, and no two requests for the same thing are under way.

use super::{Engine, TELLING, confirm::MAX_JOINS, steps::Step};
use crate::{
    Error, Millis,
    chat::records::{State, Task},
    mailbox::work::Work,
    memory::{Batch, Memory},
    network::{POLL, Purpose},
    request::{Outgoing, Request, RequestId},
    store::{Store, StoreError},
};
use haven_bridge::{ConversationId, Event, Failure};
use haven_wire::{group, group::Opened, inbox as wire_inbox, keys, limits};
use std::collections::BTreeMap;

/// Welcomes that are fetched at once: each may have megabytes.
const WELCOMES: usize = 2;

/// What to send now.
#[derive(Debug)]
pub struct Pending {
    /// Calls to make. They may all run at once.
    pub requests: Vec<Outgoing>,
    /// Work to do outside the engine. It ends with [`Engine::worked`].
    pub work: Vec<(RequestId, Work)>,
    /// When to ask again, if nothing happens before.
    pub wake_at: Millis,
    /// What to show.
    pub events: Vec<Event>,
}

impl<S: Store> Engine<S> {
    /// What to send now.
    pub async fn outgoing(&mut self, now: Millis) -> Result<Pending, Error> {
        self.refresh(now).await?;
        let mut pending =
            Pending { requests: Vec::new(), work: Vec::new(), wake_at: now + POLL, events: Vec::new() };
        if self.memory.network.signed_out {
            return Ok(pending);
        }
        if let Some(later) = self.storage.next(now) {
            pending.wake_at = later;
            if self.storage.failures() >= TELLING && !std::mem::replace(&mut self.storage_told, true) {
                pending.events.push(Event::NotStored);
            }
            return Ok(pending);
        }
        let gathered = self.gather(&mut pending, now).await;
        // Requests that were registered and are not handed out would be waited for.
        self.stale |= gathered.is_err();
        gathered.map(|()| pending)
    }

    async fn gather(&mut self, pending: &mut Pending, now: Millis) -> Result<(), Error> {
        if self.memory.network.to_sweep {
            // Before anything is asked for: a conversation that was forgotten may come again, with items of its own.
            if let Err(error) = self.sweep().await {
                self.storage_failed(&error, now);
                return Err(error);
            }
            self.memory.network.to_sweep = false;
        }
        self.device_requests(pending);
        pending.events.extend(self.renew_certificate().await?);
        match self.memory.vault_request() {
            Ok(request) => pending.requests.extend(request),
            // Too large, perhaps. Nothing else waits for the vault.
            Err(_) => self.memory.network.vault.retry.later(now),
        }
        pending.requests.extend(self.memory.certificate_request()?);
        self.job_requests(pending);
        self.mail_requests(pending).await?;
        let ids: Vec<ConversationId> = self.memory.conversations.keys().copied().collect();
        let mut to_encrypt = Vec::new();
        for id in ids {
            if let Some(step) = self.memory.next_step(id) {
                match self.memory.load_group(&self.store, id).await {
                    Ok(()) => to_encrypt.push((id, step)),
                    Err(Error::Store(error)) if error != StoreError::Damaged => return Err(error.into()),
                    // It can't be read. The others go on.
                    Err(_) => self.memory.network.line(id).retry.later(now),
                }
            }
        }
        self.conversation_requests(pending, to_encrypt).await?;
        self.poll_heads(pending);
        pending.wake_at = self.memory.wake_at(now, pending.wake_at);
        if self.memory.conversations.keys().any(|id| self.memory.next_step(*id).is_some()) {
            // A job turned out to be done already, and there is another one.
            pending.wake_at = now + 1;
        }
        Ok(())
    }

    fn device_requests(&mut self, pending: &mut Pending) {
        let joins = self.memory.joins();
        let Memory { account, network, .. } = &mut self.memory;
        if !network.retry.due(network.now) {
            return;
        }
        let origin = account.origin.clone();
        let requests = &mut pending.requests;
        if network.inbox_due
            && joins < MAX_JOINS
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
                let welcomes = network.in_flight.values().filter(|p| matches!(p, Purpose::Welcome { .. }));
                let same = |p: &Purpose| matches!(p, Purpose::Welcome { job: other } if *other == job.id);
                if welcomes.count() < WELCOMES && !network.under_way(same) {
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
        let Some(conversation) = self.memory.conversations.get(&ConversationId(change.conversation)) else {
            return;
        };
        // After a restart the claims are forgotten; a commit that is made already needs none.
        let made = conversation.pending.as_ref().is_some_and(|pending| pending.job == Some(job.id));
        if made || !matches!(conversation.details.state, State::Active | State::Starting) {
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
}
