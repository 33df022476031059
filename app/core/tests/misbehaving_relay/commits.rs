//! Commits that it changes, and what it leaves out before them.

use super::*;

/// Alice writes three texts and renames the conversation while bob is away, and the relay changes what he reads when he
/// is back.
async fn bob_reads_up_to_a_commit(change: impl Fn(&mut Vec<Row>, [MessageId; 3]) + 'static) -> Vec<String> {
    let mut scene = Scene::new("carol").await;
    let (alice, bob, carol, chat) = (scene.alice, scene.bob, scene.third, scene.chat);
    scene.world.offline(bob);
    let ids = [scene.say(alice, "one").await, scene.say(alice, "two").await, scene.say(alice, "three").await];
    scene.world.want(alice, Intent::Rename { conversation: chat, title: "Tea".into() }).await;
    scene.world.settle().await;
    scene.lie_to_bob(move |rows| change(rows, ids));
    scene.world.online(bob);
    scene.world.settle().await;
    assert_eq!(scene.world.epochs(&[alice, bob, carol], chat).await.len(), 1, "bob merged it");
    let of_carol = scene.world.timeline(carol, chat).await;
    assert_eq!(of_carol[1..], ["alice: one", "alice: two", "alice: three", "* alice renamed to Tea"]);
    let timeline = scene.world.timeline(bob, chat).await;
    scene.assert_others_go_on().await;
    timeline
}

#[test]
fn the_last_messages_before_a_commit_can_not_be_left_out_or_damaged_unnoticed() {
    pollster::block_on(async {
        let leave_out = |rows: &mut Vec<Row>, ids: [MessageId; 3]| {
            let Some(at) = rows.iter().position(|row| row.message_id == ids[1]) else { return };
            rows.drain(at..at + 2);
            rows[at..].iter_mut().for_each(|row| row.sequence -= 2);
        };
        let timeline = bob_reads_up_to_a_commit(leave_out).await;
        assert_eq!(
            timeline,
            ["* alice added me", "alice: one", "* alice saw other rows", "* alice renamed to Tea"]
        );
        let damage = |rows: &mut Vec<Row>, ids: [MessageId; 3]| {
            change_row(ids[2], |row| *row.ciphertext.last_mut().expect("bytes") ^= 1)(rows);
        };
        let timeline = bob_reads_up_to_a_commit(damage).await;
        let [.., unreadable, disagrees, renamed] = &timeline[..] else { panic!("{timeline:?}") };
        assert_eq!(
            [unreadable, disagrees, renamed],
            ["unreadable: Undecryptable", "* alice saw other rows", "* alice renamed to Tea"]
        );
    });
}

impl Scene {
    /// Alice writes "two" and "three" while carol's commit is on its way, and bob is away.
    async fn messages_cross_a_commit(&mut self, intent: Intent) -> [MessageId; 2] {
        let (alice, carol) = (self.alice, self.third);
        self.say(alice, "one").await;
        self.world.want(carol, intent).await;
        let now = self.world.clock(carol);
        let slow = loop {
            let requests = self.world.engine(carol).outgoing(now).await.expect("requests").requests;
            if requests.iter().any(|request| matches!(request.request, Request::AppendCommit(_))) {
                break requests;
            }
            assert!(!requests.is_empty(), "there is a commit");
            for request in requests {
                self.world.exchange(carol, request).await;
            }
        };
        self.world.offline(self.bob);
        let mut crossing = Vec::new();
        for text in ["two", "three"] {
            let intent = Intent::SendText { conversation: self.chat, text: text.into() };
            let Accepted::Queued(item) = self.world.want(alice, intent).await else { panic!("not queued") };
            crossing.push(MessageId(item.0));
            while self.world.step(alice).await {}
        }
        for request in slow {
            self.world.exchange(carol, request).await;
        }
        self.world.settle().await;
        [crossing[0], crossing[1]]
    }

    fn rename(&self) -> Intent {
        Intent::Rename { conversation: self.chat, title: "Tea".into() }
    }

