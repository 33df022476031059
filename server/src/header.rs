//! The four fields of an MLS PrivateMessage that the relay reads (RFC 9420, section 6), and nothing beyond them.

use haven_wire::{Refusal, group::Kind, ids::GroupId};

const MLS10: u16 = 1;
const PRIVATE_MESSAGE: u16 = 2;
const APPLICATION: u8 = 1;
const COMMIT: u8 = 3;

/// Refuses a row that says other things than the message in it.
pub fn check(message: &[u8], group: GroupId, epoch: u64, kind: Kind) -> Result<(), Refusal> {
    let content_type = match kind {
        Kind::Application => APPLICATION,
        Kind::Commit => COMMIT,
    };
    let mut reader = Reader(message);
    let fits = reader.u16() == Some(MLS10)
        && reader.u16() == Some(PRIVATE_MESSAGE)
        && reader.vector() == Some(group.as_bytes())
        && reader.u64() == Some(epoch)
        && reader.u8() == Some(content_type);
    fits.then_some(()).ok_or(Refusal::HeaderMismatch)
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_be_bytes)
    }

    fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    /// `opaque x<V>`: the length in 1, 2 or 4 bytes, as short as can be (RFC 9420, section 2.1.2).
    fn vector(&mut self) -> Option<&'a [u8]> {
        let first = self.u8()?;
        let low = u32::from(first & 0x3f);
        let (length, least) = match first >> 6 {
            0 => (low, 0),
            1 => (low << 8 | u32::from(self.u8()?), 0x40),
            2 => {
                let [a, b, c] = self.array()?;
                (low << 24 | u32::from_be_bytes([0, a, b, c]), 0x4000)
            }
            _ => return None,
        };
        if length < least {
            return None;
        }
        self.take(usize::try_from(length).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUP: GroupId = GroupId([7; 16]);

    fn message(epoch: u64, content_type: u8) -> Vec<u8> {
        let mut bytes = vec![0, 1, 0, 2, 16];
        bytes.extend([7; 16]);
        bytes.extend(epoch.to_be_bytes());
        bytes.push(content_type);
        bytes.extend([9; 40]);
        bytes
    }

    fn changed(at: usize, to: u8) -> Vec<u8> {
        let mut bytes = message(5, APPLICATION);
        bytes[at] = to;
        bytes
    }

    #[test]
    fn what_agrees_is_taken() {
        assert_eq!(check(&message(5, APPLICATION), GROUP, 5, Kind::Application), Ok(()));
        assert_eq!(check(&message(5, COMMIT), GROUP, 5, Kind::Commit), Ok(()));
    }

    #[test]
    fn each_field_is_compared() {
        // version, wire format, length of the group id, group id, epoch, content type
        for (at, to) in [(1, 2), (3, 1), (4, 15), (4, 17), (5, 8), (20, 8), (28, 6), (29, 2), (29, 3)] {
            let result = check(&changed(at, to), GROUP, 5, Kind::Application);
            assert_eq!(result, Err(Refusal::HeaderMismatch), "byte {at}");
        }
    }

    #[test]
    fn cut_short_is_refused() {
        let whole = message(5, COMMIT);
        for length in 0..30 {
            assert!(check(&whole[..length], GROUP, 5, Kind::Commit).is_err(), "{length}");
        }
        assert!(check(&whole[..30], GROUP, 5, Kind::Commit).is_ok());
    }

    #[test]
    fn a_length_in_more_bytes_than_needed_is_refused() {
        let mut bytes = vec![0, 1, 0, 2, 0x40, 16];
        bytes.extend(&message(5, APPLICATION)[5..]);
        assert!(check(&bytes, GROUP, 5, Kind::Application).is_err());
        let mut reader = Reader(&[0x80, 0, 0x40, 0]);
        assert_eq!(reader.vector(), None);
        let mut reader = Reader(&[0xc0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(reader.vector(), None);
    }
}
