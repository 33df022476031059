//! Texts that were begun and not sent, per conversation, as long as the page lives.

use std::collections::HashMap;

use haven_bridge::{ConversationId, IntentId};
use leptos::{ev, prelude::*};

use crate::services::browser;

/// The drafts. A handle.
#[derive(Clone, Copy)]
pub struct Drafts(StoredValue<HashMap<ConversationId, Draft>>);

#[derive(Clone)]
struct Draft {
    text: String,
    intent: IntentId,
}

impl Drafts {
    pub fn new() -> Self {
        Self(StoredValue::default())
    }

    /// The text begun in a conversation.
    pub fn text(self, conversation: ConversationId) -> String {
        self.0.with_value(|drafts| {
            drafts.get(&conversation).map(|draft| draft.text.clone()).unwrap_or_default()
        })
    }

    /// Keeps a text. Another text is another wish, so it gets a name of its own.
    pub fn keep(self, conversation: ConversationId, text: &str) {
        self.0.update_value(|drafts| match drafts.get(&conversation) {
            Some(draft) if draft.text == text => {}
            _ if text.is_empty() => _ = drafts.remove(&conversation),
            _ => {
                _ = drafts
                    .insert(conversation, Draft { text: text.to_owned(), intent: browser::new_intent() })
            }
        });
    }

    /// Takes what is kept, to send it: the text, and the name of this wish.
    pub fn take(self, conversation: ConversationId) -> Option<(String, IntentId)> {
        self.0
            .try_update_value(|drafts| drafts.remove(&conversation))
            .flatten()
            .map(|draft| (draft.text, draft.intent))
    }

    /// Gives back what could not be sent. Unless something else was begun meanwhile, it is the same wish when it is
    /// tried again.
    pub fn give_back(self, conversation: ConversationId, text: String, intent: IntentId) {
        self.0.update_value(|drafts| {
            let draft = match drafts.remove(&conversation) {
                Some(begun) => {
                    Draft { text: format!("{text}\n{}", begun.text), intent: browser::new_intent() }
                }
                None => Draft { text, intent },
            };
            drafts.insert(conversation, draft);
        });
    }

    /// Has the browser ask before the page goes, as long as something is begun: nothing else keeps it.
    pub fn guard(self) {
        let leaving = window_event_listener(ev::beforeunload, move |event| {
            let begun = |draft: &Draft| !draft.text.trim().is_empty();
            if self.0.try_with_value(|drafts| drafts.values().any(begun)) == Some(true) {
                event.prevent_default();
            }
        });
        on_cleanup(move || leaving.remove());
    }

    pub(super) fn clear(self) {
        self.0.update_value(HashMap::clear);
    }
}
