//! Drives the engine, in the tab that leads.
//!
//! All that the engine has to do comes through one queue, so its verbs run one after another and to their end.
//! Whatever has gathered in the queue meanwhile is handled together: intents and pushed rows each in one write set.
//! Calls to relays run beside it, and their answers come back through the queue: the network never holds up a verb.
//!
//! Nothing is answered, sent or shown before the verb that made it has stored it.

mod account;
mod keys;
mod mail;
mod queries;
mod queue;
mod sockets;

pub use queue::Order;

use crate::{
    commands,
    indexeddb::{IndexedDb, Lost, NAME},
    lock::Lock,
    mail_worker::MailWorker,
    relay_client::{RelayClient, Watched},
    scope,
    socket::Report,
    storage_key,
    tabs::{Asker, Tab},
};
use futures_channel::{
    mpsc::{self, UnboundedReceiver, UnboundedSender},
    oneshot,
};
use futures_util::{
    FutureExt as _, StreamExt as _,
    future::{self, Either},
    join, select_biased,
};
use gloo_timers::{callback::Timeout, future::TimeoutFuture};
use haven_bridge::{Connection, Event, Failure, IntentId, Reply};
use haven_core::{
    Engine, Error,
    intent::Intent,
    request::{Outgoing, Rejection, RequestId},
    store::{StorageKey, StoreError},
};
use haven_wire::push::FromRelay;
use queue::{Answered, Batch};
use sockets::Sockets;
use std::rc::Rc;

/// After a failure of the store, verbs are tried again in a second, then ever more rarely.
const FIRST_RETRY: u32 = 1_000;
const LAST_RETRY: u32 = 30_000;
/// A frozen tab that has the database open in an older version makes its upgrade wait. One whose process was stopped in
/// the middle of a transaction makes everybody wait for a minute, until the browser gives up on it.
const OPEN_WITHIN: u32 = 90_000;
/// A longer timer would overflow the browser's; waking for nothing once an hour is harmless.
const LONGEST_SLEEP: u64 = 3_600_000;

/// Why this tab leads no more.
#[derive(Debug, Eq, PartialEq)]
pub enum Ended {
    /// Another tab has taken over.
    Deposed,
    /// A newer version of Haven runs.
    Outdated,
    /// The browser or the person deleted the site's data.
    Deleted,
    /// The database can't be opened.
    Failed(Failure),
}

impl From<Lost> for Ended {
    fn from(lost: Lost) -> Self {
        match lost {
            Lost::Outdated => Self::Outdated,
            Lost::Deleted => Self::Deleted,
        }
    }
}

impl From<StoreError> for Ended {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Fenced => Self::Deposed,
            StoreError::Outdated => Self::Outdated,
            other => Self::Failed(Error::Store(other).into()),
        }
    }
}

/// Leads until something ends it.
pub async fn lead(tab: &Rc<Tab>, mut lock: Lock) -> Ended {
    tab.rise();
    let opening = async { join!(IndexedDb::take_over(NAME), storage_key::load_or_create(NAME)) };
    let (database, key) = match future::select(opening.boxed_local(), TimeoutFuture::new(OPEN_WITHIN)).await {
        Either::Left((opened, _)) => opened,
        Either::Right(_) => return Ended::Failed(blocked()),
    };
    let (store, lost) = match database {
        Ok(database) => database,
        Err(error) => return error.into(),
    };
    let (orders, queue) = mpsc::unbounded();
    let mut pump = Pump::new(tab, Rc::new(store), orders);
    let ended = match pump.open(key).await {
        Ok(()) => {
            tab.lead(pump.leader, pump.orders.clone());
            pump.run(queue, &mut lock, lost).await
        }
        Err(ended) => ended,
    };
    pump.store.close();
    ended
}

struct Pump {
    tab: Rc<Tab>,
    leader: u64,
    store: Rc<IndexedDb>,
    orders: UnboundedSender<Order>,
    client: Rc<RelayClient>,
    mail_worker: MailWorker,
    /// Pages that want to know what will happen to a mail, while the relay is asked.
    recipients: Vec<mail::Waiting>,
    /// Attachments that are being fetched and opened.
    fetching: Vec<mail::Fetching>,
    /// Mails that are being handed over, until the sender is dropped.
    handing_over: Vec<(RequestId, oneshot::Sender<()>)>,
    engine: Signed,
    /// Counts who was signed in.
    session: u32,
    sockets: Sockets,
    /// A sign-up or sign-in is under way.
    entering: bool,
    /// That the session has ended was told.
    revoked: bool,
    wake: Option<Timeout>,
    retry: u32,
}

/// Who is signed in.
enum Signed {
    In(Box<Engine<Rc<IndexedDb>>>),
    Out,
    /// What is stored can't be opened. It can be deleted, by signing out.
    Unreadable(Failure),
}

impl Pump {
    fn new(tab: &Rc<Tab>, store: Rc<IndexedDb>, orders: UnboundedSender<Order>) -> Self {
        Self {
            tab: Rc::clone(tab),
            leader: store.leader(),
            store,
            sockets: Sockets::new(orders.clone()),
            orders,
            client: Rc::default(),
            mail_worker: MailWorker::default(),
            recipients: Vec::new(),
            fetching: Vec::new(),
            handing_over: Vec::new(),
            engine: Signed::Out,
            session: 0,
            entering: false,
            revoked: false,
            wake: None,
            retry: FIRST_RETRY,
        }
    }

