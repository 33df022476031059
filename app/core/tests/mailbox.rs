//! Mail of whole people: written, sent, received, kept and found again, over an in-memory relay, with engines that are
//! restarted after every verb, crashes at every write set, and lost calls.
use haven_bridge::{
    Failure,
    mail::{
        About, DeliveryState, Draft, DraftFile, Folder, MailId, MailPage, MailState, MailView, Mailbox,
        Protection, Signature,
    },
};
use haven_core::{
    identity::SecretCertificate,
    intent::Intent,
    request::{Outgoing, Reply, Request},
    testing::{Who, World, for_every_crash, for_every_lost_call, in_every_world},
};
use haven_wire::push::FromRelay;

fn to(address: &str) -> Vec<Mailbox> {
    vec![Mailbox { name: String::new(), address: address.into() }]
}

fn draft(address: &str, subject: &str, text: &str) -> Draft {
    Draft { to: to(address), subject: subject.into(), text: text.into(), ..Draft::default() }
}

const MAIL: MailId = MailId([0xD1; 16]);
const ANSWER: MailId = MailId([0xD2; 16]);

async fn write(world: &mut World, who: Who, id: MailId, draft: Draft) {
    world.want(who, Intent::SaveDraft { id, draft }).await;
}

async fn send(world: &mut World, who: Who, id: MailId, draft: Draft) {
    write(world, who, id, draft).await;
    world.want(who, Intent::SendMail { draft: id, in_the_clear: false }).await;
}

async fn folder(world: &mut World, who: Who, folder: Folder) -> MailPage {
    world.engine(who).mail_folder(folder, None, 100).await.unwrap()
}

/// The mails of the newest thread of a folder.
async fn thread(world: &mut World, who: Who, in_folder: Folder) -> Vec<MailView> {
    let page = folder(world, who, in_folder).await;
    let id = page.threads.first().expect("a thread").id;
    world.engine(who).mail_thread(id).await.unwrap()
}

async fn subjects(world: &mut World, who: Who, in_folder: Folder) -> Vec<String> {
    let page = folder(world, who, in_folder).await;
    page.threads.into_iter().map(|row| row.newest.subject).collect()
}

/// Alice writes, Bob answers: what each of them has in the end.
async fn correspondence(
    world: &mut World,
) -> Vec<(Folder, usize, Protection, String, bool, Option<MailState>)> {
    let [alice, bob] = [Who(0), Who(1)];
    send(world, alice, MAIL, draft("bob@example.org", "Grüße vom See", "The boat is ready.")).await;
    world.settle_mail().await;
    let got = thread(world, bob, Folder::Inbox).await.remove(0);
    let about = Some((got.summary.id, About::Answer));
    let answer = Draft { about, ..draft("alice@example.org", "Re: Grüße vom See", "I bring bread.") };
    send(world, bob, ANSWER, answer).await;
    world.settle_mail().await;
    let mut seen = Vec::new();
    for who in [alice, bob] {
        let mails = thread(world, who, Folder::Inbox).await;
        assert_eq!(mails.len(), 2, "a mail and its answer are one thread");
        for mail in mails {
            assert!(
                matches!(&mail.signature, Signature::Valid { by_sender: true, .. }),
                "{:?}",
                mail.signature
            );
            let delivered = mail.deliveries.iter().all(|d| d.state == DeliveryState::Delivered);
            let summary = mail.summary;
            seen.push((
                summary.folder,
                2,
                summary.protection,
                mail.text.trim_end().to_owned(),
                delivered,
                summary.state,
            ));
        }
    }
    seen
}

async fn two_people(mut world: World) -> World {
    for name in ["alice", "bob"] {
        world.sign_up(name).await;
    }
    world.settle_mail().await;
    world
}

#[test]
fn two_people_of_one_relay_write_each_other_end_to_end() {
    pollster::block_on(async {
        in_every_world(async |world: &mut World| {
            for name in ["alice", "bob"] {
                world.sign_up(name).await;
            }
            let seen = correspondence(world).await;
            let own = |(folder, _, protection, text, delivered, state)| {
                (folder, protection, text, delivered, state)
            };
            let seen: Vec<_> = seen.into_iter().map(own).collect();
            let sent = |text: &str| {
                (Folder::Sent, Protection::EndToEnd, text.to_owned(), true, Some(MailState::Sent))
            };
            let got = |text: &str| (Folder::Inbox, Protection::EndToEnd, text.to_owned(), true, None);
            let (first, second) = ("The boat is ready.", "I bring bread.");
            assert_eq!(seen, [sent(first), got(second), got(first), sent(second)]);
            seen
        })
        .await;
    });
}

