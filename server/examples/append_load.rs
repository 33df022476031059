//! How many appends a second are durable: `cargo run --profile relay --example append_load -p haven-server`.
//!
//! Two figures: the store alone, and whole HTTP calls (CBOR, token, header check) over loopback from this same process.
//! Each append is answered after its fsync.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "run by hand")]

use clap::Parser;
use haven_server::{
    config::{Config, Options},
    relay::Relay,
    store::{NewCommit, NewMessages},
};
use haven_wire::{Call, EPOCH_TOKEN_HEADER, group::*, ids::*};
use http_body_util::BodyExt as _;
use hyper_util::rt::TokioIo;
use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};
use tokio::net::TcpStream;

#[derive(Clone, Parser)]
struct Arguments {
    /// Directory for the database: choose one on the disk that is to be measured.
    #[arg(long, default_value = "target/append_load")]
    data: PathBuf,
    /// Senders at a time.
    #[arg(long, default_value_t = 256)]
    senders: usize,
    /// Groups.
    #[arg(long, default_value_t = 1000)]
    groups: usize,
    /// Bytes in a message.
    #[arg(long, default_value_t = 1024)]
    bytes: usize,
    /// Seconds for each figure.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
}

const TOKEN: EpochToken = EpochToken([7; 32]);

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).unwrap();
    bytes
}

fn mls(group: GroupId, epoch: u64, content_type: u8, size: usize) -> Vec<u8> {
    let mut bytes = vec![0, 1, 0, 2, 16];
    bytes.extend(group.as_bytes());
    bytes.extend(epoch.to_be_bytes());
    bytes.push(content_type);
    bytes.resize(size.max(40), 0x5a);
    bytes
}

fn first_commit(group_id: GroupId) -> AppendCommit {
    AppendCommit {
        group_id,
        epoch: 0,
        message_id: MessageId(random()),
        commit: mls(group_id, 0, 3, 1000),
        mark: CommitMark { next_token_hash: TOKEN.hash(), barrier: false },
        welcome: None,
        pointers: Vec::new(),
    }
}

fn message(group_id: GroupId, bytes: usize) -> AppendMessages {
    let message = NewMessage { message_id: MessageId(random()), ciphertext: mls(group_id, 1, 1, bytes) };
    AppendMessages { group_id, epoch: 1, messages: vec![message] }
}

#[tokio::main]
async fn main() {
    let arguments = Arguments::parse();
    let _ = std::fs::remove_dir_all(&arguments.data);
    let data = arguments.data.to_str().unwrap();
    let options = ["haven-server", "--listen", "127.0.0.1:0", "--metrics", "off", "--data", data];
    let mut config = Config::load(Options::parse_from(options)).unwrap();
    config.limits.messages_per_group.burst = u32::MAX;
    let relay = Relay::open(config).await.unwrap();
    let store = relay.state.store.clone();
    let groups: Arc<Vec<GroupId>> = Arc::new((0..arguments.groups).map(|_| GroupId(random())).collect());
    for group in groups.iter() {
        let new = NewCommit { token_hash: TOKEN.hash(), request: first_commit(*group), day: 20_000 };
        store.append_commit(new).await.unwrap();
    }
    let Arguments { senders, bytes, seconds, .. } = arguments;
    println!("{senders} senders, {} groups, {bytes} bytes", groups.len());

    let of_store = measure(senders, seconds, |sender| {
        let (store, groups) = (store.clone(), groups.clone());
        async move |round: usize| {
            let group = groups[(sender * 7919 + round) % groups.len()];
            let new = NewMessages { token_hash: TOKEN.hash(), request: message(group, bytes), day: 20_000 };
            store.append_messages(new).await.unwrap();
        }
    });
    report("store", of_store.await);

    let address = relay.address();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let served = tokio::spawn(relay.serve(async {
        let _ = stopped.await;
    }));
    let of_http = measure(senders, seconds, |sender| {
        let groups = groups.clone();
        let connection = Arc::new(tokio::sync::Mutex::new(None));
        async move |round: usize| {
            let mut connection = connection.lock().await;
            if connection.is_none() {
                let stream = TcpStream::connect(address).await.unwrap();
                let (sender, driver) =
                    hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
                tokio::spawn(driver);
                *connection = Some(sender);
            }
            let group = groups[(sender * 7919 + round) % groups.len()];
            let body = haven_wire::encode(&message(group, bytes)).unwrap();
            let request = axum::http::Request::post(AppendMessages::PATH)
                .header("host", "localhost")
                .header("content-type", "application/cbor")
                .header(EPOCH_TOKEN_HEADER, TOKEN.to_hex())
                .body(axum::body::Body::from(body))
                .unwrap();
            let sender = connection.as_mut().unwrap();
            sender.ready().await.unwrap();
            let response = sender.send_request(request).await.unwrap();
            assert_eq!(response.status(), 200);
            response.into_body().collect().await.unwrap();
        }
    });
    report("HTTP", of_http.await);
    let _ = stop.send(());
    served.await.unwrap();
}

/// Latencies of all calls, sorted, and the time that they took together.
async fn measure<F, W>(senders: usize, seconds: u64, make: F) -> (Vec<Duration>, Duration)
where
    F: Fn(usize) -> W,
    W: AsyncFn(usize) + 'static,
{
    let stop = Arc::new(AtomicBool::new(false));
    let rounds = Arc::new(AtomicU64::new(0));
    let started = Instant::now();
    let works: Vec<_> = (0..senders).map(make).collect();
    let running = works.iter().map(|work| {
        let (stop, rounds) = (stop.clone(), rounds.clone());
        async move {
            let mut times = Vec::new();
            while !stop.load(Relaxed) {
                let round = rounds.fetch_add(1, Relaxed) as usize;
                let before = Instant::now();
                work(round).await;
                times.push(before.elapsed());
            }
            times
        }
    });
    let timer = async {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        stop.store(true, Relaxed);
    };
    let (times, ()) = tokio::join!(futures_util::future::join_all(running), timer);
    let mut times: Vec<_> = times.into_iter().flatten().collect();
    times.sort_unstable();
    (times, started.elapsed())
}

fn report(what: &str, (times, elapsed): (Vec<Duration>, Duration)) {
    let at = |share: f64| times.get((times.len() as f64 * share) as usize).copied().unwrap_or_default();
    println!(
        "{what}: {:.0} durable appends/s; p50 {:.1?}, p99 {:.1?}",
        times.len() as f64 / elapsed.as_secs_f64(),
        at(0.5),
        at(0.99),
    );
}
