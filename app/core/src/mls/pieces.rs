//! Large values in pieces, so that a small change of a large value is a small write.
//!
//! A commit changes a few kilobytes of a ratchet tree that may be a megabyte, and a message a few hundred bytes of the
//! message secrets. Their encodings shift when a length changes, so pieces of a fixed size would all change with them.
//! Here a piece ends where the bytes themselves say so (content-defined chunking with a gear hash): an insertion
//! changes the pieces that it touches and no others. A piece is named by its hash.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;

/// Names a piece among those of one value: SHA-256, cut.
pub type Hash = [u8; 16];

/// A value up to this length is stored whole.
const WHOLE: usize = 2048;
/// How long pieces get.
struct Lengths {
    /// At least so many bytes…
    min: usize,
    /// …at most so many…
    max: usize,
    /// …and between them a piece ends where these bits of the gear hash are zero: with ten bits, 1 kB after the minimum in
    /// the mean.
    mask: u64,
}
/// Values below this length, such as message secrets, have fine pieces: a message changes one or two of them, and its cost
/// must not grow with the group. Of a ratchet tree that would be too many: each costs 80 µs to write and 100 to load.
const FINE_BELOW: usize = 64 * 1024;
const FINE: Lengths = Lengths { min: 128, max: 2048, mask: 0x00FF_0000_0000_0000 };
const COARSE: Lengths = Lengths { min: 2048, max: 16 * 1024, mask: 0x0FFF_0000_0000_0000 };

/// A stored value, or the list of its pieces.
#[derive(Serialize, Deserialize)]
pub enum Head {
    /// The value.
    Whole(serde_bytes::ByteBuf),
    /// The hashes of its pieces, in order.
    Pieces(Vec<Hash>),
}

/// Splits a value, and gives those of its pieces that are not among `stored`.
pub fn split(value: &[u8], stored: &[Hash]) -> (Head, Vec<(Hash, Vec<u8>)>) {
    if value.len() <= WHOLE {
        return (Head::Whole(serde_bytes::ByteBuf::from(value)), Vec::new());
    }
    let mut known: BTreeSet<Hash> = stored.iter().copied().collect();
    let (mut hashes, mut new, mut rest) = (Vec::new(), Vec::new(), value);
    let lengths = if value.len() < FINE_BELOW { FINE } else { COARSE };
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(piece_length(rest, &lengths));
        let hash = hash_of(piece);
        hashes.push(hash);
        if known.insert(hash) {
            new.push((hash, piece.to_vec()));
        }
        rest = after;
    }
    (Head::Pieces(hashes), new)
}

fn hash_of(piece: &[u8]) -> Hash {
    let mut hash = Hash::default();
    hash.iter_mut().zip(Sha256::digest(piece)).for_each(|(to, from)| *to = from);
    hash
}

fn piece_length(bytes: &[u8], lengths: &Lengths) -> usize {
    let longest = bytes.len().min(lengths.max);
    let mut gear = 0_u64;
    for (index, byte) in bytes.iter().take(longest).enumerate() {
        gear = (gear << 1).wrapping_add(gear_of(*byte));
        if index >= lengths.min && gear & lengths.mask == 0 {
            return index + 1;
        }
    }
    longest
}

/// A fixed, well mixed number for each byte (the finaliser of splitmix64). Where pieces end is no secret.
const fn gear_of(byte: u8) -> u64 {
    let mut z = (byte as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn varied(length: usize) -> Vec<u8> {
        let mut state = 7_u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 56) as u8
        };
        (0..length).map(|_| next()).collect()
    }

    fn hashes(value: &[u8]) -> Vec<Hash> {
        match split(value, &[]).0 {
            Head::Pieces(hashes) => hashes,
            Head::Whole(_) => panic!("stored whole"),
        }
    }

    #[test]
    fn pieces_joined_are_the_value() {
        let value = varied(300_000);
        let (head, pieces) = split(&value, &[]);
        let Head::Pieces(hashes) = head else { panic!("stored whole") };
        let find = |hash: &Hash| pieces.iter().find(|(name, _)| name == hash).expect("new").1.clone();
        assert_eq!(hashes.iter().flat_map(find).collect::<Vec<_>>(), value);
    }

    #[test]
    fn an_insertion_changes_few_pieces() {
        let mut value = varied(300_000);
        let before = hashes(&value);
        value.splice(150_000..150_000, *b"inserted");
        let (_, new) = split(&value, &before);
        assert!(new.len() <= 3, "{} pieces are new", new.len());
    }

    #[test]
    fn equal_bytes_do_not_make_endless_pieces() {
        assert!(hashes(&vec![0; 100_000]).len() >= 100_000 / COARSE.max);
    }

    #[test]
    fn small_values_stay_whole() {
        assert!(matches!(split(&varied(WHOLE), &[]).0, Head::Whole(_)));
    }
}
