//! Mails that wait to be sent, step by step: find certificates, compose, hand over to the relay.

use super::{
    Ready, arrive, drafts,
    keyring::{AddressKeys, Choice},
    records::*,
    work::{Forwarded, Task},
};
use crate::{
    Error, Millis,
    identity::address::domain,
    mail::{Composed, File, KnownCertificate, Letter, Opened},
    memory::{Batch, Memory},
    store::Table,
};
use haven_bridge::{
    Event, Failure,
    mail::{About, Folder, MailId, Mailbox, Outlook, Protection, SenderCheck},
};
use haven_wire::{ids::MessageId, mail as wire};

/// The next thing to do with a mail that waits.
#[derive(Clone, Debug)]
pub enum Step {
    /// Find certificates of these addresses.
    Find(Vec<String>),
    /// Fetch the entry of this sequence number, whose attachments are sent on.
    Fetch(u64),
    /// Make the mail.
    Compose,
    /// Hand it over.
    Submit,
    /// It can't be sent as the person wants it.
    Fail(Failure),
}

impl Memory {
    /// The mail to go on with, and how. One at a time, in the order in which they were sent.
    pub fn next_mail(&self, now: Millis) -> Option<(MailId, Step)> {
        let goes_on = |sending: &&Sending| sending.failed.is_none() && !sending.wanted_back;
        let waiting = self.mail.sending.values().filter(goes_on);
        let sending = waiting.min_by_key(|sending| sending.time)?;
        let id = sending.draft.id;
        if self.network.mail.composed.contains_key(&id) {
            return Some((id, Step::Submit));
        }
        let addresses: Vec<String> =
            drafts::recipients(&sending.draft.draft).map(|to| to.address.clone()).collect();
        let mut unknown = self.unknown_addresses(addresses.iter(), now);
        if sending.in_the_clear {
            // The person would not wait for a place that doesn't answer: once is enough.
            unknown.retain(|address| {
                self.mail.keys(address).and_then(AddressKeys::last_tried) < Some(sending.time)
            });
        }
        unknown.extend(self.stale_addresses(addresses.iter(), now));
        if !unknown.is_empty() {
            return Some((id, Step::Find(unknown)));
        }
        let nobody = |address: &&String| matches!(self.choose(address, now), Choice::Not(Outlook::Nobody));
        if let Some(address) = addresses.iter().find(nobody) {
            return Some((id, Step::Fail(Failure::MailRecipientUnknown { address: address.clone() })));
        }
        match self.certificates(&addresses, now) {
            Err(address) if !sending.in_the_clear => {
                Some((id, Step::Fail(Failure::MailNotEncryptable { address })))
            }
            _ => Some((id, self.compose_or_fetch(sending))),
        }
    }

    fn compose_or_fetch(&self, sending: &Sending) -> Step {
        let fetched = self.network.mail.forwarded.contains_key(&sending.draft.id);
        if sending.draft.forwarded_parts().is_empty() || fetched {
            return Step::Compose;
        }
        let about = sending.draft.draft.about.and_then(|(mail, _)| self.mail.records.get(&mail));
        about.map_or(Step::Fail(Failure::NotFound), |record| Step::Fetch(record.sequence))
    }

    /// A certificate for each address, or the first address that has none.
    fn certificates(&self, addresses: &[String], now: Millis) -> Result<Vec<KnownCertificate>, String> {
        let certificate = |address: &String| match self.choose(address, now) {
            Choice::Encrypt(known) => {
                Ok(KnownCertificate { address: address.clone(), certificate: known.certificate })
            }
            Choice::Not(_) => Err(address.clone()),
        };
        addresses.iter().map(certificate).collect()
    }

    /// What is to be composed; nothing if it would go in the clear without the person having said so. `about` is the mail that it answers, `files` are the bytes of the draft's files.
    pub fn compose_task(
        &self,
        id: MailId,
        about: Option<Body>,
        files: Vec<Vec<u8>>,
        now: Millis,
    ) -> Option<Task> {
        let sending = self.mail.sending.get(&id)?;
        let draft = &sending.draft.draft;
        let addresses: Vec<String> = drafts::recipients(draft).map(|to| to.address.clone()).collect();
        let (in_reply_to, references) = answers(draft.about, about.as_ref().map(|body| &body.opened));
        let file = |(file, bytes): (&haven_bridge::mail::DraftFile, Vec<u8>)| File {
            name: file.name.clone(),
            media_type: file.media_type.clone(),
            bytes,
        };
        let letter = Letter {
            message_id: message_id(id, &self.account.address),
            date: sending.time,
            from: Mailbox { name: String::new(), address: self.account.address.clone() },
            to: draft.to.clone(),
            cc: draft.cc.clone(),
            bcc: draft.bcc.clone(),
            subject: arrive::one_line(&draft.subject),
            text: draft.text.clone(),
            formatted: draft.formatted,
            in_reply_to,
            references,
            files: draft.attachments.iter().zip(files).map(file).collect(),
        };
        let parts = sending.draft.forwarded_parts();
        let body = self.network.mail.forwarded.get(&id).cloned();
        let certificates = self.certificates(&addresses, now).ok();
        if certificates.is_none() && !sending.in_the_clear {
            return None;
        }
        Some(Task::Compose {
            letter: Box::new(letter),
            certificates,
            forwarded: body.map(|body| Forwarded { body, parts }),
        })
    }

