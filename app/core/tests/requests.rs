//! Somebody unknown writes: accept, decline, block. And the key packages by which people are found.

use haven_bridge::{ConversationId, ConversationState, Failure, RequestAnswer, Trust};
use haven_core::{
    intent::Intent,
    request::Caller as _,
    store::Table,
    testing::{Who, World, in_every_world},
};
use haven_wire::keys::ClaimKeyPackages;

async fn two_people(world: &mut World) -> [Who; 2] {
    let people = [world.sign_up("alice").await, world.sign_up("bob").await];
    world.settle().await;
    people
}

async fn answer(world: &mut World, who: Who, conversation: ConversationId, answer: RequestAnswer) {
    world.want(who, Intent::AnswerRequest { conversation, answer }).await;
    world.settle().await;
}

/// What is stored of conversations: nothing of it may remain.
fn leftovers(world: &World, who: Who) -> Vec<usize> {
    let store = &world.devices[who.0].store;
    [Table::Conversations, Table::Timeline, Table::Jobs].map(|table| store.keys(table).len()).to_vec()
}

#[test]
fn a_request_shows_what_was_written_and_waits_for_an_answer() {
    pollster::block_on(async {
        in_every_world(async |world| {
            let [alice, bob] = two_people(world).await;
            let chat = world.start(alice, &[bob]).await;
            world.say(alice, chat, "hello, it is me").await;
            world.settle().await;
            let rows = world.relay.rows().len();
            let ConversationState::Request { from } = world.state(bob, chat) else { panic!("no request") };
            assert_eq!(from.address, "alice@example.org");
            assert_eq!(world.timeline(bob, chat).await, ["* alice added me", "alice: hello, it is me"]);
            let text = Intent::SendText { conversation: chat, text: "no".into() };
            assert_eq!(world.want_in_vain(bob, text).await, Failure::ConversationNotReady);
            let rename = Intent::Rename { conversation: chat, title: "no".into() };
            assert_eq!(world.want_in_vain(bob, rename).await, Failure::ConversationNotReady);
            world.settle().await;
            assert_eq!(world.relay.rows().len(), rows, "a request says nothing");
            world.accept(bob, chat).await;
            world.assert_works(&[alice, bob], chat).await;
            assert_eq!(world.engine(bob).people().await.expect("people")[0].trust, Trust::Pinned);
        })
        .await;
    });
}

#[test]
fn of_a_declined_request_nothing_remains() {
    pollster::block_on(async {
        in_every_world(async |world| {
            let [alice, bob] = two_people(world).await;
            let before = (leftovers(world, bob), world.devices[bob.0].store.keys(Table::Mls).len());
            let chat = world.start(alice, &[bob]).await;
            for n in 0..20 {
                world.say(alice, chat, &format!("spam {n}")).await;
            }
            world.settle().await;
            answer(world, bob, chat, RequestAnswer::Decline).await;
            assert!(world.engine(bob).conversations().is_empty());
            assert_eq!(leftovers(world, bob), before.0);
            assert_eq!(
                world.devices[bob.0].store.keys(Table::Mls).len(),
                before.1 - 1,
                "one key package less"
            );
            world.say(alice, chat, "hello?").await;
            world.settle().await;
            world.restart(bob).await;
            world.settle().await;
            assert!(world.engine(bob).conversations().is_empty());
            // The same person may ask again.
            let again = world.start(alice, &[bob]).await;
            world.settle().await;
            world.accept(bob, again).await;
            world.assert_works(&[alice, bob], again).await;
        })
        .await;
    });
}

#[test]
fn a_blocked_person_leaves_nothing_here() {
    pollster::block_on(async {
        in_every_world(async |world| {
            let [alice, bob] = two_people(world).await;
            let chat = world.start(alice, &[bob]).await;
            world.settle().await;
            answer(world, bob, chat, RequestAnswer::Block).await;
            let mls = world.devices[bob.0].store.keys(Table::Mls).len();
            for _ in 0..3 {
                let chat = world.start(alice, &[bob]).await;
                world.say(alice, chat, "let me in").await;
                world.settle().await;
            }
            assert!(world.engine(bob).conversations().is_empty());
            assert_eq!(leftovers(world, bob), [0, 0, 0]);
            assert_eq!(
                world.devices[bob.0].store.keys(Table::Mls).len(),
                mls - 3,
                "used key packages are gone"
            );
            let fingerprint = world.fingerprint(alice);
            assert!(world.engine(bob).people().await.expect("people")[0].blocked);
            world.want(bob, Intent::Unblock { fingerprint }).await;
            let chat = world.start(alice, &[bob]).await;
            world.settle().await;
            world.accept(bob, chat).await;
            world.assert_works(&[alice, bob], chat).await;
        })
        .await;
    });
}

