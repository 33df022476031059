//! Coming back: everything is there, in order, once.

use haven_bridge::{ConversationId, ConversationState, StopReason};
use haven_core::{
    intent::Intent,
    request::Request,
    testing::{Answer, Dice, Who, World, in_every_world},
};
use haven_wire::{group::Row, push::FromRelay};

const DAY: u64 = 24 * 60 * 60 * 1000;

async fn people<const N: usize>(world: &mut World, names: [&str; N]) -> [Who; N] {
    let mut people = [Who(0); N];
    for (who, name) in people.iter_mut().zip(names) {
        *who = world.sign_up(name).await;
    }
    world.settle().await;
    people
}

async fn add(world: &mut World, by: Who, chat: ConversationId, whom: Who) {
    let addresses = vec![world.address(whom)];
    world.want(by, Intent::AddPeople { conversation: chat, addresses }).await;
    world.settle().await;
    world.accept(whom, chat).await;
}

async fn remove(world: &mut World, by: Who, chat: ConversationId, whom: Who) {
    let fingerprints = vec![world.fingerprint(whom)];
    world.want(by, Intent::RemovePeople { conversation: chat, fingerprints }).await;
    world.settle().await;
}

#[test]
fn two_hundred_messages_and_changes_of_members_are_caught_up_with_in_order() {
    pollster::block_on(async {
        let seen = in_every_world(async |world| {
            let [alice, bob, carol, dave] = people(world, ["alice", "bob", "carol", "dave"]).await;
            let chat = world.conversation(alice, &[bob, carol]).await;
            world.offline(bob);
            for n in 0..100 {
                world.say(if n % 2 == 0 { alice } else { carol }, chat, &format!("text {n:03}")).await;
                if n % 10 == 0 {
                    world.settle().await;
                }
            }
            world.settle().await;
            add(world, carol, chat, dave).await;
            remove(world, alice, chat, carol).await;
            for n in 100..200 {
                world.say(alice, chat, &format!("text {n:03}")).await;
            }
            world.say(bob, chat, "I was away").await;
            world.settle().await;
            world.online(bob);
            world.settle().await;
            assert_eq!(world.texts(bob, chat).await, world.texts(alice, chat).await);
            world.assert_works(&[alice, bob, dave], chat).await;
            let mut texts = world.texts(bob, chat).await;
            texts.truncate(201);
            texts.sort();
            texts
        })
        .await;
        let mut expected: Vec<_> = (0..200).map(|n| format!("text {n:03}")).collect();
        expected.insert(0, "I was away".into());
        assert_eq!(seen, expected);
    });
}

#[test]
fn several_barriers_are_caught_up_with() {
    pollster::block_on(async {
        in_every_world(async |world| {
            let [alice, bob, carol] = people(world, ["alice", "bob", "carol"]).await;
            let chat = world.conversation(alice, &[bob]).await;
            world.offline(bob);
            for n in 0..4 {
                add(world, alice, chat, carol).await;
                world.say(carol, chat, &format!("here for the {n}th time")).await;
                world.settle().await;
                remove(world, alice, chat, carol).await;
                world.say(alice, chat, &format!("gone for the {n}th time")).await;
                world.settle().await;
            }
            world.online(bob);
            world.settle().await;
            assert_eq!(world.texts(bob, chat).await, world.texts(alice, chat).await);
            assert_eq!(world.texts(bob, chat).await.len(), 8);
            assert_eq!(world.members(bob, chat).await.len(), 2);
            world.assert_works(&[alice, bob], chat).await;
        })
        .await;
    });
}

#[test]
fn clocks_that_differ_by_a_year_decide_alike() {
    pollster::block_on(async {
        let mut world = World::new();
        let [alice, bob, carol, dave] = people(&mut world, ["alice", "bob", "carol", "dave"]).await;
        world.devices[bob.0].skew = -(365 * DAY as i64);
        world.devices[carol.0].skew = 365 * DAY as i64;
        for who in [bob, carol] {
            world.restart(who).await;
        }
        let chat = world.conversation(alice, &[bob, carol]).await;
        add(&mut world, bob, chat, dave).await;
        world.want(carol, Intent::Rename { conversation: chat, title: "Tea".into() }).await;
        world.settle().await;
        let all = [alice, bob, carol, dave];
        world.assert_works(&all, chat).await;
        assert_eq!(world.epochs(&all, chat).await.len(), 1);
        remove(&mut world, alice, chat, carol).await;
        world.assert_works(&[alice, bob, dave], chat).await;
    });
}

