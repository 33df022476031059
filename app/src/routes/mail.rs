//! Addresses of the mail screen: `/mail/inbox`, `/mail/inbox/<thread>`, `/mail/drafts/<draft>`, `/mail/new`.

use haven_bridge::mail::{Folder, MailId, ThreadId};

use crate::services::place::below;

/// Mail.
pub const MAIL: &str = "/mail";
/// Begins a mail.
pub const NEW: &str = "/mail/new";

/// All folders, as they are listed.
pub const FOLDERS: [Folder; 6] =
    [Folder::Inbox, Folder::Drafts, Folder::Sent, Folder::Archive, Folder::Junk, Folder::Trash];

/// A folder's page.
pub fn folder(folder: Folder) -> String {
    format!("{MAIL}/{}", name(folder))
}

/// A thread's page.
pub fn thread(folder: Folder, id: ThreadId) -> String {
    format!("{MAIL}/{}/{}", name(folder), id.to_hex())
}

/// A draft's page.
pub fn draft(id: MailId) -> String {
    format!("{MAIL}/{}/{}", name(Folder::Drafts), id.to_hex())
}

/// What an address of the mail screen leads to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct MailPlace {
    /// The folder that is listed.
    pub folder: Folder,
    /// What is open beside the list.
    pub open: Open,
}

/// What is open beside the list.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Open {
    /// Nothing.
    Nothing,
    /// A thread.
    Thread(ThreadId),
    /// A draft.
    Draft(MailId),
    /// A mail is about to be begun.
    New,
}

impl MailPlace {
    /// Reads a path.
    pub fn of(path: &str) -> Option<Self> {
        if path == MAIL {
            return Some(Self { folder: Folder::Inbox, open: Open::Nothing });
        }
        if path == NEW {
            return Some(Self { folder: Folder::Inbox, open: Open::New });
        }
        let rest = below(path, MAIL)?;
        let (name, id) = rest.split_once('/').map_or((rest, None), |(name, id)| (name, Some(id)));
        let folder = FOLDERS.into_iter().find(|folder| self::name(*folder) == name)?;
        let open = match id {
            None => Open::Nothing,
            Some(id) if folder == Folder::Drafts => Open::Draft(MailId::from_hex(id)?),
            Some(id) => Open::Thread(ThreadId::from_hex(id)?),
        };
        Some(Self { folder, open })
    }

    /// Whether the path leads to something beside the list: a phone shows that instead.
    pub fn is_open(path: &str) -> bool {
        Self::of(path).is_some_and(|place| place.open != Open::Nothing)
    }
}

fn name(folder: Folder) -> &'static str {
    match folder {
        Folder::Inbox => "inbox",
        Folder::Drafts => "drafts",
        Folder::Sent => "sent",
        Folder::Archive => "archive",
        Folder::Junk => "junk",
        Folder::Trash => "trash",
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn addresses_are_read_as_they_are_written() {
        let (id, draft_id) = (ThreadId([7; 16]), MailId([9; 16]));
        for folder in FOLDERS {
            let expected = MailPlace { folder, open: Open::Nothing };
            assert_eq!(MailPlace::of(&self::folder(folder)), Some(expected));
        }
        let open = |path: &str| MailPlace::of(path).map(|place| place.open);
        assert_eq!(open(&thread(Folder::Junk, id)), Some(Open::Thread(id)));
        assert_eq!(open(&draft(draft_id)), Some(Open::Draft(draft_id)));
        assert_eq!(open("/mail/new"), Some(Open::New));
        for nowhere in ["/mails", "/mail/outbox", "/mail/inbox/0a", "/mail/inbox/0a/b"] {
            assert_eq!(open(nowhere), None);
        }
    }

    #[test]
    fn a_folder_alone_leaves_the_list_in_sight() {
        assert!(!MailPlace::is_open("/mail/inbox"));
        assert!(MailPlace::is_open("/mail/new"));
    }
}
