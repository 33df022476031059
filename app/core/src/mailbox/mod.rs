//! A person's mail on this device: what was read from the mailbox, drafts, and what waits to be sent.
//!
//! The mailbox at the relay is the truth: a log that all of a person's devices read in order ([`arrive`]). What a
//! device does to mails (moving them, marking them) it does here at once and leaves as a note in that log ([`notes`]),
//! so that the last note wins everywhere. Drafts stay on the device ([`drafts`]) until they are sent ([`send`]).
//!
//! Opening and composing mail takes long and much memory, and is done outside the engine: it hands out [`work`], as it
//! hands out requests, and takes the results.

pub mod address;
pub mod arrive;
pub mod correspondents;
pub mod drafts;
pub mod judge;
pub mod keyring;
pub mod notes;
pub mod records;
pub mod send;
mod views;
mod wishes;
pub mod work;

pub use views::Search;

use crate::{
    Error, Millis,
    memory::{Batch, Memory, load},
    network::Retry,
    store::{SealedStore, Store, Table},
};
use correspondents::Correspondents;
use haven_bridge::mail::{MailId, ThreadId};
use haven_wire::{ids::MessageId, mail::MailboxEntry};
use keyring::AddressKeys;
use records::*;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// The mailbox is looked at so often, while no hint comes.
pub const POLL: Millis = 60_000;

/// Everything about mail that is in memory.
#[derive(Default)]
pub struct MailMemory {
    /// How far the mailbox was read.
    pub head: Head,
    /// Mails that wait to be sent.
    pub sending: BTreeMap<MailId, Sending>,
    /// Notes that the relay doesn't have yet.
    pub notes: BTreeMap<MessageId, WaitingNote>,
    /// Entries that are to be deleted at the relay.
    pub deletions: BTreeSet<u64>,
    /// Mails, drafts and certificates: read when mail is first needed.
    loaded: bool,
    /// All mails.
    pub records: BTreeMap<MailId, Record>,
    /// All drafts.
    pub drafts: BTreeMap<MailId, StoredDraft>,
    /// Certificates by address.
    pub addresses: BTreeMap<String, AddressKeys>,
    /// Whom the person wrote to.
    pub correspondents: Correspondents,
    /// Threads by the Message-IDs of their mails.
    threads: BTreeMap<String, ThreadId>,
}

/// What is under way with the mailbox. Nothing of it is stored.
#[derive(Debug, Default)]
pub struct MailLine {
    /// Whether the mailbox should be read.
    pub due: bool,
    /// The last entry that the relay spoke of.
    pub known_head: u64,
    /// Whether it spoke of one since the mailbox was last asked for.
    pub hinted: bool,
    /// When the mailbox was last asked for.
    pub polled: Millis,
    /// When to try again after a failure.
    pub retry: Retry,
    /// Entries that were fetched and not taken in yet.
    pub arrived: VecDeque<MailboxEntry>,
    /// How often the first of them could not be opened because the work failed.
    pub failures: u32,
    /// Whether the relay was asked, since the start, what it does with mail of other servers.
    pub asked_outside: bool,
    /// Mails that are encrypted and wait for the relay.
    pub composed: BTreeMap<MailId, Ready>,
    /// Bodies of mails that are forwarded with their attachments, by the mail that waits.
    pub forwarded: BTreeMap<MailId, Vec<u8>>,
    /// When to try again to find certificates of an address.
    pub searches: BTreeMap<String, Retry>,
    /// Addresses whose certificates somebody wants to know.
    pub wanted: BTreeSet<String>,
    /// Mails on the screen whose signature may be known by now.
    pub doubted: BTreeSet<MailId>,
    /// Those among them that were judged again since the start. Once is enough.
    pub judged: BTreeSet<MailId>,
    /// The body of the one that is judged next.
    pub to_judge: Option<(MailId, Vec<u8>)>,
}

