//! Mail in words.

mod reading;
mod writing;

use haven_bridge::mail::{DeliveryState, Folder, Mailbox, Outside, ThreadSummary};

pub use self::{reading::*, writing::*};
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
