//! What can go wrong with composing and opening mail.

/// Why a mail could not be composed or opened. No variant carries plaintext, keys or addresses.
///
/// What is wrong *inside* a mail that can be opened is no error: it is said in [`super::Opened`].
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The address with this number, counted over From, To, Cc and Bcc from 0, can't stand in a mail's header. Ask the
    /// person for another one.
    #[error("address {0} can't be written to")]
    BadAddress(usize),
    /// The mail has nobody to go to. Ask the person for a recipient.
    #[error("the mail has no recipient")]
    NoRecipient,
    /// The mail is to be encrypted, and the recipient with this number, counted over To, Cc and Bcc from 0, has no
    /// certificate among those given, or one that can't be encrypted to. Ask for a certificate, or go in the clear.
    #[error("recipient {0} has no usable certificate")]
    NotEncryptable(usize),
    /// The message id that the caller chose can't stand in a header. A defect of the caller.
    #[error("the message id is malformed")]
    BadMessageId,
    /// What was composed, or is to be opened, is larger than [`haven_wire::limits::MAX_MAIL`], or it unpacks to more
    /// than is accepted.
    #[error("the mail is too large")]
    TooLarge,
    /// It is encrypted to none of the own keys, it is not encrypted, or it was changed. They are not told apart, so
    /// that nobody learns from the difference.
    #[error("the message does not open")]
    Closed,
    /// The mail has no part of this number. It was listed by another version of Haven, or never.
    #[error("the mail has no such part")]
    NoSuchPart,
    /// An invariant of this module doesn't hold; the phrase says which. A defect in Haven, to be reported.
    #[error("a defect in Haven: {0}")]
    Bug(&'static str),
}
