//! What the page shows of mail.

use super::records::*;
use crate::{
    Error, Millis,
    chat::records::PersonRecord,
    identity::Fingerprint,
    memory::{Batch, Memory},
};
use haven_bridge::{
    Trust,
    mail::{
        About, Delivery, DeliveryState, Folder, FolderCount, MailId, MailPage, MailState, MailSummary,
        MailView, Mailbox, MailboxView, Protection, SenderCheck, Signature, ThreadId, ThreadSummary,
    },
};
use std::collections::{BTreeMap, BTreeSet};

/// The folders, in the order in which they are shown.
const FOLDERS: [Folder; 6] =
    [Folder::Inbox, Folder::Drafts, Folder::Sent, Folder::Archive, Folder::Junk, Folder::Trash];
const DAY: Millis = 24 * 60 * 60 * 1000;
/// People that a row names.
const PEOPLE: usize = 5;

impl Memory {
    /// The folders.
    pub fn mailbox_view(&self) -> MailboxView {
        let head = &self.mail.head;
        let behind = self.network.mail.known_head.saturating_sub(head.cursor);
        MailboxView {
            folders: FOLDERS.map(|folder| self.count(folder)).into(),
            used: head.used,
            quota: head.quota,
            arriving: u32::try_from(behind).unwrap_or(u32::MAX),
            outside: head.outside,
            refused: (head.refused.count > head.refused_seen)
                .then_some(head.refused.last_day.saturating_mul(DAY)),
        }
    }

    /// The person has seen that mail was turned away.
    pub fn saw_refused_mail(&mut self, batch: &mut Batch) -> Result<(), Error> {
        self.mail.head.refused_seen = self.mail.head.refused.count;
        batch.under_way(&UnderWay::Head(self.mail.head.clone()))
    }

    fn count(&self, folder: Folder) -> FolderCount {
        let mut threads = BTreeSet::new();
        let mut unread = 0;
        for mail in self.summaries_in(folder) {
            threads.insert(mail.thread);
            unread += u32::from(!mail.seen);
        }
        FolderCount { folder, threads: u32::try_from(threads.len()).unwrap_or(u32::MAX), unread }
    }

    /// A page of a folder.
    pub fn folder_page(&self, folder: Folder, before: Option<(Millis, MailId)>, limit: usize) -> MailPage {
        let rows = self.rows(folder, self.summaries_in(folder));
        page(rows, before, limit)
    }

    /// Threads that have a mail among `found`, as rows of the folder in which the newest of these lies.
    pub fn found_page(&self, found: &BTreeSet<MailId>, limit: usize) -> MailPage {
        let all = FOLDERS.iter().flat_map(|folder| self.summaries_in(*folder));
        let mut newest: BTreeMap<ThreadId, MailSummary> = BTreeMap::new();
        for mail in all.filter(|mail| found.contains(&mail.id)) {
            let better = newest.get(&mail.thread).is_none_or(|other| other.time < mail.time);
            if better {
                newest.insert(mail.thread, mail);
            }
        }
        let rows = newest.into_values().map(|mail| self.row(mail.folder, mail)).collect();
        page(rows, None, limit)
    }

    fn rows(&self, folder: Folder, mails: Vec<MailSummary>) -> Vec<ThreadSummary> {
        let mut newest: BTreeMap<ThreadId, MailSummary> = BTreeMap::new();
        for mail in mails {
            let newer =
                newest.get(&mail.thread).is_none_or(|other| (other.time, other.id) < (mail.time, mail.id));
            if newer {
                newest.insert(mail.thread, mail);
            }
        }
        newest.into_values().map(|mail| self.row(folder, mail)).collect()
    }

    fn row(&self, folder: Folder, newest: MailSummary) -> ThreadSummary {
        let mails = self.thread_summaries(newest.thread);
        let mut people: Vec<Mailbox> = Vec::new();
        for mail in &mails {
            if people.iter().all(|known| known.address != mail.from.address) {
                people.push(mail.from.clone());
            }
        }
        people.truncate(PEOPLE);
        let unread = mails.iter().filter(|mail| mail.folder == folder && !mail.seen).count();
        ThreadSummary {
            id: newest.thread,
            folder,
            mails: u32::try_from(mails.len().max(1)).unwrap_or(u32::MAX),
            unread: u32::try_from(unread).unwrap_or(u32::MAX),
            people,
            newest,
        }
    }

