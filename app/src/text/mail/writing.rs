//! What is said while a mail is written.

use haven_bridge::mail::{KeySource, MailView, Outlook, Unusable};

use super::{name, time, whole_name};

pub const NEW_MAIL: &str = "New mail";
pub const SUBJECT: &str = "Subject";
pub const COPIES: &str = "Cc, Bcc";
pub const TEXT: &str = "Text";
pub const TEXT_PLACEHOLDER: &str = "Write your mail";
pub const FORMATTING: &str = "Formatting";
pub const BOLD: &str = "Bold";
pub const ITALIC: &str = "Italic";
pub const LINK: &str = "Link";
pub const LIST: &str = "List";
pub const NUMBERS: &str = "Numbered list";
pub const QUOTE: &str = "Quote";
pub const CODE: &str = "Code";
/// A button with the key that does the same.
pub fn with_key(label: &str, key: Option<&str>) -> String {
    key.map_or_else(|| label.to_owned(), |key| format!("{label} (Ctrl+{})", key.to_ascii_uppercase()))
}
pub const PREVIEW: &str = "Preview";
pub const WRITE_ON: &str = "Go on writing";
pub const PREVIEW_LEAD: &str = "How it looks to most people. Who reads plain text sees it as you typed it.";
pub const PREVIEW_PLAIN: &str =
    "Nothing in this mail is formatted. It goes out as plain text, just as you typed it.";
pub const REMOVE: &str = "Remove";
pub const ATTACH: &str = "Attach";
pub const ATTACHMENTS: &str = "Attachments";
pub const ATTACHING: &str = "Adding files…";
pub const FILES_LIMIT: &str = "Up to 25 MB of files";
pub const FILES_LARGE: &str = "That would be more than 25 MB of attachments, which is more than a mail can carry. Send them in several mails.";
pub const STILL_ATTACHING: &str = "Files are still being added. Send again in a moment.";
pub const SAVING: &str = "Saving…";
pub const SAVED: &str = "Saved";
pub const LEAVE_DRAFT: &str = "Back, and keep the draft";
pub const DISCARD_DRAFT: &str = "Discard draft";
pub const DISCARD_TITLE: &str = "Discard this draft?";
pub const DISCARD_LEAD: &str =
    "What you wrote and attached is deleted from this device. It can’t be brought back.";
pub const KEEP_DRAFT: &str = "Keep it";
pub const DRAFT_GONE_TITLE: &str = "This draft is not here";
pub const DRAFT_GONE: &str =
    "It was sent or discarded, or it is on another device: drafts stay where they are written.";
pub const TO_MISSING: &str = "Say first to whom it goes.";
pub const ADDRESS_UNFINISHED: &str =
    "One of the recipients is not an address yet. Finish it, or take it out.";
pub const SETTLE_FIRST: &str =
    "It was not sent: something about a recipient has to be settled first. See above, below the subject.";
pub const SENDING: &str = "Your mail is on its way.";
pub const CLEAR_TITLE: &str = "Send this mail in the clear?";
pub const CLEAR_WHO: &str = "No key was found for:";
pub const CLEAR_UNSURE: &str =
    ": there may be one, but one of the places to look did not answer. You can try again later.";
pub const CLEAR_HELP: &str =
    "If it is confidential, ask them first for their key, or for an address with a provider that encrypts.";
pub const NOT_NOW: &str = "Not now";
pub const SEND_CLEAR: &str = "Send in the clear";

/// Above what is quoted in an answer.
pub fn wrote(mail: &MailView) -> String {
    format!("On {}, {} wrote:", time::full(mail.summary.time), name(&mail.summary.from, None))
}

/// Above a mail that is forwarded.
pub fn forwarded(mail: &MailView) -> String {
    let to: Vec<_> = mail.to.iter().map(whole_name).collect();
    format!(
        "---------- Forwarded mail ----------\nFrom: {}\nDate: {}\nSubject: {}\nTo: {}",
        whole_name(&mail.summary.from),
        time::full(mail.summary.time),
        mail.summary.subject,
        to.join(", ")
    )
}

