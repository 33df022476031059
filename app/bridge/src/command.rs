use crate::{
    Comparison, FoundKey, PersonView,
    mail::{
        Draft, Folder, MailId, MailPage, MailPictures, MailView, MailboxView, OpenedFile, RecipientState,
        ThreadId,
    },
    view::*,
};
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
        /// The key to be used; without one, a new one is made.
        key: Option<OwnKey>,
    },
    /// Shows the recovery phrase again, until it was confirmed. → [`Reply::RecoveryPhrase`]
    RecoveryPhrase,
    /// The person typed the asked words of the phrase: pairs of position (from 0) and word. → [`Reply::Done`]
    ConfirmRecoveryPhrase(Vec<(u8, String)>),
    /// Signs in with the password. → [`Reply::Done`], or [`Reply::Devices`] if there is no room for another one: then nobody
    /// is signed in, and some of these have to be removed first.
    SignIn {
        /// The address, or only the part before the `@`.
        address: String,
        /// The password.
        password: String,
        /// What this device is called.
        device_label: String,
        /// Ids of devices that are removed, to make room for this one.
        remove: Vec<[u8; 16]>,
    },
    /// Signs in with the recovery phrase and sets a new password. → As [`Command::SignIn`].
    Recover {
        /// The address, or only the part before the `@`.
        address: String,
        /// The twelve words.
        phrase: String,
        /// The new password.
        new_password: String,
        /// What this device is called.
        device_label: String,
        /// Ids of devices that are removed, to make room for this one.
        remove: Vec<[u8; 16]>,
    },
    /// Ends the session, takes this device off the list, and deletes everything that Haven stored in this browser.
    /// → [`Reply::SignedOut`]
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
    /// What was begun in a conversation and not sent. → [`Reply::Begun`]
    Begun(ConversationId),
    /// Keeps what is begun in a conversation; nothing, if it is empty. Sending a text ends it as well. → [`Reply::Done`]
    KeepBegun {
        /// The conversation.
        conversation: ConversationId,
        /// The text, of at most four times [`crate::MAX_TEXT`] bytes.
        text: String,
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
    /// Takes another one of them off the list, out of its session and out of the conversations. → [`Reply::Devices`],
    /// without it
    RemoveDevice([u8; 16]),
    /// What the relay says of the program. → [`Reply::About`]
    About,
    /// Accepts a person's new certificate in place of the known one. → [`Reply::Done`]
    AcceptChange {
        /// The address.
        address: String,
        /// The new certificate's fingerprint, as it was shown.
        fingerprint: String,
    },
    /// The folders. → [`Reply::Mailbox`]
    Mailbox,
    /// A page of a folder: the `limit` threads before `before` (the time and id of a row's newest mail), or the newest
    /// ones. → [`Reply::MailPage`]
    MailFolder {
        /// The folder.
        folder: Folder,
        /// Threads before this row.
        before: Option<(u64, MailId)>,
        /// At most this many.
        limit: u32,
    },
    /// Threads that have all words of the query in subject, people or text, newest first. → [`Reply::MailPage`]
    SearchMail {
        /// The words.
        query: String,
        /// At most this many.
        limit: u32,
    },
    /// All mails of a thread, oldest first; those in junk and trash only if the thread has no others.
    /// → [`Reply::MailThread`]
    MailThread(ThreadId),
    /// An attachment, opened if it is encrypted or signed by itself. → [`Reply::OpenedFile`]
    MailAttachment {
        /// The mail.
        mail: MailId,
        /// The attachment's number.
        part: u32,
    },
    /// Puts mails into a folder; out of the sent ones and the drafts into the trash only. → [`Reply::Done`]
    MoveMail {
        /// Makes a repetition harmless.
        intent: IntentId,
        /// The mails.
        mails: Vec<MailId>,
        /// The folder.
        folder: Folder,
    },
    /// Says whether mails were seen. → [`Reply::Done`]
    MarkMail {
        /// Makes a repetition harmless.
        intent: IntentId,
        /// The mails.
        mails: Vec<MailId>,
        /// Whether they were seen.
        seen: bool,
    },
    /// Deletes mails for good, on all devices and at the relay. → [`Reply::Done`]
    DeleteMail {
        /// Makes a repetition harmless.
        intent: IntentId,
        /// The mails.
        mails: Vec<MailId>,
    },
    /// Stores a draft, new or changed. The page makes its id. → [`Reply::Done`] once it is safe on this device.
    SaveDraft {
        /// Makes a repetition harmless.
        intent: IntentId,
        /// The draft's id.
        id: MailId,
        /// The draft. Files that it doesn't name are deleted from it.
        draft: Draft,
    },
    /// Reads a draft. → [`Reply::Draft`]
    Draft(MailId),
    /// Deletes a draft. → [`Reply::Done`]
    DiscardDraft {
        /// Makes a repetition harmless.
        intent: IntentId,
        /// The draft's id.
        id: MailId,
    },
    /// Stores the bytes of a file for a draft, before the draft names it. → [`Reply::Done`]
    AttachFile {
        /// Makes a repetition harmless.
        intent: IntentId,
        /// The draft's id.
        draft: MailId,
        /// The file's id in the draft.
        file: u32,
        /// The bytes.
        #[serde(with = "serde_bytes")]
        bytes: Vec<u8>,
    },
    /// What will happen to a mail for these recipients. Asks the relay for certificates that are not known, which may
    /// take some seconds. → [`Reply::Recipients`]
    Recipients(Vec<String>),
    /// Sends a draft as it was saved last. → [`Reply::Done`] once it is safe on this device and out of the drafts.
    SendMail {
        /// Makes a repetition harmless.
        intent: IntentId,
        /// The draft's id, which becomes that of the mail.
        draft: MailId,
        /// The person has seen, for each recipient, that the mail goes in the clear, and wants that. Without this, a
        /// mail of which a recipient has no usable certificate fails.
        in_the_clear: bool,
    },
    /// Tries a mail again that failed. → [`Reply::Done`]
    RetryMail(MailId),
    /// Takes a mail that waits or failed back to the drafts. → [`Reply::Done`], and [`crate::Event::MailTakenBack`] before it
    /// or as soon as the relay was asked
    BackToDrafts {
        /// Makes a repetition harmless.
        intent: IntentId,
        /// The mail.
        mail: MailId,
    },
    /// Gives up fetching and opening an attachment, whose [`Self::MailAttachment`] is answered with [`Reply::Done`].
    /// → [`Reply::Done`]
    CancelAttachment {
        /// The mail.
        mail: MailId,
        /// The attachment's number.
        part: u32,
    },
    /// A person's page, by fingerprint or, if that is empty, by address. → [`Reply::Person`]
    Person(PersonRef),
    /// What to compare with a person to verify a certificate. → [`Reply::SafetyNumber`]
    SafetyNumber(PersonRef),
    /// Says that a person's certificate was compared and is right, or takes that back. → [`Reply::Done`]
    Verify {
        /// Makes a repetition harmless.
        intent: IntentId,
        /// The person, with address and fingerprint.
        person: PersonRef,
        /// The digits that were compared; nothing to take it back.
        number: Option<String>,
    },
    /// The certificates in a file. → [`Reply::Keys`]
    ReadKeys(Vec<u8>),
    /// Takes a certificate from a file: from now on it is that of its person. → [`Reply::Done`]
    AddKey {
        /// Makes a repetition harmless.
        intent: IntentId,
        /// The file.
        bytes: Vec<u8>,
        /// The certificate's fingerprint, as it was shown.
        fingerprint: String,
    },
    /// Fetches the pictures that a mail's HTML shows from elsewhere, through the relay. Nothing of them is kept.
    /// → [`Reply::MailPictures`]
    MailPictures(MailId),
    /// A mail as it came, with what the relay wrote above it. → [`Reply::File`]
    MailSource(MailId),
    /// The text of a mail that was refused as not intact, without knowing who wrote it and what was changed. For a
    /// deliberate look; nothing of it is kept. → [`Reply::UncheckedText`]
    UncheckedMail(MailId),
    /// How a text looks whose marks are formatting. → [`Reply::MailPreview`]
    PreviewMail(String),
    /// Makes a file of the person's certificate. → [`Reply::File`]
    ExportKey(KeyFile),
    /// Looks at a key before it is used for [`Command::SignUp`]. → [`Reply::Key`]
    JudgeKey(OwnKey),
    /// Withdraws the person's certificate for good: its keys are in other hands. → [`Reply::Done`]
    RevokeKey,
    /// The person knows that mail was turned away because of the certificate. → [`Reply::Done`]
    SawRefusedMail,
}

