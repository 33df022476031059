//! Transactions without a closure for each request.

use super::connection::Connection;
use haven_core::store::StoreError;
use js_sys::{Array, Object, Promise, Reflect};
use wasm_bindgen::{JsCast as _, JsValue, prelude::wasm_bindgen};
use wasm_bindgen_futures::JsFuture;
use web_sys::{IdbDatabase, IdbKeyRange, IdbObjectStore, IdbRequest, IdbTransaction};

#[wasm_bindgen]
extern "C" {
    /// `IDBDatabase` with the options of `transaction`, which web-sys hides behind its flag for unstable APIs.
    #[wasm_bindgen(extends = IdbDatabase)]
    type DurableDatabase;

    #[wasm_bindgen(method, catch, js_name = transaction)]
    fn transaction(
        this: &DurableDatabase,
        stores: &Array,
        mode: &str,
        options: &Object,
    ) -> Result<IdbTransaction, JsValue>;

    #[cfg(test)]
    type DurableTransaction;

    #[cfg(test)]
    #[wasm_bindgen(method, getter)]
    fn durability(this: &DurableTransaction) -> String;
}

/// A read transaction on one object store, for requests that are all made before the first is answered.
pub struct Reading<'a> {
    connection: &'a Connection,
    transaction: IdbTransaction,
    store: IdbObjectStore,
}

impl<'a> Reading<'a> {
    pub fn begin(connection: &'a Connection, store: &str) -> Result<Self, StoreError> {
        let transaction =
            connection.raw().transaction_with_str(store).map_err(|error| connection.error(&error))?;
        let store = transaction.object_store(store).map_err(|error| connection.error(&error))?;
        Ok(Self { connection, transaction, store })
    }

    pub fn get(&self, key: &JsValue) -> Result<IdbRequest, StoreError> {
        self.checked(self.store.get(key))
    }

    pub fn get_all(&self, range: &IdbKeyRange, limit: u32) -> Result<IdbRequest, StoreError> {
        self.checked(self.store.get_all_with_key_and_limit(range, limit))
    }

    pub fn get_all_keys(&self, range: &IdbKeyRange, limit: u32) -> Result<IdbRequest, StoreError> {
        self.checked(self.store.get_all_keys_with_key_and_limit(range, limit))
    }

    /// Waits for the last request. Those before it are answered then.
    pub async fn answer(&self, last: &IdbRequest) -> Result<JsValue, StoreError> {
        // Or it would end only when this tab has seen the answer, and hold up the next leader if this tab is frozen.
        self.checked(commit_now(&self.transaction))?;
        answered(last).await.map_err(|error| self.connection.error(&error))?;
        self.result(last)
    }

    /// The result of an answered request.
    pub fn result(&self, request: &IdbRequest) -> Result<JsValue, StoreError> {
        self.checked(request.result())
    }

    fn checked<T>(&self, result: Result<T, JsValue>) -> Result<T, StoreError> {
        result.map_err(|error| self.connection.error(&error))
    }
}

/// A write transaction with strict durability. It is undone unless [`Writing::commit`] is called.
pub struct Writing<'a> {
    connection: &'a Connection,
    transaction: IdbTransaction,
    committed: bool,
}

impl<'a> Writing<'a> {
    /// Begins it on object stores.
    pub fn begin(connection: &'a Connection, stores: &Array) -> Result<Self, StoreError> {
        let strict = Object::new();
        let transaction = Reflect::set(&strict, &"durability".into(), &"strict".into())
            .and_then(|_| {
                let database: &DurableDatabase = connection.raw().unchecked_ref();
                database.transaction(stores, "readwrite", &strict)
            })
            .map_err(|error| connection.error(&error))?;
        Ok(Self { connection, transaction, committed: false })
    }

    pub fn put(&self, store: &str, key: &JsValue, value: &JsValue) -> Result<(), StoreError> {
        self.checked(self.store(store)?.put_with_key(value, key)).map(drop)
    }

    /// Puts what must not be there yet.
    pub fn add(&self, store: &str, key: &JsValue, value: &JsValue) -> Result<(), StoreError> {
        self.checked(self.store(store)?.add_with_key(value, key)).map(drop)
    }

    pub fn delete(&self, store: &str, key: &JsValue) -> Result<(), StoreError> {
        self.checked(self.store(store)?.delete(key)).map(drop)
    }

    pub fn clear(&self, store: &str) -> Result<(), StoreError> {
        self.checked(self.store(store)?.clear()).map(drop)
    }

    #[cfg(test)]
    pub fn durability(&self) -> String {
        let transaction: &JsValue = self.transaction.as_ref();
        transaction.unchecked_ref::<DurableTransaction>().durability()
    }

    /// Commits, and waits until everything is on the disk.
    pub async fn commit(mut self) -> Result<(), StoreError> {
        let ended = Promise::new(&mut |resolve, reject| {
            self.transaction.set_oncomplete(Some(&resolve));
            self.transaction.set_onabort(Some(&reject));
        });
        self.checked(commit_now(&self.transaction))?;
        self.committed = true;
        match JsFuture::from(ended).await {
            Ok(_) => Ok(()),
            Err(_) => Err(self.why_aborted()),
        }
    }

    fn why_aborted(&self) -> StoreError {
        match self.transaction.error() {
            Some(exception) => self.connection.error(&exception),
            None => self.connection.error(&"the transaction was aborted".into()),
        }
    }

    fn store(&self, name: &str) -> Result<IdbObjectStore, StoreError> {
        self.checked(self.transaction.object_store(name))
    }

    fn checked<T>(&self, result: Result<T, JsValue>) -> Result<T, StoreError> {
        result.map_err(|error| self.connection.error(&error))
    }
}

impl Drop for Writing<'_> {
    /// A transaction that is only forgotten would commit what it has.
    fn drop(&mut self) {
        if !self.committed {
            // It fails if the transaction has ended already, and then there is nothing to undo.
            let _ = self.transaction.abort();
        }
    }
}

/// Commits without waiting for the requests' own events.
#[expect(deprecated, reason = "by an error of web-sys: no specification deprecates it")]
fn commit_now(transaction: &IdbTransaction) -> Result<(), JsValue> {
    transaction.commit()
}

/// Waits for one request, without a closure of ours.
async fn answered(request: &IdbRequest) -> Result<JsValue, JsValue> {
    let answer = Promise::new(&mut |resolve, reject| {
        request.set_onsuccess(Some(&resolve));
        request.set_onerror(Some(&reject));
    });
    match JsFuture::from(answer).await {
        Ok(event) => Ok(event),
        Err(_) => Err(match request.error()? {
            Some(exception) => exception.into(),
            None => JsValue::from("the request failed"),
        }),
    }
}
