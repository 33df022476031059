//! Sign-up, sign-in, recovery, sessions, the vault.

use crate::common::{By, TestRelay, config, person::*, random};
use haven_server::{limits::MAX_SESSIONS, relay::Relay};
use haven_wire::{Refusal, account::*, ids::*, keys::*, limits::DEVICES};

fn fresh() -> (DeviceId, SessionToken) {
    (DeviceId(random()), SessionToken(random()))
}

#[tokio::test]
async fn a_person_signs_up_and_signs_in_on_a_second_device() {
    let relay = TestRelay::start().await;
    let alice = Person::new(&relay, "alice").await;
    let (device, session) = fresh();
    let signed_in = sign_in(&relay, &alice.address, &alice.password, device, &session).await.unwrap();
    assert_eq!(signed_in.wrap_password, b"wrapped by password of alice");
    assert_eq!(signed_in.vault.body, b"sealed vault");
    assert_eq!(signed_in.entry.certificate, b"certificate of alice");
    assert_eq!(signed_in.entry.device_list, list(1));
    for session in [&alice.session, &session] {
        let vault = relay.call(&GetVault {}, By::Session(session)).await.unwrap();
        assert_eq!(vault.version, 1);
    }
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_address_are_refused_alike() {
    let relay = TestRelay::start().await;
    let alice = Person::new(&relay, "alice").await;
    let (device, session) = fresh();
    for (address, password) in [
        (alice.address.as_str(), "wrong"),
        ("nobody@localhost", "wrong"),
        ("alice@elsewhere.example", alice.password.as_str()),
        ("no address", "wrong"),
    ] {
        let refused = sign_in(&relay, address, password, device, &session).await;
        assert_eq!(refused.unwrap_err(), Refusal::BadCredentials, "{address}");
    }
}

#[tokio::test]
async fn a_sign_in_can_be_finished_once() {
    let relay = TestRelay::start().await;
    let call = LoginFinish {
        login: MessageId(random()),
        finalization: vec![0; 64],
        device_id: DeviceId(random()),
        session_hash: Hash(random()),
    };
    let refused = relay.call(&call, By::Nobody).await;
    assert_eq!(refused.unwrap_err(), Refusal::BadCredentials);
}

#[tokio::test]
async fn the_same_sign_up_again_is_the_same_answer_and_another_is_refused() {
    let relay = TestRelay::start().await;
    let (_, call) = sign_up(&relay, "alice").await;
    assert_eq!(relay.call(&call, By::Nobody).await, Ok(Done {}));
    assert_eq!(relay.call(&call, By::Nobody).await, Ok(Done {}));
    let (_, other) = sign_up(&relay, "alice").await;
    assert_eq!(relay.call(&other, By::Nobody).await, Err(Refusal::AddressTaken));
}

#[tokio::test]
async fn a_hundred_racing_sign_ups_make_one_account() {
    let relay = TestRelay::start().await;
    let mut calls = Vec::new();
    for _ in 0..20 {
        calls.push(sign_up(&relay, "alice").await.1);
    }
    let answers = futures_util::future::join_all(calls.iter().map(|call| relay.call(call, By::Nobody))).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
}

#[tokio::test]
async fn what_a_sign_up_gets_wrong_is_said() {
    let relay = TestRelay::start().await;
    let (_, good) = sign_up(&relay, "alice").await;
    type Change = fn(&mut RegisterFinish);
    let changes: [(Change, u16); 8] = [
        (|call| call.address = "Alice@localhost".into(), 400),
        (|call| call.address = "alice@elsewhere.example".into(), 400),
        (|call| call.credentials.opaque_record = vec![1; 10], 400),
        (|call| call.credentials.stretching.memory_kib = 1024, 400),
        (|call| call.vault.version = 2, 400),
        (|call| call.device_list.sequence = 0, 400),
        (|call| call.certificate = vec![0; 65 * 1024], 413),
        (|call| call.credentials.wrap_password = vec![0; 2000], 413),
    ];
    for (number, (change, status)) in changes.into_iter().enumerate() {
        let mut call = good.clone();
        change(&mut call);
        let refusal = relay.call(&call, By::Nobody).await.unwrap_err();
        assert_eq!(refusal.status(), status, "change {number}: {refusal}");
    }
    assert_eq!(relay.call(&good, By::Nobody).await, Ok(Done {}));
}

#[tokio::test]
async fn a_closed_relay_takes_no_accounts_and_says_so() {
    let relay = TestRelay::start_with(|config| config.sign_up = false, Default::default()).await;
    let (_, call) = sign_up(&relay, "alice").await;
    assert_eq!(relay.call(&call, By::Nobody).await, Err(Refusal::SignUpClosed));
    assert!(!relay.call(&Info {}, By::Nobody).await.unwrap().sign_up);
}

#[tokio::test]
async fn the_recovery_phrase_signs_in_and_then_changes_the_password() {
    let relay = TestRelay::start().await;
    let alice = Person::new(&relay, "alice").await;
    let (device, session) = fresh();
    let mut call = Recover {
        address: alice.address.clone(),
        recovery_login: SessionToken(random()),
        device_id: device,
        session_hash: session.hash(),
    };
    let refused = relay.call(&call, By::Nobody).await;
    assert_eq!(refused.unwrap_err(), Refusal::BadCredentials);
    call.recovery_login = alice.recovery;
    let signed_in = relay.call(&call, By::Nobody).await.unwrap();
    assert_eq!(signed_in.wrap_recovery, b"wrapped by recovery");

    let recovery = SessionToken(random());
    let replace = ReplaceCredentials {
        credentials: credentials(&relay, &alice.address, "new password", &recovery).await,
    };
    relay.call(&replace, By::Session(&session)).await.unwrap();
    let old = sign_in(&relay, &alice.address, &alice.password, fresh().0, &fresh().1).await;
    assert_eq!(old.unwrap_err(), Refusal::BadCredentials);
    let new = sign_in(&relay, &alice.address, "new password", fresh().0, &fresh().1).await;
    assert_eq!(new.unwrap().wrap_password, b"wrapped by new password");
    assert_eq!(relay.call(&call, By::Nobody).await.unwrap_err(), Refusal::BadCredentials);
}

#[tokio::test]
async fn a_sign_in_that_began_with_the_old_password_does_not_end_with_the_new_one() {
    let relay = TestRelay::start().await;
    let alice = Person::new(&relay, "alice").await;
    let (device, session) = fresh();
    let begun = first_step(&relay, &alice.address, &alice.password, device, &session).await.unwrap();
    let recovery = SessionToken(random());
    let credentials = credentials(&relay, &alice.address, "new password", &recovery).await;
    relay.call(&ReplaceCredentials { credentials }, alice.by()).await.unwrap();
    assert_eq!(relay.call(&begun, By::Nobody).await.unwrap_err(), Refusal::BadCredentials);
    assert_eq!(relay.call(&GetVault {}, By::Session(&session)).await.unwrap_err(), Refusal::NotSignedIn);
}

#[tokio::test]
async fn a_relay_does_not_start_under_another_domain_or_without_the_keys_of_its_accounts() {
    let relay = TestRelay::start().await;
    Person::new(&relay, "alice").await;
    let directory = relay.stop().await;
    let data = directory.path().join("data");
    let start = async |domain: &str| {
        let mut config = config(&data);
        config.domain = domain.into();
        Relay::open(config).await.map(drop).map_err(|error| error.to_string())
    };
    assert!(start("other.example").await.unwrap_err().contains("start with --domain localhost"));
    for key in ["opaque.key", "mail.key"] {
        let kept = std::fs::read(data.join(key)).unwrap();
        std::fs::remove_file(data.join(key)).unwrap();
        for _ in 0..2 {
            assert!(start("localhost").await.unwrap_err().starts_with(key));
        }
        std::fs::write(data.join(key), kept).unwrap();
    }
    start("localhost").await.unwrap();
}

#[tokio::test]
async fn a_relay_without_accounts_takes_another_domain_and_other_keys() {
    let directory = TestRelay::start().await.stop().await;
    let mut config = config(&directory.path().join("data"));
    config.domain = "other.example".into();
    std::fs::remove_file(config.data.join("opaque.key")).unwrap();
    Relay::open(config).await.unwrap();
}

#[tokio::test]
async fn accounts_and_the_opaque_key_outlive_a_restart() {
    let relay = TestRelay::start().await;
    let alice = Person::new(&relay, "alice").await;
    let relay = relay.restart().await;
    relay.call(&GetVault {}, alice.by()).await.unwrap();
    let (device, session) = fresh();
    sign_in(&relay, &alice.address, &alice.password, device, &session).await.unwrap();
}

#[cfg(unix)]
#[tokio::test]
async fn the_opaque_key_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let relay = TestRelay::start().await;
    let mode = |path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(relay.data().join("opaque.key")), 0o600);
    assert_eq!(mode(relay.data()), 0o700);
}

