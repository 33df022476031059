//! Mail in words.

use haven_bridge::mail::{
    DeliveryState, FileLock, Folder, KeySource, MailTrouble, MailView, Mailbox, OpenedFile, Outlook, Outside,
    Protection, SenderCheck, Signature, ThreadSummary, Unusable,
};

use super::{and_list, time};

pub const MAIL: &str = "Mail";
pub const WRITE: &str = "Write";
pub const WRITE_MAIL: &str = "Write a mail";
pub const WRITE_TO: &str = "Write a mail to this person";
pub const FOLDERS: &str = "Folders";
pub const LOADING: &str = "Loading mail…";
pub const OLDER: &str = "Show older mail";
pub const SEARCH: &str = "Search mail";
pub const SEARCH_END: &str = "End the search";
pub const FOUND: &str = "Mail that was found";
pub const FOUND_NOTHING_TITLE: &str = "Nothing found";
pub const FOUND_NOTHING: &str = "No mail on this device has all of these words. Try fewer or shorter ones.";
pub const NOTHING_OPEN_TITLE: &str = "Pick a mail";
pub const NOTHING_OPEN: &str =
    "Choose one from the list, or write a new one. Press ? for the keys that help.";
pub const GONE_TITLE: &str = "This mail is not here";
pub const GONE: &str = "It may have been moved or deleted, or the link is from another account.";
pub const TO_LIST: &str = "To the list";

// A row
pub const DRAFT: &str = "Draft";
pub const HAS_FILES: &str = "Has attachments";
pub const NOT_SENT: &str = "Not sent";
pub const NOT_DELIVERED: &str = "Not delivered to everyone";
pub const DELIVERED_TO_NOBODY: &str = "Not delivered";
pub const WAITING: &str = "Waiting to be sent";

// A thread
pub const TOOLS: &str = "What to do with it";
pub const ARCHIVE: &str = "Archive";
pub const TO_INBOX: &str = "Move to the inbox";
pub const JUNK: &str = "Junk";
pub const NOT_JUNK: &str = "Not junk";
pub const TRASH: &str = "Move to the trash";
pub const DELETE: &str = "Delete for good";
pub const DELETED: &str = "Deleted.";
pub const DELETE_TITLE: &str = "Delete for good?";
pub const DELETE_LEAD: &str = "It is deleted on all your devices and at the relay. Nobody can bring it back, not even whoever runs the relay.";
pub const MARK_UNREAD: &str = "Mark as unread";
pub const PRINT: &str = "Print";

// A mail
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

// Attachments
pub const LOOK_AT: &str = "Look at";
pub const SAVE_FILE: &str = "Save";
pub const NOT_SAVED_FILE: &str =
    "The browser did not save the file. Try again, or free some space on this device.";

/// How much of a file is here.
pub fn fetched(percent: u64) -> String {
    format!("Fetching: {percent} %")
}

// Own mail
pub const STATE_SENT: &str = "Sent";
pub const DELIVERED: &str = "Delivered";
pub const WAITING_LEAD: &str =
    "This mail is safe on this device. It is sent as soon as the relay can be reached and has taken it.";
/// How much of it the relay has.
pub fn handed_over(percent: u64) -> String {
    format!("Handing it over: {percent} %")
}
pub const BACK_TO_DRAFTS: &str = "Back to drafts";
pub const RELAY_FULL: &str = "The relay can’t store this mail now";
pub const RELAY_FULL_LEAD: &str = "Its disk may be full. The mail is safe on this device, and is sent as soon as the relay can take it. If that \
    lasts, tell whoever runs the relay.";
pub const WANTED_BACK: &str = "Being taken back";
pub const WANTED_BACK_LEAD: &str = "This mail is being taken back. The relay may have it already: as soon as it can be reached, it is asked not to send it.";
pub const TOO_LATE: &str = "It was too late to take this mail back: the relay has sent it.";

// Writing
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

