//! What is stored of conversations, jobs and contacts. All of it is CBOR, and old forms must stay readable.

use super::seen::{Ended, RunningHash, Seen};
use crate::{Millis, identity::Fingerprint};
use haven_bridge::{ConversationId, Failure, ItemId, Preview, StopReason};
use haven_wire::{
    group::AppendCommit,
    ids::{DeviceId, EpochToken, GroupId, Hash, MessageId, WelcomeId},
    limits,
};
use serde::{Deserialize, Serialize};

/// What changes rarely of a conversation.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Details {
    /// Its id.
    pub id: ConversationId,
    /// The origin of the relay that holds its log.
    pub origin: String,
    /// Its group.
    pub group_id: GroupId,
    /// What can be done in it.
    pub state: State,
    /// Its title; empty for none.
    pub title: String,
    /// Some of the other people: enough for a name.
    pub people: Vec<PersonRecord>,
    /// How many other people there are.
    pub people_count: u32,
    /// How many leaves the group has.
    pub leaves: u32,
    /// In a request to come back: what the conversation was before.
    #[serde(default)]
    pub before: Option<Box<(Details, Head)>>,
}

/// A person: certificate and address.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct PersonRecord {
    /// The certificate.
    pub fingerprint: Fingerprint,
    /// The address.
    pub address: String,
}

/// What can be done in a conversation.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub enum State {
    /// It is being started.
    Starting,
    /// Starting failed.
    StartFailed(Failure),
    /// Somebody unknown started it.
    Request(PersonRecord),
    /// Messages can be sent.
    Active,
    /// It stopped at the row after the cursor.
    Stopped(StopReason),
    /// This device was removed.
    Removed,
}

impl State {
    /// Whether texts are taken, to be sent now or once the conversation has started.
    pub fn takes_texts(&self) -> bool {
        matches!(self, Self::Starting | Self::Active | Self::StartFailed(_))
    }

    /// Why nothing that needs another state can be done.
    pub fn refusal(&self) -> Failure {
        match self {
            Self::Removed => Failure::NotAMember,
            Self::Stopped(_) => Failure::ConversationStopped,
            Self::Starting | Self::StartFailed(_) | Self::Request(_) | Self::Active => {
                Failure::ConversationNotReady
            }
        }
    }
}

/// What changes with each message.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Head {
    /// The last processed row; nothing before the first row after a Welcome.
    pub cursor: Option<u64>,
    /// The group's epoch.
    pub epoch: u64,
    /// Opens the log.
    pub token: EpochToken,
    /// Rows since the commit that opened the epoch.
    pub rows: u64,
    /// The running hashes after the newest rows of the epoch, the last one newest, and after its opening commit.
    pub hashes: Vec<serde_bytes::ByteArray<16>>,
    /// After a Welcome: the hash of the commit that must be the first row.
    pub opening: Option<Hash>,
    /// This device must refresh its keys before it sends: it met a message of its own that it doesn't know.
    pub must_update: bool,
    /// When this device last refreshed its keys, or joined.
    pub updated_keys: Millis,
    /// Whether this device has sent a message since it joined.
    pub has_sent: bool,
    /// Counts own messages that wait.
    pub next_order: u64,
    /// Counts lines that come from no row.
    pub next_line: u8,
    /// Received and not seen.
    pub unread: u32,
    /// Time of the newest item.
    pub updated: Millis,
    /// The newest item.
    pub preview: Preview,
    /// The last epoch in which a second Welcome was refused, and said so.
    #[serde(default)]
    pub second_welcome: Option<u64>,
    /// When this device last had everything that the relay had, to the day: nothing newer can be gone because of its age.
    #[serde(default)]
    pub complete: Millis,
    /// The line that counts what is gone, as long as nothing is shown after it.
    #[serde(default)]
    pub gone: Option<GoneLine>,
    /// Whether messages of this epoch are gone. Some may be this device's own, from before its state was lost and restored.
    #[serde(default)]
    pub has_holes: bool,
    /// How the epochs before this one ended.
    #[serde(default)]
    pub ended: Ended,
}

/// A line that counts messages which the relay had deleted.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct GoneLine {
    /// The row of the first one.
    pub first: u64,
    /// How many.
    pub count: u32,
    /// Whether they were too new for that.
    pub too_new: bool,
}

/// A day.
pub const DAY: Millis = 24 * 60 * 60 * 1000;

