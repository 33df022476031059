//! Takes mail from other servers (RFC 5321). It decides in the session and says 250 after the store has it: there is no
//! queue for what arrives, and nothing is ever sent back, so nobody can use it to annoy others.
//!
//! - [`wire`] reads lines and bytes, within their lengths and times.
//! - [`transfer`] takes a mail while it comes, [`content`] finds its end, which is `CRLF . CRLF` and nothing else.
//! - [`forward`] believes a mail server in front, if there is one.
//! - [`session`] is the conversation, [`reply`] what is said in it.
//! - [`receive`] judges a mail and stores it for each recipient.
//!
//! Everything that a stranger sends is bounded: lines, commands, errors, recipients, bytes, time, sessions, memory.

mod content;
mod forward;
mod receive;
mod reply;
mod session;
mod tls;
mod transfer;
mod wire;

use crate::{limits::Network, state::State};
use reply::Reply;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

pub use tls::check as check_tls;

/// Sessions at a time.
const MAX_SESSIONS: usize = 500;
/// Sessions at a time from one network.
const MAX_SESSIONS_OF_NETWORK: usize = 20;

/// Listens until it is dropped, and its sessions with it: a mail that was not answered yet comes again.
pub async fn run(listener: TcpListener, state: State) {
    let places = Arc::new(Places::default());
    let mut sessions = JoinSet::new();
    loop {
        while sessions.try_join_next().is_some() {}
        match listener.accept().await {
            Ok((stream, peer)) => {
                let _ = stream.set_nodelay(true);
                let peer = peer.ip().to_canonical();
                // A server in front speaks for many networks.
                let in_front = state.config.mail.smtp_proxies.contains(&peer);
                let most = if in_front { MAX_SESSIONS } else { MAX_SESSIONS_OF_NETWORK };
                let place = places.take(peer.into(), most);
                sessions.spawn(serve(stream, peer, state.clone(), place));
            }
            Err(error) => {
                tracing::warn!(kind = ?error.kind(), "can't accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn serve(stream: TcpStream, peer: std::net::IpAddr, state: State, place: Option<Place>) {
    let mut wire = wire::Wire::new(Box::new(stream));
    if place.is_some() {
        session::Session::new(state, peer).run(wire).await;
    } else {
        state.metrics.mail("busy");
        let _ = wire.send(&Reply::BUSY).await;
    }
}

/// Counts sessions by network.
#[derive(Default)]
struct Places(Mutex<HashMap<Network, usize>>);

/// A session's place. It is free again when this is dropped.
struct Place {
    places: Arc<Places>,
    network: Network,
}

impl Places {
    /// A place, unless the network has `most` already.
    fn take(self: &Arc<Self>, network: Network, most: usize) -> Option<Place> {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let all: usize = taken.values().sum();
        let of_network = taken.entry(network).or_default();
        if all >= MAX_SESSIONS || *of_network >= most {
            return None;
        }
        *of_network += 1;
        Some(Place { places: self.clone(), network })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(of_network) = taken.get_mut(&self.network) {
            *of_network = of_network.saturating_sub(1);
            if *of_network == 0 {
                taken.remove(&self.network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::IpAddr;

    #[test]
    fn a_network_has_so_many_places_and_gets_them_back() {
        let places = Arc::new(Places::default());
        let network = |last| Network::from(IpAddr::from([192, 0, 2, last]));
        let mut held: Vec<_> = (0..MAX_SESSIONS_OF_NETWORK)
            .map(|_| places.take(network(1), MAX_SESSIONS_OF_NETWORK).unwrap())
            .collect();
        assert!(places.take(network(1), MAX_SESSIONS_OF_NETWORK).is_none());
        assert!(places.take(network(2), MAX_SESSIONS_OF_NETWORK).is_some());
        held.pop();
        assert!(places.take(network(1), MAX_SESSIONS_OF_NETWORK).is_some());
        drop(held);
        assert!(places.0.lock().unwrap().is_empty());
    }

    #[test]
    fn all_networks_together_have_so_many_places() {
        let places = Arc::new(Places::default());
        let held: Vec<_> = (0..=255_u8)
            .flat_map(|network| (0..3).map(move |_| Network::from(IpAddr::from([192, 0, network, 1]))))
            .filter_map(|network| places.take(network, MAX_SESSIONS_OF_NETWORK))
            .collect();
        assert_eq!(held.len(), MAX_SESSIONS);
    }
}
