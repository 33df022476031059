//! CBOR with its byte arrays packed.
//!
//! OpenMLS's types tell serde that their bytes are lists of numbers, so CBOR takes two bytes for most of them, which
//! would nearly double what is sealed, stored and loaded. [`pack`] writes each list of small numbers as a typed array
//! (RFC 8746, tag 64: bytes), and [`unpack`] restores what OpenMLS expects. Everything else stays as it is, so packed
//! values are CBOR that describes itself.

/// Tag 64, "uint8 typed array", as it is encoded.
const TYPED_ARRAY: [u8; 2] = [0xD8, 64];
/// Lists shorter than this gain nothing.
const SHORTEST: usize = 4;

const NUMBER: u8 = 0;
const BYTES: u8 = 2;
const TEXT: u8 = 3;
const LIST: u8 = 4;

/// The head of an item: its major type, its argument, and how many bytes the head has (RFC 8949, section 3).
struct Head {
    major: u8,
    argument: u64,
    length: usize,
}

/// Packs the byte arrays of well-formed CBOR. `None` if it is malformed.
pub fn pack(cbor: &[u8]) -> Option<Vec<u8>> {
    let mut packed = Vec::with_capacity(cbor.len());
    let mut rest = cbor;
    while !rest.is_empty() {
        let head = head_of(rest)?;
        let (item, after) = rest.split_at_checked(head.item_length()?)?;
        rest = after;
        let numbers = if head.major == LIST { small_numbers(rest, head.argument) } else { None };
        if let Some((numbers, after)) = numbers {
            packed.extend(TYPED_ARRAY);
            write_head(&mut packed, BYTES, numbers.len());
            packed.extend(numbers);
            rest = after;
        } else {
            packed.extend_from_slice(item);
        }
    }
    Some(packed)
}

/// Restores what was packed. `None` if it is malformed.
pub fn unpack(packed: &[u8]) -> Option<Vec<u8>> {
    let mut cbor = Vec::with_capacity(packed.len() * 2);
    let mut rest = packed;
    while !rest.is_empty() {
        let typed_array = rest.strip_prefix(&TYPED_ARRAY);
        rest = typed_array.unwrap_or(rest);
        let head = head_of(rest)?;
        let (item, after) = rest.split_at_checked(head.item_length()?)?;
        if typed_array.is_none() {
            cbor.extend_from_slice(item);
        } else if head.major == BYTES {
            let numbers = item.get(head.length..)?;
            write_head(&mut cbor, LIST, numbers.len());
            numbers.iter().for_each(|number| write_head(&mut cbor, NUMBER, usize::from(*number)));
        } else {
            return None;
        }
        rest = after;
    }
    Some(cbor)
}

fn head_of(bytes: &[u8]) -> Option<Head> {
    let first = *bytes.first()?;
    let major = first >> 5;
    let extra = match first & 31 {
        short @ 0..=23 => return Some(Head { major, argument: u64::from(short), length: 1 }),
        24 => 1,
        25 => 2,
        26 => 4,
        27 => 8,
        // The beginning or end of a list or map of unknown length. Strings come in one piece.
        31 if !matches!(major, BYTES | TEXT) => return Some(Head { major, argument: 0, length: 1 }),
        _ => return None,
    };
    let argument = bytes.get(1..=extra)?.iter().fold(0, |value, byte| value << 8 | u64::from(*byte));
    Some(Head { major, argument, length: 1 + extra })
}

impl Head {
    /// How many bytes the head has together with the content of a string. What a list or a map holds are items of their
    /// own.
    fn item_length(&self) -> Option<usize> {
        let content = if matches!(self.major, BYTES | TEXT) { self.argument } else { 0 };
        usize::try_from(content).ok()?.checked_add(self.length)
    }
}

