//! A connection that knows when it is lost.

use futures_channel::oneshot;
use haven_core::store::StoreError;
use idb::{Database, Factory};
use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};
use wasm_bindgen::{JsCast as _, JsValue};
use web_sys::{DomException, IdbDatabase};

/// How a connection was lost.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Lost {
    /// A newer version of Haven upgrades the database.
    Outdated,
    /// The browser or the person deleted the site's data.
    Deleted,
}

impl From<Lost> for StoreError {
    fn from(lost: Lost) -> Self {
        match lost {
            Lost::Outdated => Self::Outdated,
            Lost::Deleted => Self::Failed("the browser deleted the database".into()),
        }
    }
}

/// An open database. Dropping it closes the connection: one that is left open without handlers makes the upgrades of
/// other tabs wait for ever.
pub struct Connection {
    raw: IdbDatabase,
    state: Rc<State>,
    /// Holds the handlers.
    _database: Database,
}

struct State {
    lost: Cell<Option<Lost>>,
    tell: RefCell<Option<oneshot::Sender<Lost>>>,
}

impl State {
    fn lose(&self, lost: Lost) {
        self.lost.set(Some(lost));
        if let Some(tell) = self.tell.take() {
            // Nobody listens when the leader has ended already.
            let _ = tell.send(lost);
        }
    }
}

impl Connection {
    /// Connects to a database that exists in this version.
    pub async fn open(name: &str, version: u32) -> Result<(Self, oneshot::Receiver<Lost>), StoreError> {
        let factory = Factory::new().map_err(|error| from_idb(&error))?;
        let request = factory.open(name, Some(version)).map_err(|error| from_idb(&error))?;
        let database = request.await.map_err(|error| from_idb(&error))?;
        let (tell, receiver) = oneshot::channel();
        Ok((Self::new(database.into(), tell), receiver))
    }

    fn new(raw: IdbDatabase, tell: oneshot::Sender<Lost>) -> Self {
        let state = Rc::new(State { lost: Cell::new(None), tell: RefCell::new(Some(tell)) });
        let mut database = Database::from(raw.clone());
        let (closing, on_change) = (raw.clone(), Rc::clone(&state));
        database.on_version_change(move |event| {
            // Closing lets the other tab go on; without it, its upgrade waits.
            closing.close();
            let deleted = event
                .dyn_ref::<web_sys::IdbVersionChangeEvent>()
                .is_some_and(|event| event.new_version().is_none());
            on_change.lose(if deleted { Lost::Deleted } else { Lost::Outdated });
        });
        let on_close = Rc::clone(&state);
        database.on_close(move |_| on_close.lose(Lost::Deleted));
        Self { raw, state, _database: database }
    }

    /// The database.
    pub fn raw(&self) -> &IdbDatabase {
        &self.raw
    }

    /// Closes the connection.
    pub fn close(&self) {
        self.raw.close();
    }

    /// What an exception means, on this connection.
    pub fn error(&self, error: &JsValue) -> StoreError {
        self.state.lost.get().map_or_else(|| failed(error), StoreError::from)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.raw.set_onversionchange(None);
        self.raw.set_onclose(None);
        self.raw.close();
    }
}

/// What an exception of IndexedDB means.
pub fn failed(error: &JsValue) -> StoreError {
    match error.dyn_ref::<DomException>().map(DomException::name) {
        // Only the fence has a constraint that can be broken.
        Some(name) if name == "ConstraintError" => StoreError::Fenced,
        Some(name) if name == "VersionError" => StoreError::Outdated,
        _ => StoreError::Failed(crate::scope::describe(error)),
    }
}

fn from_idb(error: &idb::Error) -> StoreError {
    match error {
        idb::Error::DomException(exception) => failed(exception),
        idb::Error::IndexedDbOpenFailed(value) => failed(value),
        other => StoreError::Failed(other.to_string()),
    }
}

/// What an error of rexie means.
pub fn from_rexie(error: &rexie::Error) -> StoreError {
    match error {
        rexie::Error::IdbError(error) => from_idb(error),
        other => StoreError::Failed(other.to_string()),
    }
}
