//! This person's other devices: seen, asked to make room, taken off, and taken out of the conversations.
//!
//! A device that signs out, or that another one removes, is taken off the signed list and off the relay in one call
//! ([`remove_device`]). The devices that are left notice when they next see the list, and take it out of their conversations,
//! where any leaf of a person may do that.

use crate::{
    Error, Millis,
    chat::records::{Change, State, Task},
    engine::Engine,
    identity::{Account, DeviceEntry, DeviceList, Error as IdentityError, device_list::verify_by},
    memory::{Batch, Memory},
    network::Purpose,
    request::{Caller, Rejection},
    store::{Store, Table},
};
use haven_bridge::{ConversationId, DeviceView, Event, Failure};
use haven_wire::{
    Refusal,
    account::{RevokeDevice, SignOut, Vault},
    ids::DeviceId,
    keys::{DirectoryEntry, Lookup, PutDeviceList},
    limits::MAX_DEVICES,
};
use std::collections::BTreeSet;

/// How often a list is made anew because another device was faster.
const TRIES: u32 = 4;

/// Ends a device's session with the relay, and takes it off the person's list: this device itself, or another one.
/// Gives what the directory then holds. It may be said again, whatever came of it before.
pub async fn remove_device(
    account: &Account,
    device: DeviceId,
    caller: &impl Caller,
    now: Millis,
) -> Result<DirectoryEntry, Failure> {
    let origin = &account.origin;
    for _ in 0..TRIES {
        let lookup = Lookup { address: account.address.clone() };
        let entry = caller.call(origin, &lookup, None).await?;
        let device_list = account.remove_device(&entry, device, now)?.map(|put| put.device_list);
        let left = device_list.clone().unwrap_or_else(|| entry.device_list.clone());
        let told = if device == account.device_id {
            caller.call(origin, &SignOut { device_list }, None).await
        } else {
            let revoke = RevokeDevice { device_id: device, device_list: device_list.clone() };
            match (caller.call(origin, &revoke, None).await, device_list) {
                // It has signed out there already, and only the list still names it.
                (Err(Rejection::Refused(Refusal::NotFound)), Some(device_list)) => {
                    caller.call(origin, &PutDeviceList { device_list }, None).await
                }
                (told, _) => told,
            }
        };
        match told {
            Err(Rejection::Refused(Refusal::Conflict { .. })) => {}
            Ok(_) | Err(Rejection::Refused(Refusal::NotFound)) => {
                return Ok(DirectoryEntry { device_list: left, ..entry });
            }
            Err(rejection) => return Err(rejection.into()),
        }
    }
    Err(Failure::Offline)
}

/// Makes room in the list for the device of `account`, which is signing in and would be put there by `list`: takes the
/// `leaving` ones off first, as [`remove_device`] does. Gives the list to be put.
///
/// Nothing, if there is no room: then this device's session has ended, and one of [`Account::devices`] has to go.
pub async fn make_room(
    account: &mut Account,
    mut list: PutDeviceList,
    leaving: &[DeviceId],
    caller: &impl Caller,
    now: Millis,
) -> Result<Option<PutDeviceList>, Failure> {
    for device in leaving {
        let entry = remove_device(account, *device, caller, now).await?;
        account.saw_device_list(&entry.device_list)?;
        list = account.join_device_list(&entry, now)?.unwrap_or(list);
    }
    if account.listed()?.len() < MAX_DEVICES {
        return Ok(Some(list));
    }
    // If the relay doesn't hear of it, it drops the session when it needs the room.
    let _ = caller.call(&account.origin, &SignOut { device_list: None }, None).await;
    Ok(None)
}

impl<S: Store> Engine<S> {
    /// The relay was asked for the directory's entry, which lists the person's devices, and perhaps then for the vault,
    /// which knows what they are called. Both are verified; what is wrong with them is an error, and changes nothing.
    pub async fn saw_devices(
        &mut self,
        entry: &DirectoryEntry,
        vault: Option<&Vault>,
        now: Millis,
    ) -> Result<Vec<Event>, Error> {
        self.refresh(now).await?;
        let mut seen = see(&self.memory.account, entry, now)?;
        if let Some(vault) = vault {
            seen.vault.take_names(&self.memory.account.open_vault(vault)?.devices);
        }
        self.take_devices(seen, Vec::new(), now).await
    }

