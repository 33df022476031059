//! What OpenMLS stores, and when it becomes durable.
//!
//! OpenMLS reads and writes synchronously, while it runs. [`MlsStorage`] answers from memory and remembers what was
//! written; at the end of a verb [`MlsStorage::take_changes`] hands everything over for the verb's one write set. After
//! a failure the whole state is thrown away and read again, so nothing here can be rolled back singly.
//!
//! Values are CBOR ([`packed`]), because OpenMLS needs a self-describing format. Values of a group share a scope, and are
//! loaded together. Large values are stored in pieces ([`super::pieces`]), and only those that changed are written.

mod provider;

use super::{packed, pieces};
use crate::store::{self, Table};
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

/// The scope of the values of the group with this id.
pub fn scope_of(group_id: haven_wire::ids::GroupId) -> Result<Vec<u8>, StorageError> {
    scope_of_group(&openmls::group::GroupId::from_slice(group_id.as_bytes()))
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

    /// Takes over what was written to another storage that was loaded from the same records.
    pub fn absorb(&self, other: Self) {
        let mut inner = self.inner.borrow_mut();
        let Inner { mut values, changed, mut stored, .. } = other.inner.into_inner();
        for address in changed {
            if let Some(pieces) = stored.remove(&address) {
                inner.stored.insert(address.clone(), pieces);
            }
            match values.remove(&address) {
                Some(value) => inner.values.insert(address.clone(), value),
                None => inner.values.remove(&address),
            };
            inner.changed.insert(address);
        }
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
