//! Key packages, the directory, inboxes.

use crate::common::{By, TestRelay, group::Group, person::*, random, socket::Socket};
use haven_wire::{Refusal, group::*, ids::*, inbox::*, keys::*, push::FromRelay};
use serde_bytes::ByteBuf;
use std::collections::HashSet;

#[tokio::test]
async fn a_claim_takes_one_key_package_of_each_device() {
    let relay = TestRelay::start().await;
    let alice = Person::new(&relay, "alice").await;
    let laptop = Person::new(&relay, "bob").await;
    let phone = laptop.another_device(&relay).await;
    laptop.another_device(&relay).await;
    laptop.publish(&relay, 2).await;
    phone.publish(&relay, 2).await;
    let claimed = alice.claim(&relay, &laptop).await.unwrap();
    let devices: HashSet<_> = claimed.key_packages.iter().map(|one| one.device_id).collect();
    assert_eq!(devices, HashSet::from([laptop.device, phone.device]));
    assert_eq!(claimed.entry.certificate, b"certificate of bob");
    let count = relay.call(&CountKeyPackages { suite: SUITE }, laptop.by()).await;
    assert_eq!(count, Ok(KeyPackageCount { one_time: 1, last_resort_fresh: true }));
}

#[tokio::test]
async fn the_last_resort_is_given_out_again_and_again_and_marked() {
    let relay = TestRelay::start().await;
    let alice = Person::new(&relay, "alice").await;
    let bob = Person::new(&relay, "bob").await;
    bob.publish(&relay, 1).await;
    let mut bodies = Vec::new();
    for _ in 0..3 {
        bodies.push(alice.claim(&relay, &bob).await.unwrap().key_packages[0].key_package.clone());
    }
    assert_ne!(bodies[0], b"last resort");
    assert_eq!(bodies[1..], [b"last resort".to_vec(), b"last resort".to_vec()]);
    let count = relay.call(&CountKeyPackages { suite: SUITE }, bob.by()).await;
    assert_eq!(count, Ok(KeyPackageCount { one_time: 0, last_resort_fresh: false }));
    let again = PublishKeyPackages {
        suite: SUITE,
        one_time: Vec::new(),
        last_resort: Some(ByteBuf::from(b"last resort".to_vec())),
    };
    assert!(!relay.call(&again, bob.by()).await.unwrap().last_resort_fresh);
    let new = PublishKeyPackages { last_resort: Some(ByteBuf::from(b"another".to_vec())), ..again };
    assert!(relay.call(&new, bob.by()).await.unwrap().last_resort_fresh);
}

#[tokio::test]
async fn a_device_has_key_packages_of_a_few_suites_and_no_more() {
    let relay = TestRelay::start().await;
    let bob = Person::new(&relay, "bob").await;
    for suite in 0..10 {
        let call = PublishKeyPackages { suite, ..key_packages(2) };
        let refused = relay.call(&call, bob.by()).await.err();
        let expected = Refusal::TooLarge { what: "suites".into(), limit: 4 };
        assert_eq!(refused, (suite >= 4).then_some(expected), "{suite}");
    }
    relay.call(&PublishKeyPackages { suite: 0, ..key_packages(2) }, bob.by()).await.unwrap();
}

#[tokio::test]
async fn pools_are_kept_by_suite() {
    let relay = TestRelay::start().await;
    let alice = Person::new(&relay, "alice").await;
    let bob = Person::new(&relay, "bob").await;
    bob.publish(&relay, 5).await;
    let call = ClaimKeyPackages { address: bob.address.clone(), suite: 0x4f };
    let claimed = relay.call(&call, alice.by()).await.unwrap();
    assert!(claimed.key_packages.is_empty());
}

