//! View models: what the page shows. Ids are opaque; times are milliseconds since 1970.

use serde::{Deserialize, Serialize};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
        pub struct $name(pub [u8; 16]);

        impl $name {
            /// In lower-case hex, as in addresses of pages.
            pub fn to_hex(self) -> String {
                self.0.iter().map(|byte| format!("{byte:02x}")).collect()
            }

            /// Reads hex of the right length.
            pub fn from_hex(text: &str) -> Option<Self> {
                let mut bytes = [0; 16];
                if text.len() != 32 || !text.is_ascii() {
                    return None;
                }
                for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
                    *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
                }
                Some(Self(bytes))
            }
        }
    };
}
pub(crate) use id;

id!(
    /// A conversation.
    ConversationId
);
id!(
    /// An item of a timeline.
    ItemId
);
id!(
    /// Names one wish of a person, so that repeating it is harmless. Random, made by the page.
    IntentId
);

/// Who is signed in here.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub enum Session {
    /// Nobody.
    SignedOut {
        /// The domain of this relay's addresses, once it is known.
        domain: Option<String>,
        /// Whether the relay takes new accounts.
        sign_up: bool,
    },
    /// Somebody.
    SignedIn(Me),
    /// The relay ended this device's session: sign in again, or sign out.
    Revoked(Me),
}

/// The person who is signed in.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Me {
    /// The address.
    pub address: String,
    /// The certificate's fingerprint, in groups of four hex digits.
    pub fingerprint: String,
    /// Whether the recovery phrase was confirmed.
    pub recovery_confirmed: bool,
    /// What this device is called.
    pub device_label: String,
    /// When the certificate expires, if ever. It is renewed by itself before that.
    pub key_expires: Option<u64>,
    /// Whether the person has withdrawn the certificate.
    pub key_revoked: bool,
}

/// What the relay says of the program that it runs and serves.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct About {
    /// Where its source is: an address of a web page, if the relay names one.
    pub source: Option<String>,
}

/// The connection to the relay.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub enum Connection {
    /// Connecting, or catching up.
    Connecting,
    /// Live.
    Online,
    /// The relay can't be reached; it is tried again by itself.
    Offline,
}

/// A judgement of a password.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub enum PasswordStrength {
    /// Refused.
    Weak,
    /// Good enough.
    Good,
    /// Better than needed.
    Strong,
}

/// A row in the list of conversations.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct ConversationSummary {
    /// Its id.
    pub id: ConversationId,
    /// The title, or the other members' addresses.
    pub title: String,
    /// Whether `title` was given by a person.
    pub titled: bool,
    /// The other people in it.
    pub people: Vec<PersonRef>,
    /// What can be done in it.
    pub state: ConversationState,
    /// The start of the newest message or line.
    pub preview: Preview,
    /// Time of the newest item.
    pub updated: u64,
    /// How many messages were not seen.
    pub unread: u32,
}

/// The newest item of a conversation, in short.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub enum Preview {
    /// Nothing yet.
    Empty,
    /// A text.
    Text {
        /// Who wrote it; nothing for oneself.
        from: Option<PersonRef>,
        /// Its start.
        text: String,
    },
    /// A line about the conversation.
    Line(Line),
}

/// A person, in short.
#[derive(Clone, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
pub struct PersonRef {
    /// The address.
    pub address: String,
    /// The certificate's fingerprint in hex.
    pub fingerprint: String,
}

/// What can be done in a conversation.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub enum ConversationState {
    /// It is being started: messages wait.
    Starting,
    /// Starting failed; it can be tried again.
    StartFailed(crate::Failure),
    /// Somebody unknown wrote: accept, decline or block.
    Request {
        /// Who started it.
        from: PersonRef,
    },
    /// Messages can be sent.
    Active,
    /// It stopped at something that can't be accepted. Nothing after it is shown.
    Stopped(StopReason),
    /// This device was removed from it.
    Removed,
}

/// Why a conversation stopped.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub enum StopReason {
    /// A commit breaks the rules that all clients check.
    CommitRefused {
        /// Who made it, if the signature was good.
        from: Option<PersonRef>,
        /// What is wrong with it.
        what: String,
    },
    /// A commit that can't be read: from this place on, this device can't follow.
    CommitUnreadable,
    /// The relay changed, left out or made up rows.
    RelayMisbehaved {
        /// What it did.
        what: String,
    },
    /// The Welcome to the conversation and what the relay has of it don't go together.
    WrongWelcome,
    /// The state on this device is a copy or too old.
    StateTooOld,
    /// The conversation needs a newer version of Haven.
    NewerRules,
}

/// A conversation with its members.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct ConversationDetails {
    /// As in the list.
    pub summary: ConversationSummary,
    /// Everybody in it, oneself included.
    pub members: Vec<Member>,
}

/// A person in a conversation.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Member {
    /// Who.
    pub person: PersonRef,
    /// Whether it is oneself.
    pub me: bool,
    /// What is known of the certificate.
    pub trust: Trust,
    /// The devices that are in the conversation.
    pub devices: Vec<String>,
}

