//! Members who break the rules: their commits are refused, by name, and everybody decides the same.

use crate::common::Scene;
use haven_bridge::{ConversationId, ConversationState, ItemContent, StopReason, Unreadable};
use haven_core::{
    identity::{AttestationClaim, attestation, inbox},
    intent::Intent,
    request::Request,
    testing::{Answer, Forgery, ORIGIN, Who, World, account, envelope, key_package, pointer},
};
use haven_wire::{
    ids::{DeviceId, Hash, MessageId, WelcomeId},
    push::FromRelay,
};
use std::{cell::RefCell, rc::Rc};

impl Scene {
    /// What alice, and bob who comes back later, make of a commit by mallory.
    async fn verdict(&mut self, forgery: &Forgery) -> StopReason {
        let before = self.world.engine(self.alice).epoch(self.chat).await;
        self.world.offline(self.bob);
        self.world.commit_forgery(self.third, self.chat, forgery).await;
        self.world.settle().await;
        self.world.now += 300 * 24 * 60 * 60 * 1000;
        self.world.online(self.bob);
        self.world.settle().await;
        let states = [self.world.state(self.alice, self.chat), self.world.state(self.bob, self.chat)];
        assert_eq!(states[0], states[1], "everybody decides the same");
        for who in [self.alice, self.bob] {
            assert_eq!(self.world.engine(who).epoch(self.chat).await, before, "nothing was merged");
        }
        self.world.assert_works(&[self.alice, self.bob], self.other).await;
        let [ConversationState::Stopped(reason), _] = states else { panic!("{forgery:?}: {states:?}") };
        reason
    }
}

fn assert_names_mallory(reason: &StopReason) {
    let StopReason::CommitRefused { from: Some(from), .. } = reason else { panic!("{reason:?}") };
    assert_eq!(from.address, "mallory@example.org");
}

#[test]
fn a_member_who_is_no_admin_removes_nobody() {
    pollster::block_on(async {
        let mut scene = Scene::new("mallory").await;
        let leaves = scene.world.engine(scene.alice).leaves(scene.chat, "bob@example.org").await;
        assert_names_mallory(&scene.verdict(&Forgery::Remove(leaves)).await);
    });
}

#[test]
fn a_member_does_not_make_itself_admin() {
    pollster::block_on(async {
        let mut scene = Scene::new("mallory").await;
        let fingerprint = scene.world.devices[scene.third.0].account.fingerprint;
        assert_names_mallory(&scene.verdict(&Forgery::Admins(vec![fingerprint])).await);
    });
}

#[test]
fn newer_rules_pause_the_conversation() {
    pollster::block_on(async {
        let mut scene = Scene::new("mallory").await;
        assert_eq!(scene.verdict(&Forgery::Rules(2)).await, StopReason::NewerRules);
    });
}

#[test]
fn a_device_that_is_not_of_whom_it_claims_is_not_added() {
    pollster::block_on(async {
        let now = World::new().now;
        // A second certificate for bob's address, a leaf without proof, with a proof for another key, with another
        // name than its proof, and with a lifetime by which members with different clocks would decide differently. It
        // ends in 2100, because OpenMLS looks at the real clock.
        let (impostor, _) = account("bob@example.org", DeviceId([80; 16]), "laptop", now);
        let (dave, _) = account("dave@example.org", DeviceId([81; 16]), "laptop", now);
        let mut other_proof = None;
        key_package(&dave, now, |forged| other_proof.clone_from(&forged.attestation));
        let forged = [
            key_package(&impostor, now, |_| ()),
            key_package(&dave, now, |forged| forged.attestation = None),
            key_package(&dave, now, |forged| forged.attestation = other_proof),
            key_package(&dave, now, |forged| forged.identity = b"carol@example.org/51".to_vec()),
            key_package(&dave, now, |forged| forged.lifetime = (0, 4_102_444_800)),
        ];
        for bytes in forged {
            let mut scene = Scene::new("mallory").await;
            assert_names_mallory(&scene.verdict(&Forgery::Add(bytes)).await);
        }
    });
}

