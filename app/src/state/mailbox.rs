//! The mailbox: its folders, and the list that is shown of it, with a signal for each row so that a change draws one.
//!
//! Whatever happens, the engine only says that something did; the list is then asked for again, as far as it was
//! loaded. One question is under way at a time: during a burst of mails, the list follows as fast as it can.

use std::collections::HashMap;

use haven_bridge::{
    Command, Reply,
    mail::{Draft, Folder, MailId, MailPage, Mailbox as Contact, MailboxView, ThreadId, ThreadSummary},
};
use leptos::prelude::*;

use super::{Load, unexpected};
use crate::services::core_client::{CoreClient, Trouble};

/// How many threads a page has.
const PAGE: u32 = 50;

/// Names a row: a thread is listed once per folder.
pub type RowKey = (Folder, ThreadId);

type Row = ArcRwSignal<ThreadSummary>;

/// A large mail that is handed over, or an attachment of a mail that is fetched.
pub type Moving = (MailId, Option<u32>);

/// What is listed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Shown {
    /// A folder.
    Folder(Folder),
    /// What has these words.
    Search(String),
}

/// The mailbox. A handle.
#[derive(Clone, Copy)]
pub struct Mailbox {
    core: CoreClient,
    view: RwSignal<Option<MailboxView>>,
    changes: RwSignal<u32>,
    /// What is typed into the search field.
    pub query: RwSignal<String>,
    shown: RwSignal<Shown>,
    order: RwSignal<Vec<RowKey>>,
    rows: StoredValue<HashMap<RowKey, Row>>,
    more: RwSignal<bool>,
    load: RwSignal<Load>,
    older: RwSignal<Load>,
    asking: StoredValue<bool>,
    again: StoredValue<bool>,
    progress: RwSignal<HashMap<Moving, u64>>,
    taken_back: RwSignal<Option<(MailId, Option<MailId>)>>,
    begun: StoredValue<HashMap<MailId, Draft>>,
    /// Where one was before a mail was begun.
    before: StoredValue<Option<String>>,
}

impl Mailbox {
    pub fn new(core: CoreClient) -> Self {
        Self {
            core,
            view: RwSignal::new(None),
            changes: RwSignal::new(0),
            query: RwSignal::default(),
            shown: RwSignal::new(Shown::Folder(Folder::Inbox)),
            order: RwSignal::default(),
            rows: StoredValue::default(),
            more: RwSignal::new(false),
            load: RwSignal::default(),
            older: RwSignal::new(Load::Ready),
            asking: StoredValue::new(false),
            again: StoredValue::new(false),
            progress: RwSignal::default(),
            taken_back: RwSignal::default(),
            begun: StoredValue::default(),
            before: StoredValue::default(),
        }
    }

    /// The folders and the room, once they are known.
    pub fn view(self) -> Option<MailboxView> {
        self.view.get()
    }

    /// How many mails of the inbox were not seen.
    pub fn unread(self) -> u32 {
        self.view.with(|view| {
            let folders = view.iter().flat_map(|view| &view.folders);
            folders.filter(|count| count.folder == Folder::Inbox).map(|count| count.unread).sum()
        })
    }

    /// How far something large is, in percent.
    pub fn progress(self, moving: Moving) -> Option<u64> {
        self.progress.with(|progress| progress.get(&moving).copied())
    }

    /// It has ended, or began anew.
    pub fn end_progress(self, moving: Moving) {
        self.progress.try_update(|progress| progress.remove(&moving));
    }

    /// The mail that was to be taken back last, and the draft that it is now, if that was not too late.
    pub fn taken_back(self) -> Option<(MailId, Option<MailId>)> {
        self.taken_back.get()
    }

    /// Follows every change of any mail.
    pub fn track(self) {
        self.changes.track();
    }

    /// What is listed.
    pub fn shown(self) -> Shown {
        self.shown.get()
    }

    /// Whether the list is there.
    pub fn load(self) -> Load {
        self.load.get()
    }

    /// Whether older threads are there, which were asked for.
    pub fn older(self) -> Load {
        self.older.get()
    }

    /// Whether there are older threads.
    pub fn more(self) -> bool {
        self.more.get()
    }

    /// The rows of the list, newest first.
    pub fn order(self) -> Vec<RowKey> {
        self.order.get()
    }

    /// One of them, as a signal of its own.
    pub fn row(self, key: RowKey) -> Option<Row> {
        self.rows.with_value(|rows| rows.get(&key).cloned())
    }

    /// Lists something else.
    pub fn show(self, shown: Shown) {
        if self.shown.with_untracked(|now| *now == shown) {
            return;
        }
        self.shown.set(shown);
        self.empty();
        self.ask_list();
    }

    /// Asks for folders, list, and what is open again.
    pub fn refresh(self) {
        self.changed();
        self.core.ask(Command::Mailbox, move |answer| {
            if let Ok(Reply::Mailbox(view)) = answer {
                self.view.set(Some(view));
            }
        });
        self.ask_list();
    }

    /// Tries again after a failure.
    pub fn retry(self) {
        self.load.set(Load::Loading);
        self.refresh();
    }