/// A mail that is ready for the relay.
#[derive(Debug)]
pub struct Ready {
    /// The call.
    pub submit: haven_wire::mail::SubmitMail,
    /// Whether it is encrypted.
    pub encrypted: bool,
    /// Whether the relay said last that it can't store it now.
    pub unstorable: bool,
}

impl MailMemory {
    /// Reads what is under way.
    pub async fn load<S: Store>(store: &SealedStore<S>) -> Result<Self, Error> {
        let mut mail = Self::default();
        for (_, under_way) in load::<UnderWay, S>(store, Table::Mail, b"under way").await? {
            match under_way {
                UnderWay::Head(head) => mail.head = head,
                UnderWay::Sending(sending) => _ = mail.sending.insert(sending.draft.id, *sending),
                UnderWay::Note(note) => _ = mail.notes.insert(note.id, note),
                UnderWay::Deletion(sequence) => _ = mail.deletions.insert(sequence),
            }
        }
        Ok(mail)
    }

    /// Reads mails, drafts and certificates, if that wasn't done yet.
    pub async fn load_rest<S: Store>(&mut self, store: &SealedStore<S>) -> Result<(), Error> {
        if self.loaded {
            return Ok(());
        }
        for (_, record) in load::<Record, S>(store, Table::Mail, b"record").await? {
            self.remember(record);
        }
        for (_, draft) in load::<StoredDraft, S>(store, Table::Mail, b"draft").await? {
            self.drafts.insert(draft.id, draft);
        }
        for (_, keys) in load::<AddressKeys, S>(store, Table::Contacts, b"mail keys").await? {
            self.addresses.insert(keys.address.clone(), keys);
        }
        self.correspondents.take_changed();
        self.loaded = true;
        Ok(())
    }

    fn remember(&mut self, record: Record) {
        if let Some(id) = &record.message_id {
            self.threads.insert(id.clone(), record.thread);
        }
        if let Some(old) = self.records.get(&record.id) {
            self.correspondents.take_out(old);
        }
        self.correspondents.add(&record);
        self.records.insert(record.id, record);
    }

    fn forget(&mut self, id: MailId) -> Option<Record> {
        let record = self.records.remove(&id)?;
        self.correspondents.take_out(&record);
        if let Some(id) = &record.message_id {
            self.threads.remove(id);
        }
        Some(record)
    }
}

impl Batch {
    /// Writes what is under way.
    pub fn under_way(&mut self, what: &UnderWay) -> Result<(), Error> {
        self.mail = true;
        self.put(Table::Mail, b"under way", what.suffix(), Some(what))
    }

    /// It is over.
    fn over(&mut self, what: &UnderWay) -> Result<(), Error> {
        self.mail = true;
        self.put::<UnderWay>(Table::Mail, b"under way", what.suffix(), None)
    }

    /// Writes a mail's record.
    fn record(&mut self, record: &Record) -> Result<(), Error> {
        self.mail = true;
        self.put(Table::Mail, b"record", record.id.0.to_vec(), Some(record))
    }

    /// Deletes a mail.
    fn delete_record(&mut self, id: MailId) -> Result<(), Error> {
        self.mail = true;
        self.put::<Record>(Table::Mail, b"record", id.0.to_vec(), None)?;
        self.put::<Body>(Table::MailBodies, b"body", id.0.to_vec(), None)
    }

    /// Writes or deletes a draft.
    fn draft(&mut self, id: MailId, draft: Option<&StoredDraft>) -> Result<(), Error> {
        self.mail = true;
        self.put(Table::Mail, b"draft", id.0.to_vec(), draft)
    }
}

impl Memory {
    /// Changes a mail, if it is here, and stores it.
    fn change_record(
        &mut self,
        batch: &mut Batch,
        id: MailId,
        change: impl FnOnce(&mut Record),
    ) -> Result<(), Error> {
        let MailMemory { records, correspondents, .. } = &mut self.mail;
        match records.get_mut(&id) {
            Some(record) => {
                correspondents.take_out(record);
                change(record);
                correspondents.add(record);
                batch.record(record)
            }
            None => Ok(()),
        }
    }
}
