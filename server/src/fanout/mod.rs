//! The push hub: which socket wants which group's rows, and what waits to be sent to each socket.
//!
//! Frames are hints. Nothing here waits for a socket: each has a bounded queue, and what doesn't fit is replaced by a
//! [`FromRelay::Head`] that is sent when the queue has drained.

mod outgoing;

pub use outgoing::{End, Next, Outgoing};

use crate::{
    metrics::Metrics,
    store::{AccountId, News, RelayStore, Session, Window},
};
use bytes::Bytes;
use haven_wire::{
    group::{Kind, Opened, Row},
    ids::{DeviceId, GroupId},
    limits::{MAX_FRAME, MAX_TOKEN_COMMITS},
    push::FromRelay,
};
use outgoing::{Queue, encode};
use std::{
    collections::{BTreeMap, HashMap},
    hash::{BuildHasher as _, Hash, RandomState},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};
use tokio::sync::{Notify, mpsc, watch};

/// Groups that one socket may subscribe to.
pub const MAX_SUBSCRIPTIONS: usize = 4096;
/// Sockets of one device. A further one ends the oldest.
const MAX_DEVICE_SOCKETS: usize = 8;
const SHARDS: usize = 64;

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A subscription. Until the store has said what the token opens, it only notes what it missed.
struct Subscriber {
    outgoing: Arc<Outgoing>,
    /// The epoch of the token.
    epoch: u64,
    standing: Standing,
}

enum Standing {
    Asking { head: u64, ended: bool },
    Open { after: u64 },
}

type Shard = HashMap<GroupId, HashMap<u64, Subscriber>>;

/// Sockets by whose they are, the oldest first.
type Sockets<K> = Mutex<HashMap<K, BTreeMap<u64, Arc<Outgoing>>>>;

fn forget<K: Eq + Hash>(sockets: &Sockets<K>, key: &K, outgoing: &Outgoing) {
    let mut sockets = locked(sockets);
    if let Some(of_key) = sockets.get_mut(key) {
        of_key.remove(&outgoing.id);
        if of_key.is_empty() {
            sockets.remove(key);
        }
    }
}

/// All sockets of this relay.
pub struct Hub {
    hasher: RandomState,
    shards: Vec<Mutex<Shard>>,
    devices: Sockets<DeviceId>,
    accounts: Sockets<AccountId>,
    next_id: AtomicU64,
    metrics: Arc<Metrics>,
    closing: watch::Sender<bool>,
    sockets: watch::Sender<usize>,
    /// Rung when there are pointers to deliver.
    pub outbox: Notify,
    /// Rung when there is mail for other servers.
    pub mail_queued: Notify,
}

impl Hub {
    /// Without sockets.
    pub fn new(metrics: Arc<Metrics>) -> Self {
        Self {
            hasher: RandomState::new(),
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            devices: Mutex::default(),
            accounts: Mutex::default(),
            next_id: AtomicU64::new(1),
            metrics,
            closing: watch::Sender::new(false),
            sockets: watch::Sender::new(0),
            outbox: Notify::new(),
            mail_queued: Notify::new(),
        }
    }

    /// Hands out news until the store is gone.
    pub async fn run(self: Arc<Self>, mut news: mpsc::UnboundedReceiver<News>) {
        while let Some(item) = news.recv().await {
            match item {
                News::Rows { group_id, rows } => self.publish(group_id, &rows),
                News::Outbox => self.outbox.notify_one(),
                News::MailQueued => self.mail_queued.notify_one(),
                News::Mailbox { account, head } => self.tell_account(account, head),
                News::Inbox(device) => self.tell(device, |queue| queue.inbox = true),
                News::KeyPackagesLow(device) => self.tell(device, |queue| queue.key_packages_low = true),
                News::SignedOut(device) => self.tell(device, |queue| queue.end = Some(End::SignedOut)),
            }
        }
    }

    /// Asks all sockets to close.
    pub fn close(&self) {
        self.closing.send_replace(true);
    }

