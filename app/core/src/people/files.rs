//! Certificates that a person has in a file: from a key server's page, a colleague's website, or another program.

use crate::{
    Error, Millis,
    chat::records::PersonRecord,
    identity::Fingerprint,
    mail::certificates,
    mailbox::address::normalise,
    memory::{Batch, Memory},
};
use haven_bridge::{Event, Failure, FoundKey, KeyStanding, PersonRef, mail::KeySource};

/// Addresses of one certificate that it is taken for.
const MAX_ADDRESSES: usize = 8;

impl Memory {
    /// The certificates in a file, before any of them is taken.
    pub fn keys_in_file(&self, bytes: &[u8], now: Millis) -> Vec<FoundKey> {
        let certs = certificates::split(bytes);
        certs.iter().filter_map(|certificate| self.key_in_file(certificate, now)).collect()
    }

    fn key_in_file(&self, certificate: &[u8], now: Millis) -> Option<FoundKey> {
        let (person, others) = owner(certificate, now)?;
        let standing = self.standing(&person, certificate, now);
        Some(FoundKey { person: PersonRef::from(&person), others, standing })
    }

    fn standing(&self, person: &PersonRecord, certificate: &[u8], now: Millis) -> KeyStanding {
        if person.fingerprint == self.account.fingerprint || person.address == self.account.address {
            return KeyStanding::Own;
        }
        if let Err(why) = certificates::usable(certificate, &person.address, now) {
            return KeyStanding::Unusable(why);
        }
        let here = self.mail.keys(&person.address).is_some_and(|keys| keys.of(person.fingerprint).is_some());
        match self.pinned(&person.address) {
            Some(pinned) if pinned != person.fingerprint => KeyStanding::Changed,
            Some(_) if here => KeyStanding::Known,
            _ => KeyStanding::New,
        }
    }

    /// Takes a certificate from a file, and pins it: who adds a key by hand means it.
    pub fn add_key(
        &mut self,
        batch: &mut Batch,
        bytes: &[u8],
        fingerprint: &str,
        now: Millis,
    ) -> Result<Result<(), Failure>, Error> {
        let wanted = Fingerprint::from_hex(fingerprint);
        let of_wanted = |certificate: &Vec<u8>| {
            wanted.is_some_and(|f| certificates::fingerprint_v4(certificate) == Some(f))
        };
        let certificate = certificates::split(bytes).into_iter().find(of_wanted);
        let found = certificate.and_then(|certificate| Some((owner(&certificate, now)?, certificate)));
        let Some(((person, others), certificate)) = found else { return Ok(Err(Failure::NotFound)) };
        match self.standing(&person, &certificate, now) {
            KeyStanding::New | KeyStanding::Known => {}
            KeyStanding::Changed => {
                let fingerprint = person.fingerprint.to_hex();
                return Ok(Err(Failure::CertificateChanged { address: person.address, fingerprint }));
            }
            KeyStanding::Own | KeyStanding::Unusable(_) => {
                return Ok(Err(Failure::MailNotEncryptable { address: person.address }));
            }
        }
        for address in others.iter().chain([&person.address]) {
            // What is signed with it must not pass for one's own.
            if *address == self.account.address {
                continue;
            }
            self.add_certificates(address, &certificate, KeySource::File, now);
            self.write_keys(batch, address)?;
        }
        self.pin(batch, &person, None)?;
        batch.events.push(Event::People);
        Ok(Ok(()))
    }
}

/// Whose a certificate says it is, by its first address, and its other addresses. Nothing for one without any, or of a
/// version that can't be used.
fn owner(certificate: &[u8], now: Millis) -> Option<(PersonRecord, Vec<String>)> {
    let fingerprint = certificates::fingerprint_v4(certificate)?;
    let mut addresses: Vec<String> = Vec::new();
    for address in certificates::addresses(certificate, now).iter().filter_map(|address| normalise(address)) {
        if !addresses.contains(&address) && addresses.len() < MAX_ADDRESSES {
            addresses.push(address);
        }
    }
    let mut addresses = addresses.into_iter();
    let address = addresses.next()?;
    Some((PersonRecord { fingerprint, address }, addresses.collect()))
}
