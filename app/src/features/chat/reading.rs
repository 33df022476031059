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
    newest_seen: StoredValue<Option<ItemId>>,
    /// What was told last, and how many were unread then: others may have come in above an own message that waits.
    told: StoredValue<Option<(ItemId, u32)>>,
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
        // Positions change: an own message that waits stands below everything, and later among the others.
        let position = |item| self.timeline.peek(item, |item| item.position);
        self.newest_seen.update_value(|seen| {
            if seen.and_then(position) <= position(item) {
                *seen = Some(item);
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
        let Some(up_to) = newest else { return };
        let row = self.conversations.row(self.conversation);
        let unread = row.map_or(0, |row| row.with_untracked(|row| row.unread));
        if unread == 0 || self.told.get_value() == Some((up_to, unread)) {
            return;
        }
        self.told.set_value(Some((up_to, unread)));
        let told = self.told;
        self.core.ask(Command::MarkRead { conversation: self.conversation, up_to }, move |answer| {
            // It is told again when something comes into sight next.
            if answer.is_err() {
                told.try_update_value(|told| *told = None);
            }
        });
    }
}
