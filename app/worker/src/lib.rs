//! The engine's web worker: IndexedDB, network, leadership among tabs.

mod indexeddb;
mod lock;
mod network;
mod relay_client;
mod scope;
mod socket;
mod storage_key;

#[cfg(test)]
wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_dedicated_worker);
