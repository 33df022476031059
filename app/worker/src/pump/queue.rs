//! What waits for the engine.

use super::account::Entered;
use crate::{
    commands::{self, Sorted},
    socket::Report,
    tabs::Asker,
};
use haven_bridge::{Command, IntentId, Session};
use haven_core::{
    intent::Intent,
    request::{Rejection, Reply, RequestId},
    work::Outcome,
};
use haven_wire::{account::Vault, keys::DirectoryEntry};

/// Something for the engine to do.
pub enum Order {
    /// A page wants something.
    Request(Asker, Command),
    /// A page heard that the network is back or gone.
    Online(bool),
    /// A relay answered, or didn't.
    Answered(Answered),
    /// A socket has something to tell.
    Socket(Report),
    /// A sign-up or sign-in has ended.
    Entered(Box<Entered>),
    /// What to say of who is signed in, if it is still nobody.
    Nobody(Asker, Session),
    /// The relay was asked for the person's devices.
    Devices(Box<Devices>),
    /// Work on mail has ended.
    Worked(Worked),
    /// Something is due.
    Wake,
    /// This tab must not lead any more.
    Stop,
}

/// The end of a call.
pub struct Answered {
    /// Counts who was signed in: request ids begin anew with each.
    pub session: u32,
    /// The request.
    pub id: RequestId,
    /// What the relay said.
    pub result: Result<Reply, Rejection>,
}

/// The end of work outside the engine.
pub struct Worked {
    /// Counts who was signed in.
    pub session: u32,
    /// What it was for.
    pub id: RequestId,
    /// What came out; nothing if the worker broke down.
    pub outcome: Option<Outcome>,
}

/// The end of asking a relay for the person's devices.
pub struct Devices {
    /// Counts who was signed in.
    pub session: u32,
    /// Who wants to see them.
    pub asker: Asker,
    /// Their list, and their names, sealed; nothing without a network.
    pub found: Option<(DirectoryEntry, Option<Vault>)>,
}

/// Orders that are handled together.
#[derive(Default)]
pub struct Batch {
    pub intents: Vec<(Asker, IntentId, Intent)>,
    pub others: Vec<(Asker, Command)>,
    pub entered: Vec<Entered>,
    pub nobody: Vec<(Asker, Session)>,
    pub devices: Vec<Devices>,
    pub answers: Vec<Answered>,
    pub worked: Vec<Worked>,
    pub reports: Vec<Report>,
    pub online: Option<bool>,
    pub stop: bool,
}

impl Batch {
    pub fn gather(orders: impl Iterator<Item = Order>) -> Self {
        let mut batch = Self::default();
        for order in orders {
            match order {
                Order::Request(asker, command) => match commands::sort(command) {
                    Sorted::Intent(id, intent) => batch.intents.push((asker, id, intent)),
                    Sorted::Other(command) => batch.others.push((asker, command)),
                },
                Order::Online(online) => batch.online = Some(online),
                Order::Worked(worked) => batch.worked.push(worked),
                Order::Answered(answered) => batch.answers.push(answered),
                Order::Socket(report) => batch.reports.push(report),
                Order::Entered(entered) => batch.entered.push(*entered),
                Order::Nobody(asker, session) => batch.nobody.push((asker, session)),
                Order::Devices(devices) => batch.devices.push(*devices),
                Order::Wake => {}
                Order::Stop => batch.stop = true,
            }
        }
        batch
    }
}
