//! A store that survives its engine, and fails when it is told to.

use crate::store::{Key, MemoryStore, Store, StoreError, Table, WriteSet};
use std::cell::Cell;

/// When the store fails.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Crash {
    /// The write set is lost.
    Before,
    /// The write set is stored, but its engine does not live to hear of it.
    After,
}

/// A store in memory with a crash on demand. After a crash everything fails until the device is restarted.
#[derive(Debug, Default)]
pub struct CrashStore {
    inner: MemoryStore,
    plan: Cell<Option<(u64, Crash)>>,
    crashed: Cell<bool>,
    commits: Cell<u64>,
}

impl CrashStore {
    /// Crashes at the `n`th write set from now on, counted from 0.
    pub fn crash_at(&self, n: u64, crash: Crash) {
        self.plan.set(Some((self.commits.get() + n, crash)));
    }

    /// Whether it has crashed.
    pub fn crashed(&self) -> bool {
        self.crashed.get()
    }

    /// Write sets so far.
    pub fn commits(&self) -> u64 {
        self.commits.get()
    }

    /// The device was started again.
    pub fn restart(&self) {
        self.crashed.set(false);
    }

    /// Forgets a planned crash.
    pub fn no_crash(&self) {
        self.plan.set(None);
    }

    /// A copy of what is stored, as a backup of a browser profile would be.
    pub fn copy(&self) -> Self {
        Self { inner: self.inner.clone(), ..Self::default() }
    }

    fn check(&self) -> Result<(), StoreError> {
        if self.crashed.get() { Err(StoreError::Failed("crashed".into())) } else { Ok(()) }
    }
}

impl Store for CrashStore {
    async fn get(&self, table: Table, keys: &[Key]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        self.check()?;
        self.inner.get(table, keys).await
    }

    async fn scan(
        &self,
        table: Table,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<(Key, Vec<u8>)>, StoreError> {
        self.check()?;
        self.inner.scan(table, prefix, after, limit).await
    }

    async fn commit(&self, writes: WriteSet) -> Result<(), StoreError> {
        self.check()?;
        let number = self.commits.get();
        self.commits.set(number + 1);
        match self.plan.get().filter(|(at, _)| *at == number) {
            Some((_, crash)) => {
                self.plan.set(None);
                self.crashed.set(true);
                if crash == Crash::After {
                    self.inner.commit(writes).await?;
                }
                Err(StoreError::Failed("crashed".into()))
            }
            None => self.inner.commit(writes).await,
        }
    }
}
