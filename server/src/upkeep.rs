//! What goes on beside the calls: pointers on their way to inboxes, deleting what is old.

use crate::{
    config::Retention,
    fanout::Hub,
    limits::{Day, today},
    metrics::Metrics,
    store::{Cutoffs, RelayStore},
};
use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};
use tokio::time::{MissedTickBehavior, interval, timeout};

/// A pointer whose delivery failed is tried again after this time.
const RETRY: Duration = Duration::from_secs(5);
/// Between looks for what is old.
const SWEEP_EVERY: Duration = Duration::from_secs(3600);
/// Published key packages may not come back for this long; their lifetimes are shorter.
const KEY_PACKAGE_DAYS: Day = 400;

/// Delivers pointers as they come, at the start, and again after a failure.
pub async fn deliver(store: Arc<dyn RelayStore>, hub: Arc<Hub>) {
    loop {
        match store.deliver_outbox().await {
            Ok(0) => {
                // The timer is for a bell that was rung before the last look.
                let _ = timeout(RETRY, hub.outbox.notified()).await;
            }
            Ok(_) => {}
            Err(_) => tokio::time::sleep(RETRY).await,
        }
    }
}

/// Deletes what is old, once an hour.
pub async fn sweep(store: Arc<dyn RelayStore>, retention: Retention, metrics: Arc<Metrics>) {
    let mut ticks = interval(SWEEP_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let cutoffs = cutoffs(retention, today());
        // In small parts, between which appends have their turn.
        while let Ok(gone) = store.sweep(cutoffs).await
            && gone > 0
        {
            metrics.swept.fetch_add(gone, Relaxed);
        }
    }
}

/// The first days that are kept.
pub fn cutoffs(retention: Retention, today: Day) -> Cutoffs {
    Cutoffs {
        messages: today - Day::from(retention.messages),
        commits: today - Day::from(retention.commits),
        welcomes: today - Day::from(retention.welcomes),
        key_packages: today - KEY_PACKAGE_DAYS,
    }
}
