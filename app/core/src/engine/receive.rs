//! What relays tell: rows, pushed or fetched, in the order of the log, and hints.
//!
//! Rows of one batch are stored in one write set. When one of them meets a defect, those before it are stored, its
//! conversation stops there, and the others go on. A storage error is never taken for a bad row.

use super::{Engine, PATIENCE};
use crate::{
    Error, Millis,
    chat::records::State,
    memory::{Batch, Memory},
    store::Store,
};
use haven_bridge::{ConversationId, Event, StopReason};
use haven_wire::{group, ids::GroupId, push::FromRelay};
use std::collections::BTreeMap;

impl<S: Store> Engine<S> {
    /// Rows and news that a relay pushed: all of them in one write set.
    pub async fn receive(&mut self, frames: Vec<FromRelay>, now: Millis) -> Result<Vec<Event>, Error> {
        self.refresh(now).await?;
        let mut rows: BTreeMap<ConversationId, Vec<group::Row>> = BTreeMap::new();
        for frame in frames {
            self.take_frame(frame, &mut rows);
        }
        rows.retain(|id, rows| {
            let line = self.memory.network.line(*id);
            let head = rows.last().map_or(0, |row| row.sequence);
            line.known_head = line.known_head.max(head);
            // Before the first fetch rows are only a hint: what came before them is not here yet.
            line.caught_up
        });
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        for id in rows.keys() {
            self.memory.load_group(&self.store, *id).await?;
        }
        let work = |memory: &mut Memory, batch: &mut Batch| {
            rows.iter().try_for_each(|(id, rows)| memory.process_rows(batch, *id, rows, now))
        };
        match self.verb(now, work).await {
            Ok((_, events)) => Ok(events),
            Err(Error::Store(error)) => Err(error.into()),
            Err(_) => {
                let mut events = Vec::new();
                for (id, rows) in &rows {
                    events.extend(self.process_singly(*id, rows, now).await?);
                }
                Ok(events)
            }
        }
    }

    fn take_frame(&mut self, frame: FromRelay, rows: &mut BTreeMap<ConversationId, Vec<group::Row>>) {
        let network = &mut self.memory.network;
        let conversation = |group_id: GroupId| {
            let mut all = self.memory.conversations.values();
            all.find(|c| c.details.group_id == group_id).map(|c| c.details.id)
        };
        match frame {
            FromRelay::Welcome => {
                network.live = true;
                network.inbox_due = true;
                network.mail.due = true;
            }
            FromRelay::Mailbox { head } => {
                network.mail.known_head = network.mail.known_head.max(head);
                network.mail.hinted = true;
            }
            FromRelay::Rows { group_id, rows: new } => {
                if let Some(id) = conversation(group_id) {
                    rows.entry(id).or_default().extend(new);
                }
            }
            FromRelay::Head { group_id, head } => {
                if let Some(id) = conversation(group_id) {
                    network.saw_head(id, head, false);
                }
            }
            FromRelay::Inbox => network.inbox_due = true,
            FromRelay::KeyPackagesLow => network.key_packages_due = true,
            FromRelay::SignedOut => network.signed_out = true,
            FromRelay::Closed { .. } | FromRelay::Pong(_) => {}
        }
    }

    pub(super) async fn rows_came(
        &mut self,
        id: ConversationId,
        after: u64,
        rows: group::Rows,
        now: Millis,
    ) -> Result<Vec<Event>, Error> {
        let cursor = self.memory.conversations.get(&id).and_then(|c| c.head.cursor);
        let line = self.memory.network.line(id);
        line.busy = false;
        line.known_head = line.known_head.max(rows.head);
        let behind = line.known_head > cursor.unwrap_or(0) || cursor.is_none();
        let first = rows.rows.first().map(|row| row.sequence);
        let goes_on = first.is_some() && (cursor.is_none() || first == Some(after + 1));
        // Rows that were pushed meanwhile may have overtaken the answer.
        let overtaken = cursor.is_some_and(|cursor| cursor > after);
        if behind && !goes_on && !overtaken || rows.head < after {
            return self.withheld(id, now).await;
        }
        line.retry.clear();
        line.withheld = 0;
        self.memory.load_group(&self.store, id).await?;
        let work = |memory: &mut Memory, batch: &mut Batch| memory.process_rows(batch, id, &rows.rows, now);
        let events = if rows.rows.is_empty() {
            Vec::new()
        } else {
            match self.verb(now, work).await {
                Ok((_, events)) => events,
                Err(Error::Store(error)) => return Err(error.into()),
                Err(_) => self.process_singly(id, &rows.rows, now).await?,
            }
        };
        let cursor = self.memory.conversations.get(&id).and_then(|c| c.head.cursor);
        let line = self.memory.network.line(id);
        line.caught_up |= cursor.is_some_and(|cursor| cursor >= line.known_head);
        Ok(events)
    }

    /// A row has met a defect: those before it are processed, its conversation stops there, and others go on.
    pub(super) async fn process_singly(
        &mut self,
        id: ConversationId,
        rows: &[group::Row],
        now: Millis,
    ) -> Result<Vec<Event>, Error> {
        let mut events = Vec::new();
        for row in rows {
            self.memory.load_group(&self.store, id).await?;
            let one = std::slice::from_ref(row);
            let processed = self.verb(now, |memory, batch| memory.process_rows(batch, id, one, now)).await;
            match processed {
                Ok((_, more)) => events.extend(more),
                Err(Error::Store(error)) => return Err(error.into()),
                Err(_) => {
                    events.extend(self.stop(id, StopReason::CommitUnreadable, now).await?);
                    break;
                }
            }
        }
        Ok(events)
    }

    /// The relay has rows that it doesn't give. After some patience the person is told.
    pub(super) async fn withheld(&mut self, id: ConversationId, now: Millis) -> Result<Vec<Event>, Error> {
        let line = self.memory.network.line(id);
        line.retry.later(now);
        line.withheld += 1;
        if line.withheld < PATIENCE {
            return Ok(Vec::new());
        }
        let reason = misbehaved("it keeps back messages that it has, or has lost some");
        self.stop(id, reason, now).await
    }

    pub(super) async fn stop(
        &mut self,
        id: ConversationId,
        reason: StopReason,
        now: Millis,
    ) -> Result<Vec<Event>, Error> {
        let state = self.memory.conversations.get(&id).map(|conversation| &conversation.details.state);
        if matches!(state, Some(State::Request(_))) {
            // Its group goes with it.
            self.memory.load_group(&self.store, id).await?;
        }
        Ok(self.verb(now, |memory, batch| memory.stop(batch, id, reason, now)).await?.1)
    }
}

pub(super) fn misbehaved(what: &str) -> StopReason {
    StopReason::RelayMisbehaved { what: what.into() }
}
