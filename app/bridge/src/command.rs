use crate::view::*;
use serde::{Deserialize, Serialize};

/// What the page can ask for.
///
/// Commands that change something carry an [`IntentId`] made by the page: the engine stores it with the change, and
/// answers a repeated one without doing it again. So nearly all that got no answer may be
/// [repeated](Command::is_repeatable).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Command {
    /// Who is signed in here? → [`Reply::Session`]
    Session,
    /// A fresh five-word passphrase. → [`Reply::Passphrase`]
    SuggestPassphrase,
    /// Judges a password as it is typed. → [`Reply::PasswordStrength`]
    JudgePassword(String),
    /// Makes an account on this relay. → [`Reply::RecoveryPhrase`], and the session is there.
    SignUp {
        /// The part before the `@`.
        local_part: String,
        /// The password.
        password: String,
        /// What this device is called, such as "Firefox on Linux".
        device_label: String,
    },
    /// Shows the recovery phrase again, until it was confirmed. → [`Reply::RecoveryPhrase`]
    RecoveryPhrase,
    /// The person typed the asked words of the phrase: pairs of position (from 0) and word. → [`Reply::Done`]
    ConfirmRecoveryPhrase(Vec<(u8, String)>),
    /// Signs in with the password. → [`Reply::Done`]
    SignIn {
        /// The address, or only the part before the `@`.
        address: String,
        /// The password.
        password: String,
        /// What this device is called.
        device_label: String,
    },
    /// Signs in with the recovery phrase and sets a new password. → [`Reply::Done`]
    Recover {
        /// The address, or only the part before the `@`.
        address: String,
        /// The twelve words.
        phrase: String,
        /// The new password.
        new_password: String,
        /// What this device is called.
        device_label: String,
    },
    /// Ends the session and deletes everything that Haven stored in this browser. → [`Reply::Done`]
    SignOut,
    /// All conversations, newest first. → [`Reply::Conversations`]
    Conversations,
    /// One conversation with its members. → [`Reply::Conversation`]
    Conversation(ConversationId),
    /// A page of the timeline, oldest first: the `limit` items before `before`, or the newest ones.
    /// → [`Reply::Timeline`]
    Timeline {
        /// The conversation.
        conversation: ConversationId,
        /// Items before this one.
        before: Option<ItemId>,
        /// At most this many.
        limit: u32,
    },
    /// Starts a conversation. → [`Reply::Started`] at once; whether it could be delivered comes as events.
    StartConversation {
        /// Makes a repetition harmless.
        intent: IntentId,
        /// The addresses of the others: one or more.
        addresses: Vec<String>,
        /// A title; without one the members' names stand for it.
        title: Option<String>,
    },
    /// Adds people to a conversation. → [`Reply::Done`]
    AddPeople {
        /// Makes a repetition harmless.
        intent: IntentId,
        /// The conversation.
        conversation: ConversationId,
        /// Their addresses.
        addresses: Vec<String>,
    },
    /// Gives a conversation a title. → [`Reply::Done`]
    Rename {
        /// Makes a repetition harmless.
        intent: IntentId,
        /// The conversation.
        conversation: ConversationId,
        /// The title.
        title: String,
    },
    /// Sends a text. → [`Reply::Queued`] once it is safe on this device.
    SendText {
        /// Makes a repetition harmless.
        intent: IntentId,
        /// The conversation.
        conversation: ConversationId,
        /// The text.
        text: String,
    },
    /// Tries a failed message or a failed start again. → [`Reply::Done`]
    Retry {
        /// The conversation.
        conversation: ConversationId,
        /// The failed message; nothing for the conversation itself.
        item: Option<ItemId>,
    },
    /// Deletes a failed message from this device. → [`Reply::Done`]
    Discard {
        /// The conversation.
        conversation: ConversationId,
        /// The failed message.
        item: ItemId,
    },
    /// Everything up to this item was seen. → [`Reply::Done`]
    MarkRead {
        /// The conversation.
        conversation: ConversationId,
        /// The newest item that was seen.
        up_to: ItemId,
    },
    /// Answers a request from somebody unknown. → [`Reply::Done`]
    AnswerRequest {
        /// Makes a repetition harmless.
        intent: IntentId,
        /// The conversation.
        conversation: ConversationId,
        /// The answer.
        answer: RequestAnswer,
    },
    /// Takes back the block of a person. → [`Reply::Done`]
    Unblock {
        /// The person's fingerprint.
        fingerprint: String,
    },
    /// Everybody that this person knows. → [`Reply::People`]
    People,
    /// This person's devices. → [`Reply::Devices`]
    Devices,
    /// What the relay says of the program. → [`Reply::About`]
    About,
    /// Accepts a person's new certificate in place of the known one. → [`Reply::Done`]
    AcceptChange {
        /// The address.
        address: String,
        /// The new certificate's fingerprint, as it was shown.
        fingerprint: String,
    },
}

impl Command {
    /// Whether the same may be asked again when nobody knows how far it got: commands with an intent and questions. What
    /// makes accounts and sessions at the relay may not.
    pub fn is_repeatable(&self) -> bool {
        !matches!(self, Self::SignUp { .. } | Self::SignIn { .. } | Self::Recover { .. })
    }
}

/// What the worker answers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Reply {
    /// It is done, and safe.
    Done,
    /// Who is signed in here.
    Session(Session),
    /// A passphrase.
    Passphrase(String),
    /// A judgement of a password.
    PasswordStrength(PasswordStrength),
    /// The recovery phrase: twelve words.
    RecoveryPhrase(Vec<String>),
    /// All conversations, newest first.
    Conversations(Vec<ConversationSummary>),
    /// One conversation.
    Conversation(ConversationDetails),
    /// A page of a timeline.
    Timeline(TimelinePage),
    /// The new conversation.
    Started(ConversationId),
    /// The new message.
    Queued(ItemId),
    /// Everybody known.
    People(Vec<Person>),
    /// This person's devices.
    Devices(Vec<DeviceView>),
    /// What the relay says of the program.
    About(About),
}
