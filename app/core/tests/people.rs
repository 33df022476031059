//! People, from chat and mail together: who is listed, what their page shows, verifying them, keys from files.
use haven_bridge::{
    Comparison, Failure, FoundKey, KeyStanding, Person, PersonRef, PersonView, Trust,
    mail::{Draft, Folder, KeySource, MailId, Mailbox, Outlook, Unusable},
};
use haven_core::{
    identity::SecretCertificate,
    intent::Intent,
    testing::{Who, World, for_every_crash, in_every_world},
};

const ALICE: Who = Who(0);
const BOB: Who = Who(1);
const DAN: &str = "dan@elsewhere.example";

async fn two_people(world: &mut World) {
    for name in ["alice", "bob"] {
        world.sign_up(name).await;
    }
    world.settle_mail().await;
}

fn mailbox(address: &str) -> Mailbox {
    Mailbox { name: String::new(), address: address.into() }
}

async fn send(world: &mut World, who: Who, id: u8, draft: Draft) {
    let (id, in_the_clear) = (MailId([id; 16]), true);
    world.want(who, Intent::SaveDraft { id, draft }).await;
    world.want(who, Intent::SendMail { draft: id, in_the_clear }).await;
    world.settle_mail().await;
}

fn to(address: &str, subject: &str) -> Draft {
    Draft { to: vec![mailbox(address)], subject: subject.into(), text: "Text".into(), ..Draft::default() }
}

async fn people(world: &mut World, who: Who) -> Vec<Person> {
    world.engine(who).people().await.unwrap()
}

async fn listed(world: &mut World, who: Who) -> Vec<(String, Trust)> {
    let people = people(world, who).await;
    people.into_iter().map(|person| (person.person.address, person.trust)).collect()
}

fn by_address(address: &str) -> PersonRef {
    PersonRef { address: address.into(), fingerprint: String::new() }
}

async fn page(world: &mut World, who: Who, person: &PersonRef) -> PersonView {
    let now = world.now;
    world.engine(who).person(person, now).await.unwrap().expect("a page")
}

async fn outlook(world: &mut World, who: Who, address: &str) -> Outlook {
    let now = world.now;
    world.engine(who).mailbox().await.unwrap();
    world.engine(who).recipients_so_far(&[address.to_owned()], now).remove(0).outlook
}

/// The person of another device, as a view model names them.
fn person_of(world: &World, who: Who) -> PersonRef {
    PersonRef { address: world.address(who), fingerprint: world.fingerprint(who) }
}

/// What `who` compares with a person, once the key has come.
async fn digits(world: &mut World, who: Who, person: &PersonRef) -> String {
    for _ in 0..5 {
        let now = world.now;
        match world.engine(who).safety_number(person, now).await.unwrap() {
            Comparison::Number(number) => return number.digits,
            Comparison::Asking => world.talk().await,
            Comparison::NoKey => break,
        }
    }
    panic!("no number");
}

async fn verify(world: &mut World, who: Who, other: Who) {
    let person = person_of(world, other);
    let number = Some(digits(world, who, &person).await);
    world.want(who, Intent::Verify { person, number }).await;
}

fn arriving(from: &str, name: &str) -> Vec<u8> {
    format!(
        "Received: by relay.example.org; Tue, 22 Sep 2026 00:00:00 +0000\r\n\
         Authentication-Results: relay.example.org; dmarc=pass\r\nFrom: {name} <{from}>\r\nTo: alice@example.org\r\n\
         Subject: From outside\r\nMessage-ID: <1@{from}>\r\nDate: Tue, 22 Sep 2026 00:00:00 +0000\r\n\r\nHello\r\n"
    )
    .into_bytes()
}

