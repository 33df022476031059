//! A relay that lies is noticed: the conversation says so or stops, nothing wrong is merged, and the others go on.

use crate::common::Scene;
use haven_bridge::{ConversationState, Event, Failure, StopReason};
use haven_core::{
    intent::{Accepted, Intent},
    request::Request,
    testing::{Answer, ORIGIN, Who, World, account, key_package},
};
use haven_wire::{
    account::{GetVault, PutVault, Vault},
    group::{Kind, Row},
    ids::{DeviceId, Hash, MessageId},
    limits::MAX_APPEND,
    push::FromRelay,
};

impl Scene {
    async fn say(&mut self, who: Who, text: &str) -> MessageId {
        let intent = Intent::SendText { conversation: self.chat, text: text.into() };
        let Accepted::Queued(item) = self.world.want(who, intent).await else { panic!("not queued") };
        self.world.settle().await;
        MessageId(item.0)
    }

    fn rows(&mut self) -> Vec<Row> {
        let group_id = self.world.engine(self.alice).group_id(self.chat);
        let all = self.world.relay.all_rows().into_iter();
        all.filter(|(group, _)| *group == group_id).map(|(_, row)| row).collect()
    }

    /// From now on the relay changes the conversation's rows for bob.
    fn lie_to_bob(&mut self, change: impl Fn(&mut Vec<Row>) + 'static) {
        let bob = self.world.device_id(self.bob);
        let ids: Vec<MessageId> = self.rows().into_iter().map(|row| row.message_id).collect();
        self.world.relay.set_tamper(move |to, answer| match answer {
            Answer::Rows(rows) if to == bob && rows.rows.iter().any(|row| ids.contains(&row.message_id)) => {
                change(&mut rows.rows);
            }
            _ => {}
        });
    }

    /// Alice writes three texts while bob is away, and the relay changes what he reads when he is back.
    async fn bob_reads(
        mut self,
        change: impl Fn(&mut Vec<Row>, [MessageId; 3]) + 'static,
    ) -> (ConversationState, Vec<String>) {
        self.world.offline(self.bob);
        let mut ids = Vec::new();
        for text in ["one", "two", "three"] {
            ids.push(self.say(self.alice, text).await);
        }
        let ids = [ids[0], ids[1], ids[2]];
        self.lie_to_bob(move |rows| change(rows, ids));
        self.world.online(self.bob);
        self.settle_with_patience().await;
        let state = self.world.state(self.bob, self.chat);
        let timeline = self.world.timeline(self.bob, self.chat).await;
        self.assert_others_go_on().await;
        (state, timeline)
    }

    /// A relay is asked again for a while before it is accused.
    async fn settle_with_patience(&mut self) {
        for _ in 0..6 {
            self.world.settle().await;
            self.world.now += 40_000;
        }
    }

    /// How many conversations are in alice's vault at the relay.
    fn in_the_vault(&mut self) -> usize {
        let vault = self.world.relay.vault(&self.world.address(self.alice)).expect("a vault");
        let account = self.world.engine(self.alice).account();
        account.open_vault(&vault).expect("alice's vault").conversations.len()
    }

    async fn assert_others_go_on(&mut self) {
        self.world.assert_works(&[self.alice, self.bob], self.other).await;
        self.world.assert_works(&[self.alice, self.third], self.chat).await;
    }
}

fn change_row(id: MessageId, change: impl Fn(&mut Row)) -> impl Fn(&mut Vec<Row>) {
    move |rows| rows.iter_mut().filter(|row| row.message_id == id).for_each(&change)
}

fn assert_accused(state: &ConversationState) {
    let accused = matches!(state, ConversationState::Stopped(StopReason::RelayMisbehaved { .. }));
    assert!(accused, "{state:?}");
}

#[test]
fn a_changed_ciphertext_is_shown_as_unreadable_and_later_messages_disagree() {
    pollster::block_on(async {
        let flip = |row: &mut Row| *row.ciphertext.last_mut().expect("bytes") ^= 1;
        let scene = Scene::new("carol").await;
        let (state, timeline) = scene.bob_reads(move |rows, ids| change_row(ids[1], flip)(rows)).await;
        assert_eq!(state, ConversationState::Active);
        assert_eq!(
            timeline,
            ["* alice added me", "alice: one", "unreadable: Undecryptable", "alice disagrees: three"]
        );
    });
}

