//! Groups as a member sees them: an id, and a token for each epoch.

use super::{By, TestRelay, random};
use haven_wire::{Refusal, group::*, ids::*};

/// A group and the tokens of all its epochs.
pub struct Group {
    pub id: GroupId,
    pub epoch: u64,
    pub secret: [u8; 16],
}

/// An MLS PrivateMessage, as far as the relay looks.
pub fn message(group: GroupId, epoch: u64, kind: Kind, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 1, 0, 2, 16];
    bytes.extend(group.as_bytes());
    bytes.extend(epoch.to_be_bytes());
    bytes.push(match kind {
        Kind::Application => 1,
        Kind::Commit => 3,
    });
    bytes.extend(body);
    bytes
}

impl Group {
    pub fn new() -> Self {
        Self { id: GroupId(random()), epoch: 0, secret: random() }
    }

    /// A group that the relay knows, at epoch 1.
    pub async fn on(relay: &TestRelay) -> Self {
        let mut group = Self::new();
        group.commit(relay, false).await;
        group
    }

    pub fn token(&self, epoch: u64) -> EpochToken {
        EpochToken(Hash::of(&[self.secret.as_slice(), &epoch.to_be_bytes()].concat()).0)
    }

    /// A commit of the current epoch.
    pub fn new_commit(&self, barrier: bool) -> AppendCommit {
        AppendCommit {
            group_id: self.id,
            epoch: self.epoch,
            message_id: MessageId(random()),
            commit: message(self.id, self.epoch, Kind::Commit, b"sealed commit"),
            mark: CommitMark { next_token_hash: self.token(self.epoch + 1).hash(), barrier },
            welcome: None,
            pointers: Vec::new(),
        }
    }

    /// Application messages of the current epoch.
    pub fn new_messages(&self, count: usize) -> AppendMessages {
        let messages = (0..count)
            .map(|_| NewMessage {
                message_id: MessageId(random()),
                ciphertext: message(self.id, self.epoch, Kind::Application, b"sealed message"),
            })
            .collect();
        AppendMessages { group_id: self.id, epoch: self.epoch, messages }
    }

    pub async fn send_commit(&self, relay: &TestRelay, call: &AppendCommit) -> Result<Appended, Refusal> {
        relay.call(call, By::Token(&self.token(call.epoch))).await
    }

    pub async fn send_messages(&self, relay: &TestRelay, call: &AppendMessages) -> Result<Appended, Refusal> {
        relay.call(call, By::Token(&self.token(call.epoch))).await
    }

    /// Commits, and goes on to the next epoch. Answers the sequence number.
    pub async fn commit(&mut self, relay: &TestRelay, barrier: bool) -> u64 {
        let appended = self.send_commit(relay, &self.new_commit(barrier)).await.unwrap();
        self.epoch += 1;
        appended.sequence
    }

    /// Sends one message. Answers the sequence number.
    pub async fn say(&self, relay: &TestRelay) -> u64 {
        self.send_messages(relay, &self.new_messages(1)).await.unwrap().sequence
    }

    pub async fn rows(&self, relay: &TestRelay, epoch: u64, after: u64) -> Result<Rows, Refusal> {
        let call = GetRows { group_id: self.id, epoch, after, limit: 1000 };
        relay.call(&call, By::Token(&self.token(epoch))).await
    }

    /// The sequence numbers of the rows that the token of an epoch opens.
    pub async fn opens(&self, relay: &TestRelay, epoch: u64) -> Vec<u64> {
        let rows = self.rows(relay, epoch, 0).await.unwrap();
        rows.rows.iter().map(|row| row.sequence).collect()
    }

    pub fn opened(&self, epoch: u64) -> Opened {
        Opened { group_id: self.id, epoch, token: self.token(epoch) }
    }
}