    /// What bob sees when he is back, if the relay leaves these messages out for him.
    async fn bob_reads_without(&mut self, left_out: [MessageId; 2]) -> Vec<String> {
        self.lie_to_bob(move |rows| {
            let Some(at) = rows.iter().position(|row| row.message_id == left_out[0]) else { return };
            rows.drain(at..at + 2);
            rows[at..].iter_mut().for_each(|row| row.sequence -= 2);
        });
        self.world.online(self.bob);
        self.world.settle().await;
        let timeline = self.world.timeline(self.bob, self.chat).await;
        self.assert_others_go_on().await;
        timeline
    }
}

#[test]
fn a_commit_that_crosses_messages_disagrees_with_nobody() {
    pollster::block_on(async {
        let mut scene = Scene::new("carol").await;
        scene.messages_cross_a_commit(scene.rename()).await;
        scene.say(scene.alice, "four").await;
        scene.world.online(scene.bob);
        scene.world.settle().await;
        for (who, name) in [(scene.alice, "carol"), (scene.bob, "carol"), (scene.third, "I")] {
            let timeline = scene.world.timeline(who, scene.chat).await;
            let [.., one, two, three, renamed, four] = &timeline[..] else { panic!("{timeline:?}") };
            for (line, text) in [(one, ": one"), (two, ": two"), (three, ": three"), (four, ": four")] {
                assert!(line.ends_with(text) && !line.contains("disagrees"), "{timeline:?}");
            }
            assert_eq!(*renamed, format!("* {name} renamed to Tea"));
        }
        scene.assert_others_go_on().await;
    });
}

#[test]
fn what_is_left_out_while_a_commit_is_on_its_way_is_noticed_in_the_next_epoch() {
    pollster::block_on(async {
        let mut scene = Scene::new("carol").await;
        let crossing = scene.messages_cross_a_commit(scene.rename()).await;
        scene.say(scene.alice, "four").await;
        assert_eq!(
            scene.bob_reads_without(crossing).await,
            ["* alice added me", "alice: one", "* carol renamed to Tea", "alice disagrees: four"]
        );
    });
}

/// Dave, who came with the commit, can't know what was before. He refreshes his keys after his first message, so what
/// alice writes is two epochs later.
#[test]
fn what_is_left_out_is_noticed_when_only_a_newcomer_spoke_in_the_next_epoch() {
    pollster::block_on(async {
        let mut scene = Scene::new("carol").await;
        let dave = scene.world.sign_up("dave").await;
        scene.world.settle().await;
        let crossing = scene.messages_cross_a_commit(scene.add(dave)).await;
        scene.world.accept(dave, scene.chat).await;
        let before = scene.world.epochs(&[scene.alice], scene.chat).await;
        scene.say(dave, "I am new").await;
        assert_ne!(scene.world.epochs(&[scene.alice], scene.chat).await, before, "dave has new keys");
        scene.say(scene.alice, "four").await;
        assert_eq!(
            scene.bob_reads_without(crossing).await,
            [
                "* alice added me",
                "alice: one",
                "* carol added dave (dave's laptop)",
                "dave: I am new",
                "alice disagrees: four"
            ]
        );
    });
}

#[test]
fn who_joins_disagrees_with_nobody_about_what_was_before() {
    pollster::block_on(async {
        let mut scene = Scene::new("carol").await;
        scene.messages_cross_a_commit(scene.rename()).await;
        scene.world.online(scene.bob);
        let dave = scene.world.sign_up("dave").await;
        scene.world.settle().await;
        scene.world.want(scene.alice, scene.add(dave)).await;
        scene.world.settle().await;
        scene.world.accept(dave, scene.chat).await;
        for round in 0..3 {
            for who in [scene.alice, scene.bob, dave, scene.third] {
                scene.say(who, &format!("hello {round}")).await;
                scene.world.restart(who).await;
            }
            let title = format!("Tea {round}");
            scene.world.want(scene.bob, Intent::Rename { conversation: scene.chat, title }).await;
            scene.world.settle().await;
        }
        for who in [scene.alice, scene.bob, scene.third, dave] {
            let timeline = scene.world.timeline(who, scene.chat).await;
            assert_eq!(timeline.iter().filter(|line| line.contains(": hello ")).count(), 12, "{timeline:?}");
            assert!(!timeline.iter().any(|line| line.contains("disagrees")), "{timeline:?}");
        }
    });
}

