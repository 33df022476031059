//! What OpenMLS stores, and when it becomes durable.
//!
//! OpenMLS reads and writes synchronously, while it runs. [`MlsStorage`] answers from memory and remembers what was
//! written; at the end of a verb [`MlsStorage::take_changes`] hands everything over for the verb's one write set. After
//! a failure the whole state is thrown away and read again, so nothing here can be rolled back singly.
//!
//! Values are CBOR ([`packed`]), because OpenMLS needs a self-describing format. Values of a group share a scope, and are
//! loaded together. Large values are stored in pieces ([`super::pieces`]), and only those that changed are written.

use super::{packed, pieces};
use crate::store::{self, Table};
use openmls_traits::storage::{CURRENT_VERSION, StorageProvider, traits};
use serde::{Serialize, de::DeserializeOwned};
use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
};

/// Why a value can't be stored or read.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// A value can't be encoded or decoded.
    #[error("a stored value has another form: {0}")]
    Form(#[from] haven_wire::Malformed),
    /// A value that another one names is not there.
    #[error("a stored value is missing")]
    Missing,
    /// A value is not CBOR.
    #[error("a stored value is damaged")]
    Damaged,
}

/// What a value is. The numbers are part of the stored format.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[repr(u8)]
enum Label {
    JoinConfig = 1,
    OwnLeafNodes = 2,
    ProposalRefs = 3,
    Proposal = 4,
    Tree = 5,
    InterimTranscriptHash = 6,
    Context = 7,
    ConfirmationTag = 8,
    GroupState = 9,
    MessageSecrets = 10,
    ResumptionPsks = 11,
    OwnLeafIndex = 12,
    EpochSecrets = 13,
    EpochKeyPairs = 14,
    SignatureKeyPair = 15,
    EncryptionKeyPair = 16,
    KeyPackage = 17,
    Psk = 18,
}

/// Where a value is: the scope is a group (its encoded id), or for values of the device the value itself.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Address {
    scope: Vec<u8>,
    /// The label, and for values that occur several times in a scope their encoded key.
    name: Vec<u8>,
}

fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, StorageError> {
    Ok(haven_wire::encode(&value)?)
}

fn of_group(group_id: &impl Serialize, label: Label, key: &impl Serialize) -> Result<Address, StorageError> {
    let mut name = vec![label as u8];
    name.extend(encode(key)?);
    Ok(Address { scope: encode(group_id)?, name })
}

fn of_device(label: Label, key: &impl Serialize) -> Result<Address, StorageError> {
    let mut scope = vec![label as u8];
    scope.extend(encode(key)?);
    Ok(Address { scope, name: vec![label as u8] })
}

/// The scope of a group's values.
pub fn scope_of_group(group_id: &openmls::group::GroupId) -> Result<Vec<u8>, StorageError> {
    encode(group_id)
}

/// The scope of an own key package.
pub fn scope_of_key_package(reference: &openmls::prelude::KeyPackageRef) -> Result<Vec<u8>, StorageError> {
    Ok(of_device(Label::KeyPackage, reference)?.scope)
}

#[derive(Default)]
struct Inner {
    values: BTreeMap<Address, Vec<u8>>,
    changed: BTreeSet<Address>,
    /// The pieces in the database, of values that are stored in pieces.
    stored: BTreeMap<Address, Vec<pieces::Hash>>,
    /// While a verb runs, message secrets are written once at its end: scopes that wait for that.
    deferred: BTreeSet<Vec<u8>>,
    deferring: bool,
}

/// The values of the loaded groups, and what changed in them.
#[derive(Default)]
pub struct MlsStorage {
    inner: RefCell<Inner>,
}

/// Begins the suffix of a whole value, or of the list of a value's pieces.
const HEAD: u8 = 0;
/// Begins the suffix of a piece.
const PIECE: u8 = 1;

