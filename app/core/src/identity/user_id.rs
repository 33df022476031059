//! The address in an OpenPGP User ID.

use sequoia_openpgp::packet::UserID;

/// What can't be in an address as it is written in a User ID: what would end or quote it elsewhere.
const NOT_IN_ADDRESSES: &str = "<>()[]\\,;:\"";

/// The address in a User ID: what is in angle brackets at its end, or the whole of it. OpenPGP prescribes no form, and
/// nearly everybody keeps to this one (RFC 9580, section 5.11). What is nothing of the kind has no address.
///
/// Sequoia's own `UserID::email` reads the same with a regular expression, which would be a tenth of the engine.
pub(crate) fn address(userid: &UserID) -> Option<&str> {
    let text = std::str::from_utf8(userid.value()).ok()?.trim();
    let address = match text.strip_suffix('>') {
        Some(rest) => {
            let (name, address) = rest.rsplit_once('<')?;
            Some(address).filter(|_| !name.contains(['<', '>']))?
        }
        None => text,
    };
    let (local, domain) = address.split_once('@')?;
    let plain = |c: char| !c.is_whitespace() && !c.is_control() && !NOT_IN_ADDRESSES.contains(c);
    let good = !local.is_empty() && !domain.is_empty() && !domain.contains('@');
    Some(address).filter(|_| good && address.chars().all(plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "it is what is compared with")]
    fn addresses_are_found_where_sequoia_finds_them() {
        for text in [
            "<alice@example.org>",
            "alice@example.org",
            "Alice Lovelace <alice@example.org>",
            "Alice (work) <alice@example.org>",
            "Alice O'Neil <o'neil+lists@mail.example.co.uk>",
            "Älice <alice@exämple.org>",
            "  Alice <alice@example.org>",
            "Alice",
            "Alice (work)",
            "https://example.org/alice",
            "",
            "alice@",
            "@example.org",
            "Alice <alice>",
            "Alice <alice@example.org",
            "Alice <alice @example.org>",
            "Alice <alice@example.org> <bob@example.org>",
            "Alice <<alice@example.org>",
            "<alice@example.org> Alice",
            "alice@example.org bob@example.org",
        ] {
            let userid = UserID::from(text);
            assert_eq!(address(&userid), userid.email().ok().flatten(), "{text}");
        }
        assert_eq!(address(&UserID::from(&b"\xff <alice@example.org>"[..])), None);
    }

    #[test]
    fn what_could_be_read_as_two_addresses_is_none() {
        for text in [
            "<alice@example.org,bob@example.org>",
            "<alice@evil.example:x@example.org>",
            "<\"alice@evil.example\"@example.org>",
            "<alice@example.org\u{a0}>",
            "<alice@example.org\r\nBcc:bob@example.org>",
        ] {
            assert_eq!(address(&UserID::from(text)), None, "{text}");
        }
    }
}