#[tokio::test]
async fn a_session_ends_alone() {
    let relay = TestRelay::start().await;
    let laptop = Person::new(&relay, "alice").await;
    let phone = laptop.another_device(&relay).await;
    let tablet = laptop.another_device(&relay).await;
    phone.publish(&relay, 3).await;
    let sign_out = SignOut { device_list: Some(list(2)) };
    relay.call(&sign_out, phone.by()).await.unwrap();
    assert_eq!(relay.call(&GetVault {}, phone.by()).await.unwrap_err(), Refusal::NotSignedIn);
    let claimed = laptop.claim(&relay, &laptop).await.unwrap();
    assert_eq!(claimed.entry.device_list, list(2));
    assert!(claimed.key_packages.is_empty());

    let revoke = RevokeDevice { device_id: tablet.device, device_list: None };
    relay.call(&revoke, laptop.by()).await.unwrap();
    assert_eq!(relay.call(&GetVault {}, tablet.by()).await.unwrap_err(), Refusal::NotSignedIn);
    relay.call(&GetVault {}, laptop.by()).await.unwrap();
    let bob = Person::new(&relay, "bob").await;
    let revoke = RevokeDevice { device_id: laptop.device, device_list: None };
    assert_eq!(relay.call(&revoke, bob.by()).await.unwrap_err(), Refusal::NotFound);
}

