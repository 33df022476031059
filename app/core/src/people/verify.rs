//! Verifying a person's certificate: both people compare what is made of both their keys, once, for chat and mail.
//!
//! What is said of a certificate here, the person's other devices hear through a note in the mailbox. A note pins as
//! verifying does, but never takes the place of another certificate that is pinned on the device: that remains a change,
//! which the person has to look at there.

use crate::{
    Error, Millis,
    chat::records::{Contact, PersonRecord},
    identity::{Fingerprint, safety_number},
    mail::certificates,
    mailbox::{address::normalise, keyring::asked_about, records::Note},
    memory::{Batch, Memory},
};
use haven_bridge::{Comparison, Event, Failure, PersonRef, SafetyNumber};
use haven_wire::ids::MessageId;
use qrcodegen::{QrCode, QrCodeEcc};

/// How an intent ended: outer errors undo the whole verb, inner ones are told to the person.
type Told = Result<Result<(), Failure>, Error>;

impl Memory {
    /// The address and certificate that a view model names.
    pub fn person_named(who: &PersonRef) -> Option<PersonRecord> {
        let fingerprint = Fingerprint::from_hex(&who.fingerprint)?;
        Some(PersonRecord { fingerprint, address: normalise(&who.address)? })
    }

    /// What to compare with a person.
    pub fn comparison(&self, person: &PersonRecord, now: Millis) -> Result<Comparison, Error> {
        let Some(digits) = self.safety_digits(person)? else {
            let known = self.mail.keys(&person.address);
            let contact = self.contacts.get(&person.fingerprint);
            let asked = known.is_some_and(|keys| asked_about(keys, contact, now));
            return Ok(if asked { Comparison::NoKey } else { Comparison::Asking });
        };
        let code =
            QrCode::encode_text(&digits, QrCodeEcc::Medium).map_err(|_| Error::Bug("a long QR code"))?;
        let row = |y| (0..code.size()).map(|x| code.get_module(x, y)).collect();
        let code = (0..code.size()).map(row).collect();
        Ok(Comparison::Number(SafetyNumber { digits, code }))
    }

    fn safety_digits(&self, person: &PersonRecord) -> Result<Option<String>, Error> {
        let keys = self.mail.keys(&person.address);
        let certificate = keys.and_then(|keys| keys.of(person.fingerprint)).map(|known| &known.certificate);
        let Some(packet) = certificate.and_then(|bytes| certificates::primary_packet(bytes)) else {
            return Ok(None);
        };
        let own = self.account.secret_certificate()?.primary_packet()?;
        Ok(Some(safety_number((&self.account.address, &own), (&person.address, &packet))))
    }

    /// Says that a certificate was compared and is right (with the digits that were compared), or takes that back.
    pub fn verify(
        &mut self,
        batch: &mut Batch,
        id: MessageId,
        who: &PersonRef,
        number: Option<&str>,
        now: Millis,
    ) -> Told {
        let Some(person) = Self::person_named(who) else { return Ok(Err(Failure::NotFound)) };
        if let Some(compared) = number {
            match self.safety_digits(&person)? {
                None => return Ok(Err(Failure::NotFound)),
                Some(digits) if digits != compared => {
                    return Ok(Err(Failure::IdentityInvalid { address: person.address }));
                }
                Some(_) => {}
            }
            if self.pinned(&person.address).is_some_and(|pinned| pinned != person.fingerprint) {
                let fingerprint = person.fingerprint.to_hex();
                return Ok(Err(Failure::CertificateChanged { address: person.address, fingerprint }));
            }
        }
        self.drop_notes_of(batch, person.fingerprint)?;
        self.make_note(batch, id, Note::Verified { person, at: number.map(|_| now) })?;
        Ok(Ok(()))
    }

    /// What was said before and no other device has heard yet is not said any more: waiting notes have no order.
    fn drop_notes_of(&mut self, batch: &mut Batch, fingerprint: Fingerprint) -> Result<(), Error> {
        let about =
            |note: &Note| matches!(note, Note::Verified { person, .. } if person.fingerprint == fingerprint);
        let old = self.mail.notes.values().filter(|waiting| about(&waiting.note));
        let old: Vec<MessageId> = old.map(|waiting| waiting.id).collect();
        self.notes_taken(batch, &old)
    }

    /// Does what a note says of a certificate.
    pub fn apply_verified(
        &mut self,
        batch: &mut Batch,
        person: &PersonRecord,
        at: Option<Millis>,
    ) -> Result<(), Error> {
        if person.fingerprint == self.account.fingerprint
            || (at.is_none() && !self.contacts.contains_key(&person.fingerprint))
        {
            return Ok(());
        }
        let free = self.pinned(&person.address).is_none();
        let now = self.network.now;
        let contact = self.contacts.entry(person.fingerprint).or_insert_with(|| Contact::new(person));
        // Accepting another certificate took this away, and an older note doesn't bring it back.
        if contact.replaced || contact.verified == at {
            return Ok(());
        }
        contact.verified = at;
        let pins = free && at.is_some() && !contact.pinned;
        if pins {
            contact.pin(now);
        }
        batch.contact(contact)?;
        batch.events.push(Event::People);
        if pins { self.person_changed(batch, person.fingerprint) } else { Ok(()) }
    }
}
