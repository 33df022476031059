//! The page's side of the engine: requests with replies, events, and whether the engine runs.

use std::{cell::RefCell, collections::HashMap, future::Future, rc::Rc, time::Duration};

use futures_channel::oneshot;
use haven_bridge::{Command, Event, Failure, FromWorker, Reply, ToWorker};
use leptos::prelude::*;

use super::browser;

/// How long a start may take before the page says so. Compiling the engine on an old phone takes some seconds.
const START_LIMIT: Duration = Duration::from_secs(30);

/// The pause before the engine is started again, so that an engine that always crashes doesn't keep the device busy.
const RESTART_PAUSE: Duration = Duration::from_millis(400);

/// So many crashes in a row, without one answered request between them, and the page stops trying.
const MOST_CRASHES: u32 = 3;

/// The way to an engine: the worker, or a script in tests.
pub trait Port {
    /// Starts the engine afresh; what it says goes to `deliver`.
    fn start(&self, deliver: Rc<dyn Fn(FromPort)>);

    /// Sends a message; false if it can't have arrived.
    fn send(&self, message: ToWorker) -> bool;

    /// Stops the engine.
    fn stop(&self);
}

/// What comes from a port.
pub enum FromPort {
    /// A message.
    Message(FromWorker),
    /// Bytes that are no message of this build: page and worker are of different builds.
    Malformed,
    /// The engine is gone.
    Crashed,
}

/// Why a request has no reply.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Trouble {
    /// The engine says why.
    Failed(Failure),
    /// The engine stopped before it answered. The same request, with the same intent, may be made again.
    Interrupted,
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// Whether the engine runs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CoreStatus {
    /// It is being started.
    Starting,
    /// It listens.
    Ready,
    /// It can't be started, or doesn't stay alive.
    Failed,
    /// It runs, but says that it can't go on.
    Broken,
    /// Another tab runs a newer version.
    Outdated,
}

type Answer = Result<Reply, Trouble>;
type Listener = Rc<dyn Fn(Event)>;

struct Inner {
    port: Box<dyn Port>,
    waiting: RefCell<HashMap<u64, oneshot::Sender<Answer>>>,
    listener: RefCell<Option<Listener>>,
    next_id: RefCell<u64>,
    crashes: RefCell<u32>,
    run: RefCell<u32>,
}

/// Asks the engine for things. A handle: copies mean the same engine.
#[derive(Clone, Copy)]
pub struct CoreClient {
    inner: StoredValue<Rc<Inner>, LocalStorage>,
    status: RwSignal<CoreStatus>,
}

impl CoreClient {
    /// A client over a port. It starts with [`CoreClient::start`].
    pub fn new(port: impl Port + 'static) -> Self {
        let inner = Inner {
            port: Box::new(port),
            waiting: RefCell::default(),
            listener: RefCell::default(),
            next_id: RefCell::default(),
            crashes: RefCell::default(),
            run: RefCell::default(),
        };
        Self { inner: StoredValue::new_local(Rc::new(inner)), status: RwSignal::new(CoreStatus::Starting) }
    }

    /// Whether the engine runs.
    pub fn status(self) -> Signal<CoreStatus> {
        self.status.into()
    }

    /// Calls this with every event. There is one listener: `state` spreads the news.
    pub(crate) fn listen(self, listener: impl Fn(Event) + 'static) {
        self.with(|inner| *inner.listener.borrow_mut() = Some(Rc::new(listener)));
    }

    /// Starts the engine, or starts it again. Nothing is lost: what was asked for and not answered comes back as
    /// [`Trouble::Interrupted`], and whoever asked may ask again with the same intent.
    pub fn start(self) {
        let Some(inner) = self.inner.try_get_value() else { return };
        self.status.set(CoreStatus::Starting);
        inner.waiting.borrow_mut().clear();
        let run = inner.next_run();
        inner.port.start(Rc::new(move |news| self.take(run, news)));
        set_timeout(
            move || {
                let late = self.with(|inner| *inner.run.borrow() == run).unwrap_or(false);
                if late && self.status.try_get_untracked() == Some(CoreStatus::Starting) {
                    self.status.set(CoreStatus::Failed);
                }
            },
            START_LIMIT,
        );
    }

