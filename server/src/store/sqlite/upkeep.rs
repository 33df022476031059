//! Retention, and the readiness check.

use super::{Cutoffs, Result, Tx, groups};
use sqlx::{AssertSqlSafe, Row as _, query};

/// Rows that one statement deletes, so that appends never wait long behind a sweep.
const PART: i64 = 500;

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
    let mut gone = 0;
    for (kind, before) in [(groups::APPLICATION, cutoffs.messages), (groups::COMMIT, cutoffs.commits)] {
        let done = query(
            "DELETE FROM group_log WHERE (group_id, sequence) IN
                (SELECT group_id, sequence FROM group_log WHERE kind = $1 AND day < $2 LIMIT $3)",
        )
        .bind(kind)
        .bind(before)
        .bind(PART)
        .execute(&mut tx.connection)
        .await?;
        gone += done.rows_affected();
    }
    // The current epoch's hash stays, or a quiet group could never be written to again.
    gone += part(
        tx,
        "DELETE FROM group_epoch WHERE (group_id, epoch) IN
            (SELECT e.group_id, e.epoch FROM group_epoch e JOIN group_state s ON s.group_id = e.group_id
             WHERE e.day < $1 AND e.epoch < s.epoch LIMIT $2)",
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

async fn part(tx: &mut Tx, sql: &'static str, before: i64) -> Result<u64> {
    let done = query(sql).bind(before).bind(PART).execute(&mut tx.connection).await?;
    Ok(done.rows_affected())
}