#[test]
fn a_leaf_does_not_become_another_persons() {
    pollster::block_on(async {
        let mut scene = Scene::new("mallory").await;
        // Mallory has a second certificate, and attests its own leaf with it.
        let (dave, _) = account("dave@example.org", DeviceId([81; 16]), "laptop", scene.world.now);
        let claim = AttestationClaim {
            address: dave.address.clone(),
            fingerprint: dave.fingerprint,
            device_id: dave.device_id,
            signature_key: scene.world.engine(scene.third).signature_key(),
            ciphersuite: 1,
            created: scene.world.now,
            label: "laptop".into(),
        };
        let attestation = attestation::attest(&dave.secret_certificate().expect("a certificate"), claim);
        let identity = format!("dave@example.org/{}", dave.device_id.to_hex()).into_bytes();
        let forgery = Forgery::Leaf(attestation.expect("attested"), Some(identity));
        assert_names_mallory(&scene.verdict(&forgery).await);
        let mut scene = Scene::new("mallory").await;
        assert_names_mallory(&scene.verdict(&Forgery::Leaf(vec![1, 2, 3], None)).await);
    });
}

#[test]
fn a_commit_that_is_registered_wrongly_is_refused() {
    pollster::block_on(async {
        for wrong in 0..2 {
            let mut scene = Scene::new("mallory").await;
            let mut commit = scene.world.engine(scene.third).forge(scene.chat, &Forgery::Refresh).await;
            match wrong {
                0 => commit.mark.next_token_hash = Hash([5; 32]),
                _ => commit.mark.barrier = true,
            }
            scene.world.restart(scene.third).await;
            let token = scene.world.engine(scene.third).token(scene.chat);
            scene.world.call_as(scene.third, &commit, token).await.expect("taken");
            scene.world.settle().await;
            for who in [scene.alice, scene.bob] {
                let ConversationState::Stopped(reason) = scene.world.state(who, scene.chat) else {
                    panic!("not stopped");
                };
                assert_names_mallory(&reason);
            }
            scene.world.assert_works(&[scene.alice, scene.bob], scene.other).await;
        }
    });
}

#[test]
fn a_commit_that_says_nothing_of_the_log_is_refused() {
    pollster::block_on(async {
        let mut scene = Scene::new("mallory").await;
        let reason = scene.verdict(&Forgery::RefreshUnseen).await;
        assert!(matches!(reason, StopReason::RelayMisbehaved { .. }), "{reason:?}");
    });
}

#[test]
fn a_commit_by_somebody_who_was_shown_another_log_is_merged_and_said() {
    pollster::block_on(async {
        let mut scene = Scene::new("mallory").await;
        let (alice, bob, chat) = (scene.alice, scene.bob, scene.chat);
        scene.world.commit_forgery(scene.third, chat, &Forgery::RefreshAstray).await;
        scene.world.settle().await;
        for who in [alice, bob] {
            let timeline = scene.world.timeline(who, chat).await;
            assert_eq!(timeline.last().map(String::as_str), Some("* mallory saw other rows"));
        }
        assert_eq!(scene.world.epochs(&[alice, bob], chat).await.len(), 1);
        scene.world.assert_works(&[alice, bob], chat).await;
    });
}

#[test]
fn malformed_and_mislabelled_messages_harm_nobody() {
    pollster::block_on(async {
        let mut scene = Scene::new("mallory").await;
        let good = envelope(scene.world.now, &Hash([0; 32]), "you see another log");
        for plaintext in [vec![], vec![0xff; 100], good] {
            let mallory = scene.world.engine(scene.third);
            let (message, token) =
                (mallory.forge_message(scene.chat, &plaintext, true).await, mallory.token(scene.chat));
            scene.world.restart(scene.third).await;
            scene.world.call_as(scene.third, &message, token).await.expect("taken");
            // Mallory refreshes its keys once it meets what it doesn't know.
            scene.world.settle().await;
        }
        let items = scene.world.items(scene.bob, scene.chat).await;
        let shown: Vec<_> = items.into_iter().map(|item| item.content).collect();
        assert!(shown.contains(&ItemContent::Unreadable(Unreadable::Malformed)));
        let disagrees = |item: &ItemContent| matches!(item, ItemContent::Received { disagrees: true, .. });
        assert!(shown.iter().any(disagrees), "{shown:#?}");
        scene.world.assert_works(&[scene.alice, scene.bob], scene.chat).await;
        let mallory = scene.world.engine(scene.third);
        let (message, token) =
            (mallory.forge_message(scene.chat, b"", false).await, mallory.token(scene.chat));
        scene.world.restart(scene.third).await;
        scene.world.call_as(scene.third, &message, token).await.expect("taken");
        scene.world.settle().await;
        for who in [scene.alice, scene.bob] {
            let state = scene.world.state(who, scene.chat);
            assert!(
                matches!(state, ConversationState::Stopped(StopReason::RelayMisbehaved { .. })),
                "{state:?}"
            );
        }
        scene.world.assert_works(&[scene.alice, scene.bob], scene.other).await;
    });
}

