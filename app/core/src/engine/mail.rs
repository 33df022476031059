//! Mail: reading the mailbox, sending, and what the page asks.
//!
//! One thing at a time is done with the mailbox: it is read in order, and what was fetched is opened and stored before
//! more is fetched. Sending goes on beside it. This file says what is to be done now; [`answers`] takes what comes of it,
//! and [`questions`] are the page's.

mod answers;
mod questions;

pub use questions::{Attachment, Opener};

use super::{Engine, Pending};
use crate::{
    Error, Millis,
    identity::Secret,
    mailbox::{
        POLL,
        arrive::Taken,
        records::{Body, Note, StoredDraft},
        send::Step,
        work::{OpenedEntry, Task, Work},
    },
    memory::{Batch, Memory},
    network::Purpose,
    request::Request,
    store::{Store, StoreError, Table},
};
use haven_bridge::{Event, mail::MailId};
use haven_wire::{
    ids::MessageId,
    limits,
    mail::{self as wire, EntryKind, MailboxEntry},
};

/// Entries that one request asks for.
const PAGE: u32 = 100;
/// Bodies that are opened together, in bytes, unless one alone is larger.
const TOGETHER: usize = 2 * 1024 * 1024;
/// Searches for certificates at once.
const SEARCHES: usize = 4;

impl<S: Store> Engine<S> {
    /// What to do about mail now.
    pub(super) async fn mail_requests(&mut self, pending: &mut Pending) -> Result<(), Error> {
        let now = self.memory.network.now;
        if self.memory.network.mail.retry.due(now) {
            self.read_mailbox(pending).await?;
            self.change_mailbox(pending)?;
            self.withdraw_mail(pending);
            self.send_mail(pending).await?;
            self.judge_again(pending);
        }
        self.search_certificates(pending);
        Ok(())
    }

    /// Reads on: fetches entries, then their bodies, and has them opened.
    async fn read_mailbox(&mut self, pending: &mut Pending) -> Result<(), Error> {
        let Memory { account, network, mail, .. } = &mut self.memory;
        let origin = account.origin.clone();
        if !network.mail.asked_outside {
            network.mail.asked_outside = true;
            let ask = Request::MailInfo(wire::MailInfo {});
            pending.requests.push(network.start(&origin, Purpose::MailInfo, None, ask));
        }
        let busy = |p: &Purpose| matches!(p, Purpose::Mailbox | Purpose::MailBody(_) | Purpose::OpenMail(_));
        if network.under_way(busy) {
            return Ok(());
        }
        if let Some(first) = network.mail.arrived.front() {
            if needs_body(first) {
                let sequence = first.sequence;
                let get = Request::GetMail(wire::GetMail { sequence });
                pending.requests.push(network.start(&origin, Purpose::MailBody(sequence), None, get));
                return Ok(());
            }
            return self.open_arrived(pending).await;
        }
        let behind = network.mail.known_head > mail.head.cursor;
        if network.mail.due || behind || network.now >= network.mail.polled + POLL {
            // What comes in meanwhile counts anew.
            (network.mail.due, network.mail.hinted) = (false, false);
            let get = Request::GetMailbox(wire::GetMailbox { after: mail.head.cursor, limit: PAGE });
            pending.requests.push(network.start(&origin, Purpose::Mailbox, None, get));
        }
        Ok(())
    }

    /// Has the first of the entries opened that have their bodies.
    async fn open_arrived(&mut self, pending: &mut Pending) -> Result<(), Error> {
        self.memory.mail.load_rest(&self.store).await?;
        let run = self.next_run();
        let sealed: Vec<_> = run.iter().filter(|entry| needs_opening(entry)).collect();
        if sealed.is_empty() {
            let events = self.take_run(run, Vec::new()).await?;
            pending.events.extend(events);
            pending.wake_at = self.memory.network.now + 1;
            return Ok(());
        }
        let body = |entry: &&MailboxEntry| (entry.kind, entry.body.clone().unwrap_or_default());
        let entries = sealed.iter().map(body).collect();
        let task = Task::Open { entries, known: self.memory.signers(), pins: self.memory.pins() };
        let id = self.memory.network.begin(Purpose::OpenMail(run.len()));
        pending.work.push((id, self.work(task)));
        Ok(())
    }

    /// The next entries to take in together. After a failure one by one, so that one mail can't hold up the others.
    fn next_run(&self) -> Vec<MailboxEntry> {
        let line = &self.memory.network.mail;
        let mut size = 0;
        let fits = |entry: &&MailboxEntry| {
            size += entry.body.as_ref().map_or(0, |body| body.len());
            !needs_body(entry) && size <= TOGETHER
        };
        let together = line.arrived.iter().take_while(fits).count();
        let count = if line.failures > 0 { 1 } else { together.max(1) };
        line.arrived.iter().take(count).cloned().collect()
    }

