use crate::{
    mail::{MailId, MailboxView},
    view::*,
};
use serde::{Deserialize, Serialize};

/// Something changed. Events carry the new state, so that a page can patch what it shows.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Event {
    /// Signed in, or signed out.
    Session(Session),
    /// The browser has deleted what was stored here. That nobody is signed in any more comes after this.
    Deleted,
    /// The connection to the relay changed.
    Connection(Connection),
    /// A conversation is new, or its summary changed.
    Conversation(ConversationSummary),
    /// A conversation is gone from this device.
    ConversationRemoved(ConversationId),
    /// Timeline items are new or changed; those with a known id replace the older state.
    Items {
        /// The conversation.
        conversation: ConversationId,
        /// The items.
        items: Vec<TimelineItem>,
    },
    /// Timeline items are gone.
    ItemsRemoved {
        /// The conversation.
        conversation: ConversationId,
        /// Their ids.
        items: Vec<ItemId>,
    },
    /// Something about people changed: ask again.
    People,
    /// Mails came, went or changed, in any folder: ask again for what is shown.
    Mail(MailboxView),
    /// The relay altered or lost what it keeps for this person's next device. Conversations go on.
    VaultRefused,
    /// Somebody added this device to a conversation, and the Welcome is damaged, breaks the rules, or is gone.
    WelcomeRefused,
    /// This device has failed to store things for a while: its disk may be full.
    NotStored,
    /// Another engine goes on from here, and its predecessor may have ended before it told what it stored: ask again for
    /// what is shown.
    Handover,
    /// A newer version of Haven runs in another tab: reload.
    Outdated,
    /// The engine can't go on, and has to be started again. What is stored is safe.
    Broken,
    /// A mail was to be taken back to the drafts.
    MailTakenBack {
        /// The mail.
        mail: MailId,
        /// The draft that it is now; nothing if the relay had it already.
        draft: Option<MailId>,
    },
    /// A large mail is being handed over, or a large attachment fetched.
    MailProgress {
        /// The mail.
        mail: MailId,
        /// The attachment; nothing for a mail that is sent.
        part: Option<u32>,
        /// Bytes that are done.
        done: u64,
        /// All bytes; none once it has ended.
        all: u64,
    },
}
