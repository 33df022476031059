//! A person's own certificate through the years: renewed, published, met by contacts, revoked.
use haven_bridge::{
    Failure, ItemContent, Line,
    mail::{Draft, Folder, MailId, Mailbox, Outlook, Protection, Signature, Unusable},
};
use haven_core::{
    identity::Certificate,
    intent::Intent,
    testing::{Fault, Who, World, for_every_crash, for_every_lost_call, in_every_world},
};
use haven_wire::keys::{Lookup, PutCertificate};

const ALICE: &str = "alice@example.org";
const DAY: u64 = 24 * 60 * 60 * 1000;
const YEAR: u64 = 365 * DAY;

async fn two_people() -> World {
    let mut world = World::new();
    for name in ["alice", "bob"] {
        world.sign_up(name).await;
    }
    world.settle_mail().await;
    world
}

fn published(world: &World) -> Certificate {
    Certificate::parse(&world.relay.entry(ALICE).unwrap().certificate, world.now).unwrap()
}

fn expires(world: &mut World, who: Who) -> u64 {
    world.engine(who).me().unwrap().key_expires.unwrap()
}

async fn send(world: &mut World, who: Who, id: u8, to: &str, text: &str) {
    let id = MailId([id; 16]);
    let to = vec![Mailbox { name: String::new(), address: to.into() }];
    let draft = Draft { to, subject: "The boat".into(), text: text.into(), ..Draft::default() };
    world.want(who, Intent::SaveDraft { id, draft }).await;
    world.want(who, Intent::SendMail { draft: id, in_the_clear: false }).await;
    world.settle_mail().await;
}

/// The newest mail of the inbox: how it was protected, whether its signature is good, and its text.
async fn newest(world: &mut World, who: Who) -> (Protection, bool, String) {
    let page = world.engine(who).mail_folder(Folder::Inbox, None, 1).await.unwrap();
    let thread = page.threads.first().expect("a mail").id;
    let mail = world.engine(who).mail_thread(thread).await.unwrap().pop().unwrap();
    let good = matches!(mail.signature, Signature::Valid { by_sender: true, .. });
    (mail.summary.protection, good, mail.text.trim_end().to_owned())
}

#[test]
fn after_a_year_the_certificate_is_renewed_and_published_and_once_only() {
    pollster::block_on(async {
        in_every_world(async |world: &mut World| {
            let alice = world.sign_up("alice").await;
            world.settle_mail().await;
            let first = published(world);
            world.now += YEAR - 10 * DAY;
            world.settle_mail().await;
            assert_eq!(world.relay.calls_of::<PutCertificate>(), 0, "more than half is left");
            world.now += 20 * DAY;
            world.settle_mail().await;
            let renewed = published(world);
            assert_eq!(renewed.fingerprint(), first.fingerprint());
            assert!(renewed.expires().unwrap() > first.expires().unwrap() + YEAR);
            assert_eq!(Some(expires(world, alice)), renewed.expires());
            assert_eq!(world.relay.calls_of::<PutCertificate>(), 1);
            world.restart(alice).await;
            world.settle_mail().await;
            assert_eq!(world.relay.calls_of::<PutCertificate>(), 1);
            // The vault has it as well: a next device gets it from there.
            let vault = world.relay.vault(ALICE).expect("a vault");
            let account = world.engine(alice).account().clone();
            assert_eq!(account.open_vault(&vault).unwrap().certificate, account.vault.certificate);
        })
        .await;
    });
}

#[test]
fn a_crash_or_a_lost_call_during_the_renewal_changes_nothing() {
    pollster::block_on(async {
        let mut world = two_people().await;
        world.now += YEAR + 10 * DAY;
        let scenario = async |world: &mut World| {
            world.settle_mail().await;
            world.now += DAY;
            world.settle_mail().await;
            let shown = published(world);
            let own = world.engine(Who(0)).account().public_certificate().unwrap();
            assert_eq!(shown.as_bytes(), own);
            shown.expires().unwrap() > world.now + 2 * YEAR - 10 * DAY
        };
        assert!(for_every_crash(&world, scenario).await > 4);
        assert!(for_every_lost_call(&world, scenario).await > 4);
        assert!(scenario(&mut world).await);
    });
}

