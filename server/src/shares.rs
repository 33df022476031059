//! Memory that many callers use together, and how much of it one network may hold. Otherwise a few slow ones keep
//! everybody else waiting.

use crate::limits::Network;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

/// How long somebody waits for a share.
const WITHIN: Duration = Duration::from_secs(10);
/// One network may hold this part of it. It is enough for the largest mail.
const NETWORKS: usize = 4;
/// Networks that are remembered before those that hold nothing are forgotten.
const REMEMBERED: usize = 1_024;

/// Memory, in KiB.
pub struct Shares {
    /// What is free of all of it.
    pub all: Arc<Semaphore>,
    of_each: usize,
    networks: Mutex<HashMap<Network, Arc<Semaphore>>>,
}

/// A part of it, held until this is dropped.
#[derive(Debug)]
pub struct Share {
    _all: OwnedSemaphorePermit,
    _of_network: Option<OwnedSemaphorePermit>,
}

impl Shares {
    /// So many KiB.
    pub fn new(kib: usize) -> Arc<Self> {
        let all = Arc::new(Semaphore::new(kib));
        Arc::new(Self { all, of_each: kib / NETWORKS, networks: Mutex::default() })
    }

    /// A share, if there is one within some seconds. Callers from this machine are of no network.
    pub async fn take(&self, network: Option<Network>, kib: u32) -> Option<Share> {
        let share = async {
            // In this order: who waits for the own network's holds nothing of all.
            let of_network = match self.of_network(network) {
                Some(own) => Some(own.acquire_many_owned(kib).await.ok()?),
                None => None,
            };
            let all = self.all.clone().acquire_many_owned(kib).await.ok()?;
            Some(Share { _all: all, _of_network: of_network })
        };
        timeout(WITHIN, share).await.ok()?
    }

    /// A share, if there is one now.
    pub fn try_take(&self, network: Option<Network>, kib: u32) -> Option<Share> {
        let of_network = match self.of_network(network) {
            Some(own) => Some(own.try_acquire_many_owned(kib).ok()?),
            None => None,
        };
        let all = self.all.clone().try_acquire_many_owned(kib).ok()?;
        Some(Share { _all: all, _of_network: of_network })
    }

    fn of_network(&self, network: Option<Network>) -> Option<Arc<Semaphore>> {
        let mut networks = self.networks.lock().unwrap_or_else(PoisonError::into_inner);
        if networks.len() >= REMEMBERED {
            networks.retain(|_, held| Arc::strong_count(held) > 1);
        }
        let of_network = networks.entry(network?);
        Some(of_network.or_insert_with(|| Arc::new(Semaphore::new(self.of_each))).clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::IpAddr;

    fn network(last: u8) -> Option<Network> {
        Some(IpAddr::from([192, 0, 2, last]).into())
    }

    #[tokio::test(start_paused = true)]
    async fn one_network_leaves_most_of_it_to_others() {
        let shares = Shares::new(400);
        let held = shares.take(network(1), 100).await.unwrap();
        assert!(shares.take(network(1), 1).await.is_none());
        assert!(shares.try_take(network(1), 1).is_none());
        let others: Vec<_> = (2..5).map(|other| shares.try_take(network(other), 100).unwrap()).collect();
        assert!(shares.take(None, 1).await.is_none(), "nothing is left");
        drop((held, others));
        assert!(shares.try_take(network(1), 100).is_some());
        assert_eq!(shares.all.available_permits(), 400);
        assert!(shares.try_take(None, 400).is_some());
    }

    #[test]
    fn networks_that_hold_nothing_are_forgotten() {
        let shares = Shares::new(400_000);
        let network = |n: u32| Some(IpAddr::from(n.to_be_bytes()).into());
        let held: Vec<_> = (0..10).map(|n| shares.try_take(network(n), 1).unwrap()).collect();
        for n in 10..100_000 {
            shares.try_take(network(n), 1).unwrap();
        }
        let networks = shares.networks.lock().unwrap();
        assert!(networks.len() <= REMEMBERED && networks.contains_key(&network(0).unwrap()));
        drop(held);
    }
}
