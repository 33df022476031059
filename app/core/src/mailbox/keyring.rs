//! Which certificate a mail to an address is encrypted to, and why.
//!
//! An address may have several: from its domain, from mails, from a key server. The first that comes from the directory
//! of the address's domain is pinned, like that of a person who is known from chat; from then on another one is a
//! change, which the person has to accept. What comes with mails or from a key server is used and pins nothing.
//!
//! Anybody can write a mail in somebody's name and put a key into it. So a mail brings the first key of an address; a
//! further one only if the address's domain vouches for the mail. Signatures count as the sender's only by the
//! certificate that is pinned or, before one is, by those from the best source.

use super::{MailMemory, work::Pins};
use crate::{
    Error, Millis,
    chat::records::{Contact, PersonRecord},
    identity::{Fingerprint, address::domain},
    mail::{KnownCertificate, Offer, OfferedKey, certificates},
    memory::{Batch, Memory},
    store::Table,
};
use haven_bridge::{
    Event,
    mail::{KeySource, Outlook, RecipientState, SenderCheck, Unusable},
};
use haven_wire::mail::{FoundCertificates, Source};
use serde::{Deserialize, Serialize};

/// That the relay found nothing counts for ten minutes: whoever is asked for a key may publish one at once.
const FRESH: Millis = 10 * 60 * 1000;
/// A certificate that is known is looked up again after a day, before a mail is encrypted to it: it may have been renewed
/// or revoked.
const LOOKED_UP_EACH: Millis = 24 * 60 * 60 * 1000;
/// Certificates that are remembered for one address.
const MAX_CANDIDATES: usize = 8;

/// What is known of an address's certificates.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct AddressKeys {
    /// The address, in lower case.
    pub address: String,
    /// Certificates, in the order in which they were first seen.
    pub candidates: Vec<Candidate>,
    /// When the relay was last asked, and could ask everywhere.
    pub asked: Option<Millis>,
    /// When the relay was last asked, whether or not it could ask everywhere.
    #[serde(default)]
    pub tried: Option<Millis>,
}

/// A certificate for an address.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Candidate {
    /// The certificate: all that was seen of it.
    #[serde(with = "serde_bytes")]
    pub certificate: Vec<u8>,
    /// Its fingerprint.
    pub fingerprint: Fingerprint,
    /// The best source that it came from.
    pub source: KeySource,
    /// When it was last seen.
    pub seen: Millis,
    /// When it was first seen.
    #[serde(default)]
    pub first: Option<Millis>,
}

impl AddressKeys {
    /// Takes in a certificate: it replaces an older state of itself. If there are too many, the worst of them goes, but
    /// not `pinned`.
    fn add(&mut self, new: Candidate, pinned: Option<Fingerprint>) {
        match self.candidates.iter_mut().find(|known| known.fingerprint == new.fingerprint) {
            Some(known) => {
                let source = known.source.min(new.source);
                let certificate = certificates::merge(&known.certificate, new.certificate);
                *known = Candidate { certificate, source, first: known.first, ..new };
            }
            None => {
                self.candidates.push(new);
                if self.candidates.len() > MAX_CANDIDATES {
                    let free = |known: &&Candidate| pinned != Some(known.fingerprint);
                    let worst = self.ranked().into_iter().rev().find(free).map(|known| known.fingerprint);
                    self.candidates.retain(|known| Some(known.fingerprint) != worst);
                }
            }
        }
    }

    /// When the relay was last asked, whether or not it could ask everywhere.
    pub fn last_tried(&self) -> Option<Millis> {
        self.tried.max(self.asked)
    }

    /// The one with this fingerprint.
    pub fn of(&self, fingerprint: Fingerprint) -> Option<&Candidate> {
        self.candidates.iter().find(|known| known.fingerprint == fingerprint)
    }

    /// The best first: by source, then the one that was seen last.
    pub fn ranked(&self) -> Vec<&Candidate> {
        let mut ranked: Vec<_> = self.candidates.iter().collect();
        ranked.sort_by_key(|known| (known.source, std::cmp::Reverse(known.seen)));
        ranked
    }
}

/// What would be done with a mail to an address.
#[derive(Clone, Debug)]
pub enum Choice {
    /// It is encrypted to this certificate.
    Encrypt(Candidate),
    /// It isn't.
    Not(Outlook),
}

impl MailMemory {
    /// What is known of an address.
    pub fn keys(&self, address: &str) -> Option<&AddressKeys> {
        self.addresses.get(address)
    }
}