#[test]
fn who_was_written_to_is_listed_and_strangers_are_not_until_they_get_an_answer() {
    pollster::block_on(async {
        in_every_world(async |world: &mut World| {
            two_people(world).await;
            for (from, name) in [("stranger@shop.example", "Corner Shop"), (DAN, "Dan Berg")] {
                world.relay.mail_arrives("alice@example.org", &arriving(from, name));
            }
            world.settle_mail().await;
            assert!(people(world, ALICE).await.is_empty());
            send(world, ALICE, 1, to("Dan@Elsewhere.example", "Answer")).await;
            let blind = Draft { bcc: vec![mailbox("eve@else.example")], ..to("bob@example.org", "Two") };
            send(world, ALICE, 2, blind).await;
            let listed = listed(world, ALICE).await;
            let expected = [
                ("bob@example.org".to_owned(), Trust::Pinned),
                (DAN.to_owned(), Trust::NoKey),
                ("eve@else.example".to_owned(), Trust::NoKey),
            ];
            assert_eq!(listed, expected);
            let dan = people(world, ALICE).await.remove(1);
            assert_eq!((dan.name.as_str(), dan.person.fingerprint.as_str()), ("Dan Berg", ""));
            // Whose mails are deleted for good is forgotten.
            let ids = world.engine(ALICE).mail_folder(Folder::Sent, None, 9).await.unwrap().threads;
            let mails =
                ids.iter().filter(|row| row.newest.subject == "Two").map(|row| row.newest.id).collect();
            world.want(ALICE, Intent::DeleteMail { mails }).await;
            assert_eq!(people(world, ALICE).await.len(), 2);
            listed
        })
        .await;
    });
}

#[test]
fn a_page_shows_key_conversations_and_the_mail_in_both_directions() {
    pollster::block_on(async {
        let mut world = World::restarting();
        two_people(&mut world).await;
        let chat = world.conversation(ALICE, &[BOB]).await;
        send(&mut world, ALICE, 1, to("bob@example.org", "First")).await;
        send(&mut world, BOB, 2, to("alice@example.org", "Second")).await;
        let copy = Draft { cc: vec![mailbox("bob@example.org")], ..to(DAN, "Third") };
        send(&mut world, ALICE, 3, copy).await;
        send(&mut world, ALICE, 4, to(DAN, "Not with Bob")).await;
        let bob = person_of(&world, BOB);
        for who in [by_address("Bob@example.org"), bob.clone()] {
            let page = page(&mut world, ALICE, &who).await;
            assert_eq!(page.person.person, bob);
            assert_eq!(page.person.conversations, [chat]);
            let subjects: Vec<_> = page.threads.iter().map(|row| row.newest.subject.as_str()).collect();
            assert_eq!(subjects, ["Third", "Second", "First"]);
            let key = page.key.expect("a key");
            assert_eq!((key.fingerprint, key.source), (bob.fingerprint.clone(), KeySource::Directory));
            assert!(key.since.is_some_and(|since| since < world.now) && key.verified.is_none());
        }
        let stranger = page(&mut world, ALICE, &by_address("new@else.example")).await;
        assert_eq!((stranger.person.trust, stranger.key), (Trust::NoKey, None));
        let now = world.now;
        let nobody = PersonRef { fingerprint: "AB".repeat(20), ..by_address(DAN) };
        for nowhere in [by_address("nonsense"), nobody] {
            assert_eq!(world.engine(ALICE).person(&nowhere, now).await.unwrap(), None);
        }
    });
}

