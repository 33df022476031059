//! Whom the person wrote to, and what people call themselves in mails: kept up to date with the records of mails, so that
//! the list of people costs no look through all mail. Nothing of it is stored.

use super::{address::normalise, records::Record};
use crate::Millis;
use haven_bridge::mail::{Folder, Mailbox};
use std::collections::{BTreeMap, BTreeSet};

/// What the mails here say of people.
#[derive(Default)]
pub struct Correspondents {
    /// How many own mails went to an address.
    written: BTreeMap<String, u32>,
    /// The newest name that somebody gave in a mail, with its time.
    names: BTreeMap<String, (Millis, String)>,
    /// Who came or went since this was last asked, but not who did both.
    changed: BTreeSet<String>,
}

impl Correspondents {
    /// Takes a mail into account.
    pub fn add(&mut self, record: &Record) {
        for address in recipients(record) {
            let written = self.written.entry(address.clone()).or_default();
            *written += 1;
            if *written == 1 {
                self.note_change(address);
            }
        }
        // A mail that is junk may be from somebody else.
        if !record.own && !matches!(record.folder, Folder::Junk | Folder::Trash) {
            self.add_name(&record.from, record.time);
        }
    }

    fn add_name(&mut self, from: &Mailbox, time: Millis) {
        let Some(address) = normalise(&from.address).filter(|_| !from.name.trim().is_empty()) else { return };
        let newer = self.names.get(&address).is_none_or(|(known, _)| *known <= time);
        if newer {
            self.names.insert(address, (time, from.name.trim().to_owned()));
        }
    }

    /// Takes a mail into account no more. Names stay.
    pub fn take_out(&mut self, record: &Record) {
        for address in recipients(record) {
            let Some(written) = self.written.get_mut(&address) else { continue };
            *written = written.saturating_sub(1);
            if *written == 0 {
                self.written.remove(&address);
                self.note_change(address);
            }
        }
    }

    fn note_change(&mut self, address: String) {
        if !self.changed.remove(&address) {
            self.changed.insert(address);
        }
    }

    /// Everybody whom the person wrote to.
    pub fn written_to(&self) -> impl Iterator<Item = &String> {
        self.written.keys()
    }

    /// What somebody's mails give as their name; empty if nothing.
    pub fn name(&self, address: &str) -> String {
        self.names.get(address).map(|(_, name)| name.clone()).unwrap_or_default()
    }

    /// Whether somebody came or went since this was last asked.
    pub fn take_changed(&mut self) -> bool {
        !std::mem::take(&mut self.changed).is_empty()
    }
}

/// To whom an own mail went, blind copies included.
fn recipients(record: &Record) -> BTreeSet<String> {
    let named = record.to.iter().map(|to| &to.address);
    let all = named.chain(record.deliveries.iter().map(|delivery| &delivery.address));
    all.filter(|_| record.own).filter_map(|address| normalise(address)).collect()
}
