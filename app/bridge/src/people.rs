//! View models of people: a person's page, comparing keys, taking keys from files.

use crate::{
    mail::{KeySource, ThreadSummary, Unusable},
    view::{Person, PersonRef},
};
use serde::{Deserialize, Serialize};

/// A person's page.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct PersonView {
    /// As in the list.
    pub person: Person,
    /// The certificate; nothing if only the address is known.
    pub key: Option<KeyView>,
    /// The latest mail threads with this person, newest first; none of junk and trash.
    pub threads: Vec<ThreadSummary>,
}

/// A person's certificate.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct KeyView {
    /// Its fingerprint, in hex.
    pub fingerprint: String,
    /// Where it is from. Never [`KeySource::Verified`]: that is no place.
    pub source: KeySource,
    /// Since when it is known here, in milliseconds since 1970; older versions of Haven didn't note it.
    pub since: Option<u64>,
    /// Since when it is verified.
    pub verified: Option<u64>,
    /// Why mail can't be encrypted to it.
    pub trouble: Option<Unusable>,
}

/// What two people compare: both see the same, if nobody stands between them.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct SafetyNumber {
    /// Sixty digits.
    pub digits: String,
    /// The same as a QR code: rows of its modules, true for dark.
    pub code: Vec<Vec<bool>>,
}

/// Whether there is something to compare.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub enum Comparison {
    /// There is.
    Number(SafetyNumber),
    /// The certificate is not on this device, and the relay is asked for it. An [`crate::Event::People`] follows.
    Asking,
    /// The certificate was not found.
    NoKey,
}

/// A certificate in a file.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct FoundKey {
    /// Whose it says it is: the first of its addresses.
    pub person: PersonRef,
    /// Its other addresses.
    pub others: Vec<String>,
    /// What can be done with it.
    pub standing: KeyStanding,
}

/// What can be done with a certificate from a file.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub enum KeyStanding {
    /// It can be taken.
    New,
    /// It is the person's known one.
    Known,
    /// The person has another one, and this one would take its place: that has to be accepted first.
    Changed,
    /// It is one's own.
    Own,
    /// Mail can't be encrypted to it.
    Unusable(Unusable),
}
