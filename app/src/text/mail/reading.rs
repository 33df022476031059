//! What is said about a mail that is open.

use haven_bridge::mail::{FileLock, MailTrouble, OpenedFile, Protection, SenderCheck, Signature};

pub const FROM: &str = "From";
pub const TO: &str = "To";
pub const CC: &str = "Cc";
pub const BCC: &str = "Bcc";
pub const REPLY_TO: &str = "Answers to";
pub const DATE: &str = "Date";
pub const REPLY: &str = "Reply";
pub const REPLY_ALL: &str = "Reply all";
pub const FORWARD: &str = "Forward";
pub const AS_TEXT: &str = "Show as plain text";
pub const AS_HTML: &str = "Show as designed";
pub const FRAME: &str = "Text of the mail";
pub const REMOTE_CONTENT: &str = "Pictures from elsewhere were left out. Showing them tells the sender’s server that \
    this mail is read, and roughly when. It can’t see where or with what, because your relay fetches them; but the sender may \
    have given your copy addresses of its own.";
pub const SHOW_PICTURES: &str = "Show pictures";
pub const VIEW_SOURCE: &str = "View source";
pub const SAVE_ORIGINAL: &str = "Save original (.eml)";
pub const ORIGINAL_FILE: &str = "mail.eml";
pub const SOURCE_CUT: &str = "\n\n[Cut here. Save the original to see the rest.]";
pub const UNCHECKED: &str = "Show what there is, as text";
pub const UNCHECKED_TITLE: &str = "Look at it unchecked?";
pub const UNCHECKED_LEAD: &str = "Somebody may have changed this mail on its way, or put it together from pieces of \
    others, even of your own old mail. Haven can show its text, and nothing but text. Believe nothing in it, follow no address \
    in it, and send nothing of it back to anybody.";
pub const UNCHECKED_SHOW: &str = "Show the text";
pub const UNCHECKED_SHOWN: &str = "Unchecked text: it may be forged";
pub const UNCHECKED_SOURCE: &str = "Haven can’t decrypt this old format. This is how it came";
pub const REASON: &str = "Reason";
pub const SIGNED_WITH: &str = "Signed with";
pub const FORGED_TITLE: &str = "This may not be from whom it says";
pub const FORGED: &str = "The sender’s domain says that mail like this does not come from it. Do not follow its links or answer it unless \
    you know better from elsewhere.";
pub const DIFFERENCES_TITLE: &str = "Its envelope says something else";
pub const DIFFERENCES: &str = "The locked part of this mail and what travelled in the open don’t agree. Haven shows what was locked; the rest could be \
    changed on the way.";
pub const INSIDE: &str = "Locked: ";

/// How a mail was protected, as a badge.
pub fn protection(protection: Protection) -> &'static str {
    match protection {
        Protection::EndToEnd => "End-to-end",
        Protection::OnArrival => "Encrypted on arrival",
        Protection::Clear => "In the clear",
    }
}

/// What that means.
pub fn protection_sentence(protection: Protection, own: bool) -> &'static str {
    match (protection, own) {
        (Protection::EndToEnd, true) => {
            "This device locked it for its recipients. Nobody on the way can read the text or the attachments, not even your relay."
        }
        (Protection::EndToEnd, false) => {
            "The sender locked it for you. Nobody on the way could read the text or the attachments, not even your relay."
        }
        (Protection::OnArrival, _) => {
            "It was sent without encryption. Your relay locked it for you the moment it arrived, and has kept no readable copy. \
             Whoever handled it before could read it: the sender’s provider, and every server on the way."
        }
        (Protection::Clear, _) => {
            "It was sent without encryption, as you chose. Servers on the way can read it, and so can the recipients’ providers. \
             Your own copy is encrypted."
        }
    }
}

/// What others see of it anyway.
pub fn visible_to_others(protection: Protection) -> &'static str {
    match protection {
        Protection::EndToEnd => "What servers see of it: who wrote to whom, when, and how large it is.",
        Protection::OnArrival => {
            "From now on, your relay sees of it who wrote to whom, when, and how large it is."
        }
        Protection::Clear => "What servers see of it: everything.",
    }
}

/// What the relay found out about the sender's server.
pub fn sender_check(check: SenderCheck) -> Option<&'static str> {
    match check {
        SenderCheck::Local => None,
        SenderCheck::Passed => {
            Some("Your relay checked where it came from: the domain of the sender’s address vouches for it.")
        }
        SenderCheck::Failed => Some(
            "Your relay checked where it came from: the domain of the sender’s address says it is not from there.",
        ),
        SenderCheck::Unknown => Some(
            "Your relay checked where it came from: the domain of the sender’s address says nothing about it, so the address may be made up.",
        ),
    }
}

