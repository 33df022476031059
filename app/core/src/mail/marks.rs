//! Formatting that a person writes as marks in a text.
//!
//! - `**bold**`, `*italic*`, `` `code` `` and `[words](https://example.org)`; a bare `https://example.org` is a link;
//! - lines that begin with `- ` or `* ` are a list, with `1. ` a numbered one, as long as the numbers go on, and what is
//!   indented below an item belongs to it;
//! - lines that begin with `>` are a quote; lines between two of ```` ``` ```` stay as they are;
//! - an empty line ends a paragraph, and every other end of a line stays one.
//!
//! What is no mark is text: nothing that was typed is lost. Markdown, of which this is the part that mail has use for,
//! would count an answer right below a quote as quoted, let lines like `[1]: https://example.org` vanish, make a heading
//! of what stands above a signature, and take HTML.
//!
//! What holds: only the elements written here come out, and the time that it takes grows with the text alone.

mod spans;

use super::html::{self, Pictures};
use spans::{Spans, push_escaped};

/// Quotes and lists within each other; marks that are deeper are text.
const MAX_DEPTH: usize = 20;

/// The HTML for a text. Nothing: there are no marks in it, or there is more HTML than Haven would show.
pub fn formatted(text: &str) -> Option<String> {
    let mut page = Page::default();
    page.blocks(&text.lines().collect::<Vec<_>>(), 0);
    let clean = page.marked.then(|| html::clean(&page.html, Pictures::default())).flatten();
    clean.map(|clean| clean.html)
}

/// HTML that is being written.
#[derive(Default)]
struct Page {
    html: String,
    /// Whether there was a mark.
    marked: bool,
}

/// What a line begins.
#[derive(Debug, Eq, PartialEq)]
enum Line<'t> {
    Empty,
    Fence,
    Quote(&'t str),
    /// An item of a list, with its number if it has one.
    Item(Option<u32>, &'t str),
    Text,
}

impl<'t> Line<'t> {
    fn of(line: &'t str, depth: usize) -> Self {
        if line.trim().is_empty() {
            return Self::Empty;
        }
        if depth >= MAX_DEPTH {
            return Self::Text;
        }
        if is_fence(line) {
            return Self::Fence;
        }
        if let Some(quote) = line.strip_prefix('>') {
            return Self::Quote(quote.strip_prefix(' ').unwrap_or(quote));
        }
        let bullet = line.strip_prefix("- ").or_else(|| line.strip_prefix("* ")).map(|item| (None, item));
        let numbered =
            || line.split_once(". ").and_then(|(number, item)| Some((Some(digits(number)?), item)));
        match bullet.or_else(numbered) {
            Some((number, item)) if !item.trim().is_empty() => Self::Item(number, item),
            _ => Self::Text,
        }
    }

    fn quoted(self) -> Option<&'t str> {
        if let Self::Quote(line) = self { Some(line) } else { None }
    }
}

fn is_fence(line: &str) -> bool {
    line.trim_end() == "```"
}

