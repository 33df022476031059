//! A mail that is being written, and how it is kept.
//!
//! What is typed is saved when typing pauses, when the page is left or hidden, and before the mail is sent. What was
//! begun and left as it was is not kept.

use std::time::Duration;

use haven_bridge::{
    Command,
    mail::{About, Draft, DraftFile, MailId, Mailbox},
};
use leptos::prelude::*;

use crate::{
    services::{
        browser,
        core_client::{CoreClient, Trouble},
    },
    state::use_core,
};

/// Typing has paused.
const SAVE_AFTER: Duration = Duration::from_millis(400);

/// Whether what is on the screen is safe.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Saving {
    /// Nothing was changed.
    Unchanged,
    /// It is about to be.
    Unsaved,
    /// It is.
    Saved,
    /// It is not.
    Failed(Trouble),
}

/// The recipients of one kind: those that are taken, and what is being typed.
#[derive(Clone, Copy)]
pub struct Recipients {
    /// Those that are taken.
    pub list: RwSignal<Vec<Mailbox>>,
    /// What is being typed.
    pub typed: RwSignal<String>,
    /// What is wrong with it.
    pub error: RwSignal<Option<String>>,
}

impl Recipients {
    fn new(list: Vec<Mailbox>) -> Self {
        Self { list: RwSignal::new(list), typed: RwSignal::default(), error: RwSignal::new(None) }
    }

    /// With what is unfinished: it is kept as well.
    fn all(self) -> Vec<Mailbox> {
        let mut all = self.list.get();
        let typed = self.typed.with(|typed| typed.trim().to_owned());
        if !typed.is_empty() {
            all.push(Mailbox { name: String::new(), address: typed });
        }
        all
    }
}

/// A mail that is being written. A handle.
#[derive(Clone, Copy)]
pub struct DraftState {
    core: CoreClient,
    /// Its id.
    pub id: MailId,
    pub to: Recipients,
    pub cc: Recipients,
    pub bcc: Recipients,
    pub subject: RwSignal<String>,
    pub text: RwSignal<String>,
    /// Whether marks in the text are formatting.
    pub formatted: RwSignal<bool>,
    pub files: RwSignal<Vec<DraftFile>>,
    pub saving: RwSignal<Saving>,
    about: Option<(MailId, About)>,
    /// It was not there before it was opened.
    new: bool,
    /// What it was when it was opened.
    begun: StoredValue<Draft>,
    /// What the engine has, or is about to have.
    saved: StoredValue<Option<Draft>>,
    /// How often it has not answered yet.
    under_way: StoredValue<u32>,
    timer: StoredValue<Option<TimeoutHandle>, LocalStorage>,
    /// Sent or discarded: there is nothing to keep any more.
    over: StoredValue<bool>,
}

impl DraftState {
    /// Begins with this. `stored` says whether the engine has it.
    pub fn new(id: MailId, draft: Draft, stored: bool) -> Self {
        Self {
            core: use_core(),
            id,
            to: Recipients::new(draft.to.clone()),
            cc: Recipients::new(draft.cc.clone()),
            bcc: Recipients::new(draft.bcc.clone()),
            subject: RwSignal::new(draft.subject.clone()),
            text: RwSignal::new(draft.text.clone()),
            formatted: RwSignal::new(draft.formatted),
            files: RwSignal::new(draft.attachments.clone()),
            saving: RwSignal::new(Saving::Unchanged),
            about: draft.about,
            new: !stored,
            saved: StoredValue::new(stored.then(|| draft.clone())),
            under_way: StoredValue::new(0),
            begun: StoredValue::new(draft),
            timer: StoredValue::new_local(None),
            over: StoredValue::new(false),
        }
    }

    /// What it answers or forwards.
    pub fn about(self) -> Option<About> {
        self.about.map(|(_, about)| about)
    }

    /// To, Cc and Bcc.
    pub fn recipients(self) -> [Recipients; 3] {
        [self.to, self.cc, self.bcc]
    }