impl MlsStorage {
    /// Takes in the stored records of a scope, as [`store::SealedStore::scan`] gives them.
    pub fn load(&self, scope: &[u8], records: Vec<(Vec<u8>, Vec<u8>)>) -> Result<(), StorageError> {
        let mut inner = self.inner.borrow_mut();
        let (heads, pieces): (Vec<_>, Vec<_>) =
            records.into_iter().partition(|(suffix, _)| suffix.first() == Some(&HEAD));
        let pieces: BTreeMap<_, _> = pieces.into_iter().collect();
        for (suffix, head) in heads {
            let name = suffix.get(1..).unwrap_or_default().to_vec();
            let address = Address { scope: scope.to_vec(), name };
            let head: pieces::Head = haven_wire::decode(&head)?;
            let value = match head {
                pieces::Head::Whole(value) => value.into_vec(),
                pieces::Head::Pieces(hashes) => {
                    let piece = |hash| {
                        pieces
                            .get(&piece_suffix(&address.name, hash))
                            .map(Vec::as_slice)
                            .ok_or(StorageError::Missing)
                    };
                    let joined = hashes.iter().map(piece).collect::<Result<Vec<_>, _>>()?;
                    let value = joined.concat();
                    inner.stored.insert(address.clone(), hashes);
                    value
                }
            };
            inner.values.insert(address, packed::unpack(&value).ok_or(StorageError::Damaged)?);
        }
        Ok(())
    }

    /// From now on message secrets are not written with each message. [`Self::stop_deferring`] tells whose are due.
    pub fn start_deferring(&self) {
        self.inner.borrow_mut().deferring = true;
    }

    /// Ends deferring, and tells the scopes whose message secrets must be written now.
    pub fn stop_deferring(&self) -> BTreeSet<Vec<u8>> {
        let mut inner = self.inner.borrow_mut();
        inner.deferring = false;
        std::mem::take(&mut inner.deferred)
    }

    /// Everything that changed since the last call, for a write set.
    pub fn take_changes(&self) -> Result<Vec<store::Change>, StorageError> {
        let inner = &mut *self.inner.borrow_mut();
        let mut changes = Vec::new();
        for address in std::mem::take(&mut inner.changed) {
            let before = inner.stored.remove(&address).unwrap_or_default();
            let value = inner.values.get(&address);
            let mut kept = BTreeSet::new();
            if let Some(value) = value {
                let (head, new) = pieces::split(&packed::pack(value).ok_or(StorageError::Damaged)?, &before);
                for (hash, piece) in new {
                    changes.push((
                        Table::Mls,
                        address.scope.clone(),
                        piece_suffix(&address.name, &hash),
                        Some(piece),
                    ));
                }
                if let pieces::Head::Pieces(hashes) = &head {
                    kept.extend(hashes.iter().copied());
                    inner.stored.insert(address.clone(), hashes.clone());
                }
                changes.push((
                    Table::Mls,
                    address.scope.clone(),
                    head_suffix(&address.name),
                    Some(encode(&head)?),
                ));
            } else {
                changes.push((Table::Mls, address.scope.clone(), head_suffix(&address.name), None));
            }
            for hash in before.iter().filter(|hash| !kept.contains(*hash)) {
                changes.push((Table::Mls, address.scope.clone(), piece_suffix(&address.name, hash), None));
            }
        }
        Ok(changes)
    }

    fn defer_message_secrets(&self, scope: &[u8]) -> bool {
        let mut inner = self.inner.borrow_mut();
        if inner.deferring {
            inner.deferred.insert(scope.to_vec());
        }
        inner.deferring
    }

    fn put<T: Serialize + ?Sized>(&self, address: Address, value: &T) -> Result<(), StorageError> {
        let value = encode(value)?;
        let mut inner = self.inner.borrow_mut();
        inner.changed.insert(address.clone());
        inner.values.insert(address, value);
        Ok(())
    }

    fn get<T: DeserializeOwned>(&self, address: &Address) -> Result<Option<T>, StorageError> {
        let inner = self.inner.borrow();
        Ok(inner.values.get(address).map(|value| haven_wire::decode(value)).transpose()?)
    }

    fn list<T: DeserializeOwned>(&self, address: &Address) -> Result<Vec<T>, StorageError> {
        Ok(self.get(address)?.unwrap_or_default())
    }

    fn append<T: Serialize + DeserializeOwned>(
        &self,
        address: &Address,
        value: &T,
    ) -> Result<(), StorageError> {
        let mut list: Vec<T> = self.list(address)?;
        list.push(haven_wire::decode(&encode(value)?)?);
        self.put(address.clone(), &list)
    }

    fn delete(&self, address: Address) -> Result<(), StorageError> {
        let mut inner = self.inner.borrow_mut();
        if inner.values.remove(&address).is_some() {
            inner.changed.insert(address);
        }
        Ok(())
    }
}

