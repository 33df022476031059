//! Rows of a log, one after the other: checked against what the relay says of them, decrypted or merged, shown.

use super::{records::*, seen::running_hash, send::item_of};
use crate::{
    Error, Millis,
    identity::AttestationClaim,
    memory::{Batch, Conversation, Group, Memory},
    mls::Provider,
    network,
};
use haven_bridge::{ConversationId, Failure, ItemContent, Line, Preview, StopReason, TimelineItem};
use haven_wire::{
    group::{Kind, Row},
    ids::Hash,
    limits,
};
use openmls::prelude::{tls_codec::DeserializeBytes as _, *};

/// What is needed beside a conversation to process its rows.
pub(super) struct Here<'a> {
    pub provider: &'a Provider,
    pub batch: &'a mut Batch,
    pub line: &'a mut network::Line,
    /// The job whose commit was met: it is done.
    pub done: Option<u64>,
    /// Whether the line that counts what is gone has changed.
    pub gone_changed: bool,
    pub now: Millis,
}

/// What to do after a row.
pub(super) enum Next {
    /// Process the next one.
    Go,
    /// Rows are missing: fetch them.
    Fetch,
    /// The conversation stops at this row.
    Stop(StopReason),
}

pub(super) fn misbehaved(what: &str) -> Next {
    Next::Stop(StopReason::RelayMisbehaved { what: what.into() })
}

impl Memory {
    /// Processes rows in order, as far as they go on from the cursor.
    pub fn process_rows(
        &mut self,
        batch: &mut Batch,
        id: ConversationId,
        rows: &[Row],
        now: Millis,
    ) -> Result<(), Error> {
        let Some(conversation) = self.conversations.get_mut(&id) else { return Ok(()) };
        let known = |row: &Row| conversation.head.cursor.is_some_and(|cursor| row.sequence <= cursor);
        if rows.iter().all(known) {
            return Ok(());
        }
        let before = conversation.head.epoch;
        let asked = matches!(conversation.details.state, State::Request(_));
        let line = self.network.lines.entry(id).or_default();
        let mut here = Here { provider: &self.provider, batch, line, done: None, gone_changed: false, now };
        for row in rows {
            if matches!(conversation.details.state, State::Stopped(_) | State::Removed) {
                break;
            }
            here.line.known_head = here.line.known_head.max(row.sequence);
            match conversation.process(&mut here, row)? {
                Next::Go => {}
                Next::Fetch => {
                    here.line.fetch_at = now;
                    break;
                }
                Next::Stop(reason) => {
                    conversation.stop(reason);
                    here.batch.details.insert(id);
                }
            }
        }
        conversation.show_gone(&mut here)?;
        here.batch.heads.insert(id);
        if conversation.head.epoch != before {
            // What was refused was of the epoch before.
            here.line.writing.clear();
            here.batch.details.insert(id);
        }
        let done = here.done;
        let (removed, stopped) = match conversation.details.state {
            State::Removed => (true, false),
            State::Stopped(_) => (false, true),
            _ => (false, false),
        };
        if let Some(job) = done {
            self.end_job(batch, job)?;
        }
        if asked && removed {
            // It was taken back. Its group, kept, would make its sender one who had been together with this person.
            return self.end_request(batch, id);
        }
        if asked && stopped {
            return self.drop_request(batch, id, now);
        }
        if removed {
            self.end_membership(batch, id, &Failure::NotAMember)?;
        }
        if stopped {
            self.end_stopped(batch, id)?;
        }
        self.refresh_keys(batch, id, now)
    }

    /// What this device still wanted to do and say in a conversation is given up. A message can be tried again, if the
    /// device is ever added again.
    fn end_membership(
        &mut self,
        batch: &mut Batch,
        id: ConversationId,
        failure: &Failure,
    ) -> Result<(), Error> {
        let of_this = |job: &&Job| matches!(&job.task, Task::Change(change) if change.conversation == id.0);
        let jobs: Vec<u64> = self.jobs.values().filter(of_this).map(|job| job.id).collect();
        jobs.into_iter().try_for_each(|job| self.end_job(batch, job))?;
        self.fail_waiting(batch, id, failure)
    }

    /// Stops a conversation, and gives up what waits there.
    pub fn stop(
        &mut self,
        batch: &mut Batch,
        id: ConversationId,
        reason: StopReason,
        now: Millis,
    ) -> Result<(), Error> {
        let Some(conversation) = self.conversations.get_mut(&id) else { return Ok(()) };
        if let State::Request(_) = conversation.details.state {
            return self.drop_request(batch, id, now);
        }
        conversation.stop(reason);
        batch.details.insert(id);
        self.end_stopped(batch, id)
    }

