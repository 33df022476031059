//! One person with two devices.

use haven_bridge::{ConversationState, Failure, RequestAnswer, Trust};
use haven_core::{
    intent::{Accepted, Intent},
    remove_device,
    request::{Caller, Outgoing, Rejection, Request},
    testing::{Connection, Fault, Who, World, account, another_device, in_every_world},
};
use haven_wire::{
    Call,
    account::{RevokeDevice, SignOut},
    ids::{DeviceId, EpochToken},
    keys::DirectoryEntry,
};
use std::cell::RefCell;

/// The directory is looked at once in this time.
const LOOKED_AT_EACH: u64 = 6 * 60 * 60 * 1000;

/// Alice, Bob, and Alice's phone.
async fn alice_and_bob_and_a_phone(world: &mut World) -> [Who; 3] {
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bob").await);
    world.settle().await;
    let phone = world.sign_in(alice, "alice's phone").await;
    world.settle().await;
    [alice, bob, phone]
}

/// Lets a device talk until it has such a request, which is not sent.
async fn held_back(world: &mut World, who: Who, wanted: fn(&Request) -> bool) -> Outgoing {
    loop {
        let now = world.clock(who);
        let mut held = None;
        for request in world.engine(who).outgoing(now).await.expect("requests").requests {
            if wanted(&request.request) {
                held = Some(request);
            } else {
                world.exchange(who, request).await;
            }
        }
        if let Some(held) = held {
            return held;
        }
    }
}

#[test]
fn a_second_device_is_in_every_conversation_that_starts_after_it() {
    pollster::block_on(async {
        in_every_world(async |world| {
            let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bob").await);
            world.settle().await;
            let before = world.conversation(alice, &[bob]).await;
            let phone = world.sign_in(alice, "alice's phone").await;
            world.settle().await;
            let mine = world.conversation(alice, &[bob]).await;
            let bobs = world.conversation(bob, &[alice]).await;
            world.accept(phone, bobs).await;
            let phones = world.conversation(phone, &[bob]).await;
            for chat in [mine, bobs, phones] {
                let members = [("alice@example.org".to_owned(), 2), ("bob@example.org".to_owned(), 1)];
                for who in [alice, bob, phone] {
                    assert_eq!(world.members(who, chat).await, members);
                }
                world.assert_works(&[alice, bob, phone], chat).await;
            }
            assert_eq!(world.members(alice, before).await[0].1, 1);
            assert_eq!(world.engine(phone).conversations().len(), 3);
            assert_eq!(world.timeline(phone, mine).await[0], "* I came with alice's phone");
            let begin = ["* I came with alice's phone", "* I started with bob (bob's laptop)"];
            assert_eq!(world.timeline(alice, mine).await[..2], begin);
        })
        .await;
    });
}

#[test]
fn a_person_who_is_removed_goes_with_all_devices_and_comes_with_all() {
    pollster::block_on(async {
        in_every_world(async |world| {
            let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bob").await);
            let carol = world.sign_up("carol").await;
            world.settle().await;
            let phone = world.sign_in(bob, "bob's phone").await;
            world.settle().await;
            let chat = world.conversation(alice, &[bob, carol]).await;
            world.accept(phone, chat).await;
            let fingerprints = vec![world.fingerprint(bob)];
            world.want(alice, Intent::RemovePeople { conversation: chat, fingerprints }).await;
            world.settle().await;
            for who in [bob, phone] {
                assert_eq!(world.timeline(who, chat).await.last().expect("a line"), "* alice removed me");
            }
            assert_eq!(world.timeline(carol, chat).await.last().expect("a line"), "* alice removed bob");
            let addresses = vec![world.address(bob)];
            world.want(carol, Intent::AddPeople { conversation: chat, addresses }).await;
            world.settle().await;
            world.assert_works(&[alice, bob, carol, phone], chat).await;
        })
        .await;
    });
}

