//! Many commits for one epoch: the first wins, and the others make their wish again. Nobody forks.

use haven_bridge::{ConversationId, ItemContent, Line};
use haven_core::{
    intent::Intent,
    request::{Outgoing, Rejection, Request},
    testing::{Who, World, in_every_world},
};
use haven_wire::{group::Kind, push::FromRelay};

/// The lines and texts of a timeline as all members must see them alike: by everybody's address, oneself included.
async fn history(world: &mut World, who: Who, chat: ConversationId) -> Vec<String> {
    let me = world.address(who);
    let mut history = Vec::new();
    for item in world.items(who, chat).await {
        let name = |who: Option<haven_bridge::PersonRef>| who.map_or(me.clone(), |person| person.address);
        history.push(match item.content {
            ItemContent::Sent { text, .. } => format!("{me}: {text}"),
            ItemContent::Received { from, text, disagrees: false, .. } => format!("{}: {text}", from.address),
            ItemContent::Line(Line::Renamed { who, title }) => format!("{} renamed {title}", name(who)),
            ItemContent::Line(Line::Added { who, added }) => {
                let added: Vec<_> = added.into_iter().map(|(person, _)| person.address).collect();
                format!("{} added {added:?}", name(who))
            }
            ItemContent::Line(Line::Started { .. } | Line::YouWereAdded { .. }) => continue,
            other => panic!("{other:?}"),
        });
    }
    history
}

async fn assert_one_history(world: &mut World, all: &[Who], chat: ConversationId) {
    let expected = history(world, all[0], chat).await;
    let members = world.members(all[0], chat).await;
    let title = world.engine(all[0]).conversations()[0].title.clone();
    for who in all {
        assert_eq!(history(world, *who, chat).await, expected, "{who:?}");
        assert_eq!(world.members(*who, chat).await, members, "{who:?}");
        let summary = world.engine(*who).conversations().remove(0);
        if summary.titled {
            assert_eq!(summary.title, title, "{who:?}");
        }
    }
    assert_eq!(world.epochs(all, chat).await.len(), 1, "one epoch, with one authenticator");
}

async fn crowd(world: &mut World, count: usize) -> Vec<Who> {
    let mut all = Vec::new();
    for n in 0..count {
        all.push(world.sign_up(&format!("member{n:02}")).await);
    }
    world.settle().await;
    all
}

#[test]
fn twenty_devices_that_commit_at_once_come_to_one_history() {
    pollster::block_on(async {
        let mut world = World::new();
        let all = crowd(&mut world, 20).await;
        let guests =
            [world.sign_up("guest1").await, world.sign_up("guest2").await, world.sign_up("guest3").await];
        world.settle().await;
        let chat = world.conversation(all[0], &all[1..]).await;
        for (n, who) in all.iter().enumerate() {
            let intent = match n % 3 {
                0 => Intent::Rename { conversation: chat, title: format!("title {n}") },
                1 => Intent::SelfUpdate { conversation: chat },
                _ => Intent::AddPeople {
                    conversation: chat,
                    addresses: vec![world.address(guests[n / 3 % guests.len()])],
                },
            };
            world.want(*who, intent).await;
            world.say(*who, chat, &format!("text {n}")).await;
        }
        world.settle().await;
        for guest in guests {
            world.accept(guest, chat).await;
        }
        assert_one_history(&mut world, &all, chat).await;
        let texts = world.texts(all[0], chat).await;
        for n in 0..20 {
            assert_eq!(texts.iter().filter(|text| **text == format!("text {n}")).count(), 1, "{n}");
        }
        let talkers = [all[0], all[7], all[19], guests[0], guests[2]];
        world.assert_works(&talkers, chat).await;
        assert_eq!(world.members(all[3], chat).await.len(), 23);
    });
}