    /// Opens what is stored.
    async fn open(&mut self, key: Result<StorageKey, StoreError>) -> Result<(), Ended> {
        let store = Rc::clone(&self.store);
        let opened = match key {
            Ok(key) => Engine::open(store, key, scope::now()).await,
            Err(error) => Err(error.into()),
        };
        match opened {
            Ok(Some(engine)) => self.sign_in(engine),
            Ok(None) => self.engine = Signed::Out,
            Err(Error::Store(error)) if error != StoreError::Damaged => return Err(error.into()),
            Err(error) => self.engine = Signed::Unreadable(error.into()),
        }
        Ok(())
    }

    fn sign_in(&mut self, engine: Engine<Rc<IndexedDb>>) {
        let account = engine.account();
        self.client.sign_in(&account.origin, account.session);
        self.sockets.sign_in(&account.origin, account.session);
        self.engine = Signed::In(Box::new(engine));
        self.session += 1;
        self.revoked = false;
    }

    async fn run(
        &mut self,
        mut queue: UnboundedReceiver<Order>,
        lock: &mut Lock,
        mut lost: oneshot::Receiver<Lost>,
    ) -> Ended {
        let _ = self.orders.unbounded_send(Order::Wake);
        loop {
            // First what forbids going on, then the work.
            let first = select_biased! {
                () = lock.stolen().fuse() => return Ended::Deposed,
                lost = (&mut lost).fuse() => return lost.map_or(Ended::Deposed, Ended::from),
                order = queue.next() => order,
            };
            let rest = std::iter::from_fn(|| queue.next().now_or_never().flatten());
            let batch = Batch::gather(first.into_iter().chain(rest));
            if let Err(ended) = self.work(batch).await {
                return ended;
            }
        }
    }

    /// Handles what has gathered: first what people wait for.
    async fn work(&mut self, batch: Batch) -> Result<(), Ended> {
        if batch.stop {
            return Err(Ended::Deposed);
        }
        self.intents(batch.intents).await?;
        for (asker, command) in batch.others {
            self.other(asker, command).await?;
        }
        for entered in batch.entered {
            self.entered(entered).await?;
        }
        for (asker, nobody) in batch.nobody {
            self.nobody(asker, nobody);
        }
        for devices in batch.devices {
            self.devices_found(devices).await?;
        }
        for answered in batch.answers {
            self.answered(answered).await?;
        }
        for worked in batch.worked {
            self.worked(worked).await?;
        }
        self.online(batch.online);
        let frames = self.hear(batch.reports);
        self.receive(frames).await?;
        self.send().await?;
        self.answer_recipients().await?;
        self.look_for_revocation();
        Ok(())
    }

    /// Intents of all pages, in one write set.
    async fn intents(&mut self, intents: Vec<(Asker, IntentId, Intent)>) -> Result<(), Ended> {
        if intents.is_empty() {
            return Ok(());
        }
        let engine = match &mut self.engine {
            Signed::In(engine) => engine,
            other => {
                let failure = other.failure();
                for (asker, ..) in intents {
                    self.answer(asker, Err(failure.clone()));
                }
                return Ok(());
            }
        };
        let (askers, intents): (Vec<_>, Vec<_>) =
            intents.into_iter().map(|(asker, id, intent)| (asker, (id, intent))).unzip();
        let handled = engine.handle(intents, scope::now()).await;
        match self.done(handled)? {
            Ok(handled) => {
                let results = handled.results.into_iter().map(|result| result.map(commands::reply));
                self.settle(handled.events, askers.into_iter().zip(results));
            }
            Err(failure) => {
                self.settle(Vec::new(), askers.into_iter().map(|asker| (asker, Err(failure.clone()))));
            }
        }
        Ok(())
    }

    async fn answered(&mut self, Answered { session, id, result }: Answered) -> Result<(), Ended> {
        let engine = match &mut self.engine {
            Signed::In(engine) if session == self.session => engine,
            _ => return Ok(()),
        };
        let events = match result {
            Ok(reply) => engine.confirm(id, reply, scope::now()).await,
            Err(rejection) => engine.reject(id, rejection, scope::now()).await,
        };
        self.show(events)
    }

    async fn receive(&mut self, frames: Vec<FromRelay>) -> Result<(), Ended> {
        let Signed::In(engine) = &mut self.engine else {
            return Ok(());
        };
        if frames.is_empty() {
            return Ok(());
        }
        let events = engine.receive(frames, scope::now()).await;
        self.show(events)
    }

