//! What a scripted engine knows of people, and how it answers.

use std::time::Duration;

use haven_bridge::{
    mail::{KeySource, Unusable},
    *,
};

use super::{
    cast,
    world::{Outcome, World},
};
use crate::services::browser;

const DAY: u64 = 86_400_000;
/// What everybody compares here.
pub const DIGITS: &str = "713353162501836482336577507723485725668351152173325054367193";

impl World {
    /// Answers a command about people; others are not for it.
    pub(super) fn handle_people(&mut self, command: &Command) -> Option<Outcome> {
        Some(match command {
            Command::People => reply(Reply::People(self.people.clone())),
            Command::Person(who) => match self.person_view(who) {
                Some(view) => reply(Reply::Person(Box::new(view))),
                None => (Err(Failure::NotFound), Vec::new()),
            },
            Command::SafetyNumber(who) if who.address.starts_with("mara") => {
                reply(Reply::SafetyNumber(Comparison::NoKey))
            }
            Command::SafetyNumber(_) => {
                let number = SafetyNumber { digits: DIGITS.to_owned(), code: code() };
                reply(Reply::SafetyNumber(Comparison::Number(number)))
            }
            Command::Verify { person, number, .. } => {
                let trust = if number.is_some() { Trust::Verified } else { Trust::Pinned };
                self.change_people(
                    |known| known.fingerprint == person.fingerprint,
                    |known| known.trust = trust,
                )
            }
            Command::Unblock { fingerprint } => {
                self.change_people(|known| known.fingerprint == *fingerprint, |known| known.blocked = false)
            }
            Command::AcceptChange { fingerprint, .. } => self.change_people(
                |known| known.fingerprint == *fingerprint,
                |known| known.trust = Trust::Pinned,
            ),
            Command::ReadKeys(bytes) => reply(Reply::Keys(keys(bytes))),
            Command::AddKey { fingerprint, .. } => {
                let person = keys(b"key").into_iter().map(|key| key.person);
                if let Some(person) = person.into_iter().find(|person| person.fingerprint == *fingerprint) {
                    self.people.push(Person { trust: Trust::Pinned, ..nobody(person) });
                }
                (Ok(Reply::Done), vec![(Duration::ZERO, Event::People)])
            }
            _ => return None,
        })
    }

    fn change_people(&mut self, which: impl Fn(&PersonRef) -> bool, change: impl Fn(&mut Person)) -> Outcome {
        self.people.iter_mut().filter(|person| which(&person.person)).for_each(change);
        (Ok(Reply::Done), vec![(Duration::ZERO, Event::People)])
    }

    fn person_view(&self, who: &PersonRef) -> Option<PersonView> {
        let is = |person: &&Person| match who.fingerprint.as_str() {
            "" => person.person.address == who.address,
            fingerprint => person.person.fingerprint == fingerprint,
        };
        let known = self.people.iter().find(is).cloned();
        let person = match known {
            Some(person) => person,
            None if who.fingerprint.is_empty() && who.address.contains('@') => nobody(who.clone()),
            None => return None,
        };
        let key = (person.trust != Trust::NoKey).then(|| KeyView {
            fingerprint: cast::person(&person.person.address).fingerprint,
            source: if person.person.fingerprint.is_empty() { KeySource::Mail } else { KeySource::Directory },
            since: Some(browser::now() - 90 * DAY),
            verified: (person.trust == Trust::Verified).then(|| browser::now() - 3 * DAY),
            trouble: None,
        });
        let threads = self.mail.threads_with(&person.person.address);
        Some(PersonView { person, key, threads })
    }
}

fn nobody(person: PersonRef) -> Person {
    Person { person, trust: Trust::NoKey, blocked: false, conversations: Vec::new(), name: String::new() }
}

/// Looks like a QR code, and is none.
fn code() -> Vec<Vec<bool>> {
    const SIDE: i32 = 25;
    let corner = |x: i32, y: i32| {
        let (x, y) = ((x - 3).abs(), (y - 3).abs());
        (x.max(y) <= 4).then_some(x.max(y) != 2 && x.max(y) != 4)
    };
    let module = |x: i32, y: i32| {
        let finder = corner(x, y).or(corner(SIDE - 1 - x, y)).or(corner(x, SIDE - 1 - y));
        finder.unwrap_or((x * x * 7 + y * y * 3 + x * y * 5) % 11 < 5)
    };
    (0..SIDE).map(|y| (0..SIDE).map(|x| module(x, y)).collect()).collect()
}

/// What is in a file depends on how it begins.
fn keys(bytes: &[u8]) -> Vec<FoundKey> {
    let key = |address: &str, others: &[&str], standing| FoundKey {
        person: cast::person(address),
        others: others.iter().map(|&other| other.to_owned()).collect(),
        standing,
    };
    match bytes {
        [b'k', ..] => vec![
            key("ingrid@post.example", &["ingrid.solheim@work.example"], KeyStanding::New),
            key("dora@elsewhere.example", &[], KeyStanding::Changed),
            key("old@post.example", &[], KeyStanding::Unusable(Unusable::Expired)),
        ],
        _ => Vec::new(),
    }
}

fn reply(reply: Reply) -> Outcome {
    (Ok(reply), Vec::new())
}
