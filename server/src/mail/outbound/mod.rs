//! Mail on its way out of the queue: into mailboxes of this relay, or to other servers.
//!
//! Invariants:
//! - A mail leaves the queue in the transaction that tells its sender what became of it.
//! - A recipient of this relay has a mail once, whatever happens between. At another server that holds as far as SMTP
//!   allows: if the relay dies between that server's 250 and its own note of it, the mail goes out again.
//! - A relay that is asked to end begins to send nothing, and waits for what is being sent.
//! - No log line and no metric names an address.

mod attempt;
pub mod dkim;
pub mod report;
pub mod route;
pub mod schedule;
pub mod session;
pub mod verdict;

use crate::{
    config::Config,
    outside::Outside,
    state::State,
    store::{self, Due, QueueId},
};
use dkim::Dkim;
use futures_util::FutureExt as _;
use lettre::transport::smtp::extension::ClientId;
use route::Route;
use session::Parcel;
use std::{
    collections::HashSet,
    io,
    panic::AssertUnwindSafe,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokio::{
    sync::{Notify, Semaphore},
    task::JoinSet,
    time::sleep,
};
use verdict::Verdict;

/// Mails that are tried at a time.
const MAX_AT_A_TIME: usize = 64;
/// Of these, mails that are being sent to other servers. They are in memory meanwhile.
const MAX_SENT_AT_A_TIME: usize = 8;
/// The queue gives a mail to nobody else for so many seconds.
const TAKEN_FOR: u64 = 3600;
/// After a failure of the storage.
const AGAIN: Duration = Duration::from_secs(5);
/// Without a bell, the queue is looked at after this time.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// How mail goes out.
pub struct Outbound {
    route: Route,
    dkim: Option<Arc<Dkim>>,
    hello: ClientId,
    room: Semaphore,
    stopping: Notify,
}

impl Outbound {
    /// As configured. Makes the DKIM key on the first start with a way out, and says what has to be in the DNS.
    pub fn open(config: &Config, outside: Outside) -> io::Result<Self> {
        let route = Route::open(&config.mail, outside)?;
        let open = || Dkim::open(&config.data.join("dkim.key"), &config.mail.dkim_selector, &config.domain);
        let dkim = match route {
            Route::Off => None,
            Route::Smarthost(_) | Route::Direct(_) => Some(Arc::new(open()?)),
        };
        if let Some(dkim) = &dkim {
            let record = dkim.record();
            tracing::info!("for DKIM, the DNS has to say: {} IN TXT \"{}\"", record.name, record.text);
        }
        let hello = ClientId::Domain(config.mail_hostname().to_owned());
        let room = Semaphore::new(MAX_SENT_AT_A_TIME);
        Ok(Self { route, dkim, hello, room, stopping: Notify::new() })
    }

    /// Lets [`run`] come to its end: nothing is begun any more, and what is being sent goes on.
    pub fn stop(&self) {
        self.room.close();
        self.stopping.notify_one();
    }

    /// Whether mail goes to other domains.
    pub fn is_on(&self) -> bool {
        !matches!(self.route, Route::Off)
    }

    async fn signed(&self, message: Vec<u8>) -> Vec<u8> {
        let Some(dkim) = self.dkim.clone() else { return message };
        let unsigned = message.clone();
        let signed = tokio::task::spawn_blocking(move || dkim.sign(message)).await;
        signed.unwrap_or(unsigned)
    }

    async fn send(&self, domain: &str, parcel: Parcel<'_>) -> Vec<Verdict> {
        self.route.send(&self.hello, domain, parcel).await
    }
}

/// Seconds since 1970.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// Tries mail as it is submitted, and as it becomes due again, until the relay stops and what is being sent has ended.
pub async fn run(state: State) {
    while state.store.release_mail().await.is_err() {
        sleep(AGAIN).await;
    }
    let mut worker = Worker::default();
    loop {
        let wait = match worker.start_due(&state).await {
            Ok(()) => wait(&state).await,
            Err(_) => AGAIN,
        };
        tokio::select! {
            () = state.mail.outbound.stopping.notified() => break,
            () = state.hub.mail_queued.notified() => {}
            Some(Ok(id)) = worker.tasks.join_next() => worker.put_down(&state, id).await,
            () = sleep(wait) => {}
        }
    }
    while worker.tasks.join_next().await.is_some() {}
}

/// What is being tried.
#[derive(Default)]
struct Worker {
    tasks: JoinSet<QueueId>,
    in_hand: HashSet<QueueId>,
    /// Given out by the queue while they were in hand.
    skipped: HashSet<QueueId>,
}

impl Worker {
    async fn start_due(&mut self, state: &State) -> store::Result<()> {
        let room = MAX_AT_A_TIME.saturating_sub(self.in_hand.len());
        let limit = u32::try_from(room).unwrap_or(0);
        if limit == 0 {
            return Ok(());
        }
        let now = now();
        for due in state.store.take_due_mail(now, now + TAKEN_FOR, limit).await? {
            // An attempt takes longer than the queue was told, or has said when to try again and not quite ended.
            if self.in_hand.insert(due.id) {
                self.tasks.spawn(one(state.clone(), due));
            } else {
                self.skipped.insert(due.id);
            }
        }
        Ok(())
    }

    async fn put_down(&mut self, state: &State, id: QueueId) {
        self.in_hand.remove(&id);
        if self.skipped.remove(&id) {
            // The queue takes it for taken. What else is given back thereby is still in hand.
            let _ = state.store.release_mail().await;
        }
    }
}

/// One attempt. If it panics, which is a bug, the mail is tried again when the queue gives it out again.
async fn one(state: State, due: Due) -> QueueId {
    let id = due.id;
    if AssertUnwindSafe(attempt::run(&state, due)).catch_unwind().await.is_err() {
        tracing::error!("an attempt to deliver a mail panicked");
    }
    id
}

/// How long there is nothing to do, unless a bell rings.
async fn wait(state: &State) -> Duration {
    let next = state.store.next_mail_due().await.ok().flatten();
    let seconds = next.map_or(u64::MAX, |due| due.saturating_sub(now()));
    Duration::from_secs(seconds.max(1)).min(LOOK_EVERY)
}
