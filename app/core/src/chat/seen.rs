//! What members tell each other of how much of the log they have seen, so that what the relay withholds is noticed.

use haven_wire::ids::{Hash, MessageId};
use serde::{Deserialize, Serialize};

/// How much of a log its sender had processed. A receiver who had other rows at the same count was shown another log.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    /// Rows since (and without) the commit that opened the epoch.
    pub rows: u64,
    /// Their running hash, cut.
    #[serde(with = "serde_bytes")]
    pub hash: RunningHash,
}

/// All that a member saw of the last epoch before this one in which there were rows. While an epoch lasts, nobody can vouch
/// for its last rows: they may be written while the commit that ends it is on its way.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Ended {
    /// Which epoch it was; the one before it joined for a member who has seen none end.
    pub epoch: u64,
    /// Its rows; none for such a member.
    pub seen: Seen,
}

impl Ended {
    /// For who joins in `epoch`.
    pub fn none_before(epoch: u64) -> Self {
        Self { epoch: epoch.saturating_sub(1), seen: Seen { rows: 0, hash: RunningHash::default() } }
    }

    /// Whether two members were shown different rows. Who joined later can't have seen what the other did.
    pub fn disagrees_with(&self, other: &Self) -> bool {
        let (older, newer) = if self.epoch < other.epoch { (self, other) } else { (other, self) };
        let both_there = older.epoch < newer.epoch || older.seen.rows > 0;
        self != other && newer.seen.rows > 0 && both_there
    }
}

/// A running hash over the rows of an epoch: each value is the hash of the one before and the row's hash.
pub type RunningHash = [u8; 16];

/// The running hash after a row. The commit that opens an epoch starts it anew.
pub fn running_hash(before: Option<&RunningHash>, row: &Hash) -> RunningHash {
    let mut bytes = before.map(|hash| hash.to_vec()).unwrap_or_default();
    bytes.extend_from_slice(row.as_bytes());
    let mut hash = RunningHash::default();
    hash.iter_mut().zip(Hash::of(&bytes).0).for_each(|(to, from)| *to = from);
    hash
}

/// The authenticated data of a commit. A message says the same inside its ciphertext; a commit has no other place for it
/// than this one, which the relay reads. It learns nothing: it gave out the rows, and can count and hash them itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct CommitData {
    /// The id in the row.
    pub message_id: MessageId,
    /// What the committer had seen of the epoch that the commit ends.
    pub seen: Seen,
}

impl CommitData {
    /// Id, rows and hash, one after the other: 40 bytes.
    pub fn encode(&self) -> Vec<u8> {
        [self.message_id.as_bytes(), &self.seen.rows.to_be_bytes(), &self.seen.hash].concat()
    }

    /// Reads exactly that.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (message_id, bytes) = bytes.split_first_chunk()?;
        let (rows, hash) = bytes.split_first_chunk()?;
        let seen = Seen { rows: u64::from_be_bytes(*rows), hash: hash.try_into().ok()? };
        Some(Self { message_id: MessageId(*message_id), seen })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_of_epochs_are_compared_by_who_was_there() {
        let ended = |epoch, rows, hash| Ended { epoch, seen: Seen { rows, hash: [hash; 16] } };
        let joined_in = Ended::none_before;
        let agree = [
            (ended(4, 2, 1), ended(4, 2, 1)),
            // Who joined in epoch 5 knows nothing of epoch 4 and before.
            (ended(4, 2, 1), joined_in(5)),
            (ended(3, 2, 1), joined_in(5)),
            (joined_in(3), joined_in(5)),
            (joined_in(5), joined_in(5)),
        ];
        let disagree = [
            (ended(4, 2, 1), ended(4, 2, 2)),
            (ended(4, 2, 1), ended(4, 3, 1)),
            // One saw nothing of epoch 4 although both were there.
            (ended(4, 2, 1), ended(3, 2, 1)),
            (ended(5, 1, 1), joined_in(5)),
            (ended(6, 1, 1), joined_in(5)),
        ];
        for (pairs, differ) in [(&agree[..], false), (&disagree[..], true)] {
            for (one, other) in pairs {
                assert_eq!(one.disagrees_with(other), differ, "{one:?} {other:?}");
                assert_eq!(other.disagrees_with(one), differ, "{other:?} {one:?}");
            }
        }
    }

    #[test]
    fn the_data_of_a_commit_has_forty_bytes() {
        let seen = Seen { rows: 0x0102, hash: [5; 16] };
        let data = CommitData { message_id: MessageId([7; 16]), seen };
        let bytes = [&[7; 16][..], &[0, 0, 0, 0, 0, 0, 1, 2], &[5; 16]].concat();
        assert_eq!(data.encode(), bytes);
        assert_eq!(CommitData::decode(&bytes), Some(data));
        for length in 0..bytes.len() {
            assert_eq!(CommitData::decode(&bytes[..length]), None, "{length}");
        }
        assert_eq!(CommitData::decode(&[&bytes[..], &[0]].concat()), None);
    }
}
