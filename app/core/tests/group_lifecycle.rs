//! People come, go and come back; each change is a line that everybody sees.

use haven_bridge::{ConversationState, Failure, ItemContent, Line, SendState};
use haven_core::{
    intent::{Accepted, Intent},
    request::{Outgoing, Request},
    testing::{Who, World, in_every_world},
};
use haven_wire::push::FromRelay;

async fn three_people(world: &mut World) -> [Who; 3] {
    let people = [world.sign_up("alice").await, world.sign_up("bob").await, world.sign_up("carol").await];
    world.settle().await;
    people
}

async fn add(world: &mut World, by: Who, chat: haven_bridge::ConversationId, whom: Who) {
    let addresses = vec![world.address(whom)];
    world.want(by, Intent::AddPeople { conversation: chat, addresses }).await;
    world.settle().await;
    world.accept(whom, chat).await;
}

async fn remove(world: &mut World, by: Who, chat: haven_bridge::ConversationId, whom: Who) {
    let fingerprints = vec![world.fingerprint(whom)];
    world.want(by, Intent::RemovePeople { conversation: chat, fingerprints }).await;
    world.settle().await;
}

#[test]
fn everybody_sees_who_comes_and_who_goes() {
    pollster::block_on(async {
        let seen = in_every_world(async |world| {
            let [alice, bob, carol] = three_people(world).await;
            let chat = world.conversation(alice, &[bob]).await;
            add(world, bob, chat, carol).await;
            world.want(carol, Intent::Rename { conversation: chat, title: "Tea".into() }).await;
            world.settle().await;
            remove(world, alice, chat, bob).await;
            [
                world.timeline(alice, chat).await,
                world.timeline(bob, chat).await,
                world.timeline(carol, chat).await,
            ]
        })
        .await;
        assert_eq!(
            seen[0],
            [
                "* I started with bob (bob's laptop)",
                "* bob added carol (carol's laptop)",
                "* carol renamed to Tea",
                "* I removed bob"
            ]
        );
        assert_eq!(
            seen[1],
            [
                "* alice added me",
                "* I added carol (carol's laptop)",
                "* carol renamed to Tea",
                "* alice removed me"
            ]
        );
        assert_eq!(seen[2], ["* bob added me", "* I renamed to Tea", "* alice removed bob"]);
    });
}

#[test]
fn a_removed_person_reads_no_more_and_the_others_go_on() {
    pollster::block_on(async {
        in_every_world(async |world| {
            let [alice, bob, carol] = three_people(world).await;
            let chat = world.conversation(alice, &[bob, carol]).await;
            remove(world, alice, chat, bob).await;
            assert_eq!(world.state(bob, chat), ConversationState::Removed);
            world.say(alice, chat, "only for carol").await;
            world.settle().await;
            assert_eq!(world.texts(bob, chat).await, Vec::<String>::new());
            let text = Intent::SendText { conversation: chat, text: "still there?".into() };
            assert_eq!(world.want_in_vain(bob, text).await, Failure::NotAMember);
            world.assert_works(&[alice, carol], chat).await;
        })
        .await;
    });
}

#[test]
fn a_member_who_may_not_remove_somebody_is_told_so() {
    pollster::block_on(async {
        in_every_world(async |world| {
            let [alice, bob, carol] = three_people(world).await;
            let chat = world.conversation(alice, &[bob, carol]).await;
            remove(world, bob, chat, carol).await;
            let last = world.items(bob, chat).await.pop().expect("a line").content;
            let told =
                matches!(&last, ItemContent::Line(Line::NotChanged { why: Failure::NotAllowed { .. } }));
            assert!(told, "{last:?}");
            world.assert_works(&[alice, bob, carol], chat).await;
        })
        .await;
    });
}

#[test]
fn somebody_who_was_removed_can_be_added_again() {
    pollster::block_on(async {
        in_every_world(async |world| {
            let [alice, bob, carol] = three_people(world).await;
            let chat = world.conversation(alice, &[bob, carol]).await;
            world.say(alice, chat, "before").await;
            world.settle().await;
            remove(world, alice, chat, bob).await;
            world.say(alice, chat, "meanwhile").await;
            world.settle().await;
            add(world, carol, chat, bob).await;
            world.say(alice, chat, "after").await;
            world.settle().await;
            assert_eq!(
                world.timeline(bob, chat).await,
                [
                    "* alice added me",
                    "alice: before",
                    "* alice removed me",
                    "* carol added me",
                    "alice: after"
                ]
            );
            world.assert_works(&[alice, bob, carol], chat).await;
        })
        .await;
    });
}

