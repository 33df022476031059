//! What comes of requests and work about mail.

use super::super::{
    Engine, PATIENCE,
    reject::{is_final, wait},
};
use crate::{
    Error, Millis,
    mailbox::{
        arrive::unopened,
        records::UnderWay,
        work::{OpenedEntry, Outcome},
    },
    memory::{Batch, Memory},
    network::Purpose,
    request::{Rejection, Reply, RequestId},
    store::Store,
};
use haven_bridge::{
    Event, Failure,
    mail::{MailId, MailTrouble, Outside},
};
use haven_wire::{Refusal, limits::MAX_MAIL, mail as wire};

impl<S: Store> Engine<S> {
    /// The relay has answered something about mail.
    pub(in crate::engine) async fn mail_confirmed(
        &mut self,
        purpose: Purpose,
        reply: Reply,
        now: Millis,
    ) -> Result<Vec<Event>, Error> {
        self.memory.mail.load_rest(&self.store).await?;
        match (purpose, reply) {
            (Purpose::Mailbox, Reply::GetMailbox(mailbox)) => self.mailbox_came(mailbox, now).await,
            (Purpose::MailBody(sequence), Reply::GetMail(wire::MailBody { body })) => {
                if let Some(first) = self.memory.network.mail.arrived.front_mut()
                    && first.sequence == sequence
                {
                    first.body = Some(body.into());
                }
                Ok(Vec::new())
            }
            (Purpose::Forwarded(id), Reply::GetMail(wire::MailBody { body })) => {
                self.memory.network.mail.forwarded.insert(id, body);
                Ok(Vec::new())
            }
            (Purpose::JudgeAgain(id), Reply::GetMail(wire::MailBody { body })) => {
                self.memory.network.mail.to_judge = Some((id, body));
                Ok(Vec::new())
            }
            (Purpose::MailInfo, Reply::MailInfo(info)) => {
                let outside = Outside { sends: info.sends, receives: info.receives };
                self.change_head(now, |head| head.outside = Some(outside)).await
            }
            (Purpose::PutNotes(ids), Reply::PutNotes(head)) => {
                let work = |memory: &mut Memory, batch: &mut Batch| memory.notes_taken(batch, &ids);
                self.changed_mailbox(head, now, work).await
            }
            (Purpose::DeleteMail(sequences), Reply::DeleteMail(head)) => {
                let work = |memory: &mut Memory, batch: &mut Batch| memory.deletions_taken(batch, &sequences);
                self.changed_mailbox(head, now, work).await
            }
            (Purpose::FindCertificates(address), Reply::FindCertificates(found)) => {
                let line = &mut self.memory.network.mail;
                line.wanted.remove(&address);
                if found.incomplete {
                    line.searches.entry(address.clone()).or_default().later(now);
                } else {
                    line.searches.remove(&address);
                }
                let work = |memory: &mut Memory, batch: &mut Batch| {
                    memory.found_certificates(batch, &address, &found, now)
                };
                Ok(self.verb(now, work).await?.1)
            }
            (Purpose::SubmitMail(id), Reply::SubmitMail(submitted)) => {
                let work = |memory: &mut Memory, batch: &mut Batch| {
                    memory.mail_submitted(batch, id, submitted.sequence)
                };
                Ok(self.verb(now, work).await?.1)
            }
            (Purpose::WithdrawMail(id), Reply::WithdrawMail(withdrawal)) => {
                let work = |memory: &mut Memory, batch: &mut Batch| match withdrawal {
                    wire::Withdrawal::Withdrawn => memory.mail_withdrawn(batch, id),
                    wire::Withdrawal::Sent(sent) => memory.mail_submitted(batch, id, sent.sequence),
                };
                Ok(self.verb(now, work).await?.1)
            }
            _ => Err(Error::Bug("a reply of another kind than its request")),
        }
    }

    async fn changed_mailbox(
        &mut self,
        head: wire::MailboxHead,
        now: Millis,
        work: impl FnOnce(&mut Memory, &mut Batch) -> Result<(), Error>,
    ) -> Result<Vec<Event>, Error> {
        let line = &mut self.memory.network.mail;
        line.known_head = line.known_head.max(head.head);
        Ok(self.verb(now, work).await?.1)
    }

