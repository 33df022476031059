//! Fingerprints of OpenPGP certificates.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The fingerprint of a v4 certificate. It is what Haven means by a person: see [`super`].
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(#[serde(with = "serde_bytes")] pub [u8; 20]);

impl Fingerprint {
    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Upper-case hex without spaces, as keyservers and GnuPG write it.
    pub fn to_hex(&self) -> String {
        hex::encode_upper(self.0)
    }

    /// Hex in groups of four digits, in capitals, as people compare it.
    pub fn grouped(&self) -> String {
        let hex: Vec<char> = self.to_hex().chars().collect();
        hex.chunks(4).map(|four| four.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
    }

    /// Reads forty hex digits. White space anywhere, either case and a leading `0x` are fine.
    pub fn from_hex(text: &str) -> Option<Self> {
        let digits: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        let digits = digits.strip_prefix("0x").unwrap_or(&digits);
        let mut bytes = [0; 20];
        hex::decode_to_slice(digits, &mut bytes).ok().map(|()| Self(bytes))
    }

    /// Takes exactly twenty bytes.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({})", self.to_hex())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_is_read_however_people_write_it() {
        let fingerprint = Fingerprint([0xAB; 20]);
        let spaced = "abab ABAB abab abab abab  ABAB abab abab abab abab\n";
        assert_eq!(Fingerprint::from_hex(spaced), Some(fingerprint));
        assert_eq!(Fingerprint::from_hex(&format!("0x{}", fingerprint.to_hex())), Some(fingerprint));
        for wrong in ["", "abab", &"ab".repeat(21), &"xy".repeat(20)] {
            assert_eq!(Fingerprint::from_hex(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn it_is_a_cbor_byte_string() {
        let bytes = haven_wire::encode(&Fingerprint([7; 20])).unwrap();
        assert_eq!(bytes[0], 0x54);
        assert_eq!(haven_wire::decode::<Fingerprint>(&bytes).unwrap(), Fingerprint([7; 20]));
        assert!(haven_wire::decode::<Fingerprint>(&bytes[..20]).is_err());
    }
}
