//! Inboxes, and the outbox whose pointers go to them.

use super::{Result, Tx, signed, unsigned};
use crate::store::News;
use haven_wire::{ids::*, inbox::InboxEntry, limits::MAX_INBOX};
use sqlx::{SqlitePool, query, query_as};

/// Entries in one answer.
const PAGE: i64 = 100;
/// Pointers that one transaction delivers.
const DELIVERIES: i64 = 200;

pub(super) async fn read(readers: &SqlitePool, device: DeviceId, after: u64) -> Result<Vec<InboxEntry>> {
    let rows: Vec<(i64, Vec<u8>)> = query_as(
        "SELECT sequence, sealed FROM inbox WHERE device_id = $1 AND sequence > $2
         ORDER BY sequence LIMIT $3",
    )
    .bind(device.as_bytes())
    .bind(signed(after))
    .bind(PAGE)
    .fetch_all(readers)
    .await?;
    Ok(rows
        .into_iter()
        .map(|(sequence, sealed)| InboxEntry { sequence: unsigned(sequence), sealed })
        .collect())
}

pub(super) async fn acknowledge(tx: &mut Tx, device: DeviceId, up_to: u64) -> Result<()> {
    let deleted = query("DELETE FROM inbox WHERE device_id = $1 AND sequence <= $2")
        .bind(device.as_bytes())
        .bind(signed(up_to))
        .execute(&mut tx.connection)
        .await?;
    if deleted.rows_affected() == 0 {
        return Ok(());
    }
    let due = query("UPDATE outbox SET waits = 0 WHERE inbox = $1 AND waits = 1")
        .bind(device.as_bytes())
        .execute(&mut tx.connection)
        .await?;
    if due.rows_affected() > 0 {
        tx.news.push(News::Outbox);
    }
    Ok(())
}

const IN_INBOX: &str = "SELECT COUNT(*) FROM inbox WHERE device_id = $1";
const WAITING: &str = "SELECT COUNT(*) FROM outbox WHERE inbox = $1 AND waits = 1";

/// Moves pointers to their inboxes. One whose inbox is full waits, and is dropped if as many wait already. The delivery
/// id makes a second delivery of the same pointer harmless, so that a store whose inboxes live elsewhere may do the two
/// halves in two transactions.
pub(super) async fn deliver(tx: &mut Tx) -> Result<usize> {
    let waiting: Vec<(Vec<u8>, Vec<u8>, Vec<u8>)> =
        query_as("SELECT outbox_id, inbox, sealed FROM outbox WHERE waits = 0 ORDER BY outbox_id LIMIT $1")
            .bind(DELIVERIES)
            .fetch_all(&mut tx.connection)
            .await?;
    for (id, inbox, sealed) in &waiting {
        let is_done = match DeviceId::from_slice(inbox) {
            Some(device) if is_full(tx, IN_INBOX, device).await? => is_full(tx, WAITING, device).await?,
            Some(device) => put(tx, device, id, sealed).await.map(|()| true)?,
            None => true,
        };
        let done = if is_done {
            query("DELETE FROM outbox WHERE outbox_id = $1")
        } else {
            query("UPDATE outbox SET waits = 1 WHERE outbox_id = $1")
        };
        done.bind(id.as_slice()).execute(&mut tx.connection).await?;
    }
    Ok(waiting.len())
}

/// Whether there is no room for a device's pointers: in its inbox, and among those that wait for that.
async fn is_full(tx: &mut Tx, count: &'static str, device: DeviceId) -> Result<bool> {
    let (there,): (i64,) = query_as(count).bind(device.as_bytes()).fetch_one(&mut tx.connection).await?;
    Ok(unsigned(there) >= MAX_INBOX as u64)
}

/// A pointer for a device that is gone is dropped.
async fn put(tx: &mut Tx, device: DeviceId, delivery: &[u8], sealed: &[u8]) -> Result<()> {
    let next: Option<(i64,)> =
        query_as("UPDATE device SET inbox_next = inbox_next + 1 WHERE device_id = $1 RETURNING inbox_next")
            .bind(device.as_bytes())
            .fetch_optional(&mut tx.connection)
            .await?;
    let Some((next,)) = next else {
        return Ok(());
    };
    query(
        "INSERT INTO inbox (device_id, sequence, delivery_id, sealed) VALUES ($1, $2, $3, $4)
         ON CONFLICT (device_id, delivery_id) DO NOTHING",
    )
    .bind(device.as_bytes())
    .bind(next - 1)
    .bind(delivery)
    .bind(sealed)
    .execute(&mut tx.connection)
    .await?;
    tx.news.push(News::Inbox(device));
    Ok(())
}
