//! Pins and blocks, in the vault: a next device knows whom this person knew, so that a relay can't show it another
//! certificate in place of one that is known.

use crate::{
    Error,
    chat::records::{Contact, PersonRecord},
    identity::{
        self, Fingerprint,
        vault::{VaultBody, VaultPerson},
    },
    memory::{Batch, Memory},
    store::Table,
};
use haven_bridge::Event;
use haven_wire::account::Vault;
use std::cmp::Reverse;

/// People in a vault, at most: a quarter of its size.
const MAX_PEOPLE: usize = 2_000;

impl Contact {
    /// The person that a vault knows.
    pub fn from_vault(person: VaultPerson) -> Self {
        let VaultPerson { fingerprint, address, pinned, replaced, blocked, since } = person;
        let new = Self::new(&PersonRecord { fingerprint, address });
        Self { pinned, replaced, blocked, since: pinned.then_some(since), said: Some(since), ..new }
    }

    fn in_vault(&self) -> Option<VaultPerson> {
        (self.pinned || self.blocked || self.said.is_some()).then(|| VaultPerson {
            fingerprint: self.fingerprint,
            address: self.address.clone(),
            pinned: self.pinned,
            replaced: self.replaced,
            blocked: self.blocked,
            since: self.said.or(self.since).unwrap_or_default(),
        })
    }
}

impl Memory {
    /// Whether a person's certificate is pinned, replaced or blocked is another thing than before: the vault is to say so.
    /// Of the account's own record nothing changed.
    pub fn person_changed(&mut self, batch: &mut Batch, fingerprint: Fingerprint) -> Result<(), Error> {
        let Some(contact) = self.contacts.get_mut(&fingerprint) else { return Ok(()) };
        contact.said = Some(self.network.now);
        batch.contact(contact)?;
        (self.network.vault.due, self.network.vault.changed) = (true, true);
        batch.put(Table::Meta, b"vault_due", Vec::new(), Some(&true))
    }

    /// The vault as it is to be, with people in it as far as there is room.
    pub fn sealed_vault(&self) -> Result<Vault, Error> {
        let account = &self.account;
        let version = account.vault_version.saturating_add(1);
        let mut people: Vec<_> = self.contacts.values().filter_map(Contact::in_vault).collect();
        people.sort_by_key(|person| Reverse((person.blocked, person.since)));
        people.truncate(MAX_PEOPLE);
        let body = VaultBody { people, ..account.vault.clone() };
        match account.vault_key.seal(&account.address, version, &body) {
            Err(identity::Error::TooLarge) => Ok(account.seal_vault()?),
            sealed => Ok(sealed?),
        }
    }

    /// Takes over what another device said of people later than this one. A certificate is not pinned beside another one
    /// that is pinned here: that is a change, unless the person has accepted it there.
    pub fn take_people(&mut self, batch: &mut Batch, theirs: &[VaultPerson]) -> Result<(), Error> {
        let later = |person: &&VaultPerson| {
            let ours = self.contacts.get(&person.fingerprint).and_then(|contact| contact.in_vault());
            ours.is_none_or(|ours| ours.since < person.since)
        };
        let mut later: Vec<&VaultPerson> = theirs.iter().filter(later).collect();
        // First who is not it any more.
        later.sort_by_key(|person| !person.replaced);
        for person in later {
            let pinned = self.pinned(&person.address);
            let free = pinned.is_none_or(|pinned| pinned == person.fingerprint);
            let record = PersonRecord { fingerprint: person.fingerprint, address: person.address.clone() };
            let contact = self.contacts.entry(person.fingerprint).or_insert_with(|| Contact::new(&record));
            (contact.blocked, contact.said) = (person.blocked, Some(person.since));
            if person.replaced {
                (contact.replaced, contact.verified) = (true, None);
            } else if person.pinned && free {
                contact.replaced = false;
                contact.pin(person.since);
            }
            batch.contact(contact)?;
            batch.events.push(Event::People);
        }
        Ok(())
    }
}
