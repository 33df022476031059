//! Limits, and input that nobody who is well would make: every answer is a value or an error.

use haven_bridge::{ConversationId, Failure};
use haven_core::{
    identity::inbox,
    intent::Intent,
    request::{Reply, Request},
    testing::{Answer, Dice, ORIGIN, Who, World, envelope, pointer},
};
use haven_wire::{
    group::Rows,
    ids::{GroupId, Hash, WelcomeId},
    push::FromRelay,
};

async fn two_people() -> (World, Who, Who, ConversationId) {
    let mut world = World::new();
    let (alice, bob) = (world.sign_up("alice").await, world.sign_up("bob").await);
    world.settle().await;
    let chat = world.conversation(alice, &[bob]).await;
    world.settle().await;
    (world, alice, bob, chat)
}

#[test]
fn texts_titles_and_addresses_have_limits() {
    pollster::block_on(async {
        let (mut world, alice, bob, chat) = two_people().await;
        let text = |length| Intent::SendText { conversation: chat, text: "x".repeat(length) };
        world.want(alice, text(32 * 1024)).await;
        let long = world.want_in_vain(alice, text(32 * 1024 + 1)).await;
        assert_eq!(long, Failure::MessageTooLong { limit: 32 * 1024 });
        let rename = |title: String| Intent::Rename { conversation: chat, title };
        world.want(alice, rename("t".repeat(128))).await;
        for title in ["t".repeat(129), "two\nlines".into()] {
            assert!(matches!(world.want_in_vain(alice, rename(title)).await, Failure::TitleInvalid { .. }));
        }
        let start = |addresses: Vec<String>| Intent::StartConversation { addresses, title: None };
        for addresses in [vec![], vec!["alice".into()], vec!["not an address".into()]] {
            assert_eq!(world.want_in_vain(alice, start(addresses)).await, Failure::AddressInvalid);
        }
        let elsewhere = start(vec!["dave@elsewhere.example".into()]);
        assert!(matches!(world.want_in_vain(alice, elsewhere).await, Failure::AddressUnknown { .. }));
        let nowhere = Intent::SendText { conversation: ConversationId([0; 16]), text: "x".into() };
        assert_eq!(world.want_in_vain(alice, nowhere).await, Failure::NotFound);
        world.settle().await;
        world.assert_works(&[alice, bob], chat).await;
        assert_eq!(world.engine(bob).conversations()[0].title, "t".repeat(128));
    });
}

#[test]
fn what_a_relay_finds_too_large_fails_and_can_be_discarded() {
    pollster::block_on(async {
        let (mut world, alice, bob, chat) = two_people().await;
        world.say(alice, chat, "refused").await;
        while let Some(request) = {
            let now = world.clock(alice);
            let pending = world.engine(alice).outgoing(now).await.expect("outgoing");
            pending.requests.into_iter().next()
        } {
            let now = world.clock(alice);
            if matches!(request.request, Request::AppendMessages(_)) {
                let refusal = haven_wire::Refusal::TooLarge { what: "row".into(), limit: 1 };
                let rejection = haven_core::request::Rejection::Refused(refusal);
                world.engine(alice).reject(request.id, rejection, now).await.expect("rejected");
                break;
            }
            world.exchange(alice, request).await;
        }
        assert_eq!(world.timeline(alice, chat).await.last().expect("an item"), "I failed: refused");
        let item = world.items(alice, chat).await.pop().expect("an item").id;
        world.want(alice, Intent::Discard { conversation: chat, item }).await;
        assert_eq!(world.texts(alice, chat).await, Vec::<String>::new());
        world.assert_works(&[alice, bob], chat).await;
        assert!(!world.texts(bob, chat).await.contains(&"refused".to_owned()));
    });
}

#[test]
fn pages_of_a_timeline_fit_together() {
    pollster::block_on(async {
        let (mut world, alice, bob, chat) = two_people().await;
        for n in 0..60 {
            world.say(if n % 2 == 0 { alice } else { bob }, chat, &format!("{n}")).await;
            world.settle().await;
        }
        world.offline(alice);
        world.say(alice, chat, "waiting").await;
        let all = world.items(alice, chat).await;
        assert!(all.is_sorted_by_key(|item| item.position));
        let (mut before, mut pages) = (None, Vec::new());
        loop {
            let page = world.engine(alice).timeline(chat, before, 7).await.expect("a page");
            before = page.items.first().map(|item| item.id);
            let more = page.more;
            pages.splice(0..0, page.items);
            if !more {
                break;
            }
        }
        assert_eq!(pages, all);
        let waiting = all.last().expect("an item").id;
        let page = world.engine(alice).timeline(chat, Some(waiting), 3).await.expect("a page");
        assert_eq!(page.items, all[all.len() - 4..all.len() - 1]);
    });
}

/// Answers the first fetch of rows of a device that has just started.
async fn answer_rows(world: &World, who: Who, rows: &Rows, chat: ConversationId) {
    let mut engine = world.another_engine(who).await;
    let now = world.clock(who);
    let pending = engine.outgoing(now).await.expect("outgoing");
    for request in pending.requests {
        if matches!(request.request, Request::GetRows(_)) {
            engine
                .confirm(request.id, Reply::GetRows(rows.clone()), now)
                .await
                .expect("a verb survives any rows");
        }
    }
    engine.timeline(chat, None, 100).await.expect("a timeline");
    engine.outgoing(now).await.expect("outgoing");
}

