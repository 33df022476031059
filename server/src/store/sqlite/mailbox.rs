//! Mailboxes: entries under growing sequence numbers, and a count of their bytes.

use super::{Result, Tx, accounts::account_id, fixed, signed, unsigned};
use crate::limits::Day;
use crate::store::{AccountId, MailAccount, MailboxPage, NewEntry, News, StoreError};
use futures_util::TryStreamExt as _;
use haven_wire::{
    Refusal,
    ids::MessageId,
    limits::{MAX_INLINE_MAIL, MAX_ROWS, MAX_ROWS_BYTES},
    mail::{EntryKind, MailboxEntry, Note, RefusedMail},
};
use serde_bytes::ByteBuf;
use sqlx::{Row as _, SqliteConnection, SqlitePool, query, query_as, sqlite::SqliteRow};

const KINDS: [EntryKind; 6] = [
    EntryKind::Arrived,
    EntryKind::Sent,
    EntryKind::Delivery,
    EntryKind::Note,
    EntryKind::Deleted,
    EntryKind::Withdrawn,
];
/// [`EntryKind::Deleted`] as it is stored.
const DELETED: i64 = 4;

fn kind_number(kind: EntryKind) -> i64 {
    KINDS.iter().zip(0..).find(|(known, _)| **known == kind).map_or(DELETED, |(_, number)| number)
}

fn known_kind(number: i64) -> Result<EntryKind> {
    let kind = usize::try_from(number).ok().and_then(|number| KINDS.get(number).copied());
    kind.ok_or_else(|| StoreError::Failed("a mailbox entry of an unknown kind".into()))
}

type AccountColumns = (Vec<u8>, String, Vec<u8>, Option<i64>);

fn mail_account((account, local, certificate, used): AccountColumns) -> Result<MailAccount> {
    let used = unsigned(used.unwrap_or_default());
    Ok(MailAccount { account: account_id(&account)?, local, certificate, used })
}

pub(super) async fn account_of(readers: &SqlitePool, local: &str) -> Result<Option<MailAccount>> {
    let row: Option<AccountColumns> = query_as(
        "SELECT a.account_id, a.local_part, a.certificate, m.used
         FROM account a LEFT JOIN mailbox m ON m.account_id = a.account_id WHERE a.local_part = $1",
    )
    .bind(local)
    .fetch_optional(readers)
    .await?;
    row.map(mail_account).transpose()
}

pub(super) async fn own_account(readers: &SqlitePool, account: AccountId) -> Result<MailAccount> {
    let row: Option<AccountColumns> = query_as(
        "SELECT a.account_id, a.local_part, a.certificate, m.used
         FROM account a LEFT JOIN mailbox m ON m.account_id = a.account_id WHERE a.account_id = $1",
    )
    .bind(account.0.as_slice())
    .fetch_optional(readers)
    .await?;
    row.map(mail_account).transpose()?.ok_or_else(|| Refusal::NotSignedIn.into())
}

