//! Keeps earlier leaders from writing.
//!
//! Only the leader among the tabs writes, and leaders are numbered. A leader that was frozen and wakes up doesn't
//! know that another has taken over, and must not be able to write: two writers would use a ratchet twice.
//!
//! So each write set also puts its leader's number into one record, the writer, under an index that takes every number
//! only once; and a leader that takes over first becomes the writer, and then enters its predecessor's number in a
//! record of its own, for good. A late write of the predecessor breaks the index, and its transaction fails whole.
//!
//! Comparing numbers would do the same. But a transaction that waits for its own answer stays open while its tab is
//! frozen, and blocks everybody else's; this one is complete when it is queued.

use super::{
    connection::{self, Connection},
    transaction::Writing,
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
        let writing = Writing::begin(connection, &Array::of1(&JsValue::from(STORE)))?;
        let before = writing.get(STORE, &WRITER.into()).await?;
        let before = number_in(&before);
        // The time, so that numbers also grow when the site's data is deleted while tabs remember an earlier one.
        let leader = before.map_or(0, |before| before.saturating_add(1)).max(scope::now());
        let fence = Self { leader, record: record(leader)? };
        fence.check(&writing)?;
        if let Some(before) = before {
            writing.put(STORE, &number(before), &record(before)?)?;
        }
        let forgotten = JsValue::from_f64(js_sys::Date::now() - MEMORY);
        let forgotten = IdbKeyRange::upper_bound(&forgotten).map_err(|error| connection::failed(&error))?;
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
