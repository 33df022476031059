//! Rows of a log, one after the other: checked against what the relay says of them, decrypted or merged, shown.

use super::{
    content::Envelope,
    lines,
    records::*,
    seen::{CommitData, running_hash},
    send::preview_of,
};
use crate::{
    Error, Millis,
    identity::AttestationClaim,
    memory::{Batch, Conversation, Group, Memory},
    mls::{
        self, Fault, Provider,
        members::{read_leaf, verify_leaf},
        rules,
    },
    network,
};
use haven_bridge::{
    ConversationId, ItemContent, ItemId, Line, PersonRef, Preview, SendState, StopReason, TimelineItem,
    Unreadable,
};
use haven_wire::{
    group::{CommitMark, Kind, Row},
    ids::{EpochToken, Hash},
    limits,
};
use openmls::prelude::{tls_codec::DeserializeBytes as _, *};

/// The exporter label of epoch tokens.
const TOKEN_LABEL: &str = "haven epoch token";
const TOKEN_LENGTH: usize = 32;

/// What is needed beside a conversation to process its rows.
struct Here<'a> {
    provider: &'a Provider,
    batch: &'a mut Batch,
    line: &'a mut network::Line,
    /// The job whose commit was met: it is done.
    done: Option<u64>,
    /// Whether the line that counts what is gone has changed.
    gone_changed: bool,
    now: Millis,
}

/// What to do after a row.
enum Next {
    /// Process the next one.
    Go,
    /// Rows are missing: fetch them.
    Fetch,
    /// The conversation stops at this row.
    Stop(StopReason),
}

