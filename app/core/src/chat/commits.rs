//! Commits of the log: judged, merged, and told in the timeline.

use super::{
    lines,
    receive::{Here, Next, member, misbehaved},
    records::*,
    seen::{CommitData, running_hash},
    token::export_token,
};
use crate::{
    Error,
    memory::{Conversation, Group},
    mls::{
        self, Fault,
        members::{read_leaf, verify_leaf},
        rules,
    },
};
use haven_bridge::{ItemContent, Line, PersonRef, Preview, StopReason, TimelineItem};
use haven_wire::{
    group::{CommitMark, Row},
    ids::Hash,
};
use openmls::prelude::*;

/// People whose names stand for a title.
const NAMED_PEOPLE: usize = 8;

impl Conversation {
    pub(super) fn process_commit(
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
        let (epoch, me) = (group.mls.epoch(), group.mls.own_leaf_index().u32());
        group
            .mls
            .merge_staged_commit(here.provider, staged)
            .map_err(|_| Error::Bug("a commit can't be merged"))?;
        if self_removed {
            use openmls_traits::{OpenMlsProvider as _, storage::StorageProvider as _};
            // OpenMLS deletes the private keys of an epoch when it enters the next one, and this device enters none.
            here.provider.storage().delete_encryption_epoch_key_pairs(group.mls.group_id(), &epoch, me)?;
        }
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
        for (n, line) in (0..lines::MAX_LINES).zip(lines) {
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
}

fn refused(from: Option<PersonRef>, what: &str) -> Next {
    Next::Stop(StopReason::CommitRefused { from, what: what.into() })
}
