//! What a person wants done.

use haven_bridge::mail::{Draft, Folder, MailId};
pub use haven_bridge::{ConversationId, IntentId, ItemId, PersonRef, RequestAnswer};

/// A wish. Every intent is idempotent: it says how things should be, not which step to take.
#[derive(Clone, Debug)]
pub enum Intent {
    /// Accept a person's new certificate in place of the known one.
    AcceptChange {
        /// The address.
        address: String,
        /// The new fingerprint, in hex; spaces are passed over.
        fingerprint: String,
    },
    /// These people are in the conversation.
    AddPeople {
        /// The conversation.
        conversation: ConversationId,
        /// Their addresses.
        addresses: Vec<String>,
    },
    /// The request from somebody unknown is answered.
    AnswerRequest {
        /// The conversation.
        conversation: ConversationId,
        /// How.
        answer: RequestAnswer,
    },
    /// A file belongs to a draft.
    AttachFile {
        /// The draft.
        draft: MailId,
        /// The file's id in the draft.
        file: u32,
        /// Its bytes.
        bytes: Vec<u8>,
    },
    /// A mail that waits is a draft again.
    BackToDrafts {
        /// The mail.
        mail: MailId,
    },
    /// Mails are gone for good.
    DeleteMail {
        /// The mails.
        mails: Vec<MailId>,
    },
    /// A failed message is gone from this device.
    Discard {
        /// The conversation.
        conversation: ConversationId,
        /// The message.
        item: ItemId,
    },
    /// A draft is gone.
    DiscardDraft {
        /// The draft.
        id: MailId,
    },
    /// Mails were seen, or are to look as if they weren't.
    MarkMail {
        /// The mails.
        mails: Vec<MailId>,
        /// Whether they were seen.
        seen: bool,
    },
    /// Everything up to this item was seen.
    MarkRead {
        /// The conversation.
        conversation: ConversationId,
        /// The item.
        up_to: ItemId,
    },
    /// Mails lie in a folder.
    MoveMail {
        /// The mails.
        mails: Vec<MailId>,
        /// The folder.
        folder: Folder,
    },
    /// These people, with all their devices, are not in the conversation.
    RemovePeople {
        /// The conversation.
        conversation: ConversationId,
        /// Their fingerprints, in hex.
        fingerprints: Vec<String>,
    },
    /// The conversation has this title; an empty one takes it away.
    Rename {
        /// The conversation.
        conversation: ConversationId,
        /// The title.
        title: String,
    },
    /// This is begun in a conversation, or, if it is empty, nothing.
    KeepBegun {
        /// The conversation.
        conversation: ConversationId,
        /// The text.
        text: String,
    },
    /// A failed message, or the failed conversation itself, is tried again.
    Retry {
        /// The conversation.
        conversation: ConversationId,
        /// The message; nothing for the conversation itself.
        item: Option<ItemId>,
    },
    /// A mail that failed is tried again.
    RetryMail {
        /// The mail.
        mail: MailId,
    },
    /// A draft is as it is now.
    SaveDraft {
        /// Its id.
        id: MailId,
        /// The draft.
        draft: Draft,
    },
    /// This device's keys in the conversation are fresh.
    SelfUpdate {
        /// The conversation.
        conversation: ConversationId,
    },
    /// A draft is sent.
    SendMail {
        /// The draft.
        draft: MailId,
        /// It may go in the clear.
        in_the_clear: bool,
    },
    /// A text is in the conversation.
    SendText {
        /// The conversation.
        conversation: ConversationId,
        /// The text.
        text: String,
    },
    /// A conversation with these people exists.
    StartConversation {
        /// The addresses of the others.
        addresses: Vec<String>,
        /// A title.
        title: Option<String>,
    },
    /// The person's certificate is withdrawn for good: its keys are in other hands.
    RevokeKey,
    /// The person has seen that mail was turned away because of the certificate.
    SawRefusedMail,
    /// A person is not blocked.
    Unblock {
        /// The fingerprint, in hex.
        fingerprint: String,
    },
    /// A certificate from a file is that of its person.
    AddKey {
        /// The file.
        bytes: Vec<u8>,
        /// The certificate's fingerprint, in hex.
        fingerprint: String,
    },
    /// A person's certificate is verified, or not.
    Verify {
        /// The person, with address and fingerprint.
        person: PersonRef,
        /// The digits that were compared. Nothing: it is not verified.
        number: Option<String>,
    },
}

/// What became of an intent, once it is safe on this device.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Accepted {
    /// It is done, or will be without further asking.
    Done,
    /// The new conversation.
    Started(ConversationId),
    /// The new message.
    Queued(ItemId),
}

impl Intent {
    /// Whether it is about mail or keys, which have to be read from the store first.
    pub(crate) fn is_about_mail(&self) -> bool {
        matches!(
            self,
            Self::AttachFile { .. }
                | Self::BackToDrafts { .. }
                | Self::DeleteMail { .. }
                | Self::DiscardDraft { .. }
                | Self::MarkMail { .. }
                | Self::MoveMail { .. }
                | Self::RetryMail { .. }
                | Self::SaveDraft { .. }
                | Self::SawRefusedMail
                | Self::SendMail { .. }
                | Self::AddKey { .. }
                | Self::Verify { .. }
        )
    }
}
