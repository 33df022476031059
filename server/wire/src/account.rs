//! Accounts: OPAQUE (RFC 9807) registration and login, the recovery phrase's login, sessions, the vault.
//!
//! The relay never sees the password, the recovery phrase, or what is in the vault. The vault's body is sealed under
//! a random key, which is wrapped twice: under OPAQUE's export key and under a key from the recovery phrase.

use crate::{call, ids::*};
use serde::{Deserialize, Serialize};

/// The OPAQUE suite of both sides: Ristretto255, 3DH with SHA-512, Argon2id with the client's parameters. The credential
/// identifier is the part of the address before the `@`.
pub struct OpaqueSuite;

impl opaque_ke::CipherSuite for OpaqueSuite {
    type OprfCs = opaque_ke::Ristretto255;
    type KeyExchange = opaque_ke::TripleDh<opaque_ke::Ristretto255, sha2::Sha512>;
    type Ksf = opaque_ke::argon2::Argon2<'static>;
}

/// OPAQUE's context string, on both sides.
pub const OPAQUE_CONTEXT: &[u8] = b"haven opaque 1";

/// OPAQUE's identifiers, on both sides: the client is the address, the server is its domain. So an answer can't be
/// used for another address or domain.
pub fn opaque_identifiers(address: &str) -> opaque_ke::Identifiers<'_> {
    let domain = address.rsplit_once('@').map_or("", |(_, domain)| domain);
    opaque_ke::Identifiers { client: Some(address.as_bytes()), server: Some(domain.as_bytes()) }
}

/// Argon2id parameters of an account. The relay stores them, because a client that used others would be locked out.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Stretching {
    /// Memory, in KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub passes: u32,
}

impl Stretching {
    /// For new accounts: 64 MiB, 3 passes, one lane.
    pub const CURRENT: Self = Self { memory_kib: 64 * 1024, passes: 3 };

    /// Whether a client may use these: at least today's strength, and no more than a browser can bear (1 GiB, 10
    /// passes), so that a relay can neither weaken nor hang its clients.
    pub fn acceptable(self) -> bool {
        (64 * 1024..=1024 * 1024).contains(&self.memory_kib) && (3..=10).contains(&self.passes)
    }
}

/// `POST /v1/info`: what a client must know before it signs up.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Info {}
call!(Info => InfoReply, Open, "/v1/info");

/// What this relay is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct InfoReply {
    /// The domain of the addresses of this relay.
    pub domain: String,
    /// The relay's origin, as its clients and those of other relays name it, such as `https://chat.example.org`.
    pub origin: String,
    /// Whether new accounts are taken.
    pub sign_up: bool,
    /// The version of the relay.
    pub version: String,
    /// A hash over the served web app.
    pub build: String,
    /// Where people get the source of what runs and is served here, if the relay's operator says so.
    #[serde(default)]
    pub source: Option<String>,
}

/// First step of a sign-up, and of a change of password after a recovery.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RegisterStart {
    /// The address.
    pub address: String,
    /// OPAQUE registration request.
    #[serde(with = "serde_bytes")]
    pub request: Vec<u8>,
}
call!(RegisterStart => RegisterStartReply, Open, "/v1/register/start");

/// The relay's part of the first step. It is the same whether or not the address is taken.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RegisterStartReply {
    /// OPAQUE registration response.
    #[serde(with = "serde_bytes")]
    pub response: Vec<u8>,
}

/// What opens an account: stored and replaced in one transaction.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Credentials {
    /// OPAQUE registration upload, that is: the account's password file.
    #[serde(with = "serde_bytes")]
    pub opaque_record: Vec<u8>,
    /// How the password was stretched.
    pub stretching: Stretching,
    /// SHA-256 of the login key that the recovery phrase yields.
    pub recovery_login_hash: Hash,
    /// The vault key, wrapped under OPAQUE's export key.
    #[serde(with = "serde_bytes")]
    pub wrap_password: Vec<u8>,
    /// The vault key, wrapped under the recovery phrase's key.
    #[serde(with = "serde_bytes")]
    pub wrap_recovery: Vec<u8>,
}

/// A sealed vault body. The first version is 1.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Vault {
    /// Counts changes. A device refuses a version below one that it has seen.
    pub version: u64,
    /// The body, sealed under the vault key, bound to the version.
    #[serde(with = "serde_bytes")]
    pub body: Vec<u8>,
}

