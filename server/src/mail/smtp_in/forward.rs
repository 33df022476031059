//! What a mail server in front says about those for whom it speaks: Postfix's `XFORWARD`. Only servers that the
//! configuration names are believed.

use std::net::IpAddr;

/// What is offered to a server in front.
pub const OFFER: &str = "XFORWARD NAME ADDR PROTO HELO SOURCE";

/// For whom a server in front speaks, as far as it knows.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Forwarded {
    /// From where they come.
    pub from: Option<IpAddr>,
    /// How they call themselves.
    pub helo: Option<String>,
}

/// Reads the command. Nothing if it is another.
pub fn parse(line: &[u8]) -> Option<Forwarded> {
    let text = std::str::from_utf8(line).ok()?.trim_end();
    let (command, attributes) = text.split_once(' ')?;
    if !command.eq_ignore_ascii_case("XFORWARD") {
        return None;
    }
    let mut forwarded = Forwarded::default();
    for (name, value) in attributes.split(' ').filter_map(|attribute| attribute.split_once('=')) {
        let value =
            decoded(value).filter(|value| !value.starts_with("[UNAVAIL") && !value.starts_with("[TEMP"));
        match name.to_ascii_uppercase().as_str() {
            "ADDR" => forwarded.from = value.and_then(|value| address(&value)),
            "HELO" => forwarded.helo = value,
            _ => {}
        }
    }
    Some(forwarded)
}

fn address(value: &str) -> Option<IpAddr> {
    let bare = value.get(..5).filter(|prefix| prefix.eq_ignore_ascii_case("IPv6:"));
    let bare = bare.map_or(Some(value), |_| value.get(5..))?;
    bare.parse().ok()
}

/// Takes `+XX` for the byte that it means (xtext, RFC 3461).
fn decoded(value: &str) -> Option<String> {
    let mut parts = value.split('+');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let (code, rest) = part.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(code, 16).ok()?);
        bytes.extend(rest.as_bytes());
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> (Option<String>, Option<String>) {
        let forwarded = parse(line.as_bytes()).unwrap();
        (forwarded.from.map(|from| from.to_string()), forwarded.helo)
    }

    #[test]
    fn address_and_name_are_read() {
        let both = (Some("192.0.2.1".into()), Some("mail.example.org".into()));
        assert_eq!(read("XFORWARD NAME=x ADDR=192.0.2.1 PROTO=ESMTP HELO=mail.example.org\r\n"), both);
        assert_eq!(read("xforward helo=mail.example.org addr=192.0.2.1\r\n"), both);
        assert_eq!(read("XFORWARD ADDR=IPV6:2001:db8::1\r\n").0.unwrap(), "2001:db8::1");
        assert_eq!(read("XFORWARD HELO=a+3Db+2B\r\n").1.unwrap(), "a=b+");
    }

    #[test]
    fn what_is_not_known_or_makes_no_sense_is_nothing() {
        for line in [
            "XFORWARD ADDR=[UNAVAILABLE] HELO=[TEMPUNAVAIL]\r\n",
            "XFORWARD ADDR=nowhere HELO=+zz\r\n",
            "XFORWARD ADDR= HELO=+4\r\n",
            "XFORWARD nonsense\r\n",
            "XFORWARD ADDR=ä HELO=+c3\r\n",
        ] {
            let (from, helo) = read(line);
            assert!(from.is_none() && helo.is_none(), "{line}");
        }
        assert_eq!(parse(b"EHLO XFORWARD ADDR=192.0.2.1\r\n"), None);
        assert_eq!(parse(b"XFORWARD\r\n"), None);
        assert_eq!(parse(b"\xff \r\n"), None);
    }
}