#[test]
fn a_crash_at_any_write_set_loses_and_doubles_no_mail() {
    pollster::block_on(async {
        let world = two_people(World::new()).await;
        let crashes = for_every_crash(&world, async |world: &mut World| correspondence(world).await).await;
        assert!(crashes > 20, "{crashes}");
    });
}

#[test]
fn a_lost_call_or_answer_loses_and_doubles_no_mail() {
    pollster::block_on(async {
        let world = two_people(World::new()).await;
        let calls = for_every_lost_call(&world, async |world: &mut World| {
            let seen = correspondence(world).await;
            world.now += 3_600_000;
            world.settle_mail().await;
            seen
        })
        .await;
        assert!(calls > 10, "{calls}");
    });
}

#[test]
fn a_draft_with_its_files_survives_and_goes_out_with_them() {
    pollster::block_on(async {
        let mut world = two_people(World::restarting()).await;
        let [alice, bob] = [Who(0), Who(1)];
        let picture: Vec<u8> = (0..3_000_000_u32).map(|n| ((n * 7) >> 3) as u8).collect();
        let attach = Intent::AttachFile { draft: MAIL, file: 7, bytes: picture.clone() };
        world.want(alice, attach).await;
        let file =
            DraftFile { id: 7, name: "Büro.png".into(), media_type: "image/png".into(), size: 3_000_000 };
        let with_file = Draft { attachments: vec![file], ..draft("bob@example.org", "Plan", "Look.") };
        write(&mut world, alice, MAIL, with_file.clone()).await;
        assert_eq!(world.engine(alice).draft(MAIL).await.unwrap(), Some(with_file));
        assert_eq!(subjects(&mut world, alice, Folder::Drafts).await, ["Plan"]);
        world.want(alice, Intent::SendMail { draft: MAIL, in_the_clear: false }).await;
        assert!(folder(&mut world, alice, Folder::Drafts).await.threads.is_empty());
        world.settle_mail().await;
        let got = thread(&mut world, bob, Folder::Inbox).await.remove(0);
        let [attachment] = &got.attachments[..] else { panic!("{:?}", got.attachments) };
        assert_eq!((attachment.name.as_str(), attachment.size), ("Büro.png", 3_000_000));
        let opener = world.engine(bob).opener(0);
        let found = world.engine(bob).attachment(got.summary.id, attachment.part).await.unwrap();
        let Some(haven_core::Attachment::At(sequence)) = found else { panic!("{found:?}") };
        let call = haven_wire::mail::GetMail { sequence };
        let body = world.call_as(bob, &call, haven_wire::ids::EpochToken([0; 32])).await.unwrap().body;
        match opener.attachment(body, attachment.part).run() {
            haven_core::work::Outcome::File(file) => assert_eq!(file.bytes, picture),
            other => panic!("{other:?}"),
        }
    });
}

#[test]
fn a_formatted_draft_survives_and_is_read_as_html_by_both() {
    pollster::block_on(async {
        let mut world = two_people(World::restarting()).await;
        let [alice, bob] = [Who(0), Who(1)];
        let formatted = Draft { formatted: true, ..draft("bob@example.org", "Plan", "By **boat**.") };
        write(&mut world, alice, MAIL, formatted.clone()).await;
        assert_eq!(world.engine(alice).draft(MAIL).await.unwrap(), Some(formatted));
        world.want(alice, Intent::SendMail { draft: MAIL, in_the_clear: false }).await;
        world.settle_mail().await;
        for (who, folder) in [(bob, Folder::Inbox), (alice, Folder::Sent)] {
            let mail = thread(&mut world, who, folder).await.remove(0);
            assert_eq!(mail.html.as_deref(), Some("<p>By <strong>boat</strong>.</p>"));
            assert_eq!(mail.text, "By **boat**.");
        }
    });
}

