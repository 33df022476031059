//! Publishing another state of a certificate.

use crate::common::{By, TestRelay, mail::Reader, mail::certificate, random};
use haven_wire::{
    Refusal,
    ids::{Hash, SessionToken},
    keys::*,
};
use sequoia_openpgp::{
    Cert, Packet,
    cert::{CertBuilder, CertRevocationBuilder, amalgamation::ValidateAmalgamation as _},
    packet::signature::SignatureBuilder,
    parse::Parse as _,
    policy::StandardPolicy,
    serialize::MarshalInto as _,
    types::ReasonForRevocation,
};
use std::time::{Duration, SystemTime};

const DAY: Duration = Duration::from_secs(86_400);

fn bytes(cert: &Cert) -> Vec<u8> {
    cert.to_vec().unwrap()
}

async fn held(relay: &TestRelay, of: &Reader) -> Vec<u8> {
    relay.call(&Lookup { address: of.person.address.clone() }, of.by()).await.unwrap().certificate
}

async fn put(relay: &TestRelay, by: &Reader, certificate: Vec<u8>) -> Result<Done, Refusal> {
    let replaces = Hash::of(&held(relay, by).await);
    relay.call(&PutCertificate { certificate, replaces }, by.by()).await
}

/// A person whose certificate is a hundred days old and ends in a hundred.
async fn alice(relay: &TestRelay) -> Reader {
    let builder = CertBuilder::new()
        .add_userid("<alice@localhost>")
        .set_creation_time(SystemTime::now() - DAY * 100)
        .set_validity_period(DAY * 200)
        .add_transport_encryption_subkey();
    Reader::with(relay, "alice", builder.generate().unwrap().0).await
}

/// Signed again for `validity`, a while ago.
fn renewed(cert: &Cert, validity: Duration, ago: Duration) -> Cert {
    let mut signer = cert.primary_key().key().clone().parts_into_secret().unwrap().into_keypair().unwrap();
    let made = SystemTime::now() - ago;
    let policy = StandardPolicy::new();
    let userid = cert.userids().next().unwrap();
    let old = userid.with_policy(&policy, None).unwrap().binding_signature().clone();
    let ends = made.duration_since(cert.primary_key().key().creation_time()).unwrap() + validity;
    let signature = SignatureBuilder::from(old)
        .set_signature_creation_time(made)
        .unwrap()
        .set_key_validity_period(ends)
        .unwrap()
        .sign_userid_binding(&mut signer, None, userid.userid())
        .unwrap();
    cert.clone().insert_packets([Packet::from(userid.userid().clone()), signature.into()]).unwrap().0
}

fn revoked(cert: &Cert) -> Cert {
    let mut signer = cert.primary_key().key().clone().parts_into_secret().unwrap().into_keypair().unwrap();
    let revocation = CertRevocationBuilder::new()
        .set_reason_for_revocation(ReasonForRevocation::KeyCompromised, b"")
        .unwrap()
        .build(&mut signer, cert, None)
        .unwrap();
    cert.clone().insert_packets(revocation).unwrap().0
}

fn bad(why: &str) -> Result<Done, Refusal> {
    Err(Refusal::BadRequest { what: why.into() })
}

#[tokio::test]
async fn a_renewed_certificate_takes_the_place_of_the_old_one_also_by_wkd() {
    let relay = TestRelay::start().await;
    let alice = alice(&relay).await;
    let new = bytes(&renewed(&alice.cert, DAY * 700, DAY));
    assert_eq!(put(&relay, &alice, new.clone()).await, Ok(Done {}));
    assert_eq!(held(&relay, &alice).await, new);
    let hash = haven_server::wkd::hash("alice");
    let (_, served) = relay.get(&format!("/.well-known/openpgpkey/hu/{hash}"), &[]).await;
    assert_eq!(served, new);
    // The same again, after its answer was lost.
    let again = PutCertificate { certificate: new.clone(), replaces: Hash::of(&bytes(&alice.cert)) };
    assert_eq!(relay.call(&again, alice.by()).await, Ok(Done {}));
}

