//! What becomes of a person's certificate after it was made: it is renewed, its states on several devices are joined,
//! and it may be revoked. Keys and fingerprint stay the same.

use super::{
    Error, SecretCertificate,
    certificate::{BACKDATED, VALIDITY, millis, read, self_signed, time},
};
use crate::Millis;
use sequoia_openpgp::{
    Cert, Packet,
    packet::{
        Key, Signature,
        key::{PublicParts, SubordinateRole},
    },
    policy::StandardPolicy,
    types::{PublicKeyAlgorithm, ReasonForRevocation, RevocationStatus},
};
use std::time::{Duration, SystemTime};

impl SecretCertificate {
    /// When it expires, if ever: with its subkey, if that ends first.
    pub fn expires(&self, now: Millis) -> Option<Millis> {
        self.end(now).map(millis)
    }

    /// Whether its owner revoked it.
    pub fn revoked(&self, now: Millis) -> bool {
        let now = self.not_before(now);
        let status = self.cert.revocation_status(&StandardPolicy::at(now), now);
        matches!(status, RevocationStatus::Revoked(_))
    }

    /// Whether less than half of the validity is left.
    pub fn renewal_due(&self, now: Millis) -> bool {
        self.end(now).is_some_and(|end| end < time(now) + VALIDITY / 2) && !self.revoked(now)
    }

    /// Valid for the whole time again, from now on. The older signatures stay: what was signed under them is still
    /// verified by them.
    pub fn renewed(&self, now: Millis) -> Result<Self, Error> {
        let made = time(now).checked_sub(BACKDATED).ok_or(Error::Bug("the clock stands at zero"))?;
        // Of several signatures the newest counts; one from the future does not, until then.
        let newest = self.own_signatures().filter(|signed| *signed < time(now)).max();
        let made = newest.map_or(made, |newest| made.max(newest + Duration::from_secs(1)));
        let userid = self.cert.userids().next().ok_or(Error::Bug("a certificate without a User ID"))?;
        let subkey = self.encryption_subkey().ok_or(Error::Bug("a certificate without a subkey"))?;
        let packets = self_signed(&mut self.signer()?, userid.userid().clone(), subkey, made);
        let renewed = packets
            .and_then(|packets| Cert::from_packets(packets.into_iter()))
            .and_then(|signed| self.cert.clone().merge_public(signed));
        Self::from_cert(renewed.map_err(|_| Error::Bug("renewing a certificate"))?)
    }

    /// With a revocation that says that its keys are in other hands: nothing that they sign counts any more.
    pub fn revoked_as_stolen(&self, now: Millis) -> Result<Self, Error> {
        let revoked = self
            .revocation(time(now), ReasonForRevocation::KeyCompromised)
            .and_then(|signature| self.cert.clone().insert_packets(Packet::from(signature)));
        let (revoked, _) = revoked.map_err(|_| Error::Bug("revoking a certificate"))?;
        Self::from_cert(revoked)
    }

    /// With the signatures that its own primary key made in another state of it. Nothing else is taken from there, so
    /// that state may come from anybody.
    pub fn joined(&self, other: &[u8]) -> Result<Self, Error> {
        let other = read(other)?;
        if other.fingerprint() != self.cert.fingerprint() {
            return Err(Error::Mismatch("certificate"));
        }
        let joined = Cert::from_packets(self.own_parts(&other).into_iter())
            .and_then(|parts| self.cert.clone().merge_public(parts));
        Self::from_cert(joined.map_err(|_| Error::BadCertificate("its parts don't fit together"))?)
    }

    /// When the keys were made, and when they were signed.
    fn own_signatures(&self) -> impl Iterator<Item = SystemTime> {
        let keys = self.cert.keys().map(|key| key.key().creation_time());
        let userids = self.cert.userids().flat_map(|userid| userid.self_signatures());
        let subkeys = self.cert.keys().subkeys().flat_map(|subkey| subkey.self_signatures());
        keys.chain(userids.chain(subkeys).filter_map(|signature| signature.signature_creation_time()))
    }

    /// Own signatures and revocations of what both have.
    fn own_parts(&self, other: &Cert) -> Vec<Packet> {
        let primary = other.primary_key();
        let mut packets = vec![Packet::from(primary.key().clone())];
        packets.extend(signatures(primary.self_revocations(), primary.self_signatures()));
        let userids = self.cert.userids().map(|known| known.userid().clone());
        for userid in userids.filter_map(|known| other.userids().find(|other| *other.userid() == known)) {
            packets.push(userid.userid().clone().into());
            packets.extend(signatures(userid.self_revocations(), userid.self_signatures()));
        }
        let subkeys = self.cert.keys().subkeys().map(|known| known.key().fingerprint());
        for subkey in subkeys
            .filter_map(|known| other.keys().subkeys().find(|other| other.key().fingerprint() == known))
        {
            packets.push(subkey.key().clone().into());
            packets.extend(signatures(subkey.self_revocations(), subkey.self_signatures()));
        }
        packets
    }

