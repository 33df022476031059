//! Whether the leader is there.

use crate::scope;
use futures_channel::oneshot;
use futures_util::future::{self, Either};
use gloo_timers::future::TimeoutFuture;
use std::cell::{Cell, RefCell};

/// How long a leader may be silent while it is needed, in milliseconds.
const PATIENCE: u32 = 1_000;
/// The same, while it said that it is busy.
const BUSY_PATIENCE: u32 = 20_000;
/// After so many thefts in a row, patience stops growing.
const MAX_DOUBLINGS: u32 = 4;
/// Thefts this long apart are not in a row.
const CALM: f64 = 60_000.0;
/// How often a follower looks after the leader while it needs nothing: it still wants to hear what comes in.
const IDLE_CHECK: f64 = 5_000.0;
/// How often it looks while it waits for an answer.
const CHECK: u32 = 500;
/// A timer this late means that this tab was frozen, and has no right to complain.
const FROZEN: f64 = 500.0;

/// What this tab knows of the leader's life.
#[derive(Default)]
pub struct Watch {
    heard: Cell<f64>,
    said: Cell<Option<u32>>,
    stolen: Cell<Thefts>,
    busy: Cell<bool>,
    sleepers: RefCell<Vec<oneshot::Sender<()>>>,
}

/// Two tabs could steal from each other for ever over work that takes longer than a second: so each theft makes all
/// more patient for a while.
#[derive(Clone, Copy, Default)]
struct Thefts {
    in_a_row: u32,
    last: f64,
}

impl Watch {
    /// The leader was heard, and perhaps said how long it may be silent.
    pub fn heard(&self, patience: Option<u32>) {
        self.heard.set(scope::elapsed());
        if patience.is_some() {
            self.said.set(patience);
        }
        self.changed();
    }

    /// What the watch depends on has changed.
    pub fn changed(&self) {
        for sleeper in self.sleepers.take() {
            // Some have been woken by their timer already.
            let _ = sleeper.send(());
        }
    }

    /// This tab steals the lock.
    pub fn steals(&self) {
        let now = scope::elapsed();
        let mut thefts = self.stolen.get();
        let said = self.said.get().unwrap_or(PATIENCE);
        let row = now - thefts.last < CALM || said > PATIENCE;
        // What the leader before announced counts as well: this tab may not have seen the thefts before.
        let before = thefts.in_a_row.max((said / PATIENCE).checked_ilog2().unwrap_or(0));
        thefts.in_a_row = if row { (before + 1).min(MAX_DOUBLINGS) } else { 1 };
        thefts.last = now;
        self.stolen.set(thefts);
    }

    /// As the leader: it works long, or is done.
    pub fn busy(&self, busy: bool) {
        self.busy.set(busy);
    }

    /// As the leader: how long it may be silent.
    pub fn patience(&self) -> u32 {
        let thefts = self.stolen.get();
        if self.busy.get() {
            BUSY_PATIENCE
        } else if thefts.in_a_row > 0 && scope::elapsed() - thefts.last < CALM {
            PATIENCE << thefts.in_a_row
        } else {
            PATIENCE
        }
    }

    /// As a follower: waits until the leader is needed, is asked, and doesn't answer.
    pub async fn until_gone(&self, is_needed: impl Fn() -> bool, ask: impl Fn()) {
        loop {
            self.until_due(&is_needed).await;
            let asked = scope::elapsed();
            ask();
            let patience = self.said.get().unwrap_or(PATIENCE);
            if self.silent(asked, patience).await {
                return;
            }
            if is_needed() {
                TimeoutFuture::new(CHECK).await;
            }
        }
    }

    /// Waits until the leader should be asked.
    async fn until_due(&self, is_needed: &impl Fn() -> bool) {
        loop {
            let left = self.heard.get() + IDLE_CHECK - scope::elapsed();
            if is_needed() || left <= 0.0 {
                return;
            }
            self.sleep(left).await;
        }
    }

    /// Whether nothing is heard for `patience` after `asked`.
    async fn silent(&self, asked: f64, patience: u32) -> bool {
        let until = asked + f64::from(patience);
        loop {
            if self.heard.get() >= asked {
                return false;
            }
            let late = scope::elapsed() - until;
            if late >= 0.0 {
                return late < FROZEN;
            }
            self.sleep(-late).await;
        }
    }

    /// Sleeps until something changes, and not longer than this.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "some seconds, and positive")]
    async fn sleep(&self, millis: f64) {
        let (waker, woken) = oneshot::channel();
        self.sleepers.borrow_mut().push(waker);
        let timer = TimeoutFuture::new(millis.ceil() as u32);
        match future::select(woken, timer).await {
            Either::Left(_) | Either::Right(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;
    use wasm_bindgen_test::wasm_bindgen_test;

    async fn within(millis: u32, watch: &Watch, needed: bool, ask: impl Fn()) -> Option<f64> {
        let start = scope::elapsed();
        let gone = watch.until_gone(|| needed, ask).boxed_local();
        match future::select(gone, TimeoutFuture::new(millis)).await {
            Either::Left(_) => Some(scope::elapsed() - start),
            Either::Right(_) => None,
        }
    }

    #[wasm_bindgen_test]
    async fn a_leader_that_is_needed_may_be_silent_for_a_second() {
        let watch = Watch::default();
        let took = within(3_000, &watch, true, || {}).await;
        assert!(took.is_some_and(|took| (990.0..1_500.0).contains(&took)));
    }

    #[wasm_bindgen_test]
    async fn a_leader_that_answers_keeps_the_lock() {
        let watch = Watch::default();
        let answers = || watch.heard(None);
        assert_eq!(within(2_500, &watch, true, answers).await, None);
    }

    #[wasm_bindgen_test]
    async fn a_leader_is_not_asked_all_the_time_by_those_who_need_nothing() {
        let watch = Watch::default();
        watch.heard(None);
        let asked = Cell::new(0);
        let ask = || asked.set(asked.get() + 1);
        assert_eq!(within(1_500, &watch, false, ask).await, None);
        assert_eq!(asked.get(), 0);
    }

    #[wasm_bindgen_test]
    async fn a_leader_that_is_busy_may_be_silent_for_longer() {
        let watch = Watch::default();
        watch.heard(Some(BUSY_PATIENCE));
        assert_eq!(within(2_000, &watch, true, || {}).await, None);
    }

    #[wasm_bindgen_test]
    fn thefts_in_a_row_make_patient() {
        let watch = Watch::default();
        assert_eq!(watch.patience(), PATIENCE);
        for doublings in [1, 2, 3, 4, 4] {
            watch.steals();
            assert_eq!(watch.patience(), PATIENCE << doublings);
        }
        // What another tab announced counts too.
        let other = Watch::default();
        other.heard(Some(watch.patience()));
        other.steals();
        assert_eq!(other.patience(), PATIENCE << MAX_DOUBLINGS);
    }
}