/// The next `count` items, if they are enough, and numbers below 256; and what follows them.
fn small_numbers(mut rest: &[u8], count: u64) -> Option<(Vec<u8>, &[u8])> {
    let count = usize::try_from(count).ok().filter(|count| (SHORTEST..=rest.len()).contains(count))?;
    let mut numbers = Vec::with_capacity(count);
    for _ in 0..count {
        match rest {
            [number @ 0..=23, after @ ..] | [24, number, after @ ..] => {
                numbers.push(*number);
                rest = after;
            }
            _ => return None,
        }
    }
    Some((numbers, rest))
}

/// Writes a head in its shortest form.
fn write_head(to: &mut Vec<u8>, major: u8, argument: usize) {
    let major = major << 5;
    match argument {
        0..=23 => to.push(major | argument as u8),
        24..=0xFF => to.extend([major | 24, argument as u8]),
        0x100..=0xFFFF => {
            to.push(major | 25);
            to.extend((argument as u16).to_be_bytes());
        }
        _ => {
            to.push(major | 26);
            to.extend((argument as u32).to_be_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::{Deserialize, Serialize};

    #[derive(Debug, Deserialize, PartialEq, Serialize)]
    enum Kind {
        Empty,
        Holding { numbers: Vec<u16>, nested: Vec<Vec<u8>> },
    }

    #[derive(Debug, Deserialize, PartialEq, Serialize)]
    struct Value {
        bytes: Vec<u8>,
        array: [u8; 32],
        string: serde_bytes::ByteBuf,
        text: String,
        kinds: Vec<Kind>,
        large: u64,
        negative: i64,
        float: f64,
        maybe: Option<Vec<u8>>,
    }

    fn value() -> Value {
        let holding = Kind::Holding {
            numbers: vec![1, 2, 255, 256],
            nested: vec![vec![], vec![200; 5], vec![1, 2, 3], vec![199; 70_000]],
        };
        Value {
            bytes: (0..=255).collect(),
            array: [0xFF; 32],
            string: serde_bytes::ByteBuf::from(vec![0xD8, 64, 0x44, 1, 2, 3, 4]),
            text: "seventy characters, so that the head of this text has an argument of its own".into(),
            kinds: vec![Kind::Empty, holding, Kind::Holding { numbers: vec![7; 300], nested: vec![] }],
            large: u64::MAX,
            negative: i64::MIN,
            float: 0.1,
            maybe: Some(vec![250; 24]),
        }
    }

    #[test]
    fn what_was_packed_comes_back_byte_for_byte() {
        let cbor = haven_wire::encode(&value()).unwrap();
        let packed = pack(&cbor).unwrap();
        assert!(packed.len() < cbor.len() * 6 / 10, "{} of {} bytes", packed.len(), cbor.len());
        assert_eq!(unpack(&packed).unwrap(), cbor);
        assert_eq!(haven_wire::decode::<Value>(&unpack(&packed).unwrap()).unwrap(), value());
    }

    /// RFC 8746, section 2.1, and RFC 8949, appendix A.
    #[test]
    fn typed_arrays_are_those_of_the_rfc() {
        assert_eq!(pack(&[0x84, 1, 2, 0x18, 100, 3]).unwrap(), [0xD8, 0x40, 0x44, 1, 2, 100, 3]);
        for same in [&[0x83, 1, 2, 3][..], &[0x84, 1, 2, 0x19, 1, 0, 3], &[0x9F, 1, 2, 3, 4, 0xFF], &[0xF6]] {
            assert_eq!(pack(same).unwrap(), same);
            assert_eq!(unpack(same).unwrap(), same);
        }
    }

    #[test]
    fn malformed_values_are_refused() {
        let packed = pack(&haven_wire::encode(&value()).unwrap()).unwrap();
        for malformed in
            [&[0x58][..], &[0x44, 1], &[0x5F, 0x41, 1, 0xFF], &[0x1C], &[0xD8, 64], &[0xD8, 64, 0x84]]
        {
            assert_eq!(unpack(malformed), None, "{malformed:02x?}");
        }
        assert_eq!(pack(&[0x9B, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]).map(|_| ()), Some(()));
        for end in 0..packed.len().min(300) {
            // Cut anywhere, it is refused or something shorter, never a panic.
            let _ = unpack(&packed[..end]);
        }
    }
}
