//! Entries of the mailbox, taken in in the order of their numbers.

use super::{records::*, work::OpenedEntry};
use crate::{
    Error, Millis,
    identity::address::domain,
    mail::{
        Opened,
        status::{Action, RecipientStatus, StatusReport},
    },
    memory::{Batch, Memory},
    store::Table,
};
use haven_bridge::mail::{
    Delivery, DeliveryState, Folder, MailId, MailTrouble, Mailbox, SenderCheck, ThreadId,
};
use haven_wire::mail::{DeliveryReport, EntryKind, MailboxEntry, Outcome};
use std::collections::BTreeMap;

/// The start of the text that lists show, in characters.
const SNIPPET: usize = 160;

/// An entry with what was in it.
pub struct Taken<'a> {
    /// The entry.
    pub entry: &'a MailboxEntry,
    /// What was opened; nothing for what needs no opening.
    pub opened: Option<OpenedEntry>,
    /// What is stored of it already, of an own mail.
    pub stored: Option<Body>,
}

impl Memory {
    /// Takes entries in, and moves the cursor.
    pub fn take_entries(
        &mut self,
        batch: &mut Batch,
        entries: Vec<Taken<'_>>,
        now: Millis,
    ) -> Result<(), Error> {
        // An own mail and who got blind copies of it come together.
        let mut own = BTreeMap::new();
        for Taken { entry, opened, stored } in entries {
            let id = MailId(entry.id.0);
            match (entry.kind, opened) {
                (EntryKind::Arrived, Some(OpenedEntry::Mail(opened))) => {
                    self.take_mail(batch, entry, *opened, Vec::new(), now)?;
                }
                (EntryKind::Sent, Some(OpenedEntry::Mail(opened))) => {
                    let bcc = stored.map(|body| body.bcc).unwrap_or_default();
                    let body = self.take_mail(batch, entry, *opened, bcc, now)?;
                    own.insert(id, body);
                }
                (EntryKind::Arrived | EntryKind::Sent, _) => {
                    self.take_mail(batch, entry, unopened(MailTrouble::NoKey), Vec::new(), now)?;
                }
                (EntryKind::Delivery, Some(OpenedEntry::Bytes(bytes))) => self.take_report(batch, &bytes)?,
                (EntryKind::Note, _) => self.take_note(batch, entry, stored, &own)?,
                (EntryKind::Deleted, _) => {
                    if self.mail.forget(id).is_some() {
                        batch.delete_record(id)?;
                    }
                }
                // The device that took it back knows.
                (EntryKind::Delivery | EntryKind::Withdrawn, _) => {}
            }
            self.mail.head.cursor = entry.sequence;
        }
        batch.under_way(&UnderWay::Head(self.mail.head.clone()))
    }

    fn take_mail(
        &mut self,
        batch: &mut Batch,
        entry: &MailboxEntry,
        opened: Opened,
        bcc: Vec<Mailbox>,
        now: Millis,
    ) -> Result<Body, Error> {
        let own = entry.kind == EntryKind::Sent;
        let id = MailId(entry.id.0);
        let known = self.mail.records.get(&id).cloned();
        let mut record = self.new_record(entry, &opened, now);
        match known {
            // An own mail is here since it was sent; now its place in the mailbox and its parts are known.
            Some(known) => {
                let Record { folder, came_from, seen, deliveries, time, .. } = known;
                record = Record { folder, came_from, seen, deliveries, time, ..record };
            }
            None if own => record.deliveries = underway(everybody(&opened, &bcc)),
            // What is in the junk says nothing of anybody.
            None if record.folder != Folder::Junk => {
                let sender = (record.from.address.as_str(), opened.sender);
                self.offered_certificates(batch, &opened.keys, sender, record.time)?;
                if let Some(report) = &opened.status {
                    self.take_status(batch, report)?;
                }
            }
            None => {}
        }
        batch.record(&record)?;
        let body = Body { opened, bcc };
        batch.put(Table::MailBodies, b"body", id.0.to_vec(), Some(&body))?;
        self.mail.remember(record);
        Ok(body)
    }

    fn new_record(&self, entry: &MailboxEntry, opened: &Opened, now: Millis) -> Record {
        let own = entry.kind == EntryKind::Sent;
        let from = opened.from.first().cloned().unwrap_or_default();
        let time = if own { opened.date } else { opened.received.or(opened.date) };
        let junk = opened.sender == SenderCheck::Failed || self.is_blocked(&from.address);
        Record {
            id: MailId(entry.id.0),
            sequence: entry.sequence,
            message_id: opened.message_id.clone(),
            thread: self.thread(opened, MailId(entry.id.0)),
            folder: match (own, junk) {
                (true, _) => Folder::Sent,
                (false, true) => Folder::Junk,
                (false, false) => Folder::Inbox,
            },
            came_from: None,
            from,
            to: opened.to.iter().chain(&opened.cc).cloned().collect(),
            subject: one_line(&opened.subject),
            snippet: snippet(&opened.text),
            time: time.unwrap_or(now),
            seen: own,
            own,
            attachments: u32::try_from(opened.attachments.len()).unwrap_or(u32::MAX),
            protection: opened.protection,
            deliveries: Vec::new(),
        }
    }