#[test]
fn both_sides_compare_the_same_number_and_verifying_shows_in_chat_and_mail() {
    pollster::block_on(async {
        in_every_world(async |world: &mut World| {
            two_people(world).await;
            let chat = world.conversation(ALICE, &[BOB]).await;
            let (alice, bob) = (person_of(world, ALICE), person_of(world, BOB));
            let number = digits(world, ALICE, &bob).await;
            assert_eq!(number.len(), 60);
            assert_eq!(digits(world, BOB, &alice).await, number);
            send(world, BOB, 1, to("alice@example.org", "Signed")).await;

            let wrong = format!("{}{}", if number.starts_with('1') { 2 } else { 1 }, &number[1..]);
            let not_compared = Intent::Verify { person: bob.clone(), number: Some(wrong) };
            let refused = world.want_in_vain(ALICE, not_compared).await;
            assert_eq!(refused, Failure::IdentityInvalid { address: bob.address.clone() });
            assert_eq!(listed(world, ALICE).await[0].1, Trust::Pinned);

            verify(world, ALICE, BOB).await;
            let seen = async |world: &mut World| {
                let details = world.engine(ALICE).conversation(chat).await.unwrap().unwrap();
                let member = details.members.into_iter().find(|member| !member.me).unwrap();
                let row = world.engine(ALICE).mail_folder(Folder::Inbox, None, 9).await.unwrap().threads;
                let mail = world.engine(ALICE).mail_thread(row[0].id).await.unwrap().remove(0);
                let source = match outlook(world, ALICE, "bob@example.org").await {
                    Outlook::Encrypted { source, .. } => source,
                    other => panic!("{other:?}"),
                };
                (member.trust, source, mail.signer_verified)
            };
            assert_eq!(seen(world).await, (Trust::Verified, KeySource::Verified, true));
            let key = page(world, ALICE, &bob).await.key.unwrap();
            assert!(key.verified.is_some() && key.source == KeySource::Directory);
            assert_eq!(listed(world, BOB).await[0].1, Trust::Pinned, "each side verifies for itself");

            world.want(ALICE, Intent::Verify { person: bob.clone(), number: None }).await;
            assert_eq!(seen(world).await, (Trust::Pinned, KeySource::Pinned, false));
            world.settle_mail().await;
            assert_eq!(
                seen(world).await,
                (Trust::Pinned, KeySource::Pinned, false),
                "own notes change nothing"
            );
        })
        .await;
    });
}

#[test]
fn other_devices_hear_who_was_verified_and_new_ones_as_well() {
    pollster::block_on(async {
        let mut world = World::restarting();
        two_people(&mut world).await;
        let phone = world.sign_in(ALICE, "Alice's phone").await;
        world.settle_mail().await;
        verify(&mut world, ALICE, BOB).await;
        world.settle_mail().await;
        let tablet = world.sign_in(ALICE, "Alice's tablet").await;
        world.settle_mail().await;
        for device in [ALICE, phone, tablet] {
            let verified = ("bob@example.org".to_owned(), Trust::Verified);
            assert_eq!(listed(&mut world, device).await, [verified], "{device:?}");
        }
        // Said and taken back while nothing could be sent: what was said last counts.
        let bob = person_of(&world, BOB);
        let number = Some(digits(&mut world, phone, &bob).await);
        world.offline(phone);
        world.want(phone, Intent::Verify { person: bob.clone(), number: None }).await;
        world.want(phone, Intent::Verify { person: bob.clone(), number }).await;
        world.want(phone, Intent::Verify { person: bob.clone(), number: None }).await;
        world.online(phone);
        world.settle_mail().await;
        for device in [ALICE, phone, tablet] {
            assert_eq!(listed(&mut world, device).await[0].1, Trust::Pinned, "{device:?}");
        }
    });
}

#[test]
fn a_crash_while_verifying_leaves_it_done_once() {
    pollster::block_on(async {
        let mut world = World::new();
        two_people(&mut world).await;
        world.sign_in(ALICE, "Alice's phone").await;
        world.settle_mail().await;
        let crashes = for_every_crash(&world, async |world: &mut World| {
            verify(world, ALICE, BOB).await;
            world.settle_mail().await;
            (listed(world, ALICE).await, listed(world, Who(2)).await)
        })
        .await;
        assert!(crashes > 3, "{crashes}");
    });
}