#[test]
fn a_request_that_is_taken_back_leaves_nothing_and_is_no_introduction() {
    pollster::block_on(async {
        in_every_world(async |world| {
            let [mallory, bob] = two_people(world).await;
            let carol = world.sign_up("carol").await;
            world.settle().await;
            let chat = world.conversation(mallory, &[carol]).await;
            let before = leftovers(world, bob);
            let keys = world.devices[bob.0].store.keys(Table::Mls).len();
            for n in 1..=2 {
                let addresses = vec![world.address(bob)];
                world.want(mallory, Intent::AddPeople { conversation: chat, addresses }).await;
                world.settle().await;
                let state = world.state(bob, chat);
                assert!(matches!(state, ConversationState::Request { .. }), "{state:?}");
                let fingerprints = vec![world.fingerprint(bob)];
                world.want(mallory, Intent::RemovePeople { conversation: chat, fingerprints }).await;
                world.settle().await;
                assert!(world.engine(bob).conversations().is_empty());
                assert_eq!(leftovers(world, bob), before);
                let left = world.devices[bob.0].store.keys(Table::Mls).len();
                assert_eq!(left, keys - n, "no private key of the group, and a key package less");
            }
            world.assert_works(&[mallory, carol], chat).await;
        })
        .await;
    });
}

#[test]
fn what_was_said_before_somebody_was_removed_stays_when_a_request_to_come_back_ends() {
    pollster::block_on(async {
        in_every_world(async |world| {
            let [alice, bob] = two_people(world).await;
            let carol = world.sign_up("carol").await;
            world.settle().await;
            let chat = world.conversation(alice, &[bob]).await;
            world.say(bob, chat, "before").await;
            world.settle().await;
            let bobs = vec![world.fingerprint(bob)];
            let remove = Intent::RemovePeople { conversation: chat, fingerprints: bobs };
            world.want(alice, remove.clone()).await;
            let addresses = vec![world.address(carol)];
            world.want(alice, Intent::AddPeople { conversation: chat, addresses }).await;
            world.settle().await;
            world.accept(carol, chat).await;
            let before = (world.timeline(bob, chat).await, world.engine(bob).conversations());
            assert_eq!(before.0, ["* alice added me", "I: before", "* alice removed me"]);

            let asked_again = Intent::AddPeople { conversation: chat, addresses: vec![world.address(bob)] };
            for declined in [true, false] {
                world.want(carol, asked_again.clone()).await;
                world.say(carol, chat, "look what I sell").await;
                world.want(carol, Intent::Rename { conversation: chat, title: "Sale".into() }).await;
                world.settle().await;
                let state = world.state(bob, chat);
                assert!(matches!(state, ConversationState::Request { .. }), "{state:?}");
                assert!(world.texts(bob, chat).await.contains(&"look what I sell".to_owned()));
                if declined {
                    answer(world, bob, chat, RequestAnswer::Decline).await;
                }
                world.want(alice, remove.clone()).await;
                world.settle().await;
                let after = (world.timeline(bob, chat).await, world.engine(bob).conversations());
                assert_eq!(after, before);
            }
            world.want(alice, asked_again).await;
            world.settle().await;
            assert_eq!(world.state(bob, chat), ConversationState::Active);
            world.assert_works(&[alice, bob, carol], chat).await;
        })
        .await;
    });
}

#[test]
fn one_person_can_leave_five_requests_and_no_more() {
    pollster::block_on(async {
        let mut world = World::new();
        let [alice, bob] = two_people(&mut world).await;
        for _ in 0..8 {
            world.start(alice, &[bob]).await;
            world.settle().await;
        }
        assert_eq!(world.engine(bob).conversations().len(), 5);
        let first = world.engine(bob).conversations()[0].id;
        answer(&mut world, bob, first, RequestAnswer::Decline).await;
        world.start(alice, &[bob]).await;
        world.settle().await;
        assert_eq!(world.engine(bob).conversations().len(), 5);
    });
}

#[test]
fn all_people_together_can_leave_a_hundred_requests() {
    pollster::block_on(async {
        let mut world = World::new();
        let bob = world.sign_up("bob").await;
        world.settle().await;
        for n in 0..21 {
            let stranger = world.sign_up(&format!("stranger{n}")).await;
            for _ in 0..5 {
                world.start(stranger, &[bob]).await;
            }
            while world.step(stranger).await {}
            // Strangers need no more attention.
            world.offline(stranger);
        }
        while world.step(bob).await {}
        world.now += 60_000;
        while world.step(bob).await {}
        assert_eq!(world.engine(bob).conversations().len(), 100);
    });
}

#[test]
fn two_conversations_with_one_person_are_apart() {
    pollster::block_on(async {
        in_every_world(async |world| {
            let [alice, bob] = two_people(world).await;
            let one = world.conversation(alice, &[bob]).await;
            let two = world.conversation(alice, &[bob]).await;
            let three = world.conversation(bob, &[alice]).await;
            for (n, chat) in [one, two, three].into_iter().enumerate() {
                world.say(alice, chat, &format!("in {n}")).await;
                world.say(bob, chat, &format!("in {n} too")).await;
            }
            world.settle().await;
            for (n, chat) in [one, two, three].into_iter().enumerate() {
                let mut texts = world.texts(bob, chat).await;
                texts.sort();
                assert_eq!(texts, [format!("in {n}"), format!("in {n} too")]);
                world.assert_works(&[alice, bob], chat).await;
            }
        })
        .await;
    });
}

