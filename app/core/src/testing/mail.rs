//! Mail at the relay in memory: the rules of the real one for mailboxes, sending and finding certificates.

use haven_wire::{Refusal, ids::MessageId, keys::DirectoryEntry, limits::MAX_INLINE_MAIL, mail::*};
use sequoia_openpgp::{
    Cert,
    parse::Parse as _,
    policy::StandardPolicy,
    serialize::stream::{Encryptor, LiteralWriter, Message},
};
use std::{collections::BTreeMap, io::Write as _};

/// All mailboxes of the relay.
#[derive(Clone, Default)]
pub struct Mailboxes {
    boxes: BTreeMap<String, Entries>,
    counter: u128,
    /// Mails to other domains: recipient and message.
    pub outside: Vec<(String, Vec<u8>)>,
    /// Certificates of other domains, as WKD would find them.
    pub wkd: BTreeMap<String, Vec<u8>>,
    /// Whether a place where certificates of other domains may be doesn't answer.
    pub silent: bool,
}

#[derive(Clone, Default)]
struct Entries {
    refused: RefusedMail,
    head: u64,
    entries: Vec<MailboxEntry>,
}

impl Entries {
    fn append(&mut self, kind: EntryKind, id: MessageId, body: Option<Vec<u8>>) -> u64 {
        self.head += 1;
        let size = body.as_ref().map_or(0, Vec::len) as u64;
        let body = body.map(Into::into);
        self.entries.push(MailboxEntry { sequence: self.head, kind, id, size, body });
        self.head
    }

    fn find(&self, kind: EntryKind, id: MessageId) -> Option<u64> {
        let mut entries = self.entries.iter();
        entries.find(|entry| entry.kind == kind && entry.id == id).map(|entry| entry.sequence)
    }
}

impl Mailboxes {
    /// Reads a mailbox.
    pub fn read(&self, address: &str, call: &GetMailbox) -> Mailbox {
        let nothing = Entries::default();
        let all = self.boxes.get(address).unwrap_or(&nothing);
        let inline = |entry: &MailboxEntry| {
            let short = entry.size <= MAX_INLINE_MAIL as u64;
            MailboxEntry { body: entry.body.clone().filter(|_| short), ..entry.clone() }
        };
        let entries = all.entries.iter().filter(|entry| entry.sequence > call.after);
        Mailbox {
            entries: entries.take(call.limit as usize).map(inline).collect(),
            head: all.head,
            used: all.entries.iter().map(|entry| entry.size).sum(),
            quota: 1 << 30,
            refused: all.refused,
        }
    }

    /// Reads a body.
    pub fn body(&self, address: &str, call: &GetMail) -> Result<MailBody, Refusal> {
        let entries = self.boxes.get(address).map(|all| &all.entries[..]).unwrap_or_default();
        let entry = entries.iter().find(|entry| entry.sequence == call.sequence);
        let body = entry.and_then(|entry| entry.body.clone()).ok_or(Refusal::NotFound)?;
        Ok(MailBody { body: body.into_vec() })
    }

    /// Takes notes.
    pub fn put_notes(&mut self, address: &str, call: PutNotes) -> MailboxHead {
        let all = self.boxes.entry(address.into()).or_default();
        for note in call.notes {
            if all.find(EntryKind::Note, note.id).is_none() {
                all.append(EntryKind::Note, note.id, Some(note.sealed));
            }
        }
        MailboxHead { head: all.head }
    }

    /// Deletes entries.
    pub fn delete(&mut self, address: &str, call: &DeleteMail) -> MailboxHead {
        let all = self.boxes.entry(address.into()).or_default();
        let (gone, kept): (Vec<_>, Vec<_>) = std::mem::take(&mut all.entries)
            .into_iter()
            .partition(|entry| call.sequences.contains(&entry.sequence));
        all.entries = kept;
        for entry in gone {
            all.append(EntryKind::Deleted, entry.id, None);
        }
        MailboxHead { head: all.head }
    }

