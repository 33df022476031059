//! Timelines: per conversation the order of its items and a signal for each item.
//!
//! Ids in one vector and rows in a map of signals: of all that was measured, this draws long lists fastest.

use std::collections::HashMap;

use haven_bridge::{Command, ConversationId, ItemContent, ItemId, Reply, TimelineItem, TimelinePage};
use leptos::prelude::*;

use super::{Load, unexpected};
use crate::services::core_client::{CoreClient, Trouble};

/// Items in a page: more than a tall screen shows.
const PAGE: u32 = 60;

/// So many at most at once, even if more are unread.
const LARGEST_PAGE: u32 = 400;

/// A timeline. A handle.
#[derive(Clone, Copy)]
pub struct Timeline {
    conversation: ConversationId,
    core: CoreClient,
    order: RwSignal<Vec<ItemId>>,
    rows: StoredValue<HashMap<ItemId, ArcRwSignal<TimelineItem>>>,
    load: RwSignal<Load>,
    more: RwSignal<bool>,
    loading_older: RwSignal<bool>,
    older_failed: RwSignal<Option<Trouble>>,
    arrived: RwSignal<Vec<ItemId>>,
}

impl Timeline {
    fn new(core: CoreClient, conversation: ConversationId) -> Self {
        Self {
            conversation,
            core,
            order: RwSignal::default(),
            rows: StoredValue::default(),
            load: RwSignal::default(),
            more: RwSignal::new(false),
            loading_older: RwSignal::new(false),
            older_failed: RwSignal::default(),
            arrived: RwSignal::default(),
        }
    }

    /// Whether the newest items are there.
    pub fn load(self) -> Load {
        self.load.get()
    }

    /// The ids, oldest first.
    pub fn order(self) -> Signal<Vec<ItemId>> {
        self.order.into()
    }

    /// Why older items did not come.
    pub fn older_failed(self) -> Option<Trouble> {
        self.older_failed.get()
    }

    /// Whether there are older items than those here.
    pub fn more(self) -> bool {
        self.more.get()
    }

    /// What came in last by events: messages of others and own ones.
    pub fn arrived(self) -> Signal<Vec<ItemId>> {
        self.arrived.into()
    }

    /// An item.
    pub fn row(self, id: ItemId) -> Option<ArcRwSignal<TimelineItem>> {
        self.rows.with_value(|rows| rows.get(&id).cloned())
    }

    /// Reads an item without following it.
    pub fn peek<R>(self, id: ItemId, f: impl FnOnce(&TimelineItem) -> R) -> Option<R> {
        self.row(id).map(|row| row.with_untracked(f))
    }

    /// Asks for the newest items, all unread ones among them.
    pub fn load_newest(self, unread: u32) {
        let limit = (unread + PAGE / 2).clamp(PAGE, LARGEST_PAGE);
        self.ask(None, limit, move |answer| match answer {
            Ok(page) => {
                self.forget_what_is_not_in(&page.items);
                let oldest = page.items.first().map(|item| item.id);
                self.merge(page.items);
                // The page that brought the oldest item knows whether there are older ones; an event doesn't.
                if self.order.with_untracked(|order| order.first().copied()) == oldest {
                    self.more.set(page.more);
                }
                self.load.set(Load::Ready);
            }
            Err(trouble) => self.load.set(Load::Failed(trouble)),
        });
    }

    /// Asks for older items, unless they are on their way.
    pub fn load_older(self) {
        let oldest = self.order.with_untracked(|order| order.first().copied());
        if !self.more.get_untracked() || self.loading_older.get_untracked() || oldest.is_none() {
            return;
        }
        self.loading_older.set(true);
        self.older_failed.set(None);
        self.ask(oldest, PAGE * 2, move |answer| {
            self.loading_older.set(false);
            match answer {
                Ok(page) => {
                    self.more.set(page.more);
                    self.merge(page.items);
                }
                Err(trouble) => self.older_failed.set(Some(trouble)),
            }
        });
    }

    fn ask(
        self,
        before: Option<ItemId>,
        limit: u32,
        then: impl FnOnce(Result<TimelinePage, Trouble>) + 'static,
    ) {
        let command = Command::Timeline { conversation: self.conversation, before, limit };
        self.core.ask(command, move |answer| {
            then(answer.and_then(|reply| match reply {
                Reply::Timeline(page) => Ok(page),
                other => Err(unexpected(other)),
            }));
        });
    }

