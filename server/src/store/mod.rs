//! What the relay remembers, behind [`RelayStore`].
//!
//! Invariants that every store keeps, and `tests/store_conformance/` checks:
//! - A call that changes something answers only after the change is durable.
//! - A call is done whole or not at all; on [`StoreError::Failed`] nothing was changed.
//! - Rows of a group have the sequence numbers 1, 2, 3, … in the order in which they became visible, so a reader at
//!   sequence n never misses a lower one. Whatever is swept, what a token opens has no gaps.
//! - [`News`] of a change is sent after it is durable, and in the order of the group's log.
//! - Nothing stored links a device or an account to a group.

mod mail;
pub mod sqlite;

pub use mail::{
    Again, Due, MailAccount, MailStore, MailboxPage, NewEntry, NewQueued, QueueId, Report, Submission,
};

use crate::limits::Day;
use async_trait::async_trait;
use bytes::Bytes;
use haven_wire::{Refusal, account::*, group::*, ids::*, inbox::InboxEntry, keys::*};
use std::sync::Arc;

/// Why a store did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The caller asked for something that can't be.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The storage failed or is full. Nothing was changed.
    #[error("the storage failed: {0}")]
    Failed(String),
}

/// What a store call answers.
pub type Result<T> = std::result::Result<T, StoreError>;

/// Names an account inside the relay: random, never shown.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct AccountId(pub [u8; 16]);

/// Whose session a token is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Session {
    /// The person's account.
    pub account: AccountId,
    /// The device.
    pub device: DeviceId,
}

/// What the relay needs to check a sign-in.
#[derive(Clone, Debug)]
pub struct Lock {
    /// The account that it opens.
    pub account: AccountId,
    /// The OPAQUE password file.
    pub opaque_record: Vec<u8>,
    /// How the password was stretched.
    pub stretching: Stretching,
    /// SHA-256 of the recovery login key.
    pub recovery_login_hash: Hash,
}

/// A commit and what authorises it.
#[derive(Clone, Debug)]
pub struct NewCommit {
    /// The hash of the token that was shown.
    pub token_hash: Hash,
    /// The request, its sizes and its header checked.
    pub request: AppendCommit,
    /// Today.
    pub day: Day,
}

/// Application messages and what authorises them.
#[derive(Clone, Debug)]
pub struct NewMessages {
    /// The hash of the token that was shown.
    pub token_hash: Hash,
    /// The request, its sizes and headers checked.
    pub request: AppendMessages,
    /// Today.
    pub day: Day,
}

/// What an epoch token opens.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Window {
    /// The first row.
    pub first: u64,
    /// The last row, if the barrier or the 256th commit has come.
    pub last: Option<u64>,
    /// The group's last row.
    pub head: u64,
}

/// A change that somebody may be waiting for.
#[derive(Clone, Debug)]
pub enum News {
    /// New rows of a group: one commit, or application messages.
    Rows {
        /// The group.
        group_id: GroupId,
        /// The rows, in order.
        rows: Arc<Vec<Row>>,
    },
    /// A pointer arrived in an inbox.
    Inbox(DeviceId),
    /// There are pointers to deliver.
    Outbox,
    /// A mailbox has entries up to this one.
    Mailbox {
        /// Whose.
        account: AccountId,
        /// The last sequence number.
        head: u64,
    },
    /// There is mail for other servers.
    MailQueued,
    /// Fewer than half of a device's key packages are left.
    KeyPackagesLow(DeviceId),
    /// A device's session ended.
    SignedOut(DeviceId),
}

/// How far back the relay remembers.
#[derive(Clone, Copy, Debug)]
pub struct Cutoffs {
    /// The ciphertexts of application rows from before this day are deleted. Their hashes stay in their place.
    pub messages: Day,
    /// The hashes of epochs that ended before this day are deleted, and the rows that no token opens any more.
    pub commits: Day,
    /// Welcomes from before this day are deleted.
    pub welcomes: Day,
    /// Hashes of published key packages from before this day are deleted.
    pub key_packages: Day,
}

