//! Web Locks: who leads among the tabs.
//!
//! web-sys has them behind its flag for unstable APIs, so the two calls are bound here.

use futures_channel::oneshot;
use futures_util::future::{self, Either};
use js_sys::{Function, Object, Promise, Reflect};
use wasm_bindgen::{JsCast as _, JsValue, closure::Closure, prelude::wasm_bindgen};
use wasm_bindgen_futures::{JsFuture, spawn_local};

#[wasm_bindgen]
extern "C" {
    type NavigatorWithLocks;

    #[wasm_bindgen(method, getter)]
    fn locks(this: &NavigatorWithLocks) -> Option<LockManager>;

    type LockManager;

    #[wasm_bindgen(method, catch)]
    fn request(
        this: &LockManager,
        name: &str,
        options: &Object,
        granted: &Function,
    ) -> Result<Promise, JsValue>;
}

/// A lock, or the wish for one. Dropping it gives it up.
pub struct Lock {
    release: Function,
    ended: oneshot::Receiver<()>,
}

impl Lock {
    /// Waits until nobody else holds the lock.
    pub async fn wait(name: &str) -> Result<Self, JsValue> {
        Self::acquire(name, false).await
    }

    /// Takes the lock from whoever holds it.
    pub async fn steal(name: &str) -> Result<Self, JsValue> {
        Self::acquire(name, true).await
    }

    /// Waits until somebody steals the lock.
    pub async fn stolen(&mut self) {
        // Also when the task that watches the lock is gone, which it never is while the lock is held.
        let _ = (&mut self.ended).await;
    }

    async fn acquire(name: &str, steal: bool) -> Result<Self, JsValue> {
        let (granted, mut lock) = request(name, steal)?;
        match future::select(granted, &mut lock.ended).await {
            Either::Left((Ok(()), _)) => Ok(lock),
            _ => Err("the lock was refused".into()),
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Before the lock is granted, this makes it end as soon as it is.
        let _ = self.release.call0(&JsValue::NULL);
    }
}

fn request(name: &str, steal: bool) -> Result<(oneshot::Receiver<()>, Lock), JsValue> {
    let navigator: JsValue = crate::scope::this().navigator().into();
    let locks = navigator
        .unchecked_ref::<NavigatorWithLocks>()
        .locks()
        .ok_or("this browser has no locks on this page")?;
    let options = Object::new();
    Reflect::set(&options, &"steal".into(), &steal.into())?;

    let mut release = None;
    // The browser holds the lock until this settles.
    let held = Promise::new(&mut |resolve, _| release = Some(resolve));
    let (tell_granted, granted) = oneshot::channel();
    let on_granted = Closure::once(move |_lock: JsValue| {
        let _ = tell_granted.send(());
        held
    });
    let settled = locks.request(name, &options, on_granted.as_ref().unchecked_ref())?;
    let (tell_ended, ended) = oneshot::channel();
    spawn_local(async move {
        // Rejected when the lock is stolen.
        let _ = JsFuture::from(settled).await;
        let _ = tell_ended.send(());
        drop(on_granted);
    });
    let release = release.ok_or("a promise without a start")?;
    Ok((granted, Lock { release, ended }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;
    use gloo_timers::future::TimeoutFuture;
    use wasm_bindgen_test::wasm_bindgen_test;

    #[wasm_bindgen_test]
    async fn one_holds_the_lock_and_the_next_gets_it_when_dropped() {
        let first = Lock::wait("handover").await.unwrap();
        let mut second = Lock::wait("handover").boxed_local();
        TimeoutFuture::new(20).await;
        assert!((&mut second).now_or_never().is_none());
        drop(first);
        second.await.unwrap();
    }

    #[wasm_bindgen_test]
    async fn a_stolen_lock_is_noticed() {
        let mut first = Lock::wait("theft").await.unwrap();
        assert!(first.stolen().now_or_never().is_none());
        let mut second = Lock::steal("theft").await.unwrap();
        first.stolen().await;
        assert!(second.stolen().now_or_never().is_none());
    }

    #[wasm_bindgen_test]
    async fn who_stops_waiting_does_not_keep_the_lock() {
        let first = Lock::wait("given up").await.unwrap();
        let mut second = Lock::wait("given up").boxed_local();
        assert!((&mut second).now_or_never().is_none());
        drop(second);
        drop(first);
        Lock::wait("given up").await.unwrap();
    }
}
