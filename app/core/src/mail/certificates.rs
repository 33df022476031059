//! Other people's certificates: which may be encrypted to, and what of them is kept.

use crate::{
    Millis,
    identity::{
        Fingerprint,
        certificate::{self, time},
        user_id,
    },
};
use haven_bridge::mail::Unusable;
use haven_wire::limits::MAX_CERTIFICATE;
use sequoia_openpgp::{
    Cert, KeyHandle, Packet,
    cert::{CertParser, ValidCert, raw::RawCertParser},
    packet::{
        Key, Signature, UserID,
        key::{PublicParts, UnspecifiedRole},
    },
    parse::Parse as _,
    policy::StandardPolicy,
    serialize::MarshalInto as _,
    types::RevocationStatus,
};
use std::time::SystemTime;

/// What a source may give for one address: certificates with the signatures of many others.
const MAX_GIVEN: usize = haven_bridge::MAX_KEY_FILE;
/// Certificates that are looked at in what a source gives.
const MAX_CERTIFICATES: usize = 8;
/// Packets of a certificate.
const MAX_PACKETS: usize = 2000;

/// A key that a message is encrypted to.
pub(super) type PublicKey<'a> = &'a Key<PublicParts, UnspecifiedRole>;

/// A certificate that mail can be encrypted to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Usable {
    /// Its fingerprint.
    pub fingerprint: Fingerprint,
    /// The certificate without what Haven doesn't need: other addresses, pictures, signatures by others.
    pub certificate: Vec<u8>,
}

/// The certificates in `bytes`, binary or armored, one by one. What can't be read is left out.
pub fn split(bytes: &[u8]) -> Vec<Vec<u8>> {
    if bytes.len() > MAX_GIVEN {
        return Vec::new();
    }
    let Ok(certs) = CertParser::from_bytes(bytes) else { return Vec::new() };
    let certs = certs.take(MAX_CERTIFICATES).flatten().filter(is_small);
    certs.filter_map(|cert| cert.strip_secret_key_material().to_vec().ok()).collect()
}

/// A certificate's fingerprint, if it is of version 4.
pub fn fingerprint_v4(bytes: &[u8]) -> Option<Fingerprint> {
    read(bytes).and_then(|cert| Fingerprint::from_slice(cert.fingerprint().as_bytes()))
}

/// Whether a certificate has the key that a signature names, by its fingerprint or key id in hex. Reads no more of it than
/// that takes.
pub fn has_key(bytes: &[u8], issuer: &str) -> bool {
    issuer.parse().is_ok_and(|issuer| holds(bytes, &[issuer]))
}

/// Whether a certificate has one of these keys.
pub(super) fn holds(bytes: &[u8], ids: &[KeyHandle]) -> bool {
    let mut certs = RawCertParser::from_bytes(bytes).into_iter().flatten().flatten();
    certs.next().is_some_and(|cert| cert.keys().any(|key| ids.iter().any(|id| id.aliases(key.key_handle()))))
}

/// What two states of one certificate say together: a revocation that was seen once can't be taken back by showing an
/// older state. Of different certificates it is the newer.
pub fn merge(older: &[u8], newer: Vec<u8>) -> Vec<u8> {
    let merged = || {
        let merged = read(older)?.merge_public(read(&newer)?).ok().filter(is_small)?;
        merged.to_vec().ok().filter(|bytes| bytes.len() <= MAX_GIVEN)
    };
    merged().unwrap_or(newer)
}

/// The addresses in User IDs with a valid self-signature that are not revoked, as they are written there.
pub fn addresses(bytes: &[u8], now: Millis) -> Vec<String> {
    read(bytes).map(|cert| Judge::new(now).addresses(&cert)).unwrap_or_default()
}

/// The public key packet of a certificate's primary key.
pub fn primary_packet(bytes: &[u8]) -> Option<Vec<u8>> {
    certificate::primary_packet(&read(bytes)?).ok()
}

