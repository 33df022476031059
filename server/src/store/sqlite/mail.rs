//! [`MailStore`] over SQLite: mailboxes in [`mailbox`], and here the queue of what goes to other servers.

use super::{Result, SqliteStore, Tx, fixed, mailbox, signed, unsigned};
use crate::limits::Day;
use crate::store::{
    AccountId, Again, Due, MailAccount, MailStore, MailboxPage, NewEntry, NewQueued, News, QueueId, Report,
    Submission,
};
use async_trait::async_trait;
use haven_wire::{
    Refusal,
    ids::MessageId,
    mail::{EntryKind, Note, Submitted, Withdrawal},
};
use sqlx::{SqlitePool, query, query_as, query_scalar};

#[async_trait]
impl MailStore for SqliteStore {
    async fn mail_account(&self, local: &str) -> Result<Option<MailAccount>> {
        mailbox::account_of(&self.readers, local).await
    }

    async fn own_mail_account(&self, account: AccountId) -> Result<MailAccount> {
        mailbox::own_account(&self.readers, account).await
    }

    async fn append_mail(&self, account: AccountId, entry: NewEntry, quota: u64) -> Result<u64> {
        self.write(move |tx| Box::pin(mailbox::append(tx, account, entry, quota))).await
    }

    async fn mailbox(&self, account: AccountId, after: u64, limit: u32) -> Result<MailboxPage> {
        let mut reader = self.readers.acquire().await?;
        mailbox::read(&mut reader, account, after, limit).await
    }

    async fn mail_size(&self, account: AccountId, sequence: u64) -> Result<Option<u64>> {
        mailbox::size(&self.readers, account, sequence).await
    }

    async fn mail_body(&self, account: AccountId, sequence: u64) -> Result<Option<Vec<u8>>> {
        mailbox::body(&self.readers, account, sequence).await
    }

    async fn put_notes(&self, account: AccountId, notes: Vec<Note>, quota: u64) -> Result<u64> {
        self.write(move |tx| Box::pin(mailbox::put_notes(tx, account, notes, quota))).await
    }

    async fn delete_mail(&self, account: AccountId, sequences: Vec<u64>) -> Result<u64> {
        self.write(move |tx| Box::pin(mailbox::delete(tx, account, sequences))).await
    }

    async fn count_refused_mail(&self, account: AccountId, day: Day) -> Result<()> {
        self.write(move |tx| Box::pin(mailbox::count_refused(tx, account, day))).await
    }

    async fn submit_mail(&self, account: AccountId, new: Submission, quota: u64) -> Result<u64> {
        self.write(move |tx| Box::pin(submit(tx, account, new, quota))).await
    }

    async fn withdraw_mail(&self, account: AccountId, id: MessageId) -> Result<Withdrawal> {
        self.write(move |tx| Box::pin(withdraw(tx, account, id))).await
    }

    async fn take_due_mail(&self, now: u64, until: u64, limit: u32) -> Result<Vec<Due>> {
        self.write(move |tx| Box::pin(take_due(tx, now, until, limit))).await
    }

    async fn queued_message(&self, id: QueueId) -> Result<Option<Vec<u8>>> {
        message(&self.readers, id).await
    }

    async fn reschedule_mail(&self, id: QueueId, again: Again, report: Option<Report>) -> Result<()> {
        self.write(move |tx| Box::pin(reschedule(tx, id, again, report))).await
    }

    async fn finish_mail(&self, id: QueueId, report: Option<Report>) -> Result<()> {
        self.write(move |tx| Box::pin(finish(tx, id, report))).await
    }

    async fn next_mail_due(&self) -> Result<Option<u64>> {
        next_due(&self.readers).await
    }

    async fn release_mail(&self) -> Result<()> {
        self.write(|tx| Box::pin(release(tx))).await
    }
}

async fn submit(tx: &mut Tx, account: AccountId, new: Submission, quota: u64) -> Result<u64> {
    match mailbox::find(tx, account, new.kept.id).await? {
        Some((_, EntryKind::Withdrawn)) => return Err(Refusal::NotFound.into()),
        Some((sequence, _)) => return Ok(sequence),
        None => {}
    }
    let sequence = mailbox::append(tx, account, new.kept, quota).await?;
    if let Some(note) = new.note {
        mailbox::append(tx, account, note.into(), quota).await?;
    }
    for queued in new.queued {
        enqueue(tx, queued, new.now).await?;
    }
    Ok(sequence)
}

