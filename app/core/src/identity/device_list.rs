//! Device lists: which devices a person says are live.
//!
//! A list is signed by the primary key, numbered, and names its predecessor by hash. Relays store the newest by
//! compare-and-set and can't make one; what they could do, giving some people an old list or others another one, is
//! what [`follows`] notices.

use super::{Certificate, Error, PrimaryKey, SecretCertificate, statement::Purpose};
use crate::Millis;
use haven_wire::{
    decode, encode,
    ids::{DeviceId, Hash},
    keys::SignedDeviceList,
    limits::MAX_DEVICE_LIST,
};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use std::collections::HashSet;

/// Devices of one person.
pub const MAX_DEVICES: usize = 64;
/// An HPKE public key of an inbox (X25519), in bytes.
pub const INBOX_KEY: usize = 32;

const PURPOSE: Purpose = Purpose { prefix: b"haven device list 1\n", notation: "device-list@haven.invalid" };

/// A person's live devices.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct DeviceList {
    /// Grows by one with each list. The first is 1.
    pub sequence: u64,
    /// [`DeviceList::hash`] of the list before it. The first has none.
    pub previous: Option<Hash>,
    /// The devices.
    pub devices: Vec<DeviceEntry>,
}

/// A device in a [`DeviceList`].
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct DeviceEntry {
    /// The device.
    pub device_id: DeviceId,
    /// Where pointers to it are sealed to: an HPKE public key.
    #[serde(with = "serde_bytes")]
    pub inbox_key: Vec<u8>,
    /// When it joined the list, by its own clock.
    pub created: Millis,
}

/// The document of a signed list: the list and the signature packet.
#[derive(Serialize, Deserialize)]
struct Document(ByteBuf, ByteBuf);

impl DeviceList {
    /// The first list.
    pub fn first(device: DeviceEntry) -> Self {
        Self { sequence: 1, previous: None, devices: vec![device] }
    }

    /// The list after this one, with other devices.
    pub fn next(&self, devices: Vec<DeviceEntry>) -> Result<Self, Error> {
        let next = Self { sequence: self.sequence.saturating_add(1), previous: Some(self.hash()?), devices };
        next.check().map(|()| next)
    }

    /// The entry of a device.
    pub fn device(&self, id: DeviceId) -> Option<&DeviceEntry> {
        self.devices.iter().find(|entry| entry.device_id == id)
    }

    /// The hash of the list's content. It is the same for two signatures over one list.
    pub fn hash(&self) -> Result<Hash, Error> {
        Ok(Hash::of(&self.to_bytes()?))
    }

    /// Signs the list.
    pub fn sign(&self, secret: &SecretCertificate, now: Millis) -> Result<SignedDeviceList, Error> {
        self.check()?;
        let list = self.to_bytes()?;
        let signature = PURPOSE.sign(secret, &list, now)?;
        let document = Document(ByteBuf::from(list), ByteBuf::from(signature));
        Ok(SignedDeviceList {
            sequence: self.sequence,
            document: encode(&document).map_err(|_| Error::Bug("encoding a device list"))?,
        })
    }

    fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        encode(self).map_err(|_| Error::Bug("encoding a device list"))
    }

    /// What must hold for every list.
    fn check(&self) -> Result<(), Error> {
        if self.devices.len() > MAX_DEVICES {
            return Err(Error::TooManyDevices);
        }
        if self.sequence == 0 || (self.sequence == 1) != self.previous.is_none() {
            return Err(Error::BadStatement("sequence"));
        }
        let mut ids = HashSet::new();
        let mut devices = self.devices.iter();
        if !devices.all(|d| d.inbox_key.len() == INBOX_KEY && ids.insert(d.device_id)) {
            return Err(Error::BadStatement("devices"));
        }
        Ok(())
    }
}

/// Verifies that `signed` is a device list by the owner of `certificate`.
pub fn verify(signed: &SignedDeviceList, certificate: &Certificate) -> Result<DeviceList, Error> {
    verify_by(signed, certificate.primary()?)
}

/// Verifies that `signed` is a device list by the owner of `primary`.
pub fn verify_by(signed: &SignedDeviceList, primary: &PrimaryKey) -> Result<DeviceList, Error> {
    let Document(bytes, signature) = document(signed)?;
    let list: DeviceList = decode(&bytes).map_err(|_| Error::BadStatement("device list"))?;
    if list.to_bytes()? != bytes.as_slice() || list.sequence != signed.sequence {
        return Err(Error::BadStatement("device list"));
    }
    list.check()?;
    PURPOSE.verify(primary, &bytes, &signature)?;
    Ok(list)
}

/// [`DeviceList::hash`] of a list that isn't verified here.
pub fn hash_of(signed: &SignedDeviceList) -> Result<Hash, Error> {
    Ok(Hash::of(&document(signed)?.0))
}

fn document(signed: &SignedDeviceList) -> Result<Document, Error> {
    if signed.document.len() > MAX_DEVICE_LIST {
        return Err(Error::TooLarge);
    }
    decode(&signed.document).map_err(|_| Error::BadStatement("not CBOR"))
}

/// How a list stands to the last one seen.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Succession {
    /// It is the same, the next, or a later one.
    Ok,
    /// It is older: the relay was restored from a backup, or hides the newer one.
    RolledBack,
    /// Two lists of one number have different content, or the next one names another predecessor: the primary key is in
    /// other hands, or the relay shows different lists to different people.
    Equivocates,
}