    fn work(&self, task: Task) -> Work {
        let own: Secret = self.memory.account.vault.certificate.clone();
        Work { own, now: self.memory.network.now, task }
    }

    /// Stores what the first of the fetched entries hold.
    async fn take_run(
        &mut self,
        run: Vec<MailboxEntry>,
        opened: Vec<OpenedEntry>,
    ) -> Result<Vec<Event>, Error> {
        let now = self.memory.network.now;
        let mut opened = opened.into_iter();
        let mut taken = Vec::new();
        for entry in &run {
            let opened = if needs_opening(entry) { opened.next() } else { None };
            let stored = self.stored_body_for(entry).await?;
            taken.push(Taken { entry, opened, stored });
        }
        let work = |memory: &mut Memory, batch: &mut Batch| memory.take_entries(batch, taken, now);
        let events = self.verb(now, work).await?.1;
        let line = &mut self.memory.network.mail;
        line.arrived.drain(..run.len().min(line.arrived.len()));
        line.failures = 0;
        Ok(events)
    }

    /// What is stored of the mail that an entry is about: of an own one, and of one whose blind copies are named.
    async fn stored_body_for(&self, entry: &MailboxEntry) -> Result<Option<Body>, Error> {
        let id = match entry.kind {
            EntryKind::Sent => MailId(entry.id.0),
            EntryKind::Note => {
                let sealed = entry.body.as_deref().map(Vec::as_slice).unwrap_or_default();
                match self.memory.open_note(entry.id, sealed) {
                    Some(Note::BlindCopies { mail, .. }) => mail,
                    _ => return Ok(None),
                }
            }
            _ => return Ok(None),
        };
        self.body(id).await
    }

    async fn body(&self, id: MailId) -> Result<Option<Body>, Error> {
        let stored = self.store.get(Table::MailBodies, b"body", &id.0).await?;
        stored.map(|value| haven_wire::decode(&value).map_err(|_| StoreError::Damaged.into())).transpose()
    }

    /// Notes and deletions.
    fn change_mailbox(&mut self, pending: &mut Pending) -> Result<(), Error> {
        let origin = self.memory.account.origin.clone();
        let idle = !self.memory.network.under_way(|p| matches!(p, Purpose::PutNotes(_)));
        if idle && let Some(notes) = self.memory.notes_request()? {
            let ids = notes.notes.iter().map(|note| note.id).collect();
            let request = Request::PutNotes(notes);
            let network = &mut self.memory.network;
            pending.requests.push(network.start(&origin, Purpose::PutNotes(ids), None, request));
        }
        let Memory { network, mail, .. } = &mut self.memory;
        let idle = !network.under_way(|p| matches!(p, Purpose::DeleteMail(_)));
        if idle && !mail.deletions.is_empty() {
            let sequences: Vec<u64> = mail.deletions.iter().copied().take(limits::MAX_NOTES).collect();
            let request = Request::DeleteMail(wire::DeleteMail { sequences: sequences.clone() });
            pending.requests.push(network.start(&origin, Purpose::DeleteMail(sequences), None, request));
        }
        Ok(())
    }

    /// Asks the relay not to take what the person wants back.
    fn withdraw_mail(&mut self, pending: &mut Pending) {
        let Memory { account, network, mail, .. } = &mut self.memory;
        for id in mail.sending.values().filter(|sending| sending.wanted_back).map(|mail| mail.draft.id) {
            if !network.under_way(|p| matches!(p, Purpose::WithdrawMail(other) if *other == id)) {
                let withdraw = Request::WithdrawMail(wire::WithdrawMail { id: MessageId(id.0) });
                let purpose = Purpose::WithdrawMail(id);
                pending.requests.push(network.start(&account.origin, purpose, None, withdraw));
            }
        }
    }

