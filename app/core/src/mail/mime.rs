//! The structure of a mail that came: its parts and their header fields.
//!
//! mail-parser reads header fields; the tree of parts is cut here, for two reasons. A signature covers a part's exact
//! bytes, and the bounds have to hold before anything is spent on what a stranger wrote: the depth is limited, so each
//! byte is looked at a bounded number of times, and so are parts, fields and their length.

use encodify::{base64, qp};
use haven_bridge::mail::MailTrouble;
use mail_parser::{
    ContentType, Header, HeaderValue, MessageParser, decoders::charsets::map::charset_decoder,
};
use std::borrow::Cow;

/// Parts of a mail, all levels together.
const MAX_PARTS: usize = 1000;
/// How deep parts lie in parts.
const MAX_DEPTH: usize = 16;
/// The header of one part, in bytes.
const MAX_HEADER: usize = 256 * 1024;
/// Fields in the header of one part.
const MAX_FIELDS: usize = 1000;
/// A boundary, in bytes (RFC 2046 allows 70).
const MAX_BOUNDARY: usize = 256;

/// A part of a mail, or the mail as a whole.
#[derive(Debug)]
pub(super) struct Part<'a> {
    /// Header and body, exactly as they came.
    pub whole: &'a [u8],
    /// The body, exactly as it came.
    pub body: &'a [u8],
    /// The header fields, in their order.
    pub fields: Vec<Field<'a>>,
    /// The parts in it; none if it isn't `multipart/*`.
    pub children: Vec<Part<'a>>,
}

/// A header field.
#[derive(Debug)]
pub(super) struct Field<'a> {
    /// Its name, as written.
    pub name: &'a str,
    /// Its value as mail-parser reads it.
    pub value: HeaderValue<'a>,
    /// Its value as written, folds included.
    pub raw: &'a [u8],
}

/// Cuts a mail into its parts.
pub(super) fn parse(raw: &[u8]) -> Result<Part<'_>, MailTrouble> {
    Parser { parts: 0 }.part(raw, 0)
}

/// A mail without its body, for one whose parts can't be read.
pub(super) fn head(raw: &[u8]) -> Result<Part<'_>, MailTrouble> {
    let (header, _) = halves(raw);
    Ok(Part { whole: header, body: &[], fields: fields(header)?, children: Vec::new() })
}

/// Reads header fields alone.
pub(super) fn fields(header: &[u8]) -> Result<Vec<Field<'_>>, MailTrouble> {
    if header.len() > MAX_HEADER {
        return Err(too_much("header"));
    }
    let Some(mut message) = MessageParser::new().parse_headers(header) else { return Ok(Vec::new()) };
    let found = message.parts.first_mut().map(|part| std::mem::take(&mut part.headers)).unwrap_or_default();
    if found.len() > MAX_FIELDS {
        return Err(too_much("header fields"));
    }
    Ok(found.into_iter().filter_map(|field| self::field(field, header)).collect())
}

/// A field with its exact bytes. Nothing for a line without a colon, which is no field.
fn field<'a>(field: Header<'a>, header: &'a [u8]) -> Option<Field<'a>> {
    let at = |offset: u32| usize::try_from(offset).unwrap_or(usize::MAX);
    let name = header.get(at(field.offset_field)..at(field.offset_start))?.strip_suffix(b":")?;
    Some(Field {
        name: std::str::from_utf8(name).unwrap_or_default().trim(),
        raw: header.get(at(field.offset_start)..at(field.offset_end)).unwrap_or_default(),
        value: field.value,
    })
}

struct Parser {
    parts: usize,
}

impl Parser {
    fn part<'a>(&mut self, whole: &'a [u8], depth: usize) -> Result<Part<'a>, MailTrouble> {
        self.parts += 1;
        if self.parts > MAX_PARTS {
            return Err(too_much("parts"));
        }
        let (header, body) = halves(whole);
        let mut part = Part { whole, body, fields: fields(header)?, children: Vec::new() };
        if let Some(boundary) = part.boundary() {
            if depth == MAX_DEPTH {
                return Err(too_much("parts in parts"));
            }
            let pieces = pieces(body, &boundary, MAX_PARTS - self.parts)?;
            part.children =
                pieces.into_iter().map(|piece| self.part(piece, depth + 1)).collect::<Result<_, _>>()?;
        }
        Ok(part)
    }
}

/// Header and body: the first empty line is between them.
fn halves(whole: &[u8]) -> (&[u8], &[u8]) {
    let mut at = 0;
    for line in whole.split_inclusive(|byte| *byte == b'\n') {
        let next = at + line.len();
        if matches!(line, b"\n" | b"\r\n") {
            return (whole.get(..next).unwrap_or_default(), whole.get(next..).unwrap_or_default());
        }
        at = next;
    }
    (whole, &[])
}

/// What is between the lines that consist of the boundary.
fn pieces<'a>(body: &'a [u8], boundary: &str, limit: usize) -> Result<Vec<&'a [u8]>, MailTrouble> {
    let mut pieces = Vec::new();
    let mut start = None;
    let mut at = 0;
    for line in body.split_inclusive(|byte| *byte == b'\n') {
        let next = at + line.len();
        if let Some(delimiter) = Delimiter::read(line, boundary) {
            pieces.extend(start.and_then(|start| body.get(start..at)).map(without_line_end));
            start = matches!(delimiter, Delimiter::Between).then_some(next);
            if pieces.len() > limit {
                return Err(too_much("parts"));
            }
            if matches!(delimiter, Delimiter::Last) {
                break;
            }
        }
        at = next;
    }
    pieces.extend(start.and_then(|start| body.get(start..)));
    Ok(pieces)
}

/// A line that separates parts.
enum Delimiter {
    Between,
    Last,
}