fn head_suffix(name: &[u8]) -> Vec<u8> {
    [&[HEAD], name].concat()
}

fn piece_suffix(name: &[u8], hash: &pieces::Hash) -> Vec<u8> {
    [&[PIECE], name, &[0], hash.as_slice()].concat()
}

/// Each method is the store or the look-up that its name says, at the address of its arguments.
impl StorageProvider<CURRENT_VERSION> for MlsStorage {
    type Error = StorageError;

    fn write_mls_join_config<
        GroupId: traits::GroupId<CURRENT_VERSION>,
        MlsGroupJoinConfig: traits::MlsGroupJoinConfig<CURRENT_VERSION>,
    >(
        &self,
        group_id: &GroupId,
        config: &MlsGroupJoinConfig,
    ) -> Result<(), StorageError> {
        self.put(of_group(group_id, Label::JoinConfig, &())?, config)
    }

    fn append_own_leaf_node<
        GroupId: traits::GroupId<CURRENT_VERSION>,
        LeafNode: traits::LeafNode<CURRENT_VERSION>,
    >(
        &self,
        group_id: &GroupId,
        leaf_node: &LeafNode,
    ) -> Result<(), StorageError> {
        self.append(&of_group(group_id, Label::OwnLeafNodes, &())?, leaf_node)
    }

    fn queue_proposal<
        GroupId: traits::GroupId<CURRENT_VERSION>,
        ProposalRef: traits::ProposalRef<CURRENT_VERSION>,
        QueuedProposal: traits::QueuedProposal<CURRENT_VERSION>,
    >(
        &self,
        group_id: &GroupId,
        proposal_ref: &ProposalRef,
        proposal: &QueuedProposal,
    ) -> Result<(), StorageError> {
        self.append(&of_group(group_id, Label::ProposalRefs, &())?, proposal_ref)?;
        self.put(of_group(group_id, Label::Proposal, proposal_ref)?, proposal)
    }

    fn write_tree<GroupId: traits::GroupId<CURRENT_VERSION>, TreeSync: traits::TreeSync<CURRENT_VERSION>>(
        &self,
        group_id: &GroupId,
        tree: &TreeSync,
    ) -> Result<(), StorageError> {
        self.put(of_group(group_id, Label::Tree, &())?, tree)
    }

    fn write_interim_transcript_hash<
        GroupId: traits::GroupId<CURRENT_VERSION>,
        InterimTranscriptHash: traits::InterimTranscriptHash<CURRENT_VERSION>,
    >(
        &self,
        group_id: &GroupId,
        interim_transcript_hash: &InterimTranscriptHash,
    ) -> Result<(), StorageError> {
        self.put(of_group(group_id, Label::InterimTranscriptHash, &())?, interim_transcript_hash)
    }

    fn write_context<
        GroupId: traits::GroupId<CURRENT_VERSION>,
        GroupContext: traits::GroupContext<CURRENT_VERSION>,
    >(
        &self,
        group_id: &GroupId,
        group_context: &GroupContext,
    ) -> Result<(), StorageError> {
        self.put(of_group(group_id, Label::Context, &())?, group_context)
    }

    fn write_confirmation_tag<
        GroupId: traits::GroupId<CURRENT_VERSION>,
        ConfirmationTag: traits::ConfirmationTag<CURRENT_VERSION>,
    >(
        &self,
        group_id: &GroupId,
        confirmation_tag: &ConfirmationTag,
    ) -> Result<(), StorageError> {
        self.put(of_group(group_id, Label::ConfirmationTag, &())?, confirmation_tag)
    }

    fn write_group_state<
        GroupState: traits::GroupState<CURRENT_VERSION>,
        GroupId: traits::GroupId<CURRENT_VERSION>,
    >(
        &self,
        group_id: &GroupId,
        group_state: &GroupState,
    ) -> Result<(), StorageError> {
        self.put(of_group(group_id, Label::GroupState, &())?, group_state)
    }

    fn write_message_secrets<
        GroupId: traits::GroupId<CURRENT_VERSION>,
        MessageSecrets: traits::MessageSecrets<CURRENT_VERSION>,
    >(
        &self,
        group_id: &GroupId,
        message_secrets: &MessageSecrets,
    ) -> Result<(), StorageError> {
        let address = of_group(group_id, Label::MessageSecrets, &())?;
        if self.defer_message_secrets(&address.scope) { Ok(()) } else { self.put(address, message_secrets) }
    }

