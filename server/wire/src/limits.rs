//! Limits that relay and clients both know. Rates and quotas are the relay's own configuration.

/// An application row, in bytes. Larger content is a blob.
pub const MAX_MESSAGE: usize = 64 * 1024;
/// A commit or a Welcome, in bytes.
pub const MAX_COMMIT: usize = 8 * 1024 * 1024;
/// A whole commit request: commit and Welcome, and the pointers.
pub const MAX_COMMIT_REQUEST: usize = 2 * MAX_COMMIT + 4 * 1024 * 1024;
/// Messages in one append call.
pub const MAX_APPEND: usize = 64;
/// A WebSocket frame in either direction, in bytes. Rows that don't fit are sent as a hint.
pub const MAX_FRAME: usize = 1024 * 1024;
/// Rows in one answer, at most.
pub const MAX_ROWS: usize = 1000;
/// Bytes of rows in one answer, roughly: an answer stops after the row that crosses this.
pub const MAX_ROWS_BYTES: usize = 2 * 1024 * 1024;
/// Commits that one epoch token reads across, when none of them removed anybody.
pub const MAX_TOKEN_COMMITS: u64 = 256;
/// Every relay keeps application messages for so many days, or longer. A client takes it for a fault of the relay if one
/// is gone earlier.
pub const MIN_MESSAGE_DAYS: u32 = 7;
/// Every relay keeps commits, and all that is needed to read the log from there on, for so many days, or longer.
pub const MIN_COMMIT_DAYS: u32 = 90;
/// Groups in one call for heads.
pub const MAX_HEADS: usize = 1000;
/// One-time key packages that a device stores.
pub const MAX_KEY_PACKAGES: usize = 100;
/// A key package, in bytes.
pub const MAX_KEY_PACKAGE: usize = 16 * 1024;
/// A sealed pointer to a Welcome, in bytes.
pub const MAX_POINTER: usize = 1024;
/// Pointers that wait in one inbox.
pub const MAX_INBOX: usize = 1000;
/// A person's certificate, in bytes.
pub const MAX_CERTIFICATE: usize = 64 * 1024;
/// Devices of one account. A device that would be one more asks its person first which ones go.
pub const MAX_DEVICES: usize = 20;
/// What [`crate::Refusal::TooLarge`] calls an account that has as many sessions as the relay allows.
pub const DEVICES: &str = "devices";
/// A signed device list, in bytes.
pub const MAX_DEVICE_LIST: usize = 64 * 1024;
/// A sealed vault body, in bytes.
pub const MAX_VAULT: usize = 1024 * 1024;
/// Any other request, in bytes.
pub const MAX_REQUEST: usize = 1024 * 1024;
/// The part of an address before the `@`, in characters.
pub const MAX_LOCAL_PART: usize = 32;

/// All messages of one mail, in bytes: 25 MB of attachments, in base64 twice because they are encrypted, and the text.
pub const MAX_MAIL: usize = 52 * 1024 * 1024;
/// A mail that arrives, in bytes.
pub const MAX_ARRIVING_MAIL: usize = MAX_MAIL;
/// The body of a mailbox entry that comes with the list of entries, in bytes.
pub const MAX_INLINE_MAIL: usize = 128 * 1024;
/// Recipients of one mail.
pub const MAX_RECIPIENTS: usize = 100;
/// A note between one person's devices, in bytes.
pub const MAX_NOTE: usize = 16 * 1024;
/// The least that a sealed note has: nonce and tag.
pub const MIN_NOTE: usize = 28;
/// Notes in one call, and deletions.
pub const MAX_NOTES: usize = 500;
/// A picture from elsewhere, in bytes.
pub const MAX_PICTURE: usize = 2 * 1024 * 1024;
/// The address of such a picture, in bytes.
pub const MAX_PICTURE_ADDRESS: usize = 8 * 1024;

/// Whether mail to this part before the `@` is for whoever runs the domain, so that nobody may sign up with it: RFC 2142,
/// what certificate authorities write to before they certify a domain, and names that only a machine would have.
pub fn is_role(local: &str) -> bool {
    const ROLES: [&str; 18] = [
        "abuse",
        "admin",
        "administrator",
        "ftp",
        "hostmaster",
        "info",
        "mailer-daemon",
        "marketing",
        "news",
        "noc",
        "postmaster",
        "root",
        "sales",
        "security",
        "support",
        "usenet",
        "webmaster",
        "www",
    ];
    ROLES.contains(&local)
}

/// Whether `local` may be the part of a new address before the `@`: `a-z`, `0-9`, and single `.`, `-` or `_`
/// between them, at most [`MAX_LOCAL_PART`] characters.
pub fn valid_local_part(local: &str) -> bool {
    let alphanumeric = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let separators = |c: char| matches!(c, '.' | '-' | '_');
    !local.is_empty()
        && local.len() <= MAX_LOCAL_PART
        && local.split(separators).all(|part| !part.is_empty() && part.chars().all(alphanumeric))
}