/// The store. Refusals are those of the wire's doc comments.
#[async_trait]
pub trait RelayStore: MailStore {
    /// Makes an account with its first device. The same content again is no error.
    async fn create_account(&self, local: &str, new: RegisterFinish, day: Day) -> Result<()>;
    /// What opens the account of this name.
    async fn lock(&self, local: &str) -> Result<Option<Lock>>;
    /// Adds a device to the account, or gives a device that it has a new session. Refused if the account has another lock by
    /// now: the one that was opened may be an old password's.
    async fn sign_in(&self, lock: Lock, device: DeviceId, session: Hash) -> Result<SignedIn>;
    /// Whose session this is.
    async fn session(&self, session: Hash) -> Result<Option<Session>>;
    /// Replaces what opens the account.
    async fn replace_credentials(&self, account: AccountId, new: Credentials) -> Result<()>;
    /// Reads the vault.
    async fn vault(&self, account: AccountId) -> Result<Vault>;
    /// Writes the vault by compare-and-set.
    async fn put_vault(&self, account: AccountId, vault: Vault) -> Result<()>;
    /// Forgets a device of this account with all that is its own, and writes the device list if there is one.
    async fn remove_device(
        &self,
        account: AccountId,
        device: DeviceId,
        list: Option<SignedDeviceList>,
    ) -> Result<()>;

    /// A person's certificate and device list.
    async fn directory_entry(&self, local: &str) -> Result<Option<DirectoryEntry>>;
    /// The certificate of the person whom WKD names so ([`crate::wkd::hash`]).
    async fn certificate_by_wkd(&self, hash: &str) -> Result<Option<Vec<u8>>>;
    /// Writes the certificate by compare-and-set on the hash of the one that is held.
    async fn put_certificate(&self, account: AccountId, replaces: Hash, certificate: Vec<u8>) -> Result<()>;
    /// Writes the device list by compare-and-set.
    async fn put_device_list(&self, account: AccountId, list: SignedDeviceList) -> Result<()>;

    /// Adds key packages to a device's pool.
    async fn publish_key_packages(
        &self,
        device: DeviceId,
        new: PublishKeyPackages,
        day: Day,
    ) -> Result<KeyPackageCount>;
    /// Counts a device's key packages.
    async fn count_key_packages(&self, device: DeviceId, suite: u16) -> Result<KeyPackageCount>;
    /// Takes one key package for each device of a person.
    async fn claim_key_packages(&self, local: &str, suite: u16) -> Result<ClaimedKeyPackages>;

    /// Reads an inbox.
    async fn inbox(&self, device: DeviceId, after: u64) -> Result<Vec<InboxEntry>>;
    /// Deletes inbox entries.
    async fn acknowledge_inbox(&self, device: DeviceId, up_to: u64) -> Result<()>;
    /// Moves some pointers from the outbox to their inboxes. Answers how many are done; 0 means that none waits.
    async fn deliver_outbox(&self) -> Result<usize>;

    /// Appends a commit.
    async fn append_commit(&self, new: NewCommit) -> Result<Appended>;
    /// Appends application messages.
    async fn append_messages(&self, new: NewMessages) -> Result<Appended>;
    /// Reads rows that a token opens.
    async fn rows(&self, token_hash: Hash, request: GetRows) -> Result<Rows>;
    /// What tokens open, in the order of the questions.
    async fn windows(&self, asked: &[Opened]) -> Result<Vec<Option<Window>>>;
    /// Reads a Welcome.
    async fn welcome(&self, id: WelcomeId) -> Result<Option<Vec<u8>>>;

    /// What the accounts here go with, under this name. As long as there are none, it is what the caller says.
    async fn belonging(&self, name: &'static str, value: Vec<u8>) -> Result<Vec<u8>>;
    /// Writes something and waits until it is durable.
    async fn probe(&self) -> Result<()>;
    /// Deletes some of what is older than the cutoffs. Answers how many rows went; 0 means that nothing is left to do.
    async fn sweep(&self, cutoffs: Cutoffs) -> Result<u64>;
}

/// Random bytes from the operating system.
pub fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| StoreError::Failed(error.to_string()))?;
    Ok(bytes)
}

/// Encodes what the wire crate defines. It fails only if memory does.
pub fn encode<T: serde::Serialize>(value: &T) -> Result<Bytes> {
    haven_wire::encode(value).map(Bytes::from).map_err(|error| StoreError::Failed(error.to_string()))
}
