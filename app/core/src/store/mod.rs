//! What the engine needs of a database: three methods over (table, key, bytes).
//!
//! A backend sees sealed values under hashed keys ([`sealed`]); it needs no idea of what they are. All that a verb of
//! the engine changes is one [`WriteSet`], and committing it is the only way to change anything.

#[cfg(any(test, feature = "testing"))]
pub mod conformance;
mod memory;
mod sealed;

pub use memory::MemoryStore;
pub use sealed::{Change, SealedStore, StorageKey};

/// The tables. Their names are part of the stored format.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Table {
    /// Single values: the account, this device, settings.
    Meta,
    /// What OpenMLS stores, in pieces.
    Mls,
    /// One record for each conversation.
    Conversations,
    /// Timeline items, newest first.
    Timeline,
    /// Jobs: what is still to be done with the relay.
    Jobs,
    /// One record for each known person.
    Contacts,
    /// Answered intents.
    Intents,
    /// Mail: what is under way, one short record for each mail, drafts.
    Mail,
    /// What a mail says.
    MailBodies,
    /// Files of drafts, in pieces.
    MailFiles,
}

impl Table {
    /// All tables.
    pub const ALL: [Self; 10] = [
        Self::Meta,
        Self::Mls,
        Self::Conversations,
        Self::Timeline,
        Self::Jobs,
        Self::Contacts,
        Self::Intents,
        Self::Mail,
        Self::MailBodies,
        Self::MailFiles,
    ];

    /// The table's name in a database.
    pub fn name(self) -> &'static str {
        match self {
            Self::Meta => "meta",
            Self::Mls => "mls",
            Self::Conversations => "conversations",
            Self::Timeline => "timeline",
            Self::Jobs => "jobs",
            Self::Contacts => "contacts",
            Self::Intents => "intents",
            Self::Mail => "mail",
            Self::MailBodies => "mail_bodies",
            Self::MailFiles => "mail_files",
        }
    }
}

/// A key: compared as bytes.
pub type Key = Vec<u8>;

/// Changes that happen together or not at all. The last change of a key wins.
#[derive(Clone, Debug, Default)]
pub struct WriteSet {
    /// Table, key, and the new value; nothing deletes.
    pub changes: Vec<(Table, Key, Option<Vec<u8>>)>,
}

/// Why a store failed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The database failed or is full. Nothing of the write set was stored; it can be tried again.
    #[error("the database failed: {0}")]
    Failed(String),
    /// Another tab has taken over. This engine must stop.
    #[error("another tab has taken over")]
    Fenced,
    /// A newer version of Haven upgraded the database. This page must reload.
    #[error("a newer version of Haven uses this database")]
    Outdated,
    /// A stored value can't be opened: the storage key is wrong, or the database was changed from outside.
    #[error("a stored value is damaged")]
    Damaged,
}

/// A database. Methods need no `Send`: an engine lives on one thread.
#[allow(async_fn_in_trait, reason = "engines are single-threaded by contract")]
pub trait Store {
    /// The values of `keys`, in their order.
    async fn get(&self, table: Table, keys: &[Key]) -> Result<Vec<Option<Vec<u8>>>, StoreError>;

    /// At most `limit` pairs whose key begins with `prefix` and is greater than `after`, in the order of the keys.
    async fn scan(
        &self,
        table: Table,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<(Key, Vec<u8>)>, StoreError>;

    /// Stores all changes durably, or none. When this returns `Ok`, a crash can't undo it.
    async fn commit(&self, writes: WriteSet) -> Result<(), StoreError>;
}

impl<S: Store> Store for std::rc::Rc<S> {
    async fn get(&self, table: Table, keys: &[Key]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        (**self).get(table, keys).await
    }

    async fn scan(
        &self,
        table: Table,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<(Key, Vec<u8>)>, StoreError> {
        (**self).scan(table, prefix, after, limit).await
    }

    async fn commit(&self, writes: WriteSet) -> Result<(), StoreError> {
        (**self).commit(writes).await
    }
}
