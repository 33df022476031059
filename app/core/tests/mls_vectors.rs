//! RFC 9420's test vectors for passive clients, by OpenMLS over the engine's own provider and store, with a reload
//! after every step. `data/mls/README.md` says where they come from.

use haven_core::testing::PassiveClient;
use serde::{Deserialize, Deserializer};

struct Hex(Vec<u8>);

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        hex::decode(text).map(Self).map_err(serde::de::Error::custom)
    }
}

#[derive(Deserialize)]
struct Vector {
    cipher_suite: u16,
    external_psks: Vec<Psk>,
    key_package: Hex,
    encryption_priv: Hex,
    init_priv: Hex,
    welcome: Hex,
    ratchet_tree: Option<Hex>,
    initial_epoch_authenticator: Hex,
    epochs: Vec<Epoch>,
}

#[derive(Deserialize)]
struct Psk {
    psk_id: Hex,
    psk: Hex,
}

#[derive(Deserialize)]
struct Epoch {
    proposals: Vec<Hex>,
    commit: Hex,
    epoch_authenticator: Hex,
}

/// Follows each vector to its end. Tells how many epochs there were.
fn follow_all(json: &str) -> usize {
    let vectors: Vec<Vector> = serde_json::from_str(json).expect("vectors");
    vectors.iter().map(|vector| pollster::block_on(follow(vector))).sum()
}

async fn follow(vector: &Vector) -> usize {
    assert_eq!(vector.cipher_suite, 1, "the suite of new groups");
    let mut client = PassiveClient::new();
    for Psk { psk_id, psk } in &vector.external_psks {
        client.learn_psk(&psk_id.0, &psk.0);
    }
    client.take_key_package(&vector.key_package.0, &vector.init_priv.0, &vector.encryption_priv.0);
    client.restart().await;
    client.join(&vector.welcome.0, vector.ratchet_tree.as_ref().map(|tree| tree.0.as_slice()));
    client.restart().await;
    assert_eq!(client.epoch_authenticator(), vector.initial_epoch_authenticator.0);
    for epoch in &vector.epochs {
        for proposal in &epoch.proposals {
            client.process(&proposal.0);
            client.restart().await;
        }
        client.process(&epoch.commit.0);
        client.restart().await;
        assert_eq!(client.epoch_authenticator(), epoch.epoch_authenticator.0);
    }
    1 + vector.epochs.len()
}

#[test]
fn a_passive_client_joins() {
    assert_eq!(follow_all(include_str!("data/mls/passive-client-welcome.json")), 8);
}

#[test]
fn a_passive_client_follows_commits() {
    assert_eq!(follow_all(include_str!("data/mls/passive-client-handling-commit.json")), 9 * 3);
}

#[test]
fn a_passive_client_follows_a_commit_in_a_larger_group() {
    assert_eq!(follow_all(include_str!("data/mls/passive-client-random.json")), 2);
}
