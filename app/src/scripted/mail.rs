//! What a scripted engine knows of mail, and how it answers.

use std::{collections::HashMap, time::Duration};

use haven_bridge::{Command, Event, Failure, Reply, mail::*};

use super::{mail_cast, world::Outcome};
use crate::{routes::mail::FOLDERS, services::browser};

/// A person's mail.
#[derive(Default)]
pub struct MailWorld {
    /// All mails but drafts.
    pub mails: Vec<MailView>,
    /// All drafts, with when they were saved.
    pub drafts: HashMap<MailId, (Draft, u64)>,
    /// Mails that are on their way to this device.
    pub arriving: u32,
    /// Bytes at the relay.
    pub used: u64,
    /// The day on which mail was turned away.
    pub refused: Option<u64>,
}

impl MailWorld {
    /// Mail of every kind.
    pub fn busy() -> Self {
        let drafts = mail_cast::drafts().into_iter().collect();
        Self { mails: mail_cast::mails(), drafts, used: 310_000_000, ..Self::default() }
    }

    /// Mail was turned away yesterday.
    pub fn refused() -> Self {
        Self { refused: Some(browser::now() - 24 * 60 * 60 * 1000), ..Self::busy() }
    }

    /// Two hundred threads in the inbox.
    pub fn many() -> Self {
        Self { mails: mail_cast::many(200), used: 1_700_000_000, arriving: 12, ..Self::default() }
    }

    /// Answers a command about mail; others are not for it.
    pub fn handle(&mut self, command: &Command) -> Option<Outcome> {
        Some(match command {
            Command::Mailbox => reply(Reply::Mailbox(self.view())),
            Command::MailFolder { folder, before, limit } => self.folder(*folder, *before, *limit),
            Command::SearchMail { query, limit } => self.search(query, *limit),
            Command::MailThread(id) => self.thread(*id),
            Command::CancelAttachment { .. } => reply(Reply::Done),
            Command::MailAttachment { mail, part } => self.attachment(*mail, *part),
            Command::MailPictures(id) => match self.find(*id).and_then(|mail| mail.html.clone()) {
                Some(html) => reply(Reply::MailPictures(mail_cast::with_pictures(&html))),
                None => (Err(Failure::NotFound), Vec::new()),
            },
            Command::MailSource(id) => match self.find(*id) {
                Some(mail) => reply(Reply::File(mail_cast::source(mail))),
                None => (Err(Failure::NotFound), Vec::new()),
            },
            Command::UncheckedMail(id) => reply(Reply::UncheckedText(mail_cast::unchecked(*id))),
            Command::MoveMail { mails, folder, .. } => {
                self.change(|mail| mails.contains(&mail.id), |mail| mail.summary.folder = *folder)
            }
            Command::MarkMail { mails, seen, .. } => {
                self.change(|mail| mails.contains(&mail.id), |mail| mail.summary.seen = *seen)
            }
            Command::DeleteMail { mails, .. } => {
                self.mails.retain(|mail| !mails.contains(&mail.summary.id));
                self.changed()
            }
            Command::RetryMail(id) => {
                self.change(|mail| mail.id == *id, |mail| mail.summary.state = Some(MailState::Sent))
            }
            Command::BackToDrafts { mail, .. } => self.back_to_drafts(*mail),
            Command::SawRefusedMail => {
                self.refused = None;
                self.changed()
            }
            other => return self.handle_draft(other),
        })
    }

    fn handle_draft(&mut self, command: &Command) -> Option<Outcome> {
        Some(match command {
            Command::Draft(id) => match self.drafts.get(id) {
                Some((draft, _)) => reply(Reply::Draft(draft.clone())),
                None => (Err(Failure::NotFound), Vec::new()),
            },
            Command::SaveDraft { id, draft, .. } => {
                self.drafts.insert(*id, (draft.clone(), browser::now()));
                self.changed()
            }
            Command::DiscardDraft { id, .. } => {
                self.drafts.remove(id);
                self.changed()
            }
            Command::PreviewMail(text) => reply(Reply::MailPreview(mail_cast::preview(text))),
            Command::AttachFile { .. } => reply(Reply::Done),
            Command::Recipients(addresses) => {
                reply(Reply::Recipients(addresses.iter().cloned().map(mail_cast::outlook).collect()))
            }
            Command::SendMail { draft, in_the_clear, .. } => self.send(*draft, *in_the_clear),
            _ => return None,
        })
    }

    fn find(&self, id: MailId) -> Option<&MailView> {
        self.mails.iter().find(|mail| mail.summary.id == id)
    }

    fn attachment(&self, id: MailId, part: u32) -> Outcome {
        let file = self.find(id).and_then(|mail| mail.attachments.iter().find(|file| file.part == part));
        match file {
            Some(file) => reply(Reply::OpenedFile(mail_cast::opened_file(file))),
            None => (Err(Failure::NotFound), Vec::new()),
        }
    }

    fn thread(&self, id: ThreadId) -> Outcome {
        let of_thread = self.mails.iter().filter(|mail| mail.summary.thread == id);
        let mut mails: Vec<_> = of_thread.cloned().collect();
        mails.sort_by_key(|mail| mail.summary.time);
        reply(Reply::MailThread(mails))
    }

    /// A mail comes in.
    pub fn arrive(&mut self, mail: MailView) -> Event {
        self.mails.push(mail);
        Event::Mail(self.view())
    }

    fn view(&self) -> MailboxView {
        let count = |folder: Folder| FolderCount {
            folder,
            threads: self.threads(folder).len() as u32,
            unread: self.in_folder(folder).filter(|mail| !mail.seen).count() as u32,
        };
        MailboxView {
            folders: FOLDERS.map(count).to_vec(),
            used: self.used,
            quota: 2_000_000_000,
            arriving: self.arriving,
            outside: Some(Outside { sends: true, receives: true }),
            refused: self.refused,
        }
    }

