//! The list of conversations: their order, and a signal for each row, so that a change draws one row.

use std::collections::HashMap;

use haven_bridge::{Command, ConversationId, ConversationSummary, Reply};
use leptos::prelude::*;

use super::{Load, unexpected};
use crate::services::core_client::CoreClient;

type Row = ArcRwSignal<ConversationSummary>;

/// All conversations. A handle.
#[derive(Clone, Copy)]
pub struct Conversations {
    core: CoreClient,
    order: RwSignal<Vec<ConversationId>>,
    rows: StoredValue<HashMap<ConversationId, Row>>,
    load: RwSignal<Load>,
    unread: RwSignal<u32>,
}

impl Conversations {
    pub fn new(core: CoreClient) -> Self {
        Self {
            core,
            order: RwSignal::default(),
            rows: StoredValue::default(),
            load: RwSignal::default(),
            unread: RwSignal::new(0),
        }
    }

    /// Whether the list is there.
    pub fn load(self) -> Load {
        self.load.get()
    }

    /// Newest first.
    pub fn order(self) -> Vec<ConversationId> {
        self.order.get()
    }

    /// How many messages were not seen, over all.
    pub fn unread(self) -> u32 {
        self.unread.get()
    }

    /// One of them, as a signal of its own.
    pub fn row(self, id: ConversationId) -> Option<Row> {
        self.rows.with_value(|rows| rows.get(&id).cloned())
    }

    /// One of them, followed also when it comes and goes.
    pub fn get(self, id: ConversationId) -> Option<ConversationSummary> {
        self.order.track();
        self.row(id).map(|row| row.get())
    }

    /// Asks for all of them again.
    pub fn refresh(self) {
        self.core.ask(Command::Conversations, move |answer| match answer {
            Ok(Reply::Conversations(summaries)) => {
                let gone = self.rows.with_value(|rows| {
                    let stays = |id: &ConversationId| summaries.iter().any(|summary| summary.id == *id);
                    rows.keys().filter(|id| !stays(id)).copied().collect::<Vec<_>>()
                });
                gone.into_iter().for_each(|id| self.remove(id));
                summaries.into_iter().for_each(|summary| self.put_row(summary));
                self.sort();
                self.load.set(Load::Ready);
            }
            Ok(other) => self.load.set(Load::Failed(unexpected(other))),
            Err(trouble) => self.load.set(Load::Failed(trouble)),
        });
    }

    /// Tries again after a failure.
    pub fn retry(self) {
        self.load.set(Load::Loading);
        self.refresh();
    }

    pub(super) fn put(self, summary: ConversationSummary) {
        self.put_row(summary);
        self.sort();
    }

    pub(super) fn remove(self, id: ConversationId) {
        self.rows.update_value(|rows| _ = rows.remove(&id));
        self.order.update(|order| order.retain(|known| *known != id));
        self.count();
    }

    pub(super) fn clear(self) {
        self.rows.update_value(HashMap::clear);
        self.order.set(Vec::new());
        self.load.set(Load::Loading);
        self.unread.set(0);
    }

    fn put_row(self, summary: ConversationSummary) {
        match self.row(summary.id) {
            Some(row) if row.with_untracked(|row| *row == summary) => {}
            Some(row) => row.set(summary),
            None => self.rows.update_value(|rows| _ = rows.insert(summary.id, ArcRwSignal::new(summary))),
        }
    }

    fn sort(self) {
        let order = self.rows.with_value(|rows| {
            let mut keys: Vec<_> =
                rows.iter().map(|(id, row)| (row.with_untracked(|row| row.updated), *id)).collect();
            keys.sort_unstable_by(|a, b| b.cmp(a));
            keys.into_iter().map(|(_, id)| id).collect::<Vec<_>>()
        });
        if self.order.with_untracked(|now| *now != order) {
            self.order.set(order);
        }
        self.count();
    }

    fn count(self) {
        let unread =
            self.rows.with_value(|rows| rows.values().map(|row| row.with_untracked(|row| row.unread)).sum());
        if self.unread.get_untracked() != unread {
            self.unread.set(unread);
        }
    }
}
