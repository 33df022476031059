//! What to do next with each conversation's log: one thing at a time, reading before writing.

use crate::{
    Error, Millis,
    chat::records::{State, Task},
    memory::{Batch, Memory},
    network::{POLL, Purpose},
    request::{Outgoing, Request},
};
use haven_bridge::ConversationId;
use haven_wire::{group, group::Opened, limits};

/// Messages that are read of a conversation that nobody has accepted.
const MAX_UNASKED: u32 = 500;
/// Rows that one request asks for.
const ROWS: u32 = limits::MAX_ROWS as u32;

/// The next thing to do with a conversation's log.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// Read rows.
    Fetch,
    /// Send the commit that is pending.
    Commit,
    /// Stage a job's commit, and send it.
    Stage(u64),
    /// Encrypt what waits, and send it.
    Append,
}

impl Step {
    pub(super) fn writes(&self) -> bool {
        matches!(self, Self::Stage(_) | Self::Append)
    }
}

impl Memory {
    /// What to do next with a conversation's log, if anything. One thing at a time.
    pub(super) fn next_step(&self, id: ConversationId) -> Option<Step> {
        let conversation = self.conversations.get(&id)?;
        let now = self.network.now;
        let fresh = crate::network::Line::default();
        let line = self.network.lines.get(&id).unwrap_or(&fresh);
        if line.busy || !line.retry.due(now) {
            return None;
        }
        let unborn = conversation.details.state == State::Starting && conversation.head.epoch == 0;
        if unborn && !line.commit_taken && !(conversation.pending.is_some() && line.known_head > 0) {
            return line.writing.due(now).then(|| self.birth(conversation)).flatten();
        }
        if !conversation.follows_log() {
            return None;
        }
        let behind = conversation.head.cursor.is_none_or(|cursor| line.known_head > cursor);
        if !line.caught_up || (behind && line.fetch_at <= now) {
            return Some(Step::Fetch);
        }
        if behind || !line.writing.due(now) {
            return None;
        }
        if conversation.pending.is_some() {
            return (!line.commit_taken).then_some(Step::Commit);
        }
        if let Some(job) = self.ready_job(id) {
            return Some(Step::Stage(job));
        }
        let taken = |message: &crate::chat::records::Outbound| line.taken.contains(&message.message_id);
        let waits = conversation.outbound.values().any(|m| m.failed.is_none() && !taken(m));
        let may_send = conversation.details.state == State::Active && !conversation.head.must_refresh();
        (waits && may_send).then_some(Step::Append)
    }

    /// A group that is being made: its first commit makes the log.
    fn birth(&self, conversation: &crate::memory::Conversation) -> Option<Step> {
        if conversation.pending.is_some() {
            return Some(Step::Commit);
        }
        self.ready_job(conversation.details.id).map(Step::Stage)
    }

    /// The first job of a conversation that has all that it needs.
    fn ready_job(&self, id: ConversationId) -> Option<u64> {
        let of_this = |job: &&crate::chat::records::Job| match &job.task {
            Task::Change(change) => change.conversation == id.0,
            Task::Join(_) => false,
        };
        let mut jobs = self.jobs.values().filter(of_this);
        jobs.find(|job| self.unclaimed(job).is_empty()).map(|job| job.id)
    }

    /// Does what must be stored before a step's request is made.
    pub(super) fn prepare_step(
        &mut self,
        batch: &mut Batch,
        id: ConversationId,
        step: &Step,
        now: Millis,
    ) -> Result<(), Error> {
        match step {
            Step::Stage(job) => {
                if let crate::chat::change::Staged::Nothing = self.stage(batch, *job, now)? {
                    self.end_job(batch, *job)?;
                }
                Ok(())
            }
            Step::Append => self.encrypt_waiting(batch, id),
            Step::Fetch | Step::Commit => Ok(()),
        }
    }

    /// The request of a step.
    pub(super) fn request_for(&mut self, id: ConversationId, step: &Step) -> Option<Outgoing> {
        let append = matches!(step, Step::Append).then(|| self.append_request(id)).flatten();
        let conversation = self.conversations.get(&id)?;
        let token = conversation.head.token;
        let (purpose, request) = match step {
            Step::Fetch => {
                let after = conversation.head.cursor.unwrap_or(0);
                let (group_id, epoch) = (conversation.details.group_id, conversation.head.epoch);
                let rows = group::GetRows { group_id, epoch, after, limit: ROWS };
                (Purpose::Rows(id, after), Request::GetRows(rows))
            }
            Step::Commit | Step::Stage(_) => {
                let request = conversation.pending.as_ref()?.request.clone();
                (Purpose::Commit(id), Request::AppendCommit(request))
            }
            Step::Append => {
                let request = append?;
                let messages = request.messages.iter().map(|message| message.message_id).collect();
                (Purpose::Append(id, messages), Request::AppendMessages(request))
            }
        };
        let origin = conversation.details.origin.clone();
        self.network.line(id).busy = true;
        Some(self.network.start(&origin, purpose, Some(token), request))
    }

    /// When something is due by itself.
    pub(super) fn wake_at(&self, now: Millis, latest: Millis) -> Millis {
        let mut at = latest.min(self.network.polled + POLL);
        for line in self.network.lines.values() {
            if line.known_head > 0 && line.fetch_at > now {
                at = at.min(line.fetch_at);
            }
            for retry in [line.retry, line.writing] {
                at = at.min(retry.next(now).unwrap_or(at));
            }
        }
        for retry in self.network.job_retry.values().chain([&self.network.retry, &self.network.vault.retry]) {
            at = at.min(retry.next(now).unwrap_or(at));
        }
        let mail = &self.network.mail;
        let searches = mail.searches.values().filter_map(|retry| retry.next(now));
        for due in searches.chain(mail.retry.next(now)).chain([mail.polled + crate::mailbox::POLL]) {
            at = at.min(due);
        }
        at.max(now + 1)
    }
}

impl crate::memory::Conversation {
    /// Whether the log has anything for this device.
    pub(super) fn follows_log(&self) -> bool {
        let wanted = match self.details.state {
            State::Active | State::Starting => true,
            // Its log is read on once it is accepted: until then a stranger fills no disk with it.
            State::Request(_) => self.head.unread <= MAX_UNASKED,
            _ => false,
        };
        wanted && (self.head.epoch > 0 || self.pending.is_some())
    }

    pub(super) fn opened(&self) -> Opened {
        Opened { group_id: self.details.group_id, epoch: self.head.epoch, token: self.head.token }
    }
}