#[test]
fn another_certificate_is_not_verified_and_takes_nobodys_place_unseen() {
    pollster::block_on(async {
        let mut world = World::restarting();
        two_people(&mut world).await;
        let phone = world.sign_in(ALICE, "Alice's phone").await;
        world.settle_mail().await;
        verify(&mut world, ALICE, BOB).await;
        world.settle_mail().await;
        let old = person_of(&world, BOB);
        let new = world.sign_up("bob").await;
        world.settle_mail().await;
        let changed = person_of(&world, new);
        let number = Some("0".repeat(60));
        let verify_new = Intent::Verify { person: changed.clone(), number };
        assert_eq!(world.want_in_vain(ALICE, verify_new).await, Failure::NotFound, "its key is not here");
        let PersonRef { address, fingerprint } = changed.clone();
        world.want(ALICE, Intent::AcceptChange { address, fingerprint }).await;
        let trusts = async |world: &mut World, who| {
            let people = people(world, who).await;
            let trust =
                |person: &PersonRef| people.iter().find(|one| one.person == *person).map(|one| one.trust);
            (trust(&old), trust(&changed))
        };
        assert_eq!(trusts(&mut world, ALICE).await, (Some(Trust::Replaced), Some(Trust::Pinned)));
        verify(&mut world, ALICE, new).await;
        world.settle_mail().await;
        assert_eq!(trusts(&mut world, ALICE).await, (Some(Trust::Replaced), Some(Trust::Verified)));
        // The phone has not accepted the change: it is told of it, and nothing is taken over silently.
        assert_eq!(trusts(&mut world, phone).await, (Some(Trust::Verified), Some(Trust::Changed)));
        let PersonRef { address, fingerprint } = changed.clone();
        world.want(phone, Intent::AcceptChange { address, fingerprint }).await;
        assert_eq!(trusts(&mut world, phone).await, (Some(Trust::Replaced), Some(Trust::Verified)));
    });
}

fn dans_key(world: &World) -> (SecretCertificate, Vec<u8>) {
    let secret = SecretCertificate::generate(DAN, world.now).unwrap().0;
    let bytes = secret.public_bytes().unwrap();
    (secret, bytes)
}

async fn found(world: &mut World, bytes: &[u8]) -> Vec<FoundKey> {
    let now = world.now;
    world.engine(ALICE).keys_in_file(bytes, now).await.unwrap()
}

#[test]
fn a_key_from_a_file_is_shown_first_and_then_used() {
    pollster::block_on(async {
        let mut world = World::restarting();
        two_people(&mut world).await;
        let (dan, bytes) = dans_key(&world);
        let fingerprint = dan.fingerprint().to_hex();
        let shown = found(&mut world, &dan.to_bytes().unwrap()).await;
        let person = PersonRef { address: DAN.into(), fingerprint: fingerprint.clone() };
        assert_eq!(
            shown,
            [FoundKey { person: person.clone(), others: Vec::new(), standing: KeyStanding::New }]
        );
        assert!(people(&mut world, ALICE).await.is_empty(), "looking takes nothing");

        world.want(ALICE, Intent::AddKey { bytes: bytes.clone(), fingerprint: fingerprint.clone() }).await;
        assert_eq!(found(&mut world, &bytes).await[0].standing, KeyStanding::Known);
        assert_eq!(listed(&mut world, ALICE).await, [(DAN.to_owned(), Trust::Pinned)]);
        let encrypted = Outlook::Encrypted { fingerprint, source: KeySource::File };
        assert_eq!(outlook(&mut world, ALICE, DAN).await, encrypted);
        assert_eq!(page(&mut world, ALICE, &person).await.key.unwrap().source, KeySource::File);
        send(&mut world, ALICE, 1, to(DAN, "Sealed")).await;
        let (_, sent) = world.relay.mail_outside().remove(0);
        let own = [dan];
        let keys = haven_core::mail::Keys { own: &own, known: &[] };
        assert_eq!(haven_core::mail::open_mail(&sent, &keys, world.now).subject, "Sealed");
        // It can be verified like any other.
        let number = Some(digits(&mut world, ALICE, &person).await);
        world.want(ALICE, Intent::Verify { person, number }).await;
        assert_eq!(listed(&mut world, ALICE).await[0].1, Trust::Verified);
    });
}