    /// The subkey that others encrypt to: the newest that can be and is not revoked.
    pub(super) fn encryption_subkey(&self) -> Option<Key<PublicParts, SubordinateRole>> {
        let usable = self.cert.keys().subkeys().filter(|subkey| {
            let flagged = |signature: &Signature| {
                signature.key_flags().is_some_and(|flags| flags.for_transport_encryption())
            };
            subkey.key().pk_algo() == PublicKeyAlgorithm::ECDH
                && subkey.key().has_secret()
                && subkey.self_revocations().next().is_none()
                && subkey.self_signatures().any(flagged)
        });
        usable.map(|subkey| subkey.key().clone()).max_by_key(Key::creation_time)
    }

    fn end(&self, now: Millis) -> Option<SystemTime> {
        let now = self.not_before(now);
        let policy = StandardPolicy::at(now);
        let valid = self.cert.with_policy(&policy, now).ok()?;
        let primary = valid.primary_key().key_expiration_time();
        let subkey = self.encryption_subkey()?.fingerprint();
        let subkey = valid.keys().subkeys().find(|known| known.key().fingerprint() == subkey)?;
        primary.into_iter().chain(subkey.key_expiration_time()).min()
    }

    /// A clock that stands before the certificate was made is taken to be wrong.
    fn not_before(&self, now: Millis) -> SystemTime {
        time(now).max(self.cert.primary_key().key().creation_time())
    }
}

fn signatures<'a>(
    revocations: impl Iterator<Item = &'a Signature>,
    bindings: impl Iterator<Item = &'a Signature>,
) -> Vec<Packet> {
    revocations.chain(bindings).cloned().map(Packet::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Certificate;

    const NOW: Millis = 1_795_305_600_000;
    const DAY: Millis = 24 * 60 * 60 * 1000;
    const YEAR: Millis = 365 * DAY;

    fn alice() -> SecretCertificate {
        SecretCertificate::generate("alice@example.org", NOW).unwrap().0
    }

    fn seen(certificate: &SecretCertificate, now: Millis) -> Certificate {
        Certificate::parse(&certificate.public_bytes().unwrap(), now).unwrap()
    }

    #[test]
    fn a_certificate_is_renewed_when_half_of_its_validity_is_left() {
        let first = alice();
        assert!(!first.renewal_due(NOW) && !first.renewal_due(NOW + YEAR - DAY));
        for late in [NOW + YEAR + DAY, NOW + 3 * YEAR] {
            assert!(first.renewal_due(late));
            let renewed = first.renewed(late).unwrap();
            assert!(!renewed.renewal_due(late));
            assert_eq!(renewed.fingerprint(), first.fingerprint());
            assert!(renewed.public_bytes().unwrap().len() < 1100, "a renewal is short");
            let shown = seen(&renewed, late);
            assert!(!shown.expired(late + 2 * YEAR - DAY) && shown.expired(late + 2 * YEAR + DAY));
            assert_eq!(shown.expires(), renewed.expires(late));
            // What was signed before is still verified as of then.
            assert!(!seen(&renewed, NOW + DAY).expired(NOW + DAY));
        }
    }

    #[test]
    fn renewals_of_two_devices_come_together_and_are_the_same_in_any_order() {
        let first = alice();
        let now = NOW + YEAR + DAY;
        let (one, other) = (first.renewed(now).unwrap(), first.renewed(now + DAY).unwrap());
        let joined = one.joined(&other.public_bytes().unwrap()).unwrap();
        let turned = other.joined(&one.public_bytes().unwrap()).unwrap();
        assert_eq!(joined.public_bytes().unwrap(), turned.public_bytes().unwrap());
        assert_eq!(joined.to_bytes().unwrap(), turned.to_bytes().unwrap());
        let again = joined.joined(&first.public_bytes().unwrap()).unwrap();
        assert_eq!(again.to_bytes().unwrap(), joined.to_bytes().unwrap());
        assert_eq!(joined.expires(now + DAY), other.expires(now + DAY));
        let bob = SecretCertificate::generate("bob@example.org", NOW).unwrap().0;
        let refused = one.joined(&bob.public_bytes().unwrap()).err();
        assert_eq!(refused, Some(Error::Mismatch("certificate")));
    }

    #[test]
    fn nothing_but_own_signatures_is_taken_from_another_state() {
        let (alice, bob) = (alice(), SecretCertificate::generate("bob@example.org", NOW).unwrap().0);
        let more: Vec<Packet> = bob.cert().clone().into_packets().skip(1).collect();
        let stuffed: Vec<Packet> = alice.cert().clone().into_packets().chain(more).collect();
        let stuffed = Cert::from_packets(stuffed.into_iter()).unwrap();
        let bytes = sequoia_openpgp::serialize::MarshalInto::to_vec(&stuffed).unwrap();
        assert!(bytes.len() > alice.public_bytes().unwrap().len());
        assert_eq!(alice.joined(&bytes).unwrap().to_bytes().unwrap(), alice.to_bytes().unwrap());
    }

    #[test]
    fn a_revocation_stays_and_nothing_is_renewed_after_it() {
        let first = alice();
        let revoked = first.revoked_as_stolen(NOW + DAY).unwrap();
        let late = NOW + YEAR + DAY;
        assert!(!first.revoked(late) && revoked.revoked(late) && !revoked.renewal_due(late));
        assert!(seen(&revoked, late).revoked());
        let joined = first.renewed(late).unwrap().joined(&revoked.public_bytes().unwrap()).unwrap();
        assert!(joined.revoked(late));
    }
}