/// Lets a device talk until it asks for rows, which is not sent.
async fn asks_for_rows(world: &mut World, who: Who) -> Outgoing {
    loop {
        let now = world.clock(who);
        for request in world.engine(who).outgoing(now).await.expect("requests").requests {
            if matches!(request.request, Request::GetRows(_)) {
                return request;
            }
            world.exchange(who, request).await;
        }
        world.now += 1_000;
    }
}

#[test]
fn an_answer_from_before_somebody_was_added_again_is_not_about_the_new_group() {
    pollster::block_on(async {
        let mut world = World::new();
        let [alice, bob, _] = three_people(&mut world).await;
        let chat = world.conversation(alice, &[bob]).await;
        world.say(alice, chat, "see you").await;
        while world.step(alice).await {}
        // The answer is on its way for long. Meanwhile bob hears of his removal, and is added again.
        let late = asks_for_rows(&mut world, bob).await;
        let answer = world.call(bob, &late).await.unwrap();
        let fingerprints = vec![world.fingerprint(bob)];
        world.want(alice, Intent::RemovePeople { conversation: chat, fingerprints }).await;
        while world.step(alice).await {}
        let group_id = world.engine(bob).group_id(chat);
        let rows = world.relay.rows();
        world.push(bob, vec![FromRelay::Rows { group_id, rows }]).await;
        assert_eq!(world.state(bob, chat), ConversationState::Removed);
        let addresses = vec![world.address(bob)];
        world.want(alice, Intent::AddPeople { conversation: chat, addresses }).await;
        while world.step(alice).await {}
        let asked = asks_for_rows(&mut world, bob).await;
        assert_eq!(world.state(bob, chat), ConversationState::Active);
        let now = world.clock(bob);
        world.engine(bob).confirm(late.id, answer, now).await.unwrap();
        world.exchange(bob, asked).await;
        world.settle().await;
        world.assert_works(&[alice, bob], chat).await;
    });
}

#[test]
fn what_was_typed_before_a_removal_is_neither_lost_nor_sent() {
    pollster::block_on(async {
        in_every_world(async |world| {
            let [alice, bob, carol] = three_people(world).await;
            let chat = world.conversation(alice, &[bob, carol]).await;
            world.offline(bob);
            world.say(bob, chat, "typed offline").await;
            remove(world, alice, chat, bob).await;
            world.online(bob);
            world.settle().await;
            let before = world.timeline(bob, chat).await;
            assert_eq!(before, ["* alice added me", "* alice removed me", "I failed: typed offline"]);
            let failed = world.items(bob, chat).await.pop().expect("an item");
            let why = SendState::Failed(Failure::NotAMember);
            assert_eq!(failed.content, ItemContent::Sent { text: "typed offline".into(), state: why });
            let again = Intent::Retry { conversation: chat, item: Some(failed.id) };
            assert_eq!(world.want_in_vain(bob, again).await, Failure::NotAMember);
            add(world, alice, chat, bob).await;
            let after = world.timeline(bob, chat).await;
            assert_eq!(after[2..], ["* alice added me", "I failed: typed offline"]);
            let item = world.items(bob, chat).await.pop().expect("an item").id;
            world.want(bob, Intent::Retry { conversation: chat, item: Some(item) }).await;
            world.settle().await;
            assert_eq!(world.texts(carol, chat).await, ["typed offline"]);
        })
        .await;
    });
}

#[test]
fn messages_typed_while_a_conversation_starts_are_sent_in_order() {
    pollster::block_on(async {
        in_every_world(async |world| {
            let [alice, bob, _] = three_people(world).await;
            world.offline(alice);
            let chat = world.start(alice, &[bob]).await;
            for n in 0..5 {
                world.say(alice, chat, &format!("early {n}")).await;
            }
            world.settle().await;
            assert_eq!(world.state(alice, chat), ConversationState::Starting);
            world.online(alice);
            world.settle().await;
            let expected: Vec<_> = (0..5).map(|n| format!("early {n}")).collect();
            assert_eq!(world.texts(bob, chat).await, expected);
            assert_eq!(world.timeline(alice, chat).await[0], "* I started with bob (bob's laptop)");
            assert_eq!(world.texts(alice, chat).await, expected);
        })
        .await;
    });
}

