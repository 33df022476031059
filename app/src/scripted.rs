//! An engine that plays prepared scenes: for component tests, and to look at every screen (`/?scene=busy`).
//!
//! It keeps no promise of the real one, it only behaves alike: replies come later, messages wait and are then stored.

mod cast;
mod mail;
mod mail_cast;
mod people;
mod world;

use std::{cell::RefCell, collections::VecDeque, rc::Rc, time::Duration};

use haven_bridge::{Command, Event, Failure, FromWorker, ToWorker};
use leptos::prelude::set_timeout;

use crate::{CoreClient, FromPort, Port};
pub use mail::MailWorld;
pub use people::DIGITS;
pub use world::World;

/// A scripted engine. A handle: clones mean the same one.
#[derive(Clone, Default)]
pub struct Script(Rc<RefCell<State>>);

/// Tells commands of a kind.
pub type Kind = fn(&Command) -> bool;

#[derive(Default)]
struct State {
    deliver: Option<Rc<dyn Fn(FromPort)>>,
    world: World,
    commands: Vec<Command>,
    failures: VecDeque<(Kind, Failure)>,
    early: Option<Event>,
    starts: u32,
    asleep: bool,
}

impl Script {
    /// Plays in this world.
    pub fn new(world: World) -> Self {
        let script = Self::default();
        script.0.borrow_mut().world = world;
        script
    }

    /// An engine that never gets ready.
    pub fn asleep() -> Self {
        let script = Self::default();
        script.0.borrow_mut().asleep = true;
        script
    }

    /// A client of this engine.
    pub fn client(&self) -> CoreClient {
        CoreClient::new(self.clone())
    }

    /// Lets something happen.
    pub fn emit(&self, event: Event) {
        self.0.borrow_mut().world.remember(&event);
        self.deliver(FromPort::Message(FromWorker::Event(event)));
    }

    /// Lets something happen of which the page hears nothing.
    pub fn happen_untold(&self, event: &Event) {
        self.0.borrow_mut().world.remember(event);
    }

    /// The next command fails, whatever it is.
    pub fn fail_next(&self, failure: Failure) {
        self.fail_next_of(|_| true, failure);
    }

    /// The next command of a kind fails. Others may come before it.
    pub fn fail_next_of(&self, kind: Kind, failure: Failure) {
        self.0.borrow_mut().failures.push_back((kind, failure));
    }

    /// Lets something happen just before the next page of a timeline is there, and be part of it.
    pub fn emit_before_timeline(&self, event: Event) {
        self.0.borrow_mut().early = Some(event);
    }

    /// The engine dies.
    pub fn crash(&self) {
        self.deliver(FromPort::Crashed);
    }

    /// How often the engine was started.
    pub fn starts(&self) -> u32 {
        self.0.borrow().starts
    }

    /// What was asked so far.
    pub fn commands(&self) -> Vec<Command> {
        self.0.borrow().commands.clone()
    }

    fn deliver(&self, news: FromPort) {
        let deliver = self.0.borrow().deliver.clone();
        if let Some(deliver) = deliver {
            deliver(news);
        }
    }

    fn later(&self, pause: Duration, f: impl FnOnce(&Self) + 'static) {
        let script = self.clone();
        set_timeout(move || f(&script), pause);
    }

    /// What was asked of an engine that has ended since has no answer.
    fn answer(&self, start: u32, id: u64, command: Command) {
        if matches!(command, Command::Timeline { .. })
            && let Some(early) = { self.0.borrow_mut().early.take() }
        {
            self.emit(early);
        }
        let (result, events) = {
            let mut state = self.0.borrow_mut();
            if state.starts != start || state.deliver.is_none() {
                return;
            }
            state.commands.push(command.clone());
            match state.failures.pop_front_if(|(kind, _)| kind(&command)).map(|(_, failure)| failure) {
                Some(failure) => (Err(failure), Vec::new()),
                None => state.world.handle(command),
            }
        };
        for (pause, event) in events {
            if pause.is_zero() {
                self.emit(event);
            } else {
                self.later(pause, move |script| script.emit(event));
            }
        }
        self.deliver(FromPort::Message(FromWorker::Reply { id, result }));
    }
}

impl Port for Script {
    fn start(&self, deliver: Rc<dyn Fn(FromPort)>) {
        let mut state = self.0.borrow_mut();
        state.deliver = Some(deliver);
        state.starts += 1;
        if !state.asleep {
            self.later(Duration::from_millis(5), |script| {
                script.deliver(FromPort::Message(FromWorker::Ready));
                let connection = script.0.borrow().world.connection;
                script.deliver(FromPort::Message(FromWorker::Event(Event::Connection(connection))));
            });
        }
    }

    fn send(&self, message: ToWorker) -> bool {
        if let ToWorker::Request { id, command } = message {
            let start = self.starts();
            self.later(Duration::from_millis(5), move |script| script.answer(start, id, command));
        }
        true
    }

    fn stop(&self) {
        self.0.borrow_mut().deliver = None;
    }
}

/// The scene that the page's address asks for.
pub fn client_for_page() -> CoreClient {
    let search = web_sys::window().and_then(|window| window.location().search().ok()).unwrap_or_default();
    let scene = search.split("scene=").nth(1).unwrap_or_default();
    let script = match scene {
        "asleep" => Script::asleep(),
        scene => Script::new(World::of_scene(scene)),
    };
    if scene == "load-failed" {
        script.later(Duration::from_millis(8), |script| {
            for _ in 0..2 {
                script.fail_next(Failure::Storage { message: "the disk is full".to_owned() });
            }
        });
    }
    match scene {
        "broken" => {
            for pause in [300, 600] {
                script.later(Duration::from_millis(pause), |script| script.emit(Event::Broken));
            }
        }
        "outdated" => script.later(Duration::from_millis(300), |script| script.emit(Event::Outdated)),
        "crash" => script.later(Duration::from_millis(300), Script::crash),
        "lively" => chatter(&script),
        _ => {}
    }
    script.client()
}

/// Somebody writes every other second.
fn chatter(script: &Script) {
    script.later(Duration::from_secs(2), |script| {
        let events = script.0.borrow_mut().world.somebody_writes();
        events.into_iter().for_each(|event| script.emit(event));
        chatter(script);
    });
}
