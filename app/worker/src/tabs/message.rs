//! What tabs say to each other.

use haven_bridge::{Command, Event, Failure, Reply};
use serde::{Deserialize, Serialize};

/// Grows with every build that is given out, so that tabs of different builds know which one is old. They could not
/// read each other's messages.
pub const BUILD: u64 = match option_env!("HAVEN_BUILD") {
    Some(number) => parse(number.as_bytes()),
    None => 0,
};

/// One tab to all others.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Across {
    /// Is there a leader? Whoever has the lock answers at once.
    AreYouThere,
    /// This tab has the lock and is opening the database.
    Rising,
    /// This tab leads.
    Leading {
        /// The leader's number.
        leader: u64,
        /// How long it may be silent, in milliseconds.
        patience: u32,
    },
    /// A page wants something of the leader.
    Ask {
        /// The leader that it is meant for. Others leave it alone, so that no leader hears it twice.
        leader: u64,
        /// The page and its request.
        asker: Asker,
        /// What it wants.
        command: Command,
    },
    /// The leader answers.
    Answer {
        /// The leader.
        leader: u64,
        /// The page and its request.
        asker: Asker,
        /// What came of it.
        result: Result<Reply, Failure>,
    },
    /// Something changed.
    Event {
        /// The leader.
        leader: u64,
        /// What.
        event: Event,
    },
    /// A page heard that the network is back or gone.
    Online(bool),
}

/// A page's request.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Asker {
    /// The page's tab.
    pub tab: u64,
    /// The request's id in that tab.
    pub request: u64,
}

/// A message from another tab.
#[cfg_attr(
    not(target_arch = "wasm32"),
    allow(clippy::large_enum_variant, reason = "where it runs, pointers have half the size")
)]
pub enum Heard {
    /// Of the same build.
    Message(Across),
    /// Of a newer build than this one.
    Newer,
    /// Of an older build, or nonsense.
    Nothing,
}

/// Encodes a message: the build, then the message.
pub fn encode(message: &Across) -> Vec<u8> {
    let mut bytes = BUILD.to_be_bytes().to_vec();
    // Encoding plain data into memory can't fail; an empty message would be passed over.
    bytes.extend(haven_bridge::encode(message).unwrap_or_default());
    bytes
}

/// Decodes a message.
pub fn decode(bytes: &[u8]) -> Heard {
    let Some((build, message)) = bytes.split_first_chunk() else {
        return Heard::Nothing;
    };
    match u64::from_be_bytes(*build).cmp(&BUILD) {
        std::cmp::Ordering::Less => Heard::Nothing,
        std::cmp::Ordering::Greater => Heard::Newer,
        std::cmp::Ordering::Equal => haven_bridge::decode(message).map_or(Heard::Nothing, Heard::Message),
    }
}

/// Reads the digits at the start; the standard library can't do it at compile time.
const fn parse(mut digits: &[u8]) -> u64 {
    let mut number = 0_u64;
    while let [digit @ b'0'..=b'9', rest @ ..] = digits {
        number = number.saturating_mul(10).saturating_add((*digit - b'0') as u64);
        digits = rest;
    }
    number
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasm_bindgen_test::wasm_bindgen_test;

    #[wasm_bindgen_test]
    fn messages_of_other_builds_are_told_apart() {
        let mut bytes = encode(&Across::Online(true));
        assert!(matches!(decode(&bytes), Heard::Message(Across::Online(true))));
        bytes[..8].copy_from_slice(&(BUILD + 1).to_be_bytes());
        assert!(matches!(decode(&bytes), Heard::Newer));
        assert!(matches!(decode(&bytes[..3]), Heard::Nothing));
    }

    #[wasm_bindgen_test]
    fn a_build_number_is_read() {
        assert_eq!(parse(b"1763848800"), 1_763_848_800);
        assert_eq!(parse(b""), 0);
    }
}