/// Second step of a sign-up: makes the account, whole or not at all. The same call again gives the same answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RegisterFinish {
    /// The address.
    pub address: String,
    /// What opens the account.
    pub credentials: Credentials,
    /// The sealed vault, version 1.
    pub vault: Vault,
    /// The OpenPGP certificate (public part).
    #[serde(with = "serde_bytes")]
    pub certificate: Vec<u8>,
    /// The signed device list with this device in it.
    pub device_list: crate::keys::SignedDeviceList,
    /// This device.
    pub device_id: DeviceId,
    /// SHA-256 of the session token that the device made for itself.
    pub session_hash: Hash,
}
call!(RegisterFinish => Done, Open, "/v1/register/finish");

/// It is done.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Done {}

/// First step of a sign-in by password.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LoginStart {
    /// The address.
    pub address: String,
    /// OPAQUE credential request.
    #[serde(with = "serde_bytes")]
    pub request: Vec<u8>,
}
call!(LoginStart => LoginStartReply, Open, "/v1/login/start");

/// The relay's part. For an unknown address it is made up, and can't be told from a real one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LoginStartReply {
    /// Names this sign-in, for a minute.
    pub login: MessageId,
    /// OPAQUE credential response.
    #[serde(with = "serde_bytes")]
    pub response: Vec<u8>,
    /// How to stretch the password.
    pub stretching: Stretching,
}

/// Second step of a sign-in by password.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LoginFinish {
    /// From [`LoginStartReply`].
    pub login: MessageId,
    /// OPAQUE credential finalization.
    #[serde(with = "serde_bytes")]
    pub finalization: Vec<u8>,
    /// The device that signs in.
    pub device_id: DeviceId,
    /// SHA-256 of the session token that the device made for itself.
    pub session_hash: Hash,
}
call!(LoginFinish => SignedIn, Open, "/v1/login/finish");

/// Sign-in by recovery phrase.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Recover {
    /// The address.
    pub address: String,
    /// The login key that the recovery phrase yields; the relay compares its hash.
    pub recovery_login: LoginSecret,
    /// The device that signs in.
    pub device_id: DeviceId,
    /// SHA-256 of the session token that the device made for itself.
    pub session_hash: Hash,
}
call!(Recover => SignedIn, Open, "/v1/recover");

/// A secret of 32 bytes that is shown to the relay, which stores its hash.
pub type LoginSecret = SessionToken;

/// What a device needs to become one of its person's devices.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SignedIn {
    /// The vault key, wrapped under OPAQUE's export key.
    #[serde(with = "serde_bytes")]
    pub wrap_password: Vec<u8>,
    /// The vault key, wrapped under the recovery phrase's key.
    #[serde(with = "serde_bytes")]
    pub wrap_recovery: Vec<u8>,
    /// The vault.
    pub vault: Vault,
    /// Certificate and device list, as everybody sees them.
    pub entry: crate::keys::DirectoryEntry,
}

/// Replaces what opens the account, and both wraps of the vault key. A [`RegisterStart`] comes before it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReplaceCredentials {
    /// The new ones.
    pub credentials: Credentials,
}
call!(ReplaceCredentials => Done, Session, "/v1/account/credentials");

/// Reads the vault.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct GetVault {}
call!(GetVault => Vault, Session, "/v1/vault/get");

/// Writes the vault, if the relay holds the version before it ([`crate::Refusal::Conflict`] otherwise).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PutVault {
    /// The new vault.
    pub vault: Vault,
}
call!(PutVault => Done, Session, "/v1/vault/put");

/// Ends this device's session, and forgets its inbox and key packages.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SignOut {
    /// The device list without this device, if the person removes it.
    pub device_list: Option<crate::keys::SignedDeviceList>,
}
call!(SignOut => Done, Session, "/v1/sign_out");

/// Ends the session of another device of the same person, and forgets its inbox and key packages: for a device that
/// is lost. [`crate::Refusal::NotFound`] if the person has no such device (any more).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RevokeDevice {
    /// The device.
    pub device_id: DeviceId,
    /// The device list without it.
    pub device_list: Option<crate::keys::SignedDeviceList>,
}
call!(RevokeDevice => Done, Session, "/v1/account/revoke_device");
