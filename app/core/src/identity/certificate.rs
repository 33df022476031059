//! A person's certificate: making it, reading it.

use super::{Error, Fingerprint, PrimaryKey, address, user_id};
use crate::Millis;
use haven_wire::limits::MAX_CERTIFICATE;
use sequoia_openpgp::{
    Cert, Packet,
    cert::{CertParser, CertRevocationBuilder},
    crypto::KeyPair,
    packet::{
        Key, Signature, UserID,
        key::{Key4, PrimaryRole, PublicParts, SecretParts, SubordinateRole},
        signature::{SignatureBuilder, subpacket::NotationDataFlags},
    },
    parse::Parse as _,
    policy::StandardPolicy,
    serialize::MarshalInto as _,
    types::{
        Curve, Features, HashAlgorithm, KeyFlags, ReasonForRevocation, RevocationStatus, SignatureType,
        SymmetricAlgorithm,
    },
};
use std::{
    fmt,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use zeroize::Zeroizing;

/// How long a certificate is valid: two years. It is renewed when half of that is left.
pub const VALIDITY: Duration = Duration::from_secs(2 * 365 * 24 * 60 * 60);
/// New certificates say that they were made a minute ago, so that a reader whose clock is a little behind takes them.
pub(super) const BACKDATED: Duration = Duration::from_secs(60);
/// Packets in a certificate that is read. People collect signatures of others; Haven's own have five packets.
const MAX_PACKETS: usize = 500;

/// A person's certificate with its secret keys.
///
/// Exactly five packets, in the shape that all other OpenPGP programs read: an Ed25519 primary key (algorithm 22) that
/// certifies and signs, the User ID `<address>` with its self-signature, a Curve25519 subkey (algorithm 18) that
/// decrypts, with its binding signature.
#[derive(Clone)]
pub struct SecretCertificate {
    pub(super) cert: Cert,
    primary: PrimaryKey,
    address: String,
}

impl fmt::Debug for SecretCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretCertificate({})", self.fingerprint().to_hex())
    }
}

impl SecretCertificate {
    /// Makes a certificate, and a revocation signature to be kept for the day on which it is needed.
    pub fn generate(address: &str, now: Millis) -> Result<(Self, Vec<u8>), Error> {
        let address = address::normalise(address)?;
        let made = time(now).checked_sub(BACKDATED).ok_or(Error::Bug("the clock stands at zero"))?;
        let cert = build(&address, made).map_err(|_| Error::Bug("making a certificate"))?;
        let secret = Self::from_cert(cert)?;
        let revocation = secret.revocation_bytes(made)?;
        Ok((secret, revocation))
    }

