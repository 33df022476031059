//! Header fields of a mail that is being written.
//!
//! Whatever a person types here, none of it can become another field: text is made one line, addresses and message ids
//! are checked character by character, and mail-builder encodes the rest (RFC 2047).

use super::{Error, Letter};
use haven_bridge::mail::Mailbox;
use mail_builder::headers::{
    Header as _, HeaderType, address::Address, date::Date, message_id::MessageId, raw::Raw, text::Text,
};

/// What readers without the key see instead of the subject. The same in all languages, so that it doesn't tell one.
pub(super) const HIDDEN_SUBJECT: &str = "[...]";
/// An address, in characters (RFC 5321).
const MAX_ADDRESS: usize = 254;

/// A header field: its name, and its value ready to be written.
pub(super) type Field<'a> = (&'static str, HeaderType<'a>);

/// The fields that a mail's reader sees and that are protected with its body, in the usual order.
pub(super) fn of(letter: &Letter) -> Vec<Field<'_>> {
    let mut fields = vec![("From", mailboxes([&letter.from])), ("To", recipients(letter))];
    if !letter.cc.is_empty() {
        fields.push(("Cc", mailboxes(&letter.cc)));
    }
    fields.push(("Subject", subject(&letter.subject)));
    fields.push(("Date", Date::new(i64::try_from(letter.date / 1000).unwrap_or(i64::MAX)).into()));
    fields.push(("Message-ID", MessageId::new(letter.message_id.as_str()).into()));
    if let Some(id) = letter.in_reply_to.as_deref().filter(|id| is_message_id(id)) {
        fields.push(("In-Reply-To", MessageId::new(id).into()));
    }
    let references: Vec<&str> =
        letter.references.iter().map(String::as_str).filter(|id| is_message_id(id)).collect();
    if !references.is_empty() {
        fields.push(("References", MessageId::from(references).into()));
    }
    fields
}

/// The same fields as everybody on the way may see them: RFC 9788's baseline policy.
pub(super) fn outside<'a>(fields: &[Field<'a>]) -> Vec<Field<'a>> {
    let hide = |(name, value): &Field<'a>| match *name {
        "Subject" => (*name, Raw::new(HIDDEN_SUBJECT).into()),
        _ => (*name, value.clone()),
    };
    fields.iter().map(hide).collect()
}

/// An `HP-Outer` field, which says inside what stands outside.
pub(super) fn outer<'a>((name, value): &Field<'a>) -> Field<'a> {
    let mut written = Vec::new();
    value.write_header(&mut written, name.len() + 2);
    let written = String::from_utf8_lossy(&written);
    ("HP-Outer", Raw::new(format!("{name}: {}", unfold(&written))).into())
}

/// Writes fields, each with its line ends.
pub(super) fn write(fields: &[Field<'_>], out: &mut Vec<u8>) {
    for (name, value) in fields {
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b": ");
        value.write_header(out, name.len() + 2);
    }
}

/// Whether everything in the letter can stand in a header.
pub(super) fn check(letter: &Letter) -> Result<(), Error> {
    let everybody = [&letter.from].into_iter().chain(&letter.to).chain(&letter.cc).chain(&letter.bcc);
    if let Some(number) = everybody.clone().position(|mailbox| !is_address(&mailbox.address)) {
        return Err(Error::BadAddress(number));
    }
    if everybody.count() < 2 {
        return Err(Error::NoRecipient);
    }
    if is_message_id(&letter.message_id) { Ok(()) } else { Err(Error::BadMessageId) }
}

/// Text without line ends and other control characters, which have no meaning in a header.
pub(super) fn one_line(text: &str) -> String {
    let plain = text.replace(|c: char| c.is_control(), " ");
    plain.trim().to_owned()
}

/// The name of a person or a file, where no encoded word (RFC 2047) may stand. Some programs decode what looks like one all the
/// same, so nothing does.
pub(super) fn name(text: &str) -> String {
    one_line(text).replace("=?", "=_")
}

/// A subject: any text on one line.
fn subject(text: &str) -> HeaderType<'static> {
    Text::new(one_line(text)).into()
}

fn recipients(letter: &Letter) -> HeaderType<'_> {
    if !letter.to.is_empty() {
        return mailboxes(&letter.to);
    }
    Raw::new("undisclosed-recipients:;").into()
}