impl Memory {
    /// Which certificate a mail to `address` would be encrypted to.
    pub fn choose(&self, address: &str, now: Millis) -> Choice {
        let Some(address) = super::address::normalise(address) else {
            return Choice::Not(Outlook::NoAddress);
        };
        if address == self.account.address {
            return self.own_choice(now);
        }
        let nothing = AddressKeys::default();
        let known = self.mail.keys(&address).unwrap_or(&nothing);
        let choice = match self.pinned_contact(&address) {
            Some(contact) => choose_pinned(known, contact, &address, now),
            None => choose_best(known, &address, now),
        };
        match choice {
            // Whoever has an address of this relay has a certificate in its directory.
            Choice::Not(Outlook::NoKey) if self.is_local(&address) => Choice::Not(Outlook::Nobody),
            choice => choice,
        }
    }

    fn is_local(&self, address: &str) -> bool {
        let domains = (domain(address), domain(&self.account.address));
        matches!(domains, (Ok(theirs), Ok(own)) if theirs.eq_ignore_ascii_case(own))
    }

    fn own_choice(&self, now: Millis) -> Choice {
        let fingerprint = self.account.fingerprint;
        if self.key_revoked(now) {
            return Choice::Not(Outlook::Unusable(Unusable::Revoked));
        }
        match self.account.public_certificate() {
            Ok(certificate) => Choice::Encrypt(Candidate {
                certificate,
                fingerprint,
                source: KeySource::Pinned,
                seen: now,
                first: None,
            }),
            Err(_) => Choice::Not(Outlook::Unusable(Unusable::CannotEncrypt)),
        }
    }

    /// The certificate that an address has to have.
    pub fn pinned(&self, address: &str) -> Option<Fingerprint> {
        self.pinned_contact(address).map(|contact| contact.fingerprint)
    }

    fn pinned_contact(&self, address: &str) -> Option<&Contact> {
        let mut contacts = self.contacts.values();
        contacts.find(|contact| contact.address == address && contact.pinned && !contact.replaced)
    }

    /// What will happen to a mail for these recipients. Nothing: the relay has to be asked first.
    pub fn recipients(&self, addresses: &[String], now: Millis) -> Option<Vec<RecipientState>> {
        let states = self.recipients_so_far(addresses, now);
        let unsure = states.iter().any(|state| state.outlook == Outlook::Unsure);
        (!unsure).then_some(states)
    }

    /// What is known now.
    pub fn recipients_so_far(&self, addresses: &[String], now: Millis) -> Vec<RecipientState> {
        addresses.iter().map(|address| self.recipient(address, now)).collect()
    }

    fn recipient(&self, address: &str, now: Millis) -> RecipientState {
        let outlook = match self.choose(address, now) {
            Choice::Encrypt(known) => {
                Outlook::Encrypted { fingerprint: known.fingerprint.to_hex(), source: known.source }
            }
            Choice::Not(outlook) => outlook,
        };
        RecipientState { address: address.into(), outlook }
    }

