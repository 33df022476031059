//! The vault: what a person's devices share and the relay keeps without being able to read it.
//!
//! Its body is sealed with AES-256-GCM under a random vault key, bound to the person's address and to the vault's
//! version. The vault key is wrapped twice, under keys that come from the password (OPAQUE's export key) and from the
//! recovery phrase: a new password needs a new wrap and no new body, and the phrase stays good.

use super::{Error, Fingerprint, Secret, secret::random};
use crate::Millis;
use aes_gcm::{Aes256Gcm, KeyInit as _, Nonce, aead::Aead as _, aead::Payload};
use haven_wire::{
    account::Vault,
    decode, encode,
    ids::{DeviceId, GroupId, Hash, MessageId},
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
    /// What the devices are called. Device lists don't say it, since relays read them.
    #[serde(default)]
    pub devices: Vec<NamedDevice>,
    /// The certificate as it was imported, with all secret keys, other User IDs and signatures of others: for exporting
    /// it again. Nothing: it was made here.
    #[serde(default)]
    pub imported: Option<Secret>,
    /// Whose certificates are pinned, and who is blocked. Devices keep them as contacts, and put them here when they seal.
    #[serde(default)]
    pub people: Vec<VaultPerson>,
}

/// A person in a [`VaultBody`].
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct VaultPerson {
    /// The certificate.
    pub fingerprint: Fingerprint,
    /// The address.
    pub address: String,
    /// Whether the certificate is pinned for the address.
    pub pinned: bool,
    /// Whether another certificate was accepted in its place.
    pub replaced: bool,
    /// Whether the person is blocked.
    pub blocked: bool,
    /// When this was last said, by the clock of the device where it was.
    pub since: Millis,
}

/// A device's name in a [`VaultBody`].
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct NamedDevice {
    /// The device.
    pub device_id: DeviceId,
    /// Its name, such as "Firefox on Linux".
    pub name: String,
}

impl VaultBody {
    /// What a device is called, if its name is known.
    pub fn name_of(&self, device: DeviceId) -> Option<&str> {
        self.devices.iter().find(|named| named.device_id == device).map(|named| named.name.as_str())
    }

    /// Notes a device's name, unless it has one.
    pub fn name_device(&mut self, device_id: DeviceId, name: &str) {
        if self.name_of(device_id).is_none() {
            self.devices.push(NamedDevice { device_id, name: name.to_owned() });
        }
    }

    /// Takes over the names that only another copy of the vault has.
    pub fn take_names(&mut self, theirs: &[NamedDevice]) {
        theirs.iter().for_each(|named| self.name_device(named.device_id, &named.name));
    }
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

    /// Seals what one of the person's devices leaves for the others in the mailbox, bound to its id.
    pub fn seal_note(&self, address: &str, id: MessageId, note: &[u8]) -> Result<Vec<u8>, Error> {
        let key = derive(&self.0, "haven mailbox notes 1", address)?;
        seal(key.as_ref(), &bound_to("note", &id.to_hex(), 0), note)
    }

