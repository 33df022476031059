//! Registers `sw.js`, and notices when a newer version of Haven waits.

use leptos::prelude::*;
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use wasm_bindgen_futures::JsFuture;
use web_sys::{ServiceWorkerContainer, ServiceWorkerRegistration, ServiceWorkerState};

use super::browser;

/// `public/early.js` allows this address.
const SCRIPT: &str = "/sw.js";

/// Starts offline support; the signal turns true when a newer version waits. Where service workers can't be had
/// (private windows, plain http), nothing happens.
pub fn register() -> RwSignal<bool> {
    let waiting = RwSignal::new(false);
    if let Some(container) = container() {
        reload_on_takeover(&container);
        leptos::task::spawn_local(async move { _ = watch(&container, waiting).await });
    }
    waiting
}

/// Lets the waiting version take over; all tabs reload then.
pub fn take_over() {
    leptos::task::spawn_local(async {
        let Some(container) = container() else { return browser::reload() };
        let registration = JsFuture::from(container.get_registration()).await.ok();
        let registration = registration.and_then(|value| value.dyn_into::<ServiceWorkerRegistration>().ok());
        match registration.and_then(|registration| registration.waiting()) {
            Some(worker) => _ = worker.post_message(&JsValue::from_str("take-over")),
            None => browser::reload(),
        }
    });
}

fn container() -> Option<ServiceWorkerContainer> {
    let navigator = web_sys::window()?.navigator();
    // The getter of web-sys would hand out `undefined` where there is none.
    js_sys::Reflect::get(&navigator, &"serviceWorker".into()).ok()?.dyn_into().ok()
}

/// A page of the old version must not go on with files of the new one. The first version of all takes over too, and
/// that is no reason to reload; the next one is.
fn reload_on_takeover(container: &ServiceWorkerContainer) {
    let mut first = container.controller().is_none();
    let reload = Closure::<dyn FnMut()>::new(move || {
        if !std::mem::take(&mut first) {
            browser::reload();
        }
    });
    container.set_oncontrollerchange(Some(reload.as_ref().unchecked_ref()));
    reload.forget();
}

async fn watch(container: &ServiceWorkerContainer, waiting: RwSignal<bool>) -> Result<(), JsValue> {
    let registration: ServiceWorkerRegistration =
        JsFuture::from(container.register(SCRIPT)).await?.dyn_into()?;
    if registration.waiting().is_some() && container.controller().is_some() {
        waiting.set(true);
    }
    let on_found = Closure::<dyn FnMut()>::new({
        let (registration, container) = (registration.clone(), container.clone());
        move || follow(&registration, container.clone(), waiting)
    });
    registration.set_onupdatefound(Some(on_found.as_ref().unchecked_ref()));
    on_found.forget();
    Ok(())
}

/// Follows a version that is being installed until it waits.
fn follow(
    registration: &ServiceWorkerRegistration,
    container: ServiceWorkerContainer,
    waiting: RwSignal<bool>,
) {
    let Some(worker) = registration.installing() else { return };
    let on_change = Closure::<dyn FnMut()>::new({
        let worker = worker.clone();
        move || {
            if worker.state() == ServiceWorkerState::Installed && container.controller().is_some() {
                waiting.set(true);
            }
        }
    });
    worker.set_onstatechange(Some(on_change.as_ref().unchecked_ref()));
    on_change.forget();
}
