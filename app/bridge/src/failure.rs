use serde::{Deserialize, Serialize};

/// Why a command failed. The page's `text` module has the sentence for each.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// The part before the `@` is not allowed: lower-case letters, digits, and single `.`, `-`, `_` between them.
    #[error("the address is not allowed")]
    AddressInvalid,
    /// Somebody has this address.
    #[error("the address is taken")]
    AddressTaken,
    /// Nobody has this address.
    #[error("nobody has the address {address}")]
    AddressUnknown {
        /// The address.
        address: String,
    },
    /// A defect of Haven.
    #[error("a defect of Haven: {phrase}")]
    Bug {
        /// A phrase to search the source for.
        phrase: String,
    },
    /// Address or password is wrong.
    #[error("wrong address or password")]
    BadCredentials,
    /// A person's certificate is not the one that was known before.
    #[error("the certificate of {address} has changed")]
    CertificateChanged {
        /// The address.
        address: String,
        /// The new fingerprint.
        fingerprint: String,
    },
    /// The conversation is not begun, or its request not answered.
    #[error("the conversation has not begun")]
    ConversationNotReady,
    /// The conversation has stopped for good.
    #[error("the conversation has stopped")]
    ConversationStopped,
    /// A person's certificate, device list or key packages don't fit together.
    #[error("what the relay says of {address} does not fit together")]
    IdentityInvalid {
        /// The address.
        address: String,
    },
    /// A mail can't be encrypted to all its recipients, and nobody said that it may go in the clear.
    #[error("no usable certificate for {address}")]
    MailNotEncryptable {
        /// The first recipient without a usable certificate.
        address: String,
    },
    /// A mail goes to an address of the own relay that nobody has.
    #[error("nobody has {address}")]
    MailRecipientUnknown {
        /// The address.
        address: String,
    },
    /// A mail that was not sent yet can't be moved or deleted: it has to be taken back first.
    #[error("the mail is not sent yet")]
    MailUnsent,
    /// A mail has no recipient, or one that is no address.
    #[error("no address: {address}")]
    MailRecipientInvalid {
        /// What should be an address; empty if there is no recipient.
        address: String,
    },
    /// A mail with its attachments is too large, or has too many recipients.
    #[error("the mail is too large: at most {limit}")]
    MailTooLarge {
        /// The limit, in bytes or recipients.
        limit: u64,
    },
    /// The relay hands no mail to other servers.
    #[error("the relay hands no mail to other servers")]
    OutsideMailOff,
    /// The mailbox at the relay is full.
    #[error("the mailbox is full")]
    MailboxFull,
    /// The message is too long.
    #[error("too long: at most {limit} bytes")]
    MessageTooLong {
        /// The limit in bytes.
        limit: u32,
    },
    /// This person is not in the conversation any more.
    #[error("not a member any more")]
    NotAMember,
    /// The rules of the conversation forbid it.
    #[error("the rules of the conversation forbid it: {what}")]
    NotAllowed {
        /// What is forbidden.
        what: String,
    },
    /// Nothing of this kind is here (any more).
    #[error("not found")]
    NotFound,
    /// A person has no device that could be added at the moment.
    #[error("{address} has no device to send to")]
    NoDevice {
        /// The address.
        address: String,
    },
    /// Nobody is signed in here.
    #[error("not signed in")]
    NotSignedIn,
    /// The relay can't be reached.
    #[error("offline")]
    Offline,
    /// The password is too weak.
    #[error("the password is too weak")]
    PasswordWeak,
    /// The recovery phrase is not right.
    #[error("the recovery phrase is not right")]
    PhraseWrong,
    /// Too many tries.
    #[error("too many requests; try again in {seconds} s")]
    RateLimited {
        /// When to try again.
        seconds: u32,
    },
    /// The relay refused or failed, in a way that trying later may mend.
    #[error("the relay failed: {message}")]
    Relay {
        /// What the relay said.
        message: String,
    },
    /// The relay said something that it must not say; the conversation or account is not safe to go on with.
    #[error("the relay misbehaved: {what}")]
    RelayMisbehaved {
        /// What it did.
        what: String,
    },
    /// The relay takes no new accounts.
    #[error("the relay takes no new accounts")]
    SignUpClosed,
    /// The browser's storage failed or is full.
    #[error("the browser's storage failed: {message}")]
    Storage {
        /// What the browser said.
        message: String,
    },
    /// The title is too long, or holds what a line of text can't.
    #[error("the title is not allowed: at most {limit} bytes")]
    TitleInvalid {
        /// The limit in bytes.
        limit: u32,
    },
    /// The account has as many devices as it may.
    #[error("too many devices")]
    TooManyDevices,
    /// Too many people at once.
    #[error("too many people: at most {limit}")]
    TooManyPeople {
        /// The limit.
        limit: u32,
    },
    /// A person has withdrawn their certificate.
    #[error("{address} has withdrawn the certificate")]
    CertificateRevoked {
        /// The address.
        address: String,
    },
    /// The person's own certificate is withdrawn: nothing can be signed with it.
    #[error("the own certificate is withdrawn")]
    OwnKeyRevoked,
    /// A file can't become the person's certificate.
    #[error("the key can't be used: {0:?}")]
    KeyUnusable(KeyTrouble),
}

/// Why a file can't become a person's certificate.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub enum KeyTrouble {
    /// It is no OpenPGP key.
    NotAKey,
    /// It is larger than a key with many signatures is.
    TooLarge,
    /// There are several keys in it.
    Several,
    /// It has no secret key, or not that of the primary key.
    NoSecret,
    /// A passphrase protects it.
    NeedsPassphrase,
    /// The passphrase is wrong.
    WrongPassphrase,
    /// Its passphrase is stretched with more memory than a browser has.
    TooCostly,
    /// It is not of the kind that signs devices: version 4, Ed25519 with a Curve25519 subkey that decrypts.
    Shape,
    /// It is revoked.
    Revoked,
}
