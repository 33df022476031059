//! Mail: reading the mailbox, sending, and what the page asks.
//!
//! One thing at a time is done with the mailbox: it is read in order, and what was fetched is opened and stored before
//! more is fetched. Sending goes on beside it.

use super::{
    Engine, PATIENCE, Pending,
    reject::{is_final, wait},
};
use crate::{
    Error, Millis,
    identity::Secret,
    mail::{FetchedPicture, KnownCertificate},
    mailbox::{
        POLL, Search,
        arrive::{Taken, unopened},
        drafts::file_name,
        records::{Body, Note, UnderWay},
        send::Step,
        work::{OpenedEntry, Outcome, Task, Work},
    },
    memory::{Batch, Memory},
    network::Purpose,
    request::{Rejection, Reply, Request, RequestId},
    store::{Store, StoreError, Table},
};
use haven_bridge::{
    Event, Failure,
    mail::{
        Draft, FileLock, Folder, MailId, MailPage, MailTrouble, MailView, MailboxView, OpenedFile, Outside,
        RecipientState, Signature, ThreadId,
    },
};
use haven_wire::{
    Refusal, limits,
    mail::{self as wire, EntryKind, MailboxEntry},
};
use std::collections::BTreeSet;

/// Entries that one request asks for.
const PAGE: u32 = 100;
/// Bodies that are opened together, in bytes, unless one alone is larger.
const TOGETHER: usize = 2 * 1024 * 1024;
/// Searches for certificates at once.
const SEARCHES: usize = 4;
/// Mails that a search reads at a time.
const READ_AHEAD: usize = 256;