// Keys
pub const SHORTCUTS: &str = "Keys";
pub const SHORTCUT_LIST: [(&str, &str); 14] = [
    ("c", "Write a mail"),
    ("j k", "Next and previous in the list"),
    ("/", "Search"),
    ("r", "Reply"),
    ("a", "Reply all"),
    ("f", "Forward"),
    ("e", "Archive"),
    ("#", "Move to the trash"),
    ("u", "Mark as unread"),
    ("z", "Undo the last move, while the notice is shown"),
    ("Esc", "Back to the list"),
    ("Ctrl+Enter", "Send what you write"),
    ("Ctrl+B, I, K", "Bold, italic, a link, while formatting is on"),
    ("?", "This list"),
];

/// A folder's name.
pub fn folder(folder: Folder) -> &'static str {
    match folder {
        Folder::Inbox => "Inbox",
        Folder::Drafts => "Drafts",
        Folder::Sent => "Sent",
        Folder::Archive => "Archive",
        Folder::Junk => "Junk",
        Folder::Trash => "Trash",
    }
}

/// What a folder's number means.
pub fn folder_count(folder: Folder, count: u32) -> String {
    match folder {
        Folder::Drafts if count == 1 => "1 draft".to_owned(),
        Folder::Drafts => format!("{count} drafts"),
        _ => super::unread(count),
    }
}

/// After mails were put into a folder.
pub fn moved(folder: Folder) -> &'static str {
    match folder {
        Folder::Inbox => "Moved to the inbox.",
        Folder::Drafts => "Moved to the drafts.",
        Folder::Sent => "Moved to the sent mail.",
        Folder::Archive => "Archived.",
        Folder::Junk => "Moved to junk.",
        Folder::Trash => "Moved to the trash.",
    }
}

/// After that was taken back.
pub fn moved_back(folder: Folder) -> String {
    format!("Back in “{}”.", self::folder(folder))
}

/// An empty folder, and what to do about it.
pub fn empty(folder: Folder, outside: Option<Outside>) -> (&'static str, &'static str) {
    match folder {
        Folder::Inbox if outside.is_some_and(|outside| !outside.receives) => (
            "No mail yet",
            "Mail from people of this relay arrives here. Whoever runs it has not set it up to take mail from elsewhere.",
        ),
        Folder::Inbox => {
            ("No mail yet", "What people write to your address arrives here. Write the first one yourself.")
        }
        Folder::Drafts => ("No drafts", "What you begin to write is kept here by itself, until you send it."),
        Folder::Sent => ("Nothing sent yet", "What you send is kept here, encrypted, on all your devices."),
        Folder::Archive => {
            ("The archive is empty", "Move mail here that is done but worth keeping: open it and press e.")
        }
        Folder::Junk => ("No junk", "Mark unwanted mail as junk, and it is moved here."),
        Folder::Trash => ("The trash is empty", "Deleted mail waits here until you delete it for good."),
    }
}

/// More mails are on their way to this device.
pub fn arriving(count: u32) -> String {
    match count {
        1 => "Opening 1 more mail…".to_owned(),
        count => format!("Opening {count} more mails…"),
    }
}

/// How much of the room is taken.
pub fn room(used: u64, quota: u64) -> String {
    format!("{} of {} used", size(used), size(quota))
}

/// `4 mails`
pub fn mails(count: u32) -> String {
    format!("{count} mails")
}

/// The subject, or what stands for it.
pub fn subject(subject: &str) -> String {
    if subject.trim().is_empty() { "(no subject)".to_owned() } else { subject.to_owned() }
}

/// What somebody is called. Names are written by the sender, so one that looks like another address is not shown.
pub fn name(mailbox: &Mailbox, own: Option<&str>) -> String {
    if own == Some(mailbox.address.as_str()) {
        return super::YOU.to_owned();
    }
    let name = mailbox.name.trim();
    if name.is_empty() || name.contains('@') { mailbox.address.clone() } else { name.to_owned() }
}

/// The same in the middle of a sentence, and shorter where there is no name.
pub fn short_name(mailbox: &Mailbox, own: Option<&str>) -> String {
    let name = name(mailbox, own);
    if name == super::YOU { "you".to_owned() } else { name }
}

