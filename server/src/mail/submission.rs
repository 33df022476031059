//! What people may send: in their own name, to addresses that are ones, in lines that no server takes for two.

use super::{address, trace::Fields};
use haven_wire::{
    limits::{MAX_MAIL, MAX_NOTE, MAX_RECIPIENTS},
    mail::{OutgoingMail, SubmitMail},
};
use mail_parser::{Address, MessageParser};

/// Longest line, without its line end (RFC 5322, section 2.1.1).
const MAX_LINE: usize = 998;
/// Longest header section.
const MAX_HEADER: usize = 256 * 1024;
/// Fields that a mail has at most once (RFC 5322, section 3.6; RFC 2045): what one server takes from the first,
/// another takes from the last.
const ONCE: [&str; 13] = [
    "Cc",
    "Content-Transfer-Encoding",
    "Content-Type",
    "Date",
    "From",
    "In-Reply-To",
    "MIME-Version",
    "Message-ID",
    "References",
    "Reply-To",
    "Subject",
    "To",
    "Autocrypt",
];
/// Fields that servers add, or that would say who got a blind copy or who else sent it.
const NEVER: [&str; 5] = ["Bcc", "Return-Path", "Received", "Sender", "Resent-From"];

/// What is wrong with a submission.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fault {
    /// This part makes no sense or is not allowed.
    Bad(&'static str),
    /// This part is too large.
    TooLarge(&'static str, usize),
}

/// Checks a submission of the person with this address.
pub fn check(call: &SubmitMail, own: &str) -> Result<(), Fault> {
    let recipients: usize = call.messages.iter().map(|mail| mail.recipients.len()).sum();
    let bytes: usize = call.messages.iter().map(|mail| mail.message.len()).sum();
    let note = call.note.as_ref().map_or(0, |note| note.sealed.len());
    for (part, size, limit) in
        [("recipients", recipients, MAX_RECIPIENTS), ("mail", bytes, MAX_MAIL), ("note", note, MAX_NOTE)]
    {
        if size > limit {
            return Err(Fault::TooLarge(part, limit));
        }
    }
    if usize::try_from(call.kept).map_or(true, |kept| kept >= call.messages.len()) {
        return Err(Fault::Bad("kept"));
    }
    call.messages.iter().try_for_each(|mail| check_mail(mail, own))
}

fn check_mail(mail: &OutgoingMail, own: &str) -> Result<(), Fault> {
    if mail.recipients.is_empty() || !mail.recipients.iter().all(|recipient| address::valid(recipient)) {
        return Err(Fault::Bad("recipients"));
    }
    check_lines(&mail.message)?;
    check_header(&mail.message, own)
}

/// Lines end with CRLF and nothing else does, none is too long, and all is ASCII.
fn check_lines(message: &[u8]) -> Result<(), Fault> {
    let Some(complete) = message.strip_suffix(b"\r\n") else {
        return Err(Fault::Bad("the last line has no end"));
    };
    let mut lines = complete.split(|byte| *byte == b'\n').peekable();
    while let Some(line) = lines.next() {
        let line = match (line.strip_suffix(b"\r"), lines.peek()) {
            (Some(line), Some(_)) => line,
            (_, Some(_)) => return Err(Fault::Bad("bare LF")),
            (_, None) => line,
        };
        if line.len() > MAX_LINE {
            return Err(Fault::TooLarge("line", MAX_LINE));
        }
        if line.iter().any(|byte| !byte.is_ascii() || matches!(byte, 0 | b'\r')) {
            return Err(Fault::Bad("bare CR, NUL, or not ASCII"));
        }
    }
    Ok(())
}

fn check_header(message: &[u8], own: &str) -> Result<(), Fault> {
    let mut size = 0;
    let mut seen = [0_u8; ONCE.len()];
    for field in Fields::of(message) {
        size += field.whole.len();
        // No blank may stand before the colon: some servers take such a field for another.
        let name = field.name().filter(|name| {
            !name.is_empty()
                && name.iter().all(u8::is_ascii_graphic)
                && field.whole.get(name.len()) == Some(&b':')
        });
        if name.is_none() || size > MAX_HEADER || NEVER.iter().any(|name| field.is(name)) {
            return Err(Fault::Bad("header section"));
        }
        for (_, count) in ONCE.iter().zip(&mut seen).filter(|(name, _)| field.is(name)) {
            *count = count.saturating_add(1);
        }
    }
    if seen.iter().any(|count| *count > 1) {
        return Err(Fault::Bad("a field twice"));
    }
    match message.split_at_checked(size) {
        Some((header, rest)) if rest.starts_with(b"\r\n") => check_from(header, own),
        _ => Err(Fault::Bad("header section")),
    }
}

/// The one `From` is the person's own address. Beside what a tolerant parser finds in it, it must end like one, so that
/// no other parser finds another.
fn check_from(header: &[u8], own: &str) -> Result<(), Fault> {
    let mut fields = Fields::of(header).filter(|field| field.is("From"));
    let (Some(field), None) = (fields.next(), fields.next()) else {
        return Err(Fault::Bad("From"));
    };
    let value = String::from_utf8_lossy(field.value()).replace("\r\n", "").to_ascii_lowercase();
    let own = own.to_ascii_lowercase();
    let ends_well = value.trim() == own || value.trim().ends_with(&format!("<{own}>"));
    let parsed = MessageParser::new().parse_headers(header);
    let one = parsed.as_ref().and_then(|mail| match mail.from()? {
        Address::List(list) => match list.as_slice() {
            [one] => one.address(),
            _ => None,
        },
        Address::Group(_) => None,
    });
    if ends_well && one.is_some_and(|address| address.eq_ignore_ascii_case(&own)) {
        Ok(())
    } else {
        Err(Fault::Bad("From"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use haven_wire::ids::MessageId;

    const OWN: &str = "alice@haven.example";

    fn of(message: &str) -> Result<(), Fault> {
        check_mail(&OutgoingMail { recipients: vec!["bob@example.org".into()], message: message.into() }, OWN)
    }

    fn with(field: &str) -> Result<(), Fault> {
        of(&format!("From: <{OWN}>\r\n{field}\r\n\r\ntext\r\n"))
    }

    #[test]
    fn a_mail_in_ones_own_name_is_taken() {
        for from in [
            OWN,
            "<alice@haven.example>",
            "Alice <Alice@Haven.example>",
            "\"A, B\"\r\n <alice@haven.example>",
        ] {
            assert_eq!(of(&format!("From: {from}\r\nTo: x\r\n\r\ntext\r\n.\r\n")), Ok(()), "{from}");
        }
        assert_eq!(of("from: alice@haven.example\r\n\r\n"), Ok(()));
    }

    #[test]
    fn a_mail_in_anothers_name_is_refused() {
        for from in [
            "mallory@haven.example",
            "alice@haven.example, mallory@haven.example",
            "alice@haven.example <mallory@haven.example>",
            "<mallory@haven.example> <alice@haven.example>",
            "mallory@haven.example, <alice@haven.example>",
            "us: alice@haven.example;",
            "<alice@haven.example> mallory",
            "<alice@haven.example>(",
            "xalice@haven.example",
            "",
        ] {
            assert_eq!(of(&format!("From: {from}\r\n\r\n")), Err(Fault::Bad("From")), "{from}");
        }
        assert_eq!(of("To: x\r\n\r\n"), Err(Fault::Bad("From")));
        assert!(of("From: alice@haven.example\r\nFrom: eve@haven.example\r\n\r\n").is_err());
    }

    #[test]
    fn fields_that_servers_add_or_that_betray_are_refused() {
        for field in [
            "Bcc: carol@example.org",
            "bcc:",
            "Bcc : carol@example.org",
            "Sender: eve@example.org",
            "Received: from here",
            "Return-Path: <eve@example.org>",
            "Subject: one\r\nSubject: two",
            "no colon",
            ": no name",
            "To : blank before the colon",
            "T\u{7}o: control",
            "Tö: x",
        ] {
            assert!(with(field).is_err(), "{field}");
        }
        assert_eq!(with("Subject: one\r\n two\r\nX-A: b\r\nX-A: c"), Ok(()));
    }

    #[test]
    fn lines_that_servers_read_differently_are_refused() {
        let long = "a".repeat(MAX_LINE + 1);
        for body in
            ["a\nb\r\n", "a\rb\r\n", "a\r\n.\n", "a\0b\r\n", "ä\r\n", "no end", "a\r\r\n", &long, "a\n"]
        {
            assert!(of(&format!("From: {OWN}\r\n\r\n{body}")).is_err(), "{body:?}");
        }
        let longest = "a".repeat(MAX_LINE);
        assert_eq!(of(&format!("From: {OWN}\r\n\r\n{longest}\r\n")), Ok(()));
        assert!(of(&format!("From: {OWN}\r\nX: no body\r\n")).is_err());
        assert!(of("").is_err());
    }

    #[test]
    fn counts_and_sizes_are_bounded() {
        let mail = |recipients: usize| OutgoingMail {
            recipients: vec!["bob@example.org".into(); recipients],
            message: format!("From: {OWN}\r\n\r\n").into(),
        };
        let call = |messages, kept| SubmitMail { id: MessageId([0; 16]), messages, kept, note: None };
        assert_eq!(check(&call(vec![mail(60), mail(40)], 1), OWN), Ok(()));
        let over = Err(Fault::TooLarge("recipients", MAX_RECIPIENTS));
        assert_eq!(check(&call(vec![mail(60), mail(41)], 1), OWN), over);
        assert_eq!(check(&call(vec![mail(1)], 1), OWN), Err(Fault::Bad("kept")));
        assert_eq!(check(&call(Vec::new(), 0), OWN), Err(Fault::Bad("kept")));
        assert_eq!(check(&call(vec![mail(0)], 0), OWN), Err(Fault::Bad("recipients")));
        let mut huge = mail(1);
        huge.message.resize(MAX_MAIL + 1, b' ');
        assert_eq!(check(&call(vec![huge], 0), OWN), Err(Fault::TooLarge("mail", MAX_MAIL)));
    }
}