/// What is known of a person's certificate.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub enum Trust {
    /// Only claimed by a group or message.
    Claimed,
    /// Known since the first contact, or found in the directory of the address's domain.
    Pinned,
    /// It is not the certificate that was known before.
    Changed,
    /// It is the certificate that was known before another one was accepted.
    Replaced,
    /// Compared with the person.
    Verified,
    /// There is no certificate: only the address is known.
    NoKey,
}

/// A page of a timeline.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TimelinePage {
    /// Oldest first.
    pub items: Vec<TimelineItem>,
    /// Whether there are older ones.
    pub more: bool,
}

/// An item of a timeline.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct TimelineItem {
    /// Its id.
    pub id: ItemId,
    /// Sorts the timeline. It changes once, when an own message gets its place in the log.
    pub position: u64,
    /// When it was made, by its sender's clock; for lines, when this device met it.
    pub time: u64,
    /// What it is.
    pub content: ItemContent,
}

/// What an item is.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub enum ItemContent {
    /// A text from oneself.
    Sent {
        /// The text.
        text: String,
        /// How far it got.
        state: SendState,
    },
    /// A text from somebody.
    Received {
        /// Who wrote it.
        from: PersonRef,
        /// On which device.
        device: String,
        /// The text.
        text: String,
        /// Whether the sender saw other rows than this device: the relay shows different things to different people.
        disagrees: bool,
    },
    /// A message of a kind that this version doesn't know.
    Unsupported {
        /// Who wrote it.
        from: PersonRef,
    },
    /// A message that could not be read, and why.
    Unreadable(Unreadable),
    /// A line about the conversation.
    Line(Line),
}

/// Why a message could not be read.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub enum Unreadable {
    /// It does not decrypt: damaged, or made by a broken client.
    Undecryptable,
    /// It uses a key that was used before.
    KeyReused,
    /// It decrypts, but its content is malformed.
    Malformed,
}

/// How far an own message got.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub enum SendState {
    /// It is safe on this device and waits for the relay.
    Waiting,
    /// The relay has stored it.
    Stored,
    /// It was refused; it can be tried again.
    Failed(crate::Failure),
}

/// A line about the conversation. `who` is nothing for oneself.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub enum Line {
    /// The conversation was started.
    Started {
        /// By whom.
        who: Option<PersonRef>,
        /// Whom it began with, and with which device.
        #[serde(default)]
        added: Vec<(PersonRef, String)>,
        /// Whom it began with, in lines that were stored before they named devices.
        with: Vec<PersonRef>,
    },
    /// This device was added.
    YouWereAdded {
        /// By whom.
        by: PersonRef,
    },
    /// People were added.
    Added {
        /// By whom.
        who: Option<PersonRef>,
        /// Whom, with which device.
        added: Vec<(PersonRef, String)>,
    },
    /// A person of the conversation came with another device.
    DeviceAdded {
        /// Whose.
        who: Option<PersonRef>,
        /// The device.
        device: String,
    },
    /// A person of the conversation lost a device.
    DeviceRemoved {
        /// Whose.
        who: Option<PersonRef>,
        /// The device.
        device: String,
    },
    /// So many further devices came and went with one change, of people who stay.
    MoreDevices {
        /// How many came.
        added: u32,
        /// How many went.
        removed: u32,
    },
    /// People were removed.
    Removed {
        /// By whom.
        who: Option<PersonRef>,
        /// Whom.
        removed: Vec<PersonRef>,
    },
    /// This device was removed.
    YouWereRemoved {
        /// By whom.
        by: PersonRef,
    },
    /// A title was given.
    Renamed {
        /// By whom.
        who: Option<PersonRef>,
        /// The title; empty when it was taken away.
        title: String,
    },
    /// People could not be added, and why.
    NotAdded {
        /// Whom.
        address: String,
        /// Why.
        why: crate::Failure,
    },
    /// A change that this person wanted was not made, and why.
    NotChanged {
        /// Why.
        why: crate::Failure,
    },
    /// Somebody tried to add this device to the conversation that it is in already.
    SecondWelcome,
    /// Messages were too old for the relay before this device could read them.
    Missed {
        /// How many.
        count: u32,
    },
    /// Somebody changed the conversation who had seen other rows than this device: the relay shows different things to
    /// different people.
    Disagrees {
        /// Who.
        who: Option<PersonRef>,
    },
    /// The relay says of messages that they were too old, which they can't have been.
    Withheld {
        /// How many.
        count: u32,
    },
}

/// A person that is known here.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Person {
    /// Who. Somebody known from mail alone, whose certificate is not pinned, has no fingerprint here.
    pub person: PersonRef,
    /// What is known of the certificate.
    pub trust: Trust,
    /// Whether messages from this person are refused.
    pub blocked: bool,
    /// The conversations with this person, newest first.
    pub conversations: Vec<ConversationId>,
    /// What the person's mails give as their name; may be empty. Anybody can write anything there.
    pub name: String,
}

/// One of this person's devices.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct DeviceView {
    /// Its id.
    pub id: [u8; 16],
    /// What it is called.
    pub label: String,
    /// A short form of its id.
    pub short_id: String,
    /// When it was added.
    pub created: u64,
    /// Whether it is this one.
    pub this: bool,
}

/// An answer to a request from somebody unknown.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub enum RequestAnswer {
    /// Talk.
    Accept,
    /// Delete the conversation from this device.
    Decline,
    /// Delete it, and refuse all that this person starts.
    Block,
}
