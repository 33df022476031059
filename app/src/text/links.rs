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

/// Cuts a text into pieces, in a time that grows with the text alone.
pub fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    for (at, scheme) in schemes(text) {
        let begin = (at + rest.len()).checked_sub(text.len());
        let cut = begin.and_then(|begin| rest.split_at_checked(begin));
        if let Some((before, from_here)) = cut
            && let Some((link, after)) = link(before, from_here, scheme)
        {
            pieces.extend([Piece::Text(before), Piece::Link(link)]);
            rest = after;
        }
    }
    pieces.push(Piece::Text(rest));
    pieces.retain(|piece| *piece != Piece::Text(""));
    pieces
}

/// Where schemes stand, from first to last.
fn schemes(text: &str) -> impl Iterator<Item = (usize, &'static str)> {
    text.match_indices(':').filter_map(|(colon, _)| {
        let begins = |scheme: &&'static str| {
            let name = scheme.trim_end_matches([':', '/']);
            let at = colon.checked_sub(name.len())?;
            text.get(at..)?.starts_with(*scheme).then_some((at, *scheme))
        };
        SCHEMES.iter().find_map(begins)
    })
}

/// The link that begins with this scheme, and what follows. A scheme alone, or in the middle of a word, begins none.
fn link<'a>(before: &str, from_here: &'a str, scheme: &str) -> Option<(&'a str, &'a str)> {
    if before.chars().next_back().is_some_and(char::is_alphanumeric) {
        return None;
    }
    let end = from_here.find(ends_link).unwrap_or(from_here.len());
    let link = without_punctuation(from_here.get(..end)?);
    (link.len() > scheme.len()).then(|| from_here.split_at_checked(link.len()))?
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
    fn a_link_ends_where_the_next_begins_and_a_scheme_within_a_link_is_part_of_it() {
        assert_eq!(
            pieces("https://a.example/https://b.example mailto:c@d.example"),
            [Link("https://a.example/https://b.example"), Text(" "), Link("mailto:c@d.example")]
        );
        assert_eq!(pieces("xhttps://a.example https://"), [Text("xhttps://a.example https://")]);
        let many = "https://a.example http:// ".repeat(20_000);
        assert_eq!(pieces(&many).len(), 40_000);
    }

    #[test]
    fn letters_of_all_alphabets_may_stand_around_and_in_links() {
        assert_eq!(pieces("ja: https://ærø.example/ø…"), [Text("ja: "), Link("https://ærø.example/ø…")]);
    }
}