impl<S: Store> Engine<S> {
    /// What to do about mail now.
    pub(super) async fn mail_requests(&mut self, pending: &mut Pending) -> Result<(), Error> {
        let now = self.memory.network.now;
        if self.memory.network.mail.retry.due(now) {
            self.read_mailbox(pending).await?;
            self.change_mailbox(pending)?;
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
        let task = Task::Open { entries, known: self.known_certificates() };
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

    fn known_certificates(&self) -> Vec<KnownCertificate> {
        let known = self.memory.mail.addresses.values().flat_map(|keys| {
            keys.candidates.iter().map(|candidate| KnownCertificate {
                address: keys.address.clone(),
                certificate: candidate.certificate.clone(),
            })
        });
        let account = &self.memory.account;
        let own = account
            .public_certificate()
            .ok()
            .map(|certificate| KnownCertificate { address: account.address.clone(), certificate });
        known.chain(own).collect()
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
            files.push(self.file(id, file.id).await?);
        }
        Ok(self.memory.compose_task(id, about, files, now))
    }

    /// The bytes of a draft's file.
    async fn file(&self, draft: MailId, file: u32) -> Result<Vec<u8>, Error> {
        let pieces = self.store.scan(Table::MailFiles, &file_name(draft, file), None, usize::MAX).await?;
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
            let task = Task::Open { entries: vec![(kind, body.into())], known: self.known_certificates() };
            let request = self.memory.network.begin(Purpose::JudgeAgain(id));
            pending.work.push((request, self.work(task)));
        } else if let Some(id) = network.mail.doubted.pop_first()
            && let Some(record) = mail.records.get(&id)
        {
            let get = Request::GetMail(wire::GetMail { sequence: record.sequence });
            pending.requests.push(network.start(&account.origin, Purpose::JudgeAgain(id), None, get));
        }
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

    /// The relay has answered something about mail.
    pub(super) async fn mail_confirmed(
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
        line.known_head = mailbox.head;
        // What was asked for while nothing was fetched is what comes next, in order; anything else is passed over.
        let mut last = self.memory.mail.head.cursor;
        let mut entries = mailbox.entries;
        entries.retain(|entry| {
            let next = entry.sequence > last;
            last = last.max(entry.sequence);
            next
        });
        line.due = false;
        line.arrived = entries.into();
        if line.arrived.is_empty() {
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
    pub(super) async fn mail_rejected(
        &mut self,
        purpose: Purpose,
        rejection: &Rejection,
        now: Millis,
    ) -> Result<Vec<Event>, Error> {
        self.memory.mail.load_rest(&self.store).await?;
        let line = &mut self.memory.network.mail;
        match (purpose, rejection) {
            // Deleted meanwhile: a later entry says so.
            (Purpose::MailBody(_), Rejection::Refused(Refusal::NotFound)) => {
                line.arrived.pop_front();
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
            (_, rejection) => {
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
                let phrase = match outcome {
                    Some(Outcome::Failed(why)) => why,
                    _ => "composing a mail".to_owned(),
                };
                let failure = Failure::Bug { phrase };
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
}

/// What the page asks.
impl<S: Store> Engine<S> {
    /// The folders.
    pub async fn mailbox(&mut self) -> Result<MailboxView, Error> {
        self.memory.mail.load_rest(&self.store).await?;
        Ok(self.memory.mailbox_view())
    }

    /// A page of a folder.
    pub async fn mail_folder(
        &mut self,
        folder: Folder,
        before: Option<(Millis, MailId)>,
        limit: usize,
    ) -> Result<MailPage, Error> {
        self.memory.mail.load_rest(&self.store).await?;
        Ok(self.memory.folder_page(folder, before, limit))
    }

    /// Threads in which a mail has all words of the query.
    pub async fn search_mail(&mut self, query: &str, limit: usize) -> Result<MailPage, Error> {
        self.memory.mail.load_rest(&self.store).await?;
        let search = Search::new(query);
        let mut found = BTreeSet::new();
        let mut after: Option<Vec<u8>> = None;
        while !search.is_empty() {
            let bodies = self.store.scan(Table::MailBodies, b"body", after.as_deref(), READ_AHEAD).await?;
            let Some((last, _)) = bodies.last() else { break };
            after = Some(last.clone());
            for (suffix, value) in &bodies {
                let body: Body = haven_wire::decode(value).map_err(|_| StoreError::Damaged)?;
                let id = suffix.as_slice().try_into().map(MailId).map_err(|_| StoreError::Damaged)?;
                let record = self.memory.mail.records.get(&id);
                if record.is_some_and(|record| search.finds(record, &body.opened.text)) {
                    found.insert(id);
                }
            }
        }
        Ok(self.memory.found_page(&found, limit))
    }

    /// The mails of a thread, oldest first.
    pub async fn mail_thread(&mut self, thread: ThreadId) -> Result<Vec<MailView>, Error> {
        self.memory.mail.load_rest(&self.store).await?;
        let mut views = Vec::new();
        for summary in self.memory.thread_summaries(thread) {
            let view = match self.memory.unsent_view(summary.id) {
                Some(view) => Some(view),
                None => self.body(summary.id).await?.and_then(|body| self.memory.mail_view(summary.id, body)),
            };
            views.extend(view);
        }
        for view in &views {
            self.memory.doubt(view.summary.id, &view.signature);
        }
        Ok(views)
    }

    /// A draft.
    pub async fn draft(&mut self, id: MailId) -> Result<Option<Draft>, Error> {
        self.memory.mail.load_rest(&self.store).await?;
        Ok(self.memory.mail.drafts.get(&id).map(|stored| stored.draft.clone()))
    }

    /// What will happen to a mail for these recipients. Nothing: the relay is asked, and the answer comes later.
    pub async fn recipients(
        &mut self,
        addresses: &[String],
        now: Millis,
    ) -> Result<Option<Vec<RecipientState>>, Error> {
        self.refresh(now).await?;
        self.memory.mail.load_rest(&self.store).await?;
        let unknown = self.memory.unknown_addresses(addresses.iter(), now);
        self.memory.network.mail.wanted.extend(unknown);
        Ok(self.memory.recipients(addresses, now))
    }

    /// What is known now of what will happen to a mail for these recipients.
    pub fn recipients_so_far(&self, addresses: &[String], now: Millis) -> Vec<RecipientState> {
        self.memory.recipients_so_far(addresses, now)
    }

    /// A file of a mail that waits, or the entry of the mailbox that an attachment has to be taken out of.
    pub async fn attachment(&mut self, mail: MailId, part: u32) -> Result<Option<Attachment>, Error> {
        self.memory.mail.load_rest(&self.store).await?;
        let mut mail = mail;
        if let Some(sending) = self.memory.mail.sending.get(&mail) {
            let given = sending.draft.files.iter().any(|file| file.id == part);
            match sending.draft.draft.about {
                Some((forwarded, _)) if !given => mail = forwarded,
                _ => {
                    let file = sending.draft.draft.attachments.iter().find(|file| file.id == part);
                    let name = file.map(|file| file.name.clone()).unwrap_or_default();
                    let bytes = self.file(mail, part).await?;
                    let (lock, signature) = (FileLock::None, Signature::None);
                    return Ok(Some(Attachment::Here(OpenedFile { name, bytes, lock, signature })));
                }
            }
        }
        let record = self.memory.mail.records.get(&mail);
        Ok(record.map(|record| Attachment::At(record.sequence)))
    }

    /// The entry of the mailbox that a mail is in. Nothing while it waits to be sent.
    pub async fn entry(&mut self, mail: MailId) -> Result<Option<u64>, Error> {
        self.memory.mail.load_rest(&self.store).await?;
        Ok(self.memory.mail.records.get(&mail).map(|record| record.sequence))
    }

    /// What looks into the entries of the mailbox.
    pub fn opener(&self, now: Millis) -> Opener {
        let own = self.memory.account.vault.certificate.clone();
        Opener { own, known: self.known_certificates(), now }
    }
}

/// Makes the work of looking into entries of the mailbox, by their bodies.
pub struct Opener {
    own: Secret,
    known: Vec<KnownCertificate>,
    now: Millis,
}

impl Opener {
    /// Taking out an attachment.
    pub fn attachment(&self, body: Vec<u8>, part: u32) -> Work {
        self.work(Task::Attachment { body, part, known: self.known.clone() })
    }

    /// Showing the HTML with pictures from elsewhere.
    pub fn pictures(&self, body: Vec<u8>, fetched: Vec<FetchedPicture>) -> Work {
        self.work(Task::Pictures { body, fetched })
    }

    /// Giving the mail as it came.
    pub fn source(&self, body: Vec<u8>) -> Work {
        self.work(Task::Source { body })
    }

    /// Reading the text of what was refused as not intact.
    pub fn unchecked(&self, body: Vec<u8>) -> Work {
        self.work(Task::Unchecked { body })
    }

    fn work(&self, task: Task) -> Work {
        Work { own: self.own.clone(), now: self.now, task }
    }
}

/// Where an attachment is.
#[derive(Debug)]
pub enum Attachment {
    /// Itself.
    Here(OpenedFile),
    /// In the entry of this sequence number.
    At(u64),
}

fn needs_opening(entry: &MailboxEntry) -> bool {
    matches!(entry.kind, EntryKind::Arrived | EntryKind::Sent | EntryKind::Delivery)
}

fn needs_body(entry: &MailboxEntry) -> bool {
    entry.body.is_none() && entry.kind != EntryKind::Deleted
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
