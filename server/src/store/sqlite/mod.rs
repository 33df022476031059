//! [`RelayStore`] over one SQLite file: WAL, `synchronous=FULL`, a single writer with group commit, a pool of readers.
//!
//! SQL stays in the subset that PostgreSQL and its distributed relatives share: numbered parameters, `ON CONFLICT`,
//! `RETURNING`, explicit sequence numbers per group, and no statement across two groups, apart from upkeep.

mod accounts;
mod group_reads;
mod groups;
mod inbox;
mod key_packages;
mod mail;
mod mailbox;
mod migrations;
mod upkeep;
mod wkd;
mod writer;

use super::{
    AccountId, Cutoffs, Lock, NewCommit, NewMessages, News, RelayStore, Result, Session, StoreError, Window,
};
use crate::limits::Day;
use async_trait::async_trait;
use futures_util::future::BoxFuture;
use haven_wire::{account::*, group::*, ids::*, inbox::InboxEntry, keys::*};
use sqlx::{
    SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use std::{path::Path, time::Duration};
use tokio::sync::mpsc;
use writer::{Tx, Writer};

/// The store over SQLite.
pub struct SqliteStore {
    writer: Writer,
    readers: SqlitePool,
}

impl SqliteStore {
    /// Opens or creates the database at `path`. News goes to `news`.
    pub async fn open(path: &Path, news: mpsc::UnboundedSender<News>) -> Result<Self> {
        use sqlx::ConnectOptions as _;
        let mut connection = options(path)
            .create_if_missing(true)
            .pragma("cache_size", "-65536")
            .pragma("journal_size_limit", "67108864")
            .connect()
            .await?;
        migrations::all()
            .run(&mut connection)
            .await
            .map_err(|error| StoreError::Failed(error.to_string()))?;
        wkd::fill(&mut connection).await?;
        let readers = SqlitePoolOptions::new()
            .max_connections(8)
            .acquire_timeout(Duration::from_secs(10))
            .connect_with(options(path).read_only(true))
            .await?;
        Ok(Self { writer: Writer::start(connection, news), readers })
    }

    /// Lets the database grow to at most this many pages, as a full disk would.
    pub async fn limit_pages(&self, pages: u32) -> Result<()> {
        self.writer.outside(format!("PRAGMA max_page_count = {pages}")).await
    }

    /// Number of pages in the database.
    pub async fn pages(&self) -> Result<u32> {
        Ok(sqlx::query_scalar("PRAGMA page_count").fetch_one(&self.readers).await?)
    }

    /// A setting of the writer's connection.
    pub async fn pragma(&self, name: &'static str) -> Result<String> {
        self.write(move |tx| Box::pin(upkeep::pragma(tx, name))).await
    }

    /// Writes what is queued, and closes the file.
    pub async fn close(&self) {
        // The writer last: whoever closes last empties the write-ahead log, and readers can't.
        self.readers.close().await;
        self.writer.close().await;
    }

    async fn write<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T>> + Send + 'static,
    {
        self.writer.write(work).await
    }
}

fn options(path: &Path) -> SqliteConnectOptions {
    use sqlx::ConnectOptions as _;
    SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(5))
        .statement_cache_capacity(128)
        .disable_statement_logging()
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        // The kind only: a message could quote a value.
        let kind = match &error {
            sqlx::Error::Database(error) => format!("database error {:?}", error.code()),
            sqlx::Error::Io(error) => format!("I/O error {:?}", error.kind()),
            sqlx::Error::PoolTimedOut => "no free reader".into(),
            sqlx::Error::RowNotFound => "a row is missing".into(),
            sqlx::Error::ColumnDecode { .. } => "a column has an unexpected type".into(),
            _ => "database error".into(),
        };
        Self::Failed(kind)
    }
}

/// SQLite's integers are signed; no counter comes near the difference.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// A stored blob that must have a fixed size.
fn fixed<T>(value: Option<T>) -> Result<T> {
    value.ok_or_else(|| StoreError::Failed("a stored value has the wrong size".into()))
}

#[async_trait]
impl RelayStore for SqliteStore {
    async fn create_account(&self, local: &str, new: RegisterFinish, day: Day) -> Result<()> {
        let local = local.to_owned();
        self.write(move |tx| Box::pin(accounts::create(tx, local, new, day))).await
    }

    async fn lock(&self, local: &str) -> Result<Option<Lock>> {
        accounts::lock(&self.readers, local).await
    }

    async fn sign_in(&self, lock: Lock, device: DeviceId, session: Hash) -> Result<SignedIn> {
        self.write(move |tx| Box::pin(accounts::sign_in(tx, lock, device, session))).await
    }

