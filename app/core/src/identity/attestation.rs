//! Device attestations: the proof, in each MLS leaf, that the leaf's key is a device of a certificate's owner.
//!
//! [`verify`] is a merge check, so it is a pure function of its arguments: it knows no clock, no policy and no
//! setting, and its rules (`packet.rs`, `statement.rs`, [`super::address::is_normal`], [`valid_label`]) change only
//! with the rules version of a group. Whether the certificate behind it is expired, revoked or pinned is judged
//! elsewhere, by whoever adds a device.
//!
//! Signatures are verified one by one. A batch would take a third of the time (in wasm, about 30 instead of 80 µs
//! each), but accepts, depending on chance, crafted signatures that a single verification refuses: members would come
//! to different verdicts on one commit.

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
    use crate::identity::DeviceList;
    use sequoia_openpgp::{
        Packet, Result as Signed,
        packet::signature::{SignatureBuilder, subpacket::NotationDataFlags},
        serialize::MarshalInto as _,
        types::{HashAlgorithm, SignatureType},
    };
    use std::time::Duration;

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

    fn assemble(secret: &SecretCertificate, claim: &[u8], signature: Vec<u8>) -> Vec<u8> {
        let packet = secret.primary_packet().unwrap();
        encode(&Attestation(packet.into(), ByteBuf::from(claim), signature.into())).unwrap()
    }

    /// Signs whatever claim, whichever way.
    fn forge(
        claim: &[u8],
        secret: &SecretCertificate,
        kind: SignatureType,
        with: impl FnOnce(SignatureBuilder) -> Signed<SignatureBuilder>,
    ) -> Vec<u8> {
        let builder = SignatureBuilder::new(kind).set_hash_algo(HashAlgorithm::SHA512);
        let builder = builder.set_signature_creation_time(std::time::UNIX_EPOCH + Duration::from_millis(NOW));
        let mut signer = secret.signer().unwrap();
        let signature =
            with(builder.unwrap()).unwrap().sign_message(&mut signer, PURPOSE.text(claim)).unwrap();
        assemble(secret, claim, Packet::from(signature).to_vec().unwrap())
    }

    fn notation(
        builder: SignatureBuilder,
        name: &str,
        value: &str,
        critical: bool,
    ) -> Signed<SignatureBuilder> {
        let flags = NotationDataFlags::empty().set_human_readable();
        builder.add_notation(name, value, flags, critical)
    }

    fn right(builder: SignatureBuilder) -> Signed<SignatureBuilder> {
        notation(builder, PURPOSE.notation, "1", true)
    }

    fn refusal(bytes: &[u8]) -> Error {
        verify(bytes, &KEY, SUITE).unwrap_err()
    }

    #[test]
    fn an_attestation_says_what_was_attested() {
        let alice = alice();
        let bytes = attest(&alice, claim(&alice)).unwrap();
        assert!(bytes.len() < 450, "{} bytes in every leaf", bytes.len());
        assert_eq!(verify(&bytes, &KEY, SUITE).unwrap(), claim(&alice));
        assert_eq!(read_verified(&bytes).unwrap(), claim(&alice));
        let forged = forge(&to_bytes(claim(&alice)).unwrap(), &alice, SignatureType::Binary, right);
        assert!(verify(&forged, &KEY, SUITE).is_ok(), "the other tests forge by this");
    }

    #[test]
    fn no_bit_can_be_changed() {
        let alice = alice();
        let bytes = attest(&alice, claim(&alice)).unwrap();
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut changed = bytes.clone();
                changed[at] ^= 1 << bit;
                assert!(verify(&changed, &KEY, SUITE).is_err(), "byte {at} bit {bit}");
            }
            assert!(verify(&bytes[..at], &KEY, SUITE).is_err(), "cut at {at}");
        }
        assert!(verify(&[bytes.as_slice(), &[0]].concat(), &KEY, SUITE).is_err());
    }

    #[test]
    fn it_is_good_for_one_leaf_and_one_suite() {
        let alice = alice();
        let bytes = attest(&alice, claim(&alice)).unwrap();
        assert_eq!(verify(&bytes, &[8; 32], SUITE), Err(Error::Mismatch("MLS signature key")));
        assert_eq!(verify(&bytes, &[], SUITE), Err(Error::Mismatch("MLS signature key")));
        assert_eq!(verify(&bytes, &KEY, 0x4F), Err(Error::Mismatch("ciphersuite")));
    }

    #[test]
    fn nobody_can_attest_for_somebody_else() {
        let (alice, mallory) = (alice(), alice());
        let about_alice = to_bytes(claim(&alice)).unwrap();
        // With her own key in front.
        let forged = forge(&about_alice, &mallory, SignatureType::Binary, right);
        assert_eq!(refusal(&forged), Error::Mismatch("certificate"));
        // With Alice's key in front, and herself as issuer.
        let parts: Attestation = decode(&forged).unwrap();
        let forged = assemble(&alice, &about_alice, parts.2.into_vec());
        assert_eq!(refusal(&forged), Error::Mismatch("certificate"));
        // With Alice as issuer.
        let signed = forge(&about_alice, &mallory, SignatureType::Binary, |builder| {
            let fingerprint = sequoia_openpgp::Fingerprint::from_bytes(4, alice.fingerprint().as_bytes())?;
            right(builder.set_issuer_fingerprint(fingerprint)?)
        });
        let parts: Attestation = decode(&signed).unwrap();
        let forged = assemble(&alice, &about_alice, parts.2.into_vec());
        assert_eq!(refusal(&forged), Error::BadSignature);
        assert!(attest(&mallory, claim(&alice)).is_err());
    }

    #[test]
    fn the_signature_has_one_shape_only() {
        let alice = alice();
        let bytes = to_bytes(claim(&alice)).unwrap();
        let binary = |with: fn(SignatureBuilder) -> Signed<SignatureBuilder>| {
            refusal(&forge(&bytes, &alice, SignatureType::Binary, with))
        };
        let expected = |what| Error::BadStatement(what);
        let as_text = forge(&bytes, &alice, SignatureType::Text, right);
        assert_eq!(refusal(&as_text), expected("signature type"));
        assert_eq!(binary(Ok), expected("notation"));
        assert_eq!(binary(|b| notation(b, PURPOSE.notation, "1", false)), expected("notation"));
        assert_eq!(binary(|b| notation(b, PURPOSE.notation, "2", true)), expected("notation"));
        assert_eq!(binary(|b| notation(b, "mls-device@haven", "1", true)), expected("notation"));
        assert_eq!(binary(|b| notation(b, "device-list@haven.invalid", "1", true)), expected("notation"));
        assert_eq!(binary(|b| right(right(b)?)), expected("notation"));
        assert_eq!(binary(|b| right(notation(b, "other@example.org", "1", true)?)), expected("notation"));
        assert_eq!(
            binary(|b| right(b)?.add_notation(PURPOSE.notation, "1", None, true)),
            expected("notation")
        );
        let expiring =
            |b: SignatureBuilder| right(b)?.set_signature_validity_period(Duration::from_secs(86_400));
        assert_eq!(binary(expiring), expected("expiration time"));
        assert_eq!(binary(|b| right(b.set_hash_algo(HashAlgorithm::SHA384))), expected("hash algorithm"));
        assert!(forge_ok(&bytes, &alice, |b| right(b.set_hash_algo(HashAlgorithm::SHA256))));
        assert!(forge_ok(&bytes, &alice, |b| right(notation(b, "note@example.org", "x", false)?)));
    }

    fn forge_ok(
        claim: &[u8],
        secret: &SecretCertificate,
        with: fn(SignatureBuilder) -> Signed<SignatureBuilder>,
    ) -> bool {
        verify(&forge(claim, secret, SignatureType::Binary, with), &KEY, SUITE).is_ok()
    }

    #[test]
    fn a_critical_subpacket_that_is_not_known_is_refused() {
        use sequoia_openpgp::packet::signature::subpacket::{Subpacket, SubpacketTag, SubpacketValue};
        let alice = alice();
        let bytes = to_bytes(claim(&alice)).unwrap();
        let with = |critical: bool| {
            forge(&bytes, &alice, SignatureType::Binary, move |builder| {
                right(builder)?.modify_hashed_area(|mut area| {
                    let value = SubpacketValue::Unknown { tag: SubpacketTag::Private(101), body: vec![1] };
                    area.add(Subpacket::new(value, critical)?)?;
                    Ok(area)
                })
            })
        };
        assert_eq!(refusal(&with(true)), Error::BadStatement("critical subpacket"));
        assert!(verify(&with(false), &KEY, SUITE).is_ok());
    }

    #[test]
    fn a_device_list_is_no_attestation() {
        let alice = alice();
        let entry = crate::identity::DeviceEntry {
            device_id: DeviceId([9; 16]),
            inbox_key: vec![1; 32],
            created: NOW,
        };
        let signed = DeviceList::first(entry).sign(&alice, NOW).unwrap();
        let (list, signature): (ByteBuf, ByteBuf) = decode(&signed.document).unwrap();
        assert!(verify(&assemble(&alice, &list, signature.to_vec()), &KEY, SUITE).is_err());
        let claim = to_bytes(claim(&alice)).unwrap();
        let forged = assemble(&alice, &claim, signature.into_vec());
        assert_eq!(refusal(&forged), Error::BadStatement("notation"));
    }

    #[test]
    fn claims_that_could_deceive_are_refused_on_both_sides() {
        let alice = alice();
        let change = |change: fn(&mut AttestationClaim)| {
            let mut changed = claim(&alice);
            change(&mut changed);
            let forged = forge(&to_bytes(changed.clone()).unwrap(), &alice, SignatureType::Binary, right);
            let refused = verify(&forged, &changed.signature_key, SUITE).unwrap_err();
            assert_eq!(attest(&alice, changed).unwrap_err(), refused);
            refused
        };
        for address in ["", "alice", "Alice@example.org", "alice@example.org\n", "аlice@example.org"] {
            let mut changed = claim(&alice);
            changed.address = address.into();
            assert_eq!(attest(&alice, changed), Err(Error::BadAddress), "{address}");
        }
        assert_eq!(change(|c| c.address = "alice @example.org".into()), Error::BadAddress);
        assert_eq!(change(|c| c.label = String::new()), Error::BadStatement("label"));
        assert_eq!(change(|c| c.label = "x".repeat(65)), Error::BadStatement("label"));
        assert_eq!(change(|c| c.label = "Fire\u{202E}fox".into()), Error::BadStatement("label"));
        assert_eq!(change(|c| c.label = "two\nlines".into()), Error::BadStatement("label"));
        assert_eq!(change(|c| c.fingerprint = Fingerprint([1; 20])), Error::Mismatch("certificate"));
        assert_eq!(change(|c| c.signature_key = vec![1; 2000]), Error::TooLarge);
    }

    #[test]
    fn a_claim_has_one_encoding() {
        let alice = alice();
        let canonical = to_bytes(claim(&alice)).unwrap();
        assert_eq!(canonical[0], 0x87, "an array of seven");
        let mut indefinite = canonical.clone();
        indefinite[0] = 0x9F;
        indefinite.push(0xFF);
        let mut longer = canonical.clone();
        longer.splice(0..1, [0x98, 7]);
        let mut more = canonical.clone();
        more[0] = 0x88;
        more.push(0);
        for other in [indefinite, longer, more] {
            let forged = forge(&other, &alice, SignatureType::Binary, right);
            assert_eq!(refusal(&forged), Error::BadStatement("claim"));
        }
    }

    #[test]
    fn any_label_can_be_cleaned() {
        for (label, clean) in [
            ("  Firefox on Linux ", "Firefox on Linux"),
            ("", "Device"),
            ("\u{202E}\n", "Device"),
            ("a\u{0}b\u{200D}c", "abc"),
        ] {
            assert_eq!(clean_label(label), clean);
        }
        let long = clean_label(&"ü".repeat(100));
        assert!(valid_label(&long) && long.len() == MAX_LABEL);
        assert!(valid_label(&clean_label(&format!("{} x", "y".repeat(63)))));
    }

    #[test]
    fn random_bytes_never_do_more_than_fail() {
        let alice = alice();
        let bytes = attest(&alice, claim(&alice)).unwrap();
        let mut state = 1_u64;
        let mut random = move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) as usize
        };
        for _ in 0..20_000 {
            let mut changed = bytes.clone();
            for _ in 0..1 + random() % 4 {
                let at = random() % changed.len();
                match random() % 3 {
                    0 => changed[at] = random() as u8,
                    1 => drop(changed.remove(at)),
                    _ => changed.insert(at, random() as u8),
                }
            }
            if changed != bytes {
                assert!(verify(&changed, &KEY, SUITE).is_err());
            }
        }
    }
}