/// Appends an entry unless its id is there. Answers its sequence number.
pub(super) async fn append(tx: &mut Tx, account: AccountId, entry: NewEntry, quota: u64) -> Result<u64> {
    if let Some((sequence, _)) = find(tx, account, entry.id).await? {
        return Ok(sequence);
    }
    let size = entry.body.len() as u64;
    let sequence = next_sequence(tx, account, signed(size)).await?;
    if size > 0 && used(tx, account).await? > quota {
        return Err(Refusal::MailboxFull.into());
    }
    query(
        "INSERT INTO mailbox_entry (account_id, sequence, entry_id, kind, size, body)
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(account.0.as_slice())
    .bind(signed(sequence))
    .bind(entry.id.as_bytes())
    .bind(kind_number(entry.kind))
    .bind(signed(size))
    .bind(entry.body)
    .execute(&mut tx.connection)
    .await?;
    tx.news.push(News::Mailbox { account, head: sequence });
    Ok(sequence)
}

/// The sequence number of the entry with an id, and what it is.
pub(super) async fn find(tx: &mut Tx, account: AccountId, id: MessageId) -> Result<Option<(u64, EntryKind)>> {
    let row: Option<(i64, i64)> =
        query_as("SELECT sequence, kind FROM mailbox_entry WHERE account_id = $1 AND entry_id = $2")
            .bind(account.0.as_slice())
            .bind(id.as_bytes())
            .fetch_optional(&mut tx.connection)
            .await?;
    row.map(|(sequence, kind)| Ok((unsigned(sequence), known_kind(kind)?))).transpose()
}

/// Takes a sequence number, and counts bytes that come (or, below zero, go).
async fn next_sequence(tx: &mut Tx, account: AccountId, bytes: i64) -> Result<u64> {
    let (next,): (i64,) = query_as(
        "INSERT INTO mailbox (account_id, next_sequence, used) VALUES ($1, 2, $2)
         ON CONFLICT (account_id)
         DO UPDATE SET next_sequence = mailbox.next_sequence + 1, used = mailbox.used + $2
         RETURNING next_sequence",
    )
    .bind(account.0.as_slice())
    .bind(bytes)
    .fetch_one(&mut tx.connection)
    .await?;
    Ok(unsigned(next - 1))
}

async fn used(tx: &mut Tx, account: AccountId) -> Result<u64> {
    Ok(state(&mut tx.connection, account).await?.1)
}

/// The last sequence number, and bytes in the mailbox.
async fn state(connection: &mut SqliteConnection, account: AccountId) -> Result<(u64, u64)> {
    let row: Option<(i64, i64)> = query_as("SELECT next_sequence, used FROM mailbox WHERE account_id = $1")
        .bind(account.0.as_slice())
        .fetch_optional(connection)
        .await?;
    Ok(row.map_or((0, 0), |(next, used)| (unsigned(next - 1), unsigned(used))))
}

pub(super) async fn put_notes(tx: &mut Tx, account: AccountId, notes: Vec<Note>, quota: u64) -> Result<u64> {
    for note in notes {
        append(tx, account, note.into(), quota).await?;
    }
    Ok(state(&mut tx.connection, account).await?.0)
}

impl From<Note> for NewEntry {
    fn from(note: Note) -> Self {
        Self { id: note.id, kind: EntryKind::Note, body: note.sealed }
    }
}

pub(super) async fn delete(tx: &mut Tx, account: AccountId, sequences: Vec<u64>) -> Result<u64> {
    for sequence in sequences {
        delete_one(tx, account, sequence).await?;
    }
    Ok(state(&mut tx.connection, account).await?.0)
}

/// The entry moves to the end of the log as a deleted one, so that every device hears of it.
async fn delete_one(tx: &mut Tx, account: AccountId, sequence: u64) -> Result<()> {
    let row: Option<(i64,)> =
        query_as("SELECT size FROM mailbox_entry WHERE account_id = $1 AND sequence = $2 AND kind <> $3")
            .bind(account.0.as_slice())
            .bind(signed(sequence))
            .bind(DELETED)
            .fetch_optional(&mut tx.connection)
            .await?;
    let Some((size,)) = row else {
        return Ok(());
    };
    let moved = next_sequence(tx, account, -size).await?;
    query(
        "UPDATE mailbox_entry SET sequence = $1, kind = $2, size = 0, body = NULL
         WHERE account_id = $3 AND sequence = $4",
    )
    .bind(signed(moved))
    .bind(DELETED)
    .bind(account.0.as_slice())
    .bind(signed(sequence))
    .execute(&mut tx.connection)
    .await?;
    tx.news.push(News::Mailbox { account, head: moved });
    Ok(())
}

pub(super) async fn read(
    reader: &mut SqliteConnection,
    account: AccountId,
    after: u64,
    limit: u32,
) -> Result<MailboxPage> {
    let (head, used) = state(reader, account).await?;
    let refused = refused(reader, account).await?;
    let mut stream = query(
        "SELECT sequence, entry_id, kind, size, CASE WHEN size <= $1 THEN body END AS inline
         FROM mailbox_entry WHERE account_id = $2 AND sequence > $3 AND sequence <= $4
         ORDER BY sequence LIMIT $5",
    )
    .bind(MAX_INLINE_MAIL as i64)
    .bind(account.0.as_slice())
    .bind(signed(after))
    // What is appended between the two statements comes with the next call.
    .bind(signed(head))
    .bind(i64::from(limit).clamp(1, MAX_ROWS as i64))
    .fetch(reader);
    let mut entries = Vec::new();
    let mut bytes = 0;
    while bytes <= MAX_ROWS_BYTES
        && let Some(row) = stream.try_next().await?
    {
        let entry = decode(&row)?;
        bytes += entry.body.as_ref().map_or(0, |body| body.len());
        entries.push(entry);
    }
    Ok(MailboxPage { entries, head, used, refused })
}

async fn refused(connection: &mut SqliteConnection, account: AccountId) -> Result<RefusedMail> {
    let row: Option<(i64, i64)> =
        query_as("SELECT refused_mail, refused_day FROM account WHERE account_id = $1")
            .bind(account.0.as_slice())
            .fetch_optional(connection)
            .await?;
    let (count, last_day) = row.unwrap_or_default();
    Ok(RefusedMail { count: unsigned(count), last_day: unsigned(last_day) })
}

pub(super) async fn count_refused(tx: &mut Tx, account: AccountId, day: Day) -> Result<()> {
    query("UPDATE account SET refused_mail = refused_mail + 1, refused_day = $1 WHERE account_id = $2")
        .bind(day)
        .bind(account.0.as_slice())
        .execute(&mut tx.connection)
        .await?;
    Ok(())
}

fn decode(row: &SqliteRow) -> Result<MailboxEntry> {
    let id: &[u8] = row.try_get("entry_id")?;
    let body: Option<Vec<u8>> = row.try_get("inline")?;
    Ok(MailboxEntry {
        sequence: unsigned(row.try_get("sequence")?),
        kind: known_kind(row.try_get("kind")?)?,
        id: fixed(MessageId::from_slice(id))?,
        size: unsigned(row.try_get("size")?),
        body: body.map(ByteBuf::from),
    })
}

pub(super) async fn body(readers: &SqlitePool, account: AccountId, sequence: u64) -> Result<Option<Vec<u8>>> {
    let row: Option<(Option<Vec<u8>>,)> =
        query_as("SELECT body FROM mailbox_entry WHERE account_id = $1 AND sequence = $2")
            .bind(account.0.as_slice())
            .bind(signed(sequence))
            .fetch_optional(readers)
            .await?;
    Ok(row.and_then(|(body,)| body))
}

pub(super) async fn size(readers: &SqlitePool, account: AccountId, sequence: u64) -> Result<Option<u64>> {
    let row: Option<(i64,)> =
        query_as("SELECT size FROM mailbox_entry WHERE account_id = $1 AND sequence = $2 AND kind <> $3")
            .bind(account.0.as_slice())
            .bind(signed(sequence))
            .bind(DELETED)
            .fetch_optional(readers)
            .await?;
    Ok(row.map(|(size,)| unsigned(size)))
}
