//! The page's side of the engine: requests with replies, events, and whether the engine runs.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    future::Future,
    rc::Rc,
    time::Duration,
};

use futures_channel::oneshot;
use haven_bridge::{Command, Event, Failure, FromWorker, Reply, RequestAnswer, ToWorker};
use leptos::prelude::*;

use super::browser;

/// How long a start may take before the page says so. Compiling the engine on an old phone takes some seconds.
const START_LIMIT: Duration = Duration::from_secs(30);

/// The pause before an engine that did not get ready is started again, so that it doesn't keep the device busy.
const RESTART_PAUSE: Duration = Duration::from_millis(400);

/// So many starts in a row without getting ready, and the page stops trying.
const MOST_FALSE_STARTS: u32 = 3;

/// An engine that ran and ended is started again without a word. If it ends again within these milliseconds, it would
/// go on so: then the person has to know.
const CALM: u64 = 30_000;

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
#[cfg_attr(
    not(target_arch = "wasm32"),
    allow(clippy::large_enum_variant, reason = "where it runs, pointers have half the size")
)]
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
    /// The engine ended before it answered, and the request could not be made again by itself.
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
    /// What has no answer yet, in the order in which it was asked.
    waiting: RefCell<BTreeMap<u64, Waiting>>,
    listener: RefCell<Option<Listener>>,
    next_id: RefCell<u64>,
    false_starts: RefCell<u32>,
    /// When an engine that ran has ended last.
    ended: RefCell<Option<u64>>,
    run: RefCell<u32>,
    /// Whether the browser was asked to keep what is stored.
    kept: Cell<bool>,
}

struct Waiting {
    /// To ask the next engine, if that may be done.
    again: Option<Command>,
    sender: oneshot::Sender<Answer>,
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
            false_starts: RefCell::default(),
            ended: RefCell::default(),
            run: RefCell::default(),
            kept: Cell::default(),
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

    /// Starts the engine, or starts it again. Nothing is lost: what waits for an answer is asked when it is ready.
    pub fn start(self) {
        let Some(inner) = self.inner.try_get_value() else { return };
        self.status.set(CoreStatus::Starting);
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

    /// Asks for something. If the engine ends before it answers, the next one is asked: intents make that harmless.
    pub fn request(self, command: Command) -> impl Future<Output = Answer> + use<> {
        let status = self.status.try_get_untracked();
        let reply = status.and_then(|status| self.with(|inner| inner.ask(command, status)));
        async move {
            match reply {
                // A sender that is dropped belonged to an engine that is gone, and could not be asked again.
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
                *inner.false_starts.borrow_mut() = 0;
                self.tell_online(browser::online());
                inner.ask_again();
                self.status.set(CoreStatus::Ready);
            }
            FromPort::Message(FromWorker::Reply { id, result }) => inner.answer(id, result),
            FromPort::Message(FromWorker::Event(event)) => self.spread(&inner, event),
            FromPort::Malformed => self.status.set(CoreStatus::Outdated),
            FromPort::Crashed => self.ended(&inner),
        }
    }

    fn spread(self, inner: &Inner, event: Event) {
        match event {
            Event::Outdated => self.status.set(CoreStatus::Outdated),
            Event::Broken => self.ended(inner),
            event => {
                let listener = inner.listener.borrow().clone();
                if let Some(listener) = listener {
                    listener(event);
                }
            }
        }
    }

    /// The engine is gone, or says that it can't go on.
    fn ended(self, inner: &Inner) {
        inner.port.stop();
        inner.next_run();
        inner.waiting.borrow_mut().retain(|_, waiting| waiting.again.is_some());
        match self.status.get_untracked() {
            // The engine of the newer version takes it from here.
            CoreStatus::Outdated => inner.waiting.borrow_mut().clear(),
            CoreStatus::Ready => self.ended_running(inner),
            _ => self.ended_starting(inner),
        }
    }

    fn ended_running(self, inner: &Inner) {
        let now = browser::now();
        let before = inner.ended.replace(Some(now));
        if before.is_some_and(|before| now.saturating_sub(before) < CALM) {
            self.give_up(inner, CoreStatus::Broken);
        } else {
            self.start();
        }
    }

    fn ended_starting(self, inner: &Inner) {
        let count = *inner.false_starts.borrow() + 1;
        if count >= MOST_FALSE_STARTS {
            self.give_up(inner, CoreStatus::Failed);
        } else {
            inner.false_starts.replace(count);
            set_timeout(move || self.start(), RESTART_PAUSE * count);
        }
    }

    /// Leaves it to the person to start again.
    fn give_up(self, inner: &Inner, status: CoreStatus) {
        inner.false_starts.replace(0);
        inner.waiting.borrow_mut().clear();
        self.status.set(status);
    }
}

impl Inner {
    fn next_run(&self) -> u32 {
        let mut run = self.run.borrow_mut();
        *run = run.wrapping_add(1);
        *run
    }

    /// Keeps the request until it is answered, and sends it unless the engine is only starting.
    fn ask(&self, command: Command, status: CoreStatus) -> oneshot::Receiver<Answer> {
        let (sender, receiver) = oneshot::channel();
        let id = {
            let mut next = self.next_id.borrow_mut();
            *next += 1;
            *next
        };
        let sent = match status {
            CoreStatus::Starting => true,
            CoreStatus::Ready | CoreStatus::Outdated => self.send(id, &command),
            CoreStatus::Failed | CoreStatus::Broken => false,
        };
        if sent {
            let unsent = status == CoreStatus::Starting;
            let again = (unsent || command.is_repeatable()).then_some(command);
            self.waiting.borrow_mut().insert(id, Waiting { again, sender });
        }
        receiver
    }

    /// Gives a new engine all that has no answer.
    fn ask_again(&self) {
        let all = |(id, waiting): (&u64, &Waiting)| waiting.again.clone().map(|command| (*id, command));
        let waiting: Vec<_> = self.waiting.borrow().iter().filter_map(all).collect();
        for (id, command) in waiting {
            self.send(id, &command);
            if !command.is_repeatable()
                && let Some(waiting) = self.waiting.borrow_mut().get_mut(&id)
            {
                waiting.again = None;
            }
        }
    }

    fn send(&self, id: u64, command: &Command) -> bool {
        self.port.send(ToWorker::Request { id, command: command.clone() })
    }

    fn answer(&self, id: u64, result: Result<Reply, Failure>) {
        let waiting = self.waiting.borrow_mut().remove(&id);
        if let Some(waiting) = waiting {
            let worth_keeping = result.is_ok() && waiting.again.as_ref().is_some_and(begins_something);
            if worth_keeping && !self.kept.replace(true) {
                browser::keep_storage();
            }
            // Nobody may be waiting any more: the component is gone.
            _ = waiting.sender.send(result.map_err(Trouble::from));
        }
    }
}

/// Whether something begins that only this browser has. Asking to keep it is no surprise then.
fn begins_something(command: &Command) -> bool {
    matches!(
        command,
        Command::StartConversation { .. }
            | Command::AnswerRequest { answer: RequestAnswer::Accept, .. }
            | Command::SendMail { .. }
    )
}
