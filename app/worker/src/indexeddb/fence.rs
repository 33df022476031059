//! Keeps earlier leaders from writing.
//!
//! Only the leader among the tabs writes, and leaders are numbered. A leader that was frozen and wakes up doesn't
//! know that another has taken over, and must not be able to write: two writers would use a ratchet twice.
//!
//! So each write set also puts its leader's number into one record, the writer, under an index that takes every number
//! only once; and a leader that takes over first becomes the writer, and then adds a record of its predecessor's
//! number, for good. A late write of the predecessor breaks the index, and its transaction fails whole. So does another
//! takeover from the same predecessor.
//!
//! Comparing numbers would do the same. But a transaction that waits for its own answer stays open while its tab is
//! frozen, and blocks everybody else's; these are complete when they are queued.

use super::{
    connection::{self, Connection},
    transaction::{Reading, Writing},
};
use crate::scope;
use haven_core::store::StoreError;
use js_sys::{Array, Object, Reflect};
use rexie::{Index, ObjectStore};
use wasm_bindgen::JsValue;
use web_sys::IdbKeyRange;

/// The fence's object store.
pub const STORE: &str = "fence";
const LEADER: &str = "leader";
const WRITER: &str = "writer";
/// No tab stays frozen for longer: numbers of earlier leaders are forgotten, in milliseconds.
const MEMORY: f64 = 366.0 * 24.0 * 3_600_000.0;

/// The object store, for the schema.
pub fn store() -> ObjectStore {
    ObjectStore::new(STORE).add_index(Index::new(LEADER, LEADER).unique(true))
}

/// A leader's pass through the fence.
pub struct Fence {
    leader: u64,
    record: JsValue,
}

impl Fence {
    /// Becomes the leader. From now on, no earlier one passes.
    pub async fn take_over(connection: &Connection) -> Result<Self, StoreError> {
        loop {
            match Self::succeed(connection, writer(connection).await?).await {
                // Another tab has succeeded the same leader meanwhile, and is now the one to succeed.
                Err(StoreError::Fenced) => {}
                done => return done,
            }
        }
    }

    /// Takes over from the leader `before`, which only one can.
    async fn succeed(connection: &Connection, before: u64) -> Result<Self, StoreError> {
        // The time, so that numbers also grow when the site's data is deleted while tabs remember an earlier one.
        let leader = (before + 1).max(scope::now());
        let fence = Self { leader, record: record(leader)? };
        let writing = Writing::begin(connection, &Array::of1(&JsValue::from(STORE)))?;
        fence.check(&writing)?;
        writing.add(STORE, &number(before), &record(before)?)?;
        let forgotten =
            number(before).as_f64().map_or(0.0, |before| before.min(js_sys::Date::now() - MEMORY));
        let forgotten = IdbKeyRange::upper_bound_with_open(&forgotten.into(), true)
            .map_err(|error| connection::failed(&error))?;
        writing.delete(STORE, &forgotten)?;
        writing.commit().await?;
        Ok(fence)
    }

    /// A pass with a number of the caller's choice.
    #[cfg(test)]
    pub fn with_number(leader: u64) -> Self {
        Self { leader, record: record(leader).unwrap() }
    }

    /// The leader's number.
    pub fn leader(&self) -> u64 {
        self.leader
    }

    /// Lets the transaction fail with [`StoreError::Fenced`] if another leader has taken over.
    pub fn check(&self, writing: &Writing<'_>) -> Result<(), StoreError> {
        writing.put(STORE, &WRITER.into(), &self.record)
    }
}

/// The number of the leader that may write; before the first, 0.
async fn writer(connection: &Connection) -> Result<u64, StoreError> {
    let reading = Reading::begin(connection, STORE)?;
    let writer = reading.answer(&reading.get(&WRITER.into())?).await?;
    Ok(number_in(&writer).unwrap_or(0))
}

fn record(leader: u64) -> Result<JsValue, StoreError> {
    let record = Object::new();
    Reflect::set(&record, &LEADER.into(), &number(leader)).map_err(|error| connection::failed(&error))?;
    Ok(record.into())
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "written by `number`")]
fn number_in(record: &JsValue) -> Option<u64> {
    let number = Reflect::get(record, &LEADER.into()).ok()?;
    number.as_f64().map(|number| number as u64)
}

#[allow(clippy::cast_precision_loss, reason = "times in milliseconds are far below 2^53")]
fn number(leader: u64) -> JsValue {
    JsValue::from_f64(leader as f64)
}