fn mailboxes<'a>(people: impl IntoIterator<Item = &'a Mailbox>) -> HeaderType<'a> {
    let mailbox = |mailbox: &'a Mailbox| {
        let name = name(&mailbox.name);
        Address::new_address((!name.is_empty()).then_some(name), mailbox.address.as_str())
    };
    Address::new_list(people.into_iter().map(mailbox).collect()).into()
}

/// Whether `address` is written as most addresses are: no quotes, no comments, ASCII.
fn is_address(address: &str) -> bool {
    let local = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c);
    let domain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    address.len() <= MAX_ADDRESS
        && address.split_once('@').is_some_and(|(left, right)| {
            let labels = |text: &str, allowed: &dyn Fn(char) -> bool| {
                text.split('.').all(|label| !label.is_empty() && label.chars().all(allowed))
            };
            labels(left, &local) && labels(right, &domain)
        })
}

/// Whether `id` can stand between `<` and `>` in a header.
fn is_message_id(id: &str) -> bool {
    let allowed = |c: char| c.is_ascii_graphic() && !matches!(c, '<' | '>');
    (3..=900).contains(&id.len()) && id.contains('@') && id.chars().all(allowed)
}

fn unfold(written: &str) -> String {
    written.trim_end().replace("\r\n", "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(address: &str) -> Letter {
        let to = Mailbox { name: String::new(), address: address.into() };
        let from = Mailbox { name: String::new(), address: "alice@example.org".into() };
        Letter { message_id: "1@example.org".into(), from, to: vec![to], ..Letter::default() }
    }

    #[test]
    fn what_could_become_another_field_is_no_address() {
        for good in ["bob@example.org", "b.o-b+tag@sub.example.org", "bob@localhost", "o'neil@example.org"] {
            assert_eq!(check(&letter(good)), Ok(()), "{good}");
        }
        for bad in [
            "",
            "bob",
            "@example.org",
            "bob@",
            "bob@a@b",
            "bob@example.org\r\nBcc: eve@example.org",
            "bob@example.org, eve@example.org",
            "<bob@example.org>",
            "bob @example.org",
            "b..b@example.org",
            "bób@example.org",
            "\"bob\"@example.org",
        ] {
            assert_eq!(check(&letter(bad)), Err(Error::BadAddress(1)), "{bad}");
        }
    }

    #[test]
    fn a_letter_needs_a_recipient_and_an_id() {
        let mut nobody = letter("bob@example.org");
        nobody.to.clear();
        assert_eq!(check(&nobody), Err(Error::NoRecipient));
        for bad in ["", "1", "a b@c", "a@b>\r\nX: y", "ä@b"] {
            let wrong = Letter { message_id: bad.into(), ..letter("bob@example.org") };
            assert_eq!(check(&wrong), Err(Error::BadMessageId), "{bad}");
        }
    }

    #[test]
    fn nothing_that_is_typed_becomes_another_field() {
        let evil = "hello\r\nBcc: eve@example.org\r\n\r\n<script>\u{2028}\0";
        let mut letter = letter("bob@example.org");
        letter.subject = evil.into();
        letter.from.name = evil.into();
        letter.cc = vec![Mailbox { name: evil.into(), address: "carol@example.org".into() }];
        letter.references = vec![evil.into(), "2@example.org".into()];
        letter.in_reply_to = Some(evil.into());
        let mut out = Vec::new();
        write(&of(&letter), &mut out);
        let text = String::from_utf8(out).unwrap();
        let names: Vec<&str> = text
            .split("\r\n")
            .filter(|line| !line.starts_with(' ') && !line.is_empty())
            .map(|line| line.split_once(':').unwrap().0)
            .collect();
        assert_eq!(names, ["From", "To", "Cc", "Subject", "Date", "Message-ID", "References"], "{text}");
        assert!(text.is_ascii());
    }

    #[test]
    fn what_stands_outside_is_repeated_inside_word_for_word() {
        let mut letter = letter("bob@example.org");
        letter.subject = "Grüße".into();
        letter.from.name = "Ålice ".repeat(12);
        let outside = outside(&of(&letter));
        let (mut plain, mut listed) = (Vec::new(), Vec::new());
        write(&outside, &mut plain);
        write(&outside.iter().map(outer).collect::<Vec<_>>(), &mut listed);
        let unfolded = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().replace("\r\n ", " ");
        assert_eq!(unfolded(listed).replace("HP-Outer: ", ""), unfolded(plain.clone()));
        assert!(String::from_utf8(plain).unwrap().contains("Subject: [...]\r\n"));
    }
}
