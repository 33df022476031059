//! Whose key is used for an address, and whose signature counts as its own, whatever mails and directories bring.
use haven_bridge::{
    Failure,
    mail::{Draft, Folder, KeySource, MailId, MailState, MailView, Mailbox, Outlook, Signature, Unusable},
};
use haven_core::{
    identity::SecretCertificate,
    intent::Intent,
    mail::{Keys, Letter, compose, open_mail},
    testing::{Who, World, in_every_world},
};
use sequoia_openpgp::{cert::CertBuilder, serialize::SerializeInto as _, types::KeyFlags};

const ALICE: Who = Who(0);
const DAN: &str = "dan@elsewhere.example";
const DAY: u64 = 24 * 3_600_000;
const VOUCHED: &str = "dmarc=pass header.from=elsewhere.example";
const SILENT: &str = "dmarc=none";
const FORGED: &str = "dmarc=fail header.from=elsewhere.example";

fn mailbox(address: &str) -> Mailbox {
    Mailbox { name: String::new(), address: address.into() }
}

fn key_of_dan(now: u64) -> SecretCertificate {
    SecretCertificate::generate(DAN, now).unwrap().0
}

fn in_dans_name(world: &mut World, number: u8, key: &SecretCertificate, found: &str) {
    in_the_name_of(world, DAN, number, key, found);
}

/// A mail in somebody's name, signed by `key` and with it in its Autocrypt field, and what the relay found out about it.
fn in_the_name_of(world: &mut World, address: &str, number: u8, key: &SecretCertificate, found: &str) {
    let letter = Letter {
        message_id: format!("{number}@elsewhere.example"),
        date: world.now,
        from: mailbox(address),
        to: vec![mailbox("alice@example.org")],
        subject: format!("Number {number}"),
        text: "It is me.\n".into(),
        ..Letter::default()
    };
    let composed = compose(&letter, key, None, world.now).unwrap();
    let message = String::from_utf8(composed.messages[0].1.clone()).unwrap();
    assert!(message.contains("\r\nAutocrypt: "), "it brings the key");
    let above = format!(
        "Received: by relay.example.org; 2{number} Sep 2026 00:00:00 +0000\r\n\
         Authentication-Results: relay.example.org; {found}\r\n"
    );
    world.relay.mail_arrives("alice@example.org", format!("{above}{message}").as_bytes());
}

/// What Alice has in a folder, once signatures that may be known by now were judged again.
async fn mail(world: &mut World, folder: Folder, number: u8) -> MailView {
    world.settle_mail().await;
    for _ in 0..2 {
        let page = world.engine(ALICE).mail_folder(folder, None, 100).await.unwrap();
        for row in page.threads {
            world.engine(ALICE).mail_thread(row.id).await.unwrap();
        }
        world.settle_mail().await;
    }
    let page = world.engine(ALICE).mail_folder(folder, None, 100).await.unwrap();
    let subject = format!("Number {number}");
    let row = page.threads.into_iter().find(|row| row.newest.subject == subject).expect("the mail");
    world.engine(ALICE).mail_thread(row.id).await.unwrap().remove(0)
}

async fn outlook(world: &mut World) -> Outlook {
    let now = world.now;
    if world.engine(ALICE).recipients(&[DAN.to_owned()], now).await.unwrap().is_none() {
        world.settle_mail().await;
    }
    let now = world.now;
    world.engine(ALICE).recipients_so_far(&[DAN.to_owned()], now).remove(0).outlook
}

fn encrypted(key: &SecretCertificate, source: KeySource) -> Outlook {
    Outlook::Encrypted { fingerprint: key.fingerprint().to_hex(), source }
}

fn by_another(key: &SecretCertificate) -> Signature {
    Signature::Valid { fingerprint: key.fingerprint().to_hex(), by_sender: false }
}

async fn write_to_dan(world: &mut World, number: u8) -> MailId {
    let id = MailId([number; 16]);
    let draft = Draft {
        to: vec![mailbox(DAN)],
        subject: "Hello".into(),
        text: "For your eyes".into(),
        ..Draft::default()
    };
    world.want(ALICE, Intent::SaveDraft { id, draft }).await;
    id
}

/// Sends a mail to Dan, which fails, and takes it back to the drafts.
async fn send_in_vain(world: &mut World, number: u8) -> Outlook {
    let id = write_to_dan(world, number).await;
    let send = Intent::SendMail { draft: id, in_the_clear: false };
    world.want(ALICE, send.clone()).await;
    world.settle_mail().await;
    let failure = Failure::MailNotEncryptable { address: DAN.into() };
    let page = world.engine(ALICE).mail_folder(Folder::Sent, None, 100).await.unwrap();
    let failed = page.threads.into_iter().find(|row| row.newest.id == id).expect("the mail");
    assert_eq!(failed.newest.state, Some(MailState::Failed(failure.clone())));
    world.want(ALICE, Intent::BackToDrafts { mail: id }).await;
    assert_eq!(world.want_in_vain(ALICE, send).await, failure, "now it is known, and said at once");
    outlook(world).await
}

