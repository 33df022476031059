//! What an attacker tries from outside.

use crate::common::{By, TestRelay, group::Group, person::*, random, request};
use axum::{
    body::Body,
    http::{Request, header},
};
use futures_util::future::join_all;
use haven_server::{config::Config, limits::Rate, store::RelayStore as _};
use haven_wire::{
    Call as _, Refusal,
    account::*,
    group::*,
    ids::*,
    keys::*,
    limits::{MAX_COMMIT, MAX_REQUEST},
};
use opaque_ke::{ClientLogin, ClientRegistration};
use rand::rngs::OsRng;
use std::collections::HashSet;

fn login_start(address: &str) -> LoginStart {
    let started = ClientLogin::<OpaqueSuite>::start(&mut OsRng, b"guess").unwrap();
    LoginStart { address: address.into(), request: started.message.serialize().to_vec() }
}

#[tokio::test]
async fn known_and_unknown_addresses_are_answered_with_the_same_shape() {
    let relay = TestRelay::start().await;
    let known = Person::new(&relay, "alice").await.address;
    let mut shapes = HashSet::new();
    for address in [known.as_str(), "bob@localhost", "carol@elsewhere.example", "?"] {
        for _ in 0..5 {
            shapes.insert(relay.answer_shape(&login_start(address), By::Nobody).await);
        }
    }
    assert_eq!(shapes.len(), 1, "{shapes:?}");
    let mut shapes = HashSet::new();
    for address in [known.as_str(), "bob@localhost"] {
        let started = ClientRegistration::<OpaqueSuite>::start(&mut OsRng, b"x").unwrap();
        let call = RegisterStart { address: address.into(), request: started.message.serialize().to_vec() };
        shapes.insert(relay.answer_shape(&call, By::Nobody).await);
        let call = Recover {
            address: address.into(),
            recovery_login: SessionToken(random()),
            device_id: DeviceId(random()),
            session_hash: Hash(random()),
        };
        assert_eq!(relay.call(&call, By::Nobody).await.unwrap_err(), Refusal::BadCredentials);
    }
    assert_eq!(shapes.len(), 1, "{shapes:?}");
}

#[tokio::test]
async fn nobody_fills_the_memory_with_long_addresses() {
    let relay = TestRelay::start().await;
    let call = login_start(&"a".repeat(100_000));
    assert_eq!(relay.call(&call, By::Nobody).await.unwrap_err().status(), 413);
}

#[tokio::test]
async fn an_unknown_address_has_a_stable_oprf_and_stretching() {
    let relay = TestRelay::start().await;
    let call = login_start("bob@localhost");
    let mut evaluated = HashSet::new();
    for _ in 0..3 {
        let reply = relay.call(&call, By::Nobody).await.unwrap();
        assert_eq!(reply.stretching, Stretching::CURRENT);
        // The first 32 bytes are the evaluated element: for the same request it is the same each time.
        evaluated.insert(reply.response[..32].to_vec());
    }
    assert_eq!(evaluated.len(), 1);
}

#[tokio::test]
async fn guessing_a_password_is_slowed_down_alike_for_known_and_unknown_addresses() {
    let relay = TestRelay::start().await;
    let known = Person::new(&relay, "alice").await.address;
    for address in [known.as_str(), "bob@localhost"] {
        let mut refused = 0;
        for _ in 0..20 {
            let mut request = request(&login_start(address), By::Nobody);
            let from = "198.51.100.7".parse().unwrap();
            request.headers_mut().insert("x-forwarded-for", from);
            let response = relay.raw(request).await;
            if response.status() == 429 {
                assert!(response.headers().contains_key(header::RETRY_AFTER));
                refused += 1;
            }
        }
        assert_eq!(refused, 10, "{address}");
    }
    assert!(relay.state.metrics.render().contains("haven_limited_total{limit=\"sign_ins_per_network\"} 20"));
}