#[test]
fn one_who_comes_back_after_200_days_decides_like_the_others() {
    pollster::block_on(async {
        let mut world = World::new();
        let [alice, bob, carol, dave] = people(&mut world, ["alice", "bob", "carol", "dave"]).await;
        let chat = world.conversation(alice, &[bob, carol]).await;
        world.offline(bob);
        world.say(alice, chat, "early").await;
        add(&mut world, carol, chat, dave).await;
        world.now += 100 * DAY;
        remove(&mut world, alice, chat, carol).await;
        world.now += 100 * DAY;
        world.say(dave, chat, "late").await;
        world.settle().await;
        world.online(bob);
        world.restart(bob).await;
        world.settle().await;
        assert_eq!(
            world.timeline(bob, chat).await,
            [
                "* alice added me",
                "* 1 missed",
                "* carol added dave (dave's laptop)",
                "* alice removed carol",
                "dave: late"
            ]
        );
        let all = [alice, bob, dave];
        assert_eq!(world.epochs(&all, chat).await.len(), 1);
        world.assert_works(&all, chat).await;
        // Key packages that lay at the relay for 200 days are still good.
        let later = world.conversation(dave, &[bob, carol]).await;
        world.assert_works(&[dave, bob, carol], later).await;
    });
}

#[test]
fn what_got_too_old_while_a_device_was_away_is_counted_and_the_rest_is_read() {
    pollster::block_on(async {
        in_every_world(async |world| {
            let [alice, bob, carol] = people(world, ["alice", "bob", "carol"]).await;
            let chat = world.conversation(alice, &[bob, carol]).await;
            world.say(bob, chat, "see you").await;
            world.settle().await;
            world.offline(bob);
            for n in 0..5 {
                world.say(alice, chat, &format!("old {n}")).await;
                world.settle().await;
            }
            // A commit that no line is shown of, between them.
            world.want(carol, Intent::SelfUpdate { conversation: chat }).await;
            world.settle().await;
            world.say(carol, chat, "old as well").await;
            world.settle().await;
            world.now += 31 * DAY;
            // In the same epoch as the last one that is gone: her running hash is over it.
            world.say(carol, chat, "new").await;
            world.settle().await;
            // Bob gets a few rows at a time.
            world.relay.set_tamper(|_, answer| {
                if let Answer::Rows(rows) = answer {
                    rows.rows.truncate(2);
                }
            });
            world.online(bob);
            world.settle().await;
            let shown = world.timeline(bob, chat).await;
            assert_eq!(shown, ["* alice added me", "I: see you", "* 6 missed", "carol: new"]);
            world.assert_works(&[alice, bob, carol], chat).await;
            for who in [alice, bob, carol] {
                let shown = world.timeline(who, chat).await;
                assert!(!shown.iter().any(|line| line.contains("disagrees")), "{shown:#?}");
            }
        })
        .await;
    });
}

#[test]
fn an_own_message_whose_answer_was_lost_is_not_sent_again_after_it_is_gone() {
    pollster::block_on(async {
        in_every_world(async |world| {
            let [alice, bob] = people(world, ["alice", "bob"]).await;
            let chat = world.conversation(alice, &[bob]).await;
            world.say(bob, chat, "once").await;
            'sent: loop {
                let now = world.clock(bob);
                let Ok(pending) = world.engine(bob).outgoing(now).await else {
                    world.restart(bob).await;
                    continue;
                };
                for request in pending.requests {
                    if let Request::AppendMessages(_) = request.request {
                        world.call(bob, &request).await.expect("it arrives");
                        break 'sent;
                    }
                    world.exchange(bob, request).await;
                }
            }
            world.offline(bob);
            world.restart(bob).await;
            world.settle().await;
            assert_eq!(world.timeline(bob, chat).await.last().unwrap(), "I (once)");
            assert_eq!(world.texts(alice, chat).await, ["once"]);
            world.now += 40 * DAY;
            world.online(bob);
            world.restart(bob).await;
            world.settle().await;
            assert_eq!(world.timeline(bob, chat).await, ["* alice added me", "I: once"]);
            assert_eq!(world.texts(alice, chat).await, ["once"]);
            world.assert_works(&[alice, bob], chat).await;
        })
        .await;
    });
}

#[test]
fn one_who_was_away_for_longer_than_commits_are_kept_is_told_so() {
    pollster::block_on(async {
        let mut world = World::new();
        let [alice, bob, carol] = people(&mut world, ["alice", "bob", "carol"]).await;
        let chat = world.conversation(alice, &[bob]).await;
        let quiet = world.conversation(bob, &[alice]).await;
        world.offline(bob);
        add(&mut world, alice, chat, carol).await;
        world.now += 366 * DAY;
        world.say(carol, chat, "anybody there?").await;
        world.settle().await;
        world.online(bob);
        world.restart(bob).await;
        for _ in 0..6 {
            world.settle().await;
            world.now += 40_000;
        }
        assert_eq!(world.state(bob, chat), ConversationState::Stopped(StopReason::StateTooOld));
        // Where nobody committed anything, he can go on.
        world.assert_works(&[alice, bob], quiet).await;
        world.assert_works(&[alice, carol], chat).await;
    });
}

