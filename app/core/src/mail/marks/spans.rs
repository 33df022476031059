//! Marks within a paragraph: bold, italic, code, links.

use crate::mail::html;

/// The address of a link, in bytes.
const MAX_LINK: usize = 4096;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Mark {
    Bold,
    Italic,
}

impl Mark {
    fn typed(self) -> &'static str {
        match self {
            Self::Bold => "**",
            Self::Italic => "*",
        }
    }

    fn tags(self) -> (&'static str, &'static str) {
        match self {
            Self::Bold => ("<strong>", "</strong>"),
            Self::Italic => ("<em>", "</em>"),
        }
    }
}

/// What stands in a paragraph.
pub struct Spans {
    /// The HTML. Marks that may still turn out to be text are pieces of their own; text goes into the last piece.
    pub pieces: Vec<String>,
    /// Marks that no other one has ended yet, outermost first, and their pieces.
    open: Vec<(Mark, usize)>,
    /// Whether there was a mark.
    pub marked: bool,
}

impl Spans {
    /// Reads the text of a paragraph.
    pub fn of(text: &str) -> Self {
        let mut spans = Self { pieces: vec![String::new()], open: Vec::new(), marked: false };
        let (mut rest, mut before) = (text, None);
        while let Some(c) = rest.chars().next() {
            let taken = match c {
                '*' => spans.stars(rest, before),
                '`' => spans.code(rest),
                '[' => spans.link(rest),
                'h' => spans.address(rest, before),
                _ => None,
            };
            let taken = taken.unwrap_or_else(|| spans.character(c));
            let (done, after) = rest.split_at_checked(taken).unwrap_or((rest, ""));
            before = done.chars().next_back();
            rest = after;
        }
        spans
    }

    /// Takes a character as text. All of these give how many bytes they took.
    fn character(&mut self, c: char) -> usize {
        if let Some(last) = self.pieces.last_mut() {
            push_escaped(last, c);
        }
        c.len_utf8()
    }

    /// Takes stars: one is italic, two are bold, three are both. A mark begins before a word and ends after one, and
    /// there is none within a word, as in `2*3*4`.
    fn stars(&mut self, text: &str, before: Option<char>) -> Option<usize> {
        let after = text.trim_start_matches('*');
        let count = text.len() - after.len();
        let after = after.chars().next();
        let marks: &[Mark] = match count {
            1 => &[Mark::Italic],
            2 => &[Mark::Bold],
            3 => &[Mark::Bold, Mark::Italic],
            _ => &[],
        };
        let is_open = |mark: &Mark| self.open.iter().any(|(open, _)| open == mark);
        let beside = |c: Option<char>| c.is_some_and(|c| !c.is_whitespace());
        let in_word = [before, after].iter().all(|c| c.is_some_and(|c| c.is_ascii_alphanumeric()));
        if marks.is_empty() || in_word {
            self.pieces.push("*".repeat(count));
        } else if beside(before) && marks.iter().all(is_open) {
            self.close(marks);
        } else if beside(after) && !marks.iter().any(is_open) {
            self.open_all(marks);
        } else {
            self.pieces.push("*".repeat(count));
        }
        self.pieces.push(String::new());
        Some(count)
    }

    fn open_all(&mut self, marks: &[Mark]) {
        for mark in marks {
            self.open.push((*mark, self.pieces.len()));
            self.pieces.push(mark.typed().to_owned());
        }
    }

    /// Ends marks. One that began within them and has no end stays text.
    fn close(&mut self, marks: &[Mark]) {
        let mut left = marks.len();
        while left > 0
            && let Some((mark, piece)) = self.open.pop()
        {
            if !marks.contains(&mark) {
                continue;
            }
            let (begin, end) = mark.tags();
            if let Some(piece) = self.pieces.get_mut(piece) {
                begin.clone_into(piece);
            }
            self.pieces.push(end.to_owned());
            self.marked = true;
            left -= 1;
        }
    }

    fn code(&mut self, text: &str) -> Option<usize> {
        let inside = text.strip_prefix('`')?;
        let (code, after) = inside.split_at_checked(inside.find(['`', '\n'])?)?;
        if code.trim().is_empty() || !after.starts_with('`') {
            return None;
        }
        self.pieces.push(format!("<code>{}</code>", escaped(code)));
        self.pieces.push(String::new());
        self.marked = true;
        Some(code.len() + 2)
    }

    fn link(&mut self, text: &str) -> Option<usize> {
        let inside = text.strip_prefix('[')?;
        let (words, after) = inside.split_at_checked(inside.find(['[', ']', '\n'])?)?;
        let after = after.strip_prefix("](")?;
        let (target, after) = after.split_at_checked(address_end(after)?)?;
        if !after.starts_with(')') || words.trim().is_empty() || !html::is_link(target) {
            return None;
        }
        self.anchor(target, words);
        self.marked = true;
        Some(words.len() + target.len() + 4)
    }

    /// The address of a page, without what ends the sentence that it stands in.
    fn address(&mut self, text: &str, before: Option<char>) -> Option<usize> {
        let scheme = ["https://", "http://"].into_iter().find(|scheme| text.starts_with(scheme))?;
        let (address, _) = text.split_at_checked(address_end(text)?)?;
        let address = address.trim_end_matches(|c| ".,;:!?'’*]".contains(c));
        if before.is_some_and(char::is_alphanumeric) || address.len() <= scheme.len() {
            return None;
        }
        self.anchor(address, address);
        Some(address.len())
    }

    fn anchor(&mut self, target: &str, words: &str) {
        self.pieces.push(format!("<a href=\"{}\">{}</a>", escaped(target), escaped(words)));
        self.pieces.push(String::new());
    }
}

/// Up to where a text is an address: a bracket that ends what was not begun in it is none of it.
fn address_end(text: &str) -> Option<usize> {
    let mut open = 0_usize;
    for (at, c) in text.char_indices().take(MAX_LINK) {
        match c {
            '(' => open += 1,
            ')' if open == 0 => return Some(at),
            ')' => open -= 1,
            c if c.is_whitespace() || c.is_control() || "<>\"“”«»`".contains(c) => return Some(at),
            _ => {}
        }
    }
    (text.len() <= MAX_LINK).then_some(text.len())
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    text.chars().for_each(|c| push_escaped(&mut out, c));
    out
}

/// Writes a character of text as HTML.
pub fn push_escaped(out: &mut String, c: char) {
    match c {
        '&' => out.push_str("&amp;"),
        '<' => out.push_str("&lt;"),
        '>' => out.push_str("&gt;"),
        '"' => out.push_str("&quot;"),
        '\n' => out.push_str("<br>\n"),
        // A parser of HTML would make something else of it.
        '\0' => out.push('\u{fffd}'),
        c => out.push(c),
    }
}
