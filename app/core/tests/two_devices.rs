//! One person with two devices.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::unwrap_used, reason = "tests")]

use haven_core::{
    intent::Intent,
    request::Request,
    testing::{World, in_every_world},
};

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
            let alice = world.sign_up("alice").await;
            let bob = world.sign_up("bob").await;
            world.settle().await;
            let phone = world.sign_in(alice, "alice's phone").await;
            world.settle().await;
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
        let slow = 'found: loop {
            let now = world.clock(alice);
            for request in world.engine(alice).outgoing(now).await.expect("requests").requests {
                match request.request {
                    Request::PutVault(_) => break 'found request,
                    _ => world.exchange(alice, request).await,
                }
            }
        };
        world.start(alice, &[bob]).await;
        while world.step(alice).await {}
        world.exchange(alice, slow).await;
        world.settle().await;
        let vault = world.relay.vault("alice@example.org").expect("a vault");
        let vault = world.engine(alice).account().open_vault(&vault).expect("alice's vault");
        assert_eq!(vault.conversations.len(), 2);
    });
}
