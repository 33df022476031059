//! Real engines at the real relay: sign-up, conversations, restarts of both, and what the relay then holds.

mod device;

use crate::common::TestRelay;
use device::Cast;
use haven_bridge::{ConversationId, RequestAnswer};
use haven_core::intent::Intent;
use haven_server::{limits::Rate, routes::push::Patience};
use haven_wire::limits::MAX_DEVICES;

/// A device looks at its person's list as often, in milliseconds.
const LOOKED_AT_EACH: u64 = 6 * 60 * 60 * 1000;

/// A relay with alice, bob and carol, who have signed up. Each start of an engine looks its person up.
async fn cast() -> Cast {
    let look_ups = Rate { burst: 1_000, every_s: 1.0 };
    let relay = TestRelay::start_with(|config| config.limits.look_ups = look_ups, Patience::default()).await;
    let mut cast = Cast::new(relay);
    for name in ["alice", "bob", "carol"] {
        cast.sign_up(name).await;
    }
    cast
}

/// Lets alice start a conversation with bob, who accepts.
async fn introduced(cast: &mut Cast) -> ConversationId {
    let addresses = vec![cast.address("bob")];
    let start = Intent::StartConversation { addresses, title: Some("Zephyrworks".into()) };
    let conversation = cast.start("alice", start).await;
    cast.settle().await;
    let accept = Intent::AnswerRequest { conversation, answer: RequestAnswer::Accept };
    cast.want("bob", accept).await;
    cast.settle().await;
    conversation
}

#[tokio::test]
async fn people_meet_and_talk_through_restarts_of_everything() {
    let mut cast = cast().await;
    let conversation = introduced(&mut cast).await;
    let mut said = Vec::new();
    for n in 0..20 {
        let name = ["alice", "bob"][n % 2];
        let text = format!("message {n}: meet at Vorpalquay");
        cast.want(name, Intent::SendText { conversation, text: text.clone() }).await;
        said.push(text);
        cast.settle().await;
        if n == 10 {
            cast.restart_relay().await;
        }
    }
    for name in ["alice", "bob"] {
        assert_eq!(cast.texts(name, conversation).await, said, "{name}");
    }
    let add = Intent::AddPeople { conversation, addresses: vec![cast.address("carol")] };
    cast.want("bob", add).await;
    cast.settle().await;
    let accept = Intent::AnswerRequest { conversation, answer: RequestAnswer::Accept };
    cast.want("carol", accept).await;
    cast.want("carol", Intent::SendText { conversation, text: "it is Carol".into() }).await;
    cast.settle().await;
    for name in ["alice", "bob", "carol"] {
        assert_eq!(cast.texts(name, conversation).await.last().unwrap(), "it is Carol", "{name}");
        assert_eq!(cast.device(name).title(conversation), "Zephyrworks", "{name}");
        assert_eq!(cast.device_mut(name).count_people(conversation).await, 3, "{name}");
    }
}

#[tokio::test]
async fn commits_made_at_once_come_to_one_history() {
    let mut cast = cast().await;
    let conversation = introduced(&mut cast).await;
    for round in 0..5 {
        for name in ["alice", "bob"] {
            let title = format!("{name} {round}");
            cast.device_mut(name).want(Intent::Rename { conversation, title }).await;
            let text = format!("{name} in round {round}");
            cast.device_mut(name).want(Intent::SendText { conversation, text }).await;
        }
        // Both have made their commits before either is sent.
        cast.prepare("alice").await;
        cast.prepare("bob").await;
        cast.settle().await;
        let titles = ["alice", "bob"].map(|name| cast.device(name).title(conversation));
        assert_eq!(titles[0], titles[1]);
    }
    let texts = cast.texts("alice", conversation).await;
    assert_eq!(texts.len(), 10);
    assert_eq!(texts, cast.texts("bob", conversation).await);
}

#[tokio::test]
async fn a_second_device_signs_in_by_password_and_is_in_new_conversations() {
    let mut cast = cast().await;
    cast.sign_in("alice", "alice's phone").await;
    let conversation = introduced(&mut cast).await;
    cast.want("bob", Intent::SendText { conversation, text: "to both of you".into() }).await;
    cast.settle().await;
    for device in ["alice", "alice's phone"] {
        assert_eq!(cast.texts(device, conversation).await, ["to both of you"], "{device}");
    }
    cast.want("alice's phone", Intent::SendText { conversation, text: "from the phone".into() }).await;
    cast.settle().await;
    assert_eq!(cast.texts("bob", conversation).await, ["to both of you", "from the phone"]);
}