    /// The newest threads with a mail from or to somebody, by the newest of these mails; none of junk and trash.
    pub fn threads_with(&self, address: &str, limit: usize) -> Vec<ThreadSummary> {
        let is = |mailbox: &Mailbox| mailbox.address.eq_ignore_ascii_case(address);
        let mut newest: BTreeMap<ThreadId, &Record> = BTreeMap::new();
        for mail in self.mail.records.values() {
            let blind = || mail.deliveries.iter().any(|to| to.address.eq_ignore_ascii_case(address));
            let away = matches!(mail.folder, Folder::Junk | Folder::Trash);
            if away || !(is(&mail.from) || mail.to.iter().any(is) || blind()) {
                continue;
            }
            let other = newest.entry(mail.thread).or_insert(mail);
            if (other.time, other.id) < (mail.time, mail.id) {
                *other = mail;
            }
        }
        let mut newest: Vec<_> = newest.into_values().collect();
        newest.sort_by_key(|mail| std::cmp::Reverse((mail.time, mail.id)));
        newest.truncate(limit);
        newest.into_iter().map(|mail| self.row(mail.folder, summary(mail))).collect()
    }

    /// The mails of a thread, oldest first; those in junk and trash only if there are no others.
    pub fn thread_summaries(&self, thread: ThreadId) -> Vec<MailSummary> {
        let mut records: Vec<_> = self.mail.records.values().filter(|mail| mail.thread == thread).collect();
        records.sort_by_key(|mail| mail.sequence);
        let records = records.into_iter().map(summary);
        let drafts = self.mail.drafts.values().map(|draft| self.draft_summary(draft));
        let waiting = self.mail.sending.values().map(|sending| self.waiting(sending)).chain(drafts);
        let mut mails: Vec<_> = records.chain(waiting.filter(|mail| mail.thread == thread)).collect();
        let away = |mail: &MailSummary| matches!(mail.folder, Folder::Junk | Folder::Trash);
        if !mails.iter().all(away) {
            mails.retain(|mail| !away(mail));
        }
        // Servers tell the time in seconds. Those of one second stay in the order of the mailbox.
        mails.sort_by_key(|mail| mail.time / 1000);
        mails
    }

    fn summaries_in(&self, folder: Folder) -> Vec<MailSummary> {
        match folder {
            Folder::Drafts => self.mail.drafts.values().map(|draft| self.draft_summary(draft)).collect(),
            folder => {
                let waiting = self.mail.sending.values().filter(|_| folder == Folder::Sent);
                let records = self.mail.records.values().filter(|mail| mail.folder == folder);
                records.map(summary).chain(waiting.map(|sending| self.waiting(sending))).collect()
            }
        }
    }

    fn waiting(&self, sending: &Sending) -> MailSummary {
        let state = match &sending.failed {
            Some(failure) => MailState::Failed(failure.clone()),
            None if sending.wanted_back => MailState::WantedBack,
            None if self.unstorable(sending) => MailState::RelayFull,
            None => MailState::Waiting,
        };
        let mut mail = self.draft_summary(&sending.draft);
        mail.time = sending.time;
        mail.folder = Folder::Sent;
        // Where it will be when it was sent: whoever looks at it goes on seeing it.
        mail.thread = self.thread_when_sent(&sending.draft);
        if !sending.in_the_clear {
            mail.protection = Protection::EndToEnd;
        }
        mail.state = Some(state);
        mail
    }

    fn unstorable(&self, sending: &Sending) -> bool {
        self.network.mail.composed.get(&sending.draft.id).is_some_and(|ready| ready.unstorable)
    }

    /// The thread of an own mail: that of the mail that it answers, or a new one.
    pub fn thread_when_sent(&self, stored: &StoredDraft) -> ThreadId {
        let answered = stored.draft.about.filter(|(_, about)| *about == About::Answer);
        let answered = answered.and_then(|(mail, _)| self.mail.records.get(&mail));
        let own = || thread_of(&super::send::message_id(stored.id, &self.account.address));
        answered.map_or_else(own, |record| record.thread)
    }

    fn draft_summary(&self, stored: &StoredDraft) -> MailSummary {
        let draft = &stored.draft;
        let answered = draft.about.and_then(|(mail, _)| self.mail.records.get(&mail));
        MailSummary {
            id: stored.id,
            thread: answered.map_or(ThreadId(stored.id.0), |mail| mail.thread),
            folder: Folder::Drafts,
            from: Mailbox { name: String::new(), address: self.account.address.clone() },
            to: draft.to.iter().chain(&draft.cc).cloned().collect(),
            subject: super::arrive::one_line(&draft.subject),
            snippet: super::arrive::snippet(&draft.text),
            time: stored.saved,
            seen: true,
            attachments: u32::try_from(draft.attachments.len()).unwrap_or(u32::MAX),
            protection: Protection::Clear,
            state: None,
        }
    }