/// `Bob <bob@example.org>`
pub fn whole_name(mailbox: &Mailbox) -> String {
    let name = name(mailbox, None);
    if name == mailbox.address { name } else { format!("{name} <{}>", mailbox.address) }
}

/// To whom, in short.
pub fn to(names: &[String]) -> String {
    match names {
        [] => "To nobody that is named".to_owned(),
        [one, two, three, rest @ ..] if !rest.is_empty() => {
            format!("To {one}, {two}, {three} and {} more", rest.len())
        }
        few => format!("To {}", and_list(few)),
    }
}

/// Who stands in a row: those who wrote, or those who will read.
pub fn row_people(thread: &ThreadSummary, own: Option<&str>) -> String {
    let to_others = matches!(thread.folder, Folder::Drafts | Folder::Sent);
    let people = if to_others { &thread.newest.to } else { &thread.people };
    let first = |mailbox: &Mailbox| match name(mailbox, own) {
        name if people.len() > 1 && !name.contains('@') => {
            name.split(' ').next().unwrap_or_default().to_owned()
        }
        name => name,
    };
    let names: Vec<_> = people.iter().map(first).collect();
    match names.as_slice() {
        [] if to_others => "To nobody yet".to_owned(),
        [] => name(&thread.newest.from, own),
        names if to_others => format!("To {}", names.join(", ")),
        names => names.join(", "),
    }
}

/// Whose sign a row has: the first person in it who is somebody else.
pub fn row_other<'a>(thread: &'a ThreadSummary, own: Option<&str>) -> &'a Mailbox {
    let newest = &thread.newest;
    let mut people = thread.people.iter().chain([&newest.from]).chain(&newest.to);
    people.find(|mailbox| own != Some(mailbox.address.as_str())).unwrap_or(&newest.from)
}

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

/// How many attachments.
pub fn files(count: usize) -> String {
    match count {
        1 => "1 attachment".to_owned(),
        count => format!("{count} attachments"),
    }
}

/// `PDF · 1.2 MB`
pub fn file_facts(media_type: &str, bytes: u64) -> String {
    let kind = media_type.rsplit(['/', '.', '+', '-']).next().unwrap_or_default();
    let kind = match kind {
        "" | "stream" => return size(bytes),
        "plain" => "text",
        kind => kind,
    };
    format!("{} · {}", crate::services::browser::upper_case(kind), size(bytes))
}

/// `1.2 MB`; a thousand bytes are a kilobyte.
pub fn size(bytes: u64) -> String {
    let with_tenth = |unit: u64, name: &str| {
        let tenths = bytes.saturating_mul(10) / unit;
        if tenths < 100 {
            format!("{}.{} {name}", tenths / 10, tenths % 10)
        } else {
            format!("{} {name}", tenths / 10)
        }
    };
    match bytes {
        0..1_000 => format!("{bytes} bytes"),
        1_000..1_000_000 => with_tenth(1_000, "kB"),
        1_000_000..1_000_000_000 => with_tenth(1_000_000, "MB"),
        _ => with_tenth(1_000_000_000, "GB"),
    }
}

/// How many recipients it got away to.
pub fn sent_to(some: usize, all: usize) -> String {
    match some {
        0 => "Sent, on its way".to_owned(),
        some => format!("Sent to {some} of {all}"),
    }
}

/// What went wrong for a recipient, if something did.
pub fn delivery_trouble(address: &str, state: &DeliveryState) -> Option<String> {
    match state {
        DeliveryState::Underway | DeliveryState::Relayed | DeliveryState::Delivered => None,
        DeliveryState::Delayed { reason } => {
            Some(format!("Not yet delivered to {address}: “{reason}”. It is tried again by itself."))
        }
        DeliveryState::Failed { reason } => Some(format!(
            "{address} did not get it: “{reason}”. Check the address, or reach them in another way."
        )),
    }
}

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