#[tokio::test]
async fn sixty_four_claims_at_once_get_sixty_four_key_packages() {
    let relay = TestRelay::start().await;
    let bob = Person::new(&relay, "bob").await;
    bob.publish(&relay, 64).await;
    let mut people = Vec::new();
    for number in 0..8 {
        people.push(Person::new(&relay, &format!("claimer{number}")).await);
    }
    let claims = (0..64).map(|number| people[number % 8].claim(&relay, &bob));
    let claimed: HashSet<_> = futures_util::future::join_all(claims)
        .await
        .into_iter()
        .map(|claimed| claimed.unwrap().key_packages[0].key_package.clone())
        .collect();
    assert_eq!(claimed.len(), 64);
    assert!(!claimed.contains(b"last resort".as_slice()));
}

#[tokio::test]
async fn a_repeated_publication_brings_nothing_back_that_was_given_out() {
    let relay = TestRelay::start().await;
    let alice = Person::new(&relay, "alice").await;
    let bob = Person::new(&relay, "bob").await;
    let call = key_packages(2);
    relay.call(&call, bob.by()).await.unwrap();
    alice.claim(&relay, &bob).await.unwrap();
    assert_eq!(relay.call(&call, bob.by()).await.unwrap().one_time, 1);
}

#[tokio::test]
async fn a_pool_holds_a_hundred() {
    let relay = TestRelay::start().await;
    let bob = Person::new(&relay, "bob").await;
    bob.publish(&relay, 100).await;
    let refused = relay.call(&key_packages(1), bob.by()).await;
    assert_eq!(refused.unwrap_err().status(), 413);
    let count = relay.call(&CountKeyPackages { suite: SUITE }, bob.by()).await;
    assert_eq!(count.unwrap().one_time, 100);
}

#[tokio::test]
async fn a_device_hears_when_half_of_its_key_packages_are_gone() {
    let relay = TestRelay::start().await;
    let alice = Person::new(&relay, "alice").await;
    let bob = Person::new(&relay, "bob").await;
    bob.publish(&relay, 51).await;
    let mut socket = Socket::of(&relay, &bob).await;
    alice.claim(&relay, &bob).await.unwrap();
    assert!(socket.drain().await.is_empty());
    alice.claim(&relay, &bob).await.unwrap();
    assert!(matches!(socket.next().await, Some(FromRelay::KeyPackagesLow)));
}

#[tokio::test]
async fn the_directory_shows_people_of_this_relay_to_those_signed_in() {
    let relay = TestRelay::start().await;
    let alice = Person::new(&relay, "alice").await;
    let look_up = |address: &str| Lookup { address: address.into() };
    let entry = relay.call(&look_up("alice@localhost"), alice.by()).await.unwrap();
    assert_eq!(entry.certificate, b"certificate of alice");
    for address in ["bob@localhost", "alice@elsewhere.example", "alice"] {
        let refused = relay.call(&look_up(address), alice.by()).await;
        assert_eq!(refused.unwrap_err(), Refusal::NotFound);
    }
}

/// A commit that adds devices.
fn adding(group: &Group, devices: &[DeviceId]) -> AppendCommit {
    AppendCommit {
        welcome: Some(StoredWelcome { id: WelcomeId(random()), welcome: b"sealed welcome".to_vec() }),
        pointers: devices
            .iter()
            .map(|device| Pointer { inbox: *device, sealed: b"sealed pointer".to_vec() })
            .collect(),
        ..group.new_commit(false)
    }
}

#[tokio::test]
async fn a_welcome_is_stored_with_its_commit_and_pointers_reach_inboxes() {
    let relay = TestRelay::start().await;
    let bob = Person::new(&relay, "bob").await;
    let mut socket = Socket::of(&relay, &bob).await;
    let group = Group::new();
    let nobody = DeviceId(random());
    let call = adding(&group, &[bob.device, nobody]);
    let appended = group.send_commit(&relay, &call).await.unwrap();
    assert_eq!(appended.unknown_inboxes, [nobody]);
    assert!(matches!(socket.next().await, Some(FromRelay::Inbox)));
    let inbox = relay.call(&GetInbox { after: 0 }, bob.by()).await.unwrap();
    assert_eq!(inbox.entries.len(), 1);
    assert_eq!(inbox.entries[0].sealed, b"sealed pointer");
    let id = call.welcome.as_ref().unwrap().id;
    let welcome = relay.call(&GetWelcome { id }, By::Nobody).await.unwrap();
    assert_eq!(welcome.welcome, b"sealed welcome");
    // The same commit again delivers nothing again.
    assert_eq!(group.send_commit(&relay, &call).await.unwrap(), appended);
    assert!(socket.drain().await.is_empty());
    let up_to = inbox.entries[0].sequence;
    relay.call(&AcknowledgeInbox { up_to }, bob.by()).await.unwrap();
    let inbox = relay.call(&GetInbox { after: 0 }, bob.by()).await.unwrap();
    assert!(inbox.entries.is_empty());
    let unknown = GetWelcome { id: WelcomeId(random()) };
    assert_eq!(relay.call(&unknown, By::Nobody).await.unwrap_err(), Refusal::NotFound);
}

