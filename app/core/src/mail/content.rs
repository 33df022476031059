//! What a mail's reader gets to see of its parts: text, HTML, attachments.

use super::{
    html::{self, Pictures},
    mime::{Part, too_much},
    plain,
};
use encodify::base64;
use haven_bridge::mail::{AttachmentView, MailTrouble};
use mail_parser::decoders::html::text_to_html;
use std::collections::HashMap;

/// The picture of a mail that stands in its HTML, in bytes.
const MAX_PICTURE: usize = 2 * 1024 * 1024;
/// All of these together.
const MAX_PICTURES: usize = 8 * 1024 * 1024;
/// The name of an attachment, in characters.
const MAX_NAME: usize = 200;
/// The class of the copy of header fields that RFC 9788 puts into HTML for programs that don't know it.
const LEGACY_CLASS: &str = "header-protection-legacy-display";

/// What there is to see.
#[derive(Debug, Default)]
pub(super) struct Content {
    pub text: String,
    pub html: Option<String>,
    pub remote_content: bool,
    /// The addresses of pictures that were left out.
    pub missing: Vec<String>,
    pub attachments: Vec<AttachmentView>,
    pub trouble: Option<MailTrouble>,
}

/// Collects what there is to see in a mail or in its protected part.
pub(super) fn of(root: &Part<'_>) -> Content {
    with_pictures(root, HashMap::new())
}

/// The same with pictures from elsewhere, as data URLs by their address.
pub(super) fn with_pictures(root: &Part<'_>, fetched: HashMap<String, String>) -> Content {
    let mut collected = Collected::default();
    collected.take(root, false);
    let (own, shown) = collected.pictures();
    let mut content = Content { text: collected.text(), ..Content::default() };
    if let Some(raw) = collected.html() {
        match html::clean(&raw, Pictures { own, fetched }) {
            Some(clean) => {
                content.html = Some(clean.html);
                content.remote_content = clean.remote_content;
                content.missing = clean.missing;
            }
            None => content.trouble = Some(too_much("HTML")),
        }
    }
    let attached = collected.attached.iter().filter(|(number, _)| !shown.contains(number));
    content.attachments = attached.map(|(number, part)| view(*number, part)).collect();
    content
}

/// The part with this number.
pub(super) fn part<'m, 'a>(root: &'m Part<'a>, number: u32) -> Option<&'m Part<'a>> {
    let mut collected = Collected::default();
    collected.take(root, false);
    let found = collected.attached.into_iter().find(|(found, _)| *found == number);
    found.map(|(_, part)| part)
}

/// All attachments.
pub(super) fn attachments<'m, 'a>(root: &'m Part<'a>) -> Vec<&'m Part<'a>> {
    let mut collected = Collected::default();
    collected.take(root, false);
    collected.attached.into_iter().map(|(_, part)| part).collect()
}

/// A text in one or both of two forms.
#[derive(Default)]
struct Passage {
    plain: Option<String>,
    html: Option<String>,
}

#[derive(Default)]
struct Collected<'m, 'a> {
    parts: u32,
    passages: Vec<Passage>,
    attached: Vec<(u32, &'m Part<'a>)>,
}

impl<'m, 'a> Collected<'m, 'a> {
    /// `alternative` says whether the part is another form of the passage begun last.
    fn take(&mut self, part: &'m Part<'a>, alternative: bool) {
        if part.is("multipart/alternative") {
            self.passages.push(Passage::default());
            part.children.iter().for_each(|child| self.take(child, true));
        } else if !part.children.is_empty() {
            part.children.iter().for_each(|child| self.take(child, alternative));
        } else {
            self.parts += 1;
            self.take_leaf(part, alternative);
        }
    }

