//! A key that somebody has already becomes their identity. The keys are GnuPG's (`data/own_key/README.md`).
use haven_bridge::{
    KeyTrouble,
    mail::{Draft, Folder, MailId, Mailbox, Protection, Signature},
};
use haven_core::{
    identity::{Certificate, Error, Fingerprint, import},
    intent::Intent,
    testing::World,
};
use sequoia_openpgp::{
    Cert, Packet,
    crypto::{Password, S2K},
    packet::{UserID, key::SecretKeyMaterial},
    parse::Parse as _,
    serialize::MarshalInto as _,
    types::{AEADAlgorithm, SymmetricAlgorithm},
};
use std::{fs, path::PathBuf};

const ALICE: &str = "alice@example.org";
const PASSPHRASE: &str = "velvet-otter-lantern-47";
/// A day after the keys were made.
const NOW: u64 = 1_795_435_200_000;

fn sample(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/own_key").join(name);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn refused(file: &[u8], passphrase: &str) -> KeyTrouble {
    match import::import(file, passphrase, ALICE, NOW) {
        Err(Error::Unusable(why)) => why,
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("it was taken"),
    }
}

fn carol() -> Cert {
    Cert::from_bytes(&sample("gpg-carol.pgp")).unwrap()
}

#[test]
fn the_certificate_names_the_new_address_alone_and_keeps_the_fingerprint() {
    let file = sample("gpg-own.asc");
    let import::Imported { secret, whole } = import::import(&file, PASSPHRASE, ALICE, NOW).unwrap();
    let original = Cert::from_bytes(&sample("gpg-public.asc")).unwrap();
    assert_eq!(secret.fingerprint(), Fingerprint::from_hex(&original.fingerprint().to_hex()).unwrap());
    assert_eq!(secret.address(), ALICE);
    let shown = Certificate::parse(&secret.public_bytes().unwrap(), NOW).unwrap();
    assert_eq!(shown.addresses(), [ALICE]);
    assert!(shown.primary().is_ok() && !shown.revoked());
    let two_years = 2 * 365 * 24 * 60 * 60 * 1000;
    assert!(shown.expires().unwrap().abs_diff(NOW + two_years) < 120_000);
    assert!(!secret.renewal_due(NOW));
    let public = Cert::from_bytes(shown.as_bytes()).unwrap();
    assert_eq!((public.userids().count(), public.keys().subkeys().count()), (1, 1));
    assert!(public.userids().all(|userid| userid.certifications().next().is_none()));

    // What else was in the file is kept.
    let whole = Cert::from_bytes(&whole as &[u8]).unwrap();
    assert_eq!((whole.userids().count(), whole.keys().subkeys().count()), (2, 2));
    assert!(whole.userids().all(|userid| userid.certifications().next().is_some()));
    assert!(whole.keys().unencrypted_secret().count() == 3);
}

#[test]
fn a_user_id_with_the_address_is_kept_as_it_is() {
    let file = sample("gpg-own.asc");
    let secret = import::import(&file, PASSPHRASE, "alice@work.example", NOW).unwrap().secret;
    let public = Cert::from_bytes(&secret.public_bytes().unwrap()).unwrap();
    let userids: Vec<String> = public.userids().map(|userid| userid.userid().to_string()).collect();
    assert_eq!(userids, ["Alice <alice@work.example>"]);
    assert_eq!(secret.address(), "alice@work.example");
}

#[test]
fn a_key_without_a_passphrase_and_one_that_has_expired_are_taken() {
    for name in ["gpg-carol.pgp", "gpg-expired.pgp"] {
        let secret = import::import(&sample(name), "", ALICE, NOW).unwrap().secret;
        let shown = Certificate::parse(&secret.public_bytes().unwrap(), NOW).unwrap();
        assert!(shown.claims(ALICE) && !shown.expired(NOW + 365 * 24 * 60 * 60 * 1000), "{name}");
    }
    // A clock that stands before the key was made makes no difference.
    assert!(import::import(&sample("gpg-carol.pgp"), "", ALICE, NOW / 2).is_ok());
    assert!(import::judge(&sample("gpg-own.asc"), PASSPHRASE, NOW).is_ok());
}

#[test]
fn what_can_not_become_an_identity_is_refused_and_says_why() {
    let own = sample("gpg-own.asc");
    for (file, passphrase, why) in [
        (own.clone(), "", KeyTrouble::NeedsPassphrase),
        (own.clone(), "velvet-otter-lantern-48", KeyTrouble::WrongPassphrase),
        (sample("gpg-public.asc"), "", KeyTrouble::NoSecret),
        (sample("gpg-subkeys-only.asc"), PASSPHRASE, KeyTrouble::NoSecret),
        (sample("gpg-rsa.pgp"), "", KeyTrouble::Shape),
        (sample("gpg-signs-only.pgp"), "", KeyTrouble::Shape),
        (sample("gpg-revoked.pgp"), "", KeyTrouble::Revoked),
        ([sample("gpg-carol.pgp"), sample("gpg-expired.pgp")].concat(), "", KeyTrouble::Several),
        (Vec::new(), "", KeyTrouble::NotAKey),
        (b"hello".to_vec(), "", KeyTrouble::NotAKey),
        (vec![b'a'; 300 * 1024], "", KeyTrouble::TooLarge),
    ] {
        assert_eq!(refused(&file, passphrase), why);
    }
}

