//! The engine's database: IndexedDB, one object store for each table.
//!
//! rexie makes and upgrades the schema. The engine's own reads and writes use a second connection, because they need
//! what rexie does not have: strict durability, a say when another tab upgrades or the browser deletes the database,
//! and no closures per request (a transaction's requests run in order, so only its last event matters).
//! Only the leader among the tabs can write (`indexeddb/fence.rs`).

mod connection;
mod fence;
mod transaction;

#[cfg(test)]
mod tests;

pub use connection::{Lost, from_rexie};

use connection::Connection;
use fence::Fence;
use futures_channel::oneshot;
use haven_core::store::{Key, Store, StoreError, Table, WriteSet};
use js_sys::{Array, ArrayBuffer, Uint8Array};
use rexie::{ObjectStore, Rexie};
use std::collections::BTreeSet;
use transaction::{Reading, Writing};
use wasm_bindgen::{JsCast as _, JsValue};
use web_sys::IdbKeyRange;

/// The database's name.
pub const NAME: &str = "haven";
/// The object store of the wrapped storage key.
pub const KEYS: &str = "keys";
/// Raise it when a store is added, and keep all stores listed: rexie deletes those that it is not told of.
const VERSION: u32 = 2;

/// Opens the database through rexie, making or upgrading it if needed.
pub async fn schema(name: &str) -> Result<Rexie, StoreError> {
    Table::ALL
        .map(Table::name)
        .into_iter()
        .chain([KEYS])
        .fold(Rexie::builder(name).version(VERSION).add_object_store(fence::store()), |builder, store| {
            builder.add_object_store(ObjectStore::new(store))
        })
        .build()
        .await
        .map_err(|error| connection::from_rexie(&error))
}

/// The database, as one leader may use it.
pub struct IndexedDb {
    connection: Connection,
    fence: Fence,
}

impl IndexedDb {
    /// Opens the database and takes over: from now on, no earlier leader can write. The receiver hears when the
    /// connection is lost.
    pub async fn take_over(name: &str) -> Result<(Self, oneshot::Receiver<Lost>), StoreError> {
        // rexie's connection stays open until ours is, so that the browser does not unload the database between.
        let rexie = schema(name).await?;
        let opened = Connection::open(name, VERSION).await;
        rexie.close();
        let (connection, lost) = opened?;
        let fence = Fence::take_over(&connection).await?;
        Ok((Self { connection, fence }, lost))
    }

    /// The number of this leader. Later ones have higher numbers.
    pub fn leader(&self) -> u64 {
        self.fence.leader()
    }

    /// Closes the connection. Whatever is tried afterwards fails.
    pub fn close(&self) {
        self.connection.close();
    }

    /// Deletes everything but the fence, which still has to keep earlier leaders out.
    pub async fn wipe(&self) -> Result<(), StoreError> {
        let stores: Vec<&str> = Table::ALL.map(Table::name).into_iter().chain([KEYS]).collect();
        let writing = self.begin(&stores)?;
        for store in stores {
            writing.clear(store)?;
        }
        self.finish(writing).await
    }

    /// Begins a write transaction on `stores` and the fence.
    fn begin(&self, stores: &[&str]) -> Result<Writing<'_>, StoreError> {
        let names: Array = stores.iter().chain([&fence::STORE]).map(|name| JsValue::from(*name)).collect();
        Writing::begin(&self.connection, &names)
    }

    /// Checks the fence and commits.
    async fn finish(&self, writing: Writing<'_>) -> Result<(), StoreError> {
        self.fence.check(&writing)?;
        writing.commit().await
    }
}

impl Store for IndexedDb {
    async fn get(&self, table: Table, keys: &[Key]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        let Some((last, earlier)) = keys.split_last() else {
            return Ok(Vec::new());
        };
        let reading = Reading::begin(&self.connection, table.name())?;
        let earlier: Vec<_> =
            earlier.iter().map(|key| reading.get(&key_of(key))).collect::<Result<_, _>>()?;
        let last = reading.get(&key_of(last))?;
        let last_value = reading.answer(&last).await?;
        let mut values = Vec::with_capacity(keys.len());
        for request in &earlier {
            values.push(bytes_of(&reading.result(request)?));
        }
        values.push(bytes_of(&last_value));
        Ok(values)
    }

    async fn scan(
        &self,
        table: Table,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<(Key, Vec<u8>)>, StoreError> {
        let limit = u32::try_from(limit).unwrap_or(u32::MAX);
        let Some(range) = range(prefix, after)? else {
            return Ok(Vec::new());
        };
        // IndexedDB takes a limit of 0 for no limit.
        if limit == 0 {
            return Ok(Vec::new());
        }
        let reading = Reading::begin(&self.connection, table.name())?;
        let keys = reading.get_all_keys(&range, limit)?;
        let values = reading.get_all(&range, limit)?;
        let values: Array = reading.answer(&values).await?.unchecked_into();
        let keys: Array = reading.result(&keys)?.unchecked_into();
        let pairs = keys.iter().zip(values.iter());
        Ok(pairs.filter_map(|(key, value)| Some((bytes_of(&key)?, bytes_of(&value)?))).collect())
    }

    async fn commit(&self, writes: WriteSet) -> Result<(), StoreError> {
        if writes.changes.is_empty() {
            return Ok(());
        }
        let tables: BTreeSet<Table> = writes.changes.iter().map(|(table, ..)| *table).collect();
        let stores: Vec<&str> = tables.into_iter().map(Table::name).collect();
        // Copied before the transaction begins, which is to be complete soon: a process that is stopped in between keeps
        // it open until the browser loses patience.
        let changes: Vec<_> = writes
            .changes
            .iter()
            .map(|(table, key, value)| (table.name(), key_of(key), value.as_deref().map(value_of)))
            .collect();
        let writing = self.begin(&stores)?;
        for (store, key, value) in &changes {
            match value {
                Some(value) => writing.put(store, key, value)?,
                None => writing.delete(store, key)?,
            }
        }
        self.finish(writing).await
    }
}

fn key_of(key: &[u8]) -> JsValue {
    Uint8Array::from(key).into()
}

fn value_of(value: &[u8]) -> JsValue {
    Uint8Array::from(value).into()
}

/// Keys come back as `ArrayBuffer`, values as the `Uint8Array` that they were.
fn bytes_of(value: &JsValue) -> Option<Vec<u8>> {
    if value.is_instance_of::<Uint8Array>() || value.is_instance_of::<ArrayBuffer>() {
        Some(Uint8Array::new(value).to_vec())
    } else {
        None
    }
}

/// The range of keys that begin with `prefix` and are greater than `after`, if any key can.
fn range(prefix: &[u8], after: Option<&[u8]>) -> Result<Option<IdbKeyRange>, StoreError> {
    let end = end_of(prefix);
    let after = after.filter(|after| *after >= prefix);
    let from = key_of(after.unwrap_or(prefix));
    let open = after.is_some();
    let range = match end {
        Some(end) if after.is_some_and(|after| after >= end.as_slice()) => return Ok(None),
        Some(end) => IdbKeyRange::bound_with_lower_open_and_upper_open(&from, &key_of(&end), open, true),
        None => IdbKeyRange::lower_bound_with_open(&from, open),
    };
    range.map(Some).map_err(|error| connection::failed(&error))
}

/// The first key after all that begin with `prefix`, if there is one.
fn end_of(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|byte| *byte != u8::MAX)?;
    let mut end = prefix.get(..=last)?.to_vec();
    *end.last_mut()? += 1;
    Some(end)
}
