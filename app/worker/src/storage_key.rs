//! The key under which everything stored on this device is sealed.
//!
//! 32 random bytes, made on first use, and stored encrypted by a WebCrypto key that the browser keeps and never gives
//! out. That stops other origins and casual looks into the database, but nobody who can copy the browser's profile.

use crate::{
    indexeddb::{self, KEYS},
    scope,
};
use haven_core::store::{StorageKey, StoreError, Table};
use js_sys::{Array, Object, Reflect, Uint8Array};
use rexie::{Rexie, TransactionMode};
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{AesGcmParams, AesKeyGenParams, CryptoKey, SubtleCrypto};
use zeroize::Zeroizing;

const RECORD: &str = "storage";
const WRAPPING: &str = "wrapping";
const NONCE: &str = "nonce";
const WRAPPED: &str = "wrapped";

/// Reads the storage key of the database `name`, or makes one.
pub async fn load_or_create(name: &str) -> Result<StorageKey, StoreError> {
    let rexie = indexeddb::schema(name).await?;
    let record = find_or_add(&rexie).await;
    // Also on failure: a connection that is dropped open would make other tabs wait for ever.
    rexie.close();
    unwrap(&record?).await.map_err(damaged)
}

/// The stored record. A new one is made before any transaction, which would end while waiting for WebCrypto.
async fn find_or_add(rexie: &Rexie) -> Result<JsValue, StoreError> {
    if let Some(record) = find(rexie).await? {
        return Ok(record);
    }
    let made = make().await.map_err(unavailable)?;
    let stored = |error| indexeddb::from_rexie(&error);
    let sealed = Table::Meta.name();
    let transaction = rexie.transaction(&[KEYS, sealed], TransactionMode::ReadWrite).map_err(stored)?;
    let keys = transaction.store(KEYS).map_err(stored)?;
    // Another tab may have been faster.
    let record = match keys.get(RECORD.into()).await.map_err(stored)? {
        Some(record) => record,
        // A new key would hide what is sealed under the lost one, as if nobody had ever been here.
        None if transaction.store(sealed).map_err(stored)?.count(None).await.map_err(stored)? > 0 => {
            return Err(StoreError::Damaged);
        }
        None => {
            keys.add(&made, Some(&RECORD.into())).await.map_err(stored)?;
            made
        }
    };
    transaction.commit().await.map_err(stored)?;
    Ok(record)
}

async fn find(rexie: &Rexie) -> Result<Option<JsValue>, StoreError> {
    let stored = |error| indexeddb::from_rexie(&error);
    let transaction = rexie.transaction(&[KEYS], TransactionMode::ReadOnly).map_err(stored)?;
    let keys = transaction.store(KEYS).map_err(stored)?;
    keys.get(RECORD.into()).await.map_err(stored)
}

/// A new storage key, wrapped, with what opens it.
async fn make() -> Result<JsValue, JsValue> {
    let key = Zeroizing::new(scope::random::<32>()?);
    let nonce = scope::random::<12>()?;
    let wrapping = wrapping_key().await?;
    let wrapped = subtle()?.encrypt_with_object_and_u8_array(
        &AesGcmParams::new("AES-GCM", &Uint8Array::from(&nonce[..])),
        &wrapping,
        key.as_ref(),
    )?;
    let wrapped = Uint8Array::new(&JsFuture::from(wrapped).await?);
    let record = Object::new();
    Reflect::set(&record, &WRAPPING.into(), &wrapping)?;
    Reflect::set(&record, &NONCE.into(), &Uint8Array::from(&nonce[..]))?;
    Reflect::set(&record, &WRAPPED.into(), &wrapped)?;
    Ok(record.into())
}

/// A key that never leaves the browser's keeping.
async fn wrapping_key() -> Result<CryptoKey, JsValue> {
    let usages = Array::of2(&"encrypt".into(), &"decrypt".into());
    let made = subtle()?.generate_key_with_object(&AesKeyGenParams::new("AES-GCM", 256), false, &usages)?;
    JsFuture::from(made).await?.dyn_into()
}