    /// Reads what [`Self::to_bytes`] wrote.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        Self::from_cert(read(bytes)?)
    }

    pub(super) fn from_cert(cert: Cert) -> Result<Self, Error> {
        let address = cert
            .userids()
            .next()
            .and_then(|userid| user_id::address(userid.userid()).map(str::to_owned))
            .ok_or(Error::BadCertificate("no address"))?;
        let secret = Self { primary: primary(&cert)?, address: address::normalise(&address)?, cert };
        secret.signer()?;
        Ok(secret)
    }

    /// The certificate with its secret keys, unprotected: to be sealed by whoever stores it.
    pub fn to_bytes(&self) -> Result<Zeroizing<Vec<u8>>, Error> {
        let bytes = self.cert.as_tsk().to_vec();
        bytes.map(Zeroizing::new).map_err(|_| Error::Bug("writing a certificate"))
    }

    /// The certificate as everybody sees it.
    pub fn public_bytes(&self) -> Result<Vec<u8>, Error> {
        let bytes = self.cert.to_vec();
        bytes.map_err(|_| Error::Bug("writing a certificate"))
    }

    /// The public key packet of the primary key.
    pub fn primary_packet(&self) -> Result<Vec<u8>, Error> {
        primary_packet(&self.cert)
    }

    /// The primary key, for verifying.
    pub fn primary(&self) -> &PrimaryKey {
        &self.primary
    }

    /// The fingerprint.
    pub fn fingerprint(&self) -> Fingerprint {
        self.primary.fingerprint()
    }

    /// The address in its User ID.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Signs `text` with the primary key and one critical notation (name and value); gives the signature packet.
    pub(super) fn sign(
        &self,
        text: &[u8],
        (name, value): (&str, &[u8]),
        now: Millis,
    ) -> Result<Vec<u8>, Error> {
        let mut signer = self.signer()?;
        let flags = NotationDataFlags::empty().set_human_readable();
        let packet = SignatureBuilder::new(SignatureType::Binary)
            .set_hash_algo(HashAlgorithm::SHA512)
            .set_signature_creation_time(time(now))
            .and_then(|builder| builder.add_notation(name, value, flags, true))
            .and_then(|builder| builder.sign_message(&mut signer, text))
            .and_then(|signature| Packet::from(signature).to_vec());
        packet.map_err(|_| Error::Bug("signing a statement"))
    }

    /// The certificate itself, for encrypting and decrypting.
    pub(crate) fn cert(&self) -> &Cert {
        &self.cert
    }

    /// Signs with the primary key.
    pub(crate) fn signer(&self) -> Result<KeyPair, Error> {
        let key = self.cert.primary_key().key().clone().parts_into_secret();
        key.and_then(Key::into_keypair).map_err(|_| Error::BadCertificate("no usable secret key"))
    }

    /// A revocation that is kept for the day on which it is needed.
    pub(super) fn revocation_bytes(&self, made: SystemTime) -> Result<Vec<u8>, Error> {
        let packet = self
            .revocation(made, ReasonForRevocation::Unspecified)
            .and_then(|signature| Packet::from(signature).to_vec());
        packet.map_err(|_| Error::Bug("making a revocation"))
    }

    pub(super) fn revocation(
        &self,
        made: SystemTime,
        why: ReasonForRevocation,
    ) -> sequoia_openpgp::Result<Signature> {
        CertRevocationBuilder::new()
            .set_signature_creation_time(made)?
            .set_reason_for_revocation(why, b"")?
            .build(&mut self.signer()?, &self.cert, None)
    }
}

/// A person's certificate as everybody sees it, judged at the time of reading.
#[derive(Clone, Debug)]
pub struct Certificate {
    bytes: Vec<u8>,
    fingerprint: Fingerprint,
    primary: Result<PrimaryKey, Error>,
    addresses: Vec<String>,
    revoked: bool,
    expires: Option<Millis>,
}

impl Certificate {
    /// Reads exactly one certificate. Its self-signatures are verified, and secret keys in it are dropped.
    ///
    /// A revoked or expired certificate is read as well: ask [`Self::revoked`] and [`Self::expired`]. `now` decides
    /// which self-signatures count; a clock that stands before the certificate was made is taken to be wrong.
    pub fn parse(bytes: &[u8], now: Millis) -> Result<Self, Error> {
        let cert = read(bytes)?.strip_secret_key_material();
        let now = time(now).max(cert.primary_key().key().creation_time());
        let policy = StandardPolicy::at(now);
        let valid =
            cert.with_policy(&policy, now).map_err(|_| Error::BadCertificate("no valid self-signature"))?;
        let expires = valid.primary_key().key_expiration_time();
        let found = Self {
            fingerprint: fingerprint(&cert)?,
            primary: primary(&cert),
            addresses: valid.userids().revoked(false).filter_map(mail).collect(),
            revoked: matches!(valid.revocation_status(), RevocationStatus::Revoked(_)),
            expires: expires.map(millis),
            bytes: cert.to_vec().map_err(|_| Error::Bug("writing a certificate"))?,
        };
        if found.addresses.is_empty() && !found.revoked {
            return Err(Error::BadCertificate("no address"));
        }
        Ok(found)
    }

    /// The certificate, without what doesn't belong there.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The fingerprint.
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// The addresses in User IDs with a valid self-signature that are not revoked, as they are written there.
    pub fn addresses(&self) -> &[String] {
        &self.addresses
    }

