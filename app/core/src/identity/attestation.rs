//! Device attestations: the proof, in each MLS leaf, that the leaf's key is a device of a certificate's owner.
//!
//! [`verify`] is a merge check, so it is a pure function of its arguments: it knows no clock, no policy and no
//! setting, and its rules ([`super::packet`], [`super::statement`]) change only with the rules version of a group.
//! Whether the certificate behind it is expired, revoked or pinned is judged elsewhere, by whoever adds a device.

use super::{Error, Fingerprint, PrimaryKey, SecretCertificate, address, statement::Purpose};
use crate::Millis;
use haven_wire::{decode, encode, ids::DeviceId};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

/// An attestation, in bytes. One with a long address and label takes about 700.
pub const MAX_ATTESTATION: usize = 2048;
/// A device's label, in bytes.
pub const MAX_LABEL: usize = 64;

const PURPOSE: Purpose =
    Purpose { prefix: b"haven device attestation 1\n", notation: "mls-device@haven.invalid" };

/// What a person says of a device.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AttestationClaim {
    /// The person's address.
    pub address: String,
    /// The person's certificate.
    pub fingerprint: Fingerprint,
    /// The device.
    pub device_id: DeviceId,
    /// The device's MLS signature key (public).
    pub signature_key: Vec<u8>,
    /// The MLS ciphersuite of that key.
    pub ciphersuite: u16,
    /// When the claim was made, by the device's clock.
    pub created: Millis,
    /// What the device is called, such as "Firefox on Linux".
    pub label: String,
}

/// The claim as it is signed: a CBOR array.
#[derive(Serialize, Deserialize)]
struct Claim(String, Fingerprint, DeviceId, ByteBuf, u16, Millis, String);

/// The attestation: primary key packet, claim, signature packet.
#[derive(Serialize, Deserialize)]
struct Attestation(ByteBuf, ByteBuf, ByteBuf);

/// Makes an attestation: the content of the leaf extension.
pub fn attest(secret: &SecretCertificate, claim: AttestationClaim) -> Result<Vec<u8>, Error> {
    let created = claim.created;
    check(&claim, secret.primary())?;
    let claim = to_bytes(claim)?;
    let signature = PURPOSE.sign(secret, &claim, created)?;
    let parts =
        Attestation(ByteBuf::from(secret.primary_packet()?), ByteBuf::from(claim), ByteBuf::from(signature));
    let bytes = encode(&parts).map_err(|_| Error::Bug("encoding an attestation"))?;
    if bytes.len() > MAX_ATTESTATION {
        return Err(Error::TooLarge);
    }
    Ok(bytes)
}

/// Verifies the attestation of a leaf with this MLS signature key, in a group of this ciphersuite.
pub fn verify(
    bytes: &[u8],
    expected_signature_key: &[u8],
    ciphersuite: u16,
) -> Result<AttestationClaim, Error> {
    if bytes.len() > MAX_ATTESTATION {
        return Err(Error::TooLarge);
    }
    let parts: Attestation = decode(bytes).map_err(|_| Error::BadStatement("not CBOR"))?;
    let primary = PrimaryKey::from_packet(&parts.0)?;
    let claim = from_bytes(&parts.1)?;
    check(&claim, &primary)?;
    if claim.signature_key != expected_signature_key {
        return Err(Error::Mismatch("MLS signature key"));
    }
    if claim.ciphersuite != ciphersuite {
        return Err(Error::Mismatch("ciphersuite"));
    }
    PURPOSE.verify(&primary, &parts.1, &parts.2)?;
    Ok(claim)
}

/// Reads the claim of an attestation that was verified before it was stored.
pub fn read_verified(bytes: &[u8]) -> Result<AttestationClaim, Error> {
    let parts: Attestation = decode(bytes).map_err(|_| Error::BadStatement("not CBOR"))?;
    from_bytes(&parts.1)
}

/// What must hold for every claim.
fn check(claim: &AttestationClaim, primary: &PrimaryKey) -> Result<(), Error> {
    if claim.fingerprint != primary.fingerprint() {
        return Err(Error::Mismatch("certificate"));
    }
    if !address::is_normal(&claim.address) {
        return Err(Error::BadAddress);
    }
    if !valid_label(&claim.label) {
        return Err(Error::BadStatement("label"));
    }
    Ok(())
}

/// Whether a device may be called so: not empty, at most [`MAX_LABEL`] bytes, nothing that could rearrange or hide the
/// text around it (control characters, and the invisible ones that steer direction and joining).
pub fn valid_label(label: &str) -> bool {
    let deceives = |c: char| {
        c.is_control()
            || matches!(c, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}')
    };
    !label.trim().is_empty() && label.len() <= MAX_LABEL && !label.contains(deceives)
}

/// Makes any text a valid label.
pub fn clean_label(label: &str) -> String {
    let mut clean = String::new();
    for c in label.trim().chars() {
        let longer = format!("{clean}{c}");
        if longer.len() > MAX_LABEL {
            break;
        }
        if valid_label(&format!("{c}x")) {
            clean = longer;
        }
    }
    let clean = clean.trim();
    if clean.is_empty() { "Device".into() } else { clean.into() }
}

fn to_bytes(claim: AttestationClaim) -> Result<Vec<u8>, Error> {
    let claim = Claim(
        claim.address,
        claim.fingerprint,
        claim.device_id,
        ByteBuf::from(claim.signature_key),
        claim.ciphersuite,
        claim.created,
        claim.label,
    );
    encode(&claim).map_err(|_| Error::Bug("encoding a claim"))
}

/// Reads a claim in the one encoding that there is of it, so that no two readers can read it differently.
fn from_bytes(bytes: &[u8]) -> Result<AttestationClaim, Error> {
    let claim: Claim = decode(bytes).map_err(|_| Error::BadStatement("claim"))?;
    let again = encode(&claim).map_err(|_| Error::Bug("encoding a claim"))?;
    if again != bytes {
        return Err(Error::BadStatement("claim"));
    }
    Ok(AttestationClaim {
        address: claim.0,
        fingerprint: claim.1,
        device_id: claim.2,
        signature_key: claim.3.into_vec(),
        ciphersuite: claim.4,
        created: claim.5,
        label: claim.6,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Millis = 1_795_305_600_000;
    const SUITE: u16 = 1;
    const KEY: [u8; 32] = [7; 32];

    fn alice() -> SecretCertificate {
        SecretCertificate::generate("alice@example.org", NOW).unwrap().0
    }

    fn claim(secret: &SecretCertificate) -> AttestationClaim {
        AttestationClaim {
            address: secret.address().into(),
            fingerprint: secret.fingerprint(),
            device_id: DeviceId([9; 16]),
            signature_key: KEY.to_vec(),
            ciphersuite: SUITE,
            created: NOW,
            label: "Firefox on Linux".into(),
        }
    }

    #[test]
    fn an_attestation_says_what_was_attested() {
        let alice = alice();
        let bytes = attest(&alice, claim(&alice)).unwrap();
        println!("{} bytes", bytes.len());
        assert_eq!(verify(&bytes, &KEY, SUITE).unwrap(), claim(&alice));
    }
}
