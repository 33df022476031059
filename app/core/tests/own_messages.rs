//! One's own messages: sent once, recognised in the log, and never under a key that was used before.

use haven_bridge::{ConversationState, Failure, MAX_TEXT, StopReason};
use haven_core::{
    intent::{Accepted, Intent},
    store::Table,
    testing::{Fault, Who, World, in_every_world},
};
use haven_wire::group::Kind;

async fn two_people(world: &mut World) -> [Who; 2] {
    let people = [world.sign_up("alice").await, world.sign_up("bob").await];
    world.settle().await;
    people
}

#[test]
fn a_wish_that_is_repeated_under_its_id_is_done_once() {
    pollster::block_on(async {
        in_every_world(async |world| {
            let [alice, bob] = two_people(world).await;
            let chat = world.conversation(alice, &[bob]).await;
            let id = world.intent_id();
            let intent = Intent::SendText { conversation: chat, text: "once".into() };
            let mut answers = Vec::new();
            for _ in 0..3 {
                answers.extend(world.handle(alice, vec![(id, intent.clone())]).await);
                world.restart(alice).await;
                world.settle().await;
            }
            assert!(answers.iter().all(|answer| *answer == Ok(Accepted::Queued(haven_bridge::ItemId(id.0)))));
            assert_eq!(world.texts(bob, chat).await, ["once"]);

            let id = world.intent_id();
            let start = Intent::StartConversation { addresses: vec![world.address(bob)], title: None };
            let started = world.handle(alice, vec![(id, start.clone()), (id, start)]).await;
            assert_eq!(started[0], started[1]);
            assert_eq!(world.engine(alice).conversations().len(), 2);
        })
        .await;
    });
}

#[test]
fn what_was_begun_is_kept_until_it_is_sent() {
    pollster::block_on(async {
        in_every_world(async |world| {
            let [alice, bob] = two_people(world).await;
            let chat = world.conversation(alice, &[bob]).await;
            let other = world.conversation(alice, &[bob]).await;
            let stored = world.devices[alice.0].store.keys(Table::Conversations).len();
            for text in ["see", "see you at"] {
                world.want(alice, Intent::KeepBegun { conversation: chat, text: text.into() }).await;
                world.restart(alice).await;
                assert_eq!(world.engine(alice).begun(chat), text);
            }
            assert_eq!(world.engine(alice).begun(other), "");
            let long = Intent::KeepBegun { conversation: chat, text: "x".repeat(4 * MAX_TEXT + 1) };
            assert!(matches!(world.want_in_vain(alice, long).await, Failure::MessageTooLong { .. }));
            assert_eq!(world.engine(alice).begun(chat), "see you at");

            world.say(alice, chat, "see you at eight").await;
            world.restart(alice).await;
            assert_eq!(world.engine(alice).begun(chat), "");
            world.want(alice, Intent::KeepBegun { conversation: other, text: "and".into() }).await;
            world.want(alice, Intent::KeepBegun { conversation: other, text: String::new() }).await;
            world.settle().await;
            world.restart(alice).await;
            assert_eq!(world.engine(alice).begun(other), "");
            assert_eq!(world.devices[alice.0].store.keys(Table::Conversations).len(), stored);

            // As when the leading tab has done both and is closed before it answers.
            let text = "nine is better".to_owned();
            let begun = Intent::KeepBegun { conversation: chat, text: "nine is ".into() };
            let send = Intent::SendText { conversation: chat, text };
            let wishes = vec![(world.intent_id(), begun), (world.intent_id(), send)];
            for _ in 0..2 {
                world.handle(alice, wishes.clone()).await;
                assert_eq!(world.engine(alice).begun(chat), "");
            }
        })
        .await;
    });
}

#[test]
fn what_is_written_in_one_go_arrives_in_order() {
    pollster::block_on(async {
        in_every_world(async |world| {
            let [alice, bob] = two_people(world).await;
            let chat = world.conversation(alice, &[bob]).await;
            // More than one request carries, by number and by size.
            for n in 0..150 {
                world.say(alice, chat, &format!("{n:03}")).await;
            }
            for n in 150..160 {
                world.say(alice, chat, &format!("{n:03} {}", "x".repeat(30_000))).await;
            }
            world.settle().await;
            let texts = world.texts(bob, chat).await;
            assert_eq!(texts.len(), 160);
            assert!(texts.is_sorted());
            assert_eq!(world.texts(alice, chat).await, texts);
        })
        .await;
    });
}

#[test]
fn a_message_whose_answer_was_lost_is_not_sent_twice() {
    pollster::block_on(async {
        in_every_world(async |world| {
            let [alice, bob] = two_people(world).await;
            let chat = world.conversation(alice, &[bob]).await;
            for n in 0..5 {
                world.say(alice, chat, &format!("text {n}")).await;
                world.relay.break_next([Fault::LoseReply, Fault::LoseReply]);
                world.settle().await;
            }
            assert_eq!(world.texts(bob, chat).await.len(), 5);
            let rows = world.relay.rows();
            assert_eq!(rows.iter().filter(|row| row.kind == Kind::Application).count(), 5);
            assert_eq!(world.relay.encrypted_twice(), 0);
        })
        .await;
    });
}