    async fn session(&self, session: Hash) -> Result<Option<Session>> {
        accounts::session(&self.readers, session).await
    }

    async fn replace_credentials(&self, account: AccountId, new: Credentials) -> Result<()> {
        self.write(move |tx| Box::pin(accounts::replace_credentials(tx, account, new))).await
    }

    async fn vault(&self, account: AccountId) -> Result<Vault> {
        let mut reader = self.readers.acquire().await?;
        accounts::vault(&mut reader, account).await
    }

    async fn put_vault(&self, account: AccountId, vault: Vault) -> Result<()> {
        self.write(move |tx| Box::pin(accounts::put_vault(tx, account, vault))).await
    }

    async fn remove_device(
        &self,
        account: AccountId,
        device: DeviceId,
        list: Option<SignedDeviceList>,
    ) -> Result<()> {
        self.write(move |tx| Box::pin(accounts::remove_device(tx, account, device, list))).await
    }

    async fn directory_entry(&self, local: &str) -> Result<Option<DirectoryEntry>> {
        let mut reader = self.readers.acquire().await?;
        let entry = accounts::directory_entry(&mut reader, local).await?;
        Ok(entry.map(|(_, entry)| entry))
    }

    async fn certificate_by_wkd(&self, hash: &str) -> Result<Option<Vec<u8>>> {
        wkd::certificate(&self.readers, hash).await
    }

    async fn put_certificate(&self, account: AccountId, replaces: Hash, certificate: Vec<u8>) -> Result<()> {
        self.write(move |tx| Box::pin(accounts::put_certificate(tx, account, replaces, certificate))).await
    }

    async fn put_device_list(&self, account: AccountId, list: SignedDeviceList) -> Result<()> {
        self.write(move |tx| Box::pin(accounts::put_device_list(tx, account, list))).await
    }

    async fn publish_key_packages(
        &self,
        device: DeviceId,
        new: PublishKeyPackages,
        day: Day,
    ) -> Result<KeyPackageCount> {
        self.write(move |tx| Box::pin(key_packages::publish(tx, device, new, day))).await
    }

    async fn count_key_packages(&self, device: DeviceId, suite: u16) -> Result<KeyPackageCount> {
        let mut reader = self.readers.acquire().await?;
        key_packages::count(&mut reader, device, suite).await
    }

    async fn claim_key_packages(&self, local: &str, suite: u16) -> Result<ClaimedKeyPackages> {
        let local = local.to_owned();
        self.write(move |tx| Box::pin(key_packages::claim(tx, local, suite))).await
    }

    async fn inbox(&self, device: DeviceId, after: u64) -> Result<Vec<InboxEntry>> {
        inbox::read(&self.readers, device, after).await
    }

    async fn acknowledge_inbox(&self, device: DeviceId, up_to: u64) -> Result<()> {
        self.write(move |tx| Box::pin(inbox::acknowledge(tx, device, up_to))).await
    }

    async fn deliver_outbox(&self) -> Result<usize> {
        self.write(|tx| Box::pin(inbox::deliver(tx))).await
    }

    async fn append_commit(&self, new: NewCommit) -> Result<Appended> {
        self.write(move |tx| Box::pin(groups::append_commit(tx, new))).await
    }

    async fn append_messages(&self, new: NewMessages) -> Result<Appended> {
        self.write(move |tx| Box::pin(groups::append_messages(tx, new))).await
    }

    async fn rows(&self, token_hash: Hash, request: GetRows) -> Result<Rows> {
        let mut reader = self.readers.acquire().await?;
        group_reads::rows(&mut reader, token_hash, request).await
    }

    async fn windows(&self, asked: &[Opened]) -> Result<Vec<Option<Window>>> {
        let mut reader = self.readers.acquire().await?;
        group_reads::windows(&mut reader, asked).await
    }

    async fn welcome(&self, id: WelcomeId) -> Result<Option<Vec<u8>>> {
        group_reads::welcome(&self.readers, id).await
    }

    async fn belonging(&self, name: &'static str, value: Vec<u8>) -> Result<Vec<u8>> {
        self.write(move |tx| Box::pin(accounts::belonging(tx, name, value))).await
    }

    async fn probe(&self) -> Result<()> {
        self.write(|tx| Box::pin(upkeep::probe(tx))).await
    }

    async fn sweep(&self, cutoffs: Cutoffs) -> Result<u64> {
        self.write(move |tx| Box::pin(upkeep::sweep(tx, cutoffs))).await
    }
}