    fn in_folder(&self, folder: Folder) -> impl Iterator<Item = &MailSummary> {
        self.mails.iter().map(|mail| &mail.summary).filter(move |mail| mail.folder == folder)
    }

    /// Newest first.
    fn threads(&self, folder: Folder) -> Vec<ThreadSummary> {
        if folder == Folder::Drafts {
            let mut drafts: Vec<_> = self
                .drafts
                .iter()
                .map(|(id, (draft, time))| mail_cast::draft_row(*id, draft, *time))
                .collect();
            drafts.sort_by_key(|draft| std::cmp::Reverse(draft.newest.time));
            return drafts;
        }
        let mut threads: Vec<ThreadSummary> = Vec::new();
        let mut mails: Vec<_> = self.in_folder(folder).collect();
        mails.sort_by_key(|mail| std::cmp::Reverse(mail.time));
        for mail in mails {
            if !threads.iter().any(|thread| thread.id == mail.thread) {
                threads.push(self.summary(mail));
            }
        }
        threads
    }

    fn summary(&self, newest: &MailSummary) -> ThreadSummary {
        let all = || self.mails.iter().map(|mail| &mail.summary).filter(|mail| mail.thread == newest.thread);
        let mut people: Vec<Mailbox> = Vec::new();
        for mail in all() {
            if people.len() < 5 && !people.iter().any(|one| one.address == mail.from.address) {
                people.push(mail.from.clone());
            }
        }
        ThreadSummary {
            id: newest.thread,
            folder: newest.folder,
            newest: newest.clone(),
            mails: all().count() as u32,
            unread: all().filter(|mail| mail.folder == newest.folder && !mail.seen).count() as u32,
            people,
        }
    }

    /// The threads with somebody, newest first.
    pub fn threads_with(&self, address: &str) -> Vec<ThreadSummary> {
        let with = |mail: &MailSummary| {
            mail.from.address == address || mail.to.iter().any(|to| to.address == address)
        };
        let mut mails: Vec<_> =
            self.mails.iter().map(|mail| &mail.summary).filter(|mail| with(mail)).collect();
        mails.sort_by_key(|mail| std::cmp::Reverse(mail.time));
        let mut threads: Vec<ThreadSummary> = Vec::new();
        for mail in mails {
            if !threads.iter().any(|thread| thread.id == mail.thread) {
                threads.push(self.summary(mail));
            }
        }
        threads
    }

    fn folder(&self, folder: Folder, before: Option<(u64, MailId)>, limit: u32) -> Outcome {
        let threads = self.threads(folder);
        let older = |thread: &&ThreadSummary| {
            before.is_none_or(|(time, id)| (thread.newest.time, thread.newest.id) < (time, id))
        };
        let mut page: Vec<_> = threads.iter().filter(older).take(limit as usize + 1).cloned().collect();
        let more = page.len() > limit as usize;
        page.truncate(limit as usize);
        reply(Reply::MailPage(MailPage { threads: page, more }))
    }

    fn search(&self, query: &str, limit: u32) -> Outcome {
        let query = query.to_lowercase();
        let found = |mail: &&MailView| {
            let text =
                format!("{} {} {}", mail.summary.subject, mail.summary.from.name, mail.text).to_lowercase();
            query.split_whitespace().all(|word| text.contains(word))
        };
        let mut threads: Vec<ThreadSummary> = Vec::new();
        for mail in self.mails.iter().filter(found) {
            if !threads.iter().any(|thread| thread.id == mail.summary.thread) {
                threads.push(self.summary(&mail.summary));
            }
        }
        threads.truncate(limit as usize);
        reply(Reply::MailPage(MailPage { threads, more: false }))
    }

    fn change(&mut self, which: impl Fn(&MailSummary) -> bool, change: impl Fn(&mut MailView)) -> Outcome {
        self.mails.iter_mut().filter(|mail| which(&mail.summary)).for_each(change);
        self.changed()
    }

    fn back_to_drafts(&mut self, id: MailId) -> Outcome {
        let Some(mail) = self.mails.iter().find(|mail| mail.summary.id == id) else {
            return (Err(Failure::NotFound), Vec::new());
        };
        let draft = Draft {
            to: mail.to.clone(),
            cc: mail.cc.clone(),
            subject: mail.summary.subject.clone(),
            text: mail.text.clone(),
            ..Draft::default()
        };
        self.drafts.insert(id, (draft, browser::now()));
        self.mails.retain(|mail| mail.summary.id != id);
        let (result, mut events) = self.changed();
        events.insert(0, (Duration::ZERO, Event::MailTakenBack { mail: id, draft: Some(id) }));
        (result, events)
    }

    fn send(&mut self, id: MailId, in_the_clear: bool) -> Outcome {
        let Some((draft, _)) = self.drafts.remove(&id) else { return (Err(Failure::NotFound), Vec::new()) };
        let mail = mail_cast::sent(id, &draft, in_the_clear);
        self.mails.push(mail.clone());
        let (result, mut events) = self.changed();
        if let Some(mail) = self.mails.last_mut() {
            mail.summary.state = Some(MailState::Sent);
        }
        events.push((Duration::from_millis(600), Event::Mail(self.view())));
        (result, events)
    }

    fn changed(&self) -> Outcome {
        (Ok(Reply::Done), vec![(Duration::ZERO, Event::Mail(self.view()))])
    }
}

fn reply(reply: Reply) -> Outcome {
    (Ok(reply), Vec::new())
}