    fn is_blocked(&self, address: &str) -> bool {
        self.contacts.values().any(|contact| contact.blocked && contact.address.eq_ignore_ascii_case(address))
    }

    /// The thread of the mails that it names, if one of them is here; or the one that all would share that name the
    /// same first mail.
    fn thread(&self, opened: &Opened, id: MailId) -> ThreadId {
        let reported = opened.status.as_ref().map(|report| &report.message_id);
        let named = opened.references.iter().rev().chain(&opened.in_reply_to).chain(reported);
        if let Some(thread) = named.filter_map(|id| self.mail.threads.get(id)).next() {
            return *thread;
        }
        let root = opened.references.first().or(opened.in_reply_to.first()).or(opened.message_id.as_ref());
        root.map_or(ThreadId(id.0), |root| thread_of(root))
    }

    fn take_note(
        &mut self,
        batch: &mut Batch,
        entry: &MailboxEntry,
        stored: Option<Body>,
        own: &BTreeMap<MailId, Body>,
    ) -> Result<(), Error> {
        self.notes_taken(batch, &[entry.id])?;
        let sealed = entry.body.as_deref().map(Vec::as_slice).unwrap_or_default();
        let Some(note) = self.open_note(entry.id, sealed) else { return Ok(()) };
        if let Note::BlindCopies { mail, bcc } = &note
            && let Some(body) = own.get(mail).cloned().or(stored)
        {
            let body = Body { bcc: bcc.clone(), ..body };
            batch.put(Table::MailBodies, b"body", mail.0.to_vec(), Some(&body))?;
            let deliveries = underway(everybody(&body.opened, bcc));
            return self.change_record(batch, *mail, |mail| {
                let known = |new: &Delivery| mail.deliveries.iter().any(|old| old.address == new.address);
                let new: Vec<_> = deliveries.into_iter().filter(|new| !known(new)).collect();
                mail.deliveries.extend(new);
            });
        }
        self.apply_note(batch, &note)
    }

    fn take_report(&mut self, batch: &mut Batch, bytes: &[u8]) -> Result<(), Error> {
        let Ok(report) = haven_wire::decode::<DeliveryReport>(bytes) else { return Ok(()) };
        let state = match report.outcome {
            Outcome::Delivered => DeliveryState::Delivered,
            Outcome::Relayed => DeliveryState::Relayed,
            Outcome::Delayed { reason } => DeliveryState::Delayed { reason: one_line(&reason) },
            Outcome::Failed { reason } => DeliveryState::Failed { reason: one_line(&reason) },
        };
        self.change_record(batch, MailId(report.id.0), |mail| {
            for address in report.recipients {
                let delivery = mail.deliveries.iter_mut().find(|d| d.address.eq_ignore_ascii_case(&address));
                match delivery {
                    Some(delivery) => delivery.state = state.clone(),
                    None => mail.deliveries.push(Delivery { address, state: state.clone() }),
                }
            }
        })
    }

    /// What a server reports that the mail went to or through. It says nothing of those whom the own relay delivers to.
    fn take_status(&mut self, batch: &mut Batch, report: &StatusReport) -> Result<(), Error> {
        let about = |mail: &&Record| mail.own && mail.message_id.as_ref() == Some(&report.message_id);
        let Some(id) = self.mail.records.values().find(about).map(|mail| mail.id) else { return Ok(()) };
        let own_domain = domain(&self.account.address).ok().map(str::to_ascii_lowercase);
        self.change_record(batch, id, |mail| {
            for delivery in &mut mail.deliveries {
                let is_named = |status: &&RecipientStatus| {
                    status.addresses.iter().any(|address| address.eq_ignore_ascii_case(&delivery.address))
                };
                let here = domain(&delivery.address).ok().map(str::to_ascii_lowercase) == own_domain;
                if let Some(status) = report.recipients.iter().find(is_named).filter(|_| !here) {
                    let reason = one_line(&status.reason);
                    delivery.state = match status.action {
                        Action::Failed => DeliveryState::Failed { reason },
                        Action::Delayed => DeliveryState::Delayed { reason },
                        Action::Delivered => DeliveryState::Delivered,
                    };
                }
            }
        })
    }
}

/// What stands for a mail that can't be opened.
pub fn unopened(trouble: MailTrouble) -> Opened {
    Opened { trouble: Some(trouble), ..Opened::default() }
}

/// Nothing has become of it yet.
pub fn underway<'a>(recipients: impl Iterator<Item = &'a Mailbox>) -> Vec<Delivery> {
    recipients.map(|to| Delivery { address: to.address.clone(), state: DeliveryState::Underway }).collect()
}

fn everybody<'a>(opened: &'a Opened, bcc: &'a [Mailbox]) -> impl Iterator<Item = &'a Mailbox> {
    opened.to.iter().chain(&opened.cc).chain(bcc)
}

/// The start of a text, on one line, without what it quotes.
pub fn snippet(text: &str) -> String {
    let own = text.lines().filter(|line| !line.starts_with('>'));
    let words = own.flat_map(str::split_whitespace);
    let mut snippet = String::new();
    for word in words {
        if snippet.chars().count() >= SNIPPET {
            break;
        }
        if !snippet.is_empty() {
            snippet.push(' ');
        }
        snippet.extend(word.chars().take(SNIPPET));
    }
    snippet
}

/// A text on one line.
pub fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