fn misbehaved(what: &str) -> Next {
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
                    conversation.details.state = State::Stopped(reason);
                    here.batch.details.insert(id);
                }
            }
        }
        conversation.show_gone(&mut here)?;
        here.batch.heads.insert(id);
        let done = here.done;
        let removed = conversation.details.state == State::Removed;
        if conversation.head.epoch != before {
            batch.details.insert(id);
        }
        if let Some(job) = done {
            self.end_job(batch, job)?;
        }
        if removed {
            self.end_membership(batch, id)?;
        }
        self.refresh_keys(batch, id, now)
    }

    /// This device was removed: what it still wanted to do and say there is given up. A message can be tried again,
    /// if the device is ever added again.
    fn end_membership(&mut self, batch: &mut Batch, id: ConversationId) -> Result<(), Error> {
        let of_this = |job: &&Job| matches!(&job.task, Task::Change(change) if change.conversation == id.0);
        let jobs: Vec<u64> = self.jobs.values().filter(of_this).map(|job| job.id).collect();
        jobs.into_iter().try_for_each(|job| self.end_job(batch, job))?;
        self.fail_waiting(batch, id, &haven_bridge::Failure::NotAMember)
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
    fn end_gone(&mut self, here: &mut Here) -> Result<(), Error> {
        self.show_gone(here)?;
        self.head.gone = None;
        Ok(())
    }

    fn process_application(
        &mut self,
        here: &mut Here,
        row: &Row,
        message: ProtocolMessage,
        hash: Hash,
    ) -> Result<Next, Error> {
        self.end_gone(here)?;
        let own = self.outbound.values().find(|m| m.encrypted.as_ref().is_some_and(|sent| sent.hash == hash));
        let next = match own.map(|message| message.order) {
            Some(order) => self.meet_own(here, row, order)?,
            None => self.read(here, row, message)?,
        };
        if let Next::Go = next {
            let running = running_hash(Some(&self.head.running()), &hash);
            self.head.push_hash(running);
        }
        Ok(next)
    }

    /// An own message got its place in the log.
    fn meet_own(&mut self, here: &mut Here, row: &Row, order: u64) -> Result<Next, Error> {
        let Some(message) = self.outbound.remove(&order) else { return Ok(Next::Go) };
        if message.message_id != row.message_id {
            return Ok(misbehaved("it changed the id of a message"));
        }
        here.line.taken.remove(&message.message_id);
        here.batch.outbound(self.details.id, order, None)?;
        self.head.has_sent = true;
        let item = TimelineItem {
            id: ItemId(message.message_id.0),
            position: row_position(row.sequence, 0),
            time: message.time,
            content: ItemContent::Sent { text: message.text, state: SendState::Stored },
        };
        here.batch.item(self.details.id, item)?;
        Ok(Next::Go)
    }

    /// Somebody else's message.
    fn read(&mut self, here: &mut Here, row: &Row, message: ProtocolMessage) -> Result<Next, Error> {
        let Some(group) = &mut self.group else {
            return Err(Error::Bug("rows came for a group that isn't loaded"));
        };
        let processed = match group.mls.process_message(here.provider, message) {
            Ok(processed) => processed,
            Err(ProcessMessageError::StorageError(error)) => return Err(error.into()),
            Err(error) => {
                // OpenMLS does not export the error inside, so its text is all there is to tell reuse by.
                let reused = format!("{error:?}").contains("SecretReuse");
                let why = if reused { Unreadable::KeyReused } else { Unreadable::Undecryptable };
                self.show_unreadable(here, row, why)?;
                return Ok(Next::Go);
            }
        };
        if processed.aad() != row.message_id.as_bytes() {
            return Ok(misbehaved("it changed the id of a message"));
        }
        let sender = processed.sender().clone();
        match processed.into_content() {
            ProcessedMessageContent::ApplicationMessage(content) => {
                let claim = member(group, &sender).cloned();
                self.show_message(here, row, claim, &content.into_bytes())?;
            }
            ProcessedMessageContent::OwnPrivateMessage => {
                // This device's state was lost and restored: other messages may have used its next keys already.
                self.head.must_update = true;
                // The restored state may still hold the text, not yet encrypted: it must not be sent again.
                let waiting = self.outbound.values().find(|message| message.message_id == row.message_id);
                if let Some(order) = waiting.map(|message| message.order) {
                    return self.meet_own(here, row, order);
                }
                self.show_unreadable(here, row, Unreadable::Undecryptable)?;
            }
            _ => self.show_unreadable(here, row, Unreadable::Malformed)?,
        }
        Ok(Next::Go)
    }

    fn show_message(
        &mut self,
        here: &mut Here,
        row: &Row,
        claim: Option<AttestationClaim>,
        plaintext: &[u8],
    ) -> Result<(), Error> {
        let (Some(claim), Ok(envelope)) = (claim, haven_wire::decode::<Envelope>(plaintext)) else {
            return self.show_unreadable(here, row, Unreadable::Malformed);
        };
        let disagrees = self.head.disagrees_with(&envelope.seen);
        let from = lines::person(&claim);
        let (content, preview) = match envelope.content.as_text() {
            Some(text) => (
                ItemContent::Received {
                    from: from.clone(),
                    device: claim.label,
                    text: text.into(),
                    disagrees,
                },
                Preview::Text { from: Some(from), text: preview_of(text) },
            ),
            None => (ItemContent::Unsupported { from }, self.head.preview.clone()),
        };
        self.head.preview = preview;
        self.show_received(here, row, ItemId(row.message_id.0), envelope.time, content)
    }

    fn show_unreadable(&mut self, here: &mut Here, row: &Row, why: Unreadable) -> Result<(), Error> {
        // The row's id is not authenticated: it may be that of a good message, which this must not replace.
        let id = line_id(self.details.group_id, row_position(row.sequence, 0));
        self.show_received(here, row, id, here.now, ItemContent::Unreadable(why))
    }

    fn show_received(
        &mut self,
        here: &mut Here,
        row: &Row,
        id: ItemId,
        time: Millis,
        content: ItemContent,
    ) -> Result<(), Error> {
        self.head.unread += 1;
        self.head.updated = self.head.updated.max(time.min(here.now));
        let position = row_position(row.sequence, 0);
        here.batch.item(self.details.id, TimelineItem { id, position, time, content })
    }

    fn process_commit(
        &mut self,
        here: &mut Here,
        row: &Row,
        message: ProtocolMessage,
        hash: Hash,
    ) -> Result<Next, Error> {
        let Some(mark) = row.commit else { return Ok(misbehaved("a commit came without its mark")) };
        if self.pending.as_ref().is_some_and(|pending| pending.hash == hash) {
            return self.merge_own(here, row, mark, hash);
        }
        let Some(group) = &mut self.group else {
            return Err(Error::Bug("rows came for a group that isn't loaded"));
        };
        let processed = match group.mls.process_message(here.provider, message) {
            Ok(processed) => processed,
            Err(ProcessMessageError::StorageError(error)) => return Err(error.into()),
            Err(_) => return Ok(Next::Stop(StopReason::CommitUnreadable)),
        };
        let data = CommitData::decode(processed.aad()).filter(|data| data.message_id == row.message_id);
        let Some(data) = data else { return Ok(misbehaved("it changed the id of a commit")) };
        let sender = processed.sender().clone();
        match processed.into_content() {
            ProcessedMessageContent::StagedCommitMessage(staged) => {
                if self.head.disagrees_with(&data.seen) {
                    self.show_disagreement(here, &sender)?;
                }
                self.merge_others(here, row, mark, &sender, *staged, hash)
            }
            // Its own commit that it doesn't know: this state is a copy, or too old.
            ProcessedMessageContent::OwnPrivateMessage => Ok(Next::Stop(StopReason::StateTooOld)),
            _ => Ok(misbehaved("a commit is none")),
        }
    }

    /// Says that a committer had seen other rows. The commit is judged as any other: members who were not shown the same
    /// must still decide alike.
    fn show_disagreement(&mut self, here: &mut Here, sender: &Sender) -> Result<(), Error> {
        self.end_gone(here)?;
        let Some(group) = &self.group else { return Err(Error::Bug("a commit without a group")) };
        let own = group.members.get(group.mls.own_leaf_index()).map(|claim| claim.fingerprint);
        let by = member(group, sender).filter(|claim| Some(claim.fingerprint) != own);
        let line = Line::Disagrees { who: by.map(lines::person) };
        self.add_line(here.batch, line, here.now)
    }

    fn merge_own(&mut self, here: &mut Here, row: &Row, mark: CommitMark, hash: Hash) -> Result<Next, Error> {
        let (Some(pending), Some(group)) = (&self.pending, &mut self.group) else {
            return Err(Error::Bug("an own commit without a pending one"));
        };
        if pending.request.mark != mark || pending.request.message_id != row.message_id {
            return Ok(misbehaved("it changed what was registered with a commit"));
        }
        let committer = group.mls.own_leaf_index();
        let staged = group.mls.pending_commit().ok_or(Error::Bug("no commit is pending"))?;
        let effect = rules::check(&group.context, &group.members, committer, staged, read_leaf)?;
        let refreshed = staged.update_path_leaf_node().is_some();
        let before = group.members.clone();
        group
            .mls
            .merge_pending_commit(here.provider)
            .map_err(|_| Error::Bug("an own commit can't be merged"))?;
        here.done = pending.job;
        if refreshed {
            self.head.must_update = false;
            self.head.updated_keys = here.now;
        }
        self.after_merge(here, row, committer, &before, &effect, hash)
    }

    fn merge_others(
        &mut self,
        here: &mut Here,
        row: &Row,
        mark: CommitMark,
        sender: &Sender,
        staged: StagedCommit,
        hash: Hash,
    ) -> Result<Next, Error> {
        let Some(group) = &mut self.group else {
            return Err(Error::Bug("rows came for a group that isn't loaded"));
        };
        let Sender::Member(committer) = *sender else { return Ok(Next::Stop(StopReason::CommitUnreadable)) };
        let from = group.members.get(committer).map(lines::person);
        let effect = match rules::check(&group.context, &group.members, committer, &staged, verify_leaf) {
            Ok(effect) => effect,
            Err(Fault::NewerRules) => return Ok(Next::Stop(StopReason::NewerRules)),
            Err(fault) => return Ok(refused(from, &fault.to_string())),
        };
        if mark.barrier == effect.removed.is_empty() {
            return Ok(refused(from, "it is registered with the wrong barrier"));
        }
        let self_removed = staged.self_removed();
        if !self_removed {
            let token = export_token(|label, length| {
                staged.export_secret(here.provider.crypto(), label, &[], length).ok()
            })?;
            if token.hash() != mark.next_token_hash {
                return Ok(refused(from, "it is registered with the wrong key to the next epoch"));
            }
        }
        let before = group.members.clone();
        group
            .mls
            .merge_staged_commit(here.provider, staged)
            .map_err(|_| Error::Bug("a commit can't be merged"))?;
        self.after_merge(here, row, committer, &before, &effect, hash)
    }

    /// The new epoch: who is in it, what opens its rows, and what it changed.
    fn after_merge(
        &mut self,
        here: &mut Here,
        row: &Row,
        committer: LeafNodeIndex,
        before: &mls::Members,
        effect: &rules::Effect,
        hash: Hash,
    ) -> Result<Next, Error> {
        let Some(group) = &mut self.group else { return Err(Error::Bug("a merge without a group")) };
        if self.pending.take().is_some() {
            here.batch.pending(self.details.id, None)?;
        }
        here.line.commit_taken = false;
        here.line.taken.clear();
        for message in self.outbound.values_mut() {
            message.encrypted = None;
        }
        let me = group.mls.own_leaf_index();
        let renamed = group.context.title != effect.context.title;
        let lines = lines::of_commit(before, committer, me, effect, renamed, row.epoch);
        if group.mls.is_active() {
            group.follow(committer, effect)?;
            let token = group.token(here.provider)?;
            self.head.start_epoch(row.epoch + 1, token, running_hash(None, &hash));
            if self.details.state == State::Starting {
                self.details.state = State::Active;
            }
        } else {
            group.follow(committer, effect)?;
            self.details.state = State::Removed;
        }
        if !lines.is_empty() {
            self.end_gone(here)?;
        }
        for (n, line) in (0..=u8::MAX).zip(lines) {
            let position = row_position(row.sequence, n);
            let id = line_id(self.details.group_id, position);
            self.head.preview = Preview::Line(line.clone());
            self.head.updated = here.now;
            let content = ItemContent::Line(line);
            here.batch.item(self.details.id, TimelineItem { id, position, time: here.now, content })?;
        }
        self.describe();
        here.batch.details.insert(self.details.id);
        Ok(Next::Go)
    }

    /// Copies what the list of conversations shows out of the group.
    pub fn describe(&mut self) {
        let Some(group) = &self.group else { return };
        let me = group.members.get(group.mls.own_leaf_index()).map(|claim| claim.fingerprint);
        let others: Vec<PersonRecord> = group
            .members
            .people()
            .into_iter()
            .filter(|(fingerprint, _)| Some(*fingerprint) != me)
            .map(|(fingerprint, address)| PersonRecord { fingerprint, address: address.into() })
            .collect();
        self.details.people_count = u32::try_from(others.len()).unwrap_or(u32::MAX);
        self.details.people = others.into_iter().take(NAMED_PEOPLE).collect();
        self.details.leaves = u32::try_from(group.members.len()).unwrap_or(u32::MAX);
        self.details.title.clone_from(&group.context.title);
    }
}

