//! What belongs to people and their devices: key packages, vaults, device lists, certificates.

use super::Inner;
use haven_wire::{
    Refusal,
    account::{Done, Vault},
    ids::*,
    keys::*,
};
use std::collections::{BTreeSet, VecDeque};

#[derive(Clone, Default)]
pub(super) struct Pool {
    pub(super) one_time: VecDeque<Vec<u8>>,
    pub(super) last_resort: Option<Vec<u8>>,
    pub(super) last_resort_used: bool,
    pub(super) published: BTreeSet<Hash>,
}

impl Inner {
    pub(super) fn claim(&mut self, call: ClaimKeyPackages) -> Result<ClaimedKeyPackages, Refusal> {
        let entry = self.entries.get(&call.address).cloned().ok_or(Refusal::NotFound)?;
        let mut key_packages = Vec::new();
        for device_id in self.devices.get(&call.address).cloned().unwrap_or_default() {
            let Some(pool) = self.pools.get_mut(&device_id) else { continue };
            // In no particular order, as the real one.
            let first = (0..pool.one_time.len()).min_by_key(|index| Hash::of(&pool.one_time[*index]));
            let taken = first.and_then(|index| pool.one_time.remove(index)).or_else(|| {
                pool.last_resort_used = true;
                pool.last_resort.clone()
            });
            key_packages.extend(taken.map(|key_package| ClaimedKeyPackage { device_id, key_package }));
        }
        Ok(ClaimedKeyPackages { entry, key_packages })
    }

    pub(super) fn put_vault(&mut self, vault: Vault, address: &str) -> Result<Done, Refusal> {
        // A person's vault of version 1 comes with the sign-up, which tests leave out.
        let current = self.vaults.get(address).map_or(1, |vault| vault.version);
        if vault.version != current + 1 {
            return Err(Refusal::Conflict { current });
        }
        self.vaults.insert(address.into(), vault);
        Ok(Done {})
    }

    pub(super) fn put_device_list(&mut self, list: SignedDeviceList, address: &str) -> Result<Done, Refusal> {
        let entry = self.entries.get_mut(address).ok_or(Refusal::NotSignedIn)?;
        let current = entry.device_list.sequence;
        if list.sequence != current + 1 && list != entry.device_list {
            return Err(Refusal::Conflict { current });
        }
        entry.device_list = list;
        Ok(Done {})
    }

    pub(super) fn remove_device(
        &mut self,
        device: DeviceId,
        list: Option<SignedDeviceList>,
        address: &str,
    ) -> Result<Done, Refusal> {
        if !self.devices.get(address).is_some_and(|devices| devices.contains(&device)) {
            return Err(Refusal::NotFound);
        }
        if let Some(list) = list {
            self.put_device_list(list, address)?;
        }
        self.devices.entry(address.into()).or_default().retain(|other| *other != device);
        self.pools.remove(&device);
        self.inboxes.remove(&device);
        self.signed_out.insert(device);
        Ok(Done {})
    }

    pub(super) fn put_certificate(&mut self, call: PutCertificate, address: &str) -> Result<Done, Refusal> {
        let entry = self.entries.get_mut(address).ok_or(Refusal::NotSignedIn)?;
        if entry.certificate != call.certificate {
            if Hash::of(&entry.certificate) != call.replaces {
                return Err(Refusal::Conflict { current: 0 });
            }
            entry.certificate = call.certificate;
        }
        Ok(Done {})
    }

    pub(super) fn count(&self, device: DeviceId) -> KeyPackageCount {
        let pool = self.pools.get(&device);
        KeyPackageCount {
            one_time: pool.map_or(0, |pool| pool.one_time.len() as u32),
            last_resort_fresh: pool.is_some_and(|pool| pool.last_resort.is_some() && !pool.last_resort_used),
        }
    }

    pub(super) fn publish(&mut self, call: PublishKeyPackages, device: DeviceId) -> KeyPackageCount {
        let pool = self.pools.entry(device).or_default();
        for bytes in call.one_time {
            // One that was published before is not taken again: it may have been given out.
            if pool.published.insert(Hash::of(&bytes)) {
                pool.one_time.push_back(bytes.into_vec());
            }
        }
        if let Some(last_resort) = call.last_resort.map(|bytes| bytes.into_vec()) {
            // The same one again stays used, if it was.
            pool.last_resort_used &= pool.last_resort.as_ref() == Some(&last_resort);
            pool.last_resort = Some(last_resort);
        }
        self.count(device)
    }
}