    /// A mail is composed. That the relay may have it from now on is stored before it gets it.
    pub fn mail_composed(&mut self, batch: &mut Batch, id: MailId, composed: Composed) -> Result<(), Error> {
        let Some(sending) = self.mail.sending.get(&id) else { return Ok(()) };
        let bcc = sending.draft.draft.bcc.clone();
        let note = if bcc.is_empty() { None } else { Some(self.blind_copies(id, bcc)?) };
        let noted = sending.submitted;
        let sending = Sending { submitted: true, ..sending.clone() };
        let messages = composed.messages.into_iter();
        let submit = wire::SubmitMail {
            id: MessageId(id.0),
            messages: messages
                .map(|(recipients, message)| wire::OutgoingMail { recipients, message })
                .collect(),
            kept: composed.kept,
            note,
        };
        self.network
            .mail
            .composed
            .insert(id, Ready { submit, encrypted: composed.encrypted, unstorable: false });
        if noted { Ok(()) } else { self.put_sending(batch, sending) }
    }

    /// Its id comes from the mail's: a mail that is submitted again brings the same.
    fn blind_copies(&self, id: MailId, bcc: Vec<Mailbox>) -> Result<wire::Note, Error> {
        let note_id = derived("haven blind copies 1\n", &id.0);
        let note = Note::BlindCopies { mail: id, bcc };
        self.seal_note(&WaitingNote { id: MessageId(note_id), note })
    }

    /// The relay has taken a mail.
    pub fn mail_submitted(&mut self, batch: &mut Batch, id: MailId, sequence: u64) -> Result<(), Error> {
        let composed = self.network.mail.composed.get(&id).map(|ready| ready.encrypted);
        let Some(sending) = self.end_sending(batch, id)? else { return Ok(()) };
        drafts::delete_files(batch, &sending.draft)?;
        // One that was wanted back may not have been composed since the start; its entry tells.
        let encrypted = composed.unwrap_or(!sending.in_the_clear);
        if sending.wanted_back {
            batch.events.push(Event::MailTakenBack { mail: id, draft: None });
        }
        self.network.mail.due = true;
        if self.mail.records.contains_key(&id) {
            // After a lost answer it was met in the mailbox first, which knows more of it.
            return Ok(());
        }
        let record = self.sent_record(&sending, sequence, encrypted);
        let body = Body {
            opened: sent_body(&sending, &record, &self.account.address),
            bcc: sending.draft.draft.bcc,
        };
        batch.record(&record)?;
        batch.put(Table::MailBodies, b"body", id.0.to_vec(), Some(&body))?;
        self.mail.remember(record);
        Ok(())
    }

    fn sent_record(&self, sending: &Sending, sequence: u64, encrypted: bool) -> Record {
        let draft = &sending.draft.draft;
        let id = sending.draft.id;
        let message_id = message_id(id, &self.account.address);
        Record {
            id,
            sequence,
            thread: self.thread_when_sent(&sending.draft),
            message_id: Some(message_id),
            folder: Folder::Sent,
            came_from: None,
            from: Mailbox { name: String::new(), address: self.account.address.clone() },
            to: draft.to.iter().chain(&draft.cc).cloned().collect(),
            subject: arrive::one_line(&draft.subject),
            snippet: arrive::snippet(&draft.text),
            time: sending.time,
            seen: true,
            own: true,
            attachments: u32::try_from(draft.attachments.len()).unwrap_or(u32::MAX),
            protection: if encrypted { Protection::EndToEnd } else { Protection::Clear },
            deliveries: arrive::underway(drafts::recipients(draft)),
        }
    }

    /// The relay didn't take a mail now, because it can't store it or for another reason.
    pub fn mail_held_up(&mut self, batch: &mut Batch, id: MailId, unstorable: bool) {
        if let Some(ready) = self.network.mail.composed.get_mut(&id)
            && ready.unstorable != unstorable
        {
            ready.unstorable = unstorable;
            batch.mail = true;
        }
    }

    /// A mail can't be sent, for a reason that trying again by itself won't change.
    pub fn mail_failed(&mut self, batch: &mut Batch, id: MailId, failure: Failure) -> Result<(), Error> {
        self.network.mail.composed.remove(&id);
        let Some(sending) = self.mail.sending.get(&id) else { return Ok(()) };
        let failed = Sending { failed: Some(failure), submitted: false, ..sending.clone() };
        self.put_sending(batch, failed)
    }
}

/// The mails that an answer names: the one that it answers, and those which that one named.
fn answers(about: Option<(MailId, About)>, opened: Option<&Opened>) -> (Option<String>, Vec<String>) {
    const MOST: usize = 50;
    match (about, opened) {
        (Some((_, About::Answer)), Some(opened)) => {
            let mut references = opened.references.clone();
            if references.is_empty() {
                references.clone_from(&opened.in_reply_to);
            }
            references.extend(opened.message_id.clone());
            // The first names the thread, the last ones its end.
            if references.len() > MOST {
                references.drain(1..references.len() - MOST + 1);
            }
            (opened.message_id.clone(), references)
        }
        _ => (None, Vec::new()),
    }
}

/// The Message-ID of an own mail, without the brackets. It tells nothing, and is the same each time it is composed.
pub fn message_id(id: MailId, address: &str) -> String {
    let hex = MessageId(id.0).to_hex();
    format!("{hex}@{}", domain(address).unwrap_or("invalid"))
}

/// What is shown of a sent mail until its entry is read back from the mailbox.
fn sent_body(sending: &Sending, record: &Record, address: &str) -> Opened {
    let draft = &sending.draft.draft;
    Opened {
        message_id: record.message_id.clone(),
        from: vec![Mailbox { name: String::new(), address: address.into() }],
        to: draft.to.clone(),
        cc: draft.cc.clone(),
        subject: record.subject.clone(),
        date: Some(sending.time),
        protection: record.protection,
        sender: SenderCheck::Local,
        text: draft.text.clone(),
        attachments: drafts::attachments(draft),
        ..Opened::default()
    }
}
