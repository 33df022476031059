//! The sockets to relays, and what this tab's pages are told of them.

use super::Order;
use crate::socket::{Report, Socket};
use futures_channel::mpsc::{self, UnboundedSender};
use futures_util::StreamExt as _;
use haven_bridge::Connection;
use haven_wire::{group::Opened, ids::SessionToken};
use std::collections::BTreeMap;

/// One socket for each relay.
pub struct Sockets {
    reports: UnboundedSender<Report>,
    open: BTreeMap<String, Followed>,
    /// The person's own relay, which has the inbox.
    home: Option<(String, SessionToken)>,
    state: Option<Connection>,
}

struct Followed {
    socket: Socket,
    groups: Vec<Opened>,
}

impl Sockets {
    /// No sockets yet. What they report will go to `orders`.
    pub fn new(orders: UnboundedSender<Order>) -> Self {
        let (reports, mut receiver) = mpsc::unbounded();
        wasm_bindgen_futures::spawn_local(async move {
            while let Some(report) = receiver.next().await {
                if orders.unbounded_send(Order::Socket(report)).is_err() {
                    return;
                }
            }
        });
        Self { reports, open: BTreeMap::new(), home: None, state: None }
    }

    /// From now on there is a socket to this relay, for news of the inbox.
    pub fn sign_in(&mut self, origin: &str, session: SessionToken) {
        self.sign_out();
        self.home = Some((origin.to_owned(), session));
        self.follow(BTreeMap::new());
    }

    /// Closes all sockets.
    pub fn sign_out(&mut self) {
        self.open.clear();
        self.home = None;
        self.state = None;
    }

    /// Follows these groups, and no others. Those of relays where this person has no session can't be followed: the
    /// engine asks for their heads instead.
    pub fn follow(&mut self, mut wanted: BTreeMap<String, Vec<Opened>>) {
        if let Some((origin, _)) = &self.home {
            wanted.entry(origin.clone()).or_default();
            wanted.retain(|other, _| other == origin);
        }
        self.open.retain(|origin, _| wanted.contains_key(origin));
        for (origin, groups) in wanted {
            let followed = self.open.entry(origin).or_insert_with_key(|origin| {
                let home = self.home.as_ref().filter(|(home, _)| home == origin);
                let session = home.map(|(_, session)| *session);
                let socket = Socket::open(origin, session, self.reports.clone());
                let groups = Vec::new();
                Followed { socket, groups }
            });
            if !same(&followed.groups, &groups) {
                followed.socket.subscribe(groups.clone());
                followed.groups = groups;
            }
        }
    }

    /// Sockets that wait to try again do it now.
    pub fn try_now(&self) {
        self.open.values().for_each(|followed| followed.socket.try_now());
    }

    /// There is no network, whatever the sockets say. What to tell the pages.
    pub fn away(&mut self) -> Option<Connection> {
        let (home, _) = self.home.clone()?;
        self.state_changed(&home, Connection::Offline)
    }

    /// What to tell the pages after a socket's state changed. They are told of the person's own relay only.
    pub fn state_changed(&mut self, origin: &str, state: Connection) -> Option<Connection> {
        let home = self.home.as_ref().is_some_and(|(home, _)| home == origin);
        let news = home && self.state != Some(state);
        if news {
            self.state = Some(state);
        }
        news.then_some(state)
    }

    /// The connection to the person's own relay.
    pub fn state(&self) -> Option<Connection> {
        self.state
    }
}

fn same(one: &[Opened], other: &[Opened]) -> bool {
    let key = |group: &Opened| (group.group_id, group.epoch, group.token);
    one.iter().map(key).eq(other.iter().map(key))
}