#[test]
fn devices_that_renew_at_the_same_time_end_with_the_same_certificate() {
    pollster::block_on(async {
        let mut world = two_people().await;
        let (first, second) = (Who(0), world.sign_in(Who(0), "alice's phone").await);
        world.settle_mail().await;
        world.now += YEAR + 10 * DAY;
        // Neither hears of the other before both have renewed.
        for who in [first, second] {
            world.relay.set_offline(world.device_id(who), true);
        }
        world.settle_mail().await;
        assert!(
            expires(&mut world, first) > world.now + YEAR && expires(&mut world, second) > world.now + YEAR
        );
        for who in [first, second] {
            world.relay.set_offline(world.device_id(who), false);
        }
        world.now += DAY;
        world.settle_mail().await;
        world.now += DAY;
        world.settle_mail().await;
        let shown = published(&world);
        for who in [first, second] {
            let own = world.engine(who).account().public_certificate().unwrap();
            assert_eq!(shown.as_bytes(), own, "{who:?}");
        }
        let puts = world.relay.calls_of::<PutCertificate>();
        world.now += 10 * DAY;
        world.settle_mail().await;
        assert_eq!(world.relay.calls_of::<PutCertificate>(), puts, "they are at rest");
    });
}

#[test]
fn mail_goes_on_after_the_old_expiry() {
    pollster::block_on(async {
        let mut world = two_people().await;
        let [alice, bob] = [Who(0), Who(1)];
        send(&mut world, bob, 1, ALICE, "The boat is ready.").await;
        assert_eq!(
            newest(&mut world, alice).await,
            (Protection::EndToEnd, true, "The boat is ready.".into())
        );
        world.now += YEAR + 10 * DAY;
        world.settle_mail().await;
        // More than two years after the sign-up; neither wrote to the other in between.
        world.now += YEAR;
        world.settle_mail().await;
        send(&mut world, bob, 2, ALICE, "The boat is old.").await;
        assert_eq!(newest(&mut world, alice).await, (Protection::EndToEnd, true, "The boat is old.".into()));
        send(&mut world, alice, 3, "bob@example.org", "Like us.").await;
        assert_eq!(newest(&mut world, bob).await, (Protection::EndToEnd, true, "Like us.".into()));
    });
}

#[test]
fn a_contact_that_was_away_for_three_years_still_gets_through() {
    pollster::block_on(async {
        let mut world = two_people().await;
        let [alice, bob] = [Who(0), Who(1)];
        send(&mut world, bob, 1, ALICE, "See you.").await;
        world.relay.set_offline(world.device_id(bob), true);
        for _ in 0..6 {
            world.now += YEAR / 2;
            world.settle_mail().await;
        }
        world.relay.set_offline(world.device_id(bob), false);
        send(&mut world, bob, 2, ALICE, "Here I am.").await;
        assert_eq!(newest(&mut world, alice).await, (Protection::EndToEnd, true, "Here I am.".into()));
    });
}

#[test]
fn a_renewed_member_can_be_added_after_the_old_expiry() {
    pollster::block_on(async {
        let mut world = two_people().await;
        world.now += YEAR + 10 * DAY;
        world.settle_mail().await;
        world.now += YEAR;
        world.settle_mail().await;
        let chat = world.conversation(Who(1), &[Who(0)]).await;
        world.assert_works(&[Who(0), Who(1)], chat).await;
    });
}

#[test]
fn a_directory_that_lost_or_damaged_the_certificate_gets_it_back() {
    pollster::block_on(async {
        let mut world = two_people().await;
        let entry = world.relay.entry(ALICE).unwrap();
        for damaged in [Vec::new(), b"damaged".to_vec()] {
            world
                .relay
                .set_entry(ALICE, haven_wire::keys::DirectoryEntry { certificate: damaged, ..entry.clone() });
            world.now += DAY;
            world.settle_mail().await;
            assert_eq!(world.relay.entry(ALICE).unwrap(), entry);
        }
    });
}

#[test]
fn another_certificate_under_the_own_address_is_not_written_over_nor_asked_for_all_the_time() {
    pollster::block_on(async {
        let mut world = two_people().await;
        let bob = world.relay.entry("bob@example.org").unwrap();
        world.relay.set_entry(ALICE, bob.clone());
        world.now += DAY;
        world.settle_mail().await;
        let asked = world.relay.calls_of::<Lookup>();
        world.settle_mail().await;
        assert!(world.relay.calls_of::<Lookup>() <= asked + 2);
        assert_eq!(world.relay.entry(ALICE).unwrap(), bob);
    });
}

