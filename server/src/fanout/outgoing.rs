//! What waits to be sent to one socket: bounded, and never waited for.

use super::locked;
use crate::metrics::Metrics;
use bytes::Bytes;
use haven_wire::{ids::GroupId, push::FromRelay};
use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, atomic::Ordering::Relaxed},
};
use tokio::sync::Notify;

/// Bytes that wait for one socket, at most.
const MAX_QUEUED_BYTES: usize = 4 * 1024 * 1024;
/// Frames that wait for one socket, at most.
const MAX_QUEUED_FRAMES: usize = 256;

/// What waits to be sent to one socket.
pub struct Outgoing {
    /// Among all sockets of this relay.
    pub(super) id: u64,
    queue: Mutex<Queue>,
    wake: Notify,
    metrics: Arc<Metrics>,
}

#[derive(Default)]
pub(super) struct Queue {
    frames: VecDeque<Bytes>,
    bytes: usize,
    /// Groups whose frames were left out: the head, and whether the subscription ended.
    left_out: HashMap<GroupId, (u64, bool)>,
    pub inbox: bool,
    /// The end of the mailbox, if it has moved.
    pub mailbox: Option<u64>,
    pub key_packages_low: bool,
    pub end: Option<End>,
}

/// Why a socket ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum End {
    /// The session did.
    SignedOut,
    /// The device has opened too many others.
    TooMany,
}

/// The next thing for a socket to do.
pub enum Next {
    /// Send this.
    Frame(Bytes),
    /// Close.
    End(End),
    /// Nothing for now.
    Nothing,
}

impl Outgoing {
    pub(super) fn new(id: u64, metrics: Arc<Metrics>) -> Self {
        Self { id, queue: Mutex::default(), wake: Notify::new(), metrics }
    }

    /// Queues an answer.
    pub fn send(&self, frame: &FromRelay) {
        if let Some(frame) = encode(frame) {
            self.push(frame, None);
        }
    }

    /// Queues a frame, or notes that one of this group, up to this head, was left out.
    pub(super) fn push(&self, frame: Bytes, instead: Option<(GroupId, u64, bool)>) {
        let mut queue = locked(&self.queue);
        let fits = queue.frames.len() < MAX_QUEUED_FRAMES && queue.bytes + frame.len() <= MAX_QUEUED_BYTES;
        if fits {
            queue.bytes += frame.len();
            queue.frames.push_back(frame);
        } else {
            self.metrics.dropped_pushes.fetch_add(1, Relaxed);
            if let Some((group, head, closed)) = instead {
                let entry = queue.left_out.entry(group).or_default();
                *entry = (entry.0.max(head), entry.1 || closed);
            }
        }
        drop(queue);
        self.wake.notify_one();
    }

    pub(super) fn set(&self, change: impl FnOnce(&mut Queue)) {
        change(&mut locked(&self.queue));
        self.wake.notify_one();
    }

    /// Takes what is to be done next.
    pub fn next(&self) -> Next {
        let mut queue = locked(&self.queue);
        if let Some(end) = queue.end {
            return Next::End(end);
        }
        if let Some(frame) = queue.frames.pop_front() {
            queue.bytes = queue.bytes.saturating_sub(frame.len());
            return Next::Frame(frame);
        }
        let frame = if std::mem::take(&mut queue.inbox) {
            Some(FromRelay::Inbox)
        } else if let Some(head) = queue.mailbox.take() {
            Some(FromRelay::Mailbox { head })
        } else if std::mem::take(&mut queue.key_packages_low) {
            Some(FromRelay::KeyPackagesLow)
        } else {
            queue.next_left_out()
        };
        match frame.as_ref().and_then(encode) {
            Some(frame) => Next::Frame(frame),
            None => Next::Nothing,
        }
    }

    /// Returns when something may have been queued.
    pub async fn wait(&self) {
        self.wake.notified().await;
    }
}

impl Queue {
    fn next_left_out(&mut self) -> Option<FromRelay> {
        let (group_id, (head, closed)) = self.left_out.iter().next().map(|(group, what)| (*group, *what))?;
        self.left_out.remove(&group_id);
        if closed && head > 0 {
            self.left_out.insert(group_id, (0, true));
        }
        Some(if head > 0 { FromRelay::Head { group_id, head } } else { FromRelay::Closed { group_id } })
    }
}

pub(super) fn encode(frame: &FromRelay) -> Option<Bytes> {
    haven_wire::encode(frame).ok().map(Bytes::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use haven_wire::limits::MAX_FRAME;

    fn outgoing() -> Arc<Outgoing> {
        Arc::new(Outgoing::new(1, Arc::default()))
    }

    fn drained(outgoing: &Outgoing) -> Vec<FromRelay> {
        let mut frames = Vec::new();
        while let Next::Frame(frame) = outgoing.next() {
            frames.push(haven_wire::decode(&frame).unwrap());
        }
        frames
    }

    #[test]
    fn what_overflows_comes_as_head_and_closed() {
        let outgoing = outgoing();
        let group_id = GroupId([2; 16]);
        for head in 1..=1000 {
            let frame = encode(&FromRelay::Head { group_id, head }).unwrap();
            outgoing.push(frame, Some((group_id, head, head == 1000)));
        }
        let frames = drained(&outgoing);
        assert_eq!(frames.len(), MAX_QUEUED_FRAMES + 2);
        let last = &frames[MAX_QUEUED_FRAMES..];
        assert!(matches!(last[0], FromRelay::Head { head: 1000, .. }), "{last:?}");
        assert!(matches!(last[1], FromRelay::Closed { .. }), "{last:?}");
    }

    #[test]
    fn large_frames_are_bounded_by_bytes() {
        let outgoing = outgoing();
        for _ in 0..10 {
            outgoing.push(Bytes::from(vec![0; MAX_FRAME]), None);
        }
        assert_eq!(locked(&outgoing.queue).frames.len(), 4);
    }

    #[test]
    fn many_heads_of_a_mailbox_are_the_last_one() {
        let outgoing = outgoing();
        for head in 1..=5 {
            outgoing.set(|queue| queue.mailbox = Some(head));
        }
        assert!(matches!(drained(&outgoing)[..], [FromRelay::Mailbox { head: 5 }]));
    }

    #[test]
    fn many_inbox_hints_are_one() {
        let outgoing = outgoing();
        for _ in 0..5 {
            outgoing.set(|queue| queue.inbox = true);
        }
        assert_eq!(drained(&outgoing).len(), 1);
    }
}
