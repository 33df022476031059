//! The person's own certificate, through the years: renewed by whichever device notices first, published, revoked.
//!
//! A change is made here, in the vault, and in the directory of the relay, in this order. Devices that change it at the
//! same time meet in the vault, where the signatures of both are kept; so it doesn't matter how many of them do it.

use crate::{
    Error, Millis,
    engine::Engine,
    identity::{Certificate, SecretCertificate},
    memory::{Batch, Memory},
    network::Purpose,
    request::{Outgoing, Request},
    store::{Store, Table},
};
use haven_bridge::{Event, Session};
use haven_wire::{
    ids::Hash,
    keys::{DirectoryEntry, Lookup, PutCertificate},
};

/// It is looked at so often whether the certificate has to be renewed, and what the directory holds.
const JUDGED_EACH: Millis = 6 * 60 * 60 * 1000;
/// A relay that can't take the certificate is asked again after this.
pub(crate) const PAUSE: Millis = 60 * 60 * 1000;

impl Memory {
    /// The certificate is another one from now on.
    fn change_certificate(&mut self, batch: &mut Batch, changed: &SecretCertificate) -> Result<(), Error> {
        self.account.vault.certificate = changed.to_bytes()?.into();
        self.vault_changed(batch)?;
        self.certificate_changed(batch)
    }

    fn certificate_changed(&mut self, batch: &mut Batch) -> Result<(), Error> {
        let line = &mut self.network.certificate;
        (line.due, line.changed, line.noted) = (true, true, true);
        batch.put(Table::Meta, b"certificate_due", Vec::new(), Some(&true))?;
        batch.events.push(Event::Session(Session::SignedIn(self.me()?)));
        Ok(())
    }

    /// Takes in what another device did to the certificate. One that is damaged, or another person's, is passed over:
    /// then this device's goes into the vault.
    pub fn join_certificate(&mut self, batch: &mut Batch, theirs: &[u8]) -> Result<(), Error> {
        let ours = self.account.secret_certificate()?;
        let theirs = SecretCertificate::from_bytes(theirs).and_then(|theirs| theirs.public_bytes());
        let Ok(joined) = theirs.and_then(|theirs| ours.joined(&theirs)) else { return Ok(()) };
        let joined = joined.to_bytes()?.into();
        if self.account.vault.certificate == joined {
            return Ok(());
        }
        self.account.vault.certificate = joined;
        self.certificate_changed(batch)
    }

    /// The request that brings the directory up to date, if one is due: first what it holds, then what it should.
    pub fn certificate_request(&mut self) -> Result<Option<Outgoing>, Error> {
        let line = &self.network.certificate;
        let waits = !line.due || !line.retry.due(self.network.now);
        if waits || self.network.under_way(|p| matches!(p, Purpose::Certificate)) {
            return Ok(None);
        }
        let replaces = line.held.as_deref().map(Hash::of);
        self.network.certificate.changed = false;
        let request = match replaces {
            None => Request::Lookup(Lookup { address: self.account.address.clone() }),
            Some(replaces) => {
                let certificate = self.account.public_certificate()?;
                Request::PutCertificate(PutCertificate { certificate, replaces })
            }
        };
        Ok(Some(self.network.start(&self.account.origin, Purpose::Certificate, None, request)))
    }

    /// The person withdraws the certificate: its keys are in other hands. That can't be taken back.
    pub fn revoke_key(&mut self, batch: &mut Batch, now: Millis) -> Result<(), Error> {
        let own = self.account.secret_certificate()?;
        if own.revoked(now) {
            return Ok(());
        }
        self.change_certificate(batch, &own.revoked_as_stolen(now)?)
    }

    /// Whether the person has withdrawn the certificate.
    pub fn key_revoked(&self, now: Millis) -> bool {
        self.account.secret_certificate().is_ok_and(|own| own.revoked(now))
    }
}

impl<S: Store> Engine<S> {
    /// Renews the certificate when less than half of its validity is left. The directory is looked at as well: another
    /// device may have revoked it, or the relay may have lost it.
    pub(crate) async fn renew_certificate(&mut self) -> Result<Vec<Event>, Error> {
        let now = self.memory.network.now;
        let line = &mut self.memory.network.certificate;
        if line.judged.is_some_and(|judged| now < judged + JUDGED_EACH) {
            return Ok(Vec::new());
        }
        (line.judged, line.due) = (Some(now), true);
        let own = self.memory.account.secret_certificate()?;
        if !own.renewal_due(now) {
            return Ok(Vec::new());
        }
        let renewed = own.renewed(now)?;
        let work = |memory: &mut Memory, batch: &mut Batch| memory.change_certificate(batch, &renewed);
        Ok(self.verb(now, work).await?.1)
    }

    /// The relay has said what its directory holds for this person. What another device has published is kept.
    pub(crate) async fn own_entry_came(
        &mut self,
        entry: DirectoryEntry,
        now: Millis,
    ) -> Result<Vec<Event>, Error> {
        let joined = self.own_certificate_came(entry.certificate.clone(), now).await?;
        Ok([joined, self.own_list_came(&entry, now).await?].concat())
    }

    async fn own_certificate_came(&mut self, held: Vec<u8>, now: Millis) -> Result<Vec<Event>, Error> {
        let own = self.memory.account.secret_certificate()?;
        let strange = Certificate::parse(&held, now)
            .is_ok_and(|shown| shown.fingerprint() != self.memory.account.fingerprint);
        if strange {
            // The relay was restored, or lies. Whoever looks this person up is stopped by the pin; nothing is to be
            // done here but to ask again.
            let retry = &mut self.memory.network.certificate.retry;
            retry.later(now);
            retry.at_least(now + PAUSE);
            return Ok(Vec::new());
        }
        // What can't be read at all is replaced.
        let joined = own.joined(&held).unwrap_or_else(|_| own.clone());
        let events = if joined.to_bytes()? == own.to_bytes()? {
            Vec::new()
        } else {
            let work = |memory: &mut Memory, batch: &mut Batch| memory.change_certificate(batch, &joined);
            self.verb(now, work).await?.1
        };
        if joined.public_bytes()? == held {
            self.memory.network.certificate.changed = false;
            return Ok([events, self.certificate_published(now).await?].concat());
        }
        self.memory.network.certificate.held = Some(held);
        Ok(events)
    }

    /// The directory holds the certificate as it was sent. What changed meanwhile is due again.
    pub(crate) async fn certificate_published(&mut self, now: Millis) -> Result<Vec<Event>, Error> {
        let line = &mut self.memory.network.certificate;
        (line.due, line.held) = (line.changed, None);
        line.retry.clear();
        if line.due || !line.noted {
            return Ok(Vec::new());
        }
        let work = |memory: &mut Memory, batch: &mut Batch| {
            memory.network.certificate.noted = false;
            batch.put::<bool>(Table::Meta, b"certificate_due", Vec::new(), None)
        };
        Ok(self.verb(now, work).await?.1)
    }
}