    /// The directory's entry came, as this device had asked. What is wrong with it is not used.
    ///
    /// Devices that were not on the list when it was asked are gone for good if they aren't on it now: they were in a
    /// conversation by then, and nobody is added to one before being on the list.
    pub(crate) async fn own_list_came(
        &mut self,
        entry: &DirectoryEntry,
        now: Millis,
    ) -> Result<Vec<Event>, Error> {
        let Ok(seen) = see(&self.memory.account, entry, now) else { return Ok(Vec::new()) };
        let unlisted = self.memory.network.unlisted.clone();
        self.take_devices(seen, unlisted, now).await
    }

    /// Takes in a verified list, and takes the devices that are gone out of the conversations: those that the list
    /// before had, and `unlisted` ones.
    async fn take_devices(
        &mut self,
        seen: Account,
        unlisted: Vec<DeviceId>,
        now: Millis,
    ) -> Result<Vec<Event>, Error> {
        let unnamed = seen.vault.name_of(seen.device_id).is_none();
        let known = &self.memory.account;
        let same_list = known.device_list == seen.device_list;
        if !unnamed && known.vault.devices == seen.vault.devices && same_list && unlisted.is_empty() {
            return Ok(Vec::new());
        }
        let old = known.listed()?;
        let new = seen.listed()?;
        let me = known.device_id;
        let missing = |id: &DeviceId| *id != me && !new.contains(id);
        let gone: Vec<DeviceId> = old.into_iter().chain(unlisted).filter(missing).collect();
        let mut others = if same_list { Vec::new() } else { self.own_leaves().await? };
        others.retain(|id| missing(id) && !gone.contains(id));
        let work = |memory: &mut Memory, batch: &mut Batch| {
            memory.account = seen;
            memory.take_out(batch, &gone)?;
            memory.suspect(batch, others)?;
            if unnamed {
                // This device is from before devices had names.
                let (id, name) = (memory.account.device_id, memory.account.device_label.clone());
                memory.account.vault.name_device(id, &name);
                return memory.vault_changed(batch);
            }
            batch.put(Table::Meta, b"account", Vec::new(), Some(&memory.account))
        };
        Ok(self.verb(now, work).await?.1)
    }

    /// This person's devices in all conversations.
    async fn own_leaves(&mut self) -> Result<Vec<DeviceId>, Error> {
        let mut found = BTreeSet::new();
        for id in self.memory.active() {
            self.memory.load_group(&self.store, id).await?;
            let group = self.memory.conversations.get(&id).and_then(|c| c.group.as_ref());
            let claims = group.into_iter().flat_map(|group| group.members.iter());
            let own = self.memory.account.fingerprint;
            found.extend(claims.filter(|(_, c)| c.fingerprint == own).map(|(_, c)| c.device_id));
        }
        Ok(found.into_iter().collect())
    }
}

impl Memory {
    fn active(&self) -> Vec<ConversationId> {
        let active = self.conversations.values().filter(|c| c.details.state == State::Active);
        active.map(|c| c.details.id).collect()
    }

    /// Takes devices of this person out of all conversations.
    fn take_out(&mut self, batch: &mut Batch, devices: &[DeviceId]) -> Result<(), Error> {
        if devices.is_empty() {
            return Ok(());
        }
        for id in self.active() {
            let change = Change { conversation: id.0, remove_devices: devices.to_vec(), ..Change::default() };
            self.add_job(batch, Task::Change(change))?;
        }
        Ok(())
    }

    /// Suspects own devices in a conversation that were taken off the list before it was one: until then nothing was done
    /// there.
    pub fn suspect_unlisted(&mut self, batch: &mut Batch, id: ConversationId) -> Result<(), Error> {
        let group = self.conversations.get(&id).and_then(|conversation| conversation.group.as_ref());
        let claims = group.into_iter().flat_map(|group| group.members.iter()).map(|(_, claim)| claim);
        let own = claims.filter(|claim| claim.fingerprint == self.account.fingerprint);
        let others = own.map(|claim| claim.device_id).filter(|device| *device != self.account.device_id);
        let others: Vec<DeviceId> = others.collect();
        if others.is_empty() {
            return Ok(());
        }
        let listed = self.account.listed()?;
        let mut suspects = self.network.unlisted.clone();
        let unlisted = others.into_iter().filter(|device| !listed.contains(device));
        suspects.extend(unlisted.filter(|device| !self.network.unlisted.contains(device)));
        self.suspect(batch, suspects)
    }