impl Delimiter {
    fn read(line: &[u8], boundary: &str) -> Option<Self> {
        let rest = line.strip_prefix(b"--")?.strip_prefix(boundary.as_bytes())?.trim_ascii_end();
        match rest {
            b"" => Some(Self::Between),
            b"--" => Some(Self::Last),
            _ => None,
        }
    }
}

fn without_line_end(bytes: &[u8]) -> &[u8] {
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    bytes.strip_suffix(b"\r").unwrap_or(bytes)
}

impl<'a> Part<'a> {
    /// The first field of this name.
    pub(super) fn field(&self, name: &str) -> Option<&Field<'a>> {
        self.all(name).next()
    }

    /// All fields of this name.
    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = &Field<'a>> {
        self.fields.iter().filter(move |field| field.name.eq_ignore_ascii_case(name))
    }

    /// `Content-Type`.
    pub(super) fn content_type(&self) -> Option<&ContentType<'a>> {
        self.field("Content-Type").and_then(|field| field.value.as_content_type())
    }

    /// `Content-Disposition`.
    pub(super) fn disposition(&self) -> Option<&ContentType<'a>> {
        self.field("Content-Disposition").and_then(|field| field.value.as_content_type())
    }

    /// The media type in lower case; `text/plain` if it is missing.
    pub(super) fn media_type(&self) -> String {
        let Some(kind) = self.content_type() else { return "text/plain".to_owned() };
        format!("{}/{}", kind.ctype(), kind.subtype().unwrap_or("plain")).to_ascii_lowercase()
    }

    /// Whether it is of this media type.
    pub(super) fn is(&self, media_type: &str) -> bool {
        self.media_type() == media_type
    }

    /// A parameter of `Content-Type`.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.content_type().and_then(|kind| kind.attribute(name))
    }

    fn boundary(&self) -> Option<String> {
        let kind = self.content_type().filter(|kind| kind.ctype().eq_ignore_ascii_case("multipart"))?;
        let boundary = kind.attribute("boundary")?;
        (1..=MAX_BOUNDARY).contains(&boundary.len()).then(|| boundary.to_owned())
    }

    /// The body without its transfer encoding. A body that isn't encoded as it says is given as it came.
    pub(super) fn decoded(&self) -> Cow<'a, [u8]> {
        let encoding = self.field("Content-Transfer-Encoding").and_then(|field| field.value.as_text());
        let decoded = match encoding.unwrap_or_default().trim().to_ascii_lowercase().as_str() {
            "base64" => base64::MIME.decode(self.body).ok().map(Cow::from),
            "quoted-printable" => qp::BODY.decode(self.body).ok(),
            _ => None,
        };
        decoded.unwrap_or(Cow::Borrowed(self.body))
    }

    /// The text of a `text/*` part.
    pub(super) fn text(&self) -> String {
        self.text_of(&self.decoded())
    }

    /// Bytes as text in the charset of the part.
    pub(super) fn text_of(&self, bytes: &[u8]) -> String {
        match self.parameter("charset").and_then(|name| charset_decoder(name.as_bytes())) {
            Some(decode) => decode(bytes),
            None => String::from_utf8_lossy(bytes).into_owned(),
        }
    }
}

/// Trouble with what there is too much of.
pub(super) fn too_much(what: &str) -> MailTrouble {
    MailTrouble::TooMuch { what: what.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(raw: &str) -> Vec<String> {
        parse(raw.as_bytes()).unwrap().children.iter().map(|part| part.whole_text()).collect()
    }

    impl Part<'_> {
        fn whole_text(&self) -> String {
            String::from_utf8(self.whole.to_vec()).unwrap()
        }
    }

    #[test]
    fn parts_are_cut_at_whole_lines_and_to_the_byte() {
        let head = "Content-Type: multipart/mixed; boundary=\"b\"\r\n\r\npreamble\r\n";
        let body = "--b\r\n\r\none\r\n\r\n--bx\r\n --b\r\n--b \r\nA: b\r\n\r\ntwo --b\n--b\n--b--\r\nepilogue\r\n--b\r\n";
        assert_eq!(
            texts(&format!("{head}{body}")),
            ["\r\none\r\n\r\n--bx\r\n --b", "A: b\r\n\r\ntwo --b", ""]
        );
        assert_eq!(texts(&format!("{head}--b\r\n\r\nopen end\r\n")), ["\r\nopen end\r\n"]);
        assert!(texts(head).is_empty());
    }

    #[test]
    fn bodies_lose_their_transfer_encoding_and_charset() {
        let text = |head: &str, body: &str| parse(format!("{head}\r\n\r\n{body}").as_bytes()).unwrap().text();
        let latin = "Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: ";
        assert_eq!(text(&format!("{latin}quoted-printable"), "Gr=FC=DFe=\r\n!"), "Grüße!");
        assert_eq!(text(&format!("{latin}base64"), "R3L8\r\n32U="), "Grüße");
        assert_eq!(
            text(
                "Content-Type: text/plain; charset=gb18030\r\nContent-Transfer-Encoding: base64",
                "xOO6ww=="
            ),
            "你好"
        );
        assert_eq!(text("Content-Transfer-Encoding: base64", "not base64!"), "not base64!");
        assert_eq!(text("X: y", "plain"), "plain");
    }

    #[test]
    fn fields_are_given_as_read_and_as_written() {
        let part =
            parse(b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nAutocrypt: addr=a@b;\r\n keydata=AA\r\n\r\n")
                .unwrap();
        assert_eq!(part.field("subject").unwrap().value.as_text(), Some("Grüße"));
        assert_eq!(part.field("AUTOCRYPT").unwrap().raw, b" addr=a@b;\r\n keydata=AA\r\n");
        assert_eq!(part.fields[1].name, "Autocrypt");
    }
}