    async fn mailbox_came(&mut self, mailbox: wire::Mailbox, now: Millis) -> Result<Vec<Event>, Error> {
        let line = &mut self.memory.network.mail;
        line.polled = now;
        line.retry.clear();
        line.known_head = if line.hinted { line.known_head.max(mailbox.head) } else { mailbox.head };
        // What was asked for while nothing was fetched is what comes next, in order; anything else is passed over.
        let mut last = self.memory.mail.head.cursor;
        let mut entries = mailbox.entries;
        entries.retain(|entry| {
            let next = entry.sequence > last;
            last = last.max(entry.sequence);
            next
        });
        line.arrived = entries.into();
        if line.arrived.is_empty() && !line.hinted {
            // The relay says that there is more, and doesn't give it: it is asked again with the next poll.
            line.known_head = self.memory.mail.head.cursor;
        }
        let (used, quota, refused) = (mailbox.used, mailbox.quota, mailbox.refused);
        if refused.count > self.memory.mail.head.refused.count {
            // Perhaps the relay has another state of the certificate, or has damaged it.
            self.memory.network.certificate.due = true;
        }
        let change = |head: &mut crate::mailbox::records::Head| {
            (head.used, head.quota, head.refused) = (used, quota, refused);
        };
        self.change_head(now, change).await
    }

    async fn change_head(
        &mut self,
        now: Millis,
        change: impl FnOnce(&mut crate::mailbox::records::Head),
    ) -> Result<Vec<Event>, Error> {
        let mut head = self.memory.mail.head.clone();
        change(&mut head);
        if head == self.memory.mail.head {
            return Ok(Vec::new());
        }
        let work = |memory: &mut Memory, batch: &mut Batch| {
            memory.mail.head = head.clone();
            batch.under_way(&UnderWay::Head(head))
        };
        Ok(self.verb(now, work).await?.1)
    }

    /// The relay has refused something about mail, or can't be reached.
    pub(in crate::engine) async fn mail_rejected(
        &mut self,
        purpose: Purpose,
        rejection: &Rejection,
        now: Millis,
    ) -> Result<Vec<Event>, Error> {
        self.memory.mail.load_rest(&self.store).await?;
        let line = &mut self.memory.network.mail;
        match (purpose, rejection) {
            // Deleted meanwhile: a later entry says so, which the next poll brings.
            (Purpose::MailBody(_), Rejection::Refused(Refusal::NotFound)) => {
                line.arrived.pop_front();
                if line.arrived.is_empty() && !line.hinted {
                    line.known_head = self.memory.mail.head.cursor;
                }
                Ok(Vec::new())
            }
            (Purpose::Forwarded(id), Rejection::Refused(Refusal::NotFound)) => {
                let work =
                    |memory: &mut Memory, batch: &mut Batch| memory.mail_failed(batch, id, Failure::NotFound);
                Ok(self.verb(now, work).await?.1)
            }
            (Purpose::SubmitMail(id), Rejection::Refused(refusal)) if is_final_for_mail(refusal) => {
                let failure = failure_of(refusal);
                let work = |memory: &mut Memory, batch: &mut Batch| memory.mail_failed(batch, id, failure);
                Ok(self.verb(now, work).await?.1)
            }
            (Purpose::SubmitMail(id), rejection) => {
                wait(&mut line.retry, rejection, now);
                let unstorable = matches!(rejection, Rejection::Refused(Refusal::Unavailable));
                let work = |memory: &mut Memory, batch: &mut Batch| {
                    memory.mail_held_up(batch, id, unstorable);
                    Ok(())
                };
                Ok(self.verb(now, work).await?.1)
            }
            // It is tried when the mail is looked at again.
            (Purpose::JudgeAgain(_), _) => Ok(Vec::new()),
            (Purpose::MailInfo, rejection) => {
                line.asked_outside = false;
                wait(&mut line.retry, rejection, now);
                Ok(Vec::new())
            }
            (Purpose::FindCertificates(address), rejection) => {
                wait(line.searches.entry(address).or_default(), rejection, now);
                Ok(Vec::new())
            }
            (purpose, rejection) => {
                line.due |= matches!(purpose, Purpose::Mailbox);
                wait(&mut line.retry, rejection, now);
                Ok(Vec::new())
            }
        }
    }