#[test]
fn five_devices_that_commit_at_once_come_to_one_history_whatever_restarts() {
    pollster::block_on(async {
        in_every_world(async |world| {
            let all = crowd(world, 5).await;
            let chat = world.conversation(all[0], &all[1..]).await;
            for round in 0..2 {
                for (n, who) in all.iter().enumerate() {
                    let title = format!("title {round} {n}");
                    world.want(*who, Intent::Rename { conversation: chat, title }).await;
                    world.want(*who, Intent::SelfUpdate { conversation: chat }).await;
                }
                world.settle().await;
            }
            assert_one_history(world, &all, chat).await;
            world.assert_works(&all, chat).await;
        })
        .await;
    });
}

#[test]
fn two_people_who_add_the_same_person_at_once_add_one() {
    pollster::block_on(async {
        in_every_world(async |world| {
            let all = crowd(world, 4).await;
            let (chat, new) = (world.conversation(all[0], &all[1..3]).await, all[3]);
            for who in &all[..3] {
                let addresses = vec![world.address(new)];
                world.want(*who, Intent::AddPeople { conversation: chat, addresses }).await;
            }
            world.settle().await;
            world.accept(new, chat).await;
            assert_eq!(world.members(all[1], chat).await.len(), 4);
            assert_one_history(world, &all[..3], chat).await;
            world.assert_works(&all, chat).await;
        })
        .await;
    });
}

#[test]
fn a_message_that_meets_a_commit_is_encrypted_again_and_sent_once() {
    pollster::block_on(async {
        in_every_world(async |world| {
            let all = crowd(world, 3).await;
            let chat = world.conversation(all[0], &all[1..]).await;
            for n in 0..6 {
                // Both want to write to the log of the same epoch, and neither knows of the other.
                world.say(all[1], chat, &format!("text {n}")).await;
                world.want(all[2], Intent::SelfUpdate { conversation: chat }).await;
                world.settle().await;
            }
            let expected: Vec<_> = (0..6).map(|n| format!("text {n}")).collect();
            for who in all {
                assert_eq!(world.texts(who, chat).await, expected);
            }
        })
        .await;
    });
}

#[test]
fn of_the_commits_of_one_epoch_the_log_holds_one() {
    pollster::block_on(async {
        let mut world = World::new();
        let all = crowd(&mut world, 6).await;
        let chat = world.conversation(all[0], &all[1..]).await;
        for who in &all {
            world.want(*who, Intent::SelfUpdate { conversation: chat }).await;
        }
        world.settle().await;
        let rows = world.relay.rows();
        let commits: Vec<u64> =
            rows.iter().filter(|row| row.kind == Kind::Commit).map(|row| row.epoch).collect();
        assert_eq!(commits, (0..commits.len() as u64).collect::<Vec<_>>());
        assert_eq!(commits.len(), 7);
    });
}

#[test]
fn a_wish_that_fails_leaves_the_commit_of_another_alone() {
    pollster::block_on(async {
        let mut world = World::new();
        let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bob").await);
        world.settle().await;
        let chat = world.conversation(alice, &[bob]).await;
        world.settle().await;
        world.want(alice, Intent::Rename { conversation: chat, title: "Tea".into() }).await;
        let now = world.clock(alice);
        let slow = world.engine(alice).outgoing(now).await.expect("requests").requests;
        assert!(slow.iter().any(|request| matches!(request.request, Request::AppendCommit(_))));
        // Meanwhile the relay says that it knows no such person.
        let addresses = vec!["nobody".into()];
        world.want(alice, Intent::AddPeople { conversation: chat, addresses }).await;
        while world.step(alice).await {}
        for request in slow {
            world.exchange(alice, request).await;
        }
        world.settle().await;
        world.assert_works(&[alice, bob], chat).await;
        assert_eq!(world.engine(bob).conversations()[0].title, "Tea");
    });
}