#[test]
fn a_restored_backup_refreshes_its_keys_before_it_sends() {
    pollster::block_on(async {
        let mut world = World::new();
        let [alice, bob] = two_people(&mut world).await;
        let chat = world.conversation(alice, &[bob]).await;
        world.say(alice, chat, "zero").await;
        world.settle().await;
        let backup = world.devices[alice.0].store.copy();
        world.say(alice, chat, "one").await;
        world.say(alice, chat, "two").await;
        world.settle().await;
        let commits =
            |world: &World| world.relay.rows().iter().filter(|row| row.kind == Kind::Commit).count();
        let before = commits(&world);
        world.restore(alice, backup).await;
        world.say(alice, chat, "three").await;
        world.settle().await;
        assert_eq!(world.texts(bob, chat).await, ["zero", "one", "two", "three"], "no key is used twice");
        let texts = world.texts(alice, chat).await;
        assert_eq!(texts, ["zero", "(Undecryptable)", "(Undecryptable)", "three"]);
        assert_eq!(commits(&world), before + 1, "own keys are fresh");
        let rows = world.relay.rows();
        assert_eq!(rows[rows.len() - 2].kind, Kind::Commit, "before the next message");
        world.assert_works(&[alice, bob], chat).await;
    });
}

#[test]
fn a_restored_backup_refreshes_its_keys_if_messages_of_its_own_may_be_gone() {
    pollster::block_on(async {
        let mut world = World::new();
        let [alice, bob] = two_people(&mut world).await;
        let chat = world.conversation(alice, &[bob]).await;
        let backup = world.devices[alice.0].store.copy();
        world.say(alice, chat, "one").await;
        world.settle().await;
        world.now += 40 * 24 * 60 * 60 * 1000;
        world.restore(alice, backup).await;
        world.say(alice, chat, "two").await;
        world.settle().await;
        assert_eq!(world.texts(bob, chat).await, ["one", "two"], "no key is used twice");
        let shown = world.timeline(alice, chat).await;
        assert_eq!(shown, ["* I started with bob (bob's laptop)", "* 1 missed", "I: two"]);
        let rows = world.relay.rows();
        assert_eq!(rows[rows.len() - 2].kind, Kind::Commit, "before the next message");
    });
}

#[test]
fn a_restored_backup_recognises_the_message_that_it_still_holds() {
    pollster::block_on(async {
        let mut world = World::new();
        let [alice, bob] = two_people(&mut world).await;
        let chat = world.conversation(alice, &[bob]).await;
        world.say(alice, chat, "not yet sent").await;
        let backup = world.devices[alice.0].store.copy();
        world.settle().await;
        world.restore(alice, backup).await;
        world.settle().await;
        assert_eq!(
            world.timeline(alice, chat).await,
            ["* I started with bob (bob's laptop)", "I: not yet sent"]
        );
        assert_eq!(world.texts(bob, chat).await, ["not yet sent"]);
        world.assert_works(&[alice, bob], chat).await;
        assert_eq!(world.texts(bob, chat).await.iter().filter(|text| *text == "not yet sent").count(), 1);
    });
}

#[test]
fn a_restored_backup_from_before_an_own_commit_stops() {
    pollster::block_on(async {
        let mut world = World::new();
        let [alice, bob] = two_people(&mut world).await;
        let chat = world.conversation(alice, &[bob]).await;
        let other = world.conversation(bob, &[alice]).await;
        world.settle().await;
        let backup = world.devices[alice.0].store.copy();
        world.want(alice, Intent::Rename { conversation: chat, title: "Tea".into() }).await;
        world.settle().await;
        world.restore(alice, backup).await;
        world.say(alice, other, "still fine here").await;
        world.settle().await;
        assert_eq!(world.state(alice, chat), ConversationState::Stopped(StopReason::StateTooOld));
        assert_eq!(world.state(alice, other), ConversationState::Active);
        world.assert_works(&[alice, bob], other).await;
    });
}

#[test]
fn keys_are_refreshed_after_the_first_own_message_and_then_once_a_day() {
    pollster::block_on(async {
        let mut world = World::new();
        let [alice, bob] = two_people(&mut world).await;
        let chat = world.start(alice, &[bob]).await;
        world.settle().await;
        world.now += 3 * 24 * 60 * 60 * 1000;
        world.settle().await;
        let commits =
            |world: &World| world.relay.rows().iter().filter(|row| row.kind == Kind::Commit).count();
        assert_eq!(commits(&world), 1, "a request does nothing by itself");
        world.accept(bob, chat).await;
        world.settle().await;
        assert_eq!(commits(&world), 1, "nor does one who only reads");
        world.say(bob, chat, "hello").await;
        world.settle().await;
        assert_eq!(commits(&world), 2);
        world.say(bob, chat, "and again").await;
        world.settle().await;
        assert_eq!(commits(&world), 2);
        world.now += 2 * 24 * 60 * 60 * 1000;
        world.say(bob, chat, "days later").await;
        world.settle().await;
        assert_eq!(commits(&world), 3);
        world.assert_works(&[alice, bob], chat).await;
    });
}