#[tokio::test]
async fn a_refused_commit_leaves_no_welcome_and_no_pointer() {
    let relay = TestRelay::start().await;
    let bob = Person::new(&relay, "bob").await;
    let group = Group::on(&relay).await;
    let late = adding(&Group::new(), &[bob.device]);
    let mut call = AppendCommit { group_id: group.id, ..late };
    call.commit = crate::common::group::message(group.id, 0, Kind::Commit, b"late");
    assert_eq!(group.send_commit(&relay, &call).await.unwrap_err().status(), 409);
    let id = call.welcome.unwrap().id;
    assert!(relay.call(&GetWelcome { id }, By::Nobody).await.is_err());
    let mut socket = Socket::of(&relay, &bob).await;
    assert!(socket.drain().await.is_empty());
}

#[tokio::test]
async fn nobody_replaces_a_stored_welcome() {
    let relay = TestRelay::start().await;
    let first = Group::new();
    let stored = adding(&first, &[]);
    first.send_commit(&relay, &stored).await.unwrap();
    let second = Group::new();
    let mut call = adding(&second, &[]);
    let id = stored.welcome.unwrap().id;
    call.welcome = Some(StoredWelcome { id, welcome: b"another".to_vec() });
    assert_eq!(second.send_commit(&relay, &call).await.unwrap_err().status(), 400);
    let welcome = relay.call(&GetWelcome { id }, By::Nobody).await.unwrap();
    assert_eq!(welcome.welcome, b"sealed welcome");
    // And the commit that tried it was not stored.
    assert_eq!(second.opens_nothing(&relay).await, Refusal::WrongEpochToken);
}

impl Group {
    async fn opens_nothing(&self, relay: &TestRelay) -> Refusal {
        self.rows(relay, 0, 0).await.unwrap_err()
    }
}

#[tokio::test]
async fn what_a_full_inbox_has_no_room_for_comes_when_it_is_emptied() {
    let relay = TestRelay::start().await;
    let bob = Person::new(&relay, "bob").await;
    for _ in 0..1_100 {
        let group = Group::new();
        group.send_commit(&relay, &adding(&group, &[bob.device])).await.unwrap();
    }
    let deliver = async || {
        while haven_server::store::RelayStore::deliver_outbox(&*relay.store).await.unwrap() > 0 {}
    };
    let read = async || {
        let (mut after, mut entries) = (0, 0);
        loop {
            let inbox = relay.call(&GetInbox { after }, bob.by()).await.unwrap();
            let Some(last) = inbox.entries.last() else { return (after, entries) };
            assert!(inbox.entries.len() <= 100);
            entries += inbox.entries.len();
            after = last.sequence;
        }
    };
    deliver().await;
    let (last, entries) = read().await;
    assert_eq!(entries, 1_000);
    relay.call(&AcknowledgeInbox { up_to: last }, bob.by()).await.unwrap();
    deliver().await;
    assert_eq!(read().await.1, 100);
}

#[tokio::test]
async fn a_commit_has_one_pointer_for_each_inbox() {
    let relay = TestRelay::start().await;
    let bob = Person::new(&relay, "bob").await;
    let group = Group::new();
    let refused = group.send_commit(&relay, &adding(&group, &[bob.device, bob.device])).await;
    assert!(matches!(refused.unwrap_err(), Refusal::BadRequest { .. }));
}
