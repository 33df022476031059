//! Fixed-size identifiers and secrets. Each is a CBOR byte string, and hex in text.

use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! bytes_type {
    ($(#[$doc:meta])* $name:ident, $length:literal, $show:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(#[serde(with = "serde_bytes")] pub [u8; $length]);

        impl $name {
            /// The bytes.
            pub fn as_bytes(&self) -> &[u8] {
                &self.0
            }

            /// The value in lower-case hex.
            pub fn to_hex(&self) -> String {
                hex::encode(self.0)
            }

            /// Reads hex of exactly the right length.
            pub fn from_hex(text: &str) -> Option<Self> {
                let mut bytes = [0; $length];
                hex::decode_to_slice(text, &mut bytes).ok().map(|()| Self(bytes))
            }

            /// Takes exactly the right number of bytes.
            pub fn from_slice(bytes: &[u8]) -> Option<Self> {
                bytes.try_into().ok().map(Self)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                if $show {
                    write!(f, "{}({})", stringify!($name), self.to_hex())
                } else {
                    write!(f, "{}(…)", stringify!($name))
                }
            }
        }
    };
}

bytes_type!(
    /// An MLS group id: 16 random bytes.
    GroupId, 16, true);
bytes_type!(
    /// The id of one message or commit: random, made once, in the row and in the MLS authenticated data.
    MessageId, 16, true);
bytes_type!(
    /// A device, and its inbox on its relay: random, made at sign-in.
    DeviceId, 16, true);
bytes_type!(
    /// A stored Welcome: random, and all that is needed to fetch it.
    WelcomeId, 32, false);
bytes_type!(
    /// An epoch token: opens a group's rows for the epoch's members.
    EpochToken, 32, false);
bytes_type!(
    /// A SHA-256 hash.
    Hash, 32, true);
bytes_type!(
    /// A device's session with its relay. The relay stores its hash.
    SessionToken, 32, false);

impl Hash {
    /// The SHA-256 hash of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        use sha2::Digest as _;
        Self(sha2::Sha256::digest(bytes).into())
    }
}

impl EpochToken {
    /// What the relay stores of this token: SHA-256.
    pub fn hash(&self) -> Hash {
        Hash::of(&self.0)
    }
}

impl SessionToken {
    /// What the relay stores of this token: SHA-256.
    pub fn hash(&self) -> Hash {
        Hash::of(&self.0)
    }
}