/// Which file of the person's certificate.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum KeyFile {
    /// As everybody sees it.
    Public,
    /// With its secret keys, under a passphrase.
    Secret {
        /// The passphrase.
        passphrase: String,
    },
    /// What withdraws it.
    Revocation,
}

/// A key that somebody brings.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OwnKey {
    /// The file, armored or binary.
    pub file: Vec<u8>,
    /// Its passphrase; empty if it has none.
    pub passphrase: String,
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
    /// Everything here is deleted.
    SignedOut {
        /// Whether this device is off the person's list. The relay could not be reached if it isn't.
        off_list: bool,
    },
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
    /// What was begun, or nothing.
    Begun(String),
    /// The new message.
    Queued(ItemId),
    /// Everybody known.
    People(Vec<Person>),
    /// This person's devices.
    Devices(Vec<DeviceView>),
    /// What the relay says of the program.
    About(About),
    /// The folders.
    Mailbox(MailboxView),
    /// Threads.
    MailPage(MailPage),
    /// The mails of a thread.
    MailThread(Vec<MailView>),
    /// The bytes of a file.
    File(#[serde(with = "serde_bytes")] Vec<u8>),
    /// A draft.
    Draft(Draft),
    /// What will happen to a mail.
    Recipients(Vec<RecipientState>),
    /// A person's page.
    Person(Box<PersonView>),
    /// What to compare.
    SafetyNumber(Comparison),
    /// The certificates in a file.
    Keys(Vec<FoundKey>),
    /// A mail's HTML with pictures from elsewhere.
    MailPictures(MailPictures),
    /// An attachment.
    OpenedFile(OpenedFile),
    /// A text that may be forged. Nothing: Haven can't open mail of this kind at all.
    UncheckedText(Option<String>),
    /// The HTML of a formatted text, harmless. Nothing: there are no marks in it, or it is too long, and it goes as text.
    MailPreview(Option<String>),
    /// A key that can be used: its fingerprint, in groups of four hex digits.
    Key(String),
}