    /// Whether `address` is one of [`Self::addresses`]. Upper and lower case of ASCII letters are the same, on both
    /// sides of the `@`.
    pub fn claims(&self, address: &str) -> bool {
        let mut addresses = self.addresses.iter();
        addresses.any(|claimed| claimed.eq_ignore_ascii_case(address))
    }

    /// The primary key, for verifying statements. Certificates from outside Haven may have one that makes none.
    pub fn primary(&self) -> Result<&PrimaryKey, Error> {
        self.primary.as_ref().map_err(Clone::clone)
    }

    /// Whether its owner revoked it.
    pub fn revoked(&self) -> bool {
        self.revoked
    }

    /// When it expires, if ever.
    pub fn expires(&self) -> Option<Millis> {
        self.expires
    }

    /// Whether it has expired.
    pub fn expired(&self, now: Millis) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }
}

/// Builds the five packets.
fn build(address: &str, made: SystemTime) -> sequoia_openpgp::Result<Cert> {
    let mut primary: Key<SecretParts, PrimaryRole> = Key4::generate_ecc(true, Curve::Ed25519)?.into();
    primary.set_creation_time(made)?;
    let mut subkey: Key<SecretParts, SubordinateRole> = Key4::generate_ecc(false, Curve::Cv25519)?.into();
    subkey.set_creation_time(made)?;
    let userid = UserID::from(format!("<{address}>"));

    let mut signer = primary.clone().into_keypair()?;
    let public = self_signed(&mut signer, userid, subkey.clone().take_secret().0, made)?;
    let cert = Cert::from_packets(public.into_iter())?;
    Ok(cert.insert_packets([Packet::from(primary), subkey.into()])?.0)
}

/// The five packets without secrets: what the primary key says of itself, its User ID and its subkey, valid for
/// [`VALIDITY`] from `made` on.
pub(super) fn self_signed(
    signer: &mut KeyPair,
    userid: UserID,
    subkey: Key<PublicParts, SubordinateRole>,
    made: SystemTime,
) -> sequoia_openpgp::Result<Vec<Packet>> {
    let primary = signer.public().clone().role_into_primary();
    // In OpenPGP a validity counts from the day on which the key was made.
    let validity = |key: SystemTime| made.duration_since(key).unwrap_or_default() + VALIDITY;
    let self_signature = self_signature(made, validity(primary.creation_time()))?
        .sign_userid_binding(signer, None, &userid)?;
    let binding =
        binding(made, validity(subkey.creation_time()))?.sign_subkey_binding(signer, None, &subkey)?;
    Ok(vec![primary.into(), userid.into(), self_signature.into(), subkey.into(), binding.into()])
}

/// What the person's User ID says of the certificate. SEIPDv2 is not advertised: GnuPG and Thunderbird can't read it.
fn self_signature(made: SystemTime, validity: Duration) -> sequoia_openpgp::Result<SignatureBuilder> {
    SignatureBuilder::new(SignatureType::PositiveCertification)
        .set_hash_algo(HashAlgorithm::SHA512)
        .set_signature_creation_time(made)?
        .set_key_validity_period(validity)?
        .set_key_flags(KeyFlags::empty().set_certification().set_signing())?
        .set_features(Features::empty().set_seipdv1())?
        .set_primary_userid(true)?
        .set_preferred_hash_algorithms(vec![HashAlgorithm::SHA512, HashAlgorithm::SHA256])?
        .set_preferred_symmetric_algorithms(vec![SymmetricAlgorithm::AES256, SymmetricAlgorithm::AES128])
}

fn binding(made: SystemTime, validity: Duration) -> sequoia_openpgp::Result<SignatureBuilder> {
    let flags = KeyFlags::empty().set_transport_encryption().set_storage_encryption();
    SignatureBuilder::new(SignatureType::SubkeyBinding)
        .set_hash_algo(HashAlgorithm::SHA512)
        .set_signature_creation_time(made)?
        .set_key_validity_period(validity)?
        .set_key_flags(flags)
}