#[test]
fn a_start_that_failed_keeps_its_messages_and_can_be_tried_again() {
    pollster::block_on(async {
        in_every_world(async |world| {
            let alice = world.sign_up("alice").await;
            world.settle().await;
            let addresses = vec!["bob@example.org".into()];
            let start = Intent::StartConversation { addresses, title: Some("Tea".into()) };
            let Accepted::Started(chat) = world.want(alice, start).await else { unreachable!() };
            world.say(alice, chat, "are you there?").await;
            world.settle().await;
            let unknown = Failure::AddressUnknown { address: "bob@example.org".into() };
            assert_eq!(world.state(alice, chat), ConversationState::StartFailed(unknown));
            assert_eq!(world.timeline(alice, chat).await, ["I (are you there?)"]);
            let bob = world.sign_up("bob").await;
            let retry = Intent::Retry { conversation: chat, item: None };
            world.want(alice, retry.clone()).await;
            world.talk().await;
            let no_device = Failure::NoDevice { address: "bob@example.org".into() };
            if world.state(alice, chat) == ConversationState::StartFailed(no_device) {
                world.want(alice, retry).await;
            }
            world.settle().await;
            world.accept(bob, chat).await;
            assert_eq!(world.timeline(bob, chat).await, ["* alice added me", "alice: are you there?"]);
            world.assert_works(&[alice, bob], chat).await;
            assert_eq!(world.engine(bob).conversations()[0].title, "Tea");
        })
        .await;
    });
}

#[test]
fn who_was_to_be_in_a_start_that_failed_gets_into_nothing_else() {
    pollster::block_on(async {
        in_every_world(async |world| {
            let [alice, bob, carol] = three_people(world).await;
            // Carol's key packages come when it is known already that nobody@example.org doesn't exist.
            let addresses = vec!["nobody@example.org".into(), world.address(carol)];
            world.want(alice, Intent::StartConversation { addresses, title: None }).await;
            world.settle().await;
            let chat = world.conversation(alice, &[bob]).await;
            world.want(alice, Intent::Rename { conversation: chat, title: "Without Carol".into() }).await;
            world.settle().await;
            assert_eq!(world.members(bob, chat).await.len(), 2);
            assert!(world.engine(carol).conversations().is_empty());
            world.assert_works(&[alice, bob], chat).await;
        })
        .await;
    });
}

#[test]
fn a_person_without_a_device_is_named() {
    pollster::block_on(async {
        let mut world = World::new();
        let alice = world.sign_up("alice").await;
        world.settle().await;
        let bob = world.sign_up("bob").await;
        let chat = world.start(alice, &[bob]).await;
        while world.step(alice).await {}
        assert_eq!(world.state(alice, chat), ConversationState::Starting, "bob may have just signed up");
        for _ in 0..10 {
            world.now += 60_000;
            while world.step(alice).await {}
        }
        let no_device = Failure::NoDevice { address: "bob@example.org".into() };
        assert_eq!(world.state(alice, chat), ConversationState::StartFailed(no_device));
        world.settle().await;
        world.want(alice, Intent::Retry { conversation: chat, item: None }).await;
        world.settle().await;
        world.accept(bob, chat).await;
        world.assert_works(&[alice, bob], chat).await;
    });
}

#[test]
fn one_who_cannot_be_added_keeps_nobody_else_out() {
    pollster::block_on(async {
        in_every_world(async |world| {
            let [alice, bob, carol] = three_people(world).await;
            let chat = world.conversation(alice, &[bob]).await;
            let addresses = vec!["nobody@example.org".into(), "carol".into()];
            world.want(alice, Intent::AddPeople { conversation: chat, addresses }).await;
            world.settle().await;
            world.accept(carol, chat).await;
            let timeline = world.timeline(alice, chat).await;
            assert!(timeline.iter().any(|line| line.starts_with("* nobody@example.org was not added")));
            world.assert_works(&[alice, bob, carol], chat).await;
        })
        .await;
    });
}

#[test]
fn a_member_who_may_not_remove_is_told_and_harms_nobody() {
    pollster::block_on(async {
        in_every_world(async |world| {
            let [alice, bob, carol] = three_people(world).await;
            let chat = world.conversation(alice, &[bob, carol]).await;
            remove(world, bob, chat, carol).await;
            for who in [alice, bob, carol] {
                assert_eq!(world.state(who, chat), ConversationState::Active, "{who:?}");
                assert_eq!(world.members(who, chat).await.len(), 3);
            }
            world.assert_works(&[alice, bob, carol], chat).await;
        })
        .await;
    });
}

#[test]
fn what_is_so_already_makes_no_commit() {
    pollster::block_on(async {
        in_every_world(async |world| {
            let [alice, bob, carol] = three_people(world).await;
            let chat = world.conversation(alice, &[bob]).await;
            world.settle().await;
            let rows = world.relay.rows().len();
            add(world, alice, chat, bob).await;
            remove(world, alice, chat, carol).await;
            world.want(alice, Intent::Rename { conversation: chat, title: String::new() }).await;
            world.settle().await;
            assert_eq!(world.relay.rows().len(), rows);
            world.assert_works(&[alice, bob], chat).await;
        })
        .await;
    });
}
