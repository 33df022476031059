//! Finds links in plain text: `http`, `https` and `mailto`, and nothing else.

/// A piece of a text.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Piece<'a> {
    /// As it is.
    Text(&'a str),
    /// A link, shown as what it is.
    Link(&'a str),
}

const SCHEMES: [&str; 3] = ["https://", "http://", "mailto:"];

/// Cuts a text into pieces.
pub fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, link, after)) = first_link(rest) {
        if !before.is_empty() {
            pieces.push(Piece::Text(before));
        }
        pieces.push(Piece::Link(link));
        rest = after;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest));
    }
    pieces
}

fn first_link(text: &str) -> Option<(&str, &str, &str)> {
    let mut from = 0;
    loop {
        let rest = text.get(from..)?;
        let (at, scheme) = SCHEMES.iter().filter_map(|scheme| Some((rest.find(scheme)?, *scheme))).min()?;
        let begin = from + at;
        let (before, link) = text.split_at_checked(begin)?;
        let end = link.find(ends_link).unwrap_or(link.len());
        let (link, _) = link.split_at_checked(end)?;
        let link = without_punctuation(link);
        // A scheme alone, or in the middle of a word, is none.
        let inside = before.chars().next_back().is_some_and(char::is_alphanumeric);
        if !inside && link.len() > scheme.len() {
            return Some((before, link, text.get(begin + link.len()..)?));
        }
        from = begin + scheme.len();
    }
}

fn ends_link(c: char) -> bool {
    c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | '"' | '“' | '”' | '«' | '»')
}

/// What ends a sentence does not belong to the link in it; a bracket does only if it was opened there.
fn without_punctuation(mut link: &str) -> &str {
    let unopened = |open, close| link.matches(close).count().saturating_sub(link.matches(open).count());
    let (mut round, mut square) = (unopened('(', ')'), unopened('[', ']'));
    while let Some(last) = link.chars().next_back() {
        match last {
            '.' | ',' | ';' | ':' | '!' | '?' | '\'' | '’' | '*' => {}
            ')' if round > 0 => round -= 1,
            ']' if square > 0 => square -= 1,
            _ => break,
        }
        link = link.strip_suffix(last).unwrap_or_default();
    }
    link
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::{Piece::*, *};

    #[test]
    fn links_are_found_without_the_punctuation_around_them() {
        assert_eq!(
            pieces("See (https://a.example/b_(c)), or <mailto:bob@b.example>."),
            [
                Text("See ("),
                Link("https://a.example/b_(c)"),
                Text("), or <"),
                Link("mailto:bob@b.example"),
                Text(">.")
            ]
        );
    }

    #[test]
    fn other_schemes_and_bare_ones_are_text() {
        for text in ["javascript:alert(1)", "data:text/html,x", "https://", "xhttps://a.example", "nothing"] {
            assert_eq!(pieces(text), [Text(text)]);
        }
        assert_eq!(pieces(""), []);
    }

    #[test]
    fn letters_of_all_alphabets_may_stand_around_and_in_links() {
        assert_eq!(pieces("ja: https://ærø.example/ø…"), [Text("ja: "), Link("https://ærø.example/ø…")]);
    }
}
