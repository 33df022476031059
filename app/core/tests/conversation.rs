//! Starting a conversation, writing and reading in it.

use haven_core::testing::World;

#[test]
fn two_people_write_to_each_other() {
    pollster::block_on(async {
        let mut world = World::restarting();
        let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bob").await);
        world.settle().await;
        let chat = world.conversation(alice, &[bob]).await;
        world.say(alice, chat, "hello").await;
        world.settle().await;
        world.say(bob, chat, "hi").await;
        world.settle().await;
        assert_eq!(
            world.timeline(alice, chat).await,
            ["* I started with bob (bob's laptop)", "I: hello", "bob: hi"]
        );
        assert_eq!(world.timeline(bob, chat).await, ["* alice added me", "alice: hello", "I: hi"]);
    });
}