#[test]
fn two_devices_of_one_person_write_at_once() {
    pollster::block_on(async {
        in_every_world(async |world| {
            let [alice, bob, phone] = alice_and_bob_and_a_phone(world).await;
            let chat = world.conversation(alice, &[bob]).await;
            for n in 0..4 {
                world.say(alice, chat, &format!("laptop {n}")).await;
                world.say(phone, chat, &format!("phone {n}")).await;
            }
            world.settle().await;
            let texts = world.texts(bob, chat).await;
            assert_eq!(texts.len(), 8);
            assert_eq!(world.texts(alice, chat).await, texts);
            assert_eq!(world.texts(phone, chat).await, texts);
        })
        .await;
    });
}

#[test]
fn an_own_device_without_key_packages_keeps_nobody_from_starting() {
    pollster::block_on(async {
        let mut world = World::new();
        let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bob").await);
        world.settle().await;
        let phone = world.sign_in(alice, "alice's phone").await;
        world.offline(phone);
        let chat = world.conversation(alice, &[bob]).await;
        world.assert_works(&[alice, bob], chat).await;
        assert_eq!(world.members(bob, chat).await[0].1, 1);
    });
}

#[test]
fn what_happens_while_the_vault_is_under_way_is_in_the_next_one() {
    pollster::block_on(async {
        let mut world = World::new();
        let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bob").await);
        world.settle().await;
        world.start(alice, &[bob]).await;
        let slow = held_back(&mut world, alice, |request| matches!(request, Request::PutVault(_))).await;
        world.start(alice, &[bob]).await;
        while world.step(alice).await {}
        world.exchange(alice, slow).await;
        world.settle().await;
        let vault = world.relay.vault("alice@example.org").expect("a vault");
        let vault = world.engine(alice).account().open_vault(&vault).expect("alice's vault");
        assert_eq!(vault.conversations.len(), 2);
    });
}

#[test]
fn a_device_that_signs_out_is_on_no_list_and_leaves_the_conversations() {
    pollster::block_on(async {
        in_every_world(async |world| {
            let [alice, bob, phone] = alice_and_bob_and_a_phone(world).await;
            world.now += LOOKED_AT_EACH;
            world.settle().await;
            assert_eq!(world.engine(alice).devices().unwrap().len(), 2);
            let chat = world.conversation(bob, &[alice]).await;
            world.accept(phone, chat).await;
            let other = world.conversation(alice, &[bob]).await;

            world.remove_device(phone, phone).await;
            world.settle().await;
            assert!(world.engine(phone).signed_out());
            world.now += LOOKED_AT_EACH;
            world.settle().await;
            assert_eq!(world.engine(alice).devices().unwrap().len(), 1);
            for chat in [chat, other] {
                assert_eq!(world.members(bob, chat).await[0], ("alice@example.org".to_owned(), 1));
                assert_eq!(world.timeline(alice, chat).await.last().unwrap(), "* I lost alice's phone");
                assert_eq!(world.timeline(bob, chat).await.last().unwrap(), "* alice lost alice's phone");
                world.assert_works(&[alice, bob], chat).await;
            }
        })
        .await;
    });
}

#[test]
fn a_device_that_came_and_went_between_two_looks_leaves_the_conversations() {
    pollster::block_on(async {
        in_every_world(async |world| {
            let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bob").await);
            world.settle().await;
            let library = world.sign_in(alice, "the library").await;
            world.settle().await;
            let chat = world.conversation(bob, &[alice]).await;
            world.remove_device(library, library).await;
            let phone = world.sign_in(alice, "alice's phone").await;
            world.settle().await;
            let other = world.conversation(bob, &[alice]).await;
            world.accept(phone, other).await;
            world.now += LOOKED_AT_EACH;
            world.settle().await;
            assert_eq!(world.timeline(bob, chat).await.last().unwrap(), "* alice lost the library");
            // The other one is new as well, and on the list.
            assert_eq!(world.members(bob, other).await[0].1, 2);
            world.assert_works(&[alice, bob], chat).await;
            world.assert_works(&[alice, bob, phone], other).await;
        })
        .await;
    });
}