    /// Starts what the engine wants sent, follows the groups that it wants followed, and sets the alarm.
    async fn send(&mut self) -> Result<(), Ended> {
        let Signed::In(engine) = &mut self.engine else {
            self.handing_over.clear();
            return Ok(());
        };
        self.handing_over.retain(|(request, _)| engine.waits_for(*request));
        let now = scope::now();
        let pending = engine.outgoing(now).await;
        if !engine.signed_out() {
            self.sockets.follow(engine.subscriptions());
        }
        match self.done(pending)? {
            Ok(pending) => {
                self.retry = FIRST_RETRY;
                self.wake_in(pending.wake_at.saturating_sub(now).min(LONGEST_SLEEP));
                pending.requests.into_iter().for_each(|request| self.start(request));
                pending.work.into_iter().for_each(|(id, work)| self.start_work(id, work));
                self.publish(pending.events);
            }
            Err(_) => {
                self.wake_in(u64::from(self.retry));
                self.retry = self.retry.saturating_mul(2).min(LAST_RETRY);
            }
        }
        Ok(())
    }

    fn start(&mut self, request: Outgoing) {
        let (client, orders) = (Rc::clone(&self.client), self.orders.clone());
        let (session, id) = (self.session, request.id);
        let large = self.progress_of(&request).map(|progress| {
            let (give_up, given_up) = oneshot::channel();
            self.handing_over.push((id, give_up));
            (progress, given_up)
        });
        wasm_bindgen_futures::spawn_local(async move {
            let (progress, given_up) = large.unzip();
            let watched = Watched { client, progress: progress.clone() };
            let sent = request.send(&watched);
            let result = match given_up {
                Some(given_up) => match future::select(sent.boxed_local(), given_up).await {
                    Either::Left((result, _)) => result,
                    Either::Right(_) => Err(Rejection::Unreachable),
                },
                None => sent.await,
            };
            if let Some(progress) = progress {
                progress(0, 0);
            }
            // If this tab leads no more, the next leader asks again.
            let _ = orders.unbounded_send(Order::Answered(Answered { session, id, result }));
        });
    }

    fn wake_in(&mut self, millis: u64) {
        let orders = self.orders.clone();
        let millis = u32::try_from(millis).unwrap_or(u32::MAX);
        // Replacing a timer cancels it.
        self.wake = Some(Timeout::new(millis, move || {
            let _ = orders.unbounded_send(Order::Wake);
        }));
    }

    /// A page's word on the network. A socket alone would not notice that it is gone.
    fn online(&mut self, online: Option<bool>) {
        let (Some(online), Signed::In(engine)) = (online, &mut self.engine) else {
            return;
        };
        if online {
            self.sockets.try_now();
            engine.reconnected();
        } else {
            engine.disconnected();
            let news = self.sockets.away();
            self.publish(news.map(Event::Connection).into_iter().collect());
        }
    }

    /// Sorts out what the sockets tell: what is for the engine comes back.
    fn hear(&mut self, reports: Vec<Report>) -> Vec<FromRelay> {
        let mut frames = Vec::new();
        for report in reports {
            match report {
                Report::Frames(new) => frames.extend(new),
                Report::State(origin, state) => {
                    let Some(state) = self.sockets.state_changed(&origin, state) else {
                        continue;
                    };
                    if let Signed::In(engine) = &mut self.engine {
                        match state {
                            Connection::Online => {
                                engine.reconnected();
                                frames.push(FromRelay::Welcome);
                            }
                            _ => engine.disconnected(),
                        }
                    }
                    self.tab.publish(self.leader, Event::Connection(state));
                }
            }
        }
        frames
    }

    /// Shows what a verb brought. If it failed, the engine has gone back to what is stored, and gets there again.
    fn show(&mut self, events: Result<Vec<Event>, Error>) -> Result<(), Ended> {
        if let Ok(events) = self.done(events)? {
            self.publish(events);
        }
        Ok(())
    }

    /// Tells failures that forbid going on from those that a page hears of.
    fn done<T>(&self, result: Result<T, Error>) -> Result<Result<T, Failure>, Ended> {
        match result {
            Err(Error::Store(error @ (StoreError::Fenced | StoreError::Outdated))) => Err(error.into()),
            Err(error) => {
                if let Error::Bug(phrase) = error {
                    web_sys::console::error_1(&format!("a defect of Haven: {phrase}").into());
                }
                Ok(Err(error.into()))
            }
            Ok(value) => Ok(Ok(value)),
        }
    }

    fn answer(&self, asker: Asker, result: Result<Reply, Failure>) {
        self.tab.answer(self.leader, asker, result);
    }

    /// Tells what a verb brought, and then its answers.
    fn settle(&self, events: Vec<Event>, answers: impl IntoIterator<Item = (Asker, Result<Reply, Failure>)>) {
        self.tab.settle(self.leader, events, answers);
    }

    fn publish(&self, events: Vec<Event>) {
        for event in events {
            self.tab.publish(self.leader, event);
        }
    }
}

impl Signed {
    /// Why the engine can't be asked.
    fn failure(&self) -> Failure {
        match self {
            Self::Unreadable(failure) => failure.clone(),
            _ => Failure::NotSignedIn,
        }
    }
}

fn blocked() -> Failure {
    Failure::Storage { message: "another tab with Haven has to be closed or reloaded first".into() }
}

/// Waits before the database is tried again, or until a page wants something.
pub async fn pause() {
    TimeoutFuture::new(LAST_RETRY / 10).await;
}