    /// All addresses, as they are now.
    pub fn addresses(self) -> Vec<String> {
        let mut addresses: Vec<String> = Vec::new();
        for mailbox in self.recipients().into_iter().flat_map(|recipients| recipients.list.get()) {
            if !addresses.contains(&mailbox.address) {
                addresses.push(mailbox.address);
            }
        }
        addresses
    }

    /// Saves it by itself, as long as its page is there.
    pub fn keep(self) {
        Effect::new(move || {
            let draft = self.draft();
            if self.saved.with_value(|saved| saved.as_ref() != Some(&draft)) {
                self.save_soon();
            }
        });
        browser::save_before_leaving(move || self.save());
        on_cleanup(move || self.leave());
    }

    /// Saves it, unless it is saved; then calls `then` with whether it is.
    pub fn save_then(self, then: impl FnOnce(bool) + 'static) {
        let Some(command) = self.next_save() else { return then(true) };
        self.core.ask(command, move |answer| {
            let good = answer.is_ok();
            self.saved_with(answer.err());
            then(good);
        });
    }

    /// Nothing of it is to be kept any more.
    pub fn end(self) {
        self.over.set_value(true);
        self.stop_timer();
    }

    /// It was not ended after all.
    pub fn go_on(self) {
        self.over.try_set_value(false);
    }

    fn draft(self) -> Draft {
        Draft {
            to: self.to.all(),
            cc: self.cc.all(),
            bcc: self.bcc.all(),
            subject: self.subject.get(),
            text: self.text.get(),
            formatted: self.formatted.get(),
            about: self.about,
            attachments: self.files.get(),
        }
    }

    fn save_soon(self) {
        if self.begun.with_value(|begun| untrack(|| self.draft()) != *begun) {
            self.saving.set(Saving::Unsaved);
        }
        self.stop_timer();
        self.timer.set_value(set_timeout_with_handle(move || _ = self.save(), SAVE_AFTER).ok());
    }

    fn stop_timer(self) {
        self.timer.try_update_value(|timer| timer.take().map(|timer| timer.clear()));
    }

    /// False if there is nothing to save.
    fn save(self) -> bool {
        let Some(command) = self.next_save() else { return false };
        self.core.ask(command, move |answer| self.saved_with(answer.err()));
        true
    }

    fn next_save(self) -> Option<Command> {
        self.stop_timer();
        if self.over.try_get_value()? {
            return None;
        }
        let draft = untrack(|| self.draft());
        if self.saved.with_value(|saved| saved.as_ref() == Some(&draft)) {
            // What was typed last was undone.
            if self.under_way.get_value() == 0 {
                self.show_saved();
            }
            return None;
        }
        self.saved.set_value(Some(draft.clone()));
        self.under_way.update_value(|under_way| *under_way += 1);
        Some(Command::SaveDraft { intent: browser::new_intent(), id: self.id, draft })
    }

    fn saved_with(self, trouble: Option<Trouble>) {
        self.under_way.try_update_value(|under_way| *under_way -= 1);
        if let Some(trouble) = trouble {
            self.saved.try_set_value(None);
            self.saving.try_set(Saving::Failed(trouble));
        } else {
            self.show_saved();
        }
    }

    /// Of what was not touched, nothing is said.
    fn show_saved(self) {
        if self.saving.try_with_untracked(|saving| *saving != Saving::Unchanged) == Some(true) {
            self.saving.set(Saving::Saved);
        }
    }

    /// What was not touched leaves nothing behind.
    fn leave(self) {
        if self.over.try_get_value() != Some(false) {
            return;
        }
        let draft = untrack(|| self.draft());
        let untouched = self.new && self.begun.with_value(|begun| *begun == draft);
        if draft != Draft::default() && !untouched {
            self.save();
        } else if self.saved.with_value(Option::is_some) {
            self.end();
            let command = Command::DiscardDraft { intent: browser::new_intent(), id: self.id };
            self.core.ask(command, |_| {});
        }
    }
}