#[test]
fn a_device_that_was_removed_before_a_request_was_accepted_leaves_the_conversation() {
    pollster::block_on(async {
        in_every_world(async |world| {
            let [alice, bob, phone] = alice_and_bob_and_a_phone(world).await;
            world.now += LOOKED_AT_EACH;
            world.settle().await;
            let chat = world.start(bob, &[alice]).await;
            world.settle().await;
            assert_eq!(world.members(alice, chat).await[0].1, 2);
            world.remove_device(alice, phone).await;
            world.settle().await;
            world.accept(alice, chat).await;
            world.settle().await;
            assert_eq!(world.timeline(bob, chat).await.last().unwrap(), "* alice lost alice's phone");
            world.assert_works(&[alice, bob], chat).await;
        })
        .await;
    });
}

#[test]
fn a_device_that_was_removed_before_a_conversation_was_entered_leaves_it() {
    pollster::block_on(async {
        let mut world = World::new();
        let [alice, bob, phone] = alice_and_bob_and_a_phone(&mut world).await;
        let known = world.conversation(alice, &[bob]).await;
        world.assert_works(&[alice, bob], known).await;
        world.now += LOOKED_AT_EACH;
        world.settle().await;
        world.offline(alice);
        let chat = world.start(bob, &[alice]).await;
        world.settle().await;
        let tablet = world.sign_in(alice, "alice's tablet").await;
        world.remove_device(tablet, phone).await;
        world.settle().await;
        assert_eq!(world.members(bob, chat).await[0].1, 2, "nobody has taken the phone out");
        world.online(alice);
        world.now += LOOKED_AT_EACH;
        // The list comes before the conversation.
        let welcome = held_back(&mut world, alice, |request| matches!(request, Request::GetWelcome(_))).await;
        while world.engine(alice).devices().unwrap().iter().any(|device| device.label == "alice's phone") {
            world.step(alice).await;
        }
        world.exchange(alice, welcome).await;
        world.settle().await;
        assert_eq!(world.members(bob, chat).await[0].1, 1);
        world.assert_works(&[alice, bob], chat).await;
    });
}

#[test]
fn a_device_that_is_newer_than_the_list_stays() {
    pollster::block_on(async {
        let mut world = World::new();
        let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bob").await);
        world.settle().await;
        // They know each other, so that the next conversation needs no answer.
        world.conversation(bob, &[alice]).await;
        world.sign_in(alice, "alice's tablet").await;
        world.now += LOOKED_AT_EACH;
        let look = held_back(&mut world, alice, |request| matches!(request, Request::Lookup(_))).await;
        // The answer is on its way for long. Meanwhile the phone comes, and into a conversation.
        let answer = world.call(alice, &look).await.unwrap();
        let phone = world.sign_in(alice, "alice's phone").await;
        let mut chat = None;
        for round in 0..40 {
            if round == 10 {
                chat = Some(world.start(bob, &[alice]).await);
            }
            world.now += 1_000;
            let now = world.clock(phone);
            for request in world.engine(phone).outgoing(now).await.expect("requests").requests {
                // The vault would tell of the newer list.
                if !matches!(request.request, Request::PutVault(_)) {
                    world.exchange(phone, request).await;
                }
            }
            world.step(bob).await;
            world.step(alice).await;
        }
        let chat = chat.unwrap();
        assert_eq!(world.members(alice, chat).await[0].1, 2);
        let now = world.now;
        world.engine(alice).confirm(look.id, answer, now).await.unwrap();
        assert_eq!(world.engine(alice).devices().unwrap().len(), 3, "it was asked again, for a newer one");
        world.settle().await;
        assert_eq!(world.members(bob, chat).await[0].1, 2);
        world.accept(phone, chat).await;
        world.assert_works(&[alice, bob, phone], chat).await;
    });
}

#[test]
fn a_lost_device_is_removed_by_another_one() {
    pollster::block_on(async {
        in_every_world(async |world| {
            let [alice, bob, phone] = alice_and_bob_and_a_phone(world).await;
            let chat = world.conversation(alice, &[bob]).await;
            world.offline(phone);
            world.remove_device(alice, phone).await;
            assert_eq!(world.engine(alice).devices().unwrap().len(), 1, "at once");
            world.settle().await;
            assert_eq!(world.members(bob, chat).await[0].1, 1);
            world.say(bob, chat, "not for the thief").await;
            world.settle().await;
            world.online(phone);
            world.settle().await;
            assert!(world.engine(phone).signed_out());
            assert!(!world.texts(phone, chat).await.contains(&"not for the thief".to_owned()));
            world.assert_works(&[alice, bob], chat).await;
            // Again, as after a lost answer.
            world.remove_device(alice, phone).await;
        })
        .await;
    });
}