/// Compares a verified list with the number and hash of the last one seen. `None`: none was seen yet.
///
/// When lists in between were missed, their hashes aren't known and the chain can't be followed; a fork there is found
/// by a device that saw them.
pub fn follows(previous: Option<(u64, Hash)>, new: &DeviceList) -> Result<Succession, Error> {
    let Some((sequence, hash)) = previous else {
        return Ok(Succession::Ok);
    };
    Ok(if new.sequence < sequence {
        Succession::RolledBack
    } else if new.sequence == sequence {
        equal(new.hash()? == hash)
    } else if new.sequence == sequence.saturating_add(1) {
        equal(new.previous == Some(hash))
    } else {
        Succession::Ok
    })
}

fn equal(equal: bool) -> Succession {
    if equal { Succession::Ok } else { Succession::Equivocates }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Millis = 1_795_305_600_000;

    fn person(address: &str) -> (SecretCertificate, Certificate) {
        let secret = SecretCertificate::generate(address, NOW).unwrap().0;
        let certificate = Certificate::parse(&secret.public_bytes().unwrap(), NOW).unwrap();
        (secret, certificate)
    }

    fn entry(number: u8) -> DeviceEntry {
        DeviceEntry { device_id: DeviceId([number; 16]), inbox_key: vec![number; INBOX_KEY], created: NOW }
    }

    #[test]
    fn a_list_says_what_was_signed() {
        let (alice, certificate) = person("alice@example.org");
        let first = DeviceList::first(entry(1));
        let second = first.next(vec![entry(1), entry(2)]).unwrap();
        for list in [first, second] {
            let signed = list.sign(&alice, NOW).unwrap();
            assert_eq!(hash_of(&signed).unwrap(), list.hash().unwrap());
            assert_eq!(verify(&signed, &certificate).unwrap(), list);
        }
    }

    #[test]
    fn nobody_else_can_sign_it_and_nothing_can_be_changed() {
        let (alice, certificate) = person("alice@example.org");
        let (mallory, _) = person("alice@example.org");
        let list = DeviceList::first(entry(1));
        let forged = list.sign(&mallory, NOW).unwrap();
        assert_eq!(verify(&forged, &certificate), Err(Error::Mismatch("certificate")));

        let signed = list.sign(&alice, NOW).unwrap();
        let renumbered = SignedDeviceList { sequence: 2, ..signed.clone() };
        assert_eq!(verify(&renumbered, &certificate), Err(Error::BadStatement("device list")));
        for at in 0..signed.document.len() {
            let mut changed = signed.clone();
            changed.document[at] ^= 1;
            assert!(verify(&changed, &certificate).is_err(), "{at}");
            changed.document.truncate(at);
            assert!(verify(&changed, &certificate).is_err(), "{at}");
        }
    }

    #[test]
    fn lists_that_make_no_sense_are_not_signed() {
        let (alice, _) = person("alice@example.org");
        let first = DeviceList::first(entry(1));
        let twice = DeviceList { devices: vec![entry(1), entry(1)], ..first.clone() };
        assert_eq!(twice.sign(&alice, NOW), Err(Error::BadStatement("devices")));
        let mut short = first.clone();
        short.devices[0].inbox_key.pop();
        assert_eq!(short.sign(&alice, NOW), Err(Error::BadStatement("devices")));
        for (sequence, previous) in [(0, None), (2, None), (1, Some(Hash([0; 32])))] {
            let odd = DeviceList { sequence, previous, ..first.clone() };
            assert_eq!(odd.sign(&alice, NOW), Err(Error::BadStatement("sequence")), "{sequence}");
        }
        let many: Vec<DeviceEntry> = (0..=MAX_DEVICES as u8).map(entry).collect();
        assert_eq!(first.next(many.clone()), Err(Error::TooManyDevices));
        let full = first.next(many[1..].to_vec()).unwrap().sign(&alice, NOW).unwrap();
        assert!(full.document.len() < MAX_DEVICE_LIST, "{}", full.document.len());
    }

    #[test]
    fn an_old_list_and_another_list_are_told_apart() {
        let first = DeviceList::first(entry(1));
        let second = first.next(vec![entry(1), entry(2)]).unwrap();
        let third = second.next(vec![entry(2)]).unwrap();
        let other_second = first.next(vec![entry(3)]).unwrap();
        let other_third = other_second.next(vec![entry(2)]).unwrap();
        let seen = |list: &DeviceList| Some((list.sequence, list.hash().unwrap()));
        let verdict = |seen, new: &DeviceList| follows(seen, new).unwrap();
        assert_eq!(verdict(None, &second), Succession::Ok);
        assert_eq!(verdict(seen(&first), &second), Succession::Ok);
        assert_eq!(verdict(seen(&second), &second), Succession::Ok);
        assert_eq!(verdict(seen(&first), &third), Succession::Ok);
        assert_eq!(verdict(seen(&second), &first), Succession::RolledBack);
        assert_eq!(verdict(seen(&second), &other_second), Succession::Equivocates);
        assert_eq!(verdict(seen(&second), &other_third), Succession::Equivocates);
    }

    #[test]
    fn two_signatures_over_one_list_are_one_list() {
        let (alice, _) = person("alice@example.org");
        let list = DeviceList::first(entry(1));
        let (one, two) = (list.sign(&alice, NOW).unwrap(), list.sign(&alice, NOW + 1000).unwrap());
        assert_ne!(one.document, two.document);
        assert_eq!(hash_of(&one).unwrap(), hash_of(&two).unwrap());
    }
}