/// Its answer is of use for trying a password: the same key of the OPRF evaluates both.
#[tokio::test]
async fn a_registration_is_no_way_to_guess_faster() {
    let relay = TestRelay::start().await;
    let alice = Person::new(&relay, "alice").await.address;
    let started = ClientRegistration::<OpaqueSuite>::start(&mut OsRng, b"a guess").unwrap();
    let register = RegisterStart { address: alice.clone(), request: started.message.serialize().to_vec() };
    for refused in [false, true] {
        for guess in 0..10 {
            let mut request = match guess % 2 {
                0 => request(&register, By::Nobody),
                _ => request(&login_start(&alice), By::Nobody),
            };
            request.headers_mut().insert("x-forwarded-for", "198.51.100.7".parse().unwrap());
            assert_eq!(relay.raw(request).await.status() == 429, refused, "{guess}");
        }
    }
    // Without its domain, an address is nobody's, and has no bucket of its own to guess from.
    let full = login_start(&alice);
    let bare = LoginStart { address: "alice".into(), request: full.request.clone() };
    let [full, bare] =
        [relay.call(&full, By::Nobody).await.unwrap(), relay.call(&bare, By::Nobody).await.unwrap()];
    assert_ne!(bare.response[..32], full.response[..32]);
}

#[tokio::test]
async fn one_network_does_not_fill_the_disk_with_rows_of_its_own_making() {
    let few = Rate { burst: 100, every_s: 3600.0 };
    let relay =
        TestRelay::start_with(|config| config.limits.append_kib_per_network = few, Default::default()).await;
    let mut kib = 0;
    for _ in 0..20 {
        let mut commit = Group::new().new_commit(false);
        commit.commit.resize(10_000, 7);
        let token = EpochToken(random());
        let mut request = request(&commit, By::Token(&token));
        request.headers_mut().insert("x-forwarded-for", "198.51.100.7".parse().unwrap());
        if relay.raw(request).await.status() == 200 {
            kib += 10;
        }
    }
    assert_eq!(kib, 100);
}

#[tokio::test]
async fn a_forged_forwarded_header_does_not_make_a_new_network() {
    let relay = TestRelay::start_with(
        |config| config.limits.calls_per_network = Rate { burst: 5, every_s: 60.0 },
        Default::default(),
    )
    .await;
    let mut refused = 0;
    for number in 0..10 {
        let mut request = request(&Info {}, By::Nobody);
        // The proxy appends the true address to what its client claims.
        let value = format!("203.0.113.{number}, 198.51.100.7");
        request.headers_mut().insert("x-forwarded-for", value.parse().unwrap());
        refused += u32::from(relay.raw(request).await.status() == 429);
    }
    assert_eq!(refused, 5);
}

#[tokio::test]
async fn the_limiter_is_atomic_under_sixty_four_tasks() {
    let relay = TestRelay::start_with(
        |config| config.limits.look_ups = Rate { burst: 30, every_s: 3600.0 },
        Default::default(),
    )
    .await;
    let alice = Person::new(&relay, "alice").await;
    let call = Lookup { address: alice.address.clone() };
    let answers = join_all((0..64).map(|_| relay.call(&call, alice.by()))).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 30);
    assert!(
        answers
            .iter()
            .all(|answer| matches!(answer, Ok(_) | Err(Refusal::RateLimited { retry_after_s: 1.. })))
    );
}

#[tokio::test]
async fn one_claimer_cannot_empty_a_pool() {
    let relay = TestRelay::start().await;
    let mallory = Person::new(&relay, "mallory").await;
    let bob = Person::new(&relay, "bob").await;
    bob.publish(&relay, 100).await;
    for _ in 0..100 {
        let _ = mallory.claim(&relay, &bob).await;
    }
    let left = relay.call(&CountKeyPackages { suite: SUITE }, bob.by()).await.unwrap();
    assert_eq!(left.one_time, 70);
}

