//! Groups: who may write and read, and what is kept for how long.

use super::{DAY, Inner};
use crate::Millis;
use haven_wire::{Refusal, group::*, ids::*, inbox::InboxEntry, limits};
use std::collections::BTreeMap;

/// How long the relay keeps messages, and commits with everything else.
const MESSAGES: Millis = 30 * DAY;
const COMMITS: Millis = 365 * DAY;

#[derive(Clone, Default)]
pub(super) struct Log {
    pub(super) rows: Vec<Row>,
    /// When each row came.
    pub(super) times: Vec<Millis>,
    pub(super) epoch: u64,
    /// The hashes of tokens, and when they came.
    pub(super) hashes: BTreeMap<u64, (Hash, Millis)>,
    pub(super) accepted: BTreeMap<MessageId, u64>,
}

impl Inner {
    fn check_writable(&self, group_id: GroupId) -> Result<(), Refusal> {
        self.read_only.get(&group_id).map_or(Ok(()), |refusal| Err(refusal.clone()))
    }

    fn check_token(&self, group_id: GroupId, epoch: u64, token: Option<EpochToken>) -> Result<(), Refusal> {
        let token = token.expect("group calls have a token");
        let known = self.groups.get(&group_id).and_then(|log| log.hashes.get(&epoch));
        if known.is_some_and(|(hash, _)| *hash == token.hash()) {
            Ok(())
        } else {
            Err(Refusal::WrongEpochToken)
        }
    }

    pub(super) fn append_commit(
        &mut self,
        call: AppendCommit,
        token: Option<EpochToken>,
    ) -> Result<Appended, Refusal> {
        self.check_writable(call.group_id)?;
        if !self.groups.contains_key(&call.group_id) && call.epoch == 0 {
            let mut log = Log::default();
            log.hashes.insert(0, (token.expect("a token").hash(), self.now));
            self.groups.insert(call.group_id, log);
        }
        self.check_token(call.group_id, call.epoch, token)?;
        let log = self.groups.get_mut(&call.group_id).ok_or(Refusal::WrongEpochToken)?;
        if let Some(sequence) = log.accepted.get(&call.message_id) {
            return Ok(Appended { sequence: *sequence, unknown_inboxes: Vec::new() });
        }
        if call.epoch != log.epoch {
            return Err(Refusal::WrongEpoch { epoch: log.epoch, head: log.rows.len() as u64 });
        }
        let row = Row {
            sequence: log.rows.len() as u64 + 1,
            epoch: call.epoch,
            kind: Kind::Commit,
            message_id: call.message_id,
            ciphertext: call.commit,
            gone: None,
            commit: Some(call.mark),
        };
        log.epoch += 1;
        log.hashes.insert(log.epoch, (call.mark.next_token_hash, self.now));
        let sequence = log.push(row, self.now);
        if let Some(welcome) = call.welcome {
            self.welcomes.insert(welcome.id, (welcome.welcome, self.now));
        }
        let mut unknown_inboxes = Vec::new();
        for pointer in call.pointers {
            match self.inboxes.get_mut(&pointer.inbox) {
                Some((last, entries)) => {
                    *last += 1;
                    entries.push(InboxEntry { sequence: *last, sealed: pointer.sealed });
                }
                None => unknown_inboxes.push(pointer.inbox),
            }
        }
        Ok(Appended { sequence, unknown_inboxes })
    }

    pub(super) fn append_messages(
        &mut self,
        call: AppendMessages,
        token: Option<EpochToken>,
    ) -> Result<Appended, Refusal> {
        self.check_writable(call.group_id)?;
        self.check_token(call.group_id, call.epoch, token)?;
        for message in &call.messages {
            let seen = self.seen.entry((call.group_id, call.epoch, message.message_id)).or_default();
            seen.insert(Hash::of(&message.ciphertext));
        }
        let log = self.groups.get_mut(&call.group_id).ok_or(Refusal::WrongEpochToken)?;
        let first = call.messages.first().and_then(|message| log.accepted.get(&message.message_id)).copied();
        if call.epoch != log.epoch && first.is_none() {
            return Err(Refusal::EpochTooOld { epoch: log.epoch, head: log.rows.len() as u64 });
        }
        let mut sequence = first;
        for message in call.messages {
            if log.accepted.contains_key(&message.message_id) {
                continue;
            }
            let row = Row {
                sequence: log.rows.len() as u64 + 1,
                epoch: call.epoch,
                kind: Kind::Application,
                message_id: message.message_id,
                ciphertext: message.ciphertext,
                gone: None,
                commit: None,
            };
            let pushed = log.push(row, self.now);
            sequence = sequence.or(Some(pushed));
        }
        Ok(Appended { sequence: sequence.unwrap_or(0), unknown_inboxes: Vec::new() })
    }

    pub(super) fn rows(&self, call: GetRows, token: Option<EpochToken>) -> Result<Rows, Refusal> {
        self.check_token(call.group_id, call.epoch, token)?;
        let log = self.groups.get(&call.group_id).ok_or(Refusal::WrongEpochToken)?;
        let mut rows = Vec::new();
        let mut commits = 0;
        let opened = log.rows.iter().filter(|row| call.epoch == 0 || row.epoch + 1 >= call.epoch);
        let opened =
            opened.skip_while(|row| call.epoch > 0 && row.epoch + 1 == call.epoch && row.commit.is_none());
        for row in opened {
            if row.sequence > call.after && rows.len() < call.limit as usize {
                rows.push(row.clone());
            }
            let of_later_epoch = row.epoch >= call.epoch && row.commit.is_some();
            commits += u64::from(of_later_epoch);
            let barrier = row.commit.is_some_and(|mark| mark.barrier) && of_later_epoch;
            if barrier || commits == limits::MAX_TOKEN_COMMITS {
                break;
            }
        }
        Ok(Rows { rows, head: log.rows.len() as u64 })
    }

    pub(super) fn heads(&self, call: GetHeads) -> Heads {
        let head = |opened: &Opened| {
            self.check_token(opened.group_id, opened.epoch, Some(opened.token)).ok()?;
            self.groups.get(&opened.group_id).map(|log| log.rows.len() as u64)
        };
        Heads { heads: call.groups.iter().map(head).collect() }
    }
}

impl Log {
    /// Puts hashes in the places of old messages, and forgets old tokens. Rows that no token opens any more stay here:
    /// nobody can tell.
    pub(super) fn sweep(&mut self, now: Millis) {
        for (row, time) in self.rows.iter_mut().zip(&self.times) {
            if row.kind == Kind::Application && row.gone.is_none() && time + MESSAGES < now {
                row.gone = Some(Hash::of(&row.ciphertext));
                row.ciphertext.clear();
            }
        }
        let ended: BTreeMap<_, _> = self.hashes.iter().map(|(epoch, (_, time))| (*epoch, *time)).collect();
        self.hashes.retain(|epoch, _| ended.get(&(epoch + 1)).is_none_or(|time| time + COMMITS >= now));
    }

    fn push(&mut self, row: Row, now: Millis) -> u64 {
        let sequence = row.sequence;
        self.times.push(now);
        self.accepted.insert(row.message_id, sequence);
        self.rows.push(row);
        sequence
    }
}