#[test]
fn a_request_with_messages_that_are_gone_can_be_accepted_and_answered() {
    pollster::block_on(async {
        let mut world = World::new();
        let [alice, bob] = people(&mut world, ["alice", "bob"]).await;
        let chat = world.start(alice, &[bob]).await;
        world.settle().await;
        world.offline(bob);
        world.say(alice, chat, "hello?").await;
        world.settle().await;
        world.now += 40 * DAY;
        world.online(bob);
        world.settle().await;
        let shown = world.timeline(bob, chat).await;
        assert_eq!(shown, ["* alice added me", "* 1 missed"]);
        world.accept(bob, chat).await;
        world.say(bob, chat, "yes?").await;
        world.settle().await;
        assert_eq!(world.timeline(bob, chat).await.last().unwrap(), "I: yes?");
        world.assert_works(&[alice, bob], chat).await;
    });
}

/// Rows of the log that a device has not processed, pushed in frames.
fn frames(world: &World, rows: &[Row]) -> Vec<FromRelay> {
    let group_id = world.relay.groups()[0];
    rows.iter().map(|row| FromRelay::Rows { group_id, rows: vec![row.clone()] }).collect()
}

#[test]
fn pushed_frames_in_any_order_twice_or_with_gaps_change_nothing() {
    pollster::block_on(async {
        let mut world = World::new();
        let [alice, bob, carol] = people(&mut world, ["alice", "bob", "carol"]).await;
        let chat = world.conversation(alice, &[bob, carol]).await;
        world.say(bob, chat, "I am here").await;
        world.settle().await;
        let before = world.relay.rows().len();
        world.offline(bob);
        for n in 0..12 {
            world.say(if n % 2 == 0 { alice } else { carol }, chat, &format!("text {n}")).await;
            if n == 5 {
                world.want(carol, Intent::SelfUpdate { conversation: chat }).await;
            }
            world.settle().await;
        }
        world.relay.set_offline(world.device_id(bob), false);
        let new = world.relay.rows()[before..].to_vec();
        let expected = world.texts(alice, chat).await;
        for seed in 0..40 {
            let mut dice = Dice(seed);
            let mut world = world.fork().await;
            // Started, caught up with what there was, and connected.
            let cut = before as u64;
            world.relay.set_tamper(move |_, answer| match answer {
                Answer::Rows(rows) => {
                    rows.rows.retain(|row| row.sequence <= cut);
                    rows.head = cut;
                }
                Answer::Heads(heads) => heads.heads.iter_mut().for_each(|head| *head = Some(cut)),
                _ => {}
            });
            while world.step(bob).await {}
            world.push(bob, vec![FromRelay::Welcome]).await;
            let mut pushed = frames(&world, &new);
            for _ in 0..dice.below(6) {
                pushed.push(pushed[dice.below(pushed.len())].clone());
            }
            if dice.below(2) == 0 {
                dice.shuffle(&mut pushed);
            }
            for _ in 0..dice.below(4) {
                pushed.remove(dice.below(pushed.len()));
            }
            while !pushed.is_empty() {
                let some = pushed.drain(..(1 + dice.below(5)).min(pushed.len())).collect();
                world.push(bob, some).await;
            }
            world.relay.be_honest();
            world.settle().await;
            assert_eq!(world.texts(bob, chat).await, expected, "seed {seed}");
            assert_eq!(world.state(bob, chat), ConversationState::Active);
            let ids: std::collections::BTreeSet<_> =
                world.items(bob, chat).await.into_iter().map(|item| item.id).collect();
            assert_eq!(ids.len(), world.items(bob, chat).await.len(), "each item has an id of its own");
        }
    });
}

#[test]
fn rows_that_are_pushed_while_they_are_fetched_are_shown_once() {
    pollster::block_on(async {
        let mut world = World::new();
        let [alice, bob] = people(&mut world, ["alice", "bob"]).await;
        let chat = world.conversation(alice, &[bob]).await;
        world.settle().await;
        world.push(bob, vec![FromRelay::Welcome]).await;
        world.say(alice, chat, "one").await;
        while world.step(alice).await {}
        let group_id = world.relay.groups()[0];
        let head = world.relay.rows().len() as u64;
        world.push(bob, vec![FromRelay::Head { group_id, head }]).await;
        let now = world.clock(bob);
        let pending = world.engine(bob).outgoing(now).await.expect("outgoing");
        let mut answers = Vec::new();
        for request in pending.requests {
            let reply = world.call(bob, &request).await.expect("a reply");
            answers.push((request.id, reply));
        }
        world.say(alice, chat, "two").await;
        while world.step(alice).await {}
        let rows = world.relay.rows();
        world.push(bob, vec![FromRelay::Rows { group_id, rows }]).await;
        for (id, reply) in answers {
            world.engine(bob).confirm(id, reply, now).await.expect("confirmed");
        }
        world.settle().await;
        assert_eq!(world.texts(bob, chat).await, ["one", "two"]);
        assert_eq!(world.state(bob, chat), ConversationState::Active);
    });
}