#[tokio::test]
async fn a_sign_out_with_an_outdated_list_changes_nothing() {
    let relay = TestRelay::start().await;
    let alice = Person::new(&relay, "alice").await;
    let call = SignOut { device_list: Some(list(5)) };
    let refused = relay.call(&call, alice.by()).await;
    assert_eq!(refused.unwrap_err(), Refusal::Conflict { current: 1 });
    relay.call(&GetVault {}, alice.by()).await.unwrap();
}

#[tokio::test]
async fn an_account_with_all_its_devices_has_room_for_a_few_sign_ins_and_no_more() {
    let relay = TestRelay::start().await;
    let alice = Person::new(&relay, "alice").await;
    alice.publish(&relay, 1).await;
    for _ in 1..MAX_SESSIONS {
        alice.another_device(&relay).await.publish(&relay, 1).await;
    }
    let (device, session) = fresh();
    let refused = sign_in(&relay, &alice.address, &alice.password, device, &session).await;
    assert_eq!(refused.unwrap_err(), Refusal::TooLarge { what: DEVICES.into(), limit: MAX_SESSIONS });
    // One that is there already may sign in again.
    sign_in(&relay, &alice.address, &alice.password, alice.device, &session).await.unwrap();
    assert_eq!(relay.call(&GetVault {}, alice.by()).await.unwrap_err(), Refusal::NotSignedIn);
}

#[tokio::test]
async fn sign_ins_that_were_never_finished_keep_nobody_out() {
    let relay = TestRelay::start().await;
    let alice = Person::new(&relay, "alice").await;
    alice.publish(&relay, 1).await;
    let mut unfinished = Vec::new();
    for _ in 1..MAX_SESSIONS {
        unfinished.push(alice.another_device(&relay).await);
    }
    let new = alice.another_device(&relay).await;
    for device in unfinished {
        assert_eq!(relay.call(&GetVault {}, device.by()).await.unwrap_err(), Refusal::NotSignedIn);
    }
    for device in [alice, new] {
        relay.call(&GetVault {}, device.by()).await.unwrap();
    }
}

#[tokio::test]
async fn nobody_signs_in_with_another_persons_device_id() {
    let relay = TestRelay::start().await;
    let alice = Person::new(&relay, "alice").await;
    let bob = Person::new(&relay, "bob").await;
    let session = SessionToken(random());
    let refused = sign_in(&relay, &bob.address, &bob.password, alice.device, &session).await;
    assert_eq!(refused.unwrap_err().status(), 400);
    relay.call(&GetVault {}, alice.by()).await.unwrap();
}

#[tokio::test]
async fn vault_and_device_list_are_written_by_compare_and_set() {
    let relay = TestRelay::start().await;
    let alice = Person::new(&relay, "alice").await;
    let put = |version| PutVault { vault: Vault { version, body: format!("vault {version}").into() } };
    for (version, expected) in [
        (1, Err(Refusal::Conflict { current: 1 })),
        (3, Err(Refusal::Conflict { current: 1 })),
        (2, Ok(Done {})),
        (2, Ok(Done {})),
        (u64::MAX, Err(Refusal::Conflict { current: 2 })),
        (3, Ok(Done {})),
    ] {
        assert_eq!(relay.call(&put(version), alice.by()).await, expected, "{version}");
    }
    for (sequence, expected) in [
        (3, Err(Refusal::Conflict { current: 1 })),
        (2, Ok(Done {})),
        (2, Ok(Done {})),
        (1, Err(Refusal::Conflict { current: 2 })),
    ] {
        let call = PutDeviceList { device_list: list(sequence) };
        assert_eq!(relay.call(&call, alice.by()).await, expected, "{sequence}");
    }
    let racing = (0..20).map(|number: u8| PutVault { vault: Vault { version: 4, body: vec![number] } });
    let calls: Vec<_> = racing.collect();
    let answers = futures_util::future::join_all(calls.iter().map(|call| relay.call(call, alice.by()))).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
}

#[tokio::test]
async fn calls_without_a_session_are_refused() {
    let relay = TestRelay::start().await;
    let unknown = SessionToken(random());
    let refused = relay.call(&GetVault {}, By::Session(&unknown)).await;
    assert_eq!(refused.unwrap_err(), Refusal::NotSignedIn);
    let mut request = crate::common::request(&GetVault {}, By::Session(&unknown));
    request.headers_mut().remove("authorization");
    assert_eq!(relay.raw(request).await.status(), 401);
}