    /// The next step of the first mail that waits.
    async fn send_mail(&mut self, pending: &mut Pending) -> Result<(), Error> {
        let now = self.memory.network.now;
        let busy =
            |p: &Purpose| matches!(p, Purpose::Compose(_) | Purpose::Forwarded(_) | Purpose::SubmitMail(_));
        if self.memory.mail.sending.is_empty() || self.memory.network.under_way(busy) {
            return Ok(());
        }
        self.memory.mail.load_rest(&self.store).await?;
        let Some((id, step)) = self.memory.next_mail(now) else { return Ok(()) };
        match step {
            Step::Find(addresses) => self.memory.network.mail.wanted.extend(addresses),
            Step::Fetch(sequence) => {
                let Memory { account, network, .. } = &mut self.memory;
                let get = Request::GetMail(wire::GetMail { sequence });
                pending.requests.push(network.start(&account.origin, Purpose::Forwarded(id), None, get));
            }
            Step::Compose => {
                if let Some(task) = self.compose_task(id, now).await? {
                    let request = self.memory.network.begin(Purpose::Compose(id));
                    pending.work.push((request, self.work(task)));
                }
            }
            Step::Submit => {
                let Memory { account, network, .. } = &mut self.memory;
                if let Some(submit) = network.mail.composed.get(&id).map(|ready| ready.submit.clone()) {
                    let request = Request::SubmitMail(submit);
                    let outgoing = network.start(&account.origin, Purpose::SubmitMail(id), None, request);
                    pending.requests.push(outgoing);
                }
            }
            Step::Fail(failure) => {
                let work = |memory: &mut Memory, batch: &mut Batch| memory.mail_failed(batch, id, failure);
                pending.events.extend(self.verb(now, work).await?.1);
                pending.wake_at = now + 1;
            }
        }
        Ok(())
    }

    async fn compose_task(&self, id: MailId, now: Millis) -> Result<Option<Task>, Error> {
        let Some(sending) = self.memory.mail.sending.get(&id) else { return Ok(None) };
        let about = match sending.draft.draft.about {
            Some((mail, _)) => self.body(mail).await?,
            None => None,
        };
        let mut files = Vec::new();
        for file in &sending.draft.draft.attachments {
            files.push(self.file(&sending.draft, file.id).await?);
        }
        Ok(self.memory.compose_task(id, about, files, now))
    }

    /// The bytes of a draft's file.
    async fn file(&self, draft: &StoredDraft, file: u32) -> Result<Vec<u8>, Error> {
        let pieces = self.store.scan(Table::MailFiles, &draft.file_name(file), None, usize::MAX).await?;
        Ok(pieces.into_iter().map(|(_, piece)| piece).collect::<Vec<_>>().concat())
    }

    /// Has a mail opened again whose signature may be known by now: one at a time.
    fn judge_again(&mut self, pending: &mut Pending) {
        let Memory { account, network, mail, .. } = &mut self.memory;
        if network.under_way(|p| matches!(p, Purpose::JudgeAgain(_))) {
            return;
        }
        if let Some((id, body)) = network.mail.to_judge.take() {
            let own = mail.records.get(&id).is_some_and(|record| record.own);
            let kind = if own { EntryKind::Sent } else { EntryKind::Arrived };
            let task = Task::Open {
                entries: vec![(kind, body.into())],
                known: self.memory.signers(),
                pins: self.memory.pins(),
            };
            let request = self.memory.network.begin(Purpose::JudgeAgain(id));
            pending.work.push((request, self.work(task)));
        } else if let Some(id) = network.mail.doubted.pop_first()
            && let Some(record) = mail.records.get(&id)
        {
            let get = Request::GetMail(wire::GetMail { sequence: record.sequence });
            pending.requests.push(network.start(&account.origin, Purpose::JudgeAgain(id), None, get));
        }
    }

    /// Asks the relay for certificates of addresses that somebody wants to write to.
    fn search_certificates(&mut self, pending: &mut Pending) {
        let Memory { account, network, .. } = &mut self.memory;
        let wanted: Vec<String> = network.mail.wanted.iter().cloned().collect();
        for address in wanted {
            let running = |p: &&Purpose| matches!(p, Purpose::FindCertificates(_));
            if network.in_flight.values().filter(running).count() >= SEARCHES {
                return;
            }
            let due = network.mail.searches.get(&address).is_none_or(|retry| retry.due(network.now));
            let same = |p: &Purpose| matches!(p, Purpose::FindCertificates(a) if *a == address);
            if due && !network.under_way(same) {
                let find = Request::FindCertificates(wire::FindCertificates { address: address.clone() });
                let purpose = Purpose::FindCertificates(address);
                pending.requests.push(network.start(&account.origin, purpose, None, find));
            }
        }
    }
}

fn needs_opening(entry: &MailboxEntry) -> bool {
    matches!(entry.kind, EntryKind::Arrived | EntryKind::Sent | EntryKind::Delivery)
}

fn needs_body(entry: &MailboxEntry) -> bool {
    entry.body.is_none() && entry.kind != EntryKind::Deleted
}
