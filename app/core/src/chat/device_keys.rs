//! The keys of this device: its MLS signature key, and key packages by which others add it.

use super::records::{DeviceKeys, OwnKeyPackage};
use crate::{
    Error, Millis,
    identity::{Account, AttestationClaim, attestation},
    mls::{Provider, members::credential_of, storage, suite},
};
use haven_wire::{
    keys::{KeyPackageCount, PublishKeyPackages},
    limits::MAX_KEY_PACKAGES,
};
use openmls::prelude::{tls_codec::Serialize as _, *};
use openmls_basic_credential::SignatureKeyPair;
use openmls_traits::storage::StorageProvider as _;
use serde_bytes::ByteBuf;

/// A key package may be used for so long by our own reckoning, and its keys are kept 30 days longer: somebody may
/// have claimed it on its last day.
const LIFE: Millis = 90 * 24 * 60 * 60 * 1000;
const KEPT: Millis = LIFE + 30 * 24 * 60 * 60 * 1000;

impl DeviceKeys {
    /// Makes the signature key of a new device, and its attestation.
    pub fn new(account: &Account, now: Millis) -> Result<Self, Error> {
        let signer = SignatureKeyPair::new(suite::SUITE.signature_algorithm())
            .map_err(|_| Error::Bug("no signature key can be made"))?;
        let claim = AttestationClaim {
            address: account.address.clone(),
            fingerprint: account.fingerprint,
            device_id: account.device_id,
            signature_key: signer.public().to_vec(),
            ciphersuite: suite::suite_number(),
            created: now,
            label: account.device_label.clone(),
        };
        let attestation = attestation::attest(&account.secret_certificate()?, claim)?;
        Ok(Self { signer, attestation, key_packages: Vec::new() })
    }

    /// What the device's leaves say of it.
    pub fn credential(&self, account: &Account) -> CredentialWithKey {
        CredentialWithKey {
            credential: credential_of(&account.address, account.device_id).into(),
            signature_key: self.signer.public().into(),
        }
    }

    /// The extensions of the device's leaves.
    pub fn leaf_extensions(&self) -> Result<Extensions<LeafNode>, Error> {
        let extension = Extension::Unknown(suite::ATTESTATION, UnknownExtension(self.attestation.clone()));
        Extensions::single(extension).map_err(|_| Error::Bug("the leaf extensions can't be made"))
    }

    /// Makes the key packages that the relay lacks. Nothing: there are enough.
    pub fn refill(
        &mut self,
        account: &Account,
        provider: &Provider,
        count: KeyPackageCount,
        now: Millis,
    ) -> Result<Option<PublishKeyPackages>, Error> {
        let there = usize::try_from(count.one_time).unwrap_or(MAX_KEY_PACKAGES);
        let enough = there > MAX_KEY_PACKAGES / 2;
        if enough && count.last_resort_fresh {
            return Ok(None);
        }
        let missing = if enough { 0 } else { MAX_KEY_PACKAGES - there };
        let one_time =
            (0..missing).map(|_| self.make(account, provider, false, now)).collect::<Result<_, _>>()?;
        let last_resort =
            if count.last_resort_fresh { None } else { Some(self.make(account, provider, true, now)?) };
        self.forget_old(provider, there, now)?;
        Ok(Some(PublishKeyPackages { suite: suite::suite_number(), one_time, last_resort }))
    }

    fn make(
        &mut self,
        account: &Account,
        provider: &Provider,
        last_resort: bool,
        now: Millis,
    ) -> Result<ByteBuf, Error> {
        let mut builder = KeyPackage::builder()
            .leaf_node_capabilities(suite::capabilities())
            .leaf_node_extensions(self.leaf_extensions()?)
            .key_package_lifetime(suite::lifetime());
        if last_resort {
            builder = builder.mark_as_last_resort();
        }
        let bundle = builder
            .build(suite::SUITE, provider, &self.signer, self.credential(account))
            .map_err(|_| Error::Bug("a key package can't be made"))?;
        let key_package = bundle.key_package();
        let reference = key_package
            .hash_ref(provider.crypto())
            .map_err(|_| Error::Bug("a key package has no reference"))?;
        let reference = haven_wire::encode(&reference)?;
        self.key_packages.push(OwnKeyPackage { reference, created: now, last_resort });
        let bytes =
            key_package.tls_serialize_detached().map_err(|_| Error::Bug("a key package can't be encoded"))?;
        Ok(ByteBuf::from(bytes))
    }

    /// Where the private keys are that [`Self::refill`] may delete.
    pub fn outdated(&self, now: Millis) -> Result<Vec<Vec<u8>>, Error> {
        self.key_packages.iter().filter(|own| own.created + KEPT < now).map(OwnKeyPackage::scope).collect()
    }

    /// Deletes the private keys of key packages that nobody can use any more. `there`: how many the relay still hands
    /// out. Which ones they are it does not say, so while there are any, none is too old.
    fn forget_old(&mut self, provider: &Provider, there: usize, now: Millis) -> Result<(), Error> {
        let newest = self.key_packages.iter().rev().find(|own| own.last_resort);
        let newest = newest.map(|own| own.reference.clone());
        let unused = |own: &OwnKeyPackage| match own.last_resort {
            true => newest.as_ref() != Some(&own.reference),
            false => there == 0,
        };
        let (old, kept): (Vec<_>, Vec<_>) = std::mem::take(&mut self.key_packages)
            .into_iter()
            .partition(|own| own.created + KEPT < now && unused(own));
        self.key_packages = kept;
        for own in old {
            provider.storage().delete_key_package(&own.reference()?)?;
        }
        Ok(())
    }

    /// The own key package that a Welcome is for.
    pub fn addressed(&self, welcome: &Welcome) -> Result<Option<OwnKeyPackage>, Error> {
        let mut wanted = std::collections::BTreeSet::new();
        for secrets in welcome.secrets() {
            wanted.insert(haven_wire::encode(&secrets.new_member())?);
        }
        Ok(self.key_packages.iter().find(|own| wanted.contains(&own.reference)).cloned())
    }
}

impl OwnKeyPackage {
    fn reference(&self) -> Result<KeyPackageRef, Error> {
        Ok(haven_wire::decode(&self.reference)?)
    }

    /// Where its private keys are stored.
    pub fn scope(&self) -> Result<Vec<u8>, Error> {
        Ok(storage::scope_of_key_package(&self.reference()?)?)
    }
}
