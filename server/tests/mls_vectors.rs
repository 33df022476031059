//! The clear header of RFC 9420's `messages.json`: what the relay reads of a message by itself, on messages that
//! somebody else made. `data/README.md` says where they come from.

use haven_server::header::check;
use haven_wire::{Refusal, group::Kind, ids::GroupId};
use std::collections::BTreeMap;

struct Entry(BTreeMap<String, String>);

impl Entry {
    fn bytes(&self, name: &str) -> Vec<u8> {
        hex::decode(&self.0[name]).expect("hex")
    }

    /// The group of all messages of the entry: after version, wire format, version, suite and a length.
    fn group_id(&self) -> GroupId {
        GroupId::from_slice(&self.bytes("mls_group_info")[9..25]).expect("sixteen bytes")
    }

    /// As which kind the relay takes a message of this epoch.
    fn taken_as(&self, message: &str, epoch: u64) -> Vec<Kind> {
        let (message, group_id) = (self.bytes(message), self.group_id());
        let taken = |kind: &Kind| check(&message, group_id, epoch, *kind) == Ok(());
        [Kind::Application, Kind::Commit].into_iter().filter(taken).collect()
    }
}

fn entries() -> [Entry; 3] {
    let entries: [BTreeMap<String, String>; 3] =
        serde_json::from_str(include_str!("data/messages.json")).expect("entries");
    entries.map(Entry)
}

#[test]
fn a_private_message_is_taken_as_what_it_is() {
    let [proposal, commit, application] = entries();
    assert_eq!(proposal.taken_as("private_message", 0), []);
    assert_eq!(commit.taken_as("private_message", 0), [Kind::Commit]);
    assert_eq!(application.taken_as("private_message", 1), [Kind::Application]);
    assert_eq!(commit.taken_as("private_message", 1), []);
    assert_eq!(application.taken_as("private_message", 0), []);
}

#[test]
fn a_message_of_another_group_is_refused() {
    let [_, commit, application] = entries();
    let message = commit.bytes("private_message");
    let result = check(&message, application.group_id(), 0, Kind::Commit);
    assert_eq!(result, Err(Refusal::HeaderMismatch));
}

#[test]
fn nothing_but_private_messages_is_taken() {
    for entry in entries() {
        for name in entry.0.keys().filter(|name| *name != "private_message") {
            for epoch in 0..2 {
                assert_eq!(entry.taken_as(name, epoch), [], "{name}");
            }
        }
    }
}