#[tokio::test]
async fn a_stranger_cannot_use_up_a_groups_bucket() {
    let relay = TestRelay::start_with(
        |config| config.limits.messages_per_group = Rate { burst: 10, every_s: 3600.0 },
        Default::default(),
    )
    .await;
    let group = Group::on(&relay).await;
    let stranger = EpochToken(random());
    for _ in 0..20 {
        assert!(relay.call(&group.new_messages(1), By::Token(&stranger)).await.is_err());
    }
    for _ in 0..10 {
        group.say(&relay).await;
    }
    let refused = group.send_messages(&relay, &group.new_messages(1)).await;
    assert_eq!(refused.unwrap_err().status(), 429);
}

#[tokio::test]
async fn somebody_with_an_old_token_cannot_use_up_a_groups_buckets() {
    let change = |config: &mut Config| {
        config.limits.commits_per_group = Rate { burst: 5, every_s: 3600.0 };
        config.limits.messages_per_group = Rate { burst: 5, every_s: 3600.0 };
    };
    let relay = TestRelay::start_with(change, Default::default()).await;
    let mut group = Group::on(&relay).await;
    let (late_commit, late_messages) = (group.new_commit(false), group.new_messages(1));
    group.commit(&relay, true).await;
    for _ in 0..20 {
        let refused = group.send_commit(&relay, &late_commit).await.unwrap_err();
        assert!(matches!(refused, Refusal::WrongEpoch { .. }), "{refused:?}");
        let refused = group.send_messages(&relay, &late_messages).await.unwrap_err();
        assert!(matches!(refused, Refusal::EpochTooOld { .. }), "{refused:?}");
    }
    group.commit(&relay, false).await;
    group.say(&relay).await;
}

#[tokio::test]
async fn slow_readers_of_large_answers_hold_little_memory_and_keep_nobody_from_short_ones() {
    let relay = TestRelay::start().await;
    let group = Group::new();
    let mut call = group.new_commit(false);
    let id = WelcomeId(random());
    call.welcome = Some(StoredWelcome { id, welcome: vec![0; MAX_COMMIT - 1024] });
    group.send_commit(&relay, &call).await.unwrap();
    let mut held = Vec::new();
    loop {
        let response = relay.raw(request(&GetWelcome { id }, By::Nobody)).await;
        if !response.status().is_success() {
            assert_eq!(response.status(), 503);
            break;
        }
        held.push(response);
        assert!(held.len() < 100);
    }
    let other = Group::on(&relay).await;
    other.say(&relay).await;
    assert_eq!(other.rows(&relay, 1, 0).await.unwrap().rows.len(), 2);
    held.clear();
    assert!(relay.call(&GetWelcome { id }, By::Nobody).await.is_ok());
}

#[tokio::test]
async fn commits_are_limited_by_group_whatever_the_epoch() {
    let relay = TestRelay::start_with(
        |config| config.limits.commits_per_group = Rate { burst: 5, every_s: 3600.0 },
        Default::default(),
    )
    .await;
    let mut group = Group::new();
    for _ in 0..5 {
        group.commit(&relay, false).await;
    }
    assert_eq!(group.send_commit(&relay, &group.new_commit(false)).await.unwrap_err().status(), 429);
    Group::on(&relay).await;
}

#[tokio::test]
async fn large_requests_wait_for_room_and_are_refused_without() {
    let relay = TestRelay::start().await;
    let group = Group::new();
    let mut call = group.new_commit(false);
    call.commit.resize(2_000_000, 0);
    let all = relay.state.large_requests.all.available_permits();
    let taken = relay.state.large_requests.all.acquire_many(u32::try_from(all).unwrap()).await.unwrap();
    let sending = group.send_commit(&relay, &call);
    tokio::pin!(sending);
    assert!(futures_util::poll!(sending.as_mut()).is_pending());
    // Small ones don't wait, and what has no body.
    Group::on(&relay).await;
    assert_eq!(relay.get("/healthz", &[]).await.0.status(), 200);
    drop(taken);
    assert_eq!(sending.await.unwrap().sequence, 1);
    assert_eq!(relay.state.large_requests.all.available_permits(), all);
}