#[test]
fn without_a_certificate_nothing_goes_out_until_the_person_says_so() {
    pollster::block_on(async {
        let mut world = two_people(World::restarting()).await;
        let alice = Who(0);
        write(&mut world, alice, MAIL, draft("dan@elsewhere.example", "Hello", "Are you there?")).await;
        world.want(alice, Intent::SendMail { draft: MAIL, in_the_clear: false }).await;
        world.settle_mail().await;
        assert!(world.relay.mail_outside().is_empty(), "nothing goes out in the clear by itself");
        let row = folder(&mut world, alice, Folder::Sent).await.threads.remove(0);
        let failure = Failure::MailNotEncryptable { address: "dan@elsewhere.example".into() };
        assert_eq!(row.newest.state, Some(MailState::Failed(failure.clone())));
        world.want(alice, Intent::BackToDrafts { mail: MAIL }).await;
        let again = Intent::SendMail { draft: MAIL, in_the_clear: false };
        assert_eq!(world.want_in_vain(alice, again).await, failure, "it is known now, and said at once");
        world.want(alice, Intent::SendMail { draft: MAIL, in_the_clear: true }).await;
        world.settle_mail().await;
        let [(recipient, message)] = &world.relay.mail_outside()[..] else { panic!("one mail") };
        assert_eq!(recipient, "dan@elsewhere.example");
        assert!(message.windows(14).any(|window| window == b"Are you there?"));
        assert_eq!(thread(&mut world, alice, Folder::Sent).await[0].summary.protection, Protection::Clear);
    });
}

#[test]
fn a_mail_that_comes_while_the_mailbox_is_read_is_fetched_at_once() {
    pollster::block_on(async {
        let mut world = two_people(World::new()).await;
        let bob = Who(1);
        let arrives = |world: &World, number: u64| {
            let mail = format!(
                "From: Dan <dan@x.example>\r\nSubject: {number}\r\nMessage-ID: <{number}@x>\r\n\r\nHello\r\n"
            );
            world.relay.mail_arrives("bob@example.org", mail.as_bytes());
        };
        arrives(&world, 1);
        world.now += 61_000;
        let now = world.clock(bob);
        let asks = |request: &Outgoing| matches!(request.request, Request::GetMailbox(_));
        let read = loop {
            let requests = world.engine(bob).outgoing(now).await.unwrap().requests;
            let (reads, others): (Vec<_>, Vec<_>) = requests.into_iter().partition(asks);
            for other in others {
                world.exchange(bob, other).await;
            }
            if let Some(read) = reads.into_iter().next() {
                break read;
            }
        };
        let reply = world.call(bob, &read).await.unwrap();
        let Reply::GetMailbox(mailbox) = &reply else { panic!("{reply:?}") };
        arrives(&world, 2);
        let hint = FromRelay::Mailbox { head: mailbox.head + 1 };
        world.engine(bob).receive(vec![hint], now).await.unwrap();
        world.engine(bob).confirm(read.id, reply, now).await.unwrap();
        world.talk().await;
        assert_eq!(subjects(&mut world, bob, Folder::Inbox).await.len(), 2, "without waiting a minute");
    });
}

#[test]
fn devices_of_a_person_end_with_the_same_mailbox() {
    pollster::block_on(async {
        let mut world = two_people(World::restarting()).await;
        let [alice, bob] = [Who(0), Who(1)];
        let phone = world.sign_in(bob, "Bob's phone").await;
        for (number, subject) in ["One", "Two", "Three"].into_iter().enumerate() {
            let id = MailId([number as u8 + 1; 16]);
            send(&mut world, alice, id, draft("bob@example.org", subject, "Text")).await;
            world.settle_mail().await;
            world.now += 60_000;
        }
        world.settle_mail().await;
        let id_of = async |world: &mut World, subject: &str| {
            let page = folder(world, bob, Folder::Inbox).await;
            page.threads.into_iter().find(|row| row.newest.subject == subject).unwrap().newest.id
        };
        let (one, two, three) = (
            id_of(&mut world, "One").await,
            id_of(&mut world, "Two").await,
            id_of(&mut world, "Three").await,
        );
        // Both change the same mail: the note that the relay has last counts, on both.
        world.want(bob, Intent::MoveMail { mails: vec![one], folder: Folder::Archive }).await;
        world.want(phone, Intent::MoveMail { mails: vec![one], folder: Folder::Trash }).await;
        world.want(phone, Intent::MarkMail { mails: vec![two], seen: true }).await;
        world.want(bob, Intent::DeleteMail { mails: vec![three] }).await;
        for _ in 0..3 {
            world.settle_mail().await;
            world.now += 60_000;
        }
        for in_folder in [Folder::Inbox, Folder::Archive, Folder::Trash] {
            let here = folder(&mut world, bob, in_folder).await.threads;
            let there = folder(&mut world, phone, in_folder).await.threads;
            assert_eq!(here, there, "{in_folder:?}");
        }
        let inbox = folder(&mut world, bob, Folder::Inbox).await.threads;
        assert_eq!(inbox.iter().map(|row| row.newest.subject.as_str()).collect::<Vec<_>>(), ["Two"]);
        assert_eq!(inbox[0].unread, 0);
        assert!(world.engine(phone).search_mail("three", 10).await.unwrap().threads.is_empty());
    });
}

