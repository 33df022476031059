//! Judging what a relay says of a person before the person's devices are added.

use super::records::{Contact, PersonRecord};
use crate::{
    Millis,
    identity::{Account, AttestationClaim, Certificate, Fingerprint, device_list},
    mls::{Provider, members::verify_leaf, suite},
};
use haven_bridge::Failure;
use haven_wire::{
    ids::{DeviceId, Hash},
    keys::{ClaimedKeyPackage, ClaimedKeyPackages},
};
use openmls::prelude::{KeyPackage, KeyPackageIn, ProtocolVersion, tls_codec::DeserializeBytes as _};
use openmls_traits::OpenMlsProvider as _;
use std::collections::BTreeMap;

/// Claimed key packages, by address.
pub type Claims = BTreeMap<String, ClaimedPerson>;

/// A person whose devices can be added.
#[derive(Clone, Debug)]
pub struct ClaimedPerson {
    /// Who.
    pub person: PersonRecord,
    /// The newest device list.
    pub device_list: (u64, Hash),
    /// Devices with a good key package.
    pub devices: Vec<ClaimedDevice>,
}

impl ClaimedPerson {
    /// Oneself, without another device to add.
    pub fn nobody(account: &Account) -> Self {
        let person = PersonRecord { fingerprint: account.fingerprint, address: account.address.clone() };
        Self { person, device_list: (0, Hash([0; 32])), devices: Vec::new() }
    }
}

/// A device that can be added.
#[derive(Clone, Debug)]
pub struct ClaimedDevice {
    /// What its attestation says.
    pub claim: AttestationClaim,
    /// Pointers to Welcomes are sealed to it.
    pub inbox_key: Vec<u8>,
    /// Its key package, validated.
    pub key_package: KeyPackage,
}

/// Judges an answer for `address`. `contacts`, and for oneself the `account`, hold what was known before.
pub fn judge(
    provider: &Provider,
    contacts: &BTreeMap<Fingerprint, Contact>,
    account: &Account,
    address: &str,
    reply: &ClaimedKeyPackages,
    now: Millis,
) -> Result<ClaimedPerson, Failure> {
    let invalid = || Failure::IdentityInvalid { address: address.into() };
    let certificate = Certificate::parse(&reply.entry.certificate, now).map_err(|_| invalid())?;
    if certificate.revoked() {
        return Err(Failure::CertificateRevoked { address: address.into() });
    }
    if !certificate.claims(address) || certificate.expired(now) {
        return Err(invalid());
    }
    let fingerprint = certificate.fingerprint();
    check_pin(contacts, address, fingerprint)?;
    let list = device_list::verify(&reply.entry.device_list, &certificate).map_err(|_| invalid())?;
    let seen = if fingerprint == account.fingerprint {
        let own = &account.vault.device_list;
        Some((own.sequence, own.hash))
    } else {
        contacts.get(&fingerprint).and_then(|contact| contact.device_list)
    };
    match device_list::follows(seen, &list) {
        Ok(device_list::Succession::Ok) => {}
        _ => {
            return Err(Failure::RelayMisbehaved {
                what: format!("it shows an old device list of {address}"),
            });
        }
    }
    let device_hash = list.hash().map_err(|_| invalid())?;
    let devices: Vec<ClaimedDevice> = reply
        .key_packages
        .iter()
        .filter_map(|claimed| {
            let inbox_key = list.device(claimed.device_id)?.inbox_key.clone();
            let (key_package, claim) = validate(provider, claimed)?;
            let same = claim.fingerprint == fingerprint && claim.address == address;
            same.then_some(ClaimedDevice { claim, inbox_key, key_package })
        })
        .collect();
    if devices.is_empty() {
        return Err(Failure::NoDevice { address: address.into() });
    }
    let person = PersonRecord { fingerprint, address: address.into() };
    Ok(ClaimedPerson { person, device_list: (list.sequence, device_hash), devices })
}

/// A known address keeps its certificate, until its person accepts another.
fn check_pin(
    contacts: &BTreeMap<Fingerprint, Contact>,
    address: &str,
    fingerprint: Fingerprint,
) -> Result<(), Failure> {
    let pinned = contacts.values().find(|c| c.address == address && c.pinned && !c.replaced);
    match pinned {
        Some(contact) if contact.fingerprint != fingerprint => {
            Err(Failure::CertificateChanged { address: address.into(), fingerprint: fingerprint.to_hex() })
        }
        _ => Ok(()),
    }
}

/// A key package that MLS accepts, of the suite that was asked for, by the device it is said to be of.
fn validate(provider: &Provider, claimed: &ClaimedKeyPackage) -> Option<(KeyPackage, AttestationClaim)> {
    let parsed = KeyPackageIn::tls_deserialize_exact_bytes(&claimed.key_package).ok()?;
    let key_package = parsed.validate(provider.crypto(), ProtocolVersion::Mls10).ok()?;
    if key_package.ciphersuite() != suite::SUITE || !suite::is_capable(key_package.leaf_node()) {
        return None;
    }
    let claim = verify_leaf(key_package.leaf_node()).ok()?;
    let same_device: DeviceId = claim.device_id;
    (same_device == claimed.device_id).then_some((key_package, claim))
}