    /// The addresses among these of which nothing is known, or not any more.
    pub fn unknown_addresses<'a>(
        &self,
        addresses: impl Iterator<Item = &'a String>,
        now: Millis,
    ) -> Vec<String> {
        let unsure = |address: &&String| matches!(self.choose(address, now), Choice::Not(Outlook::Unsure));
        let mut unknown: Vec<_> =
            addresses.filter(unsure).filter_map(|a| super::address::normalise(a)).collect();
        unknown.sort();
        unknown.dedup();
        unknown
    }

    /// The addresses among these whose certificate is known, and should be looked at again before it is used. What came
    /// with mails alone is not: nobody else knows of it.
    pub fn stale_addresses<'a>(
        &self,
        addresses: impl Iterator<Item = &'a String>,
        now: Millis,
    ) -> Vec<String> {
        let stale = |address: &String| {
            let tried = self.mail.keys(address).and_then(AddressKeys::last_tried);
            *address != self.account.address
                && tried.is_none_or(|tried| now >= tried + LOOKED_UP_EACH)
                && matches!(self.choose(address, now), Choice::Encrypt(known) if known.source != KeySource::Mail)
        };
        addresses.filter_map(|address| super::address::normalise(address)).filter(stale).collect()
    }

    /// The relay looked for an address's certificates.
    pub fn found_certificates(
        &mut self,
        batch: &mut Batch,
        address: &str,
        found: &FoundCertificates,
        now: Millis,
    ) -> Result<(), Error> {
        let mut first = None;
        for one in &found.found {
            let source = source(one.source);
            let accepted = self.add_certificates(address, &one.certificate, source, now);
            if matches!(source, KeySource::Directory | KeySource::Wkd) {
                first = first.or(accepted);
            }
        }
        let keys = self.keys_mut(address);
        keys.asked = (!found.incomplete).then_some(now);
        keys.tried = Some(now);
        self.write_keys(batch, address)?;
        // Somebody may be waiting to see one of them, or that there is none.
        batch.events.push(Event::People);
        match first {
            // An address keeps its certificate; `choose` says when the directory shows another one.
            Some(fingerprint) if self.pinned(address).is_none() => {
                self.pin(batch, &PersonRecord { fingerprint, address: address.into() }, None)
            }
            _ => Ok(()),
        }
    }

    /// Certificates that came with a mail. `sender` is whom it is from, `check` what its domain says to that.
    pub fn offered_certificates(
        &mut self,
        batch: &mut Batch,
        offered: &[OfferedKey],
        (sender, check): (&str, SenderCheck),
        time: Millis,
    ) -> Result<(), Error> {
        let vouched = matches!(check, SenderCheck::Local | SenderCheck::Passed);
        for key in offered {
            let Some(address) = super::address::normalise(&key.address) else { continue };
            let taken = match key.how {
                Offer::Autocrypt { .. } | Offer::Attached => {
                    key.address == sender && (vouched || self.is_welcome(&address, &key.certificate, time))
                }
                Offer::Gossip => self.mail.keys(&address).is_none(),
            };
            if taken
                && address != self.account.address
                && self.add_certificates(&address, &key.certificate, KeySource::Mail, time).is_some()
            {
                self.write_keys(batch, &address)?;
            }
        }
        Ok(())
    }

    /// Whether a certificate that nobody vouches for is taken: as the first one that can be used, or as a newer state of
    /// one that is known.
    fn is_welcome(&self, address: &str, certificate: &[u8], now: Millis) -> bool {
        let Some(known) = self.mail.keys(address) else { return true };
        let fingerprint = certificates::fingerprint_v4(certificate);
        fingerprint.is_some_and(|fingerprint| known.of(fingerprint).is_some())
            || !known.candidates.iter().any(|candidate| usable(candidate, address, now).is_ok())
    }

    /// Certificates to verify signatures with. One that doesn't count as its address's goes without the address.
    pub fn signers(&self) -> Vec<KnownCertificate> {
        let named = |address: &str, certificate| KnownCertificate { address: address.into(), certificate };
        let mut known = Vec::new();
        for keys in self.mail.addresses.values() {
            let pinned = self.pinned(&keys.address);
            let best = keys.candidates.iter().map(|candidate| candidate.source).min();
            for candidate in &keys.candidates {
                let counts = pinned.map_or(Some(candidate.source) == best, |f| f == candidate.fingerprint);
                let address = if counts { keys.address.as_str() } else { "" };
                known.push(named(address, candidate.certificate.clone()));
            }
        }
        let own = self.account.public_certificate().ok();
        known.extend(own.map(|certificate| named(&self.account.address, certificate)));
        known
    }

    /// The certificates that addresses have to have, whether or not they are here.
    pub fn pins(&self) -> Pins {
        let pinned = self.contacts.values().filter(|contact| contact.pinned && !contact.replaced);
        pinned.map(|contact| (contact.address.clone(), contact.fingerprint)).collect()
    }

    /// Takes in what a source gives for an address, and says which is the first that can be used.
    pub fn add_certificates(
        &mut self,
        address: &str,
        bytes: &[u8],
        source: KeySource,
        now: Millis,
    ) -> Option<Fingerprint> {
        let mut first = None;
        for certificate in certificates::split(bytes) {
            // A key server checks addresses itself, and may leave them out.
            if source != KeySource::KeyServer && !certificates::names(&certificate, address, now) {
                continue;
            }
            let Some(fingerprint) = certificates::fingerprint_v4(&certificate) else { continue };
            let candidate = Candidate { certificate, fingerprint, source, seen: now, first: Some(now) };
            let good = usable(&candidate, address, now).is_ok();
            let pinned = self.pinned(address);
            self.keys_mut(address).add(candidate, pinned);
            first = first.or(good.then_some(fingerprint));
        }
        first
    }

    fn keys_mut(&mut self, address: &str) -> &mut AddressKeys {
        let new = || AddressKeys { address: address.into(), ..AddressKeys::default() };
        self.mail.addresses.entry(address.into()).or_insert_with(new)
    }

    /// Stores what is known of an address.
    pub fn write_keys(&self, batch: &mut Batch, address: &str) -> Result<(), Error> {
        let suffix = haven_wire::ids::Hash::of(address.as_bytes()).0.to_vec();
        batch.put(Table::Contacts, b"mail keys", suffix, self.mail.addresses.get(address))
    }
}