/// A relay at which another device changes the list just before a device is removed.
struct Race<'a> {
    connection: Connection<'a>,
    faster: RefCell<Option<DirectoryEntry>>,
}

impl Caller for Race<'_> {
    async fn call<C: Call>(
        &self,
        origin: &str,
        call: &C,
        token: Option<EpochToken>,
    ) -> Result<C::Reply, Rejection> {
        if [SignOut::PATH, RevokeDevice::PATH].contains(&C::PATH)
            && let Some(faster) = self.faster.take()
        {
            self.connection.relay.set_entry(self.connection.address, faster);
        }
        self.connection.call(origin, call, token).await
    }
}

#[test]
fn a_list_that_changes_meanwhile_is_made_anew() {
    pollster::block_on(async {
        let mut world = World::new();
        let alice = world.sign_up("alice").await;
        let phone = world.sign_in(alice, "alice's phone").await;
        let tablet = world.sign_in(alice, "alice's tablet").await;
        for (by, removed) in [(alice, phone), (tablet, tablet)] {
            let entry = world.relay.entry("alice@example.org").unwrap();
            let account = world.engine(by).account().clone();
            let other = DeviceId([by.0 as u8 + 100; 16]);
            let (_, faster) = another_device(&world.devices[0].account, &entry, other, "other", world.now);
            let race = Race { connection: world.connection(by), faster: RefCell::new(Some(faster)) };
            let removed = world.device_id(removed);
            let left = remove_device(&account, removed, &race, world.now).await.unwrap();
            assert_eq!(world.relay.entry("alice@example.org").unwrap(), left);
            let list = account.verify_own_entry(&left, world.now).unwrap();
            assert!(list.device(other).is_some() && list.device(removed).is_none());
        }
    });
}

#[test]
fn a_device_that_only_the_list_still_names_is_taken_off() {
    pollster::block_on(async {
        let mut world = World::new();
        let alice = world.sign_up("alice").await;
        let entry = world.relay.entry("alice@example.org").unwrap();
        let account = world.devices[0].account.clone();
        let gone = DeviceId([9; 16]);
        let (_, entry) = another_device(&account, &entry, gone, "signed out long ago", world.now);
        world.relay.set_entry("alice@example.org", entry);
        let left = remove_device(&account, gone, &world.connection(alice), world.now).await.unwrap();
        assert_eq!(world.relay.entry("alice@example.org").unwrap(), left);
        assert_eq!(account.verify_own_entry(&left, world.now).unwrap().devices.len(), 1);
        world.relay.break_next([Fault::LoseRequest]);
        let failed = remove_device(&account, gone, &world.connection(alice), world.now).await;
        assert_eq!(failed.unwrap_err(), Failure::Offline);
    });
}

