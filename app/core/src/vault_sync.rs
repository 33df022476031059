//! The vault: what of this device's account is kept, sealed, at the relay for the person's next device.

use crate::{
    Error, Millis,
    engine::{Engine, PATIENCE},
    identity::vault::{VaultBody, VaultConversation},
    memory::{Batch, Memory},
    network::{Purpose, VaultLine},
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
        self.network.vault.due = true;
        self.network.vault.changed = true;
        batch.put(Table::Meta, b"account", Vec::new(), Some(&self.account))?;
        batch.put(Table::Meta, b"vault_due", Vec::new(), Some(&true))
    }

    /// The request that brings the vault up to date, if one is due.
    pub fn vault_request(&mut self) -> Result<Option<Outgoing>, Error> {
        let line = self.network.vault;
        let waits = !line.due || !line.retry.due(self.network.now);
        if waits || self.network.under_way(|p| matches!(p, Purpose::Vault)) {
            return Ok(None);
        }
        let request = if line.behind {
            Request::GetVault(GetVault {})
        } else {
            self.network.vault.changed = false;
            Request::PutVault(PutVault { vault: self.sealed_vault()? })
        };
        Ok(Some(self.network.start(&self.account.origin, Purpose::Vault, None, request)))
    }

    /// The relay has taken the vault. What changed while it was under way is due again.
    pub fn vault_taken(&mut self, batch: &mut Batch) -> Result<(), Error> {
        self.account.vault_version += 1;
        let due = self.network.vault.changed;
        self.network.vault = VaultLine { due, changed: due, ..VaultLine::default() };
        batch.put(Table::Meta, b"account", Vec::new(), Some(&self.account))?;
        batch.put(Table::Meta, b"vault_due", Vec::new(), due.then_some(&true))
    }

    /// Another device wrote the vault first: what either of them knows is kept.
    fn merge_vault(&mut self, batch: &mut Batch, theirs: VaultBody, version: u64) -> Result<(), Error> {
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
        if ours.imported.is_none() {
            ours.imported = theirs.imported;
        }
        self.take_people(batch, &theirs.people)?;
        self.join_certificate(batch, &theirs.certificate)?;
        self.account.vault_version = version;
        self.network.vault.behind = false;
        self.vault_changed(batch)
    }
}

impl<S: Store> Engine<S> {
    /// The vault that kept the relay from taking this device's. It is newer than what this device has seen, or the
    /// relay lies: then it is not used, asked for again with patience, and the person is told once. No verb fails for
    /// it, so that nothing else suffers.
    pub(crate) async fn vault_came(&mut self, vault: &Vault, now: Millis) -> Result<Vec<Event>, Error> {
        let account = &self.memory.account;
        match account.open_vault(vault) {
            Ok(theirs) if vault.version > account.vault_version => {
                let work =
                    |memory: &mut Memory, batch: &mut Batch| memory.merge_vault(batch, theirs, vault.version);
                Ok(self.verb(now, work).await?.1)
            }
            _ => {
                let line = &mut self.memory.network.vault;
                line.retry.later(now);
                line.refused += 1;
                // Perhaps it takes this device's after all, next time.
                line.behind = false;
                Ok(if line.refused == PATIENCE { vec![Event::VaultRefused] } else { Vec::new() })
            }
        }
    }

    /// The person has shown that the recovery phrase is written down.
    pub async fn confirm_recovery_phrase(&mut self, now: Millis) -> Result<Vec<Event>, Error> {
        self.refresh(now).await?;
        let work = |memory: &mut Memory, batch: &mut Batch| {
            memory.account.vault.recovery_confirmed = true;
            memory.vault_changed(batch)
        };
        Ok(self.verb(now, work).await?.1)
    }
}
