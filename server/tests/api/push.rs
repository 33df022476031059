//! The WebSocket.

use crate::common::{TestRelay, group::Group, person::Person, random, socket::Socket};
use futures_util::SinkExt as _;
use haven_server::{routes::push::Patience, store::RelayStore as _};
use haven_wire::{account::SignOut, group::Row, ids::*, limits::MAX_FRAME, push::*};
use std::time::Duration;
use tokio_tungstenite::tungstenite::Message;

fn head(frame: Option<FromRelay>) -> u64 {
    match frame {
        Some(FromRelay::Head { head, .. }) => head,
        other => panic!("{other:?}"),
    }
}

fn rows(frame: Option<FromRelay>) -> Vec<Row> {
    match frame {
        Some(FromRelay::Rows { rows, .. }) => rows,
        other => panic!("{other:?}"),
    }
}

fn closed(frame: Option<FromRelay>) -> GroupId {
    match frame {
        Some(FromRelay::Closed { group_id }) => group_id,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn new_rows_come_to_those_who_subscribed() {
    let relay = TestRelay::start().await;
    let alice = Person::new(&relay, "alice").await;
    let mut group = Group::on(&relay).await;
    let mut socket = Socket::of(&relay, &alice).await;
    socket.send(&ToRelay::Subscribe(vec![group.opened(1)])).await;
    assert_eq!(head(socket.next().await), 1);
    let call = group.new_messages(2);
    group.send_messages(&relay, &call).await.unwrap();
    let pushed = rows(socket.next().await);
    assert_eq!(pushed, group.rows(&relay, 1, 1).await.unwrap().rows);
    // What was accepted before is not pushed again.
    group.send_messages(&relay, &call).await.unwrap();
    group.commit(&relay, false).await;
    assert_eq!(rows(socket.next().await)[0].sequence, 4);
    // A token reads on after a commit that removes nobody.
    group.say(&relay).await;
    assert_eq!(rows(socket.next().await)[0].sequence, 5);
    socket.send(&ToRelay::Unsubscribe(vec![group.id])).await;
    assert!(socket.drain().await.is_empty());
    group.say(&relay).await;
    assert!(socket.drain().await.is_empty());
}

#[tokio::test]
async fn a_token_that_does_not_fit_is_told_so_and_gets_nothing() {
    let relay = TestRelay::start().await;
    let alice = Person::new(&relay, "alice").await;
    let group = Group::on(&relay).await;
    let mut socket = Socket::of(&relay, &alice).await;
    let mut wrong = group.opened(1);
    wrong.token = EpochToken(random());
    let unknown = Group::new().opened(0);
    socket.send(&ToRelay::Subscribe(vec![wrong, unknown.clone()])).await;
    assert_eq!(closed(socket.next().await), group.id);
    assert_eq!(closed(socket.next().await), unknown.group_id);
    group.say(&relay).await;
    assert!(socket.drain().await.is_empty());
}

#[tokio::test]
async fn a_barrier_is_the_last_row_for_older_tokens() {
    let relay = TestRelay::start().await;
    let removed = Person::new(&relay, "removed").await;
    let staying = Person::new(&relay, "staying").await;
    let mut group = Group::on(&relay).await;
    let mut before = Socket::of(&relay, &removed).await;
    let mut after = Socket::of(&relay, &staying).await;
    before.send(&ToRelay::Subscribe(vec![group.opened(1)])).await;
    head(before.next().await);
    after.send(&ToRelay::Subscribe(vec![group.opened(1)])).await;
    head(after.next().await);
    group.commit(&relay, true).await;
    for socket in [&mut before, &mut after] {
        assert_eq!(rows(socket.next().await)[0].sequence, 2);
        assert_eq!(closed(socket.next().await), group.id);
    }
    after.send(&ToRelay::Subscribe(vec![group.opened(2)])).await;
    assert_eq!(head(after.next().await), 2);
    group.say(&relay).await;
    assert_eq!(rows(after.next().await)[0].sequence, 3);
    assert!(before.drain().await.is_empty());
    // The old token learns where the log stands, and that it is at its end.
    before.send(&ToRelay::Subscribe(vec![group.opened(1)])).await;
    assert_eq!(head(before.next().await), 3);
    assert_eq!(closed(before.next().await), group.id);
    group.say(&relay).await;
    assert!(before.drain().await.is_empty());
}

#[tokio::test]
async fn rows_too_large_for_a_frame_come_as_a_hint() {
    let relay = TestRelay::start().await;
    let alice = Person::new(&relay, "alice").await;
    let group = Group::on(&relay).await;
    let mut socket = Socket::of(&relay, &alice).await;
    socket.send(&ToRelay::Subscribe(vec![group.opened(1)])).await;
    head(socket.next().await);
    let mut commit = group.new_commit(false);
    commit.commit.resize(2 * MAX_FRAME, 0);
    group.send_commit(&relay, &commit).await.unwrap();
    assert_eq!(head(socket.next().await), 2);
}

#[tokio::test]
async fn rows_are_pushed_in_the_order_of_the_log() {
    let relay = TestRelay::start().await;
    let alice = Person::new(&relay, "alice").await;
    let group = Group::on(&relay).await;
    let mut socket = Socket::of(&relay, &alice).await;
    socket.send(&ToRelay::Subscribe(vec![group.opened(1)])).await;
    head(socket.next().await);
    let says = futures_util::future::join_all((0..100).map(|_| group.say(&relay)));
    let hears = async {
        let mut next = 2;
        while next <= 101 {
            for row in rows(socket.next().await) {
                assert_eq!(row.sequence, next);
                next += 1;
            }
        }
    };
    tokio::join!(says, hears);
}

#[tokio::test]
async fn no_row_falls_between_the_head_and_the_first_push() {
    let relay = TestRelay::start().await;
    let alice = Person::new(&relay, "alice").await;
    let group = Group::on(&relay).await;
    let writing = async {
        for _ in 0..100 {
            group.say(&relay).await;
        }
    };
    let subscribing = async {
        let mut known = 0;
        for _ in 0..10 {
            let mut socket = Socket::of(&relay, &alice).await;
            socket.send(&ToRelay::Subscribe(vec![group.opened(1)])).await;
            known = head(socket.next().await);
            for frame in socket.drain().await {
                for row in rows(Some(frame)) {
                    assert_eq!(row.sequence, known + 1);
                    known = row.sequence;
                }
            }
        }
        known
    };
    tokio::join!(writing, subscribing);
}

#[tokio::test]
async fn a_socket_of_a_session_that_ends_ends_too() {
    let relay = TestRelay::start().await;
    let alice = Person::new(&relay, "alice").await;
    let mut socket = Socket::of(&relay, &alice).await;
    relay.call(&SignOut { device_list: None }, alice.by()).await.unwrap();
    assert!(matches!(socket.next().await, Some(FromRelay::SignedOut)));
    assert!(socket.next().await.is_none());
    let mut socket = Socket::raw(&relay).await;
    socket.send(&ToRelay::Hello { session: alice.session }).await;
    assert!(matches!(socket.next().await, Some(FromRelay::SignedOut)));
    assert!(socket.next().await.is_none());
}

fn hasty() -> Patience {
    Patience {
        hello: Duration::from_millis(50),
        idle: Duration::from_millis(50),
        send: Duration::from_secs(5),
    }
}

#[tokio::test]
async fn a_socket_without_a_hello_is_closed() {
    let relay = TestRelay::start_with(|_| (), hasty()).await;
    assert!(Socket::raw(&relay).await.next().await.is_none());
}

#[tokio::test]
async fn a_silent_socket_is_closed() {
    let relay = TestRelay::start_with(|_| (), Patience { hello: Patience::default().hello, ..hasty() }).await;
    let alice = Person::new(&relay, "alice").await;
    assert!(Socket::of(&relay, &alice).await.next().await.is_none());
}

#[tokio::test]
async fn anything_but_a_hello_first_closes_the_socket() {
    let relay = TestRelay::start().await;
    let mut socket = Socket::raw(&relay).await;
    socket.send(&ToRelay::Ping(1)).await;
    assert!(socket.next().await.is_none());
}

#[tokio::test]
async fn oversize_and_nonsense_frames_close_the_socket() {
    let relay = TestRelay::start().await;
    let alice = Person::new(&relay, "alice").await;
    let frames = [
        Message::Binary(vec![0; MAX_FRAME + 1].into()),
        Message::Binary(vec![0xff; 100].into()),
        Message::Text("hello".into()),
    ];
    for frame in frames {
        let mut socket = Socket::of(&relay, &alice).await;
        // The relay may hang up before all of it is sent.
        let _ = socket.0.send(frame).await;
        assert!(socket.next().await.is_none());
    }
}

#[tokio::test]
async fn a_ping_is_answered() {
    let relay = TestRelay::start().await;
    let alice = Person::new(&relay, "alice").await;
    let mut socket = Socket::of(&relay, &alice).await;
    socket.send(&ToRelay::Ping(7)).await;
    assert!(matches!(socket.next().await, Some(FromRelay::Pong(7))));
}

#[tokio::test]
async fn a_reader_that_does_not_read_holds_nobody_up_and_hears_of_the_head_later() {
    let relay = TestRelay::start_with(
        |config| config.limits.messages_per_group.burst = 1_000_000,
        Default::default(),
    )
    .await;
    let alice = Person::new(&relay, "alice").await;
    let group = Group::on(&relay).await;
    let mut socket = Socket::of(&relay, &alice).await;
    socket.send(&ToRelay::Subscribe(vec![group.opened(1)])).await;
    head(socket.next().await);
    // Far more than the buffers of both kernels and the queue hold.
    for _ in 0..40 {
        let mut call = group.new_messages(15);
        for message in &mut call.messages {
            message.ciphertext.resize(60_000, 0);
        }
        group.send_messages(&relay, &call).await.unwrap();
    }
    let last = 601;
    loop {
        match socket.next().await {
            Some(FromRelay::Head { head, .. }) if head == last => break,
            Some(FromRelay::Rows { .. } | FromRelay::Head { .. }) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(group.rows(&relay, 1, 600).await.unwrap().rows.len(), 1);
}

#[tokio::test]
async fn a_device_has_eight_sockets_and_the_oldest_gives_way() {
    let relay = TestRelay::start().await;
    let alice = Person::new(&relay, "alice").await;
    let mut oldest = Socket::of(&relay, &alice).await;
    let mut others = Vec::new();
    for _ in 0..8 {
        others.push(Socket::of(&relay, &alice).await);
    }
    assert!(oldest.next().await.is_none());
    for mut other in others {
        assert!(other.drain().await.is_empty());
    }
}

#[tokio::test]
async fn stopping_ends_sockets_and_keeps_everything() {
    let relay = TestRelay::start().await;
    let alice = Person::new(&relay, "alice").await;
    let group = Group::on(&relay).await;
    let mut socket = Socket::of(&relay, &alice).await;
    let store = relay.store.clone();
    let relay = relay.restart().await;
    assert!(socket.next().await.is_none());
    assert!(store.probe().await.is_err());
    assert_eq!(group.say(&relay).await, 2);
}
