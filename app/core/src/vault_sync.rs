//! The vault: what of this device's account is kept, sealed, at the relay for the person's next device.

use crate::{
    Error, Millis,
    engine::Engine,
    identity::vault::VaultConversation,
    memory::{Batch, Memory},
    network::Purpose,
    request::{Outgoing, Request},
    store::{Store, Table},
};
use haven_bridge::{ConversationId, Event};
use haven_wire::account::{GetVault, PutVault, Vault};

impl Memory {
    /// Notes a conversation in the vault, so that a next device can knock at its group.
    pub fn note_in_vault(&mut self, batch: &mut Batch, id: ConversationId) -> Result<(), Error> {
        let Some(conversation) = self.conversations.get(&id) else { return Ok(()) };
        let Some(group) = &conversation.group else { return Ok(()) };
        let group_id = conversation.details.group_id;
        let noted = self.account.vault.conversations.iter().any(|noted| noted.group_id == group_id);
        if noted {
            return Ok(());
        }
        self.account.vault.conversations.push(VaultConversation {
            origin: conversation.details.origin.clone(),
            group_id,
            knock_key: group.context.knock_key.to_vec().into(),
        });
        self.vault_changed(batch)
    }

    /// The account's record changed in a part that the vault holds.
    pub fn vault_changed(&mut self, batch: &mut Batch) -> Result<(), Error> {
        self.network.vault_due = true;
        batch.put(Table::Meta, b"account", Vec::new(), Some(&self.account))?;
        batch.put(Table::Meta, b"vault_due", Vec::new(), Some(&true))
    }

    /// The request that brings the vault up to date, if one is due.
    pub fn vault_request(&mut self) -> Result<Option<Outgoing>, Error> {
        if !self.network.vault_due || self.network.under_way(|p| matches!(p, Purpose::Vault)) {
            return Ok(None);
        }
        let request = if self.network.vault_behind {
            Request::GetVault(GetVault {})
        } else {
            Request::PutVault(PutVault { vault: self.account.seal_vault()? })
        };
        Ok(Some(self.network.start(&self.account.origin, Purpose::Vault, None, request)))
    }

    /// The relay has taken the vault.
    pub fn vault_taken(&mut self, batch: &mut Batch) -> Result<(), Error> {
        self.account.vault_version += 1;
        self.network.vault_due = false;
        batch.put(Table::Meta, b"account", Vec::new(), Some(&self.account))?;
        batch.put::<bool>(Table::Meta, b"vault_due", Vec::new(), None)
    }

    /// Another device wrote the vault first: what either of them knows is kept.
    pub fn merge_vault(&mut self, batch: &mut Batch, vault: &Vault) -> Result<(), Error> {
        let theirs = self.account.open_vault(vault)?;
        let ours = &mut self.account.vault;
        for conversation in theirs.conversations {
            if !ours.conversations.iter().any(|known| known.group_id == conversation.group_id) {
                ours.conversations.push(conversation);
            }
        }
        ours.recovery_confirmed |= theirs.recovery_confirmed;
        ours.take_names(&theirs.devices);
        if theirs.device_list.sequence > ours.device_list.sequence {
            ours.device_list = theirs.device_list;
        }
        self.account.vault_version = vault.version;
        self.network.vault_behind = false;
        self.vault_changed(batch)
    }
}

impl<S: Store> Engine<S> {
    /// The person has shown that the recovery phrase is written down.
    pub async fn confirm_recovery_phrase(&mut self, now: Millis) -> Result<Vec<Event>, Error> {
        let work = |memory: &mut Memory, batch: &mut Batch| {
            memory.account.vault.recovery_confirmed = true;
            memory.vault_changed(batch)
        };
        Ok(self.verb(now, work).await?.1)
    }
}
