use super::{Key, Store, StoreError, Table, WriteSet};
use std::{cell::RefCell, collections::BTreeMap, ops::Bound};

/// A store in memory, for tests and benchmarks. Clones share nothing.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    values: RefCell<BTreeMap<(Table, Key), Vec<u8>>>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Every table, key and value, one after the other.
    #[cfg(any(test, feature = "testing"))]
    pub fn everything(&self) -> Vec<u8> {
        let values = self.values.borrow();
        let parts = values.iter().map(|((table, key), value)| [table.name().as_bytes(), key, value].concat());
        parts.collect::<Vec<_>>().concat()
    }

    /// The keys of a table.
    #[cfg(any(test, feature = "testing"))]
    pub fn keys(&self, table: Table) -> Vec<Key> {
        let values = self.values.borrow();
        values.keys().filter(|(other, _)| *other == table).map(|(_, key)| key.clone()).collect()
    }
}

impl Store for MemoryStore {
    async fn get(&self, table: Table, keys: &[Key]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        let values = self.values.borrow();
        Ok(keys.iter().map(|key| values.get(&(table, key.clone())).cloned()).collect())
    }

    async fn scan(
        &self,
        table: Table,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<(Key, Vec<u8>)>, StoreError> {
        let from = match after {
            Some(after) if after >= prefix => Bound::Excluded((table, after.to_vec())),
            _ => Bound::Included((table, prefix.to_vec())),
        };
        let values = self.values.borrow();
        let matching = values
            .range((from, Bound::Unbounded))
            .take_while(|((in_table, key), _)| *in_table == table && key.starts_with(prefix));
        Ok(matching.take(limit).map(|((_, key), value)| (key.clone(), value.clone())).collect())
    }

    async fn commit(&self, writes: WriteSet) -> Result<(), StoreError> {
        let mut values = self.values.borrow_mut();
        for (table, key, value) in writes.changes {
            match value {
                Some(value) => values.insert((table, key), value),
                None => values.remove(&(table, key)),
            };
        }
        Ok(())
    }
}