#[test]
fn a_withdrawn_key_is_seen_by_contacts_and_by_the_persons_other_devices() {
    pollster::block_on(async {
        let mut world = two_people().await;
        let [alice, bob] = [Who(0), Who(1)];
        let phone = world.sign_in(alice, "alice's phone").await;
        world.settle_mail().await;
        send(&mut world, bob, 1, ALICE, "The boat is ready.").await;
        let chat = world.conversation(bob, &[alice]).await;
        world.want(alice, Intent::RevokeKey).await;
        // Said again, it is the same.
        world.want(alice, Intent::RevokeKey).await;
        world.settle_mail().await;
        assert!(published(&world).revoked());
        assert!(world.engine(alice).me().unwrap().key_revoked);

        world.now += DAY;
        world.settle_mail().await;
        assert!(world.engine(phone).me().unwrap().key_revoked, "the other device hears of it");
        for device in [alice, phone] {
            let id = MailId([9; 16]);
            let to = vec![Mailbox { name: String::new(), address: "bob@example.org".into() }];
            world.want(device, Intent::SaveDraft { id, draft: Draft { to, ..Draft::default() } }).await;
            let refused =
                world.want_in_vain(device, Intent::SendMail { draft: id, in_the_clear: false }).await;
            assert_eq!(refused, Failure::OwnKeyRevoked);
        }

        // Bob had its certificate, and looks again before he writes.
        let id = MailId([2; 16]);
        let to = vec![Mailbox { name: String::new(), address: ALICE.into() }];
        world.want(bob, Intent::SaveDraft { id, draft: Draft { to, ..Draft::default() } }).await;
        world.want(bob, Intent::SendMail { draft: id, in_the_clear: false }).await;
        world.settle_mail().await;
        let now = world.now;
        let states = world.engine(bob).recipients(&[ALICE.into()], now).await.unwrap().unwrap();
        assert_eq!(states[0].outlook, Outlook::Unusable(Unusable::Revoked));
        assert_eq!(newest(&mut world, alice).await.2, "The boat is ready.", "nothing new came");

        let started = world.start(bob, &[alice]).await;
        world.settle_mail().await;
        let why = world.items(bob, started).await.into_iter().find_map(|item| match item.content {
            ItemContent::Line(Line::NotAdded { why, .. }) => Some(why),
            _ => None,
        });
        let state = world.state(bob, started);
        let revoked = Failure::CertificateRevoked { address: ALICE.into() };
        assert!(
            why == Some(revoked.clone()) || state == haven_bridge::ConversationState::StartFailed(revoked),
            "{state:?} {why:?}"
        );
        // What they are in goes on: members decide alike whether or not they have heard of it.
        world.assert_works(&[alice, bob], chat).await;
    });
}

#[test]
fn a_withdrawal_survives_a_lost_answer_and_an_old_vault() {
    pollster::block_on(async {
        let mut world = two_people().await;
        world.want(Who(0), Intent::RevokeKey).await;
        world.relay.break_next([Fault::LoseReply, Fault::LoseReply, Fault::LoseRequest, Fault::LoseReply]);
        world.settle_mail().await;
        world.now += DAY;
        world.settle_mail().await;
        assert!(published(&world).revoked());
        // It isn't renewed.
        world.now += 3 * YEAR;
        world.settle_mail().await;
        assert!(published(&world).revoked() && published(&world).expired(world.now));
    });
}

#[test]
fn who_was_refused_mail_because_of_the_certificate_is_told_until_it_is_seen() {
    pollster::block_on(async {
        let mut world = two_people().await;
        let refused = async |world: &mut World| {
            world.settle_mail().await;
            world.engine(Who(0)).mailbox().await.unwrap().refused
        };
        assert_eq!(refused(&mut world).await, None);
        world.relay.refuse_mail(ALICE, 20_800);
        assert_eq!(refused(&mut world).await, Some(20_800 * DAY));
        world.restart(Who(0)).await;
        assert_eq!(refused(&mut world).await, Some(20_800 * DAY));
        world.want(Who(0), Intent::SawRefusedMail).await;
        assert_eq!(refused(&mut world).await, None);
        world.restart(Who(0)).await;
        assert_eq!(refused(&mut world).await, None);
        world.relay.refuse_mail(ALICE, 20_801);
        assert_eq!(refused(&mut world).await, Some(20_801 * DAY));
    });
}
