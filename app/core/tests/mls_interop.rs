//! Conversations with a member whose MLS is another implementation's. OpenMLS agrees with itself whatever it does;
//! these show that Haven's groups are what RFC 9420 says, and that Haven's rules can be kept by others.

use crate::foreign;
use haven_core::{
    intent::{Accepted, Intent},
    testing::{ORIGIN, in_every_world},
};

#[test]
fn a_foreign_member_joins_reads_writes_and_commits() {
    pollster::block_on(async {
        let seen = in_every_world(async |world| {
            let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bob").await);
            let (dave, erin) = (world.sign_up("dave").await, world.sign_up("erin").await);
            let mut carol = foreign::sign_up(world, "carol");
            world.settle().await;

            let addresses = vec![world.address(bob), carol.address()];
            let start = Intent::StartConversation { addresses, title: Some("Tea".into()) };
            let Accepted::Started(chat) = world.want(alice, start).await else { panic!("not started") };
            world.settle().await;
            world.accept(bob, chat).await;
            carol.join().await;
            let context = carol.context();
            assert_eq!((context.rules, context.title.as_str(), context.origin.as_str()), (1, "Tea", ORIGIN));
            assert_eq!(context.conversation.into_array(), chat.0);
            assert_eq!(context.admins, [world.devices[alice.0].account.fingerprint]);
            carol.assert_agrees(world, chat, &[alice, bob]).await;

            world.say(alice, chat, "Is anybody foreign here?").await;
            carol.assert_agrees(world, chat, &[alice, bob]).await;
            carol.say("I am.").await;
            carol.assert_agrees(world, chat, &[alice, bob]).await;

            carol.refresh().await;
            carol.assert_agrees(world, chat, &[alice, bob]).await;
            carol.say("With new keys.").await;
            carol.assert_agrees(world, chat, &[alice, bob]).await;
            world.say(bob, chat, "I can read that.").await;
            carol.assert_agrees(world, chat, &[alice, bob]).await;

            let addresses = vec![world.address(dave)];
            world.want(alice, Intent::AddPeople { conversation: chat, addresses }).await;
            world.settle().await;
            world.accept(dave, chat).await;
            world.want(bob, Intent::Rename { conversation: chat, title: "Coffee".into() }).await;
            carol.assert_agrees(world, chat, &[alice, bob, dave]).await;
            assert_eq!(carol.context().title, "Coffee");
            world.say(dave, chat, "Coffee, then.").await;
            carol.assert_agrees(world, chat, &[alice, bob, dave]).await;

            carol.add(&[world.address(erin)]).await;
            world.settle().await;
            world.accept(erin, chat).await;
            carol.rename("Cocoa").await;
            carol.assert_agrees(world, chat, &[alice, bob, dave, erin]).await;
            world.say(erin, chat, "Cocoa!").await;
            carol.assert_agrees(world, chat, &[alice, bob, dave, erin]).await;

            let fingerprints = vec![carol.fingerprint()];
            world.want(alice, Intent::RemovePeople { conversation: chat, fingerprints }).await;
            world.settle().await;
            carol.read().await;
            assert!(carol.removed());
            (carol.heard, world.timeline(bob, chat).await, world.timeline(erin, chat).await)
        })
        .await;
        assert_eq!(
            seen.0,
            [
                "alice@example.org: Is anybody foreign here?",
                "bob@example.org: I can read that.",
                "dave@example.org: Coffee, then.",
                "erin@example.org: Cocoa!"
            ]
        );
        assert_eq!(
            seen.1,
            [
                "* alice added me",
                "alice: Is anybody foreign here?",
                "carol: I am.",
                "carol: With new keys.",
                "I: I can read that.",
                "* alice added dave (dave's laptop)",
                "* I renamed to Coffee",
                "dave: Coffee, then.",
                "* carol added erin (erin's laptop)",
                "* carol renamed to Cocoa",
                "erin: Cocoa!",
                "* alice removed carol"
            ]
        );
        let erin = ["* carol added me", "* carol renamed to Cocoa", "I: Cocoa!", "* alice removed carol"];
        assert_eq!(seen.2, erin);
    });
}

#[test]
fn a_foreign_member_starts_a_conversation_and_removes_somebody() {
    pollster::block_on(async {
        let seen = in_every_world(async |world| {
            let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bob").await);
            let mut carol = foreign::sign_up(world, "carol");
            world.settle().await;
            let chat = carol.create("Abroad");
            carol.add(&[world.address(alice), world.address(bob)]).await;
            world.settle().await;
            world.accept(alice, chat).await;
            world.accept(bob, chat).await;
            carol.assert_agrees(world, chat, &[alice, bob]).await;
            carol.say("Welcome.").await;
            carol.assert_agrees(world, chat, &[alice, bob]).await;
            world.say(alice, chat, "Thank you.").await;
            carol.assert_agrees(world, chat, &[alice, bob]).await;
            carol.remove(&world.address(bob)).await;
            carol.assert_agrees(world, chat, &[alice]).await;
            world.say(alice, chat, "Only we two.").await;
            carol.assert_agrees(world, chat, &[alice]).await;
            (carol.heard, world.timeline(alice, chat).await, world.timeline(bob, chat).await)
        })
        .await;
        assert_eq!(seen.0, ["alice@example.org: Thank you.", "alice@example.org: Only we two."]);
        assert_eq!(
            seen.1,
            [
                "* carol added me",
                "carol: Welcome.",
                "I: Thank you.",
                "* carol removed bob",
                "I: Only we two."
            ]
        );
        let bob = ["* carol added me", "carol: Welcome.", "alice: Thank you.", "* carol removed me"];
        assert_eq!(seen.2, bob);
    });
}
