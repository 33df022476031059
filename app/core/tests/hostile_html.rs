//! HTML of strangers that tries to run, to fetch, to submit or to cover something: `data/html/README.md`.
//!
//! What is left of it is read by a tokenizer of its own, which takes no context into account, so that it sees every tag
//! that any parser could see. `end2end/tests/hostile_html.spec.ts` shows the same mails in a browser.

use crate::letters::NOW;
use haven_core::mail::{self, Keys};
use html5ever::tokenizer::{
    BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
};
use std::cell::RefCell;

/// Elements that neither run, fetch, submit nor rule over the document.
const HARMLESS: &[&str] = &[
    "a",
    "abbr",
    "address",
    "article",
    "aside",
    "b",
    "bdi",
    "bdo",
    "big",
    "blockquote",
    "br",
    "caption",
    "center",
    "cite",
    "code",
    "col",
    "colgroup",
    "dd",
    "del",
    "details",
    "dfn",
    "div",
    "dl",
    "dt",
    "em",
    "figcaption",
    "figure",
    "font",
    "footer",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "hr",
    "i",
    "img",
    "ins",
    "kbd",
    "li",
    "main",
    "mark",
    "ol",
    "p",
    "pre",
    "q",
    "rp",
    "rt",
    "ruby",
    "s",
    "samp",
    "section",
    "small",
    "span",
    "strike",
    "strong",
    "sub",
    "summary",
    "sup",
    "table",
    "tbody",
    "td",
    "tfoot",
    "th",
    "thead",
    "tr",
    "tt",
    "u",
    "ul",
    "var",
    "wbr",
];
/// Attributes whose values are no addresses and no code.
const PLAIN: &[&str] = &[
    "align",
    "alt",
    "bgcolor",
    "border",
    "cellpadding",
    "cellspacing",
    "color",
    "colspan",
    "dir",
    "face",
    "height",
    "lang",
    "nowrap",
    "rowspan",
    "size",
    "span",
    "start",
    "title",
    "type",
    "valign",
    "width",
];
/// Where a payload is put to be read in another way than it was meant.
const SURROUNDINGS: &[(&str, &str)] = &[
    ("", ""),
    ("<p>before</p>", "<p>after</p>"),
    ("<svg>", "</svg>"),
    ("<svg><foreignObject>", "</foreignObject></svg>"),
    ("<math><mtext>", "</mtext></math>"),
    ("<math><annotation-xml encoding=\"text/html\">", "</annotation-xml></math>"),
    ("<table><tr><td>", "</table>"),
    ("<table>", "</table>"),
    ("<select><option>", "</select>"),
    ("<template>", "</template>"),
    ("<noscript>", "</noscript>"),
    ("<form>", "</form>"),
    ("<style>", "</style>"),
    ("<title>", "</title>"),
    ("<textarea>", "</textarea>"),
    ("<xmp>", "</xmp>"),
    ("<p title=\"", "\">x</p>"),
    ("<a href=\"https://example.org/", "\">x</a>"),
    ("<!--", "-->"),
    ("<![CDATA[", "]]>"),
];

/// Control characters stand in the file as their pictures.
fn payloads() -> Vec<String> {
    let picture = |c: char| match u32::from(c) {
        code @ 0x2400..=0x241F => char::from_u32(code - 0x2400).unwrap(),
        _ => c,
    };
    let lines = include_str!("data/html/hostile.txt").lines().filter(|line| !line.starts_with("# "));
    lines.map(|line| line.chars().map(picture).collect()).collect()
}

/// What a person is shown of a mail with this HTML.
fn shown(html: &str) -> String {
    let mail = format!(
        "From: a@example.org\r\nMIME-Version: 1.0\r\nContent-Type: text/html; charset=utf-8\r\n\
         Content-Transfer-Encoding: 8bit\r\n\r\n{html}\r\n"
    );
    mail::open_mail(mail.as_bytes(), &Keys { own: &[], known: &[] }, NOW).html.unwrap_or_default()
}