/// Sends a mail to Dan, and says whether `key` opens it.
async fn send_and_open(world: &mut World, number: u8, key: SecretCertificate) -> bool {
    let before = world.relay.mail_outside().len();
    let id = write_to_dan(world, number).await;
    world.want(ALICE, Intent::SendMail { draft: id, in_the_clear: false }).await;
    world.settle_mail().await;
    let mut sent = world.relay.mail_outside();
    assert_eq!(sent.len(), before + 1, "it was sent");
    let keys = [key];
    let opened = open_mail(&sent.pop().unwrap().1, &Keys { own: &keys, known: &[] }, world.now);
    opened.text.trim_end() == "For your eyes"
}

async fn alice(world: &mut World) {
    world.sign_up("alice").await;
    world.settle_mail().await;
}

#[test]
fn a_mail_that_nobody_vouches_for_puts_no_key_in_the_place_of_a_known_one() {
    pollster::block_on(async {
        in_every_world(async |world: &mut World| {
            alice(world).await;
            let (dan, eve) = (key_of_dan(world.now), key_of_dan(world.now));
            in_dans_name(world, 1, &dan, SILENT);
            let first = mail(world, Folder::Inbox, 1).await.signature;
            assert!(matches!(first, Signature::Valid { by_sender: true, .. }), "{first:?}");
            assert_eq!(outlook(world).await, encrypted(&dan, KeySource::Mail));

            world.now += DAY;
            in_dans_name(world, 2, &eve, SILENT);
            world.settle_mail().await;
            in_dans_name(world, 3, &eve, SILENT);
            let second = mail(world, Folder::Inbox, 3).await.signature;
            assert_eq!(second, by_another(&eve));
            assert_eq!(outlook(world).await, encrypted(&dan, KeySource::Mail));

            // His own new key comes with a mail for which his domain vouches.
            let new = key_of_dan(world.now);
            world.now += DAY;
            in_dans_name(world, 4, &new, VOUCHED);
            world.settle_mail().await;
            assert_eq!(outlook(world).await, encrypted(&new, KeySource::Mail));
        })
        .await;
    });
}

#[test]
fn a_forged_mail_brings_no_key_at_all() {
    pollster::block_on(async {
        let mut world = World::restarting();
        alice(&mut world).await;
        let eve = key_of_dan(world.now);
        in_dans_name(&mut world, 1, &eve, FORGED);
        let forged = mail(&mut world, Folder::Junk, 1).await.signature;
        assert_eq!(forged, by_another(&eve));
        assert_eq!(outlook(&mut world).await, Outlook::NoKey);
    });
}

#[test]
fn once_a_key_is_pinned_no_other_one_signs_for_the_address() {
    pollster::block_on(async {
        let mut world = World::restarting();
        alice(&mut world).await;
        let (dan, eve) = (key_of_dan(world.now), key_of_dan(world.now));
        in_dans_name(&mut world, 1, &eve, SILENT);
        let believed = mail(&mut world, Folder::Inbox, 1).await.signature;
        assert!(matches!(believed, Signature::Valid { by_sender: true, .. }), "nothing better is known");

        world.relay.publish_by_wkd(DAN, dan.public_bytes().unwrap());
        let bytes = dan.public_bytes().unwrap();
        world.want(ALICE, Intent::AddKey { bytes, fingerprint: dan.fingerprint().to_hex() }).await;
        in_dans_name(&mut world, 2, &eve, VOUCHED);
        let other = mail(&mut world, Folder::Inbox, 2).await.signature;
        assert_eq!(other, by_another(&eve));
        in_dans_name(&mut world, 3, &dan, SILENT);
        let own = mail(&mut world, Folder::Inbox, 3).await.signature;
        assert!(matches!(own, Signature::Valid { by_sender: true, .. }), "{own:?}");
    });
}

#[test]
fn another_certificate_in_the_directory_stops_mail_until_it_is_accepted() {
    pollster::block_on(async {
        let mut world = World::restarting();
        alice(&mut world).await;
        let (first, other) = (key_of_dan(world.now), key_of_dan(world.now));
        world.relay.publish_by_wkd(DAN, first.public_bytes().unwrap());
        assert_eq!(outlook(&mut world).await, encrypted(&first, KeySource::Pinned));
        world.relay.publish_by_wkd(DAN, other.public_bytes().unwrap());
        world.now += 3_600_000;
        assert!(send_and_open(&mut world, 1, first).await, "the directory is looked at once a day");

        world.now += DAY;
        let fingerprint = other.fingerprint().to_hex();
        let changed = Outlook::Unusable(Unusable::Changed { fingerprint: fingerprint.clone() });
        assert_eq!(send_in_vain(&mut world, 2).await, changed);
        world.want(ALICE, Intent::AcceptChange { address: DAN.into(), fingerprint }).await;
        assert_eq!(outlook(&mut world).await, encrypted(&other, KeySource::Pinned));
        assert!(send_and_open(&mut world, 3, other).await);
    });
}