    /// Asks for the page after the last row.
    pub fn load_older(self) {
        if self.asking.get_value() {
            return;
        }
        let rows = self.order.with_untracked(Vec::len) as u32;
        let last = self.order.with_untracked(|order| order.last().and_then(|key| self.row(*key)));
        let before = last.map(|row| row.with_untracked(|row| (row.newest.time, row.newest.id)));
        // A search has no pages: it is asked for more.
        let (before, limit) = match self.shown.get_untracked() {
            Shown::Folder(_) => (before, PAGE),
            Shown::Search(_) => (None, rows + PAGE),
        };
        self.older.set(Load::Loading);
        self.ask_page(before, limit, move |page| match page {
            Ok(page) => {
                self.older.set(Load::Ready);
                self.take(page, before.is_some());
            }
            Err(trouble) => self.older.set(Load::Failed(trouble)),
        });
    }

    /// Keeps what a draft begins with until its page asks for it.
    pub fn begin(self, id: MailId, draft: Draft) {
        self.begun.update_value(|begun| _ = begun.insert(id, draft));
    }

    /// What a draft begins with, if it begins now.
    pub fn take_begun(self, id: MailId) -> Option<Draft> {
        self.begun.try_update_value(|begun| begun.remove(&id)).flatten()
    }

    /// The people in the rows of the list, each once, the newest first.
    pub fn correspondents(self) -> Vec<Contact> {
        let mut people: Vec<Contact> = Vec::new();
        for row in self.order.get().into_iter().filter_map(|key| self.row(key)) {
            row.with_untracked(|thread| {
                for mailbox in thread.people.iter().chain(&thread.newest.to) {
                    if !people.iter().any(|known| known.address == mailbox.address) {
                        people.push(mailbox.clone());
                    }
                }
            });
        }
        people
    }

    /// Remembers where to go when a mail is sent or given up.
    pub fn remember_place(self, path: String) {
        self.before.set_value(Some(path));
    }

    /// Where one was before a mail was begun.
    pub fn place_before(self) -> Option<String> {
        self.before.get_value()
    }

    pub(super) fn put(self, view: MailboxView) {
        self.view.set(Some(view));
        self.changed();
        self.ask_list();
    }

    fn changed(self) {
        self.changes.update(|changes| *changes = changes.wrapping_add(1));
    }

    pub(super) fn put_taken_back(self, mail: MailId, draft: Option<MailId>) {
        self.taken_back.set(Some((mail, draft)));
    }

    pub(super) fn put_progress(self, moving: Moving, done: u64, all: u64) {
        // In steps: each is drawn, and read out.
        match done.saturating_mul(10).checked_div(all) {
            Some(tenths) => self.progress.update(|progress| _ = progress.insert(moving, tenths * 10)),
            None => self.end_progress(moving),
        }
    }

    pub(super) fn clear(self) {
        self.view.set(None);
        self.begun.update_value(HashMap::clear);
        self.before.set_value(None);
        self.query.set(String::new());
        self.empty();
    }

    fn empty(self) {
        self.order.set(Vec::new());
        self.rows.update_value(HashMap::clear);
        self.more.set(false);
        self.load.set(Load::Loading);
        self.older.set(Load::Ready);
    }

    /// Asks for as many rows as there are.
    fn ask_list(self) {
        if self.asking.get_value() {
            return self.again.set_value(true);
        }
        let rows = self.order.with_untracked(Vec::len) as u32;
        self.ask_page(None, rows.max(PAGE), move |page| match page {
            Ok(page) => {
                self.take(page, false);
                self.load.set(Load::Ready);
            }
            Err(trouble) => self.load.set(Load::Failed(trouble)),
        });
    }

    fn ask_page(
        self,
        before: Option<(u64, MailId)>,
        limit: u32,
        then: impl FnOnce(Result<MailPage, Trouble>) + 'static,
    ) {
        let shown = self.shown.get_untracked();
        let command = match shown.clone() {
            Shown::Folder(folder) => Command::MailFolder { folder, before, limit },
            Shown::Search(query) => Command::SearchMail { query, limit },
        };
        self.asking.set_value(true);
        self.core.ask(command, move |answer| {
            self.asking.set_value(false);
            if self.shown.with_untracked(|now| *now == shown) {
                then(match answer {
                    Ok(Reply::MailPage(page)) => Ok(page),
                    Ok(other) => Err(unexpected(other)),
                    Err(trouble) => Err(trouble),
                });
            }
            if self.again.try_update_value(std::mem::take) == Some(true) {
                self.ask_list();
            }
        });
    }

    fn take(self, page: MailPage, after_the_others: bool) {
        let mut order = if after_the_others { self.order.get_untracked() } else { Vec::new() };
        for thread in page.threads {
            let key = (thread.folder, thread.id);
            // A thread that got a mail meanwhile is further up already.
            if !order.contains(&key) {
                order.push(key);
            }
            self.put_row(key, thread);
        }
        self.rows.update_value(|rows| rows.retain(|key, _| order.contains(key)));
        self.more.set(page.more);
        if self.order.with_untracked(|now| *now != order) {
            self.order.set(order);
        }
    }

    fn put_row(self, key: RowKey, thread: ThreadSummary) {
        match self.row(key) {
            Some(row) if row.with_untracked(|row| *row == thread) => {}
            Some(row) => row.set(thread),
            None => self.rows.update_value(|rows| _ = rows.insert(key, ArcRwSignal::new(thread))),
        }
    }
}
