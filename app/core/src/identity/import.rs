//! A key that somebody has already becomes the person's certificate.
//!
//! It has to be of the kind that Haven makes itself: version 4, an Ed25519 primary key whose secret part is there, since
//! that key signs the person's devices and every member of a conversation verifies it with fixed algorithms; and a
//! Curve25519 subkey that decrypts. What goes on from there has one User ID, with the person's address, and is signed
//! anew: it is valid for the usual time and promises to read what Haven reads. The rest of the file (other User IDs,
//! signatures of others, further keys) is kept for exporting it again.
//!
//! The file is a stranger's until the passphrase fits. Its size, its packets and the cost of stretching the passphrase
//! are bounded before anything is done with it.

use super::{
    Error, Fingerprint, PrimaryKey, Secret, SecretCertificate,
    certificate::{Certificate, millis, primary_packet, time},
    user_id,
};
use crate::Millis;
use haven_bridge::KeyTrouble;
use sequoia_openpgp::{
    Cert, Packet,
    cert::CertParser,
    crypto::{Decryptor as _, Password, S2K, SessionKey, mpi::PublicKey},
    packet::{
        Key, Signature, UserID,
        key::{KeyRole, SecretKeyMaterial, SecretParts, SubordinateRole},
    },
    parse::Parse as _,
    policy::StandardPolicy,
    serialize::MarshalInto as _,
    types::{Curve, RevocationStatus},
};

/// A file, armored or not.
const MAX_FILE: usize = 256 * 1024;
/// What of it is kept, unarmored. The vault holds it.
const MAX_KEPT: usize = 128 * 1024;
/// Packets in it.
const MAX_PACKETS: usize = 1000;
/// Keys in it.
const MAX_KEYS: usize = 16;
/// Argon2's memory, as the power of two of KiB: 256 MiB. Browsers have no more to give.
const MAX_ARGON2_MEMORY: u8 = 18;
/// Argon2's passes.
const MAX_ARGON2_PASSES: u8 = 4;
/// Bytes to hash, for all keys together.
const MAX_HASHED: u64 = 512 * 1024 * 1024;

/// A key that can be used.
pub struct Imported {
    /// What the person is from now on.
    pub secret: SecretCertificate,
    /// All that was in the file, unprotected.
    pub whole: Secret,
}

/// Reads a key and takes its passphrase off; an empty one stands for none. `address` is the person's.
pub fn import(file: &[u8], passphrase: &str, address: &str, now: Millis) -> Result<Imported, Error> {
    let whole = unlocked(parse(file, now)?, passphrase)?;
    // A clock that stands before the keys were made is taken to be wrong.
    let made = whole.keys().map(|key| key.key().creation_time()).max();
    let now = made.map_or(now, |made| now.max(millis(made) + 1000));
    let unusable = |_| Error::Unusable(KeyTrouble::NotAKey);
    let secret = SecretCertificate::from_cert(cleaned(&whole, address)?)?.renewed(now)?;
    // A secret key that is not the public one's makes signatures that don't verify.
    let seen = Certificate::parse(&secret.public_bytes()?, now).map_err(unusable)?;
    if !seen.claims(address) || seen.expired(now) {
        return Err(Error::Unusable(KeyTrouble::NotAKey));
    }
    let whole = whole.as_tsk().to_vec().map_err(|_| Error::Bug("writing a certificate"))?;
    if whole.len() > MAX_KEPT {
        return Err(Error::Unusable(KeyTrouble::TooLarge));
    }
    Ok(Imported { secret, whole: whole.into() })
}

/// Whether a key can be used, and whose it is: for the person to see before the sign-up.
pub fn judge(file: &[u8], passphrase: &str, now: Millis) -> Result<Fingerprint, Error> {
    // Any address does: which one it will be is not known yet.
    import(file, passphrase, "somebody@example.org", now).map(|imported| imported.secret.fingerprint())
}

/// Reads exactly one key whose primary key is of the right kind.
fn parse(file: &[u8], now: Millis) -> Result<Cert, Error> {
    let refuse = |why| Err(Error::Unusable(why));
    if file.len() > MAX_FILE {
        return refuse(KeyTrouble::TooLarge);
    }
    let Ok(mut certs) = CertParser::from_bytes(file) else { return refuse(KeyTrouble::NotAKey) };
    let Some(Ok(cert)) = certs.next() else { return refuse(KeyTrouble::NotAKey) };
    if certs.next().is_some() {
        return refuse(KeyTrouble::Several);
    }
    if cert.clone().into_packets().count() > MAX_PACKETS || cert.keys().count() > MAX_KEYS {
        return refuse(KeyTrouble::TooLarge);
    }
    let status = {
        let now = time(now).max(cert.primary_key().key().creation_time());
        cert.revocation_status(&StandardPolicy::at(now), now)
    };
    if !cert.is_tsk() {
        refuse(KeyTrouble::NoSecret)
    } else if matches!(status, RevocationStatus::Revoked(_)) {
        refuse(KeyTrouble::Revoked)
    } else if PrimaryKey::from_packet(&primary_packet(&cert)?).is_err() {
        refuse(KeyTrouble::Shape)
    } else {
        Ok(cert)
    }
}

