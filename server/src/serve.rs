//! Listening: HTTP/1.1 with a time limit for headers, a limit of connections, and an orderly end.

use crate::auth::Peer;
use axum::{Router, extract::Request};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::{future::Future, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
};
use tower::ServiceExt as _;

/// A client that takes longer for its headers, or to ask again, is let go.
const HEADER_TIMEOUT: Duration = Duration::from_secs(75);
/// Connections at a time. Others wait in the listener's queue.
const MAX_CONNECTIONS: usize = 50_000;
/// A peer that takes nothing for so long is gone.
#[cfg(target_os = "linux")]
const STALLED: Duration = Duration::from_secs(60);
/// How long the end waits for answers that are on their way.
const DRAIN: Duration = Duration::from_secs(10);

/// Serves until `stop` is done, then lets open requests finish. `at_stop` is called in between.
pub async fn run(listener: TcpListener, app: Router, stop: impl Future<Output = ()>, at_stop: impl FnOnce()) {
    let stopping = watch::Sender::new(false);
    let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    tokio::pin!(stop);
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &room) => accepted,
            () = &mut stop => break,
        };
        if let Some((stream, peer, permit)) = accepted {
            tokio::spawn(connection(stream, peer, app.clone(), stopping.subscribe(), permit));
        }
    }
    drop(listener);
    stopping.send_replace(true);
    at_stop();
    let all = u32::try_from(MAX_CONNECTIONS).unwrap_or(u32::MAX);
    let _ = tokio::time::timeout(DRAIN, room.acquire_many(all)).await;
}

/// A connection's place among all. A WebSocket takes it along, and lives on when the connection is done with.
#[derive(Clone)]
pub struct Place(#[expect(dead_code, reason = "it is held")] Arc<OwnedSemaphorePermit>);

/// One connection to its end, or to the end of its open request when the relay stops.
async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    app: Router,
    mut stopping: watch::Receiver<bool>,
    permit: OwnedSemaphorePermit,
) {
    let place = Place(Arc::new(permit));
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let mut request: Request = request.map(axum::body::Body::new);
        request.extensions_mut().insert(Peer(peer));
        request.extensions_mut().insert(place.clone());
        app.clone().oneshot(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(64 * 1024)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    tokio::pin!(connection);
    tokio::select! {
        _ = connection.as_mut() => return,
        () = async { let _ = stopping.wait_for(|stopping| *stopping).await; } => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = connection.await;
}

type Accepted = (TcpStream, SocketAddr, OwnedSemaphorePermit);

async fn accept(listener: &TcpListener, room: &Arc<Semaphore>) -> Option<Accepted> {
    let permit = room.clone().acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, peer)) => {
            let _ = stream.set_nodelay(true);
            // A peer that is gone, or that doesn't take its answer, must not hold a connection for a quarter of an hour.
            #[cfg(target_os = "linux")]
            let _ = socket2::SockRef::from(&stream).set_tcp_user_timeout(Some(STALLED));
            Some((stream, peer, permit))
        }
        Err(error) => {
            // Out of file descriptors, most likely: others have to end first.
            tracing::warn!(kind = ?error.kind(), "can't accept a connection");
            tokio::time::sleep(Duration::from_millis(100)).await;
            None
        }
    }
}