    /// Sends a mail: at once, as nothing is between the people of one relay. Elsewhere, nobody is `nobody`.
    pub fn submit(
        &mut self,
        address: &str,
        call: SubmitMail,
        people: &BTreeMap<String, DirectoryEntry>,
    ) -> Result<Submitted, Refusal> {
        let all = self.boxes.entry(address.into()).or_default();
        if all.find(EntryKind::Withdrawn, call.id).is_some() {
            return Err(Refusal::NotFound);
        }
        if let Some(sequence) = all.find(EntryKind::Sent, call.id) {
            return Ok(Submitted { sequence });
        }
        let own = people.get(address).ok_or(Refusal::NotFound)?;
        let kept = &call.messages[call.kept as usize].message;
        let sealed = seal(&own.certificate, kept);
        let all = self.boxes.entry(address.into()).or_default();
        let sequence = all.append(EntryKind::Sent, call.id, Some(sealed));
        if let Some(note) = call.note {
            all.append(EntryKind::Note, note.id, Some(note.sealed));
        }
        let time = 1_790_000_000;
        for OutgoingMail { recipients, message } in call.messages {
            for recipient in recipients {
                let outcome = match people.get(&recipient) {
                    Some(entry) => {
                        let results = b"Authentication-Results: relay.example.org; auth=pass\r\n";
                        self.arrive(&recipient, &entry.certificate, &[&results[..], &message].concat());
                        Outcome::Delivered
                    }
                    None if recipient.starts_with("nobody@") || recipient.ends_with("@example.org") => {
                        Outcome::Failed { reason: "nobody has this address".into() }
                    }
                    None => {
                        self.outside.push((recipient.clone(), message.clone()));
                        Outcome::Delivered
                    }
                };
                let report = DeliveryReport { id: call.id, recipients: vec![recipient], outcome, time };
                let sealed = seal(&own.certificate, &haven_wire::encode(&report).expect("a report"));
                let id = self.fresh();
                self.boxes.entry(address.into()).or_default().append(EntryKind::Delivery, id, Some(sealed));
            }
        }
        Ok(Submitted { sequence })
    }

    /// Takes a mail back, unless it was sent.
    pub fn withdraw(&mut self, address: &str, call: WithdrawMail) -> Withdrawal {
        let all = self.boxes.entry(address.into()).or_default();
        if let Some(sequence) = all.find(EntryKind::Sent, call.id) {
            return Withdrawal::Sent(Submitted { sequence });
        }
        if all.find(EntryKind::Withdrawn, call.id).is_none() {
            all.append(EntryKind::Withdrawn, call.id, Some(Vec::new()));
        }
        Withdrawal::Withdrawn
    }

    /// Counts a mail that was turned away because of its recipient's certificate.
    pub fn refuse(&mut self, address: &str, day: u64) {
        let refused = &mut self.boxes.entry(address.into()).or_default().refused;
        *refused = RefusedMail { count: refused.count + 1, last_day: day };
    }

    /// Puts a mail that arrived into a mailbox.
    pub fn arrive(&mut self, address: &str, certificate: &[u8], message: &[u8]) {
        let (id, sealed) = (self.fresh(), seal(certificate, message));
        self.boxes.entry(address.into()).or_default().append(EntryKind::Arrived, id, Some(sealed));
    }

    /// What is found of an address.
    pub fn find(&self, address: &str, people: &BTreeMap<String, DirectoryEntry>) -> FoundCertificates {
        let directory = people.get(address).map(|entry| (Source::Directory, entry.certificate.clone()));
        let wkd = self.wkd.get(address).map(|certificate| (Source::Wkd, certificate.clone()));
        let found = directory.into_iter().chain(wkd);
        let found = found.map(|(source, certificate)| FoundCertificate { source, certificate }).collect();
        FoundCertificates { found, incomplete: self.silent && !people.contains_key(address) }
    }

    fn fresh(&mut self) -> MessageId {
        self.counter += 1;
        MessageId((self.counter << 64 | 0xE0).to_be_bytes())
    }
}

/// Encrypts to a person's certificate, as the relay does with what arrives.
pub fn seal(certificate: &[u8], plain: &[u8]) -> Vec<u8> {
    let cert = Cert::from_bytes(certificate).expect("a certificate");
    let policy = StandardPolicy::new();
    let keys = cert.keys().with_policy(&policy, None).for_transport_encryption();
    let recipients: Vec<_> = keys.collect();
    let mut sealed = Vec::new();
    let message = Message::new(&mut sealed);
    let message = Encryptor::for_recipients(message, recipients).build().expect("an encryptor");
    let mut writer = LiteralWriter::new(message).build().expect("a writer");
    writer.write_all(plain).expect("written");
    writer.finalize().expect("finished");
    sealed
}