/// Whether a User ID of the certificate, with a valid self-signature and not revoked, has this address.
pub fn names(bytes: &[u8], address: &str, now: Millis) -> bool {
    let judge = Judge::new(now);
    read(bytes).is_some_and(|cert| judge.names(&cert, address))
}

/// Judges whether mail for `address` can be encrypted to this certificate now.
///
/// [`Unusable::CannotEncrypt`] is said as well of what is no certificate, or not this address's: ask [`names`] before.
pub fn usable(bytes: &[u8], address: &str, now: Millis) -> Result<Usable, Unusable> {
    judge(bytes, Some(address), now)
}

/// As [`usable`], for a source that has checked the address itself and gives certificates without User IDs
/// (keys.openpgp.org).
pub fn usable_unnamed(bytes: &[u8], now: Millis) -> Result<Usable, Unusable> {
    judge(bytes, None, now)
}

fn judge(bytes: &[u8], address: Option<&str>, now: Millis) -> Result<Usable, Unusable> {
    let judge = Judge::new(now);
    let cert = read(bytes).ok_or(Unusable::CannotEncrypt)?;
    let fingerprint =
        Fingerprint::from_slice(cert.fingerprint().as_bytes()).ok_or(Unusable::CannotEncrypt)?;
    judge.check(&cert)?;
    let certificate = judge.clean(&cert, address).ok_or(Unusable::CannotEncrypt)?;
    Ok(Usable { fingerprint, certificate })
}

/// The fingerprint of a certificate, of which nothing else is read.
pub(super) fn fingerprint(bytes: &[u8]) -> Option<sequoia_openpgp::Fingerprint> {
    let mut certs = RawCertParser::from_bytes(bytes).ok()?;
    certs.next()?.ok().map(|cert| cert.fingerprint())
}

/// Reads one certificate of bounded size.
pub(super) fn read(bytes: &[u8]) -> Option<Cert> {
    let bytes = Some(bytes).filter(|bytes| bytes.len() <= MAX_GIVEN)?;
    Cert::from_bytes(bytes).ok().filter(is_small)
}

fn is_small(cert: &Cert) -> bool {
    cert.clone().into_packets().count() <= MAX_PACKETS
}

/// Sequoia's rules at one time: which algorithms, signatures and keys count.
pub(super) struct Judge<'p> {
    policy: StandardPolicy<'p>,
    now: SystemTime,
}