#[test]
fn a_row_with_another_label_stops_the_conversation() {
    pollster::block_on(async {
        let labels: [fn(&mut Row); 6] = [
            |row| row.epoch += 1,
            |row| row.epoch -= 1,
            |row| row.kind = Kind::Commit,
            |row| row.message_id = MessageId([3; 16]),
            |row| row.ciphertext[8] ^= 1,
            |row| row.ciphertext.clear(),
        ];
        for (n, label) in labels.into_iter().enumerate() {
            let scene = Scene::new("carol").await;
            let (state, timeline) = scene.bob_reads(move |rows, ids| change_row(ids[1], label)(rows)).await;
            assert_accused(&state);
            assert_eq!(timeline, ["* alice added me", "alice: one"], "label {n}");
        }
    });
}

/// What a relay makes of a row that it says is too old.
fn gone(row: &mut Row) {
    row.gone = Some(Hash::of(&row.ciphertext));
    row.ciphertext.clear();
}

#[test]
fn a_recent_message_that_is_said_to_be_too_old_is_told_as_withheld() {
    pollster::block_on(async {
        let scene = Scene::new("carol").await;
        let (state, timeline) = scene.bob_reads(move |rows, ids| change_row(ids[1], gone)(rows)).await;
        assert_eq!(state, ConversationState::Active);
        assert_eq!(timeline, ["* alice added me", "alice: one", "* 1 withheld", "alice: three"]);
    });
}

#[test]
fn a_made_up_hash_of_a_message_that_is_gone_makes_later_messages_disagree() {
    pollster::block_on(async {
        let lie = |row: &mut Row| {
            gone(row);
            row.gone = Some(Hash([3; 32]));
        };
        let scene = Scene::new("carol").await;
        let (state, timeline) = scene.bob_reads(move |rows, ids| change_row(ids[1], lie)(rows)).await;
        assert_eq!(state, ConversationState::Active);
        assert_eq!(timeline, ["* alice added me", "alice: one", "* 1 withheld", "alice disagrees: three"]);
    });
}

/// What bob sees who was away for 40 days, of a relay that changes the rows. All texts are of one epoch.
async fn bob_reads_after_40_days(
    change: impl Fn(&mut Vec<Row>) + 'static,
) -> (ConversationState, Vec<String>) {
    let mut scene = Scene::new("carol").await;
    scene.world.offline(scene.bob);
    scene.say(scene.alice, "old").await;
    scene.world.now += 40 * 24 * 60 * 60 * 1000;
    // Carol writes when she has read it, and before alice refreshes her keys.
    scene.world.say(scene.alice, scene.chat, "one").await;
    scene.world.step(scene.alice).await;
    while scene.world.step(scene.third).await {}
    scene.world.say(scene.third, scene.chat, "two").await;
    scene.world.step(scene.third).await;
    scene.lie_to_bob(change);
    scene.world.online(scene.bob);
    scene.settle_with_patience().await;
    let state = scene.world.state(scene.bob, scene.chat);
    let timeline = scene.world.timeline(scene.bob, scene.chat).await;
    scene.assert_others_go_on().await;
    (state, timeline)
}

