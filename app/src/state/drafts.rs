//! Texts that were begun and not sent, per conversation. The engine keeps them soon after they were typed.

use std::{collections::HashMap, time::Duration};

use haven_bridge::{Command, ConversationId, IntentId, Reply};
use leptos::prelude::*;

use crate::services::{browser, core_client::CoreClient};

/// The engine gets a text when typing pauses.
const SAVED_AFTER: Duration = Duration::from_millis(400);

/// The drafts. A handle.
#[derive(Clone, Copy)]
pub struct Drafts {
    core: CoreClient,
    begun: StoredValue<HashMap<ConversationId, Draft>>,
    timer: StoredValue<Option<TimeoutHandle>>,
}

#[derive(Clone)]
struct Draft {
    text: String,
    intent: IntentId,
    saved: bool,
}

impl Draft {
    fn new(text: String, saved: bool) -> Self {
        Self { text, intent: browser::new_intent(), saved }
    }
}

impl Drafts {
    /// Also sees to it that the engine has all of it when the page goes.
    pub fn new(core: CoreClient) -> Self {
        let drafts = Self { core, begun: StoredValue::default(), timer: StoredValue::default() };
        browser::save_before_leaving(move || drafts.save());
        drafts
    }

    /// The text begun in a conversation, as far as this page knows.
    pub fn text(self, conversation: ConversationId) -> String {
        self.begun
            .with_value(|begun| begun.get(&conversation).map(|draft| draft.text.clone()).unwrap_or_default())
    }

    /// Asks the engine for what was begun in a conversation before this page was there, or in another tab.
    pub fn recall(self, conversation: ConversationId, then: impl FnOnce(String) + 'static) {
        self.core.ask(Command::Begun(conversation), move |answer| {
            let Ok(Reply::Begun(text)) = answer else { return };
            let known = self.begun.try_with_value(|begun| begun.contains_key(&conversation));
            if known == Some(false) && !text.is_empty() {
                let draft = Draft::new(text.clone(), true);
                self.begun.update_value(|begun| _ = begun.insert(conversation, draft));
                then(text);
            }
        });
    }

    /// Keeps a text. Another text is another wish, so it gets a name of its own.
    pub fn keep(self, conversation: ConversationId, text: &str) {
        if self.text(conversation) != text {
            self.insert(conversation, Draft::new(text.to_owned(), false));
        }
    }

    /// Takes what is kept, to send it: the text, and the name of this wish. With the message, the engine forgets that it was
    /// begun.
    pub fn take(self, conversation: ConversationId) -> Option<(String, IntentId)> {
        let taken = self.begun.try_update_value(|begun| begun.remove(&conversation)).flatten();
        taken.map(|draft| (draft.text, draft.intent))
    }

    /// Gives back what could not be sent. Unless something else was begun meanwhile, it is the same wish when it is
    /// tried again.
    pub fn give_back(self, conversation: ConversationId, text: String, intent: IntentId) {
        let begun = self.text(conversation);
        let draft = match begun.is_empty() {
            true => Draft { text, intent, saved: false },
            false => Draft::new(format!("{text}\n{begun}"), false),
        };
        self.insert(conversation, draft);
    }

    fn insert(self, conversation: ConversationId, draft: Draft) {
        self.begun.update_value(|begun| _ = begun.insert(conversation, draft));
        self.stop_timer();
        self.timer.set_value(set_timeout_with_handle(move || _ = self.save(), SAVED_AFTER).ok());
    }

    /// Gives the engine what it doesn't have. Tells whether that was anything.
    fn save(self) -> bool {
        self.stop_timer();
        let unsaved = self.begun.try_with_value(|begun| {
            let unsaved = begun.iter().filter(|(_, draft)| !draft.saved);
            unsaved.map(|(conversation, draft)| (*conversation, draft.clone())).collect::<Vec<_>>()
        });
        let unsaved = unsaved.unwrap_or_default();
        let any = !unsaved.is_empty();
        for (conversation, Draft { text, intent, .. }) in unsaved {
            self.core.ask(Command::KeepBegun { conversation, text }, move |answer| {
                if answer.is_ok() {
                    self.saved(intent);
                }
            });
        }
        any
    }

    fn saved(self, intent: IntentId) {
        self.begun.try_update_value(|begun| {
            begun.values_mut().for_each(|draft| draft.saved |= draft.intent == intent);
            begun.retain(|_, draft| !(draft.saved && draft.text.is_empty()));
        });
    }

    fn stop_timer(self) {
        self.timer.try_update_value(|timer| timer.take().map(|timer| timer.clear()));
    }

    pub(super) fn clear(self) {
        self.stop_timer();
        self.begun.update_value(HashMap::clear);
    }
}