    /// A request that can't be followed. Kept as a stopped conversation, it would count as no request, so that strangers
    /// could leave any number.
    fn drop_request(&mut self, batch: &mut Batch, id: ConversationId, now: Millis) -> Result<(), Error> {
        self.tell_welcome_refused(batch, now);
        self.end_request(batch, id)
    }

    /// A conversation has stopped: nothing more is sent there. What the relay has taken is in the log, and never met.
    fn end_stopped(&mut self, batch: &mut Batch, id: ConversationId) -> Result<(), Error> {
        let taken = self.network.lines.get(&id).map(|line| &line.taken);
        if let (Some(taken), Some(conversation)) = (taken, self.conversations.get_mut(&id)) {
            let sent = |message: &Outbound| taken.contains(&message.message_id) && message.failed.is_none();
            for message in conversation.outbound.values().filter(|message| sent(message)) {
                batch.outbound(id, message.order, None)?;
                batch.item(id, item_of(message, true))?;
            }
            conversation.outbound.retain(|_, message| !sent(message));
        }
        self.end_membership(batch, id, &Failure::ConversationStopped)
    }

    /// Own keys are refreshed after one's own first message and from then on now and then, and before anything is
    /// sent from a state that lost something.
    pub fn refresh_keys(&mut self, batch: &mut Batch, id: ConversationId, now: Millis) -> Result<(), Error> {
        let Some(conversation) = self.conversations.get(&id) else { return Ok(()) };
        let Head { has_sent, updated_keys, .. } = conversation.head;
        let must_refresh = conversation.head.must_refresh();
        let due = updated_keys + self.refresh_interval(conversation.details.leaves) < now;
        let active = conversation.details.state == State::Active;
        let planned = self.jobs.values().any(|job| match &job.task {
            Task::Change(change) => change.conversation == id.0 && change.refresh,
            Task::Join(_) => false,
        });
        if active && (must_refresh || (has_sent && due)) && !planned {
            let change = Change { conversation: id.0, refresh: true, ..Change::default() };
            self.add_job(batch, Task::Change(change))?;
        }
        Ok(())
    }

    /// A day, or longer in large groups, and up to half of it longer by device, so that devices don't all do it at
    /// once.
    fn refresh_interval(&self, leaves: u32) -> Millis {
        const FOR_EACH_LEAF: Millis = 10 * 60 * 1000;
        let interval = DAY.max(u64::from(leaves) * FOR_EACH_LEAF);
        let [jitter, ..] = self.account.device_id.0;
        interval + interval / 512 * u64::from(jitter)
    }
}

impl Conversation {
    /// Before the first row was met, what doesn't fit may be the word of whoever sent the Welcome as well as the relay's.
    fn stop(&mut self, reason: StopReason) {
        let reason = match reason {
            StopReason::RelayMisbehaved { .. } if self.head.cursor.is_none() => StopReason::WrongWelcome,
            reason => reason,
        };
        self.details.state = State::Stopped(reason);
    }

    fn process(&mut self, here: &mut Here, row: &Row) -> Result<Next, Error> {
        match self.head.cursor {
            None => return self.process_opening(here, row),
            Some(cursor) if row.sequence <= cursor => return Ok(Next::Go),
            Some(cursor) if row.sequence != cursor + 1 => return Ok(Next::Fetch),
            Some(_) => {}
        }
        if let Some(hash) = row.gone {
            return self.process_gone(here, row, hash);
        }
        let Some(message) = read_header(row) else {
            return Ok(misbehaved("a row is no message of a conversation"));
        };
        let labelled = message.group_id().as_slice() == self.details.group_id.as_bytes()
            && message.epoch().as_u64() == row.epoch
            && message.content_type() == content_type(row.kind)
            && row.commit.is_some() == (row.kind == Kind::Commit);
        if !labelled || row.epoch != self.head.epoch {
            return Ok(misbehaved("a row is labelled as something that it is not"));
        }
        let hash = Hash::of(&row.ciphertext);
        let next = match row.kind {
            Kind::Application => self.process_application(here, row, message, hash)?,
            Kind::Commit => self.process_commit(here, row, message, hash)?,
        };
        if let Next::Go = next {
            self.head.cursor = Some(row.sequence);
        }
        Ok(next)
    }

