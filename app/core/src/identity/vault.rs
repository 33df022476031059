//! The vault: what a person's devices share and the relay keeps without being able to read it.
//!
//! Its body is sealed with AES-256-GCM under a random vault key, bound to the person's address and to the vault's
//! version. The vault key is wrapped twice, under keys that come from the password (OPAQUE's export key) and from the
//! recovery phrase: a new password needs a new wrap and no new body, and the phrase stays good.

use super::{Error, Secret, secret::random};
use aes_gcm::{Aes256Gcm, KeyInit as _, Nonce, aead::Aead as _, aead::Payload};
use haven_wire::{
    account::Vault,
    decode, encode,
    ids::{GroupId, Hash},
    limits::MAX_VAULT,
};
use hkdf::Hkdf;
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use std::fmt;
use zeroize::Zeroizing;

const NONCE: usize = 12;

/// What is in a vault. Never MLS state: a group can't live on two devices.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct VaultBody {
    /// The certificate with its secret keys ([`super::SecretCertificate::to_bytes`]).
    pub certificate: Secret,
    /// The revocation signature that was made with it.
    #[serde(with = "serde_bytes")]
    pub revocation: Vec<u8>,
    /// What the recovery phrase stands for.
    pub recovery: Secret,
    /// Whether the person showed that the recovery phrase was written down.
    pub recovery_confirmed: bool,
    /// The conversations, so that a new device can knock at their groups.
    pub conversations: Vec<VaultConversation>,
    /// The last device list that was seen.
    pub device_list: SeenDeviceList,
}

/// A conversation in a [`VaultBody`].
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct VaultConversation {
    /// The relay's origin.
    pub origin: String,
    /// The group.
    pub group_id: GroupId,
    /// The key that a knock is addressed and sealed with.
    pub knock_key: Secret,
}

/// A device list, by number and [`super::DeviceList::hash`].
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct SeenDeviceList {
    /// Its number.
    pub sequence: u64,
    /// Its hash.
    pub hash: Hash,
}

/// The key of a vault's body.
#[derive(Clone, Eq, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct VaultKey(Secret);

/// A key under which a vault key is wrapped.
pub struct WrapKey(Zeroizing<[u8; 32]>);

impl VaultKey {
    /// Makes a key.
    pub fn generate() -> Result<Self, Error> {
        Ok(Self(Secret::from(random::<32>()?.to_vec())))
    }

    /// Seals a body as version `version` of the vault of `address`.
    pub fn seal(&self, address: &str, version: u64, body: &VaultBody) -> Result<Vault, Error> {
        let body = encode(body).map(Zeroizing::new);
        let body = body.map_err(|_| Error::Bug("encoding a vault"))?;
        let sealed = seal(&self.0, &bound_to("vault", address, version), &body)?;
        if sealed.len() > MAX_VAULT {
            return Err(Error::TooLarge);
        }
        Ok(Vault { version, body: sealed })
    }

    /// Opens the vault of `address`, unless it is older than version `seen`. A device that has seen none says 0.
    pub fn open(&self, address: &str, vault: &Vault, seen: u64) -> Result<VaultBody, Error> {
        if vault.body.len() > MAX_VAULT {
            return Err(Error::TooLarge);
        }
        if vault.version < seen {
            let got = vault.version;
            return Err(Error::VaultRolledBack { seen, got });
        }
        let bound = bound_to("vault", address, vault.version);
        let body = open(&self.0, &bound, &vault.body)?;
        decode(&body).map_err(|_| Error::VaultSealed)
    }

    /// Wraps the key.
    pub fn wrap(&self, key: &WrapKey, address: &str) -> Result<Vec<u8>, Error> {
        seal(key.0.as_ref(), &bound_to("vault key", address, 0), &self.0)
    }

    /// Unwraps a key.
    pub fn unwrap(wrapped: &[u8], key: &WrapKey, address: &str) -> Result<Self, Error> {
        let opened = open(key.0.as_ref(), &bound_to("vault key", address, 0), wrapped)?;
        if opened.len() != 32 {
            return Err(Error::VaultSealed);
        }
        Ok(Self(Secret::from(opened)))
    }
}

impl fmt::Debug for VaultKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VaultKey(…)")
    }
}

impl WrapKey {
    /// The key that comes from the password, by way of OPAQUE's export key.
    pub fn from_export_key(export_key: &[u8], address: &str) -> Result<Self, Error> {
        derive(export_key, "haven vault wrap from password 1", address).map(Self)
    }

    /// The key that comes from a recovery phrase's 128 bits.
    pub(super) fn from_recovery(entropy: &[u8], address: &str) -> Result<Self, Error> {
        derive(entropy, "haven vault wrap from recovery phrase 1", address).map(Self)
    }
}

/// Derives a key for one purpose and one address. The purpose ends in a number, so it can't run into the address.
pub(super) fn derive(secret: &[u8], purpose: &str, address: &str) -> Result<Zeroizing<[u8; 32]>, Error> {
    let mut key = Zeroizing::new([0; 32]);
    let info = [purpose.as_bytes(), b"\n", address.as_bytes()];
    Hkdf::<Sha256>::new(None, secret)
        .expand_multi_info(&info, key.as_mut())
        .map_err(|_| Error::Bug("deriving a key"))?;
    Ok(key)
}

/// What a sealed value is bound to.
fn bound_to(what: &str, address: &str, version: u64) -> Vec<u8> {
    format!("haven {what} 1\n{address}\n{version}").into_bytes()
}

/// The nonce, then the ciphertext.
fn seal(key: &[u8], bound: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, Error> {
    let nonce = random::<NONCE>()?;
    let cipher = Aes256Gcm::new_from_slice(key).map_err(|_| Error::Bug("a key's length"))?;
    let payload = Payload { msg: plaintext, aad: bound };
    let sealed = cipher.encrypt(Nonce::from_slice(nonce.as_ref()), payload);
    let sealed = sealed.map_err(|_| Error::Bug("sealing a vault"))?;
    Ok([nonce.as_slice(), &sealed].concat())
}

fn open(key: &[u8], bound: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
    let (nonce, sealed) = sealed.split_at_checked(NONCE).ok_or(Error::VaultSealed)?;
    let cipher = Aes256Gcm::new_from_slice(key).map_err(|_| Error::VaultSealed)?;
    let payload = Payload { msg: sealed, aad: bound };
    let opened = cipher.decrypt(Nonce::from_slice(nonce), payload);
    opened.map(Zeroizing::new).map_err(|_| Error::VaultSealed)
}