impl Judge<'_> {
    pub(super) fn new(now: Millis) -> Self {
        let now = time(now);
        Self { policy: StandardPolicy::at(now), now }
    }

    /// The time at which a certificate is judged. A clock that stands before it was made is taken to be wrong.
    pub(super) fn at(&self, cert: &Cert) -> SystemTime {
        self.now.max(cert.primary_key().key().creation_time())
    }

    pub(super) fn policy(&self) -> &StandardPolicy<'_> {
        &self.policy
    }

    pub(super) fn now(&self) -> SystemTime {
        self.now
    }

    fn valid<'c>(&'c self, cert: &'c Cert) -> Option<ValidCert<'c>> {
        cert.with_policy(&self.policy, self.at(cert)).ok()
    }

    /// The keys of somebody's certificate that may be encrypted to now.
    pub(super) fn encryption_keys<'c>(&'c self, cert: &'c Cert) -> Vec<PublicKey<'c>> {
        let sound = self.check(cert).is_ok();
        let keys = cert.keys().with_policy(&self.policy, self.at(cert));
        let keys =
            keys.supported().alive().revoked(false).for_transport_encryption().for_storage_encryption();
        keys.filter(|_| sound).map(|key| key.key()).collect()
    }

    /// The keys of one's own certificate, which are used also after they have expired: only their owner opens it.
    pub(super) fn own_encryption_keys<'c>(&'c self, cert: &'c Cert) -> Vec<PublicKey<'c>> {
        let keys = cert.keys().with_policy(&self.policy, self.at(cert));
        keys.for_transport_encryption().for_storage_encryption().map(|key| key.key()).collect()
    }

    /// Whether the certificate as a whole may be used now.
    fn check(&self, cert: &Cert) -> Result<(), Unusable> {
        let revoked = |status| matches!(status, RevocationStatus::Revoked(_));
        if revoked(cert.revocation_status(&self.policy, self.at(cert))) {
            return Err(Unusable::Revoked);
        }
        let valid = self.valid(cert).ok_or(Unusable::CannotEncrypt)?;
        valid.alive().map_err(|_| Unusable::Expired)?;
        let keys = || valid.keys().supported().for_transport_encryption().for_storage_encryption();
        if keys().alive().revoked(false).next().is_some() {
            Ok(())
        } else if keys().revoked(false).next().is_some() {
            Err(Unusable::Expired)
        } else if keys().next().is_some() {
            Err(Unusable::Revoked)
        } else {
            Err(Unusable::CannotEncrypt)
        }
    }

    fn names(&self, cert: &Cert, address: &str) -> bool {
        self.addresses(cert).iter().any(|own| own.eq_ignore_ascii_case(address))
    }

    /// The addresses in User IDs that the certificate's owner has signed and not revoked.
    pub(super) fn addresses(&self, cert: &Cert) -> Vec<String> {
        let Some(valid) = self.valid(cert) else { return Vec::new() };
        let userids = valid.userids().revoked(false);
        userids.filter_map(|userid| user_id::address(userid.userid()).map(str::to_owned)).collect()
    }

    /// The certificate with its own signatures, all subkeys, and of its User IDs those with this address (all of them
    /// if the address is not to be looked at).
    fn clean(&self, cert: &Cert, address: Option<&str>) -> Option<Vec<u8>> {
        if address.is_some_and(|address| !self.names(cert, address)) {
            return None;
        }
        let primary = cert.primary_key();
        let mut packets = vec![Packet::from(primary.key().clone().parts_into_public())];
        packets.extend(signatures(primary.self_signatures(), primary.self_revocations()));
        for userid in cert.userids() {
            if address.is_none_or(|address| has_address(userid.userid(), address)) {
                packets.push(userid.userid().clone().into());
                packets.extend(signatures(userid.self_signatures(), userid.self_revocations()));
            }
        }
        for subkey in cert.keys().subkeys() {
            packets.push(subkey.key().clone().into());
            packets.extend(signatures(subkey.self_signatures(), subkey.self_revocations()));
        }
        write(&packets).filter(|bytes| bytes.len() <= MAX_CERTIFICATE)
    }

    /// The five packets that an `Autocrypt` field has: primary key, User ID, subkey to encrypt to, and the signature
    /// that binds each of the two.
    pub(super) fn minimal(&self, cert: &Cert, address: &str) -> Option<Vec<u8>> {
        let valid = self.valid(cert)?;
        let userid = valid.userids().revoked(false).find(|userid| has_address(userid.userid(), address))?;
        let subkeys = valid.keys().subkeys().supported().revoked(false);
        let subkey = subkeys.for_transport_encryption().for_storage_encryption().last()?;
        write(&[
            valid.primary_key().key().clone().parts_into_public().into(),
            userid.userid().clone().into(),
            userid.binding_signature().clone().into(),
            subkey.key().clone().parts_into_public().into(),
            subkey.binding_signature().clone().into(),
        ])
    }
}

fn signatures<'a>(
    bindings: impl Iterator<Item = &'a Signature>,
    revocations: impl Iterator<Item = &'a Signature>,
) -> impl Iterator<Item = Packet> {
    revocations.chain(bindings).cloned().map(Packet::from)
}

fn has_address(userid: &UserID, address: &str) -> bool {
    user_id::address(userid).is_some_and(|email| email.eq_ignore_ascii_case(address))
}

fn write(packets: &[Packet]) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    for packet in packets {
        bytes.extend(packet.to_vec().ok()?);
    }
    Some(bytes)
}