#[tokio::test]
async fn oversize_bodies_are_refused_before_they_are_read() {
    let relay = TestRelay::start().await;
    let request = Request::post(Info::PATH)
        .header(header::CONTENT_TYPE, "application/cbor")
        .body(Body::from(vec![0; MAX_REQUEST + 1]))
        .unwrap();
    assert_eq!(relay.raw(request).await.status(), 413);
}

#[tokio::test]
async fn bodies_that_are_not_the_call_are_refused() {
    let relay = TestRelay::start().await;
    let mut deep = vec![0x81; 100_000];
    deep.push(0);
    let huge_claim = vec![0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
    let huge_bytes = vec![0x5b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
    for body in [Vec::new(), vec![0xff], deep, huge_claim, huge_bytes, b"{}".to_vec()] {
        for path in [Info::PATH, LoginStart::PATH, GetHeads::PATH, RegisterFinish::PATH] {
            let request = Request::post(path)
                .header(header::CONTENT_TYPE, "application/cbor")
                .body(Body::from(body.clone()))
                .unwrap();
            assert_eq!(relay.raw(request).await.status(), 400, "{path}");
        }
    }
    // A page of another origin can send this type without a preflight, so it is not taken.
    let request = Request::post(Info::PATH)
        .header(header::CONTENT_TYPE, "text/plain")
        .body(Body::from(haven_wire::encode(&Info {}).unwrap()))
        .unwrap();
    assert_eq!(relay.raw(request).await.status(), 400);
}

#[tokio::test]
async fn replaying_everything_adds_nothing() {
    let relay = TestRelay::start().await;
    let (alice, sign_up) = sign_up(&relay, "alice").await;
    relay.call(&sign_up, By::Nobody).await.unwrap();
    let mut group = Group::new();
    let commit = group.new_commit(false);
    group.send_commit(&relay, &commit).await.unwrap();
    group.epoch = 1;
    let messages = group.new_messages(5);
    group.send_messages(&relay, &messages).await.unwrap();
    let published = key_packages(5);
    relay.call(&published, alice.by()).await.unwrap();
    for _ in 0..3 {
        relay.call(&sign_up, By::Nobody).await.unwrap();
        group.send_commit(&relay, &commit).await.unwrap();
        group.send_messages(&relay, &messages).await.unwrap();
        relay.call(&published, alice.by()).await.unwrap();
    }
    assert_eq!(group.rows(&relay, 1, 0).await.unwrap().head, 6);
    let count = relay.call(&CountKeyPackages { suite: SUITE }, alice.by()).await;
    assert_eq!(count.unwrap().one_time, 5);
}

#[tokio::test]
async fn a_full_disk_refuses_writes_keeps_what_is_there_and_recovers() {
    let relay = TestRelay::start().await;
    let group = Group::on(&relay).await;
    relay.store.limit_pages(relay.store.pages().await.unwrap() + 20).await.unwrap();
    let mut accepted = 1;
    let refusal = loop {
        let mut call = group.new_messages(8);
        for message in &mut call.messages {
            message.ciphertext.resize(4000, 0);
        }
        match group.send_messages(&relay, &call).await {
            Ok(_) => accepted += 8,
            Err(refusal) => break refusal,
        }
    };
    assert_eq!(refusal, Refusal::Unavailable);
    assert_eq!(group.rows(&relay, 1, 0).await.unwrap().head, accepted);
    assert_eq!(group.opens(&relay, 1).await.len() as u64, accepted);
    let mut large = group.new_commit(false);
    large.commit.resize(1_000_000, 0);
    assert_eq!(group.send_commit(&relay, &large).await, Err(Refusal::Unavailable));
    relay.store.limit_pages(1_000_000_000).await.unwrap();
    assert_eq!(group.say(&relay).await, accepted + 1);
    relay.store.probe().await.unwrap();
}