/// Running hashes that are kept. They are written with every message, 17 bytes each, so they can't be all of an epoch.
///
/// Who writes can be behind by what the others appended while the request was on its way. All messages of a request are
/// encrypted with one view, so its first one speaks for all. Two full requests of others may come before it, which takes
/// as many hashes and the one before them. What comes later still, as after a night without a connection, is not compared.
/// The hash is over all rows before it, so nothing is lost by that, unless everything from those who saw another log
/// comes so late, up to the end of the epoch.
const KEPT_HASHES: usize = 2 * limits::MAX_APPEND + 1;

impl Head {
    /// The running hash after the newest row.
    pub fn running(&self) -> RunningHash {
        self.hashes.last().map(|hash| hash.into_array()).unwrap_or_default()
    }

    /// What this device has seen of the epoch.
    pub fn seen(&self) -> Seen {
        Seen { rows: self.rows, hash: self.running() }
    }

    /// Whether somebody who has seen this was shown other rows than this device.
    pub fn disagrees_with(&self, seen: &Seen) -> bool {
        seen.rows > self.rows || self.hash_at(seen.rows).is_some_and(|hash| hash != seen.hash)
    }

    /// Adds the running hash after a row.
    pub fn push_hash(&mut self, hash: RunningHash) {
        self.rows += 1;
        self.hashes.push(serde_bytes::ByteArray::new(hash));
        if self.hashes.len() > KEPT_HASHES {
            self.hashes.remove(0);
        }
    }

    /// Starts an epoch whose opening commit gives `hash`.
    pub fn start_epoch(&mut self, epoch: u64, token: EpochToken, hash: RunningHash) {
        if self.rows > 0 {
            self.ended.add(self.epoch, &self.running());
        }
        self.epoch = epoch;
        self.token = token;
        self.rows = 0;
        self.has_holes = false;
        self.hashes = vec![serde_bytes::ByteArray::new(hash)];
    }

    /// Whether this device must refresh its keys before it sends.
    pub fn must_refresh(&self) -> bool {
        self.must_update || self.has_holes
    }

    /// Whether what the relay says is gone can't be as old as that: every relay keeps messages for some days, and this
    /// device had everything less long ago. A clock that went back proves nothing.
    pub fn too_new_to_be_gone(&self, now: Millis) -> bool {
        now.checked_sub(self.complete).is_some_and(|away| away < days(limits::MIN_MESSAGE_DAYS))
    }

    /// Whether this device was away for so long that the relay may have deleted what it needs to go on.
    pub fn away_too_long(&self, now: Millis) -> bool {
        now.saturating_sub(self.complete) >= days(limits::MIN_COMMIT_DAYS)
    }

    /// The running hash after `rows` rows, if it is still known.
    fn hash_at(&self, rows: u64) -> Option<RunningHash> {
        let back = usize::try_from(self.rows.checked_sub(rows)?).ok()?;
        let index = self.hashes.len().checked_sub(back + 1)?;
        self.hashes.get(index).map(|hash| hash.into_array())
    }
}

fn days(days: u32) -> Millis {
    u64::from(days) * DAY
}

/// An own message that is not in the log yet, as far as this device knows.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outbound {
    /// Its place among the waiting ones.
    pub order: u64,
    /// Its id in the log, made once.
    pub message_id: MessageId,
    /// When it was made.
    pub time: Millis,
    /// The text.
    pub text: String,
    /// What was sent, or is about to be.
    pub encrypted: Option<Encrypted>,
    /// Why it was given up.
    pub failed: Option<Failure>,
}

/// A stored ciphertext. It is stored before it is sent, so that no generation is ever used twice.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Encrypted {
    /// The epoch that it was made in.
    pub epoch: u64,
    /// An MLS PrivateMessage.
    #[serde(with = "serde_bytes")]
    pub ciphertext: Vec<u8>,
    /// Its hash, by which it is recognised in the log.
    pub hash: Hash,
}

/// An own commit that the relay may or may not have taken.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PendingCommit {
    /// The job that wants it, if any.
    pub job: Option<u64>,
    /// The hash of the commit, by which it is recognised in the log.
    pub hash: Hash,
    /// What is sent, whole.
    pub request: AppendCommit,
}

/// Something that is still to be done. Jobs survive restarts, and say how things should be.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Job {
    /// Orders the jobs.
    pub id: u64,
    /// What is to be done.
    pub task: Task,
}