    /// The first row after a Welcome is the commit that the Welcome came with.
    fn process_opening(&mut self, here: &mut Here, row: &Row) -> Result<Next, Error> {
        let expected = self.head.opening == Some(Hash::of(&row.ciphertext))
            && row.kind == Kind::Commit
            && row.epoch + 1 == self.head.epoch;
        if row.sequence > MAX_SEQUENCE {
            return Ok(misbehaved("it counts rows beyond all reason"));
        }
        if !expected {
            return Ok(misbehaved("the log begins with another row than the one that added this device"));
        }
        self.head.cursor = Some(row.sequence);
        self.head.opening = None;
        if let Preview::Line(line) = &self.head.preview {
            let position = row_position(row.sequence, 0);
            let id = line_id(self.details.group_id, position);
            let content = ItemContent::Line(line.clone());
            here.batch.item(self.details.id, TimelineItem { id, position, time: here.now, content })?;
        }
        Ok(Next::Go)
    }

    /// A message that the relay has deleted because of its age. Of commits nothing is ever gone: a later row would be of
    /// another epoch.
    ///
    /// The hash that the relay tells in its place goes into the running hash like that of a message. So the next one who
    /// writes confirms, or denies, that just these messages were there, in this order: a relay can neither make them up
    /// nor leave more out. It can hide what is in them, as it could by damaging them, and the person is told: as a matter
    /// of age if this device was away for so long, as a fault of the relay if not.
    fn process_gone(&mut self, here: &mut Here, row: &Row, hash: Hash) -> Result<Next, Error> {
        let labelled = row.kind == Kind::Application && row.commit.is_none() && row.ciphertext.is_empty();
        if !labelled || row.epoch != self.head.epoch {
            return Ok(misbehaved("a row is labelled as something that it is not"));
        }
        // An own message whose answer got lost. The relay would not take its id again, so that is enough; but a key was
        // used that this device may not know of.
        let sent = |message: &Outbound| message.encrypted.as_ref().is_some_and(|sent| sent.hash == hash);
        let own = self.outbound.values().find(|m| sent(m) || m.message_id == row.message_id);
        self.head.has_holes |= !own.is_some_and(sent);
        match own.map(|message| message.order) {
            Some(order) => {
                self.end_gone(here)?;
                if let Next::Stop(reason) = self.meet_own(here, row, order)? {
                    return Ok(Next::Stop(reason));
                }
            }
            None => self.count_gone(here, row.sequence)?,
        }
        self.head.push_hash(running_hash(Some(&self.head.running()), &hash));
        self.head.cursor = Some(row.sequence);
        Ok(Next::Go)
    }

    fn count_gone(&mut self, here: &mut Here, sequence: u64) -> Result<(), Error> {
        let too_new = self.head.too_new_to_be_gone(here.now);
        if self.head.gone.is_some_and(|line| line.too_new != too_new) {
            self.end_gone(here)?;
        }
        if self.head.gone.is_none() {
            self.head.unread += 1;
        }
        let line = self.head.gone.get_or_insert(GoneLine { first: sequence, count: 0, too_new });
        line.count = line.count.saturating_add(1);
        here.gone_changed = true;
        Ok(())
    }

    /// Shows the line that counts what is gone, if it has changed.
    fn show_gone(&mut self, here: &mut Here) -> Result<(), Error> {
        let Some(GoneLine { first, count, too_new }) = self.head.gone.filter(|_| here.gone_changed) else {
            return Ok(());
        };
        here.gone_changed = false;
        let line = if too_new { Line::Withheld { count } } else { Line::Missed { count } };
        self.head.preview = Preview::Line(line.clone());
        self.head.updated = here.now;
        let position = row_position(first, 0);
        let id = line_id(self.details.group_id, position);
        let content = ItemContent::Line(line);
        here.batch.item(self.details.id, TimelineItem { id, position, time: here.now, content })
    }

    /// Something else is shown next: what is gone after it is counted anew.
    pub(super) fn end_gone(&mut self, here: &mut Here) -> Result<(), Error> {
        self.show_gone(here)?;
        self.head.gone = None;
        Ok(())
    }
}

/// What the group knows of a sender, if it is a member.
pub(super) fn member<'a>(group: &'a Group, sender: &Sender) -> Option<&'a AttestationClaim> {
    match sender {
        Sender::Member(leaf) => group.members.get(*leaf),
        _ => None,
    }
}

fn content_type(kind: Kind) -> ContentType {
    match kind {
        Kind::Application => ContentType::Application,
        Kind::Commit => ContentType::Commit,
    }
}

/// Reads a row's message. Only PrivateMessages are in a log.
fn read_header(row: &Row) -> Option<ProtocolMessage> {
    if row.ciphertext.len() > limits::MAX_COMMIT {
        return None;
    }
    match MlsMessageIn::tls_deserialize_exact_bytes(&row.ciphertext).ok()?.extract() {
        MlsMessageBodyIn::PrivateMessage(message) => Some(message.into()),
        _ => None,
    }
}