const REFUSED: &str = "* a second Welcome was refused";

/// Puts Welcomes into bob's inbox that claim to be for the group of mallory's conversation.
fn invite_again(scene: &mut Scene, chat: ConversationId, welcome: &[u8]) {
    let group_id = scene.world.engine(scene.third).group_id(chat);
    let bob = scene.world.devices[scene.bob.0].account.clone();
    for n in 0..20 {
        let id = WelcomeId([n; 32]);
        let sealed = inbox::seal_to_inbox(&bob.inbox_key, &pointer(ORIGIN, group_id, id, Hash([2; 32])));
        scene.world.relay.put(bob.device_id, sealed.expect("sealed"), id, welcome.to_vec());
    }
}

#[test]
fn a_second_welcome_to_a_group_is_refused_and_said_once_in_an_epoch() {
    pollster::block_on(async {
        let mut scene = Scene::new("mallory").await;
        let (bob, chat) = (scene.bob, scene.chat);
        let device = scene.world.device_id(bob);
        // A Welcome that opens: of another group, to which mallory invites bob.
        let kept: Rc<RefCell<Vec<u8>>> = Rc::default();
        let keep = kept.clone();
        scene.world.relay.set_tamper(move |_, answer| {
            if let Answer::Welcome(welcome) = answer {
                keep.borrow_mut().clone_from(&welcome.welcome);
            }
        });
        let fresh = scene.world.start(scene.third, &[bob]).await;
        scene.world.settle().await;
        scene.world.relay.be_honest();
        let welcome = kept.take();
        assert!(!welcome.is_empty());
        for said in [1, 2] {
            let before = scene.world.engine(bob).epoch(chat).await;
            for welcome in [&welcome[..], b"none"] {
                invite_again(&mut scene, chat, welcome);
                scene.world.settle().await;
                scene.world.restart(bob).await;
            }
            assert_eq!(scene.world.engine(bob).epoch(chat).await, before);
            let timeline = scene.world.timeline(bob, chat).await;
            assert_eq!(timeline.iter().filter(|line| *line == REFUSED).count(), said, "{timeline:#?}");
            assert_eq!(scene.world.relay.in_inbox(device), 0);
            let rename = Intent::Rename { conversation: chat, title: format!("{said}") };
            scene.world.want(scene.alice, rename).await;
            scene.world.settle().await;
        }
        scene.world.assert_works(&[scene.alice, bob, scene.third], chat).await;
        scene.world.accept(bob, fresh).await;
        scene.world.assert_works(&[scene.third, bob], fresh).await;
        // Before the first row is met, too: the line that belongs to it is not lost.
        scene.world.offline(bob);
        let next = scene.world.start(scene.third, &[bob]).await;
        scene.world.settle().await;
        invite_again(&mut scene, next, b"none");
        scene.world.online(bob);
        scene.world.settle().await;
        assert_eq!(scene.world.timeline(bob, next).await, [REFUSED, "* mallory added me"]);
        scene.world.assert_works(&[scene.third, bob], next).await;
    });
}

#[test]
fn a_message_does_not_take_the_place_of_a_line() {
    pollster::block_on(async {
        let mut scene = Scene::new("mallory").await;
        let eve = scene.world.sign_up("eve").await;
        scene.world.settle().await;
        scene.world.want(scene.third, scene.add(eve)).await;
        scene.world.settle().await;
        let items = scene.world.items(scene.bob, scene.chat).await;
        let line = items.last().expect("a line").clone();
        // The id of a line follows from its place, so whoever is in the group can give it to a message.
        let plaintext = envelope(scene.world.now, &Hash([0; 32]), "nothing happened");
        let mallory = scene.world.engine(scene.third);
        let token = mallory.token(scene.chat);
        let forged = mallory.forge_message_with(scene.chat, &plaintext, MessageId(line.id.0)).await;
        scene.world.restart(scene.third).await;
        scene.world.call_as(scene.third, &forged, token).await.expect("taken");
        scene.world.settle().await;
        let after = scene.world.items(scene.bob, scene.chat).await;
        assert_eq!(after.len(), items.len() + 1);
        assert_eq!(after.iter().filter(|item| item.id == line.id).count(), 1);
    });
}