/// Reads exactly one certificate.
pub(super) fn read(bytes: &[u8]) -> Result<Cert, Error> {
    if bytes.len() > MAX_CERTIFICATE {
        return Err(Error::TooLarge);
    }
    let malformed = |_| Error::BadCertificate("not OpenPGP");
    let mut certs = CertParser::from_bytes(bytes).map_err(malformed)?;
    let cert = certs.next().ok_or(Error::BadCertificate("empty"))?.map_err(malformed)?;
    if certs.next().is_some() {
        return Err(Error::BadCertificate("more than one primary key"));
    }
    if cert.clone().into_packets().count() > MAX_PACKETS {
        return Err(Error::TooLarge);
    }
    Ok(cert)
}

fn primary(cert: &Cert) -> Result<PrimaryKey, Error> {
    let key = PrimaryKey::from_packet(&primary_packet(cert)?)
        .map_err(|_| Error::BadCertificate("the primary key is no v4 Ed25519 key"))?;
    Ok(key)
}

/// The public key packet of the primary key.
pub(crate) fn primary_packet(cert: &Cert) -> Result<Vec<u8>, Error> {
    let key = cert.primary_key().key().clone().parts_into_public();
    Packet::from(key).to_vec().map_err(|_| Error::Bug("writing a key"))
}

fn fingerprint(cert: &Cert) -> Result<Fingerprint, Error> {
    Fingerprint::from_slice(cert.fingerprint().as_bytes()).ok_or(Error::BadCertificate("not version 4"))
}

fn mail(userid: sequoia_openpgp::cert::amalgamation::ValidUserIDAmalgamation<'_>) -> Option<String> {
    user_id::address(userid.userid()).map(str::to_owned)
}

pub(crate) fn time(millis: Millis) -> SystemTime {
    // OpenPGP's clock ends in 2106. A later time would be an error in every call instead of in one.
    UNIX_EPOCH + Duration::from_secs((millis / 1000).min(u32::MAX.into()))
}