#[tokio::test]
async fn who_did_not_see_the_last_change_has_to_look_first() {
    let relay = TestRelay::start().await;
    let alice = alice(&relay).await;
    let (one, other) = (renewed(&alice.cert, DAY * 700, DAY), renewed(&alice.cert, DAY * 700, DAY * 2));
    let replaces = Hash::of(&bytes(&alice.cert));
    let call = |cert: &Cert| PutCertificate { certificate: bytes(cert), replaces };
    assert_eq!(relay.call(&call(&one), alice.by()).await, Ok(Done {}));
    let both = one.merge_public(other).unwrap();
    assert_eq!(relay.call(&call(&both), alice.by()).await, Err(Refusal::Conflict { current: 0 }));
    assert_eq!(put(&relay, &alice, bytes(&both)).await, Ok(Done {}));
}

#[tokio::test]
async fn nothing_but_the_same_certificate_properly_signed_is_taken() {
    let relay = TestRelay::start().await;
    let alice = alice(&relay).await;
    let before = held(&relay, &alice).await;
    let stranger = certificate("alice@localhost");
    let mut secret = Vec::new();
    sequoia_openpgp::serialize::Serialize::serialize(&alice.cert.as_tsk(), &mut secret).unwrap();
    let unsigned: Vec<Packet> = alice.cert.clone().into_packets().take(2).collect();
    let unsigned = Cert::from_packets(unsigned.into_iter()).unwrap();
    let forged: Vec<Packet> =
        alice.cert.clone().into_packets().take(1).chain(stranger.clone().into_packets().skip(1)).collect();
    let forged = Cert::from_packets(forged.into_iter()).unwrap();
    let signs_only = {
        let packets =
            alice.cert.clone().into_packets().filter(|packet| !matches!(packet, Packet::PublicSubkey(_)));
        Cert::from_packets(packets).unwrap()
    };
    for (why, certificate) in [
        ("the certificate can't be read", b"certificate of alice".to_vec()),
        ("the certificate can't be read", [before.clone(), bytes(&stranger)].concat()),
        ("the certificate holds secret keys", secret),
        ("it is another certificate", bytes(&stranger)),
        ("the certificate is older than the one that is published", bytes(&unsigned)),
        ("the certificate is older than the one that is published", bytes(&forged)),
        ("the certificate can't encrypt", bytes(&signs_only)),
    ] {
        assert_eq!(put(&relay, &alice, certificate).await, bad(why));
    }
    let large = put(&relay, &alice, vec![0; 65 * 1024]).await;
    assert_eq!(large.unwrap_err().status(), 413);
    let stranger_session = SessionToken(random());
    let call = PutCertificate { certificate: before.clone(), replaces: Hash::of(&before) };
    assert_eq!(relay.call(&call, By::Session(&stranger_session)).await, Err(Refusal::NotSignedIn));
    assert_eq!(held(&relay, &alice).await, before);
}

#[tokio::test]
async fn a_certificate_for_another_address_is_not_taken() {
    let relay = TestRelay::start().await;
    let alice = alice(&relay).await;
    let bob = Reader::with(&relay, "bob", alice.cert.clone()).await;
    let renewed = bytes(&renewed(&alice.cert, DAY * 700, DAY));
    assert_eq!(put(&relay, &bob, renewed).await, bad("the certificate is for another address"));
}

#[tokio::test]
async fn a_revocation_and_a_renewal_are_not_taken_back() {
    let relay = TestRelay::start().await;
    let alice = alice(&relay).await;
    let old = bytes(&alice.cert);
    let new = renewed(&alice.cert, DAY * 700, DAY);
    put(&relay, &alice, bytes(&new)).await.unwrap();
    assert_eq!(
        put(&relay, &alice, old).await,
        bad("the certificate is older than the one that is published")
    );
    put(&relay, &alice, bytes(&revoked(&new))).await.unwrap();
    assert_eq!(put(&relay, &alice, bytes(&new)).await, bad("a revocation can't be taken back"));
    let shown = Cert::from_bytes(&held(&relay, &alice).await).unwrap();
    assert_eq!(shown.primary_key().self_revocations().count(), 1);
}

#[tokio::test]
async fn what_the_relay_can_not_read_itself_may_be_replaced() {
    let relay = TestRelay::start().await;
    let (person, mut call) = crate::common::person::sign_up(&relay, "alice").await;
    call.certificate = b"damaged".to_vec();
    relay.call(&call, By::Nobody).await.unwrap();
    let alice = Reader { person, cert: certificate("alice@localhost") };
    assert_eq!(put(&relay, &alice, bytes(&alice.cert)).await, Ok(Done {}));
}
