//! Header fields that the relay puts before a mail, and those of others that pretend to be its own.

use mail_parser::DateTime;
use std::net::IpAddr;

/// How a mail came.
#[derive(Clone, Debug)]
pub struct Hop<'a> {
    /// How the other side calls itself.
    pub helo: &'a str,
    /// Where it is.
    pub from: IpAddr,
    /// `ESMTP`, `ESMTPS`, …: RFC 3848.
    pub protocol: &'a str,
}

/// A `Received` field (RFC 5321, section 4.4), with its line end.
pub fn received(hop: &Hop<'_>, hostname: &str, now: u64) -> String {
    let date = DateTime::from_timestamp(i64::try_from(now).unwrap_or(0)).to_rfc822();
    let literal = match hop.from.to_canonical() {
        IpAddr::V4(v4) => format!("[{v4}]"),
        IpAddr::V6(v6) => format!("[IPv6:{v6}]"),
    };
    let Hop { helo, protocol, .. } = hop;
    format!(
        "Received: from {} ({literal})\r\n\tby {hostname} with {protocol};\r\n\t{date}\r\n",
        printable(helo)
    )
}

/// The fields before a mail that a person of this relay sends to another: how it came, and whose it is.
pub fn submitted(hostname: &str, sender: &str, now: u64) -> String {
    let date = DateTime::from_timestamp(i64::try_from(now).unwrap_or(0)).to_rfc822();
    format!(
        "Received: by {hostname} with HTTP;\r\n\t{date}\r\n\
         Authentication-Results: {hostname};\r\n\tauth=pass smtp.auth={sender}\r\n"
    )
}

/// A name that a stranger gave, or `unknown` if it could be taken for something else.
fn printable(helo: &str) -> &str {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._:[]".contains(c);
    if !helo.is_empty() && helo.len() <= 255 && helo.chars().all(plain) { helo } else { "unknown" }
}

/// The fields of a header section, each with its line end and continuations, and what follows them.
pub struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    /// Of a whole mail.
    pub fn of(message: &'a [u8]) -> Self {
        Self(message)
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    fn next(&mut self) -> Option<Field<'a>> {
        let mut end = line_end(self.0);
        if end == 0 || self.0.starts_with(b"\r\n") || self.0.starts_with(b"\n") {
            return None;
        }
        while let Some(rest) = self.0.get(end..)
            && matches!(rest.first(), Some(b' ' | b'\t'))
        {
            end += line_end(rest);
        }
        let (whole, rest) = self.0.split_at_checked(end)?;
        self.0 = rest;
        Some(Field { whole })
    }
}

/// Where the first line ends, its line end included.
fn line_end(bytes: &[u8]) -> usize {
    bytes.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |at| at + 1)
}

/// A header field.
#[derive(Clone, Copy, Debug)]
pub struct Field<'a> {
    /// With its line end.
    pub whole: &'a [u8],
}

impl<'a> Field<'a> {
    /// What stands before the colon, without blanks at its end. Nothing without a colon.
    pub fn name(&self) -> Option<&'a [u8]> {
        let colon = self.whole.iter().position(|byte| *byte == b':')?;
        self.whole.get(..colon).map(<[u8]>::trim_ascii_end)
    }

    /// What stands after the colon.
    pub fn value(&self) -> &'a [u8] {
        let colon = self.whole.iter().position(|byte| *byte == b':');
        colon.and_then(|colon| self.whole.get(colon + 1..)).unwrap_or_default()
    }

    /// Whether it has this name.
    pub fn is(&self, name: &str) -> bool {
        self.name().is_some_and(|own| own.eq_ignore_ascii_case(name.as_bytes()))
    }
}

/// The mail without `Authentication-Results` that name `hostname` (RFC 8601, section 5): only the relay says what the
/// relay found. A field that names it in a comment or a longer name goes too, to be sure.
///
/// Nothing if there is none to take out.
pub fn without_forged_results(message: &[u8], hostname: &str) -> Option<Vec<u8>> {
    let forged = |field: &Field<'_>| field.is("Authentication-Results") && claims(field.value(), hostname);
    if !Fields::of(message).any(|field| forged(&field)) {
        return None;
    }
    let mut kept = Vec::with_capacity(message.len());
    let mut header = 0;
    for field in Fields::of(message) {
        header += field.whole.len();
        if !forged(&field) {
            kept.extend_from_slice(field.whole);
        }
    }
    kept.extend_from_slice(message.get(header..).unwrap_or_default());
    Some(kept)
}

/// Whether the part before the first semicolon holds the name.
fn claims(value: &[u8], hostname: &str) -> bool {
    let id: String = value
        .iter()
        .take_while(|byte| **byte != b';')
        .filter(|byte| !byte.is_ascii_whitespace())
        .map(|byte| char::from(byte.to_ascii_lowercase()))
        .collect();
    id.contains(&hostname.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stripped(message: &str) -> String {
        let stripped = without_forged_results(message.as_bytes(), "mx.haven.example");
        stripped.map_or_else(|| message.to_owned(), |bytes| String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn a_received_field_says_from_where_and_when() {
        let hop = Hop { helo: "mail.example.org", from: IpAddr::from([192, 0, 2, 1]), protocol: "ESMTPS" };
        assert_eq!(
            received(&hop, "mx.haven.example", 1_000_000_000),
            "Received: from mail.example.org ([192.0.2.1])\r\n\tby mx.haven.example with ESMTPS;\r\n\t\
             Sun, 9 Sep 2001 01:46:40 +0000\r\n"
        );
    }

    #[test]
    fn a_name_that_could_be_taken_for_something_else_is_unknown() {
        let from = IpAddr::V6("2001:db8::1".parse().unwrap());
        for helo in ["", "a b", "a\r\nb", "(a)", "ä"] {
            let line = received(&Hop { helo, from, protocol: "SMTP" }, "mx", 0);
            assert!(line.starts_with("Received: from unknown ([IPv6:2001:db8::1])\r\n"), "{line}");
        }
    }

    #[test]
    fn results_in_the_relays_name_are_taken_out() {
        for forged in [
            "Authentication-Results: mx.haven.example; dkim=pass\r\n",
            "authentication-results : MX.haven.\r\n\texample 1;\r\n dkim=pass\r\n",
            "Authentication-Results: (a comment) mx.haven.example; spf=pass\r\n",
            "Authentication-Results: \"mx.haven.example\"; spf=pass\r\n",
        ] {
            let rest = "To: b\r\n\r\nAuthentication-Results: mx.haven.example\r\n";
            assert_eq!(stripped(&format!("From: a\r\n{forged}{rest}")), format!("From: a\r\n{rest}"));
        }
    }

    #[test]
    fn results_of_others_stay() {
        for message in [
            "Authentication-Results: mx.example.org; comment=mx.haven.example\r\nFrom: a\r\n\r\n",
            "X-Authentication-Results: mx.haven.example\r\n\r\n",
            "\r\nAuthentication-Results: mx.haven.example\r\n",
            "no header at all",
            "",
        ] {
            assert_eq!(stripped(message), message);
        }
    }
}