/// A known person keeps the certificate.
fn choose_pinned(known: &AddressKeys, contact: &Contact, address: &str, now: Millis) -> Choice {
    let pinned = contact.fingerprint;
    let changed = || {
        let ranked = known.ranked();
        let other =
            ranked.iter().find(|other| other.fingerprint != pinned && usable(other, address, now).is_ok());
        other.map(|other| Unusable::Changed { fingerprint: other.fingerprint.to_hex() })
    };
    match known.of(pinned) {
        Some(candidate) if let Some(fingerprint) = superseded(known, candidate, address, now) => {
            Choice::Not(Outlook::Unusable(Unusable::Changed { fingerprint }))
        }
        Some(candidate) => match usable(candidate, address, now) {
            Ok(certificate) => {
                let source = match candidate.source {
                    _ if contact.verified.is_some() => KeySource::Verified,
                    KeySource::File => KeySource::File,
                    _ => KeySource::Pinned,
                };
                Choice::Encrypt(Candidate { certificate, source, ..candidate.clone() })
            }
            // It may have been renewed.
            Err(_) if known.last_tried().is_none_or(|tried| now >= tried + FRESH) => {
                Choice::Not(Outlook::Unsure)
            }
            Err(why) => Choice::Not(Outlook::Unusable(changed().unwrap_or(why))),
        },
        None if !asked_about(known, Some(contact), now) => Choice::Not(Outlook::Unsure),
        None => Choice::Not(changed().map_or(Outlook::NoKey, Outlook::Unusable)),
    }
}

/// The certificate that a directory shows by now in place of the one that it showed before.
fn superseded(known: &AddressKeys, before: &Candidate, address: &str, now: Millis) -> Option<String> {
    let published = |candidate: &Candidate| matches!(candidate.source, KeySource::Directory | KeySource::Wkd);
    let newer = |other: &&Candidate| {
        published(other) && other.seen > before.seen && usable(other, address, now).is_ok()
    };
    let newer = known.candidates.iter().filter(newer).max_by_key(|other| other.seen);
    newer.filter(|_| published(before)).map(|other| other.fingerprint.to_hex())
}

fn choose_best(known: &AddressKeys, address: &str, now: Millis) -> Choice {
    let ranked = known.ranked();
    for best in &ranked {
        if let Ok(certificate) = usable(best, address, now) {
            return Choice::Encrypt(Candidate { certificate, ..(*best).clone() });
        }
    }
    if !asked(known, now) {
        return Choice::Not(Outlook::Unsure);
    }
    let why = ranked.first().and_then(|best| usable(best, address, now).err());
    Choice::Not(why.map_or(Outlook::NoKey, Outlook::Unusable))
}

/// The part of a certificate that is encrypted to.
pub fn usable(candidate: &Candidate, address: &str, now: Millis) -> Result<Vec<u8>, Unusable> {
    let Candidate { certificate, source, .. } = candidate;
    let judged = match source {
        KeySource::KeyServer if !certificates::names(certificate, address, now) => {
            certificates::usable_unnamed(certificate, now)
        }
        _ => certificates::usable(certificate, address, now),
    };
    judged.map(|usable| usable.certificate)
}

/// Whether the relay was asked not long ago, and since the certificate is the one of its address.
pub fn asked_about(known: &AddressKeys, contact: Option<&Contact>, now: Millis) -> bool {
    let since = contact.and_then(|contact| contact.since);
    asked(known, now) && known.asked >= since
}

/// Whether the relay was asked not long ago, and could ask everywhere.
fn asked(known: &AddressKeys, now: Millis) -> bool {
    known.asked.is_some_and(|asked| now < asked + FRESH)
}

fn source(source: Source) -> KeySource {
    match source {
        Source::Directory => KeySource::Directory,
        Source::Wkd => KeySource::Wkd,
        Source::KeyServer => KeySource::KeyServer,
    }
}