    fn take_leaf(&mut self, part: &'m Part<'a>, alternative: bool) {
        let attached = part.disposition().is_some_and(|disposition| disposition.is_attachment());
        let plain = part.is("text/plain") && !attached;
        let html = part.is("text/html") && !attached;
        if is_legacy_fields(part) || part.media_type().starts_with("multipart/") {
            return;
        }
        if !plain && !html {
            self.attached.push((self.parts, part));
            return;
        }
        let text = without_legacy_fields(part, part.text(), html);
        let full = |passage: &Passage| if html { passage.html.is_some() } else { passage.plain.is_some() };
        if !alternative || self.passages.last().is_none_or(full) {
            self.passages.push(Passage::default());
        }
        if let Some(passage) = self.passages.last_mut() {
            *(if html { &mut passage.html } else { &mut passage.plain }) = Some(text);
        }
    }

    fn text(&self) -> String {
        let texts = self.passages.iter().filter_map(|passage| match passage {
            Passage { plain: Some(plain), .. } => Some(plain.replace("\r\n", "\n")),
            Passage { html: Some(html), .. } if html::is_reasonable(html) => Some(plain::of_html(html)),
            _ => None,
        });
        texts.collect::<Vec<_>>().join("\n")
    }

    /// The HTML, if any passage has some; those that have none come as text in it.
    fn html(&self) -> Option<String> {
        self.passages.iter().find(|passage| passage.html.is_some())?;
        let all = self.passages.iter().filter_map(|passage| match passage {
            Passage { html: Some(html), .. } => Some(html.clone()),
            Passage { plain, .. } => plain.as_deref().map(text_to_html),
        });
        Some(all.collect())
    }

    /// The mail's own pictures as data URLs, by content id, and the numbers of those that its HTML shows.
    fn pictures(&self) -> (HashMap<String, String>, Vec<u32>) {
        let (mut urls, mut shown, mut total) = (HashMap::new(), Vec::new(), 0);
        for (number, part) in &self.attached {
            let Some(id) = part.field("Content-ID").and_then(|field| field.value.as_text()) else { continue };
            let link = format!("cid:{id}");
            let used = self
                .passages
                .iter()
                .filter_map(|passage| passage.html.as_deref())
                .any(|html| html.contains(&link));
            let kind = part.media_type();
            if !used || !kind.starts_with("image/") || part.body.len() > 2 * MAX_PICTURE {
                continue;
            }
            let bytes = part.decoded();
            total += bytes.len();
            if bytes.len() <= MAX_PICTURE && total <= MAX_PICTURES && html::is_picture(&kind) {
                urls.insert(id.to_owned(), format!("data:{kind};base64,{}", base64::STANDARD.encode(&bytes)));
                shown.push(*number);
            }
        }
        (urls, shown)
    }
}

/// A copy of header fields for programs that don't know protected ones: a part of its own (`protected-headers="v1"`).
fn is_legacy_fields(part: &Part<'_>) -> bool {
    part.is("text/rfc822-headers") && part.parameter("protected-headers").is_some()
}

/// Takes out such a copy where it is the start of a text (RFC 9788, `hp-legacy-display`).
fn without_legacy_fields(part: &Part<'_>, text: String, html: bool) -> String {
    if part.parameter("hp-legacy-display").is_none_or(|value| value != "1") {
        return text;
    }
    let rest = if html {
        text.find(LEGACY_CLASS).and_then(|at| text.get(at..)).and_then(|rest| rest.split_once("</div>"))
    } else {
        text.split_once("\r\n\r\n").or_else(|| text.split_once("\n\n"))
    };
    rest.map(|(_, rest)| rest.to_owned()).unwrap_or(text)
}

fn view(number: u32, part: &Part<'_>) -> AttachmentView {
    let size = u64::try_from(part.decoded().len()).unwrap_or(u64::MAX);
    AttachmentView { part: number, name: name(number, part), media_type: part.media_type(), size }
}

