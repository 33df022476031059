//! The WebSocket: one for each device. See [`haven_wire::push`].

use crate::{
    auth::{Caller, take},
    error::ApiError,
    fanout::{End, MAX_SUBSCRIPTIONS, Next, Outgoing},
    limits::Limit,
    serve::Place,
    state::State,
    store::Session,
};
use axum::{
    Extension, Router,
    extract::{
        State as Shared,
        ws::{Message, WebSocket, WebSocketUpgrade},
    },
    response::Response,
    routing::any,
};
use haven_wire::{
    group::Opened,
    ids::GroupId,
    limits::MAX_FRAME,
    push::{FromRelay, PATH, ToRelay},
};
use std::{collections::HashSet, sync::Arc, time::Duration};
use tokio::time::{Instant, timeout, timeout_at};

/// How long a socket is waited for.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For the hello.
    pub hello: Duration,
    /// For anything at all.
    pub idle: Duration,
    /// For a frame to be taken by the other side.
    pub send: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { hello: Duration::from_secs(10), idle: Duration::from_secs(60), send: Duration::from_secs(30) }
    }
}

/// The path of this module.
pub fn router() -> Router<State> {
    Router::new().route(PATH, any(open))
}

async fn open(
    Shared(state): Shared<State>,
    caller: Caller,
    place: Option<Extension<Place>>,
    upgrade: WebSocketUpgrade,
) -> Result<Response, ApiError> {
    caller.take(&state, Limit::sockets_per_network, 1)?;
    // The default buffers of 128 KiB for each socket would decide how many fit in memory.
    Ok(upgrade
        .read_buffer_size(4096)
        .write_buffer_size(4096)
        .max_write_buffer_size(4 * MAX_FRAME)
        .max_frame_size(MAX_FRAME)
        .max_message_size(MAX_FRAME)
        .on_upgrade(async move |socket| {
            serve(socket, state).await;
            drop(place);
        }))
}

async fn serve(mut socket: WebSocket, state: State) {
    let hello = timeout(state.patience.hello, receive(&mut socket)).await;
    let Ok(Some(ToRelay::Hello { session })) = hello else {
        return close(socket).await;
    };
    match state.store.session(session.hash()).await {
        Ok(Some(session)) => run(socket, state, session).await,
        Ok(None) => {
            let _ = send(&mut socket, &FromRelay::SignedOut).await;
            close(socket).await;
        }
        Err(_) => close(socket).await,
    }
}

/// The next frame that makes sense, if the socket lives that long. Text, nonsense and oversize end it.
async fn receive(socket: &mut WebSocket) -> Option<ToRelay> {
    loop {
        match socket.recv().await?.ok()? {
            Message::Binary(bytes) => return haven_wire::decode(&bytes).ok(),
            Message::Ping(_) | Message::Pong(_) => {}
            Message::Text(_) | Message::Close(_) => return None,
        }
    }
}

async fn send(socket: &mut WebSocket, frame: &FromRelay) -> Option<()> {
    let bytes = haven_wire::encode(frame).ok()?;
    socket.send(Message::Binary(bytes.into())).await.ok()
}

async fn close(mut socket: WebSocket) {
    let _ = timeout(Duration::from_secs(1), socket.send(Message::Close(None))).await;
}

/// A socket after its hello.
struct Line {
    socket: WebSocket,
    state: State,
    session: Session,
    outgoing: Arc<Outgoing>,
    groups: HashSet<GroupId>,
}

async fn run(socket: WebSocket, state: State, session: Session) {
    let outgoing = state.hub.enter(session);
    outgoing.send(&FromRelay::Welcome);
    let mut line = Line { socket, state, session, outgoing, groups: HashSet::new() };
    line.pump().await;
    let Line { socket, state, session, outgoing, groups } = line;
    close(socket).await;
    state.hub.leave(session, &outgoing, groups.iter());
}

impl Line {
    /// Sends and receives until either side has had enough.
    async fn pump(&mut self) -> Option<()> {
        let mut closing = self.state.hub.closing();
        let mut heard = Instant::now();
        loop {
            self.flush().await?;
            let idle = heard + self.state.patience.idle;
            tokio::select! {
                frame = timeout_at(idle, receive(&mut self.socket)) => {
                    heard = Instant::now();
                    self.obey(frame.ok()??).await?;
                }
                () = self.outgoing.wait() => {}
                () = async { let _ = closing.wait_for(|closing| *closing).await; } => return None,
            }
        }
    }

    async fn flush(&mut self) -> Option<()> {
        loop {
            match self.outgoing.next() {
                Next::Frame(frame) => {
                    let sent = self.socket.send(Message::Binary(frame));
                    timeout(self.state.patience.send, sent).await.ok()?.ok()?;
                }
                Next::End(End::SignedOut) => {
                    let _ = timeout(self.state.patience.send, send(&mut self.socket, &FromRelay::SignedOut))
                        .await;
                    return None;
                }
                Next::End(End::TooMany) => return None,
                Next::Nothing => return Some(()),
            }
        }
    }

    async fn obey(&mut self, frame: ToRelay) -> Option<()> {
        take(&self.state, Limit::calls_per_session, self.session.device, 1).ok()?;
        match frame {
            ToRelay::Hello { .. } => return None,
            ToRelay::Ping(number) => self.outgoing.send(&FromRelay::Pong(number)),
            ToRelay::Subscribe(asked) => self.subscribe(asked).await?,
            ToRelay::Unsubscribe(groups) => {
                for group in groups {
                    self.state.hub.unsubscribe(group, &self.outgoing);
                    self.groups.remove(&group);
                }
            }
        }
        Some(())
    }

    async fn subscribe(&mut self, asked: Vec<Opened>) -> Option<()> {
        for opened in &asked {
            self.groups.insert(opened.group_id);
        }
        if self.groups.len() > MAX_SUBSCRIPTIONS {
            return None;
        }
        let hub = self.state.hub.clone();
        // A store that fails ends the socket; the client comes again, and polls meanwhile.
        hub.subscribe(self.state.store.as_ref(), &self.outgoing, &asked).await.ok()
    }
}
