//! Reading a group's log through the window that an epoch token opens.

use super::{
    Result, Window, fixed,
    groups::{COMMIT, GONE},
    signed, unsigned,
};
use futures_util::TryStreamExt as _;
use haven_wire::{
    Refusal,
    group::*,
    ids::*,
    limits::{MAX_ROWS, MAX_ROWS_BYTES},
};
use sqlx::{
    QueryBuilder, Row as _, Sqlite, SqliteConnection, SqlitePool, query, query_as, sqlite::SqliteRow,
};
use std::collections::HashMap;
use subtle::ConstantTimeEq as _;

/// Questions in one statement.
const QUESTIONS: usize = 100;

pub(super) async fn rows(reader: &mut SqliteConnection, token_hash: Hash, request: GetRows) -> Result<Rows> {
    let row: Option<(Vec<u8>, i64, Option<i64>, i64)> = query_as(
        "SELECT e.token_hash, e.first_sequence, e.last_sequence, s.next_sequence
         FROM group_epoch e JOIN group_state s ON s.group_id = e.group_id
         WHERE e.group_id = $1 AND e.epoch = $2",
    )
    .bind(request.group_id.as_bytes())
    .bind(signed(request.epoch))
    .fetch_optional(&mut *reader)
    .await?;
    let (held, first, last, next) = row.ok_or(Refusal::WrongEpochToken)?;
    if !bool::from(held.as_slice().ct_eq(token_hash.as_bytes())) {
        return Err(Refusal::WrongEpochToken.into());
    }
    // Rows that are appended between the two statements come with the next call.
    let head = next - 1;
    let from = first.max(signed(request.after.saturating_add(1)));
    let to = last.unwrap_or(head);
    Ok(Rows { rows: read(reader, &request, from, to).await?, head: unsigned(head) })
}

async fn read(reader: &mut SqliteConnection, request: &GetRows, from: i64, to: i64) -> Result<Vec<Row>> {
    let limit = i64::from(request.limit).min(MAX_ROWS as i64);
    let mut stream = query(
        "SELECT sequence, epoch, kind, message_id, ciphertext, next_token_hash, barrier FROM group_log
         WHERE group_id = $1 AND sequence >= $2 AND sequence <= $3 ORDER BY sequence LIMIT $4",
    )
    .bind(request.group_id.as_bytes())
    .bind(from)
    .bind(to)
    .bind(limit)
    .fetch(reader);
    let mut rows = Vec::new();
    let mut bytes = 0;
    while bytes <= MAX_ROWS_BYTES
        && let Some(stored) = stream.try_next().await?
    {
        let row = decode(&stored)?;
        bytes += row.ciphertext.len();
        rows.push(row);
    }
    Ok(rows)
}

fn decode(stored: &SqliteRow) -> Result<Row> {
    let kind: i64 = stored.try_get("kind")?;
    let bytes: Vec<u8> = stored.try_get("ciphertext")?;
    let (ciphertext, gone) = match kind {
        GONE => (Vec::new(), Some(fixed(Hash::from_slice(&bytes))?)),
        _ => (bytes, None),
    };
    let message_id: &[u8] = stored.try_get("message_id")?;
    let next_token_hash: Option<&[u8]> = stored.try_get("next_token_hash")?;
    let barrier: Option<i64> = stored.try_get("barrier")?;
    let commit = next_token_hash
        .map(|hash| {
            fixed(Hash::from_slice(hash)).map(|next_token_hash| CommitMark {
                next_token_hash,
                barrier: barrier.unwrap_or_default() != 0,
            })
        })
        .transpose()?;
    Ok(Row {
        sequence: unsigned(stored.try_get("sequence")?),
        epoch: unsigned(stored.try_get("epoch")?),
        kind: if kind == COMMIT { Kind::Commit } else { Kind::Application },
        message_id: fixed(MessageId::from_slice(message_id))?,
        ciphertext,
        gone,
        commit,
    })
}

pub(super) async fn windows(reader: &mut SqliteConnection, asked: &[Opened]) -> Result<Vec<Option<Window>>> {
    let mut answers = Vec::with_capacity(asked.len());
    for part in asked.chunks(QUESTIONS) {
        let found = look_up(reader, part).await?;
        answers.extend(part.iter().map(|opened| {
            let (held, window) = found.get(&(opened.group_id, opened.epoch))?;
            let fits = held.as_slice().ct_eq(opened.token.hash().as_bytes());
            bool::from(fits).then_some(*window)
        }));
    }
    Ok(answers)
}

type Found = HashMap<(GroupId, u64), (Vec<u8>, Window)>;

async fn look_up(reader: &mut SqliteConnection, asked: &[Opened]) -> Result<Found> {
    if asked.is_empty() {
        return Ok(Found::new());
    }
    let mut sql = QueryBuilder::<Sqlite>::new("WITH asked (group_id, epoch) AS (");
    sql.push_values(asked, |mut values, opened| {
        values.push_bind(opened.group_id.0.to_vec()).push_bind(signed(opened.epoch));
    });
    sql.push(
        ") SELECT e.group_id, e.epoch, e.token_hash, e.first_sequence, e.last_sequence, s.next_sequence
         FROM asked a
         JOIN group_epoch e ON e.group_id = a.group_id AND e.epoch = a.epoch
         JOIN group_state s ON s.group_id = a.group_id",
    );
    type Columns = (Vec<u8>, i64, Vec<u8>, i64, Option<i64>, i64);
    let rows: Vec<Columns> = sql.build_query_as().fetch_all(reader).await?;
    rows.into_iter()
        .map(|(group, epoch, held, first, last, next)| {
            let window =
                Window { first: unsigned(first), last: last.map(unsigned), head: unsigned(next - 1) };
            let group = fixed(GroupId::from_slice(&group))?;
            Ok(((group, unsigned(epoch)), (held, window)))
        })
        .collect()
}

pub(super) async fn welcome(readers: &SqlitePool, id: WelcomeId) -> Result<Option<Vec<u8>>> {
    let row: Option<(Vec<u8>,)> = query_as("SELECT welcome FROM welcome WHERE welcome_id = $1")
        .bind(id.as_bytes())
        .fetch_optional(readers)
        .await?;
    Ok(row.map(|(welcome,)| welcome))
}