#[test]
fn key_packages_are_refilled_and_the_last_resort_is_replaced() {
    pollster::block_on(async {
        let mut world = World::new();
        let [alice, bob] = two_people(&mut world).await;
        world.offline(bob);
        let first = world.conversation_in_vain(alice, bob, 104).await;
        assert_eq!(world.relay.left(world.device_id(bob)), (0, false));
        world.online(bob);
        world.settle().await;
        assert_eq!(world.relay.left(world.device_id(bob)), (100, true));
        // One was joined with a one-time key package, others with the last resort.
        assert_eq!(world.engine(bob).conversations().len(), 5);
        for chat in world.engine(bob).conversations() {
            world.accept(bob, chat.id).await;
        }
        let joined: Vec<_> = world.engine(bob).conversations().into_iter().map(|chat| chat.id).collect();
        world.assert_works(&[alice, bob], joined[0]).await;
        assert!(first.len() == 104);
        let next = world.conversation(alice, &[bob]).await;
        world.assert_works(&[alice, bob], next).await;
    });
}

#[test]
fn a_request_under_a_known_address_by_another_certificate_is_not_accepted_as_a_matter_of_course() {
    pollster::block_on(async {
        let mut world = World::new();
        let [alice, bob] = two_people(&mut world).await;
        world.conversation(bob, &[alice]).await;
        // Somebody else takes the address over, with the relay's help.
        let impostor = world.sign_up("alice").await;
        world.settle().await;
        let chat = world.start(impostor, &[bob]).await;
        world.settle().await;
        assert!(matches!(world.state(bob, chat), ConversationState::Request { .. }));
        let accept = Intent::AnswerRequest { conversation: chat, answer: RequestAnswer::Accept };
        let refused = world.want_in_vain(bob, accept.clone()).await;
        let fingerprint = world.fingerprint(impostor);
        let changed = Failure::CertificateChanged {
            address: "alice@example.org".into(),
            fingerprint: fingerprint.clone(),
        };
        assert_eq!(refused, changed);
        let details = world.engine(bob).conversation(chat).await.expect("details").expect("there");
        let member = details.members.iter().find(|member| !member.me).expect("a member");
        assert_eq!(member.trust, Trust::Changed);
        let address = "alice@example.org".into();
        world.want(bob, Intent::AcceptChange { address, fingerprint }).await;
        world.want(bob, accept).await;
        world.assert_works(&[impostor, bob], chat).await;
    });
}

#[test]
fn unread_messages_are_counted_until_they_are_seen() {
    pollster::block_on(async {
        in_every_world(async |world| {
            let [alice, bob] = two_people(world).await;
            let chat = world.conversation(alice, &[bob]).await;
            let unread = |world: &mut World| world.engine(bob).conversations()[0].unread;
            for n in 0..4 {
                world.say(alice, chat, &format!("text {n}")).await;
            }
            world.settle().await;
            assert_eq!(unread(world), 4);
            let items = world.items(bob, chat).await;
            let up_to = items.iter().rev().nth(1).expect("an item").id;
            world.want(bob, Intent::MarkRead { conversation: chat, up_to }).await;
            assert_eq!(unread(world), 1);
            let older = items.iter().rev().nth(3).expect("an item").id;
            world.want(bob, Intent::MarkRead { conversation: chat, up_to: older }).await;
            assert_eq!(unread(world), 1, "what was seen stays seen");
            world.say(bob, chat, "mine").await;
            world.settle().await;
            assert_eq!(unread(world), 1, "own messages don't count");
            let newest = world.items(bob, chat).await.pop().expect("an item").id;
            world.want(bob, Intent::MarkRead { conversation: chat, up_to: newest }).await;
            assert_eq!(unread(world), 0);
        })
        .await;
    });
}

#[test]
fn a_request_is_read_on_without_end_only_once_it_is_accepted() {
    pollster::block_on(async {
        let mut world = World::new();
        let [alice, bob] = two_people(&mut world).await;
        let chat = world.start(alice, &[bob]).await;
        world.settle().await;
        for n in 0..1_500 {
            world.say(alice, chat, &format!("spam {n}")).await;
        }
        world.settle().await;
        let shown = world.texts(bob, chat).await.len();
        assert!((500..1_500).contains(&shown), "{shown} are stored of a stranger's");
        world.accept(bob, chat).await;
        world.settle().await;
        assert_eq!(world.texts(bob, chat).await.len(), 1_500);
    });
}

#[test]
fn private_keys_of_old_key_packages_are_deleted_after_a_restart_as_well() {
    pollster::block_on(async {
        let mut world = World::new();
        let [alice, bob] = two_people(&mut world).await;
        let stored = |world: &World| world.devices[alice.0].store.keys(Table::Mls).len();
        let first = stored(&world);
        for generation in 1..=2 {
            for _ in 0..=100 {
                let claim = ClaimKeyPackages { address: world.address(alice), suite: 1 };
                world.connection(bob).call("", &claim, None).await.expect("key packages");
            }
            world.now += 130 * 24 * 60 * 60 * 1000;
            world.restart(alice).await;
            world.settle().await;
            assert_eq!(stored(&world), first, "{generation}");
        }
    });
}