/// A file that the browser does not hand out.
pub fn file_unreadable(name: &str) -> String {
    format!("The browser could not read {name}. It may have been moved or changed; choose it again.")
}

/// What is typed is not safe.
pub fn unsaved(why: &str) -> String {
    format!("Not saved. {why}")
}

/// The question before a mail goes in the clear to so many people.
pub fn clear_lead(all: usize) -> String {
    let whom = match all {
        1 => "it goes out readable for every server on the way",
        _ => {
            "the whole mail goes out readable, for everybody it is addressed to and for every server on the way"
        }
    };
    format!(
        "So {whom}, attachments and subject included. It is signed, so that others can see that it is from you."
    )
}

/// What will happen to a mail for a recipient, and why.
pub fn outlook(outlook: Option<&Outlook>) -> &'static str {
    match outlook {
        None => "Looking for a key…",
        Some(Outlook::Encrypted { source, .. }) => key_source(*source),
        Some(Outlook::NoKey) => "can only get it in the clear: no key was found for this address.",
        Some(Outlook::Unsure) => {
            "may have a key, but one of the places to look for it did not answer. Try again, or send it in the clear."
        }
        Some(Outlook::Unusable(why)) => unusable(why),
        Some(Outlook::Nobody) => "is an address of this relay that nobody has. Correct or remove it.",
        Some(Outlook::NoAddress) => "is no address. It should be like alice@example.org.",
    }
}

fn key_source(source: KeySource) -> &'static str {
    match source {
        KeySource::Verified => "gets it end-to-end encrypted, with the identity that you have verified.",
        KeySource::File => "gets it end-to-end encrypted, with the key that you added from a file.",
        KeySource::Pinned => "gets it end-to-end encrypted, with the identity that you know.",
        KeySource::Directory => {
            "gets it end-to-end encrypted, with the identity that this relay’s directory names."
        }
        KeySource::Wkd => {
            "gets it end-to-end encrypted, with the key that the address’s own domain publishes."
        }
        KeySource::Mail => {
            "gets it end-to-end encrypted, with the key that came with a mail from this address."
        }
        KeySource::KeyServer => {
            "gets it end-to-end encrypted, with a key from a public key server that checks addresses."
        }
    }
}

fn unusable(why: &Unusable) -> &'static str {
    match why {
        Unusable::Revoked => {
            "can’t get it: the owner has withdrawn the key. Ask for the new one, or remove this recipient."
        }
        Unusable::Expired => {
            "can’t get it: the key has expired. Ask the owner to renew it, or remove this recipient."
        }
        Unusable::CannotEncrypt => {
            "can’t get it: the key has no part that Haven can encrypt to. Ask for another one, or remove this recipient."
        }
        Unusable::Changed { .. } => {
            "shows up with another identity than before. Look at the change before anything is sent to it."
        }
    }
}

/// What will happen to the mail as a whole.
pub fn outlook_summary<'a>(outlooks: impl Iterator<Item = &'a Outlook>) -> String {
    let (mut all, mut clear, mut stop) = (0_usize, 0_usize, 0_usize);
    for outlook in outlooks {
        all += 1;
        match outlook {
            Outlook::Encrypted { .. } => {}
            Outlook::NoKey | Outlook::Unsure => clear += 1,
            Outlook::Unusable(_) | Outlook::Nobody | Outlook::NoAddress => stop += 1,
        }
    }
    match (stop, clear, all) {
        (0, 0, 1) => "End-to-end encrypted".to_owned(),
        (0, 0, all) => format!("End-to-end encrypted for all {all}"),
        (0, 1, _) => "One recipient can’t get it encrypted".to_owned(),
        (0, clear, _) => format!("{clear} recipients can’t get it encrypted"),
        (1, ..) => "One recipient has to be settled first".to_owned(),
        (stop, ..) => format!("{stop} recipients have to be settled first"),
    }
}