#[test]
fn mutated_rows_never_break_the_engine() {
    pollster::block_on(async {
        let (mut world, alice, bob, chat) = two_people().await;
        world.offline(bob);
        world.say(alice, chat, "one").await;
        world.settle().await;
        world.want(alice, Intent::Rename { conversation: chat, title: "Tea".into() }).await;
        world.settle().await;
        world.say(alice, chat, "two").await;
        world.settle().await;
        let rows = world.relay.rows().split_off(1);
        let head = rows.last().expect("rows").sequence;
        let mut dice = Dice(1);
        for _ in 0..1500 {
            let mut rows = rows.clone();
            let at = dice.below(rows.len());
            dice.mutate(&mut rows[at].ciphertext);
            match dice.below(12) {
                0 => rows[at].sequence = dice.roll(),
                1 => rows[at].epoch = dice.roll(),
                2 => rows[at].commit = None,
                3 => rows.swap(0, 1),
                _ => {}
            }
            let head = if dice.below(10) == 0 { dice.roll() } else { head };
            answer_rows(&world, bob, &Rows { rows, head }, chat).await;
        }
    });
}

#[test]
fn mutated_welcomes_and_pointers_never_break_the_engine() {
    pollster::block_on(async {
        let (mut world, alice, bob, chat) = two_people().await;
        let kept = std::rc::Rc::new(std::cell::RefCell::new(Vec::new()));
        let keep = kept.clone();
        world.relay.set_tamper(move |_, answer| {
            if let Answer::Welcome(welcome) = answer {
                keep.borrow_mut().clone_from(&welcome.welcome);
                welcome.welcome.clear();
            }
        });
        world.start(alice, &[bob]).await;
        world.settle().await;
        world.relay.be_honest();
        let welcome = kept.borrow().clone();
        assert!(!welcome.is_empty());
        let (device, key) = {
            let account = &world.devices[bob.0].account;
            (account.device_id, account.inbox_key.clone())
        };
        let mut dice = Dice(2);
        for n in 0..600_u64 {
            let mut id = [0; 32];
            id[..8].copy_from_slice(&n.to_be_bytes());
            let mut join = pointer(ORIGIN, GroupId([6; 16]), WelcomeId(id), Hash([2; 32]));
            let mut welcome = welcome.clone();
            if n % 3 == 0 {
                dice.mutate(&mut join);
            } else {
                dice.mutate(&mut welcome);
            }
            let mut sealed = inbox::seal_to_inbox(&key, &join).expect("sealed");
            if n % 10 == 0 {
                dice.mutate(&mut sealed);
            }
            world.relay.put(device, sealed, WelcomeId(id), welcome);
            if n % 50 == 0 {
                world.settle().await;
            }
        }
        world.settle().await;
        assert_eq!(world.engine(bob).conversations().len(), 1);
        world.assert_works(&[alice, bob], chat).await;
    });
}

#[test]
fn mutated_envelopes_never_break_the_engine() {
    pollster::block_on(async {
        let (mut world, alice, bob, chat) = two_people().await;
        world.offline(bob);
        let opening = Hash::of(&world.relay.rows()[0].ciphertext);
        let good = envelope(world.now, &opening, "a text");
        let mut dice = Dice(3);
        let token = world.engine(alice).token(chat);
        for _ in 0..400 {
            let mut plaintext = good.clone();
            dice.mutate(&mut plaintext);
            let message = world.engine(alice).forge_message(chat, &plaintext, true).await;
            world.call_as(alice, &message, token).await.expect("taken");
        }
        world.online(bob);
        while world.step(bob).await {}
        assert_eq!(world.items(bob, chat).await.len(), 401, "each is shown somehow");
        assert_eq!(world.state(bob, chat), haven_bridge::ConversationState::Active);
    });
}

#[test]
fn mutated_claims_never_break_the_engine() {
    pollster::block_on(async {
        let (mut world, alice, bob, _) = two_people().await;
        let dice = std::cell::RefCell::new(Dice(4));
        world.relay.set_tamper(move |_, answer| {
            if let Answer::Claimed(claimed) = answer {
                let mut dice = dice.borrow_mut();
                match dice.below(4) {
                    0 => dice.mutate(&mut claimed.entry.certificate),
                    1 => dice.mutate(&mut claimed.entry.device_list.document),
                    2 => claimed.entry.device_list.sequence = dice.roll(),
                    _ => claimed.key_packages.iter_mut().for_each(|one| dice.mutate(&mut one.key_package)),
                }
            }
        });
        for n in 0..300 {
            world.start(alice, &[bob]).await;
            while world.step(alice).await {}
            if n % 20 == 0 {
                world.settle().await;
            }
        }
        world.relay.be_honest();
        world.settle().await;
    });
}

#[test]
fn frames_of_unknown_groups_are_passed_over() {
    pollster::block_on(async {
        let (mut world, alice, bob, chat) = two_people().await;
        let rows = world.relay.rows();
        let group_id = GroupId([9; 16]);
        let frames = vec![
            FromRelay::Rows { group_id, rows: rows.clone() },
            FromRelay::Head { group_id, head: 99 },
            FromRelay::Closed { group_id },
            FromRelay::Pong(3),
            FromRelay::Rows { group_id: world.relay.groups()[0], rows: Vec::new() },
        ];
        world.push(bob, frames).await;
        world.assert_works(&[alice, bob], chat).await;
    });
}