#[tokio::test]
async fn one_who_was_away_for_longer_than_messages_are_kept_goes_on_and_is_told() {
    let mut cast = cast().await;
    let conversation = introduced(&mut cast).await;
    let say = |text: &str| Intent::SendText { conversation, text: text.into() };
    cast.want("bob", say("see you")).await;
    cast.settle().await;
    for text in ["one", "two", "three"] {
        cast.want("alice", say(text)).await;
        cast.settle_without("bob").await;
    }
    cast.want("alice", Intent::Rename { conversation, title: "Autumn".into() }).await;
    cast.settle_without("bob").await;
    cast.want("alice", say("four")).await;
    cast.settle_without("bob").await;
    cast.messages_get_too_old().await;
    cast.want("alice", say("five")).await;
    cast.settle_without("bob").await;
    cast.settle().await;
    let shown = cast.texts("bob", conversation).await;
    assert_eq!(shown, ["see you", "3 missed", "1 missed", "five"]);
    assert_eq!(cast.device("bob").title(conversation), "Autumn");
    for name in ["alice", "bob"] {
        cast.want(name, say(name)).await;
        cast.settle().await;
    }
    let shown = cast.texts("bob", conversation).await;
    assert_eq!(shown[shown.len() - 2..], ["alice", "bob"]);
    let shown = cast.texts("alice", conversation).await;
    assert_eq!(shown, ["see you", "one", "two", "three", "four", "five", "alice", "bob"]);
}

#[tokio::test]
async fn devices_that_sign_out_or_are_removed_are_gone_everywhere() {
    let mut cast = cast().await;
    for name in ["alice's phone", "alice's tablet"] {
        cast.sign_in("alice", name).await;
    }
    let conversation = introduced(&mut cast).await;
    assert_eq!(cast.device_mut("bob").count_leaves(conversation).await, 4);
    cast.remove_device("alice's phone", "alice's phone").await;
    cast.remove_device("alice", "alice's tablet").await;
    // Said again, as after a lost answer.
    cast.remove_device("alice", "alice's tablet").await;
    cast.wait(LOOKED_AT_EACH);
    cast.settle().await;
    assert_eq!(cast.device_mut("bob").count_leaves(conversation).await, 2);
    assert_eq!(cast.device("alice").count_devices(), 1);
    for name in ["alice's phone", "alice's tablet"] {
        assert!(cast.device(name).signed_out(), "{name}");
    }
    cast.want("bob", Intent::SendText { conversation, text: "just us".into() }).await;
    cast.settle().await;
    assert_eq!(cast.texts("alice", conversation).await, ["just us"]);
}

#[tokio::test]
async fn who_has_all_devices_says_which_ones_make_room_for_another_one() {
    let mut cast = cast().await;
    let mut lost = Vec::new();
    for _ in 1..MAX_DEVICES {
        cast.sign_in("alice", "lost").await;
        lost.push(cast.lose("lost"));
    }
    let conversation = introduced(&mut cast).await;
    assert_eq!(cast.device_mut("bob").count_leaves(conversation).await, MAX_DEVICES + 1);

    // However often it is asked: nobody is kept out, and nothing changes.
    for _ in 0..6 {
        let devices = cast.sign_in_for("alice", "new", &[]).await.unwrap_err();
        assert_eq!(devices.len(), MAX_DEVICES);
        assert!(devices.iter().any(|device| device.label == "Browser"), "{devices:?}");
    }
    cast.sign_in_for("alice", "new", &lost).await.unwrap();
    cast.wait(LOOKED_AT_EACH);
    cast.settle().await;
    for device in ["alice", "new"] {
        assert_eq!(cast.device(device).count_devices(), 2, "{device}");
    }
    assert_eq!(cast.device_mut("bob").count_leaves(conversation).await, 2);
    // Said again, as after a lost answer.
    cast.sign_in_for("alice", "newer", &lost).await.unwrap();
    assert_eq!(cast.device("newer").count_devices(), 3);
}

#[tokio::test]
async fn the_relay_holds_nothing_that_was_said() {
    let mut cast = cast().await;
    let conversation = introduced(&mut cast).await;
    cast.want("alice", Intent::SendText { conversation, text: "meet at Vorpalquay".into() }).await;
    cast.want("bob", Intent::Rename { conversation, title: "Tumtumtree".into() }).await;
    cast.settle().await;
    let held = cast.all_that_the_relay_holds();
    let holds = |needle: &str| held.windows(needle.len()).any(|window| window == needle.as_bytes());
    assert!(holds("alice"), "the directory is there, so the scan sees what there is");
    for secret in ["Vorpalquay", "Zephyrworks", "Tumtumtree", device::PASSWORD] {
        assert!(!holds(secret), "{secret}");
    }
}
