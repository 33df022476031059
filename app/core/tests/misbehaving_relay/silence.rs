//! Rows and groups that it keeps back or has lost.

use super::*;

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
fn a_relay_that_ends_the_connection_now_and_then_is_noticed_all_the_same() {
    pollster::block_on(async {
        for takes_nothing in [false, true] {
            let mut scene = Scene::new("carol").await;
            scene.say(scene.alice, "one").await;
            if takes_nothing {
                let group_id = scene.world.engine(scene.bob).group_id(scene.chat);
                scene.world.relay.make_read_only(group_id, Refusal::WrongEpochToken);
                scene.world.say(scene.bob, scene.chat, "two").await;
            } else {
                scene.world.offline(scene.bob);
                let kept_back = scene.say(scene.alice, "two").await;
                scene.lie_to_bob(move |rows| rows.retain(|row| row.message_id != kept_back));
                scene.world.online(scene.bob);
            }
            for _ in 0..8 {
                scene.world.settle().await;
                scene.world.now += 1000;
                scene.world.engine(scene.bob).reconnected();
            }
            assert_accused(&scene.world.state(scene.bob, scene.chat));
        }
    });
}

#[test]
fn a_relay_that_takes_nothing_more_is_asked_with_patience_and_noticed() {
    pollster::block_on(async {
        let no_token = || Refusal::WrongEpochToken;
        // Of an epoch that it shows nothing of.
        let (too_old, wrong) =
            (|| Refusal::EpochTooOld { epoch: 9, head: 2 }, || Refusal::WrongEpoch { epoch: 9, head: 2 });
        let refusals =
            [(false, no_token as fn() -> Refusal), (true, no_token), (false, too_old), (true, wrong)];
        for (rename, refusal) in refusals {
            let mut scene = Scene::new("carol").await;
            scene.say(scene.alice, "one").await;
            let group_id = scene.world.engine(scene.bob).group_id(scene.chat);
            scene.world.relay.make_read_only(group_id, refusal());
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