#[test]
fn a_wiped_browser_has_all_mail_again() {
    pollster::block_on(async {
        let mut world = two_people(World::new()).await;
        let [alice, bob] = [Who(0), Who(1)];
        send(&mut world, alice, MAIL, draft("bob@example.org", "Kept", "A word: heliotrope")).await;
        world.settle_mail().await;
        let fresh = world.sign_in(bob, "A new browser").await;
        world.settle_mail().await;
        assert_eq!(subjects(&mut world, fresh, Folder::Inbox).await, ["Kept"]);
        let sent = world.sign_in(alice, "Another").await;
        world.settle_mail().await;
        assert_eq!(subjects(&mut world, sent, Folder::Sent).await, ["Kept"]);
    });
}

#[test]
fn what_came_in_the_clear_is_found_by_any_of_its_words() {
    pollster::block_on(async {
        let mut world = two_people(World::restarting()).await;
        let bob = Who(1);
        let message = b"Received: by relay.example.org; Tue, 22 Sep 2026 00:00:00 +0000\r\n\
            Authentication-Results: relay.example.org; dmarc=pass header.from=shop.example\r\n\
            From: Corner Shop <orders@shop.example>\r\nTo: bob@example.org\r\nSubject: Your order\r\n\
            Message-ID: <1@shop.example>\r\nDate: Tue, 22 Sep 2026 00:00:00 +0000\r\n\r\nTwo pounds of heliotrope.\r\n";
        world.relay.mail_arrives("bob@example.org", message);
        world.now += 60_000;
        world.settle_mail().await;
        for query in ["HELIOTROPE", "corner pounds", "order shop.example"] {
            let found = world.engine(bob).search_mail(query, 10).await.unwrap().threads;
            assert_eq!(found.len(), 1, "{query}");
            assert_eq!(found[0].newest.protection, Protection::OnArrival);
        }
        assert!(world.engine(bob).search_mail("heliotrope violets", 10).await.unwrap().threads.is_empty());
        assert!(world.engine(bob).search_mail("  ", 10).await.unwrap().threads.is_empty());
    });
}

#[test]
fn a_blind_copy_is_known_to_its_writer_alone() {
    pollster::block_on(async {
        let mut world = World::restarting();
        for name in ["alice", "bob", "carol"] {
            world.sign_up(name).await;
        }
        let [alice, bob, carol] = [Who(0), Who(1), Who(2)];
        let blind = Draft { bcc: to("carol@example.org"), ..draft("bob@example.org", "Plan", "Between us") };
        send(&mut world, alice, MAIL, blind).await;
        world.settle_mail().await;
        let phone = world.sign_in(alice, "Alice's phone").await;
        world.settle_mail().await;
        for device in [alice, phone] {
            let mail = thread(&mut world, device, Folder::Sent).await.remove(0);
            assert_eq!(mail.bcc, to("carol@example.org"));
            assert_eq!(mail.deliveries.len(), 2);
        }
        for reader in [bob, carol] {
            let mail = thread(&mut world, reader, Folder::Inbox).await.remove(0);
            assert!(mail.bcc.is_empty() && mail.to == to("bob@example.org") && mail.cc.is_empty());
            assert_eq!(mail.text.trim_end(), "Between us");
        }
    });
}