    fn write_resumption_psk_store<
        GroupId: traits::GroupId<CURRENT_VERSION>,
        ResumptionPskStore: traits::ResumptionPskStore<CURRENT_VERSION>,
    >(
        &self,
        group_id: &GroupId,
        resumption_psk_store: &ResumptionPskStore,
    ) -> Result<(), StorageError> {
        self.put(of_group(group_id, Label::ResumptionPsks, &())?, resumption_psk_store)
    }

    fn write_own_leaf_index<
        GroupId: traits::GroupId<CURRENT_VERSION>,
        LeafNodeIndex: traits::LeafNodeIndex<CURRENT_VERSION>,
    >(
        &self,
        group_id: &GroupId,
        own_leaf_index: &LeafNodeIndex,
    ) -> Result<(), StorageError> {
        self.put(of_group(group_id, Label::OwnLeafIndex, &())?, own_leaf_index)
    }

    fn write_group_epoch_secrets<
        GroupId: traits::GroupId<CURRENT_VERSION>,
        GroupEpochSecrets: traits::GroupEpochSecrets<CURRENT_VERSION>,
    >(
        &self,
        group_id: &GroupId,
        group_epoch_secrets: &GroupEpochSecrets,
    ) -> Result<(), StorageError> {
        self.put(of_group(group_id, Label::EpochSecrets, &())?, group_epoch_secrets)
    }

    fn write_signature_key_pair<
        SignaturePublicKey: traits::SignaturePublicKey<CURRENT_VERSION>,
        SignatureKeyPair: traits::SignatureKeyPair<CURRENT_VERSION>,
    >(
        &self,
        public_key: &SignaturePublicKey,
        signature_key_pair: &SignatureKeyPair,
    ) -> Result<(), StorageError> {
        self.put(of_device(Label::SignatureKeyPair, public_key)?, signature_key_pair)
    }

    fn write_encryption_key_pair<
        EncryptionKey: traits::EncryptionKey<CURRENT_VERSION>,
        HpkeKeyPair: traits::HpkeKeyPair<CURRENT_VERSION>,
    >(
        &self,
        public_key: &EncryptionKey,
        key_pair: &HpkeKeyPair,
    ) -> Result<(), StorageError> {
        self.put(of_device(Label::EncryptionKeyPair, public_key)?, key_pair)
    }

    fn write_encryption_epoch_key_pairs<
        GroupId: traits::GroupId<CURRENT_VERSION>,
        EpochKey: traits::EpochKey<CURRENT_VERSION>,
        HpkeKeyPair: traits::HpkeKeyPair<CURRENT_VERSION>,
    >(
        &self,
        group_id: &GroupId,
        epoch: &EpochKey,
        leaf_index: u32,
        key_pairs: &[HpkeKeyPair],
    ) -> Result<(), StorageError> {
        self.put(of_group(group_id, Label::EpochKeyPairs, &(epoch, leaf_index))?, &key_pairs)
    }

    fn write_key_package<
        HashReference: traits::HashReference<CURRENT_VERSION>,
        KeyPackage: traits::KeyPackage<CURRENT_VERSION>,
    >(
        &self,
        hash_ref: &HashReference,
        key_package: &KeyPackage,
    ) -> Result<(), StorageError> {
        self.put(of_device(Label::KeyPackage, hash_ref)?, key_package)
    }

    fn write_psk<PskId: traits::PskId<CURRENT_VERSION>, PskBundle: traits::PskBundle<CURRENT_VERSION>>(
        &self,
        psk_id: &PskId,
        psk: &PskBundle,
    ) -> Result<(), StorageError> {
        self.put(of_device(Label::Psk, psk_id)?, psk)
    }

    fn mls_group_join_config<
        GroupId: traits::GroupId<CURRENT_VERSION>,
        MlsGroupJoinConfig: traits::MlsGroupJoinConfig<CURRENT_VERSION>,
    >(
        &self,
        group_id: &GroupId,
    ) -> Result<Option<MlsGroupJoinConfig>, StorageError> {
        self.get(&of_group(group_id, Label::JoinConfig, &())?)
    }

