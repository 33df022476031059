//! A browser may die between any two instructions: nothing is lost, shown twice, or stuck.

use haven_bridge::ConversationState;
use haven_core::{
    intent::Intent,
    testing::{Who, World, for_every_crash, for_every_lost_call},
};

type Outcome = Vec<(Vec<String>, Vec<(String, usize)>, u32)>;

/// What everybody sees in the end.
async fn outcome(world: &mut World) -> Outcome {
    let mut outcome = Vec::new();
    for who in world.everybody() {
        for summary in world.engine(who).conversations() {
            let timeline = world.timeline(who, summary.id).await;
            outcome.push((timeline, world.members(who, summary.id).await, summary.unread));
        }
    }
    outcome
}

async fn three_people(restarting: bool) -> (World, [Who; 3]) {
    let mut world = if restarting { World::restarting() } else { World::new() };
    let people = [world.sign_up("alice").await, world.sign_up("bob").await, world.sign_up("carol").await];
    world.settle().await;
    (world, people)
}

/// A conversation is started, grows, gets a title, and loses somebody; everybody writes.
async fn a_life(world: &mut World, [alice, bob, carol]: [Who; 3]) -> Outcome {
    let chat = world.conversation(alice, &[bob]).await;
    world.say(alice, chat, "one").await;
    world.say(alice, chat, "two").await;
    world.settle().await;
    world.say(bob, chat, "three").await;
    world.settle().await;
    let addresses = vec![world.address(carol)];
    world.want(alice, Intent::AddPeople { conversation: chat, addresses }).await;
    world.settle().await;
    world.accept(carol, chat).await;
    world.say(carol, chat, "four").await;
    world.settle().await;
    world.want(alice, Intent::Rename { conversation: chat, title: "Tea".into() }).await;
    world.settle().await;
    let fingerprints = vec![world.fingerprint(bob)];
    world.want(alice, Intent::RemovePeople { conversation: chat, fingerprints }).await;
    world.settle().await;
    world.say(carol, chat, "five").await;
    world.settle().await;
    assert_eq!(world.state(bob, chat), ConversationState::Removed);
    outcome(world).await
}

/// Everybody writes and changes things at once. Who is first may differ, but nobody sees anything else than the others.
async fn a_crowd(world: &mut World, [alice, bob, carol]: [Who; 3]) -> Vec<String> {
    let all = [alice, bob, carol];
    let chat = world.conversation(alice, &[bob, carol]).await;
    for who in all {
        world.say(who, chat, &format!("{} writes", world.address(who))).await;
        world.want(who, Intent::SelfUpdate { conversation: chat }).await;
        world.say(who, chat, &format!("{} writes again", world.address(who))).await;
    }
    world.settle().await;
    let texts = world.texts(alice, chat).await;
    for who in [bob, carol] {
        assert_eq!(world.texts(who, chat).await, texts, "{who:?}");
    }
    world.assert_works(&all, chat).await;
    let mut sorted = texts;
    sorted.sort();
    sorted
}

#[test]
fn a_crash_at_any_write_set_changes_nothing() {
    pollster::block_on(async {
        let (world, people) = three_people(false).await;
        let crashes = for_every_crash(&world, async |world| a_life(world, people).await).await;
        assert!(crashes > 80, "{crashes}");
    });
}

#[test]
fn a_crash_while_everybody_writes_loses_nothing() {
    pollster::block_on(async {
        let (world, people) = three_people(false).await;
        for_every_crash(&world, async |world| a_crowd(world, people).await).await;
    });
}

#[test]
fn a_crash_at_the_first_start_of_a_device_changes_nothing() {
    pollster::block_on(async {
        let mut world = World::new();
        let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bob").await);
        for_every_crash(&world, async |world| {
            world.settle().await;
            let chat = world.conversation(alice, &[bob]).await;
            world.assert_works(&[alice, bob], chat).await;
            world.texts(alice, chat).await.len()
        })
        .await;
    });
}

#[test]
fn a_lost_request_or_answer_changes_nothing() {
    pollster::block_on(async {
        let (world, people) = three_people(false).await;
        for_every_lost_call(&world, async |world| a_life(world, people).await).await;
    });
}

#[test]
fn a_lost_request_or_answer_changes_nothing_for_engines_that_restart() {
    pollster::block_on(async {
        let (world, [alice, bob, _]) = three_people(true).await;
        for_every_lost_call(&world, async |world| {
            let chat = world.conversation(alice, &[bob]).await;
            world.say(bob, chat, "one").await;
            world.settle().await;
            world.want(alice, Intent::Rename { conversation: chat, title: "Tea".into() }).await;
            world.settle().await;
            outcome(world).await
        })
        .await;
    });
}

#[test]
fn a_lost_request_or_answer_while_everybody_writes_loses_nothing() {
    pollster::block_on(async {
        let (world, people) = three_people(false).await;
        for_every_lost_call(&world, async |world| a_crowd(world, people).await).await;
    });
}