/// A number without a sign.
fn digits(text: &str) -> Option<u32> {
    text.bytes().all(|c| c.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

impl Page {
    fn blocks(&mut self, mut lines: &[&str], depth: usize) {
        while let Some((first, after)) = lines.split_first() {
            lines = match Line::of(first, depth) {
                Line::Empty => after,
                Line::Fence => self.preformatted(after),
                Line::Quote(_) => self.quote(lines, depth),
                Line::Item(number, _) => self.list(number, lines, depth),
                Line::Text => self.paragraph(lines, depth),
            };
        }
    }

    fn paragraph<'l, 't>(&mut self, lines: &'l [&'t str], depth: usize) -> &'l [&'t str] {
        let (text, rest) = while_first(lines, |line| Line::of(line, depth) == Line::Text);
        self.html.push_str("<p>");
        self.text(&text.join("\n"));
        self.html.push_str("</p>");
        rest
    }

    fn preformatted<'l, 't>(&mut self, lines: &'l [&'t str]) -> &'l [&'t str] {
        let (code, rest) = while_first(lines, |line| !is_fence(line));
        self.marked = true;
        self.html.push_str("<pre>");
        for line in code {
            line.chars().for_each(|c| push_escaped(&mut self.html, c));
            self.html.push('\n');
        }
        self.html.push_str("</pre>");
        rest.get(1..).unwrap_or_default()
    }

    /// Mail programs know by its type that it quotes a mail.
    fn quote<'l, 't>(&mut self, lines: &'l [&'t str], depth: usize) -> &'l [&'t str] {
        let quoted = |line| Line::of(line, depth).quoted();
        let (quote, rest) = while_first(lines, |line| quoted(line).is_some());
        self.marked = true;
        self.html.push_str("<blockquote type=\"cite\">");
        self.blocks(&quote.iter().filter_map(|line| quoted(line)).collect::<Vec<_>>(), depth + 1);
        self.html.push_str("</blockquote>");
        rest
    }

    fn list<'l, 't>(&mut self, number: Option<u32>, mut lines: &'l [&'t str], depth: usize) -> &'l [&'t str] {
        self.marked = true;
        self.html.push_str(&match number {
            None => "<ul>".to_owned(),
            Some(1) => "<ol>".to_owned(),
            Some(number) => format!("<ol start=\"{number}\">"),
        });
        let mut next = number;
        while let Some((first, after)) = lines.split_first()
            && let Line::Item(number, item) = Line::of(first, depth)
            && number == next
        {
            next = number.map(|number| number.saturating_add(1));
            let is_below = |line: &str| line.starts_with([' ', '\t']) && !line.trim().is_empty();
            let (below, rest) = while_first(after, is_below);
            self.item(item, &outdented(below), depth + 1);
            lines = rest;
        }
        self.html.push_str(if number.is_some() { "</ol>" } else { "</ul>" });
        lines
    }

    fn item(&mut self, first: &str, below: &[&str], depth: usize) {
        let (more, blocks) = while_first(below, |line| Line::of(line, depth) == Line::Text);
        self.html.push_str("<li>");
        self.text(&[&[first], more].concat().join("\n"));
        self.blocks(blocks, depth);
        self.html.push_str("</li>");
    }

    fn text(&mut self, text: &str) {
        let spans = Spans::of(text);
        self.marked |= spans.marked;
        self.html.extend(spans.pieces);
    }
}

/// The first lines for which this holds, and the rest.
fn while_first<'l, 't>(
    lines: &'l [&'t str],
    holds: impl Fn(&'t str) -> bool,
) -> (&'l [&'t str], &'l [&'t str]) {
    let end = lines.iter().position(|line| !holds(line)).unwrap_or(lines.len());
    lines.split_at_checked(end).unwrap_or_default()
}