    /// Opens what [`Self::seal_note`] sealed.
    pub fn open_note(
        &self,
        address: &str,
        id: MessageId,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, Error> {
        let key = derive(&self.0, "haven mailbox notes 1", address)?;
        open(key.as_ref(), &bound_to("note", &id.to_hex(), 0), sealed)
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

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: &str = "alice@example.org";

    fn body() -> VaultBody {
        VaultBody {
            certificate: Secret::from(vec![1; 500]),
            revocation: vec![2; 150],
            recovery: Secret::from(vec![3; 16]),
            recovery_confirmed: true,
            conversations: vec![VaultConversation {
                origin: "https://chat.example.org".into(),
                group_id: GroupId([4; 16]),
                knock_key: Secret::from(vec![5; 32]),
            }],
            device_list: SeenDeviceList { sequence: 3, hash: Hash([6; 32]) },
            devices: vec![NamedDevice { device_id: DeviceId([7; 16]), name: "Firefox on Linux".into() }],
            imported: None,
            people: vec![VaultPerson {
                fingerprint: Fingerprint([8; 20]),
                address: "bob@example.org".into(),
                pinned: true,
                replaced: false,
                blocked: false,
                since: 1,
            }],
        }
    }

    #[test]
    fn a_vault_opens_with_its_key_for_its_address_at_its_version() {
        let (key, other) = (VaultKey::generate().unwrap(), VaultKey::generate().unwrap());
        let vault = key.seal(ALICE, 7, &body()).unwrap();
        assert_eq!(key.open(ALICE, &vault, 0).unwrap(), body());
        assert_eq!(key.open(ALICE, &vault, 7).unwrap(), body());
        assert_eq!(key.open(ALICE, &vault, 8), Err(Error::VaultRolledBack { seen: 8, got: 7 }));
        assert_eq!(other.open(ALICE, &vault, 0), Err(Error::VaultSealed));
        assert_eq!(key.open("bob@example.org", &vault, 0), Err(Error::VaultSealed));
        let renumbered = Vault { version: 8, ..vault.clone() };
        assert_eq!(key.open(ALICE, &renumbered, 8), Err(Error::VaultSealed));
        for at in [0, 11, 12, 100, vault.body.len() - 1] {
            let mut changed = vault.clone();
            changed.body[at] ^= 1;
            assert_eq!(key.open(ALICE, &changed, 0), Err(Error::VaultSealed), "{at}");
            changed.body.truncate(at);
            assert_eq!(key.open(ALICE, &changed, 0), Err(Error::VaultSealed), "{at}");
        }
    }

    #[test]
    fn nothing_of_the_body_shows() {
        let vault = VaultKey::generate().unwrap().seal(ALICE, 1, &body()).unwrap();
        let shows = |needle: &[u8]| vault.body.windows(needle.len()).any(|window| window == needle);
        assert!(!shows(b"chat.example.org") && !shows(&[1; 16]) && !shows(b"certificate"));
        assert!(!shows(b"Firefox"));
    }

    #[test]
    fn a_vault_from_before_there_were_names_and_people_in_it_opens() {
        #[derive(Serialize)]
        struct Before {
            certificate: Secret,
            #[serde(with = "serde_bytes")]
            revocation: Vec<u8>,
            recovery: Secret,
            recovery_confirmed: bool,
            conversations: Vec<VaultConversation>,
            device_list: SeenDeviceList,
        }
        let VaultBody {
            certificate,
            revocation,
            recovery,
            recovery_confirmed,
            conversations,
            device_list,
            ..
        } = body();
        let before =
            Before { certificate, revocation, recovery, recovery_confirmed, conversations, device_list };
        let read: VaultBody = decode(&encode(&before).unwrap()).unwrap();
        assert_eq!(read, VaultBody { devices: Vec::new(), people: Vec::new(), ..body() });
    }

    #[test]
    fn a_device_keeps_its_name_when_copies_of_the_vault_meet() {
        let (mut ours, mut theirs) = (body(), body());
        ours.name_device(DeviceId([8; 16]), "Safari on iPhone");
        theirs.name_device(DeviceId([9; 16]), "Chrome on Android");
        theirs.name_device(DeviceId([7; 16]), "another name");
        ours.take_names(&theirs.devices);
        let names: Vec<_> = [7, 8, 9, 10].map(|id| ours.name_of(DeviceId([id; 16]))).into();
        let expected = [Some("Firefox on Linux"), Some("Safari on iPhone"), Some("Chrome on Android"), None];
        assert_eq!(names, expected);
    }

    #[test]
    fn a_wrapped_key_opens_by_the_same_way_only() {
        let key = VaultKey::generate().unwrap();
        let password = |export: u8, address| WrapKey::from_export_key(&[export; 64], address).unwrap();
        let wrapped = key.wrap(&password(1, ALICE), ALICE).unwrap();
        assert_eq!(VaultKey::unwrap(&wrapped, &password(1, ALICE), ALICE).unwrap(), key);
        let phrase = WrapKey::from_recovery(&[1; 64], ALICE).unwrap();
        for wrong in [password(2, ALICE), password(1, "bob@example.org"), phrase] {
            assert_eq!(VaultKey::unwrap(&wrapped, &wrong, ALICE), Err(Error::VaultSealed));
        }
        assert_eq!(
            VaultKey::unwrap(&wrapped, &password(1, ALICE), "bob@example.org"),
            Err(Error::VaultSealed)
        );
        assert_eq!(VaultKey::unwrap(&[], &password(1, ALICE), ALICE), Err(Error::VaultSealed));
    }

    #[test]
    fn a_vault_holds_thousands_of_conversations_and_no_more_than_its_limit() {
        let key = VaultKey::generate().unwrap();
        let mut large = body();
        large.conversations = vec![large.conversations[0].clone(); 5_000];
        assert!(key.seal(ALICE, 1, &large).is_ok());
        large.conversations = vec![large.conversations[0].clone(); 50_000];
        assert_eq!(key.seal(ALICE, 1, &large).err(), Some(Error::TooLarge));
    }
}
