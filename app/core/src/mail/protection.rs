//! Protected header fields: which ones are shown, and where they differ from those outside.
//!
//! Read are RFC 9788 (`hp=`, `HP-Outer`; Delta Chat writes it too) and its forerunner (`protected-headers="v1"`, of
//! Thunderbird and K-9). With RFC 9788, fields that are missing inside are taken to be missing; its forerunner repeats
//! only some of them. Fields that say how the mail is found again (`Message-ID`, `Date`) always fall back to outside.

use super::{headers::Headers, mime::Part};
use haven_bridge::mail::HeaderDifference;

/// What hides a subject, in the words of several programs.
const HIDDEN_SUBJECTS: &[&str] = &["", "...", "[...]", "encrypted message", "encrypted", "[encrypted]"];

/// How a payload says that its header fields count.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Mode {
    /// RFC 9788.
    Standard,
    /// `protected-headers="v1"`.
    Early,
}

/// The mode of a payload. Nothing if its header fields are not protected.
pub(super) fn mode(payload: &Part<'_>) -> Option<Mode> {
    if payload
        .parameter("hp")
        .is_some_and(|hp| ["cipher", "clear"].iter().any(|known| hp.eq_ignore_ascii_case(known)))
    {
        return Some(Mode::Standard);
    }
    let early =
        payload.parameter("protected-headers").is_some_and(|version| version.eq_ignore_ascii_case("v1"));
    early.then_some(Mode::Early)
}

/// The header fields to be shown for a payload.
pub(super) fn shown(outside: &Headers, payload: &Part<'_>) -> Headers {
    let Some(mode) = mode(payload) else { return outside.clone() };
    let mut shown = Headers::of(payload);
    shown.keep_findable(outside);
    if mode == Mode::Early {
        shown.fill_from(outside);
    }
    shown
}

/// Where the fields outside are not what the writer put there.
pub(super) fn differences(outside: &Headers, payload: &Part<'_>, encrypted: bool) -> Vec<HeaderDifference> {
    let Some(mode) = mode(payload) else { return Vec::new() };
    let inside = Headers::of(payload);
    let listed = Headers::listed(payload).filter(|_| mode == Mode::Standard && encrypted);
    let pairs = inside.texts().into_iter().zip(outside.texts());
    let mut found = Vec::new();
    for (at, ((name, inside), (_, outside))) in pairs.enumerate() {
        let changed = match &listed {
            // The writer said what stood outside.
            Some(listed) => listed.texts().get(at).is_some_and(|(_, listed)| !same(listed, &outside)),
            None => !(inside.is_empty() || outside.is_empty() || encrypted && hides(name, &outside)),
        };
        if changed && !same(&inside, &outside) {
            found.push(HeaderDifference { name: name.to_owned(), inside, outside });
        }
    }
    found
}

/// The difference between the writers inside and outside, if there is one.
pub(super) fn writer(outside: &Headers, inside: &Headers) -> Option<HeaderDifference> {
    let (name, inside) = inside.texts().into_iter().next()?;
    let (_, outside) = outside.texts().into_iter().next()?;
    (inside != outside).then(|| HeaderDifference { name: name.to_owned(), inside, outside })
}

fn hides(name: &str, outside: &str) -> bool {
    name == "Subject" && HIDDEN_SUBJECTS.contains(&outside.trim().to_lowercase().as_str())
}

/// Whether two values say the same, white space aside.
fn same(one: &str, other: &str) -> bool {
    one.split_whitespace().eq(other.split_whitespace())
}
