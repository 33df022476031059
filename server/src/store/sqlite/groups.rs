//! Appending to a group's log. A row is accepted, ordered and delivered by one transaction.

use super::{NewCommit, NewMessages, Result, Tx, signed, unsigned};
use crate::limits::Day;
use crate::store::{News, StoreError, random};
use haven_wire::{Refusal, group::*, ids::*, limits::MAX_TOKEN_COMMITS};
use sqlx::{SqliteConnection, query, query_as};
use std::sync::Arc;
use subtle::ConstantTimeEq as _;

/// Stored form of [`Kind`].
pub(super) const APPLICATION: i64 = 0;
pub(super) const COMMIT: i64 = 1;
/// An application message that was deleted because of its age. In the place of its ciphertext is the hash of that.
pub(super) const GONE: i64 = 2;

/// Where a group stands.
struct State {
    epoch: u64,
    next_sequence: u64,
}

impl State {
    fn head(&self) -> u64 {
        self.next_sequence.saturating_sub(1)
    }
}

/// The group's state, if `token_hash` is that of the token of `epoch`. A group that doesn't exist and a token that
/// doesn't fit look the same.
async fn authorised_state(
    connection: &mut SqliteConnection,
    group: GroupId,
    epoch: u64,
    token_hash: Hash,
) -> Result<Option<State>> {
    let row: Option<(i64, i64, Option<Vec<u8>>)> = query_as(
        "SELECT s.epoch, s.next_sequence, e.token_hash FROM group_state s
         LEFT JOIN group_epoch e ON e.group_id = s.group_id AND e.epoch = $2
         WHERE s.group_id = $1",
    )
    .bind(group.as_bytes())
    .bind(signed(epoch))
    .fetch_optional(connection)
    .await?;
    let Some((current, next_sequence, held)) = row else {
        return Ok(None);
    };
    if held.is_some_and(|held| bool::from(held.as_slice().ct_eq(token_hash.as_bytes()))) {
        Ok(Some(State { epoch: unsigned(current), next_sequence: unsigned(next_sequence) }))
    } else {
        Err(Refusal::WrongEpochToken.into())
    }
}

pub(super) async fn append_commit(tx: &mut Tx, new: NewCommit) -> Result<Appended> {
    let NewCommit { token_hash, request, day } = new;
    let group = request.group_id;
    let state = match authorised_state(&mut tx.connection, group, request.epoch, token_hash).await? {
        Some(state) => state,
        None => create_group(tx, group, request.epoch, token_hash, day).await?,
    };
    if let Some(sequence) = accepted(tx, group, request.epoch, COMMIT, request.message_id).await? {
        let unknown_inboxes = unknown_inboxes(tx, &request.pointers).await?;
        return Ok(Appended { sequence, unknown_inboxes });
    }
    if request.epoch != state.epoch {
        return Err(Refusal::WrongEpoch { epoch: state.epoch, head: state.head() }.into());
    }
    let sequence = state.next_sequence;
    let row = Row {
        sequence,
        epoch: request.epoch,
        kind: Kind::Commit,
        message_id: request.message_id,
        ciphertext: request.commit,
        gone: None,
        commit: Some(request.mark),
    };
    insert_row(tx, group, &row, day).await?;
    advance(tx, group, state.epoch.saturating_add(1), sequence.saturating_add(1)).await?;
    end_tokens(tx, group, request.epoch, sequence, request.mark.barrier).await?;
    let next = state.epoch.saturating_add(1);
    insert_epoch(tx, group, next, request.mark.next_token_hash, sequence, day).await?;
    if let Some(welcome) = request.welcome {
        insert_welcome(tx, welcome, day).await?;
    }
    let unknown_inboxes = post(tx, request.pointers).await?;
    tx.news.push(News::Rows { group_id: group, rows: Arc::new(vec![row]) });
    Ok(Appended { sequence, unknown_inboxes })
}