async fn unwrap(record: &JsValue) -> Result<StorageKey, JsValue> {
    let wrapping: CryptoKey = Reflect::get(record, &WRAPPING.into())?.dyn_into()?;
    let nonce: Uint8Array = Reflect::get(record, &NONCE.into())?.dyn_into()?;
    let wrapped: Uint8Array = Reflect::get(record, &WRAPPED.into())?.dyn_into()?;
    let key = subtle()?.decrypt_with_object_and_buffer_source(
        &AesGcmParams::new("AES-GCM", &nonce),
        &wrapping,
        &wrapped,
    )?;
    let key = Uint8Array::new(&JsFuture::from(key).await?);
    let mut bytes = Zeroizing::new([0; 32]);
    if key.length() != 32 {
        return Err("the storage key has a wrong length".into());
    }
    key.copy_to(bytes.as_mut());
    Ok(StorageKey(bytes))
}

/// WebCrypto is missing on pages that came over plain HTTP from anywhere but localhost.
fn subtle() -> Result<SubtleCrypto, JsValue> {
    let subtle = scope::this().crypto()?.subtle();
    if subtle.is_undefined() {
        Err("this browser offers cryptography only over HTTPS".into())
    } else {
        Ok(subtle)
    }
}

fn unavailable(error: JsValue) -> StoreError {
    StoreError::Failed(scope::describe(&error))
}

fn damaged(_: JsValue) -> StoreError {
    StoreError::Damaged
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasm_bindgen_test::wasm_bindgen_test;

    #[wasm_bindgen_test]
    async fn the_key_is_made_once_and_comes_back() {
        let name = "the_key_is_made_once";
        let first = load_or_create(name).await.unwrap();
        let again = load_or_create(name).await.unwrap();
        assert_eq!(first.0, again.0);
        assert_ne!(*first.0, [0; 32]);
        let other = load_or_create("another_database").await.unwrap();
        assert_ne!(first.0, other.0);
    }

    #[wasm_bindgen_test]
    async fn a_lost_key_is_not_replaced_while_something_is_sealed_under_it() {
        let name = "a_lost_key";
        let first = load_or_create(name).await.unwrap();
        let rexie = indexeddb::schema(name).await.unwrap();
        for store in [KEYS, Table::Meta.name()] {
            let transaction = rexie.transaction(&[store], TransactionMode::ReadWrite).unwrap();
            let store = transaction.store(store).unwrap();
            store.clear().await.unwrap();
            if store.name() != KEYS {
                store.put(&Uint8Array::new_with_length(1).into(), Some(&"account".into())).await.unwrap();
            }
            transaction.commit().await.unwrap();
        }
        assert_eq!(load_or_create(name).await.err(), Some(StoreError::Damaged));
        let transaction = rexie.transaction(&[Table::Meta.name()], TransactionMode::ReadWrite).unwrap();
        transaction.store(Table::Meta.name()).unwrap().clear().await.unwrap();
        transaction.commit().await.unwrap();
        rexie.close();
        assert_ne!(load_or_create(name).await.unwrap().0, first.0);
    }

    #[wasm_bindgen_test]
    async fn the_wrapping_key_can_not_be_exported() {
        let wrapping = wrapping_key().await.unwrap();
        let exported = subtle().unwrap().export_key("raw", &wrapping).unwrap();
        assert!(JsFuture::from(exported).await.is_err());
    }

    #[wasm_bindgen_test]
    async fn nothing_stored_holds_the_key_in_the_clear() {
        let name = "no_key_in_the_clear";
        let key = load_or_create(name).await.unwrap();
        let rexie = indexeddb::schema(name).await.unwrap();
        let record = find(&rexie).await.unwrap().unwrap();
        rexie.close();
        let wrapped = Reflect::get(&record, &WRAPPED.into()).unwrap();
        let wrapped = Uint8Array::new(&wrapped).to_vec();
        assert!(!wrapped.windows(32).any(|window| window == *key.0));
        let mut tampered = wrapped;
        tampered[3] ^= 1;
        Reflect::set(&record, &WRAPPED.into(), &Uint8Array::from(&tampered[..])).unwrap();
        assert!(unwrap(&record).await.is_err());
    }
}
