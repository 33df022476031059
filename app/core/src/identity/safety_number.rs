//! What two people compare to make sure that nobody stands between them.
//!
//! The number covers both addresses and both primary public key packets, and is the same on both sides. It is
//!
//! ```text
//! SHA-512("haven safety number 1\n" ‖ one ‖ other)
//! one, other = length of address (4 bytes) ‖ address ‖ length of packet (4 bytes) ‖ public key packet
//! ```
//!
//! with the two in ascending order of their bytes; of the hash, each of the first twelve groups of five bytes, as a
//! number modulo 100,000, gives five digits. A group is off an even distribution by less than one part in ten million.
//!
//! **What an attacker has to do.** Somebody who stands between Alice and Bob shows Alice a key of their own as Bob's, and
//! Bob another one as Alice's. Alice then sees the number of (Alice, their first key), Bob that of (their second key,
//! Bob), and both have to be equal. As both keys are the attacker's choice, it is enough that *any* two of two long lists
//! of keys agree: with 60 digits, some 199 bits, that takes about 2^100 keys on either side, each made and hashed, and
//! room to keep them. That is far out of reach, so nothing is gained by repeating the hash to make each try slower. It
//! holds only if all digits are compared: of twenty digits, 2^33 keys would do.
//!
//! **Why packets and not fingerprints.** A v4 fingerprint is a SHA-1 hash of this packet. To find a second key for the
//! fingerprint of somebody else's key is out of reach for SHA-1 as well, but whoever makes both of two keys can make
//! them collide. With the packets themselves under SHA-512, no property of SHA-1 matters: the packet is what people
//! compare, and everything else about the certificate is bound to it by signatures. So there is no number until a
//! device has the other's packet, rather than a weaker one over fingerprints, which could not be the same on both
//! sides anyway while only one of them has the packet.
//!
//! **Why addresses.** The number then says as well that both know each other under the same addresses.

use sha2::{Digest as _, Sha512};

/// Set apart from every other hash.
const DOMAIN: &[u8] = b"haven safety number 1\n";
/// Groups of five digits.
const GROUPS: usize = 12;
/// Bytes that make a group.
const BYTES: usize = 5;

/// The sixty digits for two people, each with address and primary public key packet, in any order.
pub fn safety_number(one: (&str, &[u8]), other: (&str, &[u8])) -> String {
    let mut sides = [side(one), side(other)];
    sides.sort();
    let hash = sides.iter().fold(Sha512::new().chain_update(DOMAIN), |hash, side| hash.chain_update(side));
    let group = |bytes: &[u8]| {
        let number = bytes.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        format!("{:05}", number % 100_000)
    };
    hash.finalize().chunks(BYTES).take(GROUPS).map(group).collect()
}

fn side((address, packet): (&str, &[u8])) -> Vec<u8> {
    // Both are far shorter than 4 GiB.
    let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes();
    [&length(address.as_bytes())[..], address.as_bytes(), &length(packet), packet].concat()
}

#[cfg(test)]
mod tests {
    use super::safety_number;

    const ALICE: (&str, &[u8]) = ("alice@example.org", &[0x98, 0x33, 0x04]);
    const BOB: (&str, &[u8]) = ("bob@example.org", &[0x98, 0x33, 0x05]);

    #[test]
    fn both_sides_see_sixty_digits_that_an_independent_program_finds_as_well() {
        let number = safety_number(ALICE, BOB);
        // From a few lines of Python with its hashlib.
        assert_eq!(number, "713353162501836482336577507723485725668351152173325054367193");
        assert_eq!(safety_number(BOB, ALICE), number);
    }

    #[test]
    fn another_key_or_address_or_split_between_them_is_another_number() {
        let number = safety_number(ALICE, BOB);
        for other in [
            ("bob@example.org", &[0x98, 0x33, 0x06][..]),
            ("rob@example.org", BOB.1),
            ("bob@example.or", b"g\x98\x33\x05"),
            ALICE,
        ] {
            assert_ne!(safety_number(ALICE, other), number);
        }
    }
}
