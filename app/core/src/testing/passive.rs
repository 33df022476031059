//! A client that reads what others do and writes nothing: what the test vectors of RFC 9420 for passive clients need.
//!
//! Its provider and its store are the engine's own, so that a vector shows whether a group survives them. All that the
//! vectors need and Haven has no use for is set here: public messages, stored proposals, pre-shared keys.

use crate::{
    mls::Provider,
    store::{MemoryStore, SealedStore, StorageKey, Table},
};
use openmls::{
    group::PastEpochDeletion,
    prelude::{tls_codec::DeserializeBytes as _, *},
    schedule::PreSharedKeyId,
};
use openmls_traits::storage::StorageProvider as _;
use serde::Serialize;
use std::collections::BTreeSet;
use zeroize::Zeroizing;

/// A client in at most one group.
pub struct PassiveClient {
    provider: Provider,
    store: SealedStore<MemoryStore>,
    scopes: BTreeSet<Vec<u8>>,
    group: Option<MlsGroup>,
}

/// A key package with its private keys, in the form in which OpenMLS stores one. It is not validated: those of the
/// vectors have expired.
#[derive(Serialize)]
struct Bundle {
    key_package: KeyPackageIn,
    private_init_key: Private,
    private_encryption_key: PrivateKey,
}

#[derive(Serialize)]
struct PrivateKey {
    key: Private,
}

#[derive(Serialize)]
struct Private {
    vec: Vec<u8>,
}

impl PassiveClient {
    /// A client that knows nothing.
    pub fn new() -> Self {
        let key = StorageKey(Zeroizing::new([7; 32]));
        let store = SealedStore::new(MemoryStore::new(), &key).expect("a store");
        let provider = Provider::default();
        provider.storage().start_deferring();
        Self { provider, store, scopes: BTreeSet::new(), group: None }
    }

    /// Learns a pre-shared key.
    pub fn learn_psk(&self, id: &[u8], psk: &[u8]) {
        let id = PreSharedKeyId::external(id.to_vec(), Vec::new());
        id.store(&self.provider, psk).expect("stored");
    }

    /// Takes a key package, in an MLSMessage, as its own.
    pub fn take_key_package(&self, message: &[u8], init_key: &[u8], encryption_key: &[u8]) {
        let MlsMessageBodyIn::KeyPackage(key_package) = read(message).extract() else {
            panic!("no key package");
        };
        let bundle = Bundle {
            key_package,
            private_init_key: Private { vec: init_key.to_vec() },
            private_encryption_key: PrivateKey { key: Private { vec: encryption_key.to_vec() } },
        };
        let bytes = haven_wire::encode(&bundle).expect("bytes");
        let bundle: KeyPackageBundle = haven_wire::decode(&bytes).expect("OpenMLS's form");
        let reference = bundle.key_package().hash_ref(self.provider.crypto()).expect("a reference");
        self.provider.storage().write_key_package(&reference, &bundle).expect("stored");
    }

    /// Joins by a Welcome; the tree may be apart.
    pub fn join(&mut self, welcome: &[u8], tree: Option<&[u8]>) {
        let MlsMessageBodyIn::Welcome(welcome) = read(welcome).extract() else { panic!("no Welcome") };
        let config = MlsGroupJoinConfig::builder()
            .wire_format_policy(MIXED_CIPHERTEXT_WIRE_FORMAT_POLICY)
            .number_of_resumption_psks(16)
            .use_ratchet_tree_extension(true)
            .build();
        let mut builder = StagedWelcome::build_from_welcome(&self.provider, &config, welcome)
            .expect("it opens")
            .skip_lifetime_validation();
        if let Some(tree) = tree {
            builder =
                builder.with_ratchet_tree(RatchetTreeIn::tls_deserialize_exact_bytes(tree).expect("a tree"));
        }
        let staged = builder.build().expect("a good tree");
        self.group = Some(staged.into_group(&self.provider).expect("a good group"));
    }

    /// Processes a proposal or a commit.
    pub fn process(&mut self, message: &[u8]) {
        let message = read(message).try_into_protocol_message().expect("a message of a group");
        let group = self.group.as_mut().expect("a group");
        let processed = group.process_message(&self.provider, message).expect("it is good");
        match processed.into_content() {
            ProcessedMessageContent::ProposalMessage(proposal) => {
                group.store_pending_proposal(self.provider.storage(), *proposal).expect("stored");
            }
            ProcessedMessageContent::StagedCommitMessage(commit) => {
                group.merge_staged_commit(&self.provider, *commit).expect("merged");
            }
            other => panic!("{other:?}"),
        }
    }

    /// Stores what changed as one write set, forgets everything, and reads it again.
    pub async fn restart(&mut self) {
        self.write_message_secrets();
        let changes = self.provider.storage().take_changes().expect("changes");
        self.scopes.extend(changes.iter().map(|(_, scope, ..)| scope.clone()));
        self.store.commit(changes).await.expect("stored");
        let group_id = self.group.take().map(|group| group.group_id().clone());
        self.provider = Provider::default();
        for scope in &self.scopes {
            let records = self.store.scan(Table::Mls, scope, None, usize::MAX).await.expect("records");
            self.provider.storage().load(scope, records).expect("loaded");
        }
        if let Some(group_id) = group_id {
            let group = MlsGroup::load(self.provider.storage(), &group_id).expect("loaded");
            self.group = Some(group.expect("a stored group"));
        }
        self.provider.storage().start_deferring();
    }

    /// As the engine does at the end of a verb.
    fn write_message_secrets(&mut self) {
        let due = self.provider.storage().stop_deferring();
        if let (Some(group), false) = (&mut self.group, due.is_empty()) {
            let nothing = PastEpochDeletion::delete_all_without_timestamps();
            group.delete_past_epoch_secrets(&self.provider, nothing).expect("written");
        }
    }

    /// The authenticator of the group's epoch.
    pub fn epoch_authenticator(&self) -> Vec<u8> {
        self.group.as_ref().expect("a group").epoch_authenticator().as_slice().to_vec()
    }
}

impl Default for PassiveClient {
    fn default() -> Self {
        Self::new()
    }
}

fn read(message: &[u8]) -> MlsMessageIn {
    MlsMessageIn::tls_deserialize_exact_bytes(message).expect("an MLSMessage")
}