/// The first commit makes the group, and whoever sends it chooses the token of epoch 0.
async fn create_group(tx: &mut Tx, group: GroupId, epoch: u64, token_hash: Hash, day: Day) -> Result<State> {
    if epoch != 0 {
        return Err(Refusal::WrongEpochToken.into());
    }
    query("INSERT INTO group_state (group_id, epoch, next_sequence) VALUES ($1, 0, 1)")
        .bind(group.as_bytes())
        .execute(&mut tx.connection)
        .await?;
    insert_epoch(tx, group, 0, token_hash, 1, day).await?;
    Ok(State { epoch: 0, next_sequence: 1 })
}

pub(super) async fn append_messages(tx: &mut Tx, new: NewMessages) -> Result<Appended> {
    let NewMessages { token_hash, request, day } = new;
    let group = request.group_id;
    let state = authorised_state(&mut tx.connection, group, request.epoch, token_hash)
        .await?
        .ok_or(Refusal::WrongEpochToken)?;
    if request.epoch != state.epoch {
        return answer_late(tx, &request, &state).await;
    }
    let mut next = state.next_sequence;
    let mut first = None;
    let mut rows = Vec::with_capacity(request.messages.len());
    for message in request.messages {
        let row = Row {
            sequence: next,
            epoch: request.epoch,
            kind: Kind::Application,
            message_id: message.message_id,
            ciphertext: message.ciphertext,
            gone: None,
            commit: None,
        };
        let sequence = if insert_row(tx, group, &row, day).await? {
            next = next.saturating_add(1);
            rows.push(row);
            next.saturating_sub(1)
        } else {
            accepted(tx, group, row.epoch, APPLICATION, row.message_id).await?.unwrap_or_default()
        };
        first.get_or_insert(sequence);
    }
    if !rows.is_empty() {
        advance(tx, group, state.epoch, next).await?;
        tx.news.push(News::Rows { group_id: group, rows: Arc::new(rows) });
    }
    Ok(Appended { sequence: first.unwrap_or_default(), unknown_inboxes: Vec::new() })
}

/// Messages of an epoch that is over: the first answer again if all of them were accepted in time.
async fn answer_late(tx: &mut Tx, request: &AppendMessages, state: &State) -> Result<Appended> {
    let mut first = None;
    for message in &request.messages {
        match accepted(tx, request.group_id, request.epoch, APPLICATION, message.message_id).await? {
            Some(sequence) => first.get_or_insert(sequence),
            None => {
                return Err(Refusal::EpochTooOld { epoch: state.epoch, head: state.head() }.into());
            }
        };
    }
    Ok(Appended { sequence: first.unwrap_or_default(), unknown_inboxes: Vec::new() })
}

/// The sequence number of a row that was accepted before. An id that was used for something else is a fault of the
/// client; answering it with success would make the client merge a commit that was never stored.
async fn accepted(
    tx: &mut Tx,
    group: GroupId,
    epoch: u64,
    kind: i64,
    message: MessageId,
) -> Result<Option<u64>> {
    let row: Option<(i64, i64, i64)> =
        query_as("SELECT sequence, epoch, kind FROM group_log WHERE group_id = $1 AND message_id = $2")
            .bind(group.as_bytes())
            .bind(message.as_bytes())
            .fetch_optional(&mut tx.connection)
            .await?;
    match row {
        Some((sequence, held_epoch, held_kind))
            if held_epoch == signed(epoch) && (held_kind == COMMIT) == (kind == COMMIT) =>
        {
            Ok(Some(unsigned(sequence)))
        }
        Some(_) => Err(StoreError::Refused(Refusal::BadRequest { what: "message id".into() })),
        None => Ok(None),
    }
}

/// Whether the row is new.
async fn insert_row(tx: &mut Tx, group: GroupId, row: &Row, day: Day) -> Result<bool> {
    let kind = match row.kind {
        Kind::Application => APPLICATION,
        Kind::Commit => COMMIT,
    };
    let done = query(
        "INSERT INTO group_log (group_id, sequence, epoch, kind, message_id, ciphertext, next_token_hash, barrier, day)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         ON CONFLICT (group_id, message_id) DO NOTHING",
    )
    .bind(group.as_bytes())
    .bind(signed(row.sequence))
    .bind(signed(row.epoch))
    .bind(kind)
    .bind(row.message_id.as_bytes())
    .bind(row.ciphertext.as_slice())
    .bind(row.commit.as_ref().map(|mark| mark.next_token_hash.0.to_vec()))
    .bind(row.commit.as_ref().map(|mark| i64::from(mark.barrier)))
    .bind(day)
    .execute(&mut tx.connection)
    .await?;
    Ok(done.rows_affected() > 0)
}