/// Who signed it, as a badge.
pub fn signature(signature: &Signature, own: bool, verified: bool) -> &'static str {
    match signature {
        Signature::Valid { by_sender: true, .. } if own => "Signed by you",
        Signature::Valid { by_sender: true, .. } if verified => "Signed by the sender, verified",
        Signature::None => "Not signed",
        Signature::Valid { by_sender: true, .. } => "Signed by the sender",
        Signature::Valid { by_sender: false, .. } => "Signed by somebody else",
        Signature::UnknownKey { .. } => "Signed, not checked",
        Signature::Invalid { .. } => "Bad signature",
    }
}

/// What that means.
pub fn signature_sentence(signature: &Signature, verified: bool) -> &'static str {
    match signature {
        Signature::None => {
            "Nobody signed it. That is usual for ordinary mail, but nothing proves who wrote it."
        }
        Signature::Valid { by_sender: true, .. } if verified => {
            "It carries the signature of the identity that you have verified for this address, and was not changed since."
        }
        Signature::Valid { by_sender: true, .. } => {
            "It carries the signature of the identity that Haven knows for this address, and was not changed since."
        }
        Signature::Valid { by_sender: false, .. } => {
            "It is signed and was not changed since, but not by the identity that Haven knows for the sender’s address. Ask them \
             whether this fingerprint is theirs."
        }
        Signature::UnknownKey { .. } => {
            "It is signed, but Haven does not know by whom, so the signature proves nothing yet."
        }
        Signature::Invalid { .. } => {
            "Its signature does not fit. It was changed after it was signed, or signed in a way that must not be trusted. Ask the \
             sender to send it again."
        }
    }
}

/// Why a mail can't be read as it should be: in short, and what to do.
pub fn trouble(trouble: &MailTrouble) -> (&'static str, String) {
    match trouble {
        MailTrouble::NoKey => (
            "This mail is locked for somebody else",
            "The sender used a key that is not yours, or an old one of yours that is not in Haven. Ask them to send it again with the \
             key that your address has now."
                .to_owned(),
        ),
        MailTrouble::NotIntact => (
            "This mail was changed or is not safe to open",
            "It came without working protection against changes, so Haven shows nothing of it: opening such mail can give away what is in \
             it. Ask the sender to send it again with an up-to-date program."
                .to_owned(),
        ),
        MailTrouble::TooMuch { what } => (
            "There is too much in this mail",
            format!("It goes beyond what Haven opens ({what}), as mail does that is made to harm. If you expected it, ask the sender to split it."),
        ),
        MailTrouble::Malformed => (
            "This mail can’t be read",
            "The sender’s program or a server on the way garbled it. Ask the sender to send it again.".to_owned(),
        ),
    }
}

/// What was outside of the protected part.
pub fn outside(value: &str) -> String {
    if value.is_empty() { "In the open: nothing".to_owned() } else { format!("In the open: {value}") }
}

/// How many pictures could not be fetched.
pub fn pictures_missing(count: u32) -> String {
    match count {
        1 => "1 picture could not be fetched: its server has none there, or did not answer.".to_owned(),
        count => format!(
            "{count} pictures could not be fetched: their servers have none there, or did not answer."
        ),
    }
}

/// What came out of opening an attachment that was encrypted or signed by itself, and whether that is bad. Nothing for
/// ordinary ones.
pub fn file_outcome(file: &OpenedFile) -> Option<(String, bool)> {
    let (lock, locked) = match file.lock {
        FileLock::None => ("", false),
        FileLock::Opened => ("It was encrypted by itself, and is decrypted now.", false),
        FileLock::NoKey => ("It is encrypted with a key that is not yours: you get it as it came.", true),
        FileLock::NotIntact => (
            "It was changed on its way or is not protected against that: you get it as it came, still encrypted.",
            true,
        ),
    };
    let (signature, bad) = match &file.signature {
        Signature::None if file.lock == FileLock::Opened => ("Nobody signed it.", false),
        Signature::None => ("", false),
        Signature::Valid { by_sender: true, .. } => ("It is signed by the sender.", false),
        Signature::Valid { by_sender: false, .. } => {
            ("It is signed, but not by the identity that Haven knows for the sender’s address.", true)
        }
        Signature::UnknownKey { .. } => ("It is signed, but Haven does not know by whom.", false),
        Signature::Invalid { .. } => ("Its signature does not fit: do not trust it.", true),
    };
    let said: Vec<_> = [lock, signature].into_iter().filter(|sentence| !sentence.is_empty()).collect();
    (!said.is_empty()).then(|| (format!("{}: {}", file.name, said.join(" ")), locked || bad))
}