    /// A draft or a mail that waits, as a whole.
    pub fn unsent_view(&self, id: MailId) -> Option<MailView> {
        let (summary, draft) = match (self.mail.sending.get(&id), self.mail.drafts.get(&id)) {
            (Some(sending), _) => (self.waiting(sending), &sending.draft.draft),
            (None, Some(stored)) => (self.draft_summary(stored), &stored.draft),
            (None, None) => return None,
        };
        Some(MailView {
            summary,
            to: draft.to.clone(),
            cc: draft.cc.clone(),
            bcc: draft.bcc.clone(),
            reply_to: Vec::new(),
            text: draft.text.clone(),
            html: None,
            remote_content: false,
            attachments: super::drafts::attachments(draft),
            signature: Signature::None,
            differences: Vec::new(),
            sender: SenderCheck::Local,
            deliveries: Vec::new(),
            trouble: None,
            signer_verified: false,
        })
    }

    /// Whether the sender signed with a certificate that was compared with them.
    fn is_verified_signer(&self, from: &Mailbox, signature: &Signature) -> bool {
        let Signature::Valid { fingerprint, by_sender: true } = signature else { return false };
        let Some(fingerprint) = Fingerprint::from_hex(fingerprint) else { return false };
        let person = PersonRecord { fingerprint, address: from.address.to_ascii_lowercase() };
        self.trust(&person) == Trust::Verified
    }

    /// A mail as a whole.
    pub fn mail_view(&self, id: MailId, body: Body) -> Option<MailView> {
        let record = self.mail.records.get(&id)?;
        let Body { opened, bcc } = body;
        let signer_verified = self.is_verified_signer(&record.from, &opened.signature);
        Some(MailView {
            summary: summary(record),
            to: opened.to,
            cc: opened.cc,
            bcc,
            reply_to: opened.reply_to,
            text: opened.text,
            html: opened.html,
            remote_content: opened.remote_content,
            attachments: opened.attachments,
            signature: opened.signature,
            differences: opened.differences,
            sender: if record.own { SenderCheck::Local } else { opened.sender },
            deliveries: record.deliveries.clone(),
            trouble: opened.trouble,
            signer_verified,
        })
    }
}

fn summary(record: &Record) -> MailSummary {
    let failed = |delivery: &Delivery| matches!(delivery.state, DeliveryState::Failed { .. });
    let state = if record.deliveries.iter().any(failed) { MailState::Undelivered } else { MailState::Sent };
    let protection = match record.protection {
        // What oneself sent was not encrypted on arrival, but by the relay for keeping.
        Protection::OnArrival if record.own => Protection::Clear,
        other => other,
    };
    MailSummary {
        id: record.id,
        thread: record.thread,
        folder: record.folder,
        from: record.from.clone(),
        to: record.to.clone(),
        subject: record.subject.clone(),
        snippet: record.snippet.clone(),
        time: record.time,
        seen: record.seen,
        attachments: record.attachments,
        protection,
        state: record.own.then_some(state),
    }
}

fn page(mut rows: Vec<ThreadSummary>, before: Option<(Millis, MailId)>, limit: usize) -> MailPage {
    let place = |row: &ThreadSummary| (row.newest.time, row.newest.id);
    rows.sort_by_key(|row| std::cmp::Reverse(place(row)));
    rows.retain(|row| before.is_none_or(|before| place(row) < before));
    let more = rows.len() > limit;
    rows.truncate(limit);
    MailPage { threads: rows, more }
}

/// The words of a query, which a mail must all have.
pub struct Search(Vec<String>);

impl Search {
    /// Words in any case, apart by white space.
    pub fn new(query: &str) -> Self {
        Self(query.to_lowercase().split_whitespace().map(str::to_owned).collect())
    }

    /// Whether there is nothing to look for.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a mail has all words: in its subject and people, or in its text.
    pub fn finds(&self, record: &Record, text: &str) -> bool {
        let people = std::iter::once(&record.from).chain(&record.to);
        let people = people.flat_map(|person| [&person.name, " ", &person.address, " "].map(str::to_owned));
        let head = format!("{} {}", record.subject, people.collect::<String>()).to_lowercase();
        let text = text.to_lowercase();
        self.0.iter().all(|word| head.contains(word) || text.contains(word))
    }
}