    fn own_leaf_nodes<
        GroupId: traits::GroupId<CURRENT_VERSION>,
        LeafNode: traits::LeafNode<CURRENT_VERSION>,
    >(
        &self,
        group_id: &GroupId,
    ) -> Result<Vec<LeafNode>, StorageError> {
        self.list(&of_group(group_id, Label::OwnLeafNodes, &())?)
    }

    fn queued_proposal_refs<
        GroupId: traits::GroupId<CURRENT_VERSION>,
        ProposalRef: traits::ProposalRef<CURRENT_VERSION>,
    >(
        &self,
        group_id: &GroupId,
    ) -> Result<Vec<ProposalRef>, StorageError> {
        self.list(&of_group(group_id, Label::ProposalRefs, &())?)
    }

    fn queued_proposals<
        GroupId: traits::GroupId<CURRENT_VERSION>,
        ProposalRef: traits::ProposalRef<CURRENT_VERSION>,
        QueuedProposal: traits::QueuedProposal<CURRENT_VERSION>,
    >(
        &self,
        group_id: &GroupId,
    ) -> Result<Vec<(ProposalRef, QueuedProposal)>, StorageError> {
        let refs: Vec<ProposalRef> = self.list(&of_group(group_id, Label::ProposalRefs, &())?)?;
        let proposal = |proposal_ref: ProposalRef| {
            let found = self.get(&of_group(group_id, Label::Proposal, &proposal_ref)?)?;
            Ok((proposal_ref, found.ok_or(StorageError::Missing)?))
        };
        refs.into_iter().map(proposal).collect()
    }

    fn tree<GroupId: traits::GroupId<CURRENT_VERSION>, TreeSync: traits::TreeSync<CURRENT_VERSION>>(
        &self,
        group_id: &GroupId,
    ) -> Result<Option<TreeSync>, StorageError> {
        self.get(&of_group(group_id, Label::Tree, &())?)
    }

    fn group_context<
        GroupId: traits::GroupId<CURRENT_VERSION>,
        GroupContext: traits::GroupContext<CURRENT_VERSION>,
    >(
        &self,
        group_id: &GroupId,
    ) -> Result<Option<GroupContext>, StorageError> {
        self.get(&of_group(group_id, Label::Context, &())?)
    }

    fn interim_transcript_hash<
        GroupId: traits::GroupId<CURRENT_VERSION>,
        InterimTranscriptHash: traits::InterimTranscriptHash<CURRENT_VERSION>,
    >(
        &self,
        group_id: &GroupId,
    ) -> Result<Option<InterimTranscriptHash>, StorageError> {
        self.get(&of_group(group_id, Label::InterimTranscriptHash, &())?)
    }

    fn confirmation_tag<
        GroupId: traits::GroupId<CURRENT_VERSION>,
        ConfirmationTag: traits::ConfirmationTag<CURRENT_VERSION>,
    >(
        &self,
        group_id: &GroupId,
    ) -> Result<Option<ConfirmationTag>, StorageError> {
        self.get(&of_group(group_id, Label::ConfirmationTag, &())?)
    }

    fn group_state<
        GroupState: traits::GroupState<CURRENT_VERSION>,
        GroupId: traits::GroupId<CURRENT_VERSION>,
    >(
        &self,
        group_id: &GroupId,
    ) -> Result<Option<GroupState>, StorageError> {
        self.get(&of_group(group_id, Label::GroupState, &())?)
    }

    fn message_secrets<
        GroupId: traits::GroupId<CURRENT_VERSION>,
        MessageSecrets: traits::MessageSecrets<CURRENT_VERSION>,
    >(
        &self,
        group_id: &GroupId,
    ) -> Result<Option<MessageSecrets>, StorageError> {
        self.get(&of_group(group_id, Label::MessageSecrets, &())?)
    }

    fn resumption_psk_store<
        GroupId: traits::GroupId<CURRENT_VERSION>,
        ResumptionPskStore: traits::ResumptionPskStore<CURRENT_VERSION>,
    >(
        &self,
        group_id: &GroupId,
    ) -> Result<Option<ResumptionPskStore>, StorageError> {
        self.get(&of_group(group_id, Label::ResumptionPsks, &())?)
    }

