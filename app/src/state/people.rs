//! Everybody that this person knows.

use haven_bridge::{Command, Person, PersonRef, Reply};
use leptos::prelude::*;

use super::{Load, unexpected};
use crate::services::core_client::CoreClient;

/// The people. A handle.
#[derive(Clone, Copy)]
pub struct People {
    core: CoreClient,
    people: RwSignal<Vec<Person>>,
    load: RwSignal<Load>,
}

impl People {
    pub fn new(core: CoreClient) -> Self {
        Self { core, people: RwSignal::default(), load: RwSignal::default() }
    }

    /// Whether they are here.
    pub fn load(self) -> Load {
        self.load.get()
    }

    /// Follows every change.
    pub fn track(self) {
        self.people.track();
    }

    /// All, by address.
    pub fn all(self) -> Vec<Person> {
        self.people.get()
    }

    /// Asks again.
    pub fn refresh(self) {
        self.core.ask(Command::People, move |answer| match answer {
            Ok(Reply::People(mut people)) => {
                people.sort_by(|a, b| a.person.address.cmp(&b.person.address));
                self.people.set(people);
                self.load.set(Load::Ready);
            }
            Ok(other) => self.load.set(Load::Failed(unexpected(other))),
            Err(trouble) => self.load.set(Load::Failed(trouble)),
        });
    }

    /// Tries again after a failure.
    pub fn retry(self) {
        self.load.set(Load::Loading);
        self.refresh();
    }

    pub(super) fn clear(self) {
        self.people.set(Vec::new());
        self.load.set(Load::Loading);
    }
}

/// What a person's colour is made of.
pub fn colour_of(person: &PersonRef) -> String {
    if person.fingerprint.is_empty() { person.address.clone() } else { person.fingerprint.clone() }
}

/// A fingerprint without spaces, as in addresses of pages.
pub fn bare(fingerprint: &str) -> String {
    fingerprint.chars().filter(char::is_ascii_hexdigit).map(|digit| digit.to_ascii_lowercase()).collect()
}