pub(super) fn millis(time: SystemTime) -> Millis {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_secs().saturating_mul(1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Millis = 1_795_305_600_000;
    const YEAR: Millis = 365 * 24 * 60 * 60 * 1000;

    fn alice() -> SecretCertificate {
        SecretCertificate::generate(" Alice@Example.org", NOW).unwrap().0
    }

    fn packets(bytes: &[u8]) -> Vec<Packet> {
        Cert::from_bytes(bytes).unwrap().into_packets().collect()
    }

    fn join(packets: &[Packet]) -> Vec<u8> {
        packets.iter().flat_map(|packet| packet.to_vec().unwrap()).collect()
    }

    #[test]
    fn a_certificate_says_whose_it_is() {
        let secret = alice();
        let certificate = Certificate::parse(&secret.public_bytes().unwrap(), NOW).unwrap();
        assert_eq!(certificate.fingerprint(), secret.fingerprint());
        assert_eq!(certificate.primary().unwrap(), secret.primary());
        assert_eq!(certificate.addresses(), ["alice@example.org"]);
        assert!(certificate.claims("ALICE@example.ORG"));
        assert!(!certificate.claims("alice@example.com") && !certificate.claims("lice@example.org"));
        assert!(!certificate.revoked());
        assert!(certificate.as_bytes().len() < 600, "it goes into every mail");
    }

    #[test]
    fn secret_keys_survive_storage_and_are_never_published() {
        let secret = alice();
        let stored = secret.to_bytes().unwrap();
        let again = SecretCertificate::from_bytes(&stored).unwrap();
        assert_eq!(again.to_bytes().unwrap(), stored);
        assert_eq!(again.address(), "alice@example.org");
        let published = Certificate::parse(&stored, NOW).unwrap();
        assert_eq!(published.as_bytes(), secret.public_bytes().unwrap());
        let public = SecretCertificate::from_bytes(published.as_bytes());
        assert_eq!(public.err(), Some(Error::BadCertificate("no usable secret key")));
        assert_eq!(format!("{secret:?}"), format!("SecretCertificate({})", secret.fingerprint().to_hex()));
    }

    #[test]
    fn it_expires_after_two_years_and_is_still_read() {
        let bytes = alice().public_bytes().unwrap();
        for now in [NOW, NOW + YEAR, NOW + 3 * YEAR] {
            let certificate = Certificate::parse(&bytes, now).unwrap();
            assert_eq!(certificate.expired(now), now > NOW + 2 * YEAR);
            assert!(certificate.claims("alice@example.org"));
        }
    }

    #[test]
    fn a_clock_that_is_behind_makes_no_difference() {
        let bytes = alice().public_bytes().unwrap();
        for now in [0, 1, NOW - YEAR, NOW - 61_000] {
            assert!(Certificate::parse(&bytes, now).unwrap().claims("alice@example.org"), "{now}");
        }
        assert!(Certificate::parse(&bytes, Millis::MAX).is_ok());
    }

    #[test]
    fn there_is_exactly_one_primary_key() {
        let bytes = alice().public_bytes().unwrap();
        let two = [bytes.clone(), alice().public_bytes().unwrap()].concat();
        let refusal = |bytes: &[u8]| Certificate::parse(bytes, NOW).err();
        assert_eq!(refusal(&two), Some(Error::BadCertificate("more than one primary key")));
        assert!(refusal(&[]).is_some() && refusal(b"hello").is_some());
        assert!(refusal(&join(&packets(&bytes)[1..])).is_some());
        assert_eq!(refusal(&vec![0; MAX_CERTIFICATE + 1]), Some(Error::TooLarge));
    }

    #[test]
    fn an_address_counts_only_with_a_self_signature() {
        let bob = SecretCertificate::generate("bob@example.org", NOW).unwrap().0;
        let (alice, bob) = (packets(&alice().public_bytes().unwrap()), packets(&bob.public_bytes().unwrap()));
        let swapped =
            [alice[0].clone(), bob[1].clone(), alice[2].clone(), alice[3].clone(), alice[4].clone()];
        assert!(Certificate::parse(&join(&swapped), NOW).is_err());
        let added = [&alice[..3], &bob[1..3], &alice[3..]].concat();
        let certificate = Certificate::parse(&join(&added), NOW).unwrap();
        assert!(certificate.claims("alice@example.org") && !certificate.claims("bob@example.org"));
        let bare = [&alice[..3], &bob[1..2], &alice[3..]].concat();
        assert!(!Certificate::parse(&join(&bare), NOW).unwrap().claims("bob@example.org"));
        assert!(Certificate::parse(&join(&alice[..2]), NOW).is_err());
        assert!(Certificate::parse(&join(&alice[..1]), NOW).is_err());
    }

    #[test]
    fn too_many_packets_are_refused() {
        let mut many = packets(&alice().public_bytes().unwrap());
        many.extend((0..MAX_PACKETS).map(|number| UserID::from(format!("{number}")).into()));
        assert_eq!(Certificate::parse(&join(&many), NOW).err(), Some(Error::TooLarge));
    }

    #[test]
    fn certificates_from_elsewhere_are_read() {
        let rsa = include_bytes!("../../tests/data/openpgp/gpg-rsa.pgp");
        let certificate = Certificate::parse(rsa, NOW).unwrap();
        assert!(certificate.claims("bob@example.org"));
        assert!(certificate.primary().is_err(), "its key makes no statements");
        let gpg = include_bytes!("../../tests/data/openpgp/gpg-alice.pgp");
        assert!(Certificate::parse(gpg, NOW).unwrap().primary().is_ok());
    }

    #[test]
    fn damaged_certificates_never_do_more_than_fail() {
        let bytes = alice().public_bytes().unwrap();
        for at in 0..bytes.len() {
            for value in [0, 1, 0x7F, 0x80, 0xFF, bytes[at] ^ 1] {
                let mut damaged = bytes.clone();
                damaged[at] = value;
                let _ = Certificate::parse(&damaged, NOW);
            }
            let _ = Certificate::parse(&bytes[..at], NOW);
        }
    }

    #[test]
    fn only_addresses_get_a_certificate() {
        for wrong in ["alice", "alice@example.org> <bob@example.org", ""] {
            assert_eq!(SecretCertificate::generate(wrong, NOW).err(), Some(Error::BadAddress));
        }
    }
}