    fn own_leaf_index<
        GroupId: traits::GroupId<CURRENT_VERSION>,
        LeafNodeIndex: traits::LeafNodeIndex<CURRENT_VERSION>,
    >(
        &self,
        group_id: &GroupId,
    ) -> Result<Option<LeafNodeIndex>, StorageError> {
        self.get(&of_group(group_id, Label::OwnLeafIndex, &())?)
    }

    fn group_epoch_secrets<
        GroupId: traits::GroupId<CURRENT_VERSION>,
        GroupEpochSecrets: traits::GroupEpochSecrets<CURRENT_VERSION>,
    >(
        &self,
        group_id: &GroupId,
    ) -> Result<Option<GroupEpochSecrets>, StorageError> {
        self.get(&of_group(group_id, Label::EpochSecrets, &())?)
    }

    fn signature_key_pair<
        SignaturePublicKey: traits::SignaturePublicKey<CURRENT_VERSION>,
        SignatureKeyPair: traits::SignatureKeyPair<CURRENT_VERSION>,
    >(
        &self,
        public_key: &SignaturePublicKey,
    ) -> Result<Option<SignatureKeyPair>, StorageError> {
        self.get(&of_device(Label::SignatureKeyPair, public_key)?)
    }

    fn encryption_key_pair<
        HpkeKeyPair: traits::HpkeKeyPair<CURRENT_VERSION>,
        EncryptionKey: traits::EncryptionKey<CURRENT_VERSION>,
    >(
        &self,
        public_key: &EncryptionKey,
    ) -> Result<Option<HpkeKeyPair>, StorageError> {
        self.get(&of_device(Label::EncryptionKeyPair, public_key)?)
    }

    fn encryption_epoch_key_pairs<
        GroupId: traits::GroupId<CURRENT_VERSION>,
        EpochKey: traits::EpochKey<CURRENT_VERSION>,
        HpkeKeyPair: traits::HpkeKeyPair<CURRENT_VERSION>,
    >(
        &self,
        group_id: &GroupId,
        epoch: &EpochKey,
        leaf_index: u32,
    ) -> Result<Vec<HpkeKeyPair>, StorageError> {
        self.list(&of_group(group_id, Label::EpochKeyPairs, &(epoch, leaf_index))?)
    }

    fn key_package<
        KeyPackageRef: traits::HashReference<CURRENT_VERSION>,
        KeyPackage: traits::KeyPackage<CURRENT_VERSION>,
    >(
        &self,
        hash_ref: &KeyPackageRef,
    ) -> Result<Option<KeyPackage>, StorageError> {
        self.get(&of_device(Label::KeyPackage, hash_ref)?)
    }

    fn psk<PskBundle: traits::PskBundle<CURRENT_VERSION>, PskId: traits::PskId<CURRENT_VERSION>>(
        &self,
        psk_id: &PskId,
    ) -> Result<Option<PskBundle>, StorageError> {
        self.get(&of_device(Label::Psk, psk_id)?)
    }

    fn remove_proposal<
        GroupId: traits::GroupId<CURRENT_VERSION>,
        ProposalRef: traits::ProposalRef<CURRENT_VERSION>,
    >(
        &self,
        group_id: &GroupId,
        proposal_ref: &ProposalRef,
    ) -> Result<(), StorageError> {
        let list = of_group(group_id, Label::ProposalRefs, &())?;
        let removed = encode(proposal_ref)?;
        let mut refs: Vec<ProposalRef> = self.list(&list)?;
        refs.retain(|other| encode(other).ok().as_ref() != Some(&removed));
        self.put(list, &refs)?;
        self.delete(of_group(group_id, Label::Proposal, proposal_ref)?)
    }

    fn delete_own_leaf_nodes<GroupId: traits::GroupId<CURRENT_VERSION>>(
        &self,
        group_id: &GroupId,
    ) -> Result<(), StorageError> {
        self.delete(of_group(group_id, Label::OwnLeafNodes, &())?)
    }

    fn delete_group_config<GroupId: traits::GroupId<CURRENT_VERSION>>(
        &self,
        group_id: &GroupId,
    ) -> Result<(), StorageError> {
        self.delete(of_group(group_id, Label::JoinConfig, &())?)
    }

    fn delete_tree<GroupId: traits::GroupId<CURRENT_VERSION>>(
        &self,
        group_id: &GroupId,
    ) -> Result<(), StorageError> {
        self.delete(of_group(group_id, Label::Tree, &())?)
    }