/// Takes the passphrase off all secret keys. Stubs, whose secret part is elsewhere (on a card), are left alone, but the
/// primary key must not be one.
fn unlocked(cert: Cert, passphrase: &str) -> Result<Cert, Error> {
    let primary = cert.primary_key().key().clone().parts_into_secret();
    let primary = primary.map_err(|_| Error::Unusable(KeyTrouble::NoSecret))?;
    let subkeys: Vec<_> = cert.keys().subkeys().secret().map(|key| key.key().clone()).collect();
    check_cost(subkeys.iter().map(Key::secret).chain([primary.secret()]))?;
    let unlock = unlocker(passphrase);
    let mut keys = vec![Packet::from(unlock.unlock(primary)?.ok_or(Error::Unusable(KeyTrouble::NoSecret))?)];
    for subkey in subkeys {
        keys.extend(unlock.unlock(subkey)?.map(Packet::from));
    }
    cert.insert_packets(keys).map(|(cert, _)| cert).map_err(|_| Error::Bug("putting keys together"))
}

/// Refuses what would take more memory or time than a browser has.
fn check_cost<'a>(secrets: impl Iterator<Item = &'a SecretKeyMaterial>) -> Result<(), Error> {
    let mut hashed: u64 = 0;
    for secret in secrets {
        match secret {
            SecretKeyMaterial::Encrypted(locked) => match locked.s2k() {
                S2K::Argon2 { t, m, .. } if *m > MAX_ARGON2_MEMORY || *t > MAX_ARGON2_PASSES => {
                    return Err(Error::Unusable(KeyTrouble::TooCostly));
                }
                S2K::Iterated { hash_bytes, .. } => hashed += u64::from(*hash_bytes),
                _ => {}
            },
            SecretKeyMaterial::Unencrypted(_) => {}
        }
    }
    if hashed > MAX_HASHED { Err(Error::Unusable(KeyTrouble::TooCostly)) } else { Ok(()) }
}

struct Unlocker {
    passphrase: Option<Password>,
}

fn unlocker(passphrase: &str) -> Unlocker {
    Unlocker { passphrase: (!passphrase.is_empty()).then(|| Password::from(passphrase)) }
}

impl Unlocker {
    /// Nothing: the secret part is not in the file.
    fn unlock<R: KeyRole>(&self, key: Key<SecretParts, R>) -> Result<Option<Key<SecretParts, R>>, Error> {
        match key.secret() {
            SecretKeyMaterial::Unencrypted(_) => return Ok(Some(key)),
            SecretKeyMaterial::Encrypted(locked) if !locked.s2k().is_supported() => return Ok(None),
            SecretKeyMaterial::Encrypted(_) => {}
        }
        let passphrase = self.passphrase.as_ref().ok_or(Error::Unusable(KeyTrouble::NeedsPassphrase))?;
        key.decrypt_secret(passphrase).map(Some).map_err(|_| Error::Unusable(KeyTrouble::WrongPassphrase))
    }
}

/// The primary key, one User ID with the address, and the subkeys that decrypt, with the signatures that the primary key
/// made on them.
fn cleaned(whole: &Cert, address: &str) -> Result<Cert, Error> {
    let primary = whole.primary_key().key().clone().parts_into_secret();
    let mut packets = vec![Packet::from(primary.map_err(|_| Error::Unusable(KeyTrouble::NoSecret))?)];
    packets.extend(userid(whole, address));
    let mut decrypts = false;
    for subkey in whole.keys().subkeys().unencrypted_secret() {
        let own: Vec<&Signature> = subkey.self_signatures().collect();
        let flagged = own.iter().filter_map(|own| own.key_flags());
        let usable = flagged.into_iter().any(|flags| flags.for_transport_encryption())
            && subkey.self_revocations().next().is_none()
            && opens(subkey.key());
        if usable {
            decrypts = true;
            packets.push(subkey.key().clone().into());
            packets.extend(own.into_iter().cloned().map(Packet::from));
        }
    }
    if !decrypts {
        return Err(Error::Unusable(KeyTrouble::Shape));
    }
    Cert::from_packets(packets.into_iter()).map_err(|_| Error::Unusable(KeyTrouble::NotAKey))
}

/// The User ID with the address and what the primary key signed on it, or a new one.
fn userid(whole: &Cert, address: &str) -> Vec<Packet> {
    let named = whole.userids().find(|userid| {
        user_id::address(userid.userid()).is_some_and(|named| named.eq_ignore_ascii_case(address))
            && userid.self_signatures().next().is_some()
            && userid.self_revocations().next().is_none()
    });
    match named {
        Some(named) => {
            let signatures = named.self_signatures().cloned().map(Packet::from);
            [named.userid().clone().into()].into_iter().chain(signatures).collect()
        }
        None => vec![UserID::from(format!("<{address}>")).into()],
    }
}

/// Whether it is a Curve25519 key whose secret part opens what is encrypted to its public part.
fn opens(key: &Key<SecretParts, SubordinateRole>) -> bool {
    let right_kind =
        key.version() == 4 && matches!(key.mpis(), PublicKey::ECDH { curve: Curve::Cv25519, .. });
    let round_trip = || {
        let session = SessionKey::from(&[0x5A; 32][..]);
        let sealed = key.encrypt(&session).ok()?;
        let opened = key.clone().into_keypair().ok()?.decrypt(&sealed, Some(32)).ok()?;
        Some(opened == session)
    };
    right_kind && round_trip() == Some(true)
}
