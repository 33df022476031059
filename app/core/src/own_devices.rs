//! This person's other devices, as their person looks at them.

use crate::{
    Error, Millis,
    engine::Engine,
    identity::Account,
    memory::{Batch, Memory},
    store::{Store, Table},
};
use haven_bridge::Event;
use haven_wire::{account::Vault, keys::DirectoryEntry};

impl<S: Store> Engine<S> {
    /// The relay was asked for the directory's entry, which lists the person's devices, and then for the vault, which knows
    /// what they are called. Both are verified; what is wrong with them is an error, and changes nothing.
    pub async fn saw_devices(
        &mut self,
        vault: &Vault,
        entry: &DirectoryEntry,
        now: Millis,
    ) -> Result<Vec<Event>, Error> {
        let seen = see(&self.memory.account, vault, entry, now)?;
        let unnamed = seen.vault.name_of(seen.device_id).is_none();
        let known = &self.memory.account;
        if !unnamed && known.vault.devices == seen.vault.devices && known.device_list == seen.device_list {
            return Ok(Vec::new());
        }
        let work = |memory: &mut Memory, batch: &mut Batch| {
            memory.account = seen;
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
}

/// The account with this device list and these names. The rest of the vault is merged when this device writes its own.
fn see(account: &Account, vault: &Vault, entry: &DirectoryEntry, now: Millis) -> Result<Account, Error> {
    let mut seen = account.clone();
    seen.verify_own_entry(entry, now)?;
    seen.saw_device_list(&entry.device_list)?;
    let theirs = account.open_vault(vault)?;
    seen.vault.take_names(&theirs.devices);
    Ok(seen)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;
    use haven_wire::ids::DeviceId;

    const NOW: Millis = 1_795_305_600_000;
    const SECOND: DeviceId = DeviceId([2; 16]);

    #[test]
    fn another_device_and_its_name_are_seen_by_the_first_one() {
        let (first, before) =
            testing::account("alice@example.org", DeviceId([1; 16]), "Firefox on Linux", NOW);
        let (mut second, entry) = testing::another_device(&first, &before, SECOND, "Safari on iPhone", NOW);
        second.vault.name_device(SECOND, "Safari on iPhone");
        let vault = second.seal_vault().unwrap();
        let seen = see(&first, &vault, &entry, NOW).unwrap();
        assert_eq!(seen.vault.name_of(SECOND), Some("Safari on iPhone"));
        assert_eq!(seen.device_list, entry.device_list);
        // What else is in that vault is merged when this device writes its own, so its version is not taken yet.
        assert_eq!(seen.vault_version, first.vault_version);
        assert!(see(&seen, &vault, &before, NOW).is_err(), "an old list");
        let (stranger, _) = testing::account("alice@example.org", SECOND, "Chrome on Mac", NOW);
        assert!(see(&first, &stranger.seal_vault().unwrap(), &entry, NOW).is_err(), "another vault");
    }
}