/// Everything but text.
#[derive(Default)]
struct Found {
    tags: RefCell<Vec<Tag>>,
    others: RefCell<Vec<String>>,
}

impl TokenSink for Found {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        match token {
            Token::TagToken(tag) => self.tags.borrow_mut().push(tag),
            Token::CommentToken(comment) => self.others.borrow_mut().push(comment.to_string()),
            Token::DoctypeToken(_) => self.others.borrow_mut().push("a doctype".into()),
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

fn found(html: &str) -> Found {
    let input = BufferQueue::default();
    input.push_back(html.into());
    let tokenizer = Tokenizer::new(Found::default(), TokenizerOpts::default());
    let _ = tokenizer.feed(&input);
    tokenizer.end();
    tokenizer.sink
}

fn is_harmless(tag: &Tag) -> bool {
    let attribute = |name: &str, value: &str| match name {
        "href" => ["https://", "http://", "mailto:"].iter().any(|scheme| {
            value.trim_start().get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
        }),
        "src" => is_picture_in_place(value),
        "style" => is_quiet(value),
        "target" => value == "_blank",
        "rel" => value == "noopener noreferrer",
        plain => PLAIN.contains(&plain),
    };
    HARMLESS.contains(&&*tag.name)
        && (tag.kind == TagKind::EndTag || tag.attrs.iter().all(|a| attribute(&a.name.local, &a.value)))
}

fn is_picture_in_place(value: &str) -> bool {
    let Some((kind, data)) = value.split_once(";base64,") else { return false };
    let drawn = ["data:image/png", "data:image/jpeg", "data:image/gif", "data:image/webp"];
    drawn.contains(&kind) && data.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte))
}

/// A style without anything that fetches, escapes, or leaves its place.
fn is_quiet(style: &str) -> bool {
    let loud =
        ["url", "(", "\\", "/*", "@", "position", "float", "z-index", "transform", "animation", "content"];
    loud.iter().all(|word| !style.to_ascii_lowercase().contains(word))
}

#[track_caller]
fn assert_harmless(html: &str) {
    let clean = shown(html);
    let found = found(&clean);
    assert_eq!(*found.others.borrow(), Vec::<String>::new(), "{html:?}\nbecame {clean}");
    for tag in found.tags.borrow().iter() {
        assert!(is_harmless(tag), "{tag:?} is left of {html:?}\nin {clean}");
    }
}

#[test]
fn nothing_that_runs_or_fetches_is_left_wherever_it_stands() {
    let payloads = payloads();
    assert!(payloads.len() > 400);
    for payload in &payloads {
        for (before, after) in SURROUNDINGS {
            assert_harmless(&format!("{before}{payload}{after}"));
        }
    }
}

#[test]
fn what_two_of_them_make_together_is_harmless_as_well() {
    let payloads = payloads();
    for (number, payload) in payloads.iter().enumerate() {
        for distance in [1, 7, 101] {
            let other = &payloads[(number + distance) % payloads.len()];
            assert_harmless(&format!("{payload}{other}"));
        }
    }
    assert_harmless(&payloads.concat());
    assert_harmless(&payloads.join("\n"));
}

/// As it is in the frame, whose parser has the last word.
#[test]
fn what_is_left_is_as_harmless_when_it_is_read_again() {
    for payload in payloads() {
        assert_harmless(&shown(&payload));
        assert_harmless(&shown(&shown(&payload)));
    }
}

#[test]
fn the_tokenizer_of_this_test_would_see_what_is_left() {
    let raw = payloads();
    let seen = raw.iter().filter(|payload| {
        let found = found(payload);
        let harmful = found.tags.borrow().iter().any(|tag| !is_harmless(tag));
        harmful || !found.others.borrow().is_empty()
    });
    assert!(seen.count() > raw.len() * 9 / 10);
}
