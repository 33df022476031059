//! The client's side of the WebSocket.

use super::{TestRelay, person::Person};
use futures_util::{SinkExt as _, StreamExt as _};
use haven_wire::push::{FromRelay, PATH, ToRelay};
use std::{net::SocketAddr, time::Duration};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async, tungstenite::Message};

/// Longer than anything takes here: a wait that ends is a failed test.
const PATIENCE: Duration = Duration::from_secs(20);

pub struct Socket(pub WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    pub async fn raw(relay: &TestRelay) -> Self {
        Self::raw_at(relay.address).await
    }

    async fn raw_at(address: SocketAddr) -> Self {
        Self(connect_async(format!("ws://{address}{PATH}")).await.unwrap().0)
    }

    /// A socket of a person's device, after its hello.
    pub async fn of(relay: &TestRelay, person: &Person) -> Self {
        Self::of_at(relay.address, person).await
    }

    /// The same, to a relay that is a program of its own.
    pub async fn of_at(address: SocketAddr, person: &Person) -> Self {
        let mut socket = Self::raw_at(address).await;
        socket.send(&ToRelay::Hello { session: person.session }).await;
        assert!(matches!(socket.next().await, Some(FromRelay::Welcome)));
        socket
    }

    pub async fn send(&mut self, frame: &ToRelay) {
        let bytes = haven_wire::encode(frame).unwrap();
        self.0.send(Message::Binary(bytes.into())).await.unwrap();
    }

    /// The next frame; nothing when the relay has closed the socket.
    pub async fn next(&mut self) -> Option<FromRelay> {
        loop {
            match timeout(PATIENCE, self.0.next()).await.expect("a frame in time")? {
                Ok(Message::Binary(bytes)) => return Some(haven_wire::decode(&bytes).unwrap()),
                Ok(Message::Close(_)) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }

    /// Waits until the mailbox has an entry of at least this number.
    pub async fn mailbox_has(&mut self, entry: u64) {
        loop {
            match self.next().await.expect("an open socket") {
                FromRelay::Mailbox { head } if head >= entry => return,
                _ => {}
            }
        }
    }

    /// Everything that was sent before the answer to a ping.
    pub async fn drain(&mut self) -> Vec<FromRelay> {
        self.send(&ToRelay::Ping(99)).await;
        let mut frames = Vec::new();
        loop {
            match self.next().await.expect("an open socket") {
                FromRelay::Pong(99) => return frames,
                frame => frames.push(frame),
            }
        }
    }
}