/// What is to be done.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Task {
    /// A change of a conversation's group; with `start`, the group itself.
    Change(Change),
    /// Join the group that a Welcome is for.
    Join(Join),
}

/// How a conversation should be. What is so already is passed over.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Change {
    /// The conversation.
    pub conversation: [u8; 16],
    /// Whether the group is still to be made.
    pub start: bool,
    /// Addresses of people who are in it.
    pub add: Vec<String>,
    /// People who are not in it.
    pub remove: Vec<Fingerprint>,
    /// Own devices that are not in it.
    #[serde(default)]
    pub remove_devices: Vec<DeviceId>,
    /// Its title.
    pub title: Option<String>,
    /// Own keys are fresh.
    pub refresh: bool,
}

/// What an inbox pointer says.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Join {
    /// The relay that holds the group's log.
    pub origin: String,
    /// The group.
    pub group_id: GroupId,
    /// The Welcome.
    pub welcome: WelcomeId,
    /// The hash of the commit beside it: the first row that the new member reads.
    pub commit: Hash,
}

/// A person that is known here.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Contact {
    /// The certificate, which is who it is.
    pub fingerprint: Fingerprint,
    /// The address it claims, or was found under.
    pub address: String,
    /// Whether this certificate was pinned for this address.
    pub pinned: bool,
    /// Whether a later certificate took its place.
    pub replaced: bool,
    /// Whether everything from this person is refused.
    pub blocked: bool,
    /// The newest device list that was seen: its number and hash.
    pub device_list: Option<(u64, Hash)>,
    /// When it was pinned.
    #[serde(default)]
    pub since: Option<Millis>,
    /// When it was compared with the person, if it was.
    #[serde(default)]
    pub verified: Option<Millis>,
    /// When it was last said whether it is pinned, replaced or blocked.
    #[serde(default)]
    pub said: Option<Millis>,
}

impl Contact {
    /// Somebody of whom nothing is known yet.
    pub fn new(person: &PersonRecord) -> Self {
        Self {
            fingerprint: person.fingerprint,
            address: person.address.clone(),
            pinned: false,
            replaced: false,
            blocked: false,
            device_list: None,
            since: None,
            verified: None,
            said: None,
        }
    }

    /// From now on it is the certificate of its address.
    pub fn pin(&mut self, now: Millis) {
        self.pinned = true;
        self.since = self.since.or(Some(now));
    }
}

/// The keys of this device in MLS groups.
#[derive(Serialize, Deserialize)]
pub struct DeviceKeys {
    /// Signs.
    pub signer: openmls_basic_credential::SignatureKeyPair,
    /// The attestation for the signature key.
    #[serde(with = "serde_bytes")]
    pub attestation: Vec<u8>,
    /// Own key packages that may still be used.
    pub key_packages: Vec<OwnKeyPackage>,
}

/// An own key package, whose private keys are stored.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OwnKeyPackage {
    /// Its reference (RFC 9420, section 5.2).
    #[serde(with = "serde_bytes")]
    pub reference: Vec<u8>,
    /// When it was made.
    pub created: Millis,
    /// Whether it is for use when the others are used up.
    pub last_resort: bool,
}

/// A stored timeline item and its key's suffix: newest first.
pub fn timeline_suffix(position: u64) -> Vec<u8> {
    (!position).to_be_bytes().to_vec()
}

/// Rows that a log can have, as far as positions go.
pub const MAX_SEQUENCE: u64 = 1 << 53;

/// The position of an own message that is not in the log yet: after everything in the log.
pub fn waiting_position(order: u64) -> u64 {
    (1 << 62) + order
}

/// The position of the `n`th item of a row.
pub fn row_position(sequence: u64, n: u8) -> u64 {
    (sequence << 8) | u64::from(n)
}

/// The id of the `n`th line of a conversation's row, the same on every device.
pub fn line_id(group_id: GroupId, position: u64) -> ItemId {
    item_id(&[group_id.as_bytes(), &position.to_be_bytes()])
}

/// The id of an item for somebody else's message. Not the message's own, which its sender chose: it could be that of
/// something else in the timeline.
pub fn received_id(group_id: GroupId, message: MessageId) -> ItemId {
    item_id(&[b"message", group_id.as_bytes(), message.as_bytes()])
}

fn item_id(parts: &[&[u8]]) -> ItemId {
    let mut id = [0; 16];
    let hash = Hash::of(&parts.concat());
    id.iter_mut().zip(hash.0).for_each(|(to, from)| *to = from);
    ItemId(id)
}