    /// Asks for something.
    pub fn request(self, command: Command) -> impl Future<Output = Answer> + use<> {
        let reply = self.with(|inner| inner.ask(command));
        async move {
            match reply {
                // A sender that is dropped belonged to an engine that is gone.
                Some(reply) => reply.await.unwrap_or(Err(Trouble::Interrupted)),
                None => Err(Trouble::Interrupted),
            }
        }
    }

    /// Asks for something, and gives what came of it to `then`.
    pub fn ask(self, command: Command, then: impl FnOnce(Answer) + 'static) {
        let reply = self.request(command);
        leptos::task::spawn_local(async move { then(reply.await) });
    }

    /// Tells the engine of the network: workers don't hear of it.
    pub fn tell_online(self, online: bool) {
        self.with(|inner| inner.port.send(ToWorker::Online(online)));
    }

    fn with<R>(self, f: impl FnOnce(&Inner) -> R) -> Option<R> {
        self.inner.try_get_value().map(|inner| f(&inner))
    }

    fn take(self, run: u32, news: FromPort) {
        let Some(inner) = self.inner.try_get_value() else { return };
        // What an engine says that was already replaced is of no interest.
        if *inner.run.borrow() != run {
            return;
        }
        match news {
            FromPort::Message(FromWorker::Ready) => {
                self.status.set(CoreStatus::Ready);
                self.tell_online(browser::online());
            }
            FromPort::Message(FromWorker::Reply { id, result }) => inner.answer(id, result),
            FromPort::Message(FromWorker::Event(event)) => self.spread(&inner, event),
            FromPort::Malformed => self.status.set(CoreStatus::Outdated),
            FromPort::Crashed => self.crashed(&inner),
        }
    }

    fn spread(self, inner: &Inner, event: Event) {
        match event {
            Event::Outdated => self.status.set(CoreStatus::Outdated),
            Event::Broken => self.status.set(CoreStatus::Broken),
            event => {
                let listener = inner.listener.borrow().clone();
                if let Some(listener) = listener {
                    listener(event);
                }
            }
        }
    }

    fn crashed(self, inner: &Inner) {
        inner.port.stop();
        inner.waiting.borrow_mut().clear();
        let crashes = *inner.crashes.borrow() + 1;
        *inner.crashes.borrow_mut() = crashes;
        if crashes >= MOST_CRASHES {
            *inner.crashes.borrow_mut() = 0;
            self.status.set(CoreStatus::Failed);
        } else {
            inner.next_run();
            self.status.set(CoreStatus::Starting);
            set_timeout(move || self.start(), RESTART_PAUSE * crashes);
        }
    }
}

impl Inner {
    fn next_run(&self) -> u32 {
        let mut run = self.run.borrow_mut();
        *run = run.wrapping_add(1);
        *run
    }

    fn ask(&self, command: Command) -> oneshot::Receiver<Answer> {
        let (sender, receiver) = oneshot::channel();
        let id = {
            let mut next = self.next_id.borrow_mut();
            *next += 1;
            *next
        };
        self.waiting.borrow_mut().insert(id, sender);
        if !self.port.send(ToWorker::Request { id, command }) {
            self.waiting.borrow_mut().remove(&id);
        }
        receiver
    }

    fn answer(&self, id: u64, result: Result<Reply, Failure>) {
        *self.crashes.borrow_mut() = 0;
        let sender = self.waiting.borrow_mut().remove(&id);
        if let Some(sender) = sender {
            // Nobody may be waiting any more: the component is gone.
            _ = sender.send(result.map_err(Trouble::from));
        }
    }
}
