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

/// Crashes at every `period`th write set, from the one numbered `first` on.
#[derive(Clone, Copy, Debug)]
pub struct Again {
    /// How many write sets there are from one to the next; at least 2, or nothing would ever be stored.
    pub period: u64,
    /// The first one, counted from 0.
    pub first: u64,
    /// When the store fails.
    pub crash: Crash,
}

/// A store in memory with a crash on demand. After a crash everything fails until the device is restarted.
#[derive(Debug, Default)]
pub struct CrashStore {
    inner: MemoryStore,
    plan: Cell<Option<(u64, Crash)>>,
    again: Cell<Option<Again>>,
    crashed: Cell<bool>,
    commits: Cell<u64>,
    crashes: Cell<u64>,
    puts: Cell<u64>,
    bytes: Cell<u64>,
    /// Write sets that fail from now on, with the device living on.
    failing: Cell<u64>,
}

impl CrashStore {
    /// Crashes at the `n`th write set from now on, counted from 0.
    pub fn crash_at(&self, n: u64, crash: Crash) {
        self.plan.set(Some((self.commits.get() + n, crash)));
    }

    /// Crashes again and again, from now on.
    pub fn crash_again(&self, again: Again) {
        self.again.set(Some(again));
    }

    fn crash_of(&self, number: u64) -> Option<Crash> {
        let planned = self.plan.get().filter(|(at, _)| *at == number).map(|(_, crash)| crash);
        if planned.is_some() {
            self.plan.set(None);
        }
        let again = self.again.get().filter(|again| number % again.period == again.first);
        planned.or(again.map(|again| again.crash))
    }

    /// Whether it has crashed.
    pub fn crashed(&self) -> bool {
        self.crashed.get()
    }

    /// The next `n` write sets fail as they do when a disk is full: nothing is stored, and the device lives on.
    pub fn fail_next(&self, n: u64) {
        self.failing.set(n);
    }

    /// Values and bytes that were written so far; a deletion counts as a value without bytes.
    pub fn written(&self) -> (u64, u64) {
        (self.puts.get(), self.bytes.get())
    }

    /// Crashes so far.
    pub fn crashes(&self) -> u64 {
        self.crashes.get()
    }

    /// Everything that is stored, as bytes: to look for what must not be there in the clear.
    pub fn everything(&self) -> Vec<u8> {
        self.inner.everything()
    }

    /// The keys of a table.
    pub fn keys(&self, table: Table) -> Vec<Key> {
        self.inner.keys(table)
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
        self.again.set(None);
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
        if let Some(left) = self.failing.get().checked_sub(1) {
            self.failing.set(left);
            return Err(StoreError::Failed("full".into()));
        }
        for (_, key, value) in &writes.changes {
            self.puts.set(self.puts.get() + 1);
            self.bytes.set(self.bytes.get() + (key.len() + value.as_ref().map_or(0, Vec::len)) as u64);
        }
        let number = self.commits.get();
        self.commits.set(number + 1);
        match self.crash_of(number) {
            Some(crash) => {
                self.crashed.set(true);
                self.crashes.set(self.crashes.get() + 1);
                if crash == Crash::After {
                    self.inner.commit(writes).await?;
                }
                Err(StoreError::Failed("crashed".into()))
            }
            None => self.inner.commit(writes).await,
        }
    }
}