    /// Becomes true when the relay stops.
    pub fn closing(&self) -> watch::Receiver<bool> {
        self.closing.subscribe()
    }

    /// Returns when no socket is left.
    pub async fn emptied(&self) {
        let _ = self.sockets.subscribe().wait_for(|count| *count == 0).await;
    }

    /// Adds a socket of a device.
    pub fn enter(&self, session: Session) -> Arc<Outgoing> {
        let id = self.next_id.fetch_add(1, Relaxed);
        let outgoing = Arc::new(Outgoing::new(id, self.metrics.clone()));
        let mut devices = locked(&self.devices);
        let sockets = devices.entry(session.device).or_default();
        if sockets.len() >= MAX_DEVICE_SOCKETS
            && let Some((_, oldest)) = sockets.pop_first()
        {
            oldest.set(|queue| queue.end = Some(End::TooMany));
        }
        sockets.insert(outgoing.id, outgoing.clone());
        locked(&self.accounts).entry(session.account).or_default().insert(outgoing.id, outgoing.clone());
        self.metrics.sockets.fetch_add(1, Relaxed);
        self.sockets.send_modify(|count| *count += 1);
        outgoing
    }

    /// Removes a socket and its subscriptions.
    pub fn leave<'g>(
        &self,
        session: Session,
        outgoing: &Outgoing,
        groups: impl Iterator<Item = &'g GroupId>,
    ) {
        groups.for_each(|group| self.unsubscribe(*group, outgoing));
        forget(&self.devices, &session.device, outgoing);
        forget(&self.accounts, &session.account, outgoing);
        self.metrics.sockets.fetch_sub(1, Relaxed);
        self.sockets.send_modify(|count| *count = count.saturating_sub(1));
    }

    fn tell(&self, device: DeviceId, change: impl Fn(&mut Queue)) {
        if let Some(sockets) = locked(&self.devices).get(&device) {
            sockets.values().for_each(|outgoing| outgoing.set(&change));
        }
    }

    fn tell_account(&self, account: AccountId, head: u64) {
        if let Some(sockets) = locked(&self.accounts).get(&account) {
            sockets.values().for_each(|outgoing| outgoing.set(|queue| queue.mailbox = Some(head)));
        }
    }

    fn shard(&self, group: GroupId) -> Option<MutexGuard<'_, Shard>> {
        let index = self.hasher.hash_one(group) as usize % SHARDS;
        self.shards.get(index).map(locked)
    }

    /// Subscribes where the tokens fit. Entered before the store is asked, so that no row falls between.
    pub async fn subscribe(
        &self,
        store: &dyn RelayStore,
        outgoing: &Arc<Outgoing>,
        asked: &[Opened],
    ) -> crate::store::Result<()> {
        for opened in asked {
            if let Some(mut shard) = self.shard(opened.group_id) {
                let subscriber = Subscriber {
                    outgoing: outgoing.clone(),
                    epoch: opened.epoch,
                    standing: Standing::Asking { head: 0, ended: false },
                };
                shard.entry(opened.group_id).or_default().insert(outgoing.id, subscriber);
            }
        }
        let windows = store.windows(asked).await?;
        for (opened, window) in asked.iter().zip(windows) {
            self.settle(opened.group_id, outgoing, window);
        }
        Ok(())
    }

    /// Opens or ends a subscription, now that it is known what its token opens.
    fn settle(&self, group_id: GroupId, outgoing: &Outgoing, window: Option<Window>) {
        let closed = FromRelay::Closed { group_id };
        let Some(mut shard) = self.shard(group_id) else {
            return;
        };
        let subscriber = shard.get_mut(&group_id).and_then(|group| group.get_mut(&outgoing.id));
        let (Some(subscriber), Some(window)) = (subscriber, window) else {
            drop(shard);
            self.unsubscribe(group_id, outgoing);
            return outgoing.send(&closed);
        };
        let (missed, ended) = match subscriber.standing {
            Standing::Asking { head, ended } => (head, ended),
            Standing::Open { .. } => (0, false),
        };
        let head = window.head.max(missed);
        subscriber.standing = Standing::Open { after: head };
        outgoing.send(&FromRelay::Head { group_id, head });
        if ended || window.last.is_some() {
            drop(shard);
            self.unsubscribe(group_id, outgoing);
            outgoing.send(&closed);
        }
    }

    /// Ends a subscription.
    pub fn unsubscribe(&self, group: GroupId, outgoing: &Outgoing) {
        let Some(mut shard) = self.shard(group) else {
            return;
        };
        if let Some(subscribers) = shard.get_mut(&group) {
            subscribers.remove(&outgoing.id);
            if subscribers.is_empty() {
                shard.remove(&group);
            }
        }
    }

    /// Sends new rows to those who may read them. They are encoded once for all.
    fn publish(&self, group_id: GroupId, rows: &[Row]) {
        self.metrics.appended_rows.fetch_add(rows.len() as u64, Relaxed);
        let Some(head) = rows.last().map(|row| row.sequence) else {
            return;
        };
        let wanted = self.shard(group_id).is_some_and(|shard| shard.contains_key(&group_id));
        if !wanted {
            return;
        }
        let Some(frame) = frame_of(group_id, rows, head) else {
            return;
        };
        let closed = encode(&FromRelay::Closed { group_id }).unwrap_or_default();
        let Some(mut shard) = self.shard(group_id) else {
            return;
        };
        let Some(subscribers) = shard.get_mut(&group_id) else {
            return;
        };
        subscribers.retain(|_, subscriber| {
            let ends = rows.iter().any(|row| ends_token(subscriber.epoch, row));
            match &mut subscriber.standing {
                Standing::Asking { head: missed, ended } => {
                    *missed = head;
                    *ended |= ends;
                    return true;
                }
                Standing::Open { after } if head <= *after => return true,
                Standing::Open { after } => *after = head,
            }
            subscriber.outgoing.push(frame.clone(), Some((group_id, head, false)));
            if ends {
                subscriber.outgoing.push(closed.clone(), Some((group_id, head, true)));
            }
            !ends
        });
        if subscribers.is_empty() {
            shard.remove(&group_id);
        }
    }
}

