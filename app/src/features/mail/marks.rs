//! What the buttons for formatting do to a text. The engine knows what the marks mean (`app/core/src/mail/marks.rs`).

use std::ops::Range;

/// A way to format.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mark {
    Bold,
    Italic,
    Code,
    Link,
    List,
    Numbers,
    Quote,
}

/// A change of a text. All places are in bytes.
#[derive(Debug, Eq, PartialEq)]
pub struct Change {
    /// What is replaced.
    pub replaced: Range<usize>,
    /// By what.
    pub with: String,
    /// What is selected then.
    pub selected: Range<usize>,
}

impl Mark {
    /// Puts marks to what is selected, or takes them away if it has them.
    pub fn apply(self, text: &str, selected: Range<usize>) -> Change {
        match self {
            Self::Bold => around("**", text, selected),
            Self::Italic => around("*", text, selected),
            Self::Code => around("`", text, selected),
            Self::Link => link(text, selected),
            Self::List | Self::Numbers | Self::Quote => self.lines(text, selected),
        }
    }

    /// Marks whole lines.
    fn lines(self, text: &str, selected: Range<usize>) -> Change {
        let replaced = whole_lines(text, &selected);
        let lines: Vec<&str> = piece(text, &replaced).split('\n').collect();
        let only_one = lines.len() == 1;
        let counts = |line: &str| only_one || self == Self::Quote || !line.trim().is_empty();
        let has_mark = |line: &&str| !counts(line) || self.taken_off(line).is_some();
        let with = if lines.iter().all(has_mark) {
            lines.iter().map(|line| self.taken_off(line).unwrap_or(line).to_owned()).collect::<Vec<_>>()
        } else {
            let mut number = 0;
            let mut mark = |line: &&str| {
                if !counts(line) {
                    return (*line).to_owned();
                }
                number += 1;
                self.put_on(line, number)
            };
            lines.iter().map(&mut mark).collect()
        };
        let with = with.join("\n");
        let end = replaced.start + with.len();
        // A caret stays where it is in its line.
        let behind = (replaced.end - selected.end.min(replaced.end)).min(with.len());
        let selected = if selected.is_empty() { end - behind..end - behind } else { replaced.start..end };
        Change { replaced, with, selected }
    }

    fn put_on(self, line: &str, number: usize) -> String {
        let unlisted =
            || Self::List.taken_off(line).or_else(|| Self::Numbers.taken_off(line)).unwrap_or(line);
        match self {
            Self::Quote if line.is_empty() => ">".to_owned(),
            Self::Quote => format!("> {line}"),
            Self::Numbers => format!("{number}. {}", unlisted()),
            _ => format!("- {}", unlisted()),
        }
    }

    fn taken_off(self, line: &str) -> Option<&str> {
        match self {
            Self::Quote => line.strip_prefix('>').map(|rest| rest.strip_prefix(' ').unwrap_or(rest)),
            Self::Numbers => {
                let (number, rest) = line.split_once(". ")?;
                (!number.is_empty() && number.bytes().all(|c| c.is_ascii_digit())).then_some(rest)
            }
            _ => line.strip_prefix("- "),
        }
    }
}

/// What Enter does at the end of an item of a list: it begins the next one, or ends the list if nothing is in this one.
pub fn next_item(text: &str, caret: usize) -> Option<Change> {
    let line = piece(text, &(0..caret)).rsplit('\n').next()?;
    let at_end = text.get(caret..).is_some_and(|after| after.is_empty() || after.starts_with('\n'));
    let (head, content) = at_content(line);
    let (indent, mark) = head.split_at_checked(head.len() - without_indent(head).len())?;
    if mark.is_empty() || !at_end {
        return None;
    }
    let start = if content.is_empty() { caret - line.len() } else { caret };
    let with = match mark.strip_suffix(". ").and_then(|number| number.parse::<u32>().ok()) {
        _ if content.is_empty() => indent.to_owned(),
        Some(number) => format!("\n{indent}{}. ", number.saturating_add(1)),
        None => format!("\n{head}"),
    };
    let end = start + with.len();
    Some(Change { replaced: start..caret, with, selected: end..end })
}

