//! The engine's web worker: IndexedDB, network, leadership among tabs.
//!
//! Every tab's page starts a worker, and talks to it as `haven-bridge` says. Among the workers of all tabs one leads
//! (`tabs`, `lock`): it opens the database (`indexeddb`) with the key that the browser keeps (`storage_key`),
//! runs the engine (`pump`), has mail opened and composed in one more worker (`mail_worker`), and talks to relays (`relay_client`, `socket`). The others pass requests on to it.

#[cfg(feature = "bench")]
pub mod bench;
mod browser_cipher;
mod commands;
mod enter;
mod failure;
mod indexeddb;
mod lock;
#[cfg(feature = "bench")]
pub mod mail_bench;
pub mod mail_worker;
mod network;
mod pump;
mod relay_client;
mod scope;
mod socket;
mod storage_key;
mod tabs;
mod transfer;

use futures_util::{
    FutureExt as _,
    future::{self, Either},
};
use haven_bridge::{Event, Failure, FromWorker, Session};
use lock::Lock;
use pump::Ended;
use std::rc::Rc;
use tabs::Tab;
use wasm_bindgen::JsValue;

#[cfg(test)]
wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_dedicated_worker);

const LEADERSHIP: &str = "haven";

/// Starts the worker.
pub fn start() {
    std::panic::set_hook(Box::new(|panic| {
        web_sys::console::error_1(&JsValue::from(panic.to_string()));
        tabs::post(&FromWorker::Event(Event::Broken));
        // Or this worker would keep the lock, and say that it leads, in a state that nobody can rely on.
        scope::this().close();
    }));
    match Tab::start() {
        Ok(tab) => wasm_bindgen_futures::spawn_local(run(tab)),
        Err(error) => {
            web_sys::console::error_1(&error);
            tabs::post(&FromWorker::Event(Event::Broken));
        }
    }
}

/// Follows and leads, in turn, until the tab is closed.
async fn run(tab: Rc<Tab>) {
    while !tab.has_ended() {
        let lock = match leadership(&tab).await {
            Ok(lock) => lock,
            Err(error) => return tab.end(&Event::Broken, no_locks(&error)),
        };
        if tab.has_ended() {
            return;
        }
        match pump::lead(&tab, lock).await {
            Ended::Deposed => {}
            Ended::Outdated => tab.end(&Event::Outdated, tabs::outdated()),
            Ended::Deleted => {
                tab.tell(Event::Deleted);
                tab.tell(Event::Session(Session::SignedOut { domain: None, sign_up: true }));
            }
            Ended::Failed(failure) => {
                tab.fail(&failure);
                pump::pause().await;
            }
        }
        tab.follow();
    }
}

/// Waits for the lock, and takes it when its holder is needed and doesn't answer.
async fn leadership(tab: &Tab) -> Result<Lock, JsValue> {
    let free = Lock::wait(LEADERSHIP).boxed_local();
    let gone = tab.leader_is_gone().boxed_local();
    match future::select(free, gone).await {
        Either::Left((lock, _)) => lock,
        Either::Right(((), waiting)) => {
            drop(waiting);
            tab.steals();
            Lock::steal(LEADERSHIP).await
        }
    }
}

fn no_locks(error: &JsValue) -> Failure {
    Failure::Storage { message: scope::describe(error) }
}