#[test]
fn armored_files_and_several_keys_are_read_and_what_cannot_be_used_says_why() {
    pollster::block_on(async {
        let mut world = World::restarting();
        two_people(&mut world).await;
        let armored = include_bytes!("data/mail/gpg-alice.pgp");
        let now = world.now;
        let gpg = found(&mut world, armored).await;
        assert_eq!(gpg.len(), 1, "{gpg:?}");
        let own = world.relay.entry("alice@example.org").unwrap().certificate;
        assert_eq!(found(&mut world, &own).await[0].standing, KeyStanding::Own);
        let old = SecretCertificate::generate("old@else.example", now - 3 * 365 * 86_400_000).unwrap().0;
        let several = [dans_key(&world).1, old.public_bytes().unwrap()].concat();
        let standings: Vec<_> =
            found(&mut world, &several).await.into_iter().map(|key| key.standing).collect();
        assert_eq!(standings, [KeyStanding::New, KeyStanding::Unusable(Unusable::Expired)]);
        let fingerprint = old.fingerprint().to_hex();
        let refused = world.want_in_vain(ALICE, Intent::AddKey { bytes: several, fingerprint }).await;
        assert_eq!(refused, Failure::MailNotEncryptable { address: "old@else.example".into() });
        for nothing in [&b""[..], b"hello", &vec![0x99; 300_000]] {
            assert!(found(&mut world, nothing).await.is_empty());
        }
        let none = Intent::AddKey { bytes: b"hello".to_vec(), fingerprint: "AB".repeat(20) };
        assert_eq!(world.want_in_vain(ALICE, none).await, Failure::NotFound);
        assert!(people(&mut world, ALICE).await.is_empty());
    });
}

#[test]
fn a_key_from_a_file_replaces_a_known_one_only_after_the_change_was_accepted() {
    pollster::block_on(async {
        let mut world = World::restarting();
        two_people(&mut world).await;
        let ((_, first), (other, second)) = (dans_key(&world), dans_key(&world));
        let first_print = found(&mut world, &first).await[0].person.fingerprint.clone();
        world.want(ALICE, Intent::AddKey { bytes: first, fingerprint: first_print.clone() }).await;
        assert_eq!(found(&mut world, &second).await[0].standing, KeyStanding::Changed);
        let fingerprint = other.fingerprint().to_hex();
        let add = Intent::AddKey { bytes: second, fingerprint: fingerprint.clone() };
        let changed = Failure::CertificateChanged { address: DAN.into(), fingerprint: fingerprint.clone() };
        assert_eq!(world.want_in_vain(ALICE, add.clone()).await, changed);
        let encrypted = |fingerprint| Outlook::Encrypted { fingerprint, source: KeySource::File };
        assert_eq!(outlook(&mut world, ALICE, DAN).await, encrypted(first_print));
        let accept = Intent::AcceptChange { address: DAN.into(), fingerprint: fingerprint.clone() };
        world.want(ALICE, accept).await;
        world.want(ALICE, add).await;
        assert_eq!(outlook(&mut world, ALICE, DAN).await, encrypted(fingerprint));
    });
}

#[test]
fn mails_with_other_keys_do_not_push_out_a_key_that_was_added() {
    pollster::block_on(async {
        let mut world = World::restarting();
        two_people(&mut world).await;
        let (dan, bytes) = dans_key(&world);
        let fingerprint = dan.fingerprint().to_hex();
        world.want(ALICE, Intent::AddKey { bytes, fingerprint: fingerprint.clone() }).await;
        for number in 0..12 {
            let (_, other) = dans_key(&world);
            let encoded = base64(&other);
            let mail = String::from_utf8(arriving(DAN, "Not Dan")).unwrap();
            let header =
                format!("Autocrypt: addr={DAN}; keydata={encoded}\r\nMessage-ID: <{number}@x.example>\r\n");
            let mail = mail.replace(&format!("Message-ID: <1@{DAN}>\r\n"), &header);
            world.relay.mail_arrives("alice@example.org", mail.as_bytes());
        }
        world.settle_mail().await;
        let encrypted = Outlook::Encrypted { fingerprint, source: KeySource::File };
        assert_eq!(outlook(&mut world, ALICE, DAN).await, encrypted);
    });
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let number =
            three.iter().chain([&0, &0]).take(3).fold(0_usize, |all, byte| all << 8 | usize::from(*byte));
        for place in 0..4 {
            let digit = char::from(DIGITS[(number >> (18 - 6 * place)) & 63]);
            text.push(if place <= three.len() { digit } else { '=' });
        }
    }
    text
}