/// The Welcome by which `by` invites bob to a new conversation, which bob doesn't get.
async fn intercepted_welcome(scene: &mut Scene, by: Who) -> (ConversationId, Vec<u8>) {
    let kept: Rc<RefCell<Vec<u8>>> = Rc::default();
    let keep = kept.clone();
    scene.world.relay.set_tamper(move |_, answer| {
        if let Answer::Welcome(welcome) = answer {
            *keep.borrow_mut() = std::mem::take(&mut welcome.welcome);
        }
    });
    let chat = scene.world.start(by, &[scene.bob]).await;
    scene.world.settle().await;
    scene.world.relay.be_honest();
    (chat, kept.take())
}

#[test]
fn a_welcome_that_fails_disturbs_nothing_else() {
    pollster::block_on(async {
        let mut scene = Scene::new("mallory").await;
        let (bob, third) = (scene.bob, scene.third);
        let (chat, welcome) = intercepted_welcome(&mut scene, third).await;
        let mut broken = welcome.clone();
        *broken.last_mut().expect("bytes") ^= 1;
        invite_again(&mut scene, chat, &broken);
        let now = scene.world.clock(bob);
        scene.world.push(bob, vec![FromRelay::Inbox]).await;
        for request in scene.world.engine(bob).outgoing(now).await.expect("outgoing").requests {
            scene.world.exchange(bob, request).await;
        }
        // A text is on its way while Welcomes come.
        scene.world.say(bob, scene.other, "meanwhile").await;
        let pending = scene.world.engine(bob).outgoing(now).await.expect("outgoing").requests;
        let (welcomes, others): (Vec<_>, Vec<_>) =
            pending.into_iter().partition(|request| matches!(request.request, Request::GetWelcome(_)));
        assert!((1..=2).contains(&welcomes.len()) && !others.is_empty());
        for request in welcomes {
            scene.world.exchange(bob, request).await;
        }
        assert!(others.iter().all(|request| scene.world.engine(bob).waits_for(request.id)));
        for request in others {
            scene.world.exchange(bob, request).await;
        }
        scene.world.settle().await;
        // The key package is still there for the real one.
        let group_id = scene.world.engine(third).group_id(chat);
        let commit =
            scene.world.relay.all_rows().into_iter().find(|(group, _)| *group == group_id).expect("it").1;
        let account = scene.world.devices[bob.0].account.clone();
        let id = WelcomeId([99; 32]);
        let opening = Hash::of(&commit.ciphertext);
        let sealed = inbox::seal_to_inbox(&account.inbox_key, &pointer(ORIGIN, group_id, id, opening));
        scene.world.relay.put(account.device_id, sealed.expect("sealed"), id, welcome);
        scene.world.settle().await;
        scene.world.accept(bob, chat).await;
        scene.world.assert_works(&[third, bob], chat).await;
    });
}

#[test]
fn a_welcome_to_a_group_that_nobody_has_does_not_keep_the_real_one_out() {
    pollster::block_on(async {
        let mut scene = Scene::new("mallory").await;
        let (alice, bob, chat) = (scene.alice, scene.bob, scene.chat);
        let fingerprints = vec![scene.world.fingerprint(bob)];
        scene.world.want(alice, Intent::RemovePeople { conversation: chat, fingerprints }).await;
        scene.world.settle().await;
        // A Welcome whose rows never come, as one to a group that somebody made with these ids and nobody else has.
        let addresses = vec![scene.world.address(bob)];
        scene.world.relay.set_tamper({
            let device = scene.world.device_id(bob);
            move |to, answer| {
                if let Answer::Rows(rows) = answer
                    && to == device
                {
                    rows.rows.clear();
                }
            }
        });
        scene.world.want(alice, Intent::AddPeople { conversation: chat, addresses }).await;
        for _ in 0..8 {
            scene.world.settle().await;
            scene.world.now += 40_000;
        }
        assert!(matches!(scene.world.state(bob, chat), ConversationState::Stopped(_)));
        scene.world.relay.be_honest();
        // Bob's device is taken out and added again: this Welcome is the real one.
        let fingerprints = vec![scene.world.fingerprint(bob)];
        scene.world.want(alice, Intent::RemovePeople { conversation: chat, fingerprints }).await;
        scene.world.settle().await;
        let addresses = vec![scene.world.address(bob)];
        scene.world.want(alice, Intent::AddPeople { conversation: chat, addresses }).await;
        scene.world.settle().await;
        scene.world.assert_works(&[alice, bob, scene.third], chat).await;
    });
}