/// Without the white space that the first of them begins with.
fn outdented<'t>(lines: &[&'t str]) -> Vec<&'t str> {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let by = lines.first().map_or(0, |first| indent(first));
    let outdent = |line: &&'t str| line.get(by.min(indent(line))..).unwrap_or(line.trim_start());
    lines.iter().map(outdent).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Without what cleaning adds to links.
    fn marked(text: &str) -> Option<String> {
        formatted(text)
            .map(|html| html.replace(" target=\"_blank\"", "").replace(" rel=\"noopener noreferrer\"", ""))
    }

    /// The HTML of a line within its paragraph, marks or not.
    fn line(text: &str) -> String {
        Spans::of(text).pieces.concat()
    }

    #[test]
    fn a_mail_with_every_mark_becomes_html() {
        let text = "Dear **Bob**,\nsee you *soon*:\n\n- bread\n- `salt`\n  and more\n  1. sea\n  2. rock\n\n\
                    3. third\n\n> You wrote\n> > I wrote\nNo.\n```\n**x** <y>\n```\n[Map](https://example.org/a?b&c)";
        assert_eq!(
            marked(text).unwrap(),
            "<p>Dear <strong>Bob</strong>,<br>\nsee you <em>soon</em>:</p>\
             <ul><li>bread</li><li><code>salt</code><br>\nand more<ol><li>sea</li><li>rock</li></ol></li></ul>\
             <ol start=\"3\"><li>third</li></ol>\
             <blockquote type=\"cite\"><p>You wrote</p><blockquote type=\"cite\"><p>I wrote</p></blockquote></blockquote>\
             <p>No.</p><pre>**x** &lt;y&gt;\n</pre><p><a href=\"https://example.org/a?b&amp;c\">Map</a></p>"
        );
    }

    #[test]
    fn text_without_marks_has_no_html() {
        for text in [
            "",
            "Hello\n\nBob",
            "2*3*4 ** 5 * 6",
            "See https://example.org.",
            "-- \nAlice",
            "a - b\n-",
            "```x",
            "2.5. x",
        ] {
            assert_eq!(formatted(text), None, "{text}");
        }
    }

    #[test]
    fn numbers_of_a_list_are_shown_as_they_were_typed() {
        let html = formatted("1. a\n2. b\n4. d\n- x").unwrap();
        let wanted = "<ol><li>a</li><li>b</li></ol><ol start=\"4\"><li>d</li></ol><ul><li>x</li></ul>";
        assert_eq!(html, wanted);
    }

    #[test]
    fn stars_are_marks_around_words_and_text_elsewhere() {
        assert_eq!(
            line("**a b** and *c*, ***d***"),
            "<strong>a b</strong> and <em>c</em>, <strong><em>d</em></strong>"
        );
        assert_eq!(line("*a **b***"), "<em>a <strong>b</strong></em>");
        assert_eq!(line("**a *b**"), "<strong>a *b</strong>");
        assert_eq!(line("*a **b* c**"), "<em>a **b</em> c**");
        assert_eq!(line("「**字**」は**字**だ"), "「<strong>字</strong>」は<strong>字</strong>だ");
        for text in ["2*3*4", "* a *", "**", "****", "** a**", "*a", "a*", "snake_case_ __x__"] {
            assert_eq!(line(text), text);
        }
    }

    #[test]
    fn addresses_of_pages_are_links_without_the_punctuation_around_them() {
        let link = |address: &str| format!("<a href=\"{address}\">{address}</a>");
        assert_eq!(
            line("(https://a.example/b_(c)), **http://b.example/*x**."),
            format!(
                "({}), <strong>{}</strong>.",
                link("https://a.example/b_(c)"),
                link("http://b.example/*x")
            )
        );
        for text in ["https://", "xhttps://a.example", "ftp://a.example", "hello"] {
            assert_eq!(line(text), text);
        }
    }

    #[test]
    fn links_lead_to_pages_and_addresses_and_nowhere_else() {
        assert_eq!(line("[a*b*](mailto:b@b.example)"), "<a href=\"mailto:b@b.example\">a*b*</a>");
        let texts =
            ["[x](javascript:alert(1))", "[x](/settings)", "[x]", "[](https://a.example x)", "[[x]()"];
        for text in texts {
            assert!(!line(text).contains("href=\"j") && !line(text).contains("href=\"/"), "{text}");
            assert_eq!(formatted(text), None, "{text}");
        }
    }

    #[test]
    fn markup_that_was_typed_stays_text() {
        let text = "**x** <script>alert(1)</script>\n- <img src=x onerror=alert(1)>\n> <b style=\"x\">&lt;</b>\n\
                    [\"><script>](https://a.example/\"onclick=alert(1))\n`<i>`\u{0}";
        let html = formatted(text).unwrap();
        let tags = html.split('<').skip(1).filter_map(|tag| tag.split([' ', '>']).next());
        let known = ["p", "strong", "br", "ul", "li", "blockquote", "a", "code"];
        for tag in tags {
            assert!(known.contains(&tag.trim_start_matches('/')), "{tag}\n{html}");
        }
        assert!(html.contains("&lt;script&gt;alert(1)") && html.contains("&amp;lt;"), "{html}");
    }

    #[test]
    fn deep_and_long_texts_take_no_time_and_lose_nothing() {
        let deep = ">".repeat(5000) + "x\n" + &"  ".repeat(30) + "- y";
        let html = formatted(&deep).unwrap();
        assert_eq!(html.matches("<blockquote").count(), MAX_DEPTH);
        assert!(html.contains(&format!("{}x", "&gt;".repeat(5000 - MAX_DEPTH))));
        for unit in
            ["**a ", "*a **b* ", "[", "[a](", "`", "`a\n", "https://(", "> ", "- a\n", "***a*", "1. ", "\n"]
        {
            let long = unit.repeat(200_000 / unit.len());
            let mut page = Page::default();
            page.blocks(&long.lines().collect::<Vec<_>>(), 0);
        }
    }
}