fn piece<'t>(text: &'t str, range: &Range<usize>) -> &'t str {
    text.get(range.clone()).unwrap_or_default()
}

/// From the start of the first line to the end of the last one.
fn whole_lines(text: &str, selected: &Range<usize>) -> Range<usize> {
    let before = piece(text, &(0..selected.start));
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    // Who selects a line with its end does not mean the next one.
    let selected_end = if piece(text, selected).ends_with('\n') { selected.end - 1 } else { selected.end };
    let after = piece(text, &(selected_end..text.len()));
    start..selected_end + after.find('\n').unwrap_or(after.len())
}

/// Puts marks around what is selected of each line, and selects it again.
fn around(mark: &str, text: &str, selected: Range<usize>) -> Change {
    let Range { start, end } = without_space(text, &selected);
    let inside = piece(text, &(start..end));
    let (before, after) = (piece(text, &(0..start)), piece(text, &(end..text.len())));
    let (marks_before, marks_after) = (marks_at_end(before, mark), marks_at_start(after, mark));
    if !inside.contains('\n') && is_marked(marks_before, marks_after, mark) {
        return Change {
            replaced: start - mark.len()..end + mark.len(),
            with: inside.to_owned(),
            selected: start - mark.len()..end - mark.len(),
        };
    }
    if inside.is_empty() {
        let caret = start + mark.len();
        return Change { replaced: start..end, with: mark.repeat(2), selected: caret..caret };
    }
    let lines: Vec<(&str, &str)> = inside.split('\n').map(at_content).collect();
    let has_mark = |(_, content): &(&str, &str)| {
        content.is_empty() || is_marked(marks_at_start(content, mark), marks_at_end(content, mark), mark)
    };
    let all_have = lines.iter().all(has_mark);
    let change = |(head, content): &(&str, &str)| match content.strip_prefix(mark) {
        _ if content.is_empty() => (*head).to_owned(),
        Some(rest) if all_have => format!("{head}{}", rest.strip_suffix(mark).unwrap_or(rest)),
        _ => format!("{head}{mark}{content}{mark}"),
    };
    let with = lines.iter().map(change).collect::<Vec<_>>().join("\n");
    let selected = match lines.as_slice() {
        [(head, _)] if !all_have => start + head.len() + mark.len()..start + with.len() - mark.len(),
        _ => start..start + with.len(),
    };
    Change { replaced: start..end, with, selected }
}

/// Bold and italic text has three stars: this tells which of them are whose.
fn is_marked(before: usize, after: usize, mark: &str) -> bool {
    let both = before.min(after);
    both <= 3 && both & mark.len() != 0
}

fn marks_at_end(text: &str, mark: &str) -> usize {
    text.len() - text.trim_end_matches(|c| mark.starts_with(c)).len()
}

fn marks_at_start(text: &str, mark: &str) -> usize {
    text.len() - text.trim_start_matches(|c| mark.starts_with(c)).len()
}

/// Marks touch a word.
fn without_space(text: &str, selected: &Range<usize>) -> Range<usize> {
    let inside = piece(text, selected);
    let start = selected.start + inside.len() - inside.trim_start().len();
    let trimmed = inside.trim();
    if trimmed.is_empty() { selected.end..selected.end } else { start..start + trimmed.len() }
}

/// Cuts a line behind the mark that it begins with.
fn at_content(line: &str) -> (&str, &str) {
    let rest = without_indent(line);
    let content = Mark::List.taken_off(rest).or_else(|| Mark::Numbers.taken_off(rest)).unwrap_or(rest);
    line.split_at_checked(line.len() - content.len()).unwrap_or((line, ""))
}

/// Without quoting and white space.
fn without_indent(line: &str) -> &str {
    line.trim_start_matches([' ', '\t', '>'])
}