async fn withdraw(tx: &mut Tx, account: AccountId, id: MessageId) -> Result<Withdrawal> {
    match mailbox::find(tx, account, id).await? {
        Some((_, EntryKind::Withdrawn)) => Ok(Withdrawal::Withdrawn),
        // Also one that was sent, and deleted since.
        Some((sequence, _)) => Ok(Withdrawal::Sent(Submitted { sequence })),
        None => {
            let mark = NewEntry { id, kind: EntryKind::Withdrawn, body: Vec::new() };
            mailbox::append(tx, account, mark, u64::MAX).await?;
            Ok(Withdrawal::Withdrawn)
        }
    }
}

async fn enqueue(tx: &mut Tx, queued: NewQueued, now: u64) -> Result<()> {
    query(
        "INSERT INTO mail_queue (queue_id, due, taken_until, attempts, first_tried, envelope, message)
         VALUES ($1, $2, 0, 0, $2, $3, $4)",
    )
    .bind(queued.id.0.as_slice())
    .bind(signed(now))
    .bind(queued.envelope)
    .bind(queued.message)
    .execute(&mut tx.connection)
    .await?;
    tx.news.push(News::MailQueued);
    Ok(())
}

async fn take_due(tx: &mut Tx, now: u64, until: u64, limit: u32) -> Result<Vec<Due>> {
    type Columns = (Vec<u8>, Vec<u8>, i64, i64);
    let rows: Vec<Columns> = query_as(
        "SELECT queue_id, envelope, attempts, first_tried FROM mail_queue
         WHERE due <= $1 AND taken_until <= $1 ORDER BY due, queue_id LIMIT $2",
    )
    .bind(signed(now))
    .bind(i64::from(limit))
    .fetch_all(&mut tx.connection)
    .await?;
    let mut taken = Vec::new();
    for (id, envelope, attempts, first_tried) in rows {
        query("UPDATE mail_queue SET taken_until = $1 WHERE queue_id = $2")
            .bind(signed(until))
            .bind(id.as_slice())
            .execute(&mut tx.connection)
            .await?;
        taken.push(Due {
            id: QueueId(fixed(id.try_into().ok())?),
            envelope,
            attempts: u32::try_from(attempts).unwrap_or(u32::MAX),
            first_tried: unsigned(first_tried),
        });
    }
    Ok(taken)
}

async fn message(readers: &SqlitePool, id: QueueId) -> Result<Option<Vec<u8>>> {
    Ok(query_scalar("SELECT message FROM mail_queue WHERE queue_id = $1")
        .bind(id.0.as_slice())
        .fetch_optional(readers)
        .await?)
}

async fn reschedule(tx: &mut Tx, id: QueueId, again: Again, report: Option<Report>) -> Result<()> {
    let done = query(
        "UPDATE mail_queue SET due = $1, taken_until = 0, attempts = attempts + 1, envelope = $2
         WHERE queue_id = $3",
    )
    .bind(signed(again.due))
    .bind(again.envelope)
    .bind(id.0.as_slice())
    .execute(&mut tx.connection)
    .await?;
    if done.rows_affected() == 0 { Ok(()) } else { tell(tx, report).await }
}

async fn finish(tx: &mut Tx, id: QueueId, report: Option<Report>) -> Result<()> {
    let done = query("DELETE FROM mail_queue WHERE queue_id = $1")
        .bind(id.0.as_slice())
        .execute(&mut tx.connection)
        .await?;
    if done.rows_affected() == 0 { Ok(()) } else { tell(tx, report).await }
}

/// A full mailbox must not keep its owner from hearing that a mail failed, so no quota holds here.
async fn tell(tx: &mut Tx, report: Option<Report>) -> Result<()> {
    if let Some(Report { account, entry }) = report {
        mailbox::append(tx, account, entry, u64::MAX).await?;
    }
    Ok(())
}

async fn next_due(readers: &SqlitePool) -> Result<Option<u64>> {
    let next: Option<i64> =
        query_scalar("SELECT MIN(CASE WHEN due > taken_until THEN due ELSE taken_until END) FROM mail_queue")
            .fetch_one(readers)
            .await?;
    Ok(next.map(unsigned))
}

async fn release(tx: &mut Tx) -> Result<()> {
    query("UPDATE mail_queue SET taken_until = 0 WHERE taken_until > 0").execute(&mut tx.connection).await?;
    Ok(())
}
