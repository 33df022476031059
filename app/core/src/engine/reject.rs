//! Requests that failed: tried again after a growing wait, or given up when that can't help.

use super::{Engine, PATIENCE, receive::misbehaved};
use crate::{
    Error, Millis,
    chat::records::State,
    memory::{Batch, Memory},
    network::Purpose,
    request::{Rejection, RequestId},
    store::Store,
};
use haven_bridge::{ConversationId, Event, Failure, StopReason};
use haven_wire::{Refusal, ids::MessageId};

impl<S: Store> Engine<S> {
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
            Purpose::Rows(id, _) => self.rows_refused(id, &rejection, now).await,
            Purpose::Commit(id) => self.append_refused(id, None, &rejection, now).await,
            Purpose::Append(id, messages) => self.append_refused(id, Some(&messages), &rejection, now).await,
            Purpose::Claim { job, address } => self.claim_refused(job, &address, &rejection, now).await,
            Purpose::Welcome { job } => {
                if rejection == Rejection::Refused(Refusal::NotFound) {
                    return self.drop_welcome(job, now).await;
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
                let vault = &mut self.memory.network.vault;
                vault.behind |= matches!(rejection, Rejection::Refused(Refusal::Conflict { .. }));
                wait(&mut vault.retry, &rejection, now);
                Ok(Vec::new())
            }
            Purpose::Certificate => {
                let line = &mut self.memory.network.certificate;
                // Looked up again: another device may have published one.
                line.held = None;
                wait(&mut line.retry, &rejection, now);
                if matches!(&rejection, Rejection::Refused(refusal) if is_final(refusal)) {
                    line.retry.at_least(now + crate::own_key::PAUSE);
                }
                Ok(Vec::new())
            }
            Purpose::Heads(_) => Ok(Vec::new()),
            purpose => self.mail_rejected(purpose, &rejection, now).await,
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
        line.withheld += u32::from(*rejection == Rejection::Refused(Refusal::WrongEpochToken));
        if line.withheld < PATIENCE {
            return Ok(Vec::new());
        }
        let conversation = self.memory.conversations.get(&id);
        let too_old = conversation.is_some_and(|conversation| conversation.head.away_too_long(now));
        let reason = if too_old {
            StopReason::StateTooOld
        } else {
            misbehaved("it no longer knows this conversation")
        };
        self.stop(id, reason, now).await
    }

    /// A commit, or these messages, did not get into the log.
    async fn append_refused(
        &mut self,
        id: ConversationId,
        messages: Option<&[MessageId]>,
        rejection: &Rejection,
        now: Millis,
    ) -> Result<Vec<Event>, Error> {
        let conversation = self.memory.conversations.get(&id);
        let cursor = conversation.and_then(|conversation| conversation.head.cursor);
        // Rows that were pushed overtook the answer: what it is about was of an epoch that has ended here.
        let over = conversation.is_some_and(|conversation| match messages {
            Some(ids) => {
                let mut encrypted =
                    conversation.outbound.values().filter(|message| message.encrypted.is_some());
                !encrypted.any(|message| ids.contains(&message.message_id))
            }
            None => conversation.pending.is_none(),
        });
        let line = self.memory.network.line(id);
        line.busy = false;
        match rejection {
            Rejection::Refused(Refusal::WrongEpoch { .. } | Refusal::EpochTooOld { .. }) if over => {}
            // A commit was first: somebody else's, or one's own, whose answer got lost. The log tells.
            Rejection::Refused(Refusal::WrongEpoch { head, .. } | Refusal::EpochTooOld { head, .. }) => {
                line.lost_race(cursor, *head, now);
            }
            // Perhaps the relay has lost the group: reading tells. Reading may go well, so patience is counted here too.
            Rejection::Refused(Refusal::WrongEpochToken) => {
                line.caught_up = false;
                line.writing.later(now);
            }
            Rejection::Refused(refusal) if is_final(refusal) => {}
            rejection => {
                // A lost answer: catch up first, then send again what the log doesn't have.
                line.caught_up &= matches!(rejection, Rejection::Refused(_));
                wait(&mut line.retry, rejection, now);
            }
        }
        let Rejection::Refused(refusal) = rejection else { return Ok(Vec::new()) };
        // If the relay has taken nothing for this epoch for long, and shows no other one, it never will.
        let never = line.writing.failures() >= PATIENCE;
        let conversation = self.memory.conversations.get(&id);
        let starting = conversation.is_some_and(|conversation| conversation.details.state == State::Starting);
        if is_final(refusal) || never && starting {
            return self.give_up(id, messages, &failure_of(refusal, ""), now).await;
        }
        if never {
            let reason = misbehaved("it no longer takes anything for this conversation");
            return self.stop(id, reason, now).await;
        }
        Ok(Vec::new())
    }

    async fn give_up(
        &mut self,
        id: ConversationId,
        messages: Option<&[MessageId]>,
        failure: &Failure,
        now: Millis,
    ) -> Result<Vec<Event>, Error> {
        if let Some(messages) = messages {
            let work =
                |memory: &mut Memory, batch: &mut Batch| memory.fail_messages(batch, id, messages, failure);
            return Ok(self.verb(now, work).await?.1);
        }
        let job = self.memory.conversations.get(&id).and_then(|c| c.pending.as_ref()?.job);
        let Some(job) = job else { return Ok(Vec::new()) };
        self.memory.load_group(&self.store, id).await?;
        self.fail_job(job, failure, now).await
    }

    async fn claim_refused(
        &mut self,
        job: u64,
        address: &str,
        rejection: &Rejection,
        now: Millis,
    ) -> Result<Vec<Event>, Error> {
        if !self.memory.awaits_claim(job, address) {
            return Ok(Vec::new());
        }
        match rejection {
            Rejection::Refused(refusal @ (Refusal::NotFound | Refusal::BadRequest { .. })) => {
                self.fail_job(job, &failure_of(refusal, address), now).await
            }
            rejection => {
                self.later_job(job, rejection, now);
                Ok(Vec::new())
            }
        }
    }

    /// Gives up what a job wants, and says why.
    pub(super) async fn fail_job(
        &mut self,
        job: u64,
        failure: &Failure,
        now: Millis,
    ) -> Result<Vec<Event>, Error> {
        Ok(self.verb(now, |memory, batch| memory.fail_change(batch, job, failure, now)).await?.1)
    }

    fn later(&mut self, rejection: &Rejection, now: Millis) {
        wait(&mut self.memory.network.retry, rejection, now);
    }

    fn later_job(&mut self, job: u64, rejection: &Rejection, now: Millis) {
        wait(self.memory.network.job_retry.entry(job).or_default(), rejection, now);
    }
}

pub(super) fn wait(retry: &mut crate::network::Retry, rejection: &Rejection, now: Millis) {
    retry.later(now);
    if let Rejection::Refused(Refusal::RateLimited { retry_after_s }) = rejection {
        retry.at_least(now + u64::from(*retry_after_s) * 1000);
    }
}

/// Whether trying the same thing again can't help.
pub(super) fn is_final(refusal: &Refusal) -> bool {
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
