//! What became of a mail for a recipient.

/// Longest reason, in characters.
const MAX_REASON: usize = 300;

/// What became of a mail for one recipient.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// The next server has it, or the recipient's mailbox.
    Delivered,
    /// Not now.
    Later(Reason),
    /// Not ever.
    Failed(Reason),
}

/// Why: one line without control characters, fit to be shown to the sender.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Reason(String);

impl Reason {
    /// From text of whatever origin.
    pub fn new(text: &str) -> Self {
        let plain = text.chars().map(|c| if is_plain(c) { c } else { ' ' }).take(4 * MAX_REASON);
        let words: String = plain.collect();
        let line: Vec<&str> = words.split_whitespace().collect();
        Self(line.join(" ").chars().take(MAX_REASON).collect())
    }

    /// The line.
    pub fn into_inner(self) -> String {
        self.0
    }
}

/// Neither a control character, nor one of those that turn the direction of text around.
fn is_plain(c: char) -> bool {
    !c.is_control()
        && !matches!(c, '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_one_short_line() {
        let reason = Reason::new("550 no\r\nsuch\tuser\0\u{1b}[31m \u{202e}here").into_inner();
        assert_eq!(reason, "550 no such user [31m here");
        assert_eq!(Reason::new(&"ü".repeat(5000)).into_inner().chars().count(), MAX_REASON);
    }
}