#[test]
fn a_commit_that_waits_for_its_answer_claims_no_key_packages_again() {
    pollster::block_on(async {
        let mut world = World::new();
        let [alice, bob, carol] =
            [world.sign_up("alice").await, world.sign_up("bob").await, world.sign_up("carol").await];
        world.settle().await;
        let chat = world.conversation(alice, &[bob]).await;
        world.settle().await;
        let before = world.relay.left(world.device_id(carol)).0;
        let addresses = vec!["carol".into()];
        world.want(alice, Intent::AddPeople { conversation: chat, addresses }).await;
        world.step(alice).await;
        let now = world.clock(alice);
        let slow = world.engine(alice).outgoing(now).await.expect("requests").requests;
        assert!(slow.iter().any(|request| matches!(request.request, Request::AppendCommit(_))));
        for _ in 0..3 {
            world.restart(alice).await;
            world.step(alice).await;
        }
        assert_eq!(world.relay.left(world.device_id(carol)).0, before - 1);
        world.settle().await;
        world.accept(carol, chat).await;
        world.assert_works(&[alice, bob, carol], chat).await;
    });
}

/// A socket may bring an own row before the answer to the call that wrote it.
#[test]
fn a_commit_that_is_met_before_its_answer_comes_holds_up_nothing() {
    pollster::block_on(async {
        let mut world = World::new();
        let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bob").await);
        world.settle().await;
        let chat = world.conversation(alice, &[bob]).await;
        let group_id = world.engine(alice).group_id(chat);
        world.want(alice, Intent::Rename { conversation: chat, title: "first".into() }).await;
        let now = world.clock(alice);
        let mut committed = false;
        for request in world.engine(alice).outgoing(now).await.expect("outgoing").requests {
            let reply = world.call(alice, &request).await.expect("taken");
            if matches!(request.request, Request::AppendCommit(_)) {
                let rows = world.relay.rows().split_off(world.relay.rows().len() - 1);
                world.push(alice, vec![FromRelay::Rows { group_id, rows }]).await;
                committed = true;
            }
            world.engine(alice).confirm(request.id, reply, now).await.expect("confirmed");
        }
        assert!(committed);
        world.want(alice, Intent::Rename { conversation: chat, title: "second".into() }).await;
        world.say(alice, chat, "after it").await;
        for request in world.engine(alice).outgoing(now).await.expect("outgoing").requests {
            world.engine(alice).reject(request.id, Rejection::Unreachable, now).await.expect("rejected");
        }
        world.now += 60_000;
        world.settle().await;
        assert_eq!(world.engine(bob).conversations()[0].title, "second");
        assert_eq!(world.texts(bob, chat).await, ["after it"]);
    });
}

#[test]
fn what_a_commit_overtook_is_made_again_at_once_when_the_commit_was_met_before_the_answer() {
    pollster::block_on(async {
        for commits in [false, true] {
            let mut world = World::new();
            let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bob").await);
            world.settle().await;
            let chat = world.conversation(alice, &[bob]).await;
            world.assert_works(&[alice, bob], chat).await;
            let group_id = world.engine(alice).group_id(chat);
            let writes = |request: &Outgoing| match request.request {
                Request::AppendCommit(_) => commits,
                Request::AppendMessages(_) => !commits,
                _ => false,
            };
            if commits {
                world.want(alice, Intent::Rename { conversation: chat, title: "Boats".into() }).await;
            } else {
                world.say(alice, chat, "hello").await;
            }
            let now = world.clock(alice);
            let requests = world.engine(alice).outgoing(now).await.expect("outgoing").requests;
            let write = requests.into_iter().find(writes).expect("a write");
            world.want(bob, Intent::SelfUpdate { conversation: chat }).await;
            while world.step(bob).await {}
            let rows = world.relay.rows().split_off(world.relay.rows().len() - 1);
            world.push(alice, vec![FromRelay::Rows { group_id, rows }]).await;
            let refusal = world.call(alice, &write).await.expect_err("its epoch is over");
            world.engine(alice).reject(write.id, refusal, now).await.expect("rejected");
            let requests = world.engine(alice).outgoing(now).await.expect("outgoing").requests;
            assert!(requests.iter().any(writes), "without a pause: {requests:?}");
        }
    });
}
