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

/// How the last epochs with rows ended for a member. While an epoch lasts, nobody can vouch for its last rows: they
/// may be written while the commit that ends it is on its way. Who speaks first in the next one may have joined with
/// that commit, so several are kept.
///
/// Each end is the epoch's number (8 bytes) and the running hash of all its rows (16), the newest last. The first one
/// only says that what came after it is known here: it was before this member joined, or what was before it is
/// forgotten.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct Ended(#[serde(with = "serde_bytes")] Vec<u8>);

const END: usize = 8 + 16;
/// The first one and four to compare. All are told with each message, so they can't be many.
const KEPT_ENDS: usize = 5;

impl Ended {
    /// For who is a member from `epoch` on.
    pub fn since(epoch: u64) -> Self {
        let mut ended = Self::default();
        ended.add(epoch.saturating_sub(1), &RunningHash::default());
        ended
    }

    /// An epoch with rows has ended.
    pub fn add(&mut self, epoch: u64, hash: &RunningHash) {
        self.0.extend(epoch.to_be_bytes());
        self.0.extend(hash);
        if self.0.len() > KEPT_ENDS * END {
            self.0.drain(..END);
        }
    }

    /// Whether two members were shown different rows while both were there. Nothing is known of one with a build that
    /// doesn't say.
    pub fn disagrees_with(&self, other: &Self) -> bool {
        let (Some(first), Some(others)) = (self.0.first_chunk(), other.0.first_chunk()) else { return false };
        let both = first.max(others);
        !self.after(both).eq(other.after(both))
    }

    fn after<'a>(&'a self, epoch: &'a [u8; 8]) -> impl Iterator<Item = &'a [u8]> {
        self.0.chunks_exact(END).filter(move |end| end.first_chunk() > Some(epoch))
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

/// The authenticated data of a commit. A message says the same inside its ciphertext; a commit has no other place for
/// it than this one, which the relay reads. It learns nothing: it gave out the rows, and can count and hash them
/// itself.
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

    fn ended(since: u64, epochs: &[(u64, u8)]) -> Ended {
        let mut ended = Ended::since(since);
        epochs.iter().for_each(|(epoch, hash)| ended.add(*epoch, &[*hash; 16]));
        ended
    }

    #[test]
    fn the_ends_of_epochs_are_compared_by_who_was_there() {
        let mut of_an_older_build = Ended::default();
        of_an_older_build.add(3, &[1; 16]);
        of_an_older_build.add(4, &[2; 16]);
        let agree = [
            (ended(1, &[(3, 1), (4, 2)]), ended(1, &[(3, 1), (4, 2)])),
            // Who joined in epoch 4 knows nothing of epoch 3.
            (ended(1, &[(3, 1), (4, 2)]), ended(4, &[(4, 2)])),
            (ended(1, &[(3, 1)]), ended(4, &[])),
            (ended(3, &[]), ended(4, &[])),
            // The oldest are forgotten.
            (
                ended(0, &[(1, 1), (2, 2), (3, 3), (4, 4), (5, 5)]),
                ended(0, &[(1, 9), (2, 2), (3, 3), (4, 4), (5, 5)]),
            ),
            // A build that doesn't say, and one that has only begun to.
            (ended(1, &[(3, 1)]), Ended::default()),
            (ended(1, &[(3, 1), (4, 2)]), of_an_older_build.clone()),
        ];
        let disagree = [
            (ended(1, &[(3, 1), (4, 2)]), ended(1, &[(3, 1), (4, 3)])),
            (ended(1, &[(3, 1), (4, 2)]), ended(1, &[(3, 9), (4, 2)])),
            // One saw nothing of epoch 4 although both were there.
            (ended(1, &[(3, 1), (4, 2)]), ended(1, &[(3, 1)])),
            (ended(1, &[(3, 1), (4, 2)]), ended(4, &[])),
            (ended(1, &[(3, 1), (4, 2)]), ended(3, &[(4, 2)])),
            (ended(1, &[(3, 1), (4, 3)]), of_an_older_build),
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