    fn delete_confirmation_tag<GroupId: traits::GroupId<CURRENT_VERSION>>(
        &self,
        group_id: &GroupId,
    ) -> Result<(), StorageError> {
        self.delete(of_group(group_id, Label::ConfirmationTag, &())?)
    }

    fn delete_group_state<GroupId: traits::GroupId<CURRENT_VERSION>>(
        &self,
        group_id: &GroupId,
    ) -> Result<(), StorageError> {
        self.delete(of_group(group_id, Label::GroupState, &())?)
    }

    fn delete_context<GroupId: traits::GroupId<CURRENT_VERSION>>(
        &self,
        group_id: &GroupId,
    ) -> Result<(), StorageError> {
        self.delete(of_group(group_id, Label::Context, &())?)
    }

    fn delete_interim_transcript_hash<GroupId: traits::GroupId<CURRENT_VERSION>>(
        &self,
        group_id: &GroupId,
    ) -> Result<(), StorageError> {
        self.delete(of_group(group_id, Label::InterimTranscriptHash, &())?)
    }

    fn delete_message_secrets<GroupId: traits::GroupId<CURRENT_VERSION>>(
        &self,
        group_id: &GroupId,
    ) -> Result<(), StorageError> {
        self.delete(of_group(group_id, Label::MessageSecrets, &())?)
    }

    fn delete_all_resumption_psk_secrets<GroupId: traits::GroupId<CURRENT_VERSION>>(
        &self,
        group_id: &GroupId,
    ) -> Result<(), StorageError> {
        self.delete(of_group(group_id, Label::ResumptionPsks, &())?)
    }

    fn delete_own_leaf_index<GroupId: traits::GroupId<CURRENT_VERSION>>(
        &self,
        group_id: &GroupId,
    ) -> Result<(), StorageError> {
        self.delete(of_group(group_id, Label::OwnLeafIndex, &())?)
    }

    fn delete_group_epoch_secrets<GroupId: traits::GroupId<CURRENT_VERSION>>(
        &self,
        group_id: &GroupId,
    ) -> Result<(), StorageError> {
        self.delete(of_group(group_id, Label::EpochSecrets, &())?)
    }

    fn clear_proposal_queue<
        GroupId: traits::GroupId<CURRENT_VERSION>,
        ProposalRef: traits::ProposalRef<CURRENT_VERSION>,
    >(
        &self,
        group_id: &GroupId,
    ) -> Result<(), StorageError> {
        let list = of_group(group_id, Label::ProposalRefs, &())?;
        for proposal_ref in self.list::<ProposalRef>(&list)? {
            self.delete(of_group(group_id, Label::Proposal, &proposal_ref)?)?;
        }
        self.delete(list)
    }

    fn delete_signature_key_pair<SignaturePublicKey: traits::SignaturePublicKey<CURRENT_VERSION>>(
        &self,
        public_key: &SignaturePublicKey,
    ) -> Result<(), StorageError> {
        self.delete(of_device(Label::SignatureKeyPair, public_key)?)
    }

    fn delete_encryption_key_pair<EncryptionKey: traits::EncryptionKey<CURRENT_VERSION>>(
        &self,
        public_key: &EncryptionKey,
    ) -> Result<(), StorageError> {
        self.delete(of_device(Label::EncryptionKeyPair, public_key)?)
    }

    fn delete_encryption_epoch_key_pairs<
        GroupId: traits::GroupId<CURRENT_VERSION>,
        EpochKey: traits::EpochKey<CURRENT_VERSION>,
    >(
        &self,
        group_id: &GroupId,
        epoch: &EpochKey,
        leaf_index: u32,
    ) -> Result<(), StorageError> {
        self.delete(of_group(group_id, Label::EpochKeyPairs, &(epoch, leaf_index))?)
    }

    fn delete_key_package<KeyPackageRef: traits::HashReference<CURRENT_VERSION>>(
        &self,
        hash_ref: &KeyPackageRef,
    ) -> Result<(), StorageError> {
        self.delete(of_device(Label::KeyPackage, hash_ref)?)
    }

    fn delete_psk<PskKey: traits::PskId<CURRENT_VERSION>>(
        &self,
        psk_id: &PskKey,
    ) -> Result<(), StorageError> {
        self.delete(of_device(Label::Psk, psk_id)?)
    }
}