/// The rows, or their head if they are too large for a frame.
fn frame_of(group_id: GroupId, rows: &[Row], head: u64) -> Option<Bytes> {
    let bytes: usize = rows.iter().map(|row| row.ciphertext.len()).sum();
    let whole = (bytes < MAX_FRAME)
        .then(|| encode(&FromRelay::Rows { group_id, rows: rows.to_vec() }))
        .flatten()
        .filter(|frame| frame.len() <= MAX_FRAME);
    whole.or_else(|| encode(&FromRelay::Head { group_id, head }))
}

/// Whether the token of `epoch` reads no further than this row.
fn ends_token(epoch: u64, row: &Row) -> bool {
    let barrier = row.commit.is_some_and(|mark| mark.barrier);
    row.kind == Kind::Commit && row.epoch >= epoch && (barrier || row.epoch - epoch >= MAX_TOKEN_COMMITS - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use haven_wire::{
        group::CommitMark,
        ids::{Hash, MessageId},
    };

    #[test]
    fn a_token_ends_at_a_barrier_or_the_256th_commit() {
        let commit = |epoch, barrier| Row {
            sequence: 1,
            epoch,
            kind: Kind::Commit,
            message_id: MessageId([0; 16]),
            ciphertext: Vec::new(),
            gone: None,
            commit: Some(CommitMark { next_token_hash: Hash([0; 32]), barrier }),
        };
        assert!(ends_token(5, &commit(5, true)));
        assert!(ends_token(5, &commit(9, true)));
        assert!(!ends_token(5, &commit(4, true)));
        assert!(!ends_token(5, &commit(259, false)));
        assert!(ends_token(5, &commit(260, false)));
    }
}