#[test]
fn a_mail_is_forwarded_with_its_files() {
    pollster::block_on(async {
        let mut world = World::restarting();
        for name in ["alice", "bob", "carol"] {
            world.sign_up(name).await;
        }
        let [alice, bob, carol] = [Who(0), Who(1), Who(2)];
        let bytes = b"left, right, left".to_vec();
        world.want(alice, Intent::AttachFile { draft: MAIL, file: 1000, bytes: bytes.clone() }).await;
        let size = bytes.len() as u64;
        let file = DraftFile { id: 1000, name: "way.txt".into(), media_type: "text/plain".into(), size };
        let mail = Draft { attachments: vec![file], ..draft("bob@example.org", "The way", "See the file.") };
        send(&mut world, alice, MAIL, mail).await;
        world.settle_mail().await;
        let got = thread(&mut world, bob, Folder::Inbox).await.remove(0);
        let [attachment] = &got.attachments[..] else { panic!("{:?}", got.attachments) };
        let file = DraftFile {
            id: attachment.part,
            name: attachment.name.clone(),
            media_type: attachment.media_type.clone(),
            size,
        };
        let on = Draft {
            about: Some((got.summary.id, About::Forward)),
            attachments: vec![file],
            ..draft("carol@example.org", "Fwd: The way", "For you.")
        };
        send(&mut world, bob, ANSWER, on).await;
        world.settle_mail().await;
        let got = thread(&mut world, carol, Folder::Inbox).await.remove(0);
        let [attachment] = &got.attachments[..] else { panic!("{:?}", got.attachments) };
        assert_eq!((attachment.name.as_str(), attachment.size), ("way.txt", size));
    });
}

#[test]
fn a_signature_is_judged_again_when_its_key_becomes_known() {
    pollster::block_on(async {
        let mut world = two_people(World::new()).await;
        let bob = Who(1);
        let dan = "dan@elsewhere.example";
        let certificate = SecretCertificate::generate(dan, world.now).unwrap().0;
        let letter = haven_core::mail::Letter {
            message_id: "1@elsewhere.example".into(),
            date: world.now,
            from: Mailbox { name: "Dan".into(), address: dan.into() },
            to: to("bob@example.org"),
            subject: "Hello".into(),
            text: "It is me.\n".into(),
            ..haven_core::mail::Letter::default()
        };
        let composed = haven_core::mail::compose(&letter, &certificate, None, world.now).unwrap();
        let message = String::from_utf8(composed.messages[0].1.clone()).unwrap();
        // His program sends no certificate with his mails.
        let message = without_field(&message, "Autocrypt");
        let results =
            "Authentication-Results: relay.example.org; dmarc=pass header.from=elsewhere.example\r\n";
        world.relay.mail_arrives("bob@example.org", format!("{results}{message}").as_bytes());
        world.settle_mail().await;
        let signature = async |world: &mut World| thread(world, bob, Folder::Inbox).await.remove(0).signature;
        let first = signature(&mut world).await;
        assert!(matches!(first, Signature::UnknownKey { .. }), "{first:?}");
        world.settle_mail().await;
        let fetched = world.relay.calls_of::<haven_wire::mail::GetMail>();
        assert_eq!(fetched, 0, "nothing is fetched for a key that isn't known");

        world.relay.publish_by_wkd(dan, certificate.public_bytes().unwrap());
        let now = world.now;
        world.engine(bob).recipients(&[dan.to_owned()], now).await.unwrap();
        world.settle_mail().await;
        assert!(matches!(signature(&mut world).await, Signature::UnknownKey { .. }), "until it is looked at");
        world.settle_mail().await;
        let fingerprint = certificate.fingerprint().to_hex();
        let judged = Signature::Valid { fingerprint, by_sender: true };
        assert_eq!(signature(&mut world).await, judged);
        assert_eq!(subjects(&mut world, bob, Folder::Inbox).await, ["Hello"]);
        world.restart(bob).await;
        assert_eq!(signature(&mut world).await, judged, "it is stored");
    });
}

/// A mail without a field, folds included.
fn without_field(message: &str, name: &str) -> String {
    let (head, body) = message.split_once("\r\n\r\n").unwrap();
    let mut skipping = false;
    let kept = head.split("\r\n").filter(|line| {
        if !line.starts_with([' ', '\t']) {
            skipping = line.starts_with(&format!("{name}:"));
        }
        !skipping
    });
    format!("{}\r\n\r\n{body}", kept.collect::<Vec<_>>().join("\r\n"))
}