/// Alice renames the conversation, and the relay changes the commit that bob reads.
async fn bob_reads_a_commit(change: impl Fn(&mut Row) + Copy + 'static) -> ConversationState {
    let mut scene = Scene::new("carol").await;
    scene.world.offline(scene.bob);
    let rename = Intent::Rename { conversation: scene.chat, title: "Tea".into() };
    scene.world.want(scene.alice, rename).await;
    scene.world.settle().await;
    let commit = scene.rows().pop().expect("a commit");
    assert_eq!(commit.kind, Kind::Commit);
    scene.lie_to_bob(change_row(commit.message_id, change));
    scene.world.online(scene.bob);
    scene.settle_with_patience().await;
    let state = scene.world.state(scene.bob, scene.chat);
    assert!(!scene.world.engine(scene.bob).conversations().iter().any(|summary| summary.titled));
    scene.assert_others_go_on().await;
    state
}

#[test]
fn a_commit_that_was_tampered_with_is_not_merged() {
    pollster::block_on(async {
        let flip = |row: &mut Row| *row.ciphertext.last_mut().expect("bytes") ^= 1;
        let state = bob_reads_a_commit(flip).await;
        assert_eq!(state, ConversationState::Stopped(StopReason::CommitUnreadable));
        assert_accused(&bob_reads_a_commit(|row| row.message_id = MessageId([3; 16])).await);
        assert_accused(&bob_reads_a_commit(|row| row.commit = None).await);
        for change in [
            (|row| row.commit.as_mut().expect("a mark").next_token_hash = Hash([3; 32])) as fn(&mut Row),
            |row| row.commit.as_mut().expect("a mark").barrier = true,
        ] {
            let state = bob_reads_a_commit(change).await;
            let ConversationState::Stopped(StopReason::CommitRefused { from, .. }) = state else {
                panic!("{state:?}");
            };
            assert_eq!(from.expect("a sender").address, "alice@example.org");
        }
    });
}

#[test]
fn an_own_commit_with_another_mark_is_not_merged() {
    pollster::block_on(async {
        let mut scene = Scene::new("carol").await;
        let known: Vec<MessageId> = scene.rows().into_iter().map(|row| row.message_id).collect();
        let bob = scene.world.device_id(scene.bob);
        scene.world.relay.set_tamper(move |to, answer| match answer {
            Answer::Rows(rows) if to == bob => {
                for row in rows.rows.iter_mut().filter(|row| !known.contains(&row.message_id)) {
                    if let Some(mark) = &mut row.commit {
                        mark.next_token_hash = Hash([3; 32]);
                    }
                }
            }
            _ => {}
        });
        let rename = Intent::Rename { conversation: scene.chat, title: "Tea".into() };
        scene.world.want(scene.bob, rename).await;
        scene.settle_with_patience().await;
        assert_accused(&scene.world.state(scene.bob, scene.chat));
        scene.world.relay.be_honest();
        scene.world.assert_works(&[scene.alice, scene.third], scene.chat).await;
    });
}

#[test]
fn a_commit_is_never_gone() {
    pollster::block_on(async {
        assert_accused(&bob_reads_a_commit(gone).await);
        let as_a_message = |row: &mut Row| {
            gone(row);
            row.kind = Kind::Application;
            row.commit = None;
        };
        // Told as a message: the relay gets no further, since it has no row of this epoch to give.
        let mut scene = Scene::new("carol").await;
        scene.world.offline(scene.bob);
        let rename = Intent::Rename { conversation: scene.chat, title: "Tea".into() };
        scene.world.want(scene.alice, rename).await;
        scene.world.settle().await;
        let commit = scene.rows().pop().expect("a commit");
        scene.say(scene.alice, "in the new epoch").await;
        scene.lie_to_bob(change_row(commit.message_id, as_a_message));
        scene.world.online(scene.bob);
        scene.settle_with_patience().await;
        assert_accused(&scene.world.state(scene.bob, scene.chat));
        scene.assert_others_go_on().await;
    });
}
