//! Tells the engine what was seen: only what was in sight while the page was.

use std::time::Duration;

use haven_bridge::{Command, ConversationId, ItemId};
use leptos::prelude::*;

use crate::{
    services::{browser, core_client::CoreClient},
    state::{conversations::Conversations, timeline::Timeline, use_conversations, use_core},
};

/// Scrolling past is told once, not item by item.
const PAUSE: Duration = Duration::from_millis(250);

/// What of a conversation was seen. A handle.
#[derive(Clone, Copy)]
pub struct Reading {
    conversation: ConversationId,
    core: CoreClient,
    conversations: Conversations,
    timeline: Timeline,
    newest_seen: StoredValue<Option<(u64, ItemId)>>,
    told: StoredValue<Option<ItemId>>,
    waiting: StoredValue<bool>,
}

impl Reading {
    pub fn new(conversation: ConversationId, timeline: Timeline) -> Self {
        Self {
            conversation,
            core: use_core(),
            conversations: use_conversations(),
            timeline,
            newest_seen: StoredValue::new(None),
            told: StoredValue::new(None),
            waiting: StoredValue::new(false),
        }
    }

    /// Everything up to this item is in sight.
    pub fn in_sight(self, item: ItemId) {
        if !browser::page_visible() {
            return;
        }
        let Some(position) = self.timeline.peek(item, |item| item.position) else { return };
        self.newest_seen.update_value(|seen| {
            if seen.is_none_or(|(newest, _)| newest < position) {
                *seen = Some((position, item));
            }
        });
        if !self.waiting.get_value() {
            self.waiting.set_value(true);
            set_timeout(move || self.tell(), PAUSE);
        }
    }

    fn tell(self) {
        let Some(newest) = self.newest_seen.try_get_value() else { return };
        self.waiting.set_value(false);
        let Some((_, up_to)) = newest else { return };
        let row = self.conversations.row(self.conversation);
        let unread = row.is_some_and(|row| row.with_untracked(|row| row.unread > 0));
        if !unread || self.told.get_value() == Some(up_to) {
            return;
        }
        self.told.set_value(Some(up_to));
        let told = self.told;
        self.core.ask(Command::MarkRead { conversation: self.conversation, up_to }, move |answer| {
            // It is told again when something comes into sight next.
            if answer.is_err() {
                told.try_update_value(|told| *told = None);
            }
        });
    }
}
