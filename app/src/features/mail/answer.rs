//! What an answer or a forwarded mail begins with.

use haven_bridge::mail::{About, Draft, DraftFile, MailView, Mailbox};

use crate::{services::browser, text};

/// Ways to answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// To whom it is from.
    Sender,
    /// And to everybody who got it.
    All,
    /// To somebody else.
    Forward,
}

impl Kind {
    /// By its key.
    pub fn of_key(key: &str) -> Option<Self> {
        match key {
            "r" => Some(Self::Sender),
            "a" => Some(Self::All),
            "f" => Some(Self::Forward),
            _ => None,
        }
    }

    /// How its button looks.
    pub fn face(self) -> (&'static str, icondata_core::Icon) {
        match self {
            Self::Sender => (text::mail::REPLY, icondata_lu::LuReply),
            Self::All => (text::mail::REPLY_ALL, icondata_lu::LuReplyAll),
            Self::Forward => (text::mail::FORWARD, icondata_lu::LuForward),
        }
    }
}

/// Whether answering all is more than answering the sender.
pub fn has_others(mail: &MailView, own: Option<&str>) -> bool {
    !others(mail, &answered(mail, own), own).is_empty()
}

/// The draft of an answer.
pub fn draft(mail: &MailView, kind: Kind, own: Option<&str>) -> Draft {
    if kind == Kind::Forward {
        return forward(mail);
    }
    let to = answered(mail, own);
    let cc = if kind == Kind::All { others(mail, &to, own) } else { Vec::new() };
    Draft {
        to,
        cc,
        subject: prefixed("Re: ", &["re:", "aw:", "sv:"], &mail.summary.subject),
        text: format!("\n\n{}\n{}\n", text::mail::wrote(mail), quoted(&mail.text)),
        about: Some((mail.summary.id, About::Answer)),
        ..Draft::default()
    }
}

fn forward(mail: &MailView) -> Draft {
    let files = mail.attachments.iter().map(|file| DraftFile {
        id: file.part,
        name: file.name.clone(),
        media_type: file.media_type.clone(),
        size: file.size,
    });
    Draft {
        subject: prefixed("Fwd: ", &["fwd:", "fw:", "wg:"], &mail.summary.subject),
        text: format!("\n\n{}\n\n{}\n", text::mail::forwarded(mail), mail.text.trim_end()),
        about: Some((mail.summary.id, About::Forward)),
        attachments: files.collect(),
        ..Draft::default()
    }
}

/// To whom an answer goes. Who answers an own mail goes on writing to the same people.
fn answered(mail: &MailView, own: Option<&str>) -> Vec<Mailbox> {
    let from = &mail.summary.from;
    if own == Some(from.address.as_str()) {
        return mail.to.clone();
    }
    if mail.reply_to.is_empty() { vec![from.clone()] } else { mail.reply_to.clone() }
}

/// Everybody else who got it, but for oneself.
fn others(mail: &MailView, to: &[Mailbox], own: Option<&str>) -> Vec<Mailbox> {
    let mut others: Vec<Mailbox> = Vec::new();
    for mailbox in mail.to.iter().chain(&mail.cc) {
        let is = |other: &Mailbox| same(&other.address, &mailbox.address);
        let oneself = own.is_some_and(|own| same(own, &mailbox.address));
        if !oneself && !to.iter().any(is) && !others.iter().any(is) {
            others.push(mailbox.clone());
        }
    }
    others
}

fn same(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}

/// With one prefix, however many there were.
fn prefixed(prefix: &str, known: &[&str], subject: &str) -> String {
    let mut bare = subject.trim();
    while let Some(rest) = known.iter().find_map(|known| without(bare, known)) {
        bare = rest.trim_start();
    }
    format!("{prefix}{bare}")
}

fn without<'a>(subject: &'a str, prefix: &str) -> Option<&'a str> {
    let (begin, rest) = subject.split_at_checked(prefix.len())?;
    (browser::lower_case(begin) == prefix).then_some(rest)
}

/// With `>` before each line. The signature at the end of a mail is not quoted.
fn quoted(text: &str) -> String {
    let lines = text.trim_end().lines().take_while(|line| *line != "-- ");
    let quote = |line: &str| match line {
        "" => ">".to_owned(),
        line if line.starts_with('>') => format!(">{line}"),
        line => format!("> {line}"),
    };
    lines.map(quote).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn subjects_get_one_prefix() {
        let reply = |subject| prefixed("Re: ", &["re:", "aw:"], subject);
        assert_eq!(reply("Boat"), "Re: Boat");
        assert_eq!(reply("RE: re:AW:  Boat"), "Re: Boat");
        assert_eq!(reply("Report"), "Re: Report");
        assert_eq!(reply("é"), "Re: é");
    }

    #[test]
    fn quotes_are_nested_and_lose_the_signature() {
        assert_eq!(quoted("Hi\n\n> Old\n-- \nBob\n"), "> Hi\n>\n>> Old");
    }
}
