//! The header fields of a mail that a person sees.

use super::{
    fields::one_line,
    mime::{self, Part},
};
use crate::Millis;
use haven_bridge::mail::Mailbox;
use mail_parser::{DateTime, HeaderValue};

/// People in one field.
const MAX_PEOPLE: usize = 1000;
/// Mails that one refers to.
const MAX_REFERENCES: usize = 200;

/// What the header says.
#[derive(Clone, Debug, Default)]
pub(super) struct Headers {
    pub message_id: Option<String>,
    pub in_reply_to: Vec<String>,
    pub references: Vec<String>,
    pub from: Vec<Mailbox>,
    pub reply_to: Vec<Mailbox>,
    pub to: Vec<Mailbox>,
    pub cc: Vec<Mailbox>,
    pub subject: Option<String>,
    pub date: Option<Millis>,
}

impl Headers {
    /// Reads the header of a part.
    pub(super) fn of(part: &Part<'_>) -> Self {
        let text = |name: &str| part.field(name).and_then(|field| field.value.as_text()).map(one_line);
        Self {
            message_id: ids(part, "Message-ID").into_iter().next(),
            in_reply_to: ids(part, "In-Reply-To"),
            references: ids(part, "References"),
            from: people(part, "From"),
            reply_to: people(part, "Reply-To"),
            to: people(part, "To"),
            cc: people(part, "Cc"),
            subject: text("Subject"),
            date: part.field("Date").and_then(|field| field.value.as_datetime()).and_then(millis),
        }
    }

    /// Reads what `HP-Outer` fields say of the header outside. Nothing if there are none.
    pub(super) fn listed(part: &Part<'_>) -> Option<Self> {
        let mut header: Vec<u8> =
            part.all("HP-Outer").flat_map(|field| field.raw.trim_ascii_start()).copied().collect();
        header.extend_from_slice(b"\r\n");
        let fields = mime::fields(&header).ok().filter(|fields| !fields.is_empty())?;
        Some(Self::of(&Part { whole: &[], body: &[], fields, children: Vec::new() }))
    }

    /// Takes from outside what a mail is found by, if it isn't inside, and the writer, without whom it makes no sense.
    pub(super) fn keep_findable(&mut self, outside: &Self) {
        self.message_id = self.message_id.take().or_else(|| outside.message_id.clone());
        self.date = self.date.or(outside.date);
        keep(&mut self.from, &outside.from);
    }

    /// Takes from outside everything that isn't inside.
    pub(super) fn fill_from(&mut self, outside: &Self) {
        self.keep_findable(outside);
        self.subject = self.subject.take().or_else(|| outside.subject.clone());
        keep(&mut self.in_reply_to, &outside.in_reply_to);
        keep(&mut self.references, &outside.references);
        keep(&mut self.reply_to, &outside.reply_to);
        keep(&mut self.to, &outside.to);
        keep(&mut self.cc, &outside.cc);
    }

    /// The fields that are compared, as texts; a missing one is empty.
    pub(super) fn texts(&self) -> Vec<(&'static str, String)> {
        vec![
            ("From", addresses(&self.from)),
            ("Reply-To", addresses(&self.reply_to)),
            ("To", addresses(&self.to)),
            ("Cc", addresses(&self.cc)),
            ("Subject", self.subject.clone().unwrap_or_default()),
            ("Date", self.date.map(rfc3339).unwrap_or_default()),
        ]
    }

    /// The writer's address.
    pub(super) fn sender(&self) -> Option<&str> {
        self.from.first().map(|from| from.address.as_str())
    }
}

fn keep<T: Clone>(inside: &mut Vec<T>, outside: &[T]) {
    if inside.is_empty() {
        *inside = outside.to_vec();
    }
}

/// Names are left out: servers rewrite them, and nobody may rely on them.
fn addresses(people: &[Mailbox]) -> String {
    let addresses: Vec<String> = people.iter().map(|person| person.address.to_lowercase()).collect();
    addresses.join(", ")
}

fn rfc3339(date: Millis) -> String {
    DateTime::from_timestamp(i64::try_from(date / 1000).unwrap_or(i64::MAX)).to_rfc3339()
}

/// The moment that a date names. Nothing for dates before 1970, which nobody means.
pub(super) fn millis(date: &DateTime) -> Option<Millis> {
    let valid = date.is_valid().then(|| date.to_timestamp())?;
    u64::try_from(valid).ok().map(|seconds| seconds * 1000)
}

fn people(part: &Part<'_>, name: &str) -> Vec<Mailbox> {
    let lists = part.all(name).filter_map(|field| field.value.as_address());
    let people = lists.flat_map(|list| list.iter()).filter_map(|person| {
        let address = one_line(person.address()?);
        Some(Mailbox { name: one_line(person.name().unwrap_or_default()), address })
    });
    people.filter(|person| !person.address.is_empty()).take(MAX_PEOPLE).collect()
}

fn ids(part: &Part<'_>, name: &str) -> Vec<String> {
    let Some(field) = part.field(name) else { return Vec::new() };
    let ids = match &field.value {
        HeaderValue::Text(id) => vec![one_line(id)],
        HeaderValue::TextList(ids) => ids.iter().map(|id| one_line(id)).collect(),
        _ => Vec::new(),
    };
    ids.into_iter().filter(|id| !id.is_empty()).take(MAX_REFERENCES).collect()
}
