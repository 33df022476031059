//! Live push: one WebSocket for each relay, which is tried again until it is dropped.
//!
//! What comes over it are hints. So nothing is lost when it breaks, and all that matters is to notice soon: a peer
//! that went silent is not reported by the browser, hence the pings.

mod subscriptions;
mod wire;

use crate::{network, scope};
use futures_channel::mpsc::{self, UnboundedReceiver, UnboundedSender};
use futures_util::{
    FutureExt as _, StreamExt as _,
    future::{self, Either},
    select_biased,
};
use gloo_timers::future::TimeoutFuture;
use haven_bridge::Connection;
use haven_wire::{
    group::Opened,
    ids::SessionToken,
    push::{FromRelay, ToRelay},
};
use subscriptions::Subscriptions;
use wire::{Signal, Wire};

/// Between two pings, in milliseconds. The relay closes a socket on which nothing came for three times as long.
const PING_EVERY: f64 = 20_000.0;
/// How long the answer to a ping may take …
const PONG_WITHIN: f64 = 10_000.0;
/// … and when the network has just come back, perhaps another one, on which this connection is dead.
const PONG_SOON: f64 = 3_000.0;
/// How long connecting and the relay's welcome may take.
const WELCOME_WITHIN: f64 = 15_000.0;
const FIRST_PAUSE: u32 = 500;
const LONGEST_PAUSE: u32 = 30_000;

/// What a socket has to tell.
#[derive(Debug)]
pub enum Report {
    /// The connection to this relay changed.
    State(String, Connection),
    /// What the relay pushed, in order.
    Frames(Vec<FromRelay>),
}

/// A socket that keeps itself connected. Dropping it closes it.
pub struct Socket {
    instructions: UnboundedSender<Instruction>,
}

enum Instruction {
    /// Want the rows of these groups, and no others.
    Subscribe(Vec<Opened>),
    /// The network is back.
    TryNow,
}

impl Socket {
    /// Connects to a relay. Without a session it gets no news of an inbox.
    pub fn open(origin: &str, session: Option<SessionToken>, reports: UnboundedSender<Report>) -> Self {
        let (instructions, receiver) = mpsc::unbounded();
        let link = Link {
            origin: origin.to_owned(),
            session,
            reports,
            instructions: receiver,
            wanted: Subscriptions::default(),
        };
        wasm_bindgen_futures::spawn_local(link.keep());
        Self { instructions }
    }

    /// Wants the rows of these groups, and no others.
    pub fn subscribe(&self, groups: Vec<Opened>) {
        self.instruct(Instruction::Subscribe(groups));
    }

    /// Tries at once, if it waits to try again; finds out whether it lives, if it is connected.
    pub fn try_now(&self) {
        self.instruct(Instruction::TryNow);
    }

    fn instruct(&self, instruction: Instruction) {
        // The task ends only after this handle is gone, or when the session is.
        let _ = self.instructions.unbounded_send(instruction);
    }
}

/// Why a connection is over.
enum Over {
    /// The socket was dropped.
    Unwanted,
    /// It broke, and had been good or not.
    Broken { was_live: bool },
    /// The relay doesn't know the session any more.
    SignedOut,
}

struct Link {
    origin: String,
    session: Option<SessionToken>,
    reports: UnboundedSender<Report>,
    instructions: UnboundedReceiver<Instruction>,
    wanted: Subscriptions,
}

impl Link {
    async fn keep(mut self) {
        let mut pause = FIRST_PAUSE;
        // Tries that will hardly work are not shown: the pages would flicker.
        let mut hopeful = true;
        loop {
            if hopeful {
                self.state(Connection::Connecting);
            }
            let over = if network::is_offline() {
                Over::Broken { was_live: false }
            } else {
                self.connection().await
            };
            match over {
                Over::Unwanted | Over::SignedOut => return,
                Over::Broken { was_live } => hopeful = was_live,
            }
            self.state(if hopeful { Connection::Connecting } else { Connection::Offline });
            match self.rest(scope::jittered(pause)).await {
                Rested::Unwanted => return,
                Rested::Slept if hopeful => pause = FIRST_PAUSE,
                Rested::Slept => pause = pause.saturating_mul(2).min(LONGEST_PAUSE),
                Rested::Woken => {
                    pause = FIRST_PAUSE;
                    hopeful = true;
                }
            }
        }
    }

    /// One connection, from its beginning to its end.
    async fn connection(&mut self) -> Over {
        let Ok(mut wire) = Wire::open(&self.origin) else {
            return Over::Broken { was_live: false };
        };
        self.wanted.forget_subscribed();
        let mut pulse = Pulse::default();
        loop {
            let Some(wait) = pulse.wait() else {
                return pulse.broken();
            };
            select_biased! {
                signal = wire.signals.select_next_some() => {
                    if let Err(over) = self.heard(signal, &mut wire, &mut pulse) {
                        return over;
                    }
                }
                instruction = self.instructions.next() => match instruction {
                    None => return Over::Unwanted,
                    Some(Instruction::TryNow) => pulse.check(&wire),
                    Some(Instruction::Subscribe(groups)) => {
                        self.wanted.want(groups);
                        self.subscribe(&wire, &pulse);
                    }
                },
                () = wait.fuse() => pulse.ping(&wire),
            }
        }
    }

