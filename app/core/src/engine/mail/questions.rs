//! What the page asks about mail, which is answered from what is stored.

use super::super::Engine;
use crate::{
    Error, Millis,
    identity::Secret,
    mail::{FetchedPicture, KnownCertificate},
    mailbox::{
        Search,
        records::Body,
        work::{Task, Work},
    },
    store::{Store, StoreError, Table},
};
use haven_bridge::mail::{
    Draft, FileLock, Folder, MailId, MailPage, MailView, MailboxView, OpenedFile, RecipientState, Signature,
    ThreadId,
};
use std::collections::BTreeSet;

/// Mails that a search reads at a time.
const READ_AHEAD: usize = 256;

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
                    let bytes = self.file(&sending.draft, part).await?;
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
        Opener { own, known: self.memory.signers(), now }
    }
}

/// Makes the work of looking into entries of the mailbox, by their bodies, and at what is being written.
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

    /// Showing how a formatted text looks.
    pub fn preview(&self, text: String) -> Work {
        self.work(Task::Preview { text })
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