    /// Devices that are in conversations and not on the list: gone before this device had seen them there, or newer
    /// than this list. The next one tells, which is asked for now.
    fn suspect(&mut self, batch: &mut Batch, devices: Vec<DeviceId>) -> Result<(), Error> {
        if self.network.unlisted != devices {
            batch.put(Table::Meta, b"unlisted", Vec::new(), Some(&devices))?;
            if !devices.is_empty() {
                // What is under way was asked before: its answer doesn't tell of these.
                self.network.in_flight.retain(|_, purpose| !matches!(purpose, Purpose::Certificate));
                (self.network.certificate.due, self.network.certificate.held) = (true, None);
            }
            self.network.unlisted = devices;
        }
        Ok(())
    }
}

impl Account {
    /// The devices on the last list that was seen, oldest first, and what they are called.
    pub fn devices(&self) -> Result<Vec<DeviceView>, IdentityError> {
        let view = |device: &DeviceEntry| {
            let this = device.device_id == self.device_id;
            let short_id: String = device.device_id.to_hex().to_uppercase().chars().take(8).collect();
            let label = match self.vault.name_of(device.device_id) {
                _ if this => self.device_label.clone(),
                name => name.unwrap_or_default().to_owned(),
            };
            DeviceView { id: device.device_id.0, label, short_id, created: device.created, this }
        };
        Ok(self.seen_list()?.devices.iter().map(view).collect())
    }

    fn listed(&self) -> Result<Vec<DeviceId>, IdentityError> {
        Ok(self.seen_list()?.devices.iter().map(|device| device.device_id).collect())
    }

    fn seen_list(&self) -> Result<DeviceList, IdentityError> {
        verify_by(&self.device_list, self.secret_certificate()?.primary())
    }
}

/// The account with this device list. The vault is merged when this device writes its own.
fn see(account: &Account, entry: &DirectoryEntry, now: Millis) -> Result<Account, Error> {
    let mut seen = account.clone();
    seen.verify_own_entry(entry, now)?;
    seen.saw_device_list(&entry.device_list)?;
    Ok(seen)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        store::{MemoryStore, StorageKey},
        testing,
    };
    use haven_wire::ids::DeviceId;

    const NOW: Millis = 1_795_305_600_000;

    async fn engine(account: &Account) -> Engine<MemoryStore> {
        let key = StorageKey(zeroize::Zeroizing::new([7; 32]));
        Engine::create(MemoryStore::default(), key, account.clone(), NOW).await.unwrap()
    }

    const SECOND: DeviceId = DeviceId([2; 16]);

    #[test]
    fn another_device_and_its_name_are_seen_by_the_first_one() {
        let (first, before) =
            testing::account("alice@example.org", DeviceId([1; 16]), "Firefox on Linux", NOW);
        let (mut second, entry) = testing::another_device(&first, &before, SECOND, "Safari on iPhone", NOW);
        second.vault.name_device(SECOND, "Safari on iPhone");
        let vault = second.seal_vault().unwrap();
        let mut engine = pollster::block_on(engine(&first));
        pollster::block_on(engine.saw_devices(&entry, Some(&vault), NOW)).unwrap();
        let seen = engine.account().clone();
        assert_eq!(seen.vault.name_of(SECOND), Some("Safari on iPhone"));
        assert_eq!(seen.device_list, entry.device_list);
        // What else is in that vault is merged when this device writes its own, so its version is not taken yet.
        assert_eq!(seen.vault_version, first.vault_version);
        assert!(see(&seen, &before, NOW).is_err(), "an old list");
        let (stranger, _) = testing::account("alice@example.org", SECOND, "Chrome on Mac", NOW);
        let strange = stranger.seal_vault().unwrap();
        let refused = pollster::block_on(engine.saw_devices(&entry, Some(&strange), NOW));
        assert!(refused.is_err(), "another vault");
    }
}