#[test]
fn a_secret_key_that_is_not_its_public_keys_is_refused() {
    let other = Cert::from_bytes(&sample("gpg-expired.pgp")).unwrap();
    let swapped = |cert: Cert, primary: bool| {
        if primary {
            let (_, secret) = other.primary_key().key().clone().parts_into_secret().unwrap().take_secret();
            let (key, _) = cert.primary_key().key().clone().parts_into_public().take_secret();
            cert.insert_packets([Packet::from(key.add_secret(secret).0)]).unwrap().0
        } else {
            let theirs = other.keys().subkeys().secret().next().unwrap().key().clone();
            let key = cert.keys().subkeys().next().unwrap().key().clone();
            cert.insert_packets([Packet::from(key.add_secret(theirs.take_secret().1).0)]).unwrap().0
        }
    };
    for (primary, why) in [(true, KeyTrouble::NotAKey), (false, KeyTrouble::Shape)] {
        let file = swapped(carol(), primary).as_tsk().to_vec().unwrap();
        assert_eq!(refused(&file, ""), why, "{primary}");
    }
}

#[test]
fn what_would_take_too_much_memory_or_time_is_refused_before_it_is_tried() {
    let many = |count: usize| {
        let userids =
            (0..count).map(|number| Packet::from(UserID::from(format!("{number} <{number}@example.org>"))));
        let packets: Vec<Packet> = carol().into_tsk().into_packets().chain(userids).collect();
        Cert::from_packets(packets.into_iter()).unwrap().as_tsk().to_vec().unwrap()
    };
    assert!(import::import(&many(10), "", ALICE, NOW).is_ok());
    assert_eq!(refused(&many(1500), ""), KeyTrouble::TooLarge);

    // 2 GiB, the first of RFC 9580's proposals: the number alone is changed, so that the test needs no such memory.
    let password = Password::from(PASSPHRASE);
    let salt = [0xA5; 16];
    let (key, secret) = carol().primary_key().key().clone().parts_into_secret().unwrap().take_secret();
    let cheap = S2K::Argon2 { salt, t: 1, p: 1, m: 10 };
    let algorithms = (SymmetricAlgorithm::AES256, Some(AEADAlgorithm::OCB));
    let locked = secret.encrypt_with(&key, cheap, algorithms.0, algorithms.1, &password).unwrap();
    assert!(matches!(locked, SecretKeyMaterial::Encrypted(_)));
    let cert = carol().insert_packets([Packet::from(key.add_secret(locked).0)]).unwrap().0;
    let mut file = cert.as_tsk().to_vec().unwrap();
    assert!(import::import(&file, PASSPHRASE, ALICE, NOW).is_ok(), "a cheap one is taken");
    let at = file.windows(16).position(|window| window == salt).unwrap() + 16;
    assert_eq!(file[at..at + 3], [1, 1, 10]);
    for (place, costly) in [(2, 19), (2, 21), (2, 255), (0, 5)] {
        let before = std::mem::replace(&mut file[at + place], costly);
        assert_eq!(refused(&file, PASSPHRASE), KeyTrouble::TooCostly);
        file[at + place] = before;
    }
}

#[test]
fn damaged_files_never_do_more_than_fail() {
    let file = sample("gpg-carol.pgp");
    for at in 0..file.len() {
        let mut damaged = file.clone();
        damaged[at] ^= 0x41;
        let _ = import::import(&damaged, "", ALICE, NOW);
        let _ = import::import(&file[..at], "", ALICE, NOW);
    }
}

#[test]
fn the_person_chats_and_mails_with_it() {
    pollster::block_on(async {
        let mut world = World::new();
        world.now = NOW;
        let secret = import::import(&sample("gpg-own.asc"), PASSPHRASE, ALICE, NOW).unwrap().secret;
        let alice = world.sign_up_with(&secret).await;
        let bob = world.sign_up("bob").await;
        world.settle().await;
        let chat = world.conversation(bob, &[alice]).await;
        world.assert_works(&[alice, bob], chat).await;
        for (from, to, id) in [(alice, "bob@example.org", 1), (bob, ALICE, 2)] {
            let id = MailId([id; 16]);
            let to = vec![Mailbox { name: String::new(), address: to.into() }];
            let draft = Draft { to, subject: "x".into(), text: "Hello".into(), ..Draft::default() };
            world.want(from, Intent::SaveDraft { id, draft }).await;
            world.want(from, Intent::SendMail { draft: id, in_the_clear: false }).await;
            world.settle().await;
            world.now += 61_000;
            world.settle().await;
        }
        for who in [alice, bob] {
            let page = world.engine(who).mail_folder(Folder::Inbox, None, 9).await.unwrap();
            let mails = world.engine(who).mail_thread(page.threads[0].id).await.unwrap();
            let mail = &mails[0];
            assert_eq!(mail.summary.protection, Protection::EndToEnd);
            assert!(
                matches!(mail.signature, Signature::Valid { by_sender: true, .. }),
                "{:?}",
                mail.signature
            );
        }
    });
}
