//! The directory (certificates, device lists) and the key-package pools.

use crate::{call, ids::*};
use serde::{Deserialize, Serialize};

/// A device list, signed by its person's primary key. The relay looks at `sequence` alone.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct SignedDeviceList {
    /// Grows by one with each list. The first is 1.
    pub sequence: u64,
    /// The list and its signature, as haven-core makes them.
    #[serde(with = "serde_bytes")]
    pub document: Vec<u8>,
}

/// What the directory says of a person.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct DirectoryEntry {
    /// The OpenPGP certificate.
    #[serde(with = "serde_bytes")]
    pub certificate: Vec<u8>,
    /// The device list.
    pub device_list: SignedDeviceList,
}

/// Looks up a person of this relay.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Lookup {
    /// The address.
    pub address: String,
}
call!(Lookup => DirectoryEntry, Session, "/v1/directory/lookup");

/// Writes the device list, if the relay holds the sequence number before it ([`crate::Refusal::Conflict`] otherwise).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PutDeviceList {
    /// The new list.
    pub device_list: SignedDeviceList,
}
call!(PutDeviceList => Done, Session, "/v1/directory/device_list");

pub use crate::account::Done;

/// Adds key packages to this device's pool.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PublishKeyPackages {
    /// The MLS ciphersuite of all of them (RFC 9420, section 17.1).
    pub suite: u16,
    /// To be used once each.
    pub one_time: Vec<serde_bytes::ByteBuf>,
    /// Replaces the one that is given out when the others are used up.
    pub last_resort: Option<serde_bytes::ByteBuf>,
}
call!(PublishKeyPackages => KeyPackageCount, Session, "/v1/key_packages/publish");

/// Asks how many key packages of this device are left.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CountKeyPackages {
    /// The MLS ciphersuite.
    pub suite: u16,
}
call!(CountKeyPackages => KeyPackageCount, Session, "/v1/key_packages/count");

/// How many key packages of this device are left.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct KeyPackageCount {
    /// One-time key packages.
    pub one_time: u32,
    /// Whether there is a last-resort key package that was never given out.
    pub last_resort_fresh: bool,
}

/// Takes one key package for each device of a person, all at once.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ClaimKeyPackages {
    /// The address.
    pub address: String,
    /// The MLS ciphersuite.
    pub suite: u16,
}
call!(ClaimKeyPackages => ClaimedKeyPackages, Session, "/v1/key_packages/claim");

/// One key package for each device, and what is needed to judge them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ClaimedKeyPackages {
    /// Certificate and device list.
    pub entry: DirectoryEntry,
    /// A device without key packages is missing here.
    pub key_packages: Vec<ClaimedKeyPackage>,
}

/// A key package and the device that made it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ClaimedKeyPackage {
    /// The device.
    pub device_id: DeviceId,
    /// The key package.
    #[serde(with = "serde_bytes")]
    pub key_package: Vec<u8>,
}

/// Publishes another state of this person's certificate, if the relay holds the one with this hash
/// ([`crate::Refusal::Conflict`] otherwise). The same again changes nothing.
///
/// The relay takes only the same certificate (by fingerprint), properly signed, not older than what it holds, and never
/// takes a revocation back.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PutCertificate {
    /// The certificate (public part).
    #[serde(with = "serde_bytes")]
    pub certificate: Vec<u8>,
    /// SHA-256 of the certificate that it replaces.
    pub replaces: Hash,
}
call!(PutCertificate => Done, Session, "/v1/directory/certificate");