#[test]
fn a_new_device_knows_who_was_pinned_and_blocked_and_is_not_shown_another_certificate() {
    pollster::block_on(async {
        in_every_world(async |world| {
            let alice = world.sign_up("alice").await;
            let (bob, carol, dave) =
                (world.sign_up("bob").await, world.sign_up("carol").await, world.sign_up("dave").await);
            world.settle().await;
            world.conversation(alice, &[bob]).await;
            for (from, answer) in [(carol, RequestAnswer::Block), (dave, RequestAnswer::Block)] {
                let conversation = world.start(from, &[alice]).await;
                world.settle().await;
                world.want(alice, Intent::AnswerRequest { conversation, answer }).await;
            }
            let fingerprint = world.fingerprint(dave);
            world.want(alice, Intent::Unblock { fingerprint }).await;
            world.settle().await;

            let phone = world.sign_in_from_vault(alice, "alice's phone").await;
            assert!(world.engine(phone).account().vault.people.is_empty(), "they are contacts");
            let known = world.engine(phone).people().await.unwrap();
            let known: Vec<_> = known.into_iter().map(|p| (p.person.address, p.trust, p.blocked)).collect();
            let of = |name: &str, trust, blocked| (format!("{name}@example.org"), trust, blocked);
            let expected = [
                of("bob", Trust::Pinned, false),
                of("carol", Trust::Claimed, true),
                of("dave", Trust::Claimed, false),
            ];
            assert_eq!(known, expected);
            world.settle().await;
            world.start(carol, &[alice]).await;
            world.settle().await;
            assert!(world.engine(phone).conversations().is_empty());

            // The relay puts somebody else in bob's place.
            let (_, forged) = account("bob@example.org", DeviceId([77; 16]), "Mallory", world.now);
            world.relay.set_entry("bob@example.org", forged);
            let addresses = vec!["bob@example.org".to_owned()];
            let Accepted::Started(chat) =
                world.want(phone, Intent::StartConversation { addresses, title: None }).await
            else {
                panic!("no conversation");
            };
            world.settle().await;
            let ConversationState::StartFailed(Failure::CertificateChanged { address, .. }) =
                world.state(phone, chat)
            else {
                panic!("{:?}", world.state(phone, chat));
            };
            address
        })
        .await;
    });
}

#[test]
fn what_two_devices_say_of_people_meets_in_the_vault() {
    pollster::block_on(async {
        in_every_world(async |world| {
            let [alice, bob, phone] = alice_and_bob_and_a_phone(world).await;
            let carol = world.sign_up("carol").await;
            world.settle().await;
            // Each of them knows one of them first.
            world.offline(phone);
            world.conversation(alice, &[bob]).await;
            world.offline(alice);
            world.online(phone);
            world.now += 1_000;
            let other = world.start(carol, &[alice]).await;
            world.settle().await;
            let answer = RequestAnswer::Block;
            world.want(phone, Intent::AnswerRequest { conversation: other, answer }).await;
            world.online(alice);
            world.settle().await;
            let known = async |world: &mut World, who| {
                let people = world.engine(who).people().await.unwrap().into_iter();
                people.map(|person| (person.person.address, person.blocked)).collect::<Vec<_>>()
            };
            let both = [("bob@example.org".to_owned(), false), ("carol@example.org".to_owned(), true)];
            assert_eq!(known(world, phone).await, both);
            let tablet = world.sign_in_from_vault(alice, "alice's tablet").await;
            assert_eq!(known(world, tablet).await, both);
        })
        .await;
    });
}

#[test]
fn an_accepted_change_is_taken_over_and_two_first_certificates_are_a_change() {
    pollster::block_on(async {
        in_every_world(async |world| {
            let [alice, bob, phone] = alice_and_bob_and_a_phone(world).await;
            let carol = world.sign_up("carol").await;
            world.settle().await;
            // The phone meets another certificate of bob first.
            world.offline(phone);
            world.conversation(alice, &[bob]).await;
            world.now += 1_000;
            let (address, other) = (world.address(bob), "77".repeat(20));
            let accept = Intent::AcceptChange { address, fingerprint: other.clone() };
            world.want(phone, accept.clone()).await;
            world.online(phone);
            world.settle().await;
            let bobs = async |world: &mut World, who| {
                let people = world.engine(who).people().await.unwrap().into_iter();
                let mut pinned =
                    people.filter(|p| p.person.address.starts_with("bob") && p.trust == Trust::Pinned);
                pinned.next().map(|person| person.person.fingerprint)
            };
            let first = world.fingerprint(bob);
            world.conversation(alice, &[carol]).await;
            world.settle().await;
            assert_eq!(bobs(world, phone).await, Some(other.clone()));
            assert_eq!(bobs(world, alice).await, Some(first));

            world.now += 1_000;
            world.want(alice, accept).await;
            world.settle().await;
            for who in [alice, phone] {
                world.conversation(who, &[carol]).await;
                world.settle().await;
                assert_eq!(bobs(world, who).await, Some(other.clone()));
            }
            let tablet = world.sign_in_from_vault(alice, "alice's tablet").await;
            assert_eq!(bobs(world, tablet).await, Some(other));
        })
        .await;
    });
}
