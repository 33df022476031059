//! What members tell each other of how much of the log they have seen, so that what the relay withholds is noticed.

use haven_wire::ids::Hash;
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