async fn advance(tx: &mut Tx, group: GroupId, epoch: u64, next_sequence: u64) -> Result<()> {
    query("UPDATE group_state SET epoch = $1, next_sequence = $2 WHERE group_id = $3")
        .bind(signed(epoch))
        .bind(signed(next_sequence))
        .bind(group.as_bytes())
        .execute(&mut tx.connection)
        .await?;
    Ok(())
}

/// A commit ends the tokens that don't read beyond it: a barrier those of all epochs up to its own, any other that of
/// the epoch 256 commits back.
async fn end_tokens(tx: &mut Tx, group: GroupId, epoch: u64, sequence: u64, barrier: bool) -> Result<()> {
    let oldest = epoch.checked_sub(MAX_TOKEN_COMMITS - 1);
    let (from, to) = match (barrier, oldest) {
        (true, _) => (0, epoch),
        (false, Some(oldest)) => (oldest, oldest),
        (false, None) => return Ok(()),
    };
    query(
        "UPDATE group_epoch SET last_sequence = $1
         WHERE group_id = $2 AND epoch >= $3 AND epoch <= $4 AND last_sequence IS NULL",
    )
    .bind(signed(sequence))
    .bind(group.as_bytes())
    .bind(signed(from))
    .bind(signed(to))
    .execute(&mut tx.connection)
    .await?;
    Ok(())
}

async fn insert_epoch(
    tx: &mut Tx,
    group: GroupId,
    epoch: u64,
    token_hash: Hash,
    first_sequence: u64,
    day: Day,
) -> Result<()> {
    query(
        "INSERT INTO group_epoch (group_id, epoch, token_hash, first_sequence, last_sequence, day)
         VALUES ($1, $2, $3, $4, NULL, $5)",
    )
    .bind(group.as_bytes())
    .bind(signed(epoch))
    .bind(token_hash.as_bytes())
    .bind(signed(first_sequence))
    .bind(day)
    .execute(&mut tx.connection)
    .await?;
    Ok(())
}

async fn insert_welcome(tx: &mut Tx, new: StoredWelcome, day: Day) -> Result<()> {
    let done =
        query("INSERT INTO welcome (welcome_id, welcome, day) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING")
            .bind(new.id.as_bytes())
            .bind(new.welcome)
            .bind(day)
            .execute(&mut tx.connection)
            .await?;
    if done.rows_affected() == 0 {
        // Random ids don't meet. Nobody may replace somebody else's Welcome.
        return Err(StoreError::Refused(Refusal::BadRequest { what: "welcome id".into() }));
    }
    Ok(())
}

/// Puts pointers into the outbox, under keys that say nothing of the group. Answers which inboxes don't exist.
async fn post(tx: &mut Tx, pointers: Vec<Pointer>) -> Result<Vec<DeviceId>> {
    let unknown = unknown_inboxes(tx, &pointers).await?;
    let known: Vec<_> = pointers.into_iter().filter(|pointer| !unknown.contains(&pointer.inbox)).collect();
    if !known.is_empty() {
        tx.news.push(News::Outbox);
    }
    for pointer in known {
        query("INSERT INTO outbox (outbox_id, inbox, sealed) VALUES ($1, $2, $3)")
            .bind(random::<16>()?.as_slice())
            .bind(pointer.inbox.as_bytes())
            .bind(pointer.sealed)
            .execute(&mut tx.connection)
            .await?;
    }
    Ok(unknown)
}

async fn unknown_inboxes(tx: &mut Tx, pointers: &[Pointer]) -> Result<Vec<DeviceId>> {
    let mut unknown = Vec::new();
    for pointer in pointers {
        let exists: Option<(i64,)> = query_as("SELECT 1 FROM device WHERE device_id = $1")
            .bind(pointer.inbox.as_bytes())
            .fetch_optional(&mut tx.connection)
            .await?;
        if exists.is_none() && !unknown.contains(&pointer.inbox) {
            unknown.push(pointer.inbox);
        }
    }
    Ok(unknown)
}