#[test]
fn a_certificate_that_was_added_by_hand_stays_in_use_whatever_the_directory_shows() {
    pollster::block_on(async {
        let mut world = World::restarting();
        alice(&mut world).await;
        let (by_hand, published) = (key_of_dan(world.now), key_of_dan(world.now));
        let bytes = by_hand.public_bytes().unwrap();
        world.want(ALICE, Intent::AddKey { bytes, fingerprint: by_hand.fingerprint().to_hex() }).await;
        world.relay.publish_by_wkd(DAN, published.public_bytes().unwrap());
        world.now += 2 * DAY;
        assert!(send_and_open(&mut world, 1, by_hand).await);
    });
}

#[test]
fn a_certificate_that_expires_stops_mail_until_it_is_renewed() {
    pollster::block_on(async {
        let mut world = World::restarting();
        alice(&mut world).await;
        let dan = key_of_dan(world.now - 729 * DAY);
        world.relay.publish_by_wkd(DAN, dan.public_bytes().unwrap());
        assert_eq!(outlook(&mut world).await, encrypted(&dan, KeySource::Pinned));
        world.now += 3 * DAY;
        assert_eq!(send_in_vain(&mut world, 1).await, Outlook::Unusable(Unusable::Expired));
    });
}

#[test]
fn a_certificate_that_can_only_sign_stops_mail() {
    pollster::block_on(async {
        let mut world = World::restarting();
        alice(&mut world).await;
        let made = CertBuilder::new()
            .set_creation_time(std::time::UNIX_EPOCH + std::time::Duration::from_millis(world.now - DAY))
            .add_userid(format!("<{DAN}>"))
            .add_subkey(KeyFlags::empty().set_signing(), None, None)
            .generate();
        let (signs, _) = made.unwrap();
        world.relay.publish_by_wkd(DAN, signs.to_vec().unwrap());
        assert_eq!(send_in_vain(&mut world, 1).await, Outlook::Unusable(Unusable::CannotEncrypt));
    });
}

#[test]
fn whom_one_knows_from_chat_is_not_signed_for_by_the_key_of_a_mail() {
    pollster::block_on(async {
        let mut world = World::restarting();
        let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bob").await);
        world.start(alice, &[bob]).await;
        world.settle_mail().await;
        let eve = SecretCertificate::generate("bob@example.org", world.now).unwrap().0;
        in_the_name_of(&mut world, "bob@example.org", 1, &eve, SILENT);
        assert_eq!(mail(&mut world, Folder::Inbox, 1).await.signature, by_another(&eve));
    });
}

#[test]
fn while_a_place_to_look_does_not_answer_mail_waits_unless_the_person_lets_it_go_in_the_clear() {
    pollster::block_on(async {
        let mut world = World::new();
        alice(&mut world).await;
        world.relay.silence_key_sources(true);
        // It is asked again and again, so this world never comes to rest; an engine that forgets when never does at all.
        let a_while = async |world: &mut World| {
            for _ in 0..10 {
                world.talk().await;
                world.now += 61_000;
            }
        };
        let id = write_to_dan(&mut world, 1).await;
        world.want(ALICE, Intent::SendMail { draft: id, in_the_clear: false }).await;
        a_while(&mut world).await;
        assert!(world.relay.mail_outside().is_empty(), "nothing goes out in the clear by itself");
        let states = world.engine(ALICE).recipients_so_far(&[DAN.to_owned()], u64::MAX / 2);
        assert_eq!(states[0].outlook, Outlook::Unsure);
        world.want(ALICE, Intent::BackToDrafts { mail: id }).await;

        world.want(ALICE, Intent::SendMail { draft: id, in_the_clear: true }).await;
        a_while(&mut world).await;
        assert_eq!(world.relay.mail_outside().len(), 1, "it was asked once more, and no longer");

        // The key that turns up until then is used.
        let dan = key_of_dan(world.now);
        let id = write_to_dan(&mut world, 2).await;
        world.want(ALICE, Intent::SendMail { draft: id, in_the_clear: true }).await;
        world.relay.publish_by_wkd(DAN, dan.public_bytes().unwrap());
        a_while(&mut world).await;
        let sent = world.relay.mail_outside().pop().unwrap().1;
        let keys = [dan];
        let opened = open_mail(&sent, &Keys { own: &keys, known: &[] }, world.now);
        assert_eq!(opened.text.trim_end(), "For your eyes");
        assert!(!sent.windows(13).any(|window| window == b"For your eyes"));
    });
}
