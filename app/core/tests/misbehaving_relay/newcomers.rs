//! What it shows to somebody who is new in a conversation.

use super::*;

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

/// Somebody is added to whom the relay shows rows that it has changed, which may be the word of whoever sent the Welcome as
/// well. They don't follow, and the others go on.
async fn a_newcomer_is_shown(change: fn(&mut Row)) {
    for knows_alice in [true, false] {
        let mut scene = Scene::new("carol").await;
        let dave = scene.world.sign_up("dave").await;
        scene.world.settle().await;
        if knows_alice {
            scene.world.conversation(dave, &[scene.alice]).await;
        }
        let device = scene.world.device_id(dave);
        scene.world.relay.set_tamper(move |to, answer| match answer {
            Answer::Rows(rows) if to == device => rows.rows.iter_mut().for_each(change),
            _ => {}
        });
        let add = scene.add(dave);
        scene.world.want(scene.alice, add).await;
        scene.settle_with_patience().await;
        if knows_alice {
            let state = scene.world.state(dave, scene.chat);
            assert_eq!(state, ConversationState::Stopped(StopReason::WrongWelcome));
        } else {
            assert!(scene.world.engine(dave).conversations().is_empty());
            let told = |event: &&Event| matches!(event, Event::WelcomeRefused);
            assert_eq!(scene.world.devices[dave.0].told.iter().filter(told).count(), 1);
        }
        scene.assert_others_go_on().await;
    }
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