/// Makes a link of what is selected: with its address, if it is none, to be written next.
fn link(text: &str, selected: Range<usize>) -> Change {
    const SCHEME: &str = "https://";
    let replaced = without_space(text, &selected);
    let inside = piece(text, &replaced);
    let words = replaced.start + 1;
    if ["https://", "http://", "mailto:"].iter().any(|scheme| inside.starts_with(scheme)) {
        return Change { with: format!("[]({inside})"), replaced, selected: words..words };
    }
    let address = words + inside.len() + 2;
    let selected = if inside.is_empty() { words..words } else { address..address + SCHEME.len() };
    Change { with: format!("[{inside}]({SCHEME})"), replaced, selected }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    /// Applies a mark where `‹` and `›` are, and shows the same way what is selected then.
    fn apply(mark: Mark, text: &str) -> String {
        let start = text.find('‹').unwrap();
        let end = text.find('›').unwrap() - '‹'.len_utf8();
        let mut text = text.replace(['‹', '›'], "");
        let Change { replaced, with, selected } = mark.apply(&text, start..end);
        text.replace_range(replaced, &with);
        text.insert(selected.end, '›');
        text.insert(selected.start, '‹');
        text
    }

    #[test]
    fn marks_around_words_come_and_go() {
        for (mark, before, after) in [
            (Mark::Bold, "a ‹süß› b", "a **‹süß›** b"),
            (Mark::Italic, "**‹a›**", "***‹a›***"),
            (Mark::Code, "‹x›", "`‹x›`"),
            (Mark::Bold, "a ‹›", "a **‹›**"),
        ] {
            assert_eq!(apply(mark, before), after);
            assert_eq!(apply(mark, after), before);
        }
        assert_eq!(apply(Mark::Bold, "***‹a›***"), "*‹a›*");
        assert_eq!(apply(Mark::Bold, "‹**a**›"), "‹a›");
        assert_eq!(apply(Mark::Bold, "a‹ b ›c"), "a **‹b›** c");
    }

    #[test]
    fn marks_around_several_lines_leave_lists_and_paragraphs_in_order() {
        let (before, after) = ("‹a\n\n- b\n> 2. c›", "‹**a**\n\n- **b**\n> 2. **c**›");
        assert_eq!(apply(Mark::Bold, before), after);
        assert_eq!(apply(Mark::Bold, after), before);
        assert_eq!(apply(Mark::Italic, "‹- a›"), "- *‹a›*");
    }

    #[test]
    fn lines_become_lists_and_quotes_and_lines_again() {
        for (mark, before, after) in [
            (Mark::List, "‹a\n\nb›\nc", "‹- a\n\n- b›\nc"),
            (Mark::Numbers, "‹a\n\nb›", "‹1. a\n\n2. b›"),
            (Mark::Quote, "x\n‹a\n\nb›", "x\n‹> a\n>\n> b›"),
            (Mark::List, "one\nt‹›wo", "one\n- t‹›wo"),
            (Mark::List, "‹›", "- ‹›"),
        ] {
            assert_eq!(apply(mark, before), after);
            assert_eq!(apply(mark, after), before);
        }
        assert_eq!(apply(Mark::Numbers, "‹- a\n- b\n›c"), "‹1. a\n2. b›\nc");
        assert_eq!(apply(Mark::List, "a‹\n›b"), "‹- a›\nb");
    }

    #[test]
    fn enter_goes_on_with_a_list_until_an_item_is_empty() {
        let enter = |text: &str| {
            let caret = text.find('|').unwrap();
            let mut text = text.replace('|', "");
            let Change { replaced, with, selected } = next_item(&text, caret)?;
            text.replace_range(replaced, &with);
            text.insert(selected.end, '|');
            Some(text)
        };
        assert_eq!(enter("- a|\nb").as_deref(), Some("- a\n- |\nb"));
        assert_eq!(enter("- a\n- |").as_deref(), Some("- a\n|"));
        assert_eq!(enter("x\n> 9. a|").as_deref(), Some("x\n> 9. a\n> 10. |"));
        assert_eq!(enter("  1. |").as_deref(), Some("  |"));
        for text in ["a|", "> a|", "-|", "- a|b", "|"] {
            assert_eq!(enter(text), None, "{text}");
        }
    }

    #[test]
    fn a_link_is_made_of_words_or_of_an_address() {
        assert_eq!(apply(Mark::Link, "see ‹the map›."), "see [the map](‹https://›).");
        assert_eq!(apply(Mark::Link, "‹https://a.example›"), "[‹›](https://a.example)");
        assert_eq!(apply(Mark::Link, "‹›"), "[‹›](https://)");
    }
}
