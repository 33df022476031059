//! Messages that it changes, relabels, reorders, repeats or leaves out.

use super::*;

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
fn what_waits_in_a_conversation_that_stops_is_said_to_be_not_sent() {
    pollster::block_on(async {
        let mut scene = Scene::new("carol").await;
        scene.world.offline(scene.bob);
        let intent = Intent::SendText { conversation: scene.chat, text: "will it go?".into() };
        let Accepted::Queued(item) = scene.world.want(scene.bob, intent).await else { panic!("not queued") };
        scene.say(scene.alice, "one").await;
        scene.lie_to_bob(|rows| rows.iter_mut().for_each(|row| row.epoch += 1));
        scene.world.online(scene.bob);
        scene.settle_with_patience().await;
        assert_accused(&scene.world.state(scene.bob, scene.chat));
        let said = scene.world.timeline(scene.bob, scene.chat).await;
        assert!(said.contains(&"I failed: will it go?".to_owned()), "{said:?}");
        let again = Intent::Retry { conversation: scene.chat, item: Some(item) };
        assert_eq!(scene.world.want_in_vain(scene.bob, again).await, Failure::ConversationStopped);
        let discard = Intent::Discard { conversation: scene.chat, item };
        scene.world.want(scene.bob, discard).await;
    });
}
