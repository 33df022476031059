//! Certificates, device lists, key packages and vaults that it changes.

use super::*;

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