    /// Work outside the engine has ended. Nothing: it broke down, and may be tried again.
    pub async fn worked(
        &mut self,
        id: RequestId,
        outcome: Option<Outcome>,
        now: Millis,
    ) -> Result<Vec<Event>, Error> {
        self.refresh(now).await?;
        let Some(purpose) = self.memory.network.in_flight.remove(&id) else { return Ok(Vec::new()) };
        self.memory.mail.load_rest(&self.store).await?;
        match (purpose, outcome) {
            (Purpose::OpenMail(count), Some(Outcome::Opened(opened))) => {
                let run = self.memory.network.mail.arrived.iter().take(count).cloned().collect();
                self.take_run(run, opened).await
            }
            (Purpose::OpenMail(_), _) => self.not_opened(now).await,
            (Purpose::JudgeAgain(id), outcome) => self.judged_again(id, outcome, now).await,
            (Purpose::Compose(id), Some(Outcome::Composed(composed))) => {
                let work = |memory: &mut Memory, batch: &mut Batch| memory.mail_composed(batch, id, composed);
                Ok(self.verb(now, work).await?.1)
            }
            (Purpose::Compose(id), outcome) => {
                let failure = match outcome {
                    Some(Outcome::TooLarge) => Failure::MailTooLarge { limit: MAX_MAIL as u64 },
                    Some(Outcome::Failed(phrase)) => Failure::Bug { phrase },
                    _ => Failure::Bug { phrase: "composing a mail".to_owned() },
                };
                let work = |memory: &mut Memory, batch: &mut Batch| memory.mail_failed(batch, id, failure);
                Ok(self.verb(now, work).await?.1)
            }
            _ => Err(Error::Bug("work of another kind than was wanted")),
        }
    }

    /// Opening broke down. After some tries the first entry is taken in as what it is: too much.
    async fn not_opened(&mut self, now: Millis) -> Result<Vec<Event>, Error> {
        let line = &mut self.memory.network.mail;
        line.failures += 1;
        line.retry.later(now);
        if line.failures < PATIENCE {
            return Ok(Vec::new());
        }
        let run: Vec<_> = line.arrived.front().cloned().into_iter().collect();
        let trouble = MailTrouble::TooMuch { what: "memory".into() };
        let opened = run.iter().map(|_| OpenedEntry::Mail(Box::new(unopened(trouble.clone()))));
        self.take_run(run.clone(), opened.collect()).await
    }

    /// A mail was opened again, or that broke down: it is not tried again before the next start.
    async fn judged_again(
        &mut self,
        id: MailId,
        outcome: Option<Outcome>,
        now: Millis,
    ) -> Result<Vec<Event>, Error> {
        self.memory.network.mail.judged.insert(id);
        let Some(Outcome::Opened(opened)) = outcome else { return Ok(Vec::new()) };
        let (Some(OpenedEntry::Mail(opened)), Some(stored)) =
            (opened.into_iter().next(), self.body(id).await?)
        else {
            return Ok(Vec::new());
        };
        let work = |memory: &mut Memory, batch: &mut Batch| memory.judged_again(batch, id, *opened, stored);
        Ok(self.verb(now, work).await?.1)
    }
}

fn is_final_for_mail(refusal: &Refusal) -> bool {
    is_final(refusal) || matches!(refusal, Refusal::MailboxFull | Refusal::OutsideMailOff)
}

fn failure_of(refusal: &Refusal) -> Failure {
    match refusal {
        Refusal::TooLarge { limit, .. } => Failure::MailTooLarge { limit: *limit },
        Refusal::MailboxFull => Failure::MailboxFull,
        Refusal::OutsideMailOff => Failure::OutsideMailOff,
        refusal => Failure::Relay { message: refusal.to_string() },
    }
}