#[test]
fn after_a_long_time_away_recent_messages_can_still_not_be_left_out() {
    pollster::block_on(async {
        let of_texts = |rows: &mut Vec<Row>| rows.iter().rposition(|row| row.kind == Kind::Application);
        let (_, timeline) = bob_reads_after_40_days(|_| ()).await;
        assert_eq!(timeline, ["* alice added me", "* 1 missed", "alice: one", "carol: two"]);
        // Without a gap: what follows disagrees.
        let (_, timeline) = bob_reads_after_40_days(move |rows| {
            let Some(last) = of_texts(rows) else { return };
            rows.remove(last - 1);
            rows[last - 1..].iter_mut().for_each(|row| row.sequence -= 1);
        })
        .await;
        assert_eq!(timeline[..3], ["* alice added me", "* 1 missed", "carol disagrees: two"]);
        // With a gap, among them or among what is gone.
        for which in [0, 1] {
            let (state, _) = bob_reads_after_40_days(move |rows| {
                let Some(last) = of_texts(rows) else { return };
                rows.remove(last - 1 - which);
            })
            .await;
            assert_accused(&state);
        }
        // One more that is said to be gone than is.
        let (_, timeline) = bob_reads_after_40_days(move |rows| {
            let Some(at) = rows.iter().position(|row| row.gone.is_some()) else { return };
            let more = Row { message_id: MessageId([3; 16]), gone: Some(Hash([3; 32])), ..rows[at].clone() };
            rows.insert(at + 1, more);
            rows[at + 1..].iter_mut().for_each(|row| row.sequence += 1);
        })
        .await;
        assert_eq!(timeline[1..4], ["* 2 missed", "alice: one", "carol disagrees: two"]);
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

#[test]
fn a_replayed_row_is_shown_as_such_and_hides_nothing() {
    pollster::block_on(async {
        let replay = |rows: &mut Vec<Row>, ids: [MessageId; 3]| {
            let Some(at) = rows.iter().position(|row| row.message_id == ids[1]) else { return };
            let again = rows[at].clone();
            rows.insert(at + 1, again);
            rows[at + 1..].iter_mut().for_each(|row| row.sequence += 1);
        };
        let scene = Scene::new("carol").await;
        let (state, timeline) = scene.bob_reads(replay).await;
        assert_eq!(state, ConversationState::Active);
        assert_eq!(
            timeline,
            ["* alice added me", "alice: one", "alice: two", "unreadable: KeyReused", "alice: three"]
        );
    });
}

#[test]
fn reordered_rows_disagree() {
    pollster::block_on(async {
        let reorder = |rows: &mut Vec<Row>, ids: [MessageId; 3]| {
            let at = rows.iter().position(|row| row.message_id == ids[1]).expect("two");
            rows.swap(at, at + 1);
            rows[at].sequence -= 1;
            rows[at + 1].sequence += 1;
        };
        let scene = Scene::new("carol").await;
        let (_, timeline) = scene.bob_reads(reorder).await;
        assert_eq!(timeline, ["* alice added me", "alice: one", "alice disagrees: three", "alice: two"]);
    });
}

#[test]
fn a_row_left_out_without_a_gap_makes_later_messages_disagree() {
    pollster::block_on(async {
        let leave_out = |rows: &mut Vec<Row>, ids: [MessageId; 3]| {
            let Some(at) = rows.iter().position(|row| row.message_id == ids[1]) else { return };
            rows.remove(at);
            rows[at..].iter_mut().for_each(|row| row.sequence -= 1);
        };
        let scene = Scene::new("carol").await;
        let (_, timeline) = scene.bob_reads(leave_out).await;
        assert_eq!(timeline[..3], ["* alice added me", "alice: one", "alice disagrees: three"]);
    });
}

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

#[test]
fn a_message_that_two_full_requests_overtook_is_compared() {
    pollster::block_on(async {
        let mut scene = Scene::new("carol").await;
        let (alice, bob, carol, chat) = (scene.alice, scene.bob, scene.third, scene.chat);
        scene.world.offline(bob);
        let one = scene.say(alice, "one").await;
        scene.world.say(carol, chat, "overtaken").await;
        let now = scene.world.clock(carol);
        let slow = scene.world.engine(carol).outgoing(now).await.expect("requests").requests;
        for n in 0..2 * MAX_APPEND {
            scene.world.say(alice, chat, &format!("{n}")).await;
        }
        while scene.world.step(alice).await {}
        for request in slow {
            scene.world.exchange(carol, request).await;
        }
        scene.lie_to_bob(change_row(one, |row| *row.ciphertext.last_mut().expect("bytes") ^= 1));
        scene.world.online(bob);
        scene.world.settle().await;
        let timeline = scene.world.timeline(bob, chat).await;
        assert_eq!(timeline[2..][2 * MAX_APPEND], "carol disagrees: overtaken");
    });
}

#[test]
fn a_commit_that_crosses_messages_disagrees_with_nobody() {
    pollster::block_on(async {
        let mut scene = Scene::new("carol").await;
        let (alice, bob, carol, chat) = (scene.alice, scene.bob, scene.third, scene.chat);
        scene.say(alice, "one").await;
        scene.world.want(carol, Intent::Rename { conversation: chat, title: "Tea".into() }).await;
        let now = scene.world.clock(carol);
        let slow = scene.world.engine(carol).outgoing(now).await.expect("requests").requests;
        assert!(slow.iter().any(|request| matches!(request.request, Request::AppendCommit(_))));
        for text in ["two", "three"] {
            scene.world.say(alice, chat, text).await;
            while scene.world.step(alice).await {}
        }
        for request in slow {
            scene.world.exchange(carol, request).await;
        }
        scene.world.settle().await;
        for (who, name) in [(alice, "carol"), (bob, "carol"), (carol, "I")] {
            let timeline = scene.world.timeline(who, chat).await;
            let [.., one, two, three, renamed] = &timeline[..] else { panic!("{timeline:?}") };
            assert!(one.ends_with(": one") && two.ends_with(": two") && three.ends_with(": three"));
            assert_eq!(*renamed, format!("* {name} renamed to Tea"));
        }
        scene.assert_others_go_on().await;
    });
}

#[test]
fn rows_kept_back_stop_the_conversation_after_some_patience() {
    pollster::block_on(async {
        let middle = |rows: &mut Vec<Row>, ids: [MessageId; 3]| rows.retain(|row| row.message_id != ids[1]);
        let tail = |rows: &mut Vec<Row>, ids: [MessageId; 3]| {
            rows.retain(|row| row.message_id != ids[1] && row.message_id != ids[2]);
        };
        let (state, timeline) = Scene::new("carol").await.bob_reads(middle).await;
        assert_accused(&state);
        assert_eq!(timeline, ["* alice added me", "alice: one"]);
        let (state, _) = Scene::new("carol").await.bob_reads(tail).await;
        assert_accused(&state);
    });
}

#[test]
fn a_relay_that_speaks_of_rows_that_never_come_is_asked_with_patience() {
    pollster::block_on(async {
        let mut scene = Scene::new("carol").await;
        let group_id = scene.world.engine(scene.bob).group_id(scene.chat);
        let head = u64::MAX;
        scene.world.push(scene.bob, vec![FromRelay::Head { group_id, head }]).await;
        let before = scene.world.relay.calls();
        scene.world.talk().await;
        let calls = scene.world.relay.calls() - before;
        assert!(calls < 20, "{calls} calls at once");
        scene.settle_with_patience().await;
        assert_accused(&scene.world.state(scene.bob, scene.chat));
        scene.assert_others_go_on().await;
    });
}

#[test]
fn a_relay_that_went_back_in_time_is_noticed() {
    pollster::block_on(async {
        let mut scene = Scene::new("carol").await;
        scene.say(scene.alice, "one").await;
        scene.say(scene.alice, "two").await;
        let bob = scene.world.device_id(scene.bob);
        let ids: Vec<MessageId> = scene.rows().into_iter().map(|row| row.message_id).collect();
        let cut = ids.len() as u64 - 1;
        let known = cut + 1;
        scene.world.relay.set_tamper(move |to, answer| match answer {
            Answer::Rows(rows) if to == bob && rows.head == known => {
                rows.rows.retain(|row| row.sequence <= cut);
                rows.head = cut;
            }
            _ => {}
        });
        scene.world.restart(scene.bob).await;
        scene.settle_with_patience().await;
        assert_accused(&scene.world.state(scene.bob, scene.chat));
        scene.world.relay.be_honest();
        scene.assert_others_go_on().await;
    });
}

#[test]
fn a_group_that_the_relay_lost_is_noticed_while_the_app_runs() {
    pollster::block_on(async {
        let mut scene = Scene::new("carol").await;
        scene.say(scene.alice, "one").await;
        let group_id = scene.world.engine(scene.bob).group_id(scene.chat);
        scene.world.relay.lose(group_id);
        // Bob writes, and alice, who writes nothing, asks for heads.
        scene.world.say(scene.bob, scene.chat, "into the void").await;
        scene.settle_with_patience().await;
        for who in [scene.alice, scene.bob, scene.third] {
            assert_accused(&scene.world.state(who, scene.chat));
        }
        scene.world.assert_works(&[scene.alice, scene.bob], scene.other).await;
    });
}

#[test]
fn a_relay_that_takes_nothing_more_is_asked_with_patience_and_noticed() {
    pollster::block_on(async {
        for rename in [false, true] {
            let mut scene = Scene::new("carol").await;
            scene.say(scene.alice, "one").await;
            let group_id = scene.world.engine(scene.bob).group_id(scene.chat);
            scene.world.relay.make_read_only(group_id);
            let conversation = scene.chat;
            let intent = match rename {
                true => Intent::Rename { conversation, title: "Tea".into() },
                false => Intent::SendText { conversation, text: "two".into() },
            };
            scene.world.want(scene.bob, intent).await;
            let before = scene.world.relay.calls();
            scene.settle_with_patience().await;
            let calls = scene.world.relay.calls() - before;
            assert!(calls < 300, "{calls} calls");
            assert_accused(&scene.world.state(scene.bob, scene.chat));
            // Who wants to write nothing has nothing to complain of.
            assert_eq!(scene.world.state(scene.third, scene.chat), ConversationState::Active);
            scene.world.assert_works(&[scene.alice, scene.bob], scene.other).await;
        }
    });
}

#[test]
fn a_welcome_that_is_gone_is_said() {
    pollster::block_on(async {
        let mut scene = Scene::new("carol").await;
        scene.world.offline(scene.bob);
        let lost = scene.world.start(scene.alice, &[scene.bob]).await;
        scene.world.settle().await;
        scene.world.now += 31 * 24 * 60 * 60 * 1000;
        scene.world.online(scene.bob);
        scene.world.settle().await;
        assert!(scene.world.engine(scene.bob).conversations().iter().all(|summary| summary.id != lost));
        let told = |event: &&Event| matches!(event, Event::WelcomeRefused);
        assert_eq!(scene.world.devices[scene.bob.0].told.iter().filter(told).count(), 1);
        scene.assert_others_go_on().await;
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

/// Somebody joins to whom the relay shows rows that it has changed: they stop, and the others go on.
async fn a_newcomer_is_shown(change: fn(&mut Row)) {
    let mut scene = Scene::new("carol").await;
    let dave = scene.world.sign_up("dave").await;
    scene.world.settle().await;
    let device = scene.world.device_id(dave);
    scene.world.relay.set_tamper(move |to, answer| match answer {
        Answer::Rows(rows) if to == device => rows.rows.iter_mut().for_each(change),
        _ => {}
    });
    let addresses = vec!["dave".into()];
    scene.world.want(scene.alice, Intent::AddPeople { conversation: scene.chat, addresses }).await;
    scene.settle_with_patience().await;
    assert_accused(&scene.world.state(dave, scene.chat));
    scene.assert_others_go_on().await;
}

#[test]
fn a_log_that_begins_with_another_row_than_the_welcome_says_is_not_followed() {
    pollster::block_on(a_newcomer_is_shown(|row| row.ciphertext[60] ^= 1));
}

#[test]
fn a_message_that_is_said_to_be_in_a_row_that_never_comes_is_noticed() {
    pollster::block_on(async {
        let mut scene = Scene::new("carol").await;
        let bob = scene.world.device_id(scene.bob);
        scene.world.relay.set_tamper(move |to, answer| match answer {
            Answer::Appended(appended) if to == bob => appended.sequence = u64::MAX,
            _ => {}
        });
        for text in ["one", "two"] {
            scene.world.say(scene.bob, scene.chat, text).await;
        }
        scene.settle_with_patience().await;
        assert_accused(&scene.world.state(scene.bob, scene.chat));
        scene.world.relay.be_honest();
        scene.assert_others_go_on().await;
    });
}

#[test]
fn a_log_that_begins_beyond_all_reason_is_not_followed() {
    pollster::block_on(a_newcomer_is_shown(|row| row.sequence = u64::MAX));
}

#[test]
fn a_welcome_that_was_changed_or_is_for_somebody_else_is_dropped_and_said_once_a_day() {
    pollster::block_on(async {
        let mut scene = Scene::new("carol").await;
        scene.world.relay.set_tamper(|_, answer| {
            if let Answer::Welcome(welcome) = answer {
                let at = welcome.welcome.len() / 2;
                welcome.welcome[at] ^= 1;
            }
        });
        let told = |scene: &Scene, who: Who| {
            let told = scene.world.devices[who.0].told.iter();
            told.filter(|event| matches!(event, Event::WelcomeRefused)).count()
        };
        for days in [1, 1, 2] {
            let lost = scene.world.start(scene.alice, &[scene.bob]).await;
            scene.world.settle().await;
            assert!(scene.world.engine(scene.bob).conversations().iter().all(|summary| summary.id != lost));
            assert_eq!(told(&scene, scene.bob), days);
            scene.world.now += 13 * 60 * 60 * 1000;
        }
        assert_eq!(told(&scene, scene.third), 0);
        scene.world.relay.be_honest();
        scene.assert_others_go_on().await;
        let next = scene.world.conversation(scene.alice, &[scene.bob]).await;
        scene.world.assert_works(&[scene.alice, scene.bob], next).await;
    });
}

async fn start_with_bob(world: &mut World, alice: Who, bob: Who) -> ConversationState {
    let chat = world.start(alice, &[bob]).await;
    for _ in 0..10 {
        world.talk().await;
        if world.state(alice, chat) != ConversationState::Starting {
            break;
        }
        world.now += 60_000;
    }
    world.state(alice, chat)
}

fn no_device() -> ConversationState {
    ConversationState::StartFailed(Failure::NoDevice { address: "bob@example.org".into() })
}

#[test]
fn key_packages_of_other_devices_and_other_certificates_are_not_added() {
    pollster::block_on(async {
        let mut scene = Scene::new("carol").await;
        let (alice, bob) = (scene.alice, scene.bob);
        let device = |world: &World, who: Who| world.device_id(who);
        let (bobs, carols) = (device(&scene.world, bob), device(&scene.world, scene.third));
        scene.world.relay.swap_pools(bobs, carols);
        assert_eq!(start_with_bob(&mut scene.world, alice, bob).await, no_device());
        scene.world.relay.swap_pools(bobs, carols);
        // Somebody else attests a device of bob's name and number.
        let now = scene.world.now;
        let (impostor, _) = account("bob@example.org", bobs, "bob's laptop", now);
        let stolen = scene.world.devices[bob.0].account.clone();
        let (mallory, _) = account("mallory@example.org", bobs, "laptop", now);
        let spoiled = [
            key_package(&impostor, now, |_| ()),
            key_package(&mallory, now, |_| ()),
            key_package(&stolen, now, |forged| forged.attestation = None),
            key_package(&stolen, now, |forged| forged.identity = b"bob@example.org/x".to_vec()),
            key_package(&stolen, now, |forged| forged.capable = false),
            key_package(&stolen, now, |forged| forged.lifetime.1 = now / 1000 + 1_000_000_000),
            vec![1, 2, 3],
        ];
        for (n, bytes) in spoiled.into_iter().enumerate() {
            scene.world.relay.set_tamper(move |_, answer| {
                if let Answer::Claimed(claimed) = answer {
                    let of_bob = claimed.key_packages.iter_mut().filter(|claimed| claimed.device_id == bobs);
                    of_bob.for_each(|claimed| claimed.key_package = bytes.clone());
                }
            });
            assert_eq!(start_with_bob(&mut scene.world, alice, bob).await, no_device(), "{n}");
        }
        scene.world.relay.be_honest();
        scene.assert_others_go_on().await;
    });
}

#[test]
fn a_changed_certificate_stops_the_start_until_it_is_accepted() {
    pollster::block_on(async {
        let mut scene = Scene::new("carol").await;
        let bob = scene.bob;
        // The relay puts somebody else into bob's place.
        let (old, now) = (scene.world.relay.entry("bob@example.org").expect("an entry"), scene.world.now);
        let bobs = scene.world.device_id(bob);
        let (impostor, entry) = account("bob@example.org", bobs, "new laptop", now);
        let fingerprint = impostor.fingerprint.to_hex();
        let package = key_package(&impostor, now, |_| ());
        let lie = entry.clone();
        scene.world.relay.set_tamper(move |_, answer| {
            if let Answer::Claimed(claimed) = answer
                && claimed.entry == old
            {
                claimed.entry = lie.clone();
                claimed.key_packages.iter_mut().for_each(|one| one.key_package = package.clone());
            }
        });
        let chat = scene.world.start(scene.alice, &[bob]).await;
        scene.world.talk().await;
        let address = "bob@example.org".to_owned();
        let changed =
            Failure::CertificateChanged { address: address.clone(), fingerprint: fingerprint.clone() };
        assert_eq!(scene.world.state(scene.alice, chat), ConversationState::StartFailed(changed));
        let add = Intent::AddPeople { conversation: scene.other, addresses: vec!["carol".into()] };
        scene.world.want(scene.alice, add).await;
        scene.world.want(scene.alice, Intent::AcceptChange { address, fingerprint }).await;
        scene.world.want(scene.alice, Intent::Retry { conversation: chat, item: None }).await;
        scene.world.talk().await;
        assert_eq!(scene.world.state(scene.alice, chat), ConversationState::Active);
        scene.world.relay.be_honest();
        scene.assert_others_go_on().await;
    });
}

#[test]
fn old_and_forked_device_lists_are_noticed() {
    pollster::block_on(async {
        let mut world = World::new();
        let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bob").await);
        world.settle().await;
        let first = world.relay.entry("bob@example.org").expect("an entry");
        let (one, mine) = (world.devices[bob.0].account.clone(), world.relay.entry("alice@example.org"));
        world.sign_in(bob, "bob's phone").await;
        world.sign_in(alice, "alice's phone").await;
        world.settle().await;
        world.conversation(alice, &[bob]).await;
        let second = world.relay.entry("bob@example.org").expect("an entry");
        let (_, forked) =
            haven_core::testing::another_device(&one, &first, DeviceId([77; 16]), "evil", world.now);
        assert_eq!(forked.device_list.sequence, second.device_list.sequence);
        for (n, lie) in [first, forked].into_iter().enumerate() {
            world.relay.set_entry("bob@example.org", lie);
            let state = start_with_bob(&mut world, alice, bob).await;
            let noticed = matches!(state, ConversationState::StartFailed(Failure::RelayMisbehaved { .. }));
            assert!(noticed, "{n}: {state:?}");
        }
        world.relay.set_entry("bob@example.org", second);
        assert_eq!(start_with_bob(&mut world, alice, bob).await, ConversationState::Active);
        // One's own list, too.
        let phone = Who(3);
        world.relay.set_entry("alice@example.org", mine.expect("an entry"));
        let state = start_with_bob(&mut world, phone, bob).await;
        assert!(
            matches!(state, ConversationState::StartFailed(Failure::RelayMisbehaved { .. })),
            "{state:?}"
        );
        assert_eq!(one.origin, ORIGIN);
    });
}

#[test]
fn a_vault_that_is_damaged_or_old_is_asked_for_with_patience_and_said_once() {
    pollster::block_on(async {
        let damaged = |_: &Vault| Vault { version: 9, body: vec![7; 500] };
        let old = |newest: &Vault| Vault { version: 1, ..newest.clone() };
        let seen = Vault::clone;
        for (n, lie) in [damaged, old, seen as fn(&Vault) -> Vault].into_iter().enumerate() {
            let mut scene = Scene::new("carol").await;
            let (alice, bob, address) = (scene.alice, scene.bob, scene.world.address(scene.alice));
            let newest = scene.world.relay.vault(&address).expect("a vault");
            // The relay says that it holds a later one, and never gives that.
            scene.world.relay.set_vault(&address, Vault { version: 9, body: Vec::new() });
            let lie = lie(&newest);
            scene.world.relay.set_tamper(move |_, answer| {
                if let Answer::Vault(vault) = answer {
                    *vault = lie.clone();
                }
            });
            scene.world.conversation(alice, &[bob]).await;
            let calls =
                |world: &World| world.relay.calls_of::<GetVault>() + world.relay.calls_of::<PutVault>();
            let before = calls(&scene.world);
            for _ in 0..7200 {
                scene.world.talk().await;
                scene.world.now += 500;
            }
            let calls = calls(&scene.world) - before;
            assert!((100..140).contains(&calls), "lie {n}: {calls} calls for the vault in an hour");
            let told = |event: &&Event| matches!(event, Event::VaultRefused);
            assert_eq!(scene.world.devices[alice.0].told.iter().filter(told).count(), 1, "lie {n}");
            // Nothing else waits for it: a hint is followed at once, between two tries.
            let hinted = scene.world.start(bob, &[alice]).await;
            scene.world.talk().await;
            scene.world.push(alice, vec![FromRelay::Inbox]).await;
            scene.world.talk().await;
            let known = scene.world.engine(alice).conversations().iter().any(|summary| summary.id == hinted);
            assert!(known, "lie {n}");
            // Once the relay is honest again, nothing is missing in the vault.
            scene.world.relay.be_honest();
            scene.world.relay.set_vault(&address, newest);
            scene.world.now += 60_000;
            scene.world.settle().await;
            assert_eq!(scene.in_the_vault(), 4, "lie {n}");
            scene.assert_others_go_on().await;
        }
    });
}