    /// The newest items are known: what stands among them and is none of them is gone. Without an item in common,
    /// something between may be missing, and the older ones are asked for afresh.
    fn forget_what_is_not_in(self, newest: &[TimelineItem]) {
        let joined = newest.iter().any(|item| self.row(item.id).is_some());
        let begin = newest.first().map(|item| item.position).filter(|_| joined);
        let stays = |id: ItemId, row: &ArcRwSignal<TimelineItem>| {
            newest.iter().any(|item| item.id == id)
                || begin.is_some_and(|begin| row.with_untracked(|row| row.position < begin))
        };
        let gone: Vec<_> = self.rows.with_value(|rows| {
            rows.iter().filter(|(id, row)| !stays(**id, row)).map(|(id, _)| *id).collect()
        });
        if !gone.is_empty() {
            self.remove(&gone);
        }
    }

    fn put(self, items: Vec<TimelineItem>) {
        let known = |id| self.rows.with_value(|rows| rows.contains_key(&id));
        let arrived: Vec<_> = items.iter().map(|item| item.id).filter(|id| !known(*id)).collect();
        self.merge(items);
        if !arrived.is_empty() {
            self.arrived.set(arrived);
        }
    }

    fn merge(self, items: Vec<TimelineItem>) {
        let mut moved = false;
        for item in items {
            match self.row(item.id) {
                Some(row) => {
                    moved |= row.with_untracked(|old| old.position != item.position);
                    if row.with_untracked(|old| *old != item) {
                        row.set(item);
                    }
                }
                None => {
                    moved = true;
                    self.rows.update_value(|rows| _ = rows.insert(item.id, ArcRwSignal::new(item)));
                }
            }
        }
        if moved {
            self.sort();
        }
    }

    fn remove(self, items: &[ItemId]) {
        self.rows.update_value(|rows| rows.retain(|id, _| !items.contains(id)));
        self.order.update(|order| order.retain(|id| !items.contains(id)));
    }

    fn sort(self) {
        let order = self.rows.with_value(|rows| {
            let mut keys: Vec<_> =
                rows.iter().map(|(id, row)| (row.with_untracked(|row| row.position), *id)).collect();
            keys.sort_unstable();
            keys.into_iter().map(|(_, id)| id).collect::<Vec<_>>()
        });
        self.order.set(order);
    }
}

/// The timelines that were opened. A handle.
#[derive(Clone, Copy)]
pub struct Timelines {
    core: CoreClient,
    owner: StoredValue<Owner>,
    open: StoredValue<HashMap<ConversationId, Timeline>>,
}

impl Timelines {
    pub fn new(core: CoreClient) -> Self {
        Self {
            core,
            owner: StoredValue::new(Owner::current().unwrap_or_default()),
            open: StoredValue::default(),
        }
    }

    /// The timeline of a conversation; it is asked for if it is not here yet.
    pub fn open(self, id: ConversationId, unread: u32) -> Timeline {
        if let Some(timeline) = self.get(id) {
            return timeline;
        }
        // Timelines outlive the page that opens them first.
        let timeline = self.owner.with_value(|owner| owner.with(|| Timeline::new(self.core, id)));
        self.open.update_value(|open| _ = open.insert(id, timeline));
        timeline.load_newest(unread);
        timeline
    }

    /// Asks for the newest items again: events may have been missed.
    pub fn refresh(self) {
        self.open.with_value(|open| open.values().for_each(|timeline| timeline.load_newest(0)));
    }

    pub(super) fn put(self, conversation: ConversationId, items: Vec<TimelineItem>) {
        if let Some(timeline) = self.get(conversation) {
            timeline.put(items);
        }
    }

    pub(super) fn remove(self, conversation: ConversationId, items: &[ItemId]) {
        if let Some(timeline) = self.get(conversation) {
            timeline.remove(items);
        }
    }

    pub(super) fn forget(self, conversation: ConversationId) {
        self.open.update_value(|open| _ = open.remove(&conversation));
    }

    pub(super) fn clear(self) {
        self.open.update_value(HashMap::clear);
    }

    fn get(self, id: ConversationId) -> Option<Timeline> {
        self.open.with_value(|open| open.get(&id).copied())
    }
}

/// Whether an item is somebody else's message.
pub fn is_from_others(item: &TimelineItem) -> bool {
    matches!(
        item.content,
        ItemContent::Received { .. } | ItemContent::Unsupported { .. } | ItemContent::Unreadable(_)
    )
}
