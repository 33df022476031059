//! The list of people, and a person's page.

use crate::{
    Millis,
    chat::records::{Contact, PersonRecord},
    identity::Fingerprint,
    mailbox::{
        address::normalise,
        keyring::{AddressKeys, Candidate, usable},
    },
    memory::Memory,
};
use haven_bridge::{
    ConversationId, KeyView, Person, PersonRef, PersonView, Trust,
    mail::{KeySource, Unusable},
};
use std::collections::{BTreeMap, BTreeSet};

/// Mail threads on a person's page.
const THREADS: usize = 10;

type Conversations = BTreeMap<String, Vec<ConversationId>>;

impl Memory {
    /// Everybody known, by address. Mail must be loaded.
    pub fn people(&self) -> Vec<Person> {
        let conversations = self.conversations_by_person();
        let known: BTreeSet<&str> = self.contacts.values().map(|contact| contact.address.as_str()).collect();
        let written = self
            .mail
            .correspondents
            .written_to()
            .filter(|address| !known.contains(address.as_str()) && **address != self.account.address);
        let contacts = self.contacts.values().map(|contact| self.contact(contact, &conversations));
        let mut people: Vec<Person> =
            contacts.chain(written.map(|address| self.correspondent(address))).collect();
        people.sort_by(|a, b| a.person.address.cmp(&b.person.address));
        people
    }

    /// The conversations with each person, by fingerprint, newest first.
    fn conversations_by_person(&self) -> Conversations {
        let mut by_person = Conversations::new();
        for summary in self.summaries() {
            for person in summary.people {
                by_person.entry(person.fingerprint).or_default().push(summary.id);
            }
        }
        by_person
    }

    fn contact(&self, contact: &Contact, conversations: &Conversations) -> Person {
        let person = PersonRecord { fingerprint: contact.fingerprint, address: contact.address.clone() };
        let person_ref = PersonRef::from(&person);
        Person {
            trust: self.trust(&person),
            blocked: contact.blocked,
            conversations: conversations.get(&person_ref.fingerprint).cloned().unwrap_or_default(),
            person: person_ref,
            name: self.mail.correspondents.name(&contact.address),
        }
    }

    /// Somebody who is known from mail alone.
    fn correspondent(&self, address: &str) -> Person {
        let key = self.mail.keys(address).is_some_and(|keys| !keys.candidates.is_empty());
        Person {
            person: PersonRef { address: address.into(), fingerprint: String::new() },
            trust: if key { Trust::Claimed } else { Trust::NoKey },
            blocked: false,
            conversations: Vec::new(),
            name: self.mail.correspondents.name(address),
        }
    }

    /// A person's page, by fingerprint or address. Nothing: this is no address, or a fingerprint that is not known.
    pub fn person_view(&self, who: &PersonRef, now: Millis) -> Option<PersonView> {
        let contact = match Fingerprint::from_hex(&who.fingerprint) {
            Some(fingerprint) => Some(self.contacts.get(&fingerprint)?),
            None => self.contact_of(&who.address),
        };
        let (person, key) = match contact {
            Some(contact) => {
                let person = self.contact(contact, &self.conversations_by_person());
                (person, Some(self.contact_key(contact, now)))
            }
            None => {
                let address = normalise(&who.address)?;
                let keys = self.mail.keys(&address);
                let key = keys.and_then(|keys| seen_key(keys, &address, now));
                (self.correspondent(&address), key)
            }
        };
        let threads = self.threads_with(&person.person.address, THREADS);
        Some(PersonView { person, key, threads })
    }

    /// The pinned contact of an address, or else any.
    fn contact_of(&self, address: &str) -> Option<&Contact> {
        let address = normalise(address)?;
        let of_address = self.contacts.values().filter(|contact| contact.address == address);
        of_address.max_by_key(|contact| contact.pinned && !contact.replaced)
    }

    fn contact_key(&self, contact: &Contact, now: Millis) -> KeyView {
        let keys = self.mail.keys(&contact.address);
        let candidate = keys.and_then(|keys| keys.of(contact.fingerprint));
        let seen = candidate.and_then(|candidate| candidate.first);
        KeyView {
            fingerprint: contact.fingerprint.to_hex(),
            source: candidate.map_or(KeySource::Pinned, |candidate| candidate.source),
            since: contact.since.into_iter().chain(seen).min(),
            verified: contact.verified,
            trouble: candidate.and_then(|candidate| trouble(candidate, &contact.address, now)),
        }
    }
}

/// The key that mail to somebody unpinned would be encrypted to, or the best that can't be.
fn seen_key(keys: &AddressKeys, address: &str, now: Millis) -> Option<KeyView> {
    let ranked = keys.ranked();
    let good = ranked.iter().find(|candidate| usable(candidate, address, now).is_ok());
    let candidate = good.or(ranked.first())?;
    Some(KeyView {
        fingerprint: candidate.fingerprint.to_hex(),
        source: candidate.source,
        since: candidate.first,
        verified: None,
        trouble: trouble(candidate, address, now),
    })
}

fn trouble(candidate: &Candidate, address: &str, now: Millis) -> Option<Unusable> {
    usable(candidate, address, now).err()
}
