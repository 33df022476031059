//! The account of this device: all that it needs to be one of its person's devices.

use super::{
    DeviceEntry, DeviceList, Error, Fingerprint, Secret, SecretCertificate,
    certificate::Certificate,
    device_list::{self, Succession},
    recovery::{RecoveryPhrase, same_word},
    vault::{SeenDeviceList, VaultBody, VaultKey},
};
use crate::Millis;
use haven_wire::{
    account::Vault,
    ids::{DeviceId, SessionToken},
    keys::{DirectoryEntry, PutDeviceList, SignedDeviceList},
};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// The account, as the engine stores it in one sealed record.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Account {
    /// The origin of the person's relay.
    pub origin: String,
    /// The person's address.
    pub address: String,
    /// The person's certificate.
    pub fingerprint: Fingerprint,
    /// This device.
    pub device_id: DeviceId,
    /// What this device is called.
    pub device_label: String,
    /// When this device signed in, by its own clock.
    pub created: Millis,
    /// This device's session with the relay.
    pub session: SessionToken,
    /// Opens what is sealed to this device's inbox.
    pub inbox_secret: Secret,
    /// Its public key.
    #[serde(with = "serde_bytes")]
    pub inbox_key: Vec<u8>,
    /// The vault's key.
    pub vault_key: VaultKey,
    /// The highest version of the vault that this device has seen.
    pub vault_version: u64,
    /// What is in the vault.
    pub vault: VaultBody,
    /// The last device list that was seen.
    pub device_list: SignedDeviceList,
}

impl Account {
    /// The certificate with its secret keys.
    pub fn secret_certificate(&self) -> Result<SecretCertificate, Error> {
        SecretCertificate::from_bytes(&self.vault.certificate)
    }

    /// The certificate as everybody sees it.
    pub fn public_certificate(&self) -> Result<Vec<u8>, Error> {
        self.secret_certificate()?.public_bytes()
    }

    /// The words of the recovery phrase.
    pub fn phrase_words(&self) -> Result<Vec<String>, Error> {
        self.phrase()?.words()
    }

    /// Whether these words of the recovery phrase are right: pairs of position (from 0) and what was typed. At least
    /// one has to be asked.
    pub fn phrase_check(&self, typed: &[(u8, String)]) -> bool {
        let Ok(words) = self.phrase_words().map(Zeroizing::new) else {
            return false;
        };
        let right = |(place, word): &(u8, String)| {
            let expected = words.get(usize::from(*place));
            expected.is_some_and(|expected| same_word(word, expected))
        };
        !typed.is_empty() && typed.iter().all(right)
    }

    /// The recovery phrase.
    pub fn phrase(&self) -> Result<RecoveryPhrase, Error> {
        RecoveryPhrase::from_entropy(&self.vault.recovery)
    }

    /// Seals [`Self::vault`] as the version after the one that was seen. When the relay has taken it, set
    /// [`Self::vault_version`] to its version; after a conflict, [`Self::open_vault`] what the relay holds, merge, and
    /// seal again.
    pub fn seal_vault(&self) -> Result<Vault, Error> {
        let version = self.vault_version.saturating_add(1);
        self.vault_key.seal(&self.address, version, &self.vault)
    }

    /// Opens the vault that the relay holds. Refuses a version lower than [`Self::vault_version`].
    pub fn open_vault(&self, vault: &Vault) -> Result<VaultBody, Error> {
        self.vault_key.open(&self.address, vault, self.vault_version)
    }

    /// Verifies this person's own directory entry, and that its device list is not older than the last one seen and
    /// doesn't contradict it. The relay has no way to make this fail but to be wrong.
    pub fn verify_own_entry(&self, entry: &DirectoryEntry, now: Millis) -> Result<DeviceList, Error> {
        let certificate = Certificate::parse(&entry.certificate, now)?;
        if certificate.fingerprint() != self.fingerprint {
            return Err(Error::Mismatch("certificate"));
        }
        if !certificate.claims(&self.address) {
            return Err(Error::Mismatch("address"));
        }
        let list = device_list::verify(&entry.device_list, &certificate)?;
        self.check_succession(&list).map(|()| list)
    }

    /// Makes the device list that follows the one in `entry` and has this device in it; nothing if it is in already.
    ///
    /// When the relay has taken it, call [`Self::saw_device_list`]. After a conflict or a lost answer, look the entry
    /// up and call this again.
    pub fn join_device_list(
        &self,
        entry: &DirectoryEntry,
        now: Millis,
    ) -> Result<Option<PutDeviceList>, Error> {
        let list = self.verify_own_entry(entry, now)?;
        if list.device(self.device_id).is_some() {
            return Ok(None);
        }
        let mut devices = list.devices.clone();
        devices.push(self.device_entry());
        self.put_device_list(&list.next(devices)?, now).map(Some)
    }

    /// Makes the device list that follows the one in `entry` and doesn't have `device` in it; nothing if it isn't in
    /// anyway. As with [`Self::join_device_list`].
    pub fn remove_device(
        &self,
        entry: &DirectoryEntry,
        device: DeviceId,
        now: Millis,
    ) -> Result<Option<PutDeviceList>, Error> {
        let list = self.verify_own_entry(entry, now)?;
        if list.device(device).is_none() {
            return Ok(None);
        }
        let mut devices = list.devices.clone();
        devices.retain(|entry| entry.device_id != device);
        self.put_device_list(&list.next(devices)?, now).map(Some)
    }

    /// Remembers a device list of this person: one that the relay took or gave. It is verified, and must not be older
    /// than the last one seen, nor contradict it.
    pub fn saw_device_list(&mut self, signed: &SignedDeviceList) -> Result<DeviceList, Error> {
        let list = device_list::verify_by(signed, self.secret_certificate()?.primary())?;
        self.check_succession(&list)?;
        self.vault.device_list = SeenDeviceList { sequence: list.sequence, hash: list.hash()? };
        self.device_list = signed.clone();
        Ok(list)
    }

    /// This device's entry in a device list.
    pub fn device_entry(&self) -> DeviceEntry {
        DeviceEntry { device_id: self.device_id, inbox_key: self.inbox_key.clone(), created: self.created }
    }

    fn put_device_list(&self, list: &DeviceList, now: Millis) -> Result<PutDeviceList, Error> {
        let device_list = list.sign(&self.secret_certificate()?, now)?;
        Ok(PutDeviceList { device_list })
    }

    fn check_succession(&self, list: &DeviceList) -> Result<(), Error> {
        let seen = self.vault.device_list;
        match device_list::follows(Some((seen.sequence, seen.hash)), list)? {
            Succession::Ok => Ok(()),
            Succession::RolledBack => Err(Error::DeviceListRolledBack),
            Succession::Equivocates => Err(Error::DeviceListEquivocates),
        }
    }
}