    /// Handles one signal, and all that arrived with it, so that rows are stored together.
    fn heard(&mut self, first: Signal, wire: &mut Wire, pulse: &mut Pulse) -> Result<(), Over> {
        let mut frames = Vec::new();
        let mut next = Some(first);
        let mut over = None;
        while let Some(signal) = next {
            match signal {
                Signal::Open => wire.send(&self.hello()),
                Signal::Closed => over = Some(pulse.broken()),
                Signal::Frame(frame) => {
                    if pulse.heard() {
                        self.state(Connection::Online);
                    }
                    match frame {
                        FromRelay::Pong(_) => {}
                        FromRelay::Welcome => self.welcomed(wire, pulse),
                        FromRelay::SignedOut => {
                            over = Some(Over::SignedOut);
                            frames.push(FromRelay::SignedOut);
                        }
                        other => frames.push(other),
                    }
                }
            }
            next = wire.signals.next().now_or_never().flatten();
        }
        if !frames.is_empty() {
            self.report(Report::Frames(frames));
        }
        over.map_or(Ok(()), Err)
    }

    fn hello(&self) -> Option<ToRelay> {
        self.session.map(|session| ToRelay::Hello { session })
    }

    fn welcomed(&mut self, wire: &Wire, pulse: &mut Pulse) {
        pulse.live = true;
        self.subscribe(wire, pulse);
        self.state(Connection::Online);
    }

    fn subscribe(&mut self, wire: &Wire, pulse: &Pulse) {
        if pulse.live {
            for message in self.wanted.changes() {
                wire.send(&Some(message));
            }
        }
    }

    /// Waits before the next try.
    async fn rest(&mut self, millis: u32) -> Rested {
        let mut timer = TimeoutFuture::new(millis);
        loop {
            match future::select(&mut timer, self.instructions.next()).await {
                Either::Left(((), _)) => return Rested::Slept,
                Either::Right((None, _)) => return Rested::Unwanted,
                Either::Right((Some(Instruction::TryNow), _)) => return Rested::Woken,
                Either::Right((Some(Instruction::Subscribe(groups)), _)) => {
                    self.wanted.want(groups);
                }
            }
        }
    }

    fn state(&self, state: Connection) {
        self.report(Report::State(self.origin.clone(), state));
    }

    fn report(&self, report: Report) {
        // Whoever listened has ended, and this socket is about to.
        let _ = self.reports.unbounded_send(report);
    }
}

enum Rested {
    Slept,
    Woken,
    Unwanted,
}

/// Whether the other side lives.
struct Pulse {
    /// The relay has welcomed this connection.
    live: bool,
    /// When the last ping was sent; at first, when connecting began.
    asked: f64,
    /// Whether something came after that.
    answered: bool,
    /// The network was away, and the answer is wanted soon.
    doubted: bool,
    pings: u64,
}

impl Default for Pulse {
    fn default() -> Self {
        Self { live: false, asked: scope::elapsed(), answered: false, doubted: false, pings: 0 }
    }
}

impl Pulse {
    /// Until the next ping is due or, while an answer is missing, until it is late. Nothing when it is.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "at most some seconds, and not negative"
    )]
    fn wait(&self) -> Option<TimeoutFuture> {
        let within = match (self.live, self.answered) {
            (false, _) => WELCOME_WITHIN,
            (true, false) if self.doubted => PONG_SOON,
            (true, false) => PONG_WITHIN,
            (true, true) => PING_EVERY,
        };
        let left = self.asked + within - scope::elapsed();
        let late = left <= 0.0 && !(self.live && self.answered);
        (!late).then(|| TimeoutFuture::new(left.max(0.0).ceil() as u32))
    }

    /// Something came. Whether that dispels a doubt.
    fn heard(&mut self) -> bool {
        self.answered = true;
        std::mem::take(&mut self.doubted)
    }

    /// Pings, if it is time.
    fn ping(&mut self, wire: &Wire) {
        if self.live && self.answered {
            self.pings += 1;
            self.asked = scope::elapsed();
            self.answered = false;
            wire.send(&Some(ToRelay::Ping(self.pings)));
        }
    }

    /// Pings at once.
    fn check(&mut self, wire: &Wire) {
        if self.live {
            self.answered = true;
            self.doubted = true;
            self.ping(wire);
        }
    }

    fn broken(&self) -> Over {
        Over::Broken { was_live: self.live }
    }
}
