//! Retention, and the readiness check.

use super::{Cutoffs, Result, Tx, groups};
use haven_wire::ids::Hash;
use sqlx::{AssertSqlSafe, Row as _, query, query_as};

/// Rows that one statement deletes, so that appends never wait long behind a sweep.
const PART: i64 = 500;
/// The same for rows that are read first.
const READ_PART: i64 = 100;

pub(super) async fn probe(tx: &mut Tx) -> Result<()> {
    query(
        "INSERT INTO probe (probe_id, counter) VALUES (1, 1)
         ON CONFLICT (probe_id) DO UPDATE SET counter = probe.counter + 1",
    )
    .execute(&mut tx.connection)
    .await?;
    Ok(())
}

pub(super) async fn pragma(tx: &mut Tx, name: &'static str) -> Result<String> {
    let row = query(AssertSqlSafe(format!("PRAGMA {name}"))).fetch_one(&mut tx.connection).await?;
    let number = row.try_get::<i64, _>(0).map(|number| number.to_string());
    Ok(number.or_else(|_| row.try_get(0))?)
}

pub(super) async fn sweep(tx: &mut Tx, cutoffs: Cutoffs) -> Result<u64> {
    let mut gone = delete_ciphertexts(tx, cutoffs.messages).await?;
    // An epoch's age counts from its end, and the current one stays. Or a quiet group could never be written to again, and
    // the first commit after a long time would shut everybody out who does not read it at once.
    gone += part(
        tx,
        "DELETE FROM group_epoch WHERE (group_id, epoch) IN
            (SELECT e.group_id, e.epoch FROM group_epoch n
             JOIN group_epoch e ON e.group_id = n.group_id AND e.epoch = n.epoch - 1 WHERE n.day < $1 LIMIT $2)",
        cutoffs.commits,
    )
    .await?;
    // Rows go when no token opens them any more, whatever their age: a client takes a gap for withholding.
    gone += part(
        tx,
        "DELETE FROM group_log WHERE (group_id, sequence) IN
            (SELECT l.group_id, l.sequence FROM group_log l WHERE l.kind IN (1, 2) AND l.day < $1 AND l.sequence <
                (SELECT e.first_sequence FROM group_epoch e WHERE e.group_id = l.group_id ORDER BY e.epoch LIMIT 1)
             LIMIT $2)",
        cutoffs.commits,
    )
    .await?;
    gone += part(
        tx,
        "DELETE FROM welcome WHERE welcome_id IN (SELECT welcome_id FROM welcome WHERE day < $1 LIMIT $2)",
        cutoffs.welcomes,
    )
    .await?;
    gone += part(
        tx,
        "DELETE FROM published_key_package WHERE reference IN
            (SELECT reference FROM published_key_package WHERE day < $1 LIMIT $2)",
        cutoffs.key_packages,
    )
    .await?;
    Ok(gone)
}

/// Puts hashes in the places of ciphertexts. What is left of a row keeps the log without gaps and the running hash over it
/// going, and a message that is sent again after a lost answer is still known.
async fn delete_ciphertexts(tx: &mut Tx, before: i64) -> Result<u64> {
    let sql = "SELECT group_id, sequence, ciphertext FROM group_log WHERE kind = $1 AND day < $2 LIMIT $3";
    let old: Vec<(Vec<u8>, i64, Vec<u8>)> = query_as(sql)
        .bind(groups::APPLICATION)
        .bind(before)
        .bind(READ_PART)
        .fetch_all(&mut tx.connection)
        .await?;
    for (group, sequence, ciphertext) in &old {
        query("UPDATE group_log SET kind = $1, ciphertext = $2 WHERE group_id = $3 AND sequence = $4")
            .bind(groups::GONE)
            .bind(Hash::of(ciphertext).0.to_vec())
            .bind(group.as_slice())
            .bind(sequence)
            .execute(&mut tx.connection)
            .await?;
    }
    Ok(old.len() as u64)
}

async fn part(tx: &mut Tx, sql: &'static str, before: i64) -> Result<u64> {
    let done = query(sql).bind(before).bind(PART).execute(&mut tx.connection).await?;
    Ok(done.rows_affected())
}