/// People whose names stand for a title.
const NAMED_PEOPLE: usize = 8;

impl Group {
    /// Takes over what a merged commit changed, so that the other leaves need not be read again.
    fn follow(&mut self, committer: LeafNodeIndex, effect: &rules::Effect) -> Result<(), Error> {
        for leaf in &effect.removed {
            self.members.set(*leaf, None);
        }
        let mut verified = Vec::new();
        for (index, leaf) in self.mls.treesync().full_leaves() {
            if index == committer || self.members.get(index).is_none() {
                verified.push((index.u32(), read_leaf(leaf)?));
            }
        }
        for (leaf, claim) in verified {
            self.members.set(leaf, Some(claim));
        }
        self.context = effect.context.clone();
        Ok(())
    }

    /// The token of the group's epoch.
    pub fn token(&self, provider: &Provider) -> Result<EpochToken, Error> {
        export_token(|label, length| self.mls.export_secret(provider.crypto(), label, &[], length).ok())
    }
}

/// Derives an epoch token with an MLS exporter (RFC 9420, section 8.5).
pub fn export_token(export: impl FnOnce(&str, usize) -> Option<Vec<u8>>) -> Result<EpochToken, Error> {
    let secret = export(TOKEN_LABEL, TOKEN_LENGTH).and_then(|secret| EpochToken::from_slice(&secret));
    secret.ok_or(Error::Bug("the epoch token can't be derived"))
}

fn refused(from: Option<PersonRef>, what: &str) -> Next {
    Next::Stop(StopReason::CommitRefused { from, what: what.into() })
}

fn member<'a>(group: &'a Group, sender: &Sender) -> Option<&'a AttestationClaim> {
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