/// The file name of an attachment: without directories, and without characters that hide what it is.
pub(super) fn name(number: u32, part: &Part<'_>) -> String {
    let given = part.disposition().and_then(|disposition| disposition.attribute("filename"));
    let given = given.or_else(|| part.parameter("name")).unwrap_or_default();
    let last = given.rsplit(['/', '\\']).next().unwrap_or_default();
    let plain: String = last.chars().filter(|c| !c.is_control() && !turns_text(*c)).take(MAX_NAME).collect();
    match plain.trim_matches(|c: char| c == '.' || c.is_whitespace()) {
        "" if part.is("message/rfc822") => format!("message-{number}.eml"),
        "" => format!("attachment-{number}"),
        plain => plain.to_owned(),
    }
}

/// Characters that change the direction of text, with which `exe.txt` can be shown for `txt.exe`, or are not seen.
fn turns_text(c: char) -> bool {
    matches!(c, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{61C}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::mime;

    fn content(mail: &str) -> Content {
        of(&mime::parse(mail.replace('\n', "\r\n").as_bytes()).unwrap())
    }

    #[test]
    fn of_two_forms_both_are_there() {
        let content = content(
            "Content-Type: multipart/alternative; boundary=b\n\n--b\nContent-Type: text/plain\n\nplain\n\
             --b\nContent-Type: text/html\n\n<p>rich</p>\n--b--\n",
        );
        assert_eq!((content.text.as_str(), content.html.as_deref()), ("plain", Some("<p>rich</p>")));
        assert_eq!(content.attachments, []);
    }

    #[test]
    fn text_is_made_from_html_where_there_is_nothing_else() {
        let content = content(
            "Content-Type: text/html\n\n<style>p{}</style><p>one</p><p>two &amp; <script>x</script>three</p>",
        );
        assert_eq!(content.text.split_whitespace().collect::<Vec<_>>(), ["one", "two", "&", "three"]);
    }

    #[test]
    fn texts_one_after_another_are_shown_in_their_order() {
        let content = content(
            "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/html\n\n<b>x</b>\n\
             --b\nContent-Type: text/plain\n\na < b\n--b\nContent-Type: text/plain\nContent-Disposition: attachment; filename=a.txt\n\nfile\n--b--\n",
        );
        assert_eq!(content.text.lines().map(str::trim).collect::<Vec<_>>(), ["x", "a < b"]);
        let html = content.html.unwrap();
        assert!(html.starts_with("<b>x</b>") && html.contains("a &lt; b"), "{html}");
        assert_eq!((content.attachments[0].part, content.attachments[0].size), (3, 4));
    }

    #[test]
    fn pictures_that_the_html_shows_are_no_attachments() {
        let content = content(
            "Content-Type: multipart/related; boundary=b\n\n--b\nContent-Type: text/html\n\n\
             <img src=\"cid:1@x\"><img src=\"cid:2@x\"><img src=\"https://example.org/3\">\n\
             --b\nContent-Type: image/png; name=one.png\nContent-ID: <1@x>\nContent-Transfer-Encoding: base64\n\nAAAA\n\
             --b\nContent-Type: image/svg+xml; name=two.svg\nContent-ID: <2@x>\n\n<svg/>\n\
             --b\nContent-Type: image/png; name=four.png\nContent-ID: <4@x>\n\nx\n--b--\n",
        );
        assert_eq!(content.html.as_deref(), Some("<img src=\"data:image/png;base64,AAAA\"><img><img>"));
        assert!(content.remote_content);
        let names: Vec<_> = content.attachments.iter().map(|attached| attached.name.as_str()).collect();
        assert_eq!(names, ["two.svg", "four.png"]);
    }

    #[test]
    fn html_that_is_too_large_is_left_out_and_said() {
        let html = "x".repeat(2 * 1024 * 1024);
        let content = content(&format!("Content-Type: text/html\n\n{html}"));
        assert_eq!((content.html, content.trouble), (None, Some(too_much("HTML"))));
    }
}
