//! Who is behind the leaves of a group.

use super::{Fault, suite};
use crate::identity::{AttestationClaim, Fingerprint, attestation};
use haven_wire::ids::DeviceId;
use openmls::{
    prelude::{BasicCredential, LeafNode, LeafNodeIndex, MlsGroup},
    treesync::LeafNodeSource,
};
use std::collections::BTreeMap;

/// The verified claims of a group's leaves, by leaf index.
#[derive(Clone, Debug, Default)]
pub struct Members {
    by_leaf: BTreeMap<u32, AttestationClaim>,
}

/// The credential of a device: `alice@example.org/<device id>`.
pub fn credential_of(address: &str, device_id: DeviceId) -> BasicCredential {
    BasicCredential::new(format!("{address}/{}", device_id.to_hex()).into_bytes())
}

/// Verifies that a leaf's attestation speaks for this leaf. A pure function of the leaf.
pub fn verify_leaf(leaf: &LeafNode) -> Result<AttestationClaim, Fault> {
    if let LeafNodeSource::KeyPackage(lifetime) = leaf.leaf_node_source() {
        suite::check_lifetime(lifetime)?;
    }
    let bytes = leaf.extensions().unknown(suite::ATTESTATION).ok_or(Fault::Attestation("it is missing"))?;
    let claim = attestation::verify(&bytes.0, leaf.signature_key().as_slice(), suite::suite_number())
        .map_err(|_| Fault::Attestation("it does not verify"))?;
    let credential = BasicCredential::try_from(leaf.credential().clone())
        .map_err(|_| Fault::Attestation("the credential is of another kind"))?;
    if credential.identity() != credential_of(&claim.address, claim.device_id).identity() {
        return Err(Fault::Attestation("the credential says something else"));
    }
    Ok(claim)
}

/// Reads the claim of a leaf that was verified before.
pub fn read_leaf(leaf: &LeafNode) -> Result<AttestationClaim, Fault> {
    let bytes = leaf.extensions().unknown(suite::ATTESTATION).ok_or(Fault::Attestation("it is missing"))?;
    attestation::read_verified(&bytes.0).map_err(|_| Fault::Attestation("it is malformed"))
}

impl Members {
    /// Verifies every leaf of a group, and that they go together. A pure function of the tree.
    pub fn verify_all(group: &MlsGroup) -> Result<Self, Fault> {
        let mut members = Self::default();
        for (index, leaf) in group.treesync().full_leaves() {
            members.by_leaf.insert(index.u32(), verify_leaf(leaf)?);
        }
        members.check()?;
        Ok(members)
    }

    /// Reads every leaf of a group that was verified before it was stored.
    pub fn read_all(group: &MlsGroup) -> Result<Self, Fault> {
        let mut by_leaf = BTreeMap::new();
        for (index, leaf) in group.treesync().full_leaves() {
            by_leaf.insert(index.u32(), read_leaf(leaf)?);
        }
        Ok(Self { by_leaf })
    }

    /// One leaf for each device, one certificate for each address, one address for each certificate.
    pub fn check(&self) -> Result<(), Fault> {
        let (mut devices, mut by_address, mut by_fingerprint) =
            (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        for claim in self.by_leaf.values() {
            if devices.insert(claim.device_id, ()).is_some() {
                return Err(Fault::Membership("a device has two leaves"));
            }
            let fingerprint = *by_address.entry(claim.address.as_str()).or_insert(claim.fingerprint);
            let address = *by_fingerprint.entry(claim.fingerprint).or_insert(claim.address.as_str());
            if fingerprint != claim.fingerprint || address != claim.address {
                return Err(Fault::Membership(
                    "two certificates claim one address, or one certificate two addresses",
                ));
            }
        }
        Ok(())
    }

    /// The claim of a leaf.
    pub fn get(&self, leaf: LeafNodeIndex) -> Option<&AttestationClaim> {
        self.by_leaf.get(&leaf.u32())
    }

    /// Sets or removes the claim of a leaf.
    pub fn set(&mut self, leaf: u32, claim: Option<AttestationClaim>) {
        match claim {
            Some(claim) => self.by_leaf.insert(leaf, claim),
            None => self.by_leaf.remove(&leaf),
        };
    }

    /// All leaves with their claims, in the order of the leaves.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &AttestationClaim)> {
        self.by_leaf.iter().map(|(leaf, claim)| (*leaf, claim))
    }

    /// How many leaves there are.
    pub fn len(&self) -> usize {
        self.by_leaf.len()
    }

    /// Whether a device has a leaf.
    pub fn has_device(&self, device_id: DeviceId) -> bool {
        self.by_leaf.values().any(|claim| claim.device_id == device_id)
    }

    /// The people, each once, in the order of their first leaves.
    pub fn people(&self) -> Vec<(Fingerprint, &str)> {
        let mut people: Vec<(Fingerprint, &str)> = Vec::new();
        let mut seen = std::collections::BTreeSet::new();
        for claim in self.by_leaf.values() {
            if seen.insert(claim.fingerprint) {
                people.push((claim.fingerprint, &claim.address));
            }
        }
        people
    }

    /// The leaves of these devices, as far as they are this person's.
    pub fn leaves_of_devices(
        &self,
        fingerprint: Fingerprint,
        devices: &[DeviceId],
    ) -> impl Iterator<Item = u32> {
        let wanted = move |claim: &AttestationClaim| {
            claim.fingerprint == fingerprint && devices.contains(&claim.device_id)
        };
        self.by_leaf.iter().filter(move |(_, claim)| wanted(claim)).map(|(leaf, _)| *leaf)
    }

    /// The leaves of a person.
    pub fn leaves_of(&self, fingerprint: Fingerprint) -> impl Iterator<Item = u32> {
        self.by_leaf.iter().filter(move |(_, claim)| claim.fingerprint == fingerprint).map(|(leaf, _)| *leaf)
    }
}
