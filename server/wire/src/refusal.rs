use serde::{Deserialize, Serialize};

/// Why the relay refused a call. It is the CBOR body of every answer whose status is not 200.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "code", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Refusal {
    /// Somebody has this address already. Choose another.
    #[error("this address is taken")]
    AddressTaken,
    /// The body is not what the call takes. A fault of the client.
    #[error("malformed request: {what}")]
    BadRequest {
        /// The part that is wrong.
        what: String,
    },
    /// The address or password is wrong, or the sign-in took too long. Which one is not said.
    #[error("wrong address or password")]
    BadCredentials,
    /// A compare-and-set met another value than expected (vault, device list, certificate). Fetch, then try again.
    #[error("changed meanwhile; the current version is {current}")]
    Conflict {
        /// The version that the relay holds; 0 for what has no number (a certificate).
        current: u64,
    },
    /// A message was encrypted for an epoch that is over. Catch up, then encrypt it again.
    #[error("the group is at epoch {epoch}")]
    EpochTooOld {
        /// The group's epoch.
        epoch: u64,
        /// The sequence number of the last row.
        head: u64,
    },
    /// A row disagrees with the clear header of the message in it. A fault of the client.
    #[error("the row says other things than the message in it")]
    HeaderMismatch,
    /// The relay failed. Try again later.
    #[error("the relay had a fault of its own")]
    Internal,
    /// The mailbox is full. Delete something first.
    #[error("the mailbox is full")]
    MailboxFull,
    /// What was asked for is not here (any more).
    #[error("not found")]
    NotFound,
    /// The session is unknown or was revoked. Sign in again.
    #[error("not signed in")]
    NotSignedIn,
    /// Too many requests.
    #[error("too many requests; try again in {retry_after_s} s")]
    RateLimited {
        /// When to try again, in seconds.
        retry_after_s: u32,
    },
    /// The relay takes no new accounts (for now, or for this sender).
    #[error("this relay takes no new accounts now")]
    SignUpClosed,
    /// A body, a row or a list is too large.
    #[error("too large: {what}, at most {limit}")]
    TooLarge {
        /// The part that is too large.
        what: String,
        /// The limit, in the unit of that part.
        limit: u64,
    },
    /// The relay sends no mail to other domains; [`crate::mail::MailInfoReply::sends`] says so beforehand.
    #[error("this relay sends no mail to other domains")]
    OutsideMailOff,
    /// The epoch token does not open this group, at this epoch.
    #[error("the epoch token does not fit")]
    WrongEpochToken,
    /// A commit for an epoch in which another commit was first. Catch up, then make the intent again.
    #[error("the group is at epoch {epoch}")]
    WrongEpoch {
        /// The group's epoch.
        epoch: u64,
        /// The sequence number of the last row.
        head: u64,
    },
    /// The relay's storage is full or failing. Nothing was stored.
    #[error("the relay can't store anything at the moment")]
    Unavailable,
}

impl Refusal {
    /// The HTTP status of the answer.
    pub fn status(&self) -> u16 {
        match self {
            Self::BadRequest { .. } | Self::HeaderMismatch => 400,
            Self::BadCredentials | Self::NotSignedIn => 401,
            Self::OutsideMailOff | Self::WrongEpochToken | Self::SignUpClosed => 403,
            Self::NotFound => 404,
            Self::AddressTaken
            | Self::Conflict { .. }
            | Self::EpochTooOld { .. }
            | Self::WrongEpoch { .. } => 409,
            Self::TooLarge { .. } => 413,
            Self::RateLimited { .. } => 429,
            Self::Internal => 500,
            Self::Unavailable => 503,
            Self::MailboxFull => 507,
        }
    }
}
