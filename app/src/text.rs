//! Every sentence that people read. Plain words; errors say whose fault it is and what to do next.

pub mod failure;
pub mod key;
pub mod line;
pub mod links;
pub mod mail;
pub mod people;
pub mod time;

use haven_bridge::{
    ConversationState, ConversationSummary, DeviceView, PersonRef, Preview, StopReason, Trust, Unreadable,
};

pub const APP: &str = "Haven";

// Anywhere
pub const BACK: &str = "Back";
pub const CANCEL: &str = "Cancel";
pub const CLOSE: &str = "Close";
pub const UNDO: &str = "Undo";
pub const COPIED: &str = "Copied.";
pub const COPY: &str = "Copy";
pub const COPY_FAILED: &str = "The browser did not allow copying. Select the text and copy it by hand.";
pub const LATER: &str = "Later";
pub const RELOAD: &str = "Reload";
pub const RETRY: &str = "Try again";
pub const SAVE: &str = "Save";
pub const YOU: &str = "You";

// The frame
pub const NAV: &str = "Main";
pub const CHATS: &str = "Chats";
pub const PEOPLE: &str = "People";
pub const SETTINGS: &str = "Settings";
pub const NOTICES: &str = "Notices";
pub const SKIP: &str = "Skip to the content";
pub const OFFLINE: &str =
    "You are offline. What you write waits here and is sent when the connection is back.";
pub const CONNECTING: &str = "Connecting…";
pub const UPDATE_READY: &str = "A new version is ready";
pub const REVOKED: &str = "This device was signed out of your account. What is here can be read until you sign in again, but nothing new comes or goes.";
pub const VAULT_REFUSED: &str = "The relay altered or lost what it keeps, locked, for your next device, so Haven does not use it. Your \
     conversations go on here. Stay signed in on this device, and tell whoever runs the relay.";
pub const WELCOME_REFUSED: &str = "Somebody wanted to add this device to a conversation, but what opens it is damaged, or the relay no longer \
     has it. If you expect an invitation, ask for a new conversation.";
pub const NOT_STORED: &str = "This device can’t store anything at the moment: its disk may be full. Free some space. What arrives is safe \
     at the relay until then.";
pub const SIGN_IN_AGAIN: &str = "Sign in again";
pub const SIGN_IN_AGAIN_LEAD: &str = "This brings back your account, your mail and the people you know. The chats that are here are deleted: this \
    device was taken out of them, and comes back as a new one. Copy what you want to keep first.";
pub const CONFIRM_RECOVERY: &str =
    "Your recovery phrase is not confirmed yet. Without it, a forgotten password can't be helped.";
pub const CONFIRM_RECOVERY_NOW: &str = "Do it now";
pub const CONFIRM_RECOVERY_LATER: &str = "Later";

// The engine
pub const OPENING: &str = "Opening Haven…";
pub const CORE_FAILED_TITLE: &str = "Haven could not start";
pub const CORE_FAILED: &str = "The part of Haven that encrypts did not start in this browser. It is not your fault, and what is stored here \
    is safe. Try again; if this stays, update the browser or reload the page.";
pub const CORE_BROKEN_TITLE: &str = "Haven has to start again";
pub const CORE_BROKEN: &str = "Something inside Haven went wrong, so it stopped rather than risk a mistake. What is stored here is safe. \
    Reload the page to go on.";
pub const CORE_OUTDATED_TITLE: &str = "Haven was updated";
pub const CORE_OUTDATED: &str =
    "A newer version of Haven runs in another tab. Reload this one to use it too.";
pub const SESSION_FAILED_TITLE: &str = "Haven could not open your account";
pub const PART_LOADING: &str = "Loading…";
pub const PART_FAILED_TITLE: &str = "This page did not load";
pub const PART_FAILED: &str = "Haven fetches some pages when you first open them, and this one did not come. Nothing is lost. Try again when \
    you are online; if it stays, Haven may have been updated meanwhile, and a reload helps.";

// Signing up and in
pub const WELCOME: &str = "Welcome to Haven";
pub const WELCOME_LEAD: &str = "Private chats and mail, under one address. What you write is locked on this device, and only the people you write to can open it.";
pub const DELETED_TITLE: &str = "The browser has deleted what Haven kept here";
pub const DELETED: &str = "Browsers do that when space runs short, or when a page was not opened for long. Sign in again: that brings \
    back your account, your mail and the people you know. Chats were kept in this browser alone, so what was said in them is gone here; \
    others still have it. In Settings, remove the old entry of this browser from your devices.";
pub const SIGN_UP: &str = "Create an account";
pub const SIGN_IN: &str = "Sign in";
pub const RECOVER: &str = "Use a recovery phrase";
pub const HAVE_ACCOUNT: &str = "I have an account";
pub const FORGOT_PASSWORD: &str = "I forgot my password";
pub const NAME: &str = "Name";
pub const NAME_HINT: &str = "Lower-case letters, digits, and . - _ between them.";
pub const NAME_BAD: &str = "Use lower-case letters and digits; single . - _ may stand between them.";
pub const NAME_SHORT: &str = "Choose a name.";
pub const NAME_LONG: &str = "That is too long: 32 characters at most.";
pub const ADDRESS: &str = "Address";
pub const ADDRESS_HINT: &str = "Your name or your whole address.";
pub const PASSWORD: &str = "Password";
pub const NEW_PASSWORD: &str = "New password";
pub const SHOW_PASSWORD: &str = "Show password";
pub const HIDE_PASSWORD: &str = "Hide password";
pub const PASSWORD_HINT: &str = "Five random words are easy to keep and hard to guess.";
pub const SUGGEST: &str = "Suggest one";
pub const SUGGEST_ANOTHER: &str = "Suggest another";
pub const SUGGESTED: &str = "Here is one. Write it down before you go on.";
pub const STRENGTH_WEAK: &str = "Too easy to guess. Make it longer, or take a suggested one.";
pub const STRENGTH_GOOD: &str = "Good.";
pub const STRENGTH_STRONG: &str = "Very good.";
pub const CREATING: &str = "Creating your account…";
pub const SIGNING_IN: &str = "Signing in…";
pub const MAKE_ROOM_EFFECTS: &str = "They are signed out at once. A device that you keep takes them out of your conversations when it is next \
    online; if you keep none, they stay in them.";
pub const MAKE_ROOM: &str = "Remove and sign in";
pub const SIGN_UP_CLOSED_TITLE: &str = "New accounts are closed here";
pub const SIGN_UP_CLOSED: &str = "Whoever runs this place takes no new accounts at the moment. Ask them for one, or sign in if you have one.";
pub const PHRASE_TITLE: &str = "Your recovery phrase";
pub const PHRASE_LEAD: &str = "These twelve words open your account if you forget the password. Nobody else has them, so nobody can \
    send them to you again. Write them on paper and keep it somewhere safe.";
pub const PHRASE_WORDS: &str = "Recovery phrase";
pub const PHRASE_COPY: &str = "Copy words";
pub const PHRASE_PRINT: &str = "Print";
pub const PHRASE_SAVE: &str = "Save as a file";
pub const PHRASE_NEXT: &str = "I have written them down";
pub const PHRASE_CHECK_TITLE: &str = "Check what you wrote";
pub const PHRASE_CHECK_LEAD: &str = "Type these three words from your paper, so that you know it works.";
pub const PHRASE_SHOW_AGAIN: &str = "Show the words again";
pub const PHRASE_CONFIRM: &str = "Confirm";
pub const PHRASE_CONFIRMED: &str = "Your recovery phrase is confirmed.";
pub const PHRASE_SKIP: &str = "Do this later";
pub const PHRASE_FILE: &str = "haven-recovery-phrase.txt";
pub const PHRASE_INPUT: &str = "Recovery phrase";
pub const PHRASE_INPUT_HINT: &str = "The twelve words, with spaces between them.";
pub const PHRASE_INPUT_BAD: &str = "A recovery phrase has twelve words.";
pub const RECOVER_LEAD: &str = "Your twelve words open the account, and you choose a new password.";
pub const WORD_MISSING: &str = "Type this word.";
pub const FIELD_MISSING: &str = "Fill this in.";

// Conversations
pub const CONVERSATIONS: &str = "Conversations";
pub const REQUESTS: &str = "Requests";
pub const NEW_CONVERSATION: &str = "New conversation";
pub const NO_CONVERSATIONS_TITLE: &str = "No conversations yet";
pub const NO_CONVERSATIONS: &str = "Start one with somebody's address. It looks like alice@example.org.";
pub const NOTHING_OPEN_TITLE: &str = "Pick a conversation";
pub const NOTHING_OPEN: &str = "Choose one from the list, or start a new one.";
pub const CONVERSATION_GONE_TITLE: &str = "This conversation is not here";
pub const CONVERSATION_GONE: &str =
    "It may have been declined or deleted on this device, or the link is from another account.";
pub const TO_CHATS: &str = "To all chats";
pub const WITH: &str = "Addresses";
pub const WITH_HINT: &str = "One address or several. Press Enter or comma after each.";
pub const WITH_MISSING: &str = "Add at least one address.";
pub const ADDRESS_BAD: &str = "That does not look like an address. It should be like alice@example.org.";
pub const ADDRESS_OWN: &str = "That is your own address.";
pub const TITLE: &str = "Title";
pub const TITLE_OPTIONAL: &str = "Title (optional)";
pub const TITLE_HINT: &str = "Everybody in the conversation sees it.";
pub const TITLE_LONG: &str = "That is too long for a title: 100 characters at most.";
pub const START: &str = "Start conversation";
pub const STARTING: &str = "Starting. You can write already; it is sent as soon as everybody is in.";
pub const START_FAILED_TITLE: &str = "This conversation could not be started";

// A conversation
pub const MESSAGES: &str = "Messages";
pub const NO_MESSAGES_TITLE: &str = "Nothing here yet";
pub const NO_MESSAGES: &str = "Write the first message below.";
pub const BEGINNING: &str = "This is the beginning of the conversation on this device.";
pub const OLDER_LOADING: &str = "Loading older messages…";
pub const OLDER_FAILED: &str = "Older messages did not load.";
pub const JUMP: &str = "Jump to the newest message";
pub const NEW_HERE: &str = "New";
pub const COMPOSE: &str = "Message";
pub const COMPOSE_PLACEHOLDER: &str = "Write a message";
pub const SEND: &str = "Send";
pub const STATE_WAITING: &str = "Waiting to be sent";
pub const STATE_STORED: &str = "Sent";
pub const STATE_FAILED: &str = "Not sent";
pub const DISCARD: &str = "Discard";
pub const DISAGREES: &str = "The sender saw other messages than you did. The relay may be showing different things to different people; \
    compare notes with them.";
pub const UNSUPPORTED: &str = "This message needs a newer version of Haven. Reload the page to update.";
pub const DETAILS: &str = "Details";
pub const SHOW_DETAILS: &str = "Show details";
pub const HIDE_DETAILS: &str = "Hide details";
pub const MEMBERS: &str = "Members";
pub const ADD_PEOPLE: &str = "Add people";
pub const ADD: &str = "Add";
pub const RENAME: &str = "Rename";
pub const RENAMED: &str = "Renamed.";
pub const ADDED: &str = "Adding them. A line in the conversation says when they are in.";
pub const DEVICES_NONE: &str = "No device is in yet";
pub const REMOVED_TITLE: &str = "You are no longer in this conversation";
pub const REMOVED: &str = "What was said before stays here. To talk again, start a new conversation.";
pub const STOPPED_TITLE: &str = "This conversation has stopped";
pub const START_NEW: &str = "Start a new one";

// Requests
pub const REQUEST_TITLE: &str = "wants to talk with you";
pub const REQUEST_LEAD: &str =
    "They are not told that you have seen this. Accept only if you know who it is.";
pub const ACCEPT: &str = "Accept";
pub const DECLINE: &str = "Decline";
pub const BLOCK: &str = "Block";
pub const DECLINED: &str = "Declined. Nothing of it stays on this device.";
pub const BLOCKED: &str = "Blocked. You can undo that on their page under People.";

// People
pub const NO_PEOPLE_TITLE: &str = "Nobody here yet";
pub const NO_PEOPLE: &str = "People appear here once you have a conversation with them or write them a mail.";
pub const PICK_PERSON_TITLE: &str = "Pick a person";
pub const PICK_PERSON: &str =
    "See who it is, whether you can be sure of that, and your conversations and mail together.";
pub const PERSON_GONE_TITLE: &str = "This person is not known here";
pub const PERSON_GONE: &str = "You know nobody of this fingerprint, or this is no address.";
pub const TO_PEOPLE: &str = "To all people";
pub const FINGERPRINT: &str = "Fingerprint";
pub const FINGERPRINT_HINT: &str = "A fingerprint belongs to one person and can't be copied by another. If both of you read out the same one, \
    it is really them.";
pub const SHARED: &str = "Conversations together";
pub const NOT_SHARED: &str = "None at the moment.";
pub const WRITE_TO: &str = "New conversation with this person";
pub const PERSON_BLOCKED: &str = "You blocked this person. Nothing they start reaches you.";
pub const UNBLOCK: &str = "Unblock";
pub const UNBLOCKED: &str = "Unblocked.";
pub const BLOCKED_BADGE: &str = "Blocked";
pub const CHANGE_TITLE: &str = "This is not the identity you knew";
pub const CHANGE_LEAD: &str = "People get a new one when they lose all their devices and their recovery phrase, or when a device fell \
    into other hands. It can also mean that somebody is posing as them. Ask in another way, for example on the phone, whether their \
    fingerprint is the one below, before you accept it.";
pub const CHANGE_OPEN: &str = "Look at the change";
pub const CHANGE_ACCEPT: &str = "Accept the new identity";
pub const CHANGE_ACCEPTED: &str = "Accepted. From now on, this is their identity.";
pub const CHANGE_OLD: &str = "Known before";
pub const CHANGE_NEW: &str = "New fingerprint";
pub const CHANGE_CHECK: &str = "I have checked that this fingerprint is theirs";

// Settings
pub const ACCOUNT: &str = "Account";
pub const YOUR_ADDRESS: &str = "Your address";
pub const YOUR_FINGERPRINT: &str = "Your fingerprint";
pub const DEVICES: &str = "Your devices";
pub const DEVICE_UNNAMED: &str = "Another device";
pub const THIS_DEVICE: &str = "This device";
pub const DEVICE_REMOVE: &str = "Remove";
pub const DEVICE_REMOVE_EFFECTS: [&str; 3] = [
    "It is signed out, and gets no new mail.",
    "It leaves your conversations, where everybody sees that, and can’t read what is written afterwards. This takes effect as soon as \
     one of your devices is online.",
    "What is stored on it stays there: only somebody who has it can delete that.",
];
pub const DEVICE_REMOVE_STOLEN: &str = "Every device of yours holds your key and your recovery phrase. If one may be in other hands, \
    removing it is not enough: also say in Settings that your key is in other hands.";
pub const DEVICE_REMOVED: &str = "Removed.";
pub const RECOVERY: &str = "Recovery phrase";
pub const RECOVERY_OK: &str = "Confirmed. If you forget your password, your twelve words open the account.";
pub const RECOVERY_MISSING: &str =
    "Not confirmed yet. Look at the words, write them on paper, and confirm three of them.";
pub const RECOVERY_DO: &str = "Show and confirm";
pub const APPEARANCE: &str = "Appearance";
pub const THEME: &str = "Colours";
pub const THEME_SYSTEM: &str = "As the system";
pub const THEME_LIGHT: &str = "Light";
pub const THEME_DARK: &str = "Dark";
pub const SIGN_OUT: &str = "Sign out";
pub const SIGN_OUT_LEAD: &str = "Takes you out of Haven in this browser and deletes what is stored in it.";
pub const SIGN_OUT_TITLE: &str = "Sign out and delete everything here?";
pub const SIGN_OUT_LOST: &str = "All messages in this browser are deleted for good, and so is whatever still waits to be sent. Signing in \
    again later brings back your account, your mail and the people you know, but not the chats.";
pub const SIGN_OUT_DEVICES: &str = "This browser is taken off the list of your devices. Your other devices take it out of your conversations; \
    if you have none, it stays visible there.";
pub const SIGN_OUT_UNTOLD: &str = "You are signed out and everything here is deleted. The relay could not be told, so this browser is \
    still in the list of your devices. Remove it there when you are signed in again, in Settings.";
pub const SIGN_OUT_PHRASE: &str =
    "You have not confirmed your recovery phrase. If you forget your password as well, the account is lost.";
pub const SIGN_OUT_DO: &str = "Sign out and delete";
pub const SIGNING_OUT: &str = "Deleting…";
pub const ABOUT: &str = "About";
pub const ABOUT_LEAD: &str =
    "Haven is free software: everybody may read how it works, change it, and pass it on.";
pub const VERSION: &str = "Version";
pub const LICENCE: &str = "Licence";
pub const SOURCE: &str = "Source";
pub const SOURCE_UNKNOWN: &str =
    "Whoever runs this relay has not said where it is. Ask them: the licence gives you a right to it.";

// Not found
pub const NOT_FOUND_TITLE: &str = "There is nothing here";
pub const NOT_FOUND: &str = "The address may be mistyped, or the page has moved.";
pub const TO_START: &str = "To the start";

/// `3 unread`
pub fn unread(count: u32) -> String {
    format!("{count} unread")
}

/// The page's title in the browser.
pub fn document_title(unread: u32, place: Option<&str>) -> String {
    let name = place.map_or_else(|| APP.to_owned(), |place| format!("{place} · {APP}"));
    if unread == 0 { name } else { format!("({unread}) {name}") }
}

/// What a device is called.
pub fn device_name(device: &DeviceView) -> String {
    if device.label.is_empty() { DEVICE_UNNAMED.to_owned() } else { device.label.clone() }
}

/// The question before a device comes for which there is no room.
pub fn make_room(devices: usize) -> String {
    format!(
        "Your account has {devices} devices, and can’t have more. Choose those that you don’t use any more: they are removed, and this \
         browser comes in."
    )
}

/// The question before a device is removed.
pub fn remove_device(name: &str) -> String {
    format!("Remove {name}?")
}

/// What the button for that is called.
pub fn remove_device_label(name: &str) -> String {
    format!("Remove {name}")
}

/// `Word 4`
pub fn word_number(index: u8) -> String {
    format!("Word {}", u32::from(index) + 1)
}

/// What is on the jump button besides its icon.
pub fn new_messages(count: usize) -> String {
    match count {
        1 => "1 new message".to_owned(),
        count => format!("{count} new messages"),
    }
}

/// How many people are in a conversation.
pub fn member_count(count: usize) -> String {
    match count {
        1 => "Only you".to_owned(),
        count => format!("{count} people"),
    }
}

/// The label of the button that takes an address out of a field.
pub fn remove_address(address: &str) -> String {
    format!("Remove {address}")
}

/// How much is left of the allowed length, in rough words.
pub fn too_long_by(bytes: usize) -> String {
    let characters = if bytes == 1 { "character" } else { "characters" };
    format!("Too long by about {bytes} {characters}. Send it in two parts.")
}

/// The short form of a person's address. Only people of one's own domain lose theirs: two people elsewhere may have
/// the same name.
pub fn short_name(person: &PersonRef, own_domain: Option<&str>) -> String {
    match person.address.split_once('@') {
        Some((name, domain)) if Some(domain) == own_domain => name.to_owned(),
        _ => person.address.clone(),
    }
}

/// `a`, `a and b`, `a, b and c`
pub fn and_list(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// A conversation's name: its title, or who is in it.
pub fn conversation_name(summary: &ConversationSummary, own_domain: Option<&str>) -> String {
    if summary.titled || summary.people.is_empty() {
        return summary.title.clone();
    }
    let names: Vec<_> = summary.people.iter().map(|person| short_name(person, own_domain)).collect();
    names.join(", ")
}

/// The second line of a row in the list.
pub fn preview(summary: &ConversationSummary, own_domain: Option<&str>) -> String {
    match &summary.state {
        ConversationState::StartFailed(_) => return "Could not be started".to_owned(),
        ConversationState::Stopped(_) => return "Stopped".to_owned(),
        ConversationState::Removed => return "You are no longer in it".to_owned(),
        _ => {}
    }
    match &summary.preview {
        Preview::Empty => "Nothing here yet".to_owned(),
        Preview::Text { from: None, text } => format!("You: {text}"),
        Preview::Text { from: Some(_), text } if summary.people.len() == 1 => text.clone(),
        Preview::Text { from: Some(from), text } => format!("{}: {text}", short_name(from, own_domain)),
        Preview::Line(line) => line::sentence(line, own_domain),
    }
}

/// What is known of a person, as a badge.
pub fn trust(trust: Trust) -> &'static str {
    match trust {
        Trust::Claimed => "Not confirmed",
        Trust::Pinned => "Known",
        Trust::Changed => "Changed",
        Trust::Replaced => "Former",
        Trust::Verified => "Verified",
        Trust::NoKey => "No key",
    }
}

/// What is known of a person, as a sentence.
pub fn trust_sentence(trust: Trust) -> &'static str {
    match trust {
        Trust::Claimed => {
            "This identity came with a conversation or a mail. That the address is really theirs has not been confirmed yet."
        }
        Trust::Pinned => {
            "This is the same identity as at the first contact, or the one that the directory of their domain names. You have not \
             compared it with them yet."
        }
        Trust::Changed => {
            "This person shows up with another identity than before. Haven sends nothing to it until you accept it."
        }
        Trust::Replaced => {
            "This is the identity that they had before you accepted another one. Nothing new is sent to it."
        }
        Trust::Verified => {
            "You compared numbers with this person: this is really their identity, in conversations and in mail."
        }
        Trust::NoKey => {
            "Only the address is known. Mail to it goes out readable, unless a key is found when you write, or you add one from a file."
        }
    }
}

/// Why a message could not be read.
pub fn unreadable(why: Unreadable) -> &'static str {
    match why {
        Unreadable::Undecryptable => {
            "A message here could not be opened: it was damaged on the way, or the sender's app has a fault. Ask for it again."
        }
        Unreadable::KeyReused => {
            "A message here was locked with a key that was used before, so Haven did not trust it. Ask the sender to reload and send it again."
        }
        Unreadable::Malformed => {
            "A message here could be opened, but what is in it makes no sense. The sender's app has a fault; ask for it again."
        }
    }
}

/// Why a conversation stopped, and what to do.
pub fn stop_reason(reason: &StopReason, own_domain: Option<&str>) -> String {
    match reason {
        StopReason::CommitRefused { from: Some(from), what } => format!(
            "{} changed this conversation in a way that is not allowed ({what}), so nothing after that is shown. Tell them, and start \
             a new conversation.",
            short_name(from, own_domain)
        ),
        StopReason::CommitRefused { from: None, what } => format!(
            "Somebody changed this conversation in a way that is not allowed ({what}), so nothing after that is shown. Start a new \
             conversation with the people you trust."
        ),
        StopReason::CommitUnreadable => "A change of this conversation can't be read on this device, so it can't follow from there on. It is \
             a fault of Haven, not yours. Start a new conversation with the same people."
            .to_owned(),
        StopReason::RelayMisbehaved { what } => format!(
            "The relay altered or held back something ({what}), so Haven stopped here. Tell whoever runs it, and start a new conversation."
        ),
        StopReason::WrongWelcome => "The invitation to this conversation doesn't fit what the relay has of it, so Haven can't follow it. It is a \
             fault of the inviter's app or of the relay, not yours. Ask to be removed and added again, or start a new conversation."
            .to_owned(),
        StopReason::StateTooOld => "What this browser has of the conversation is a copy, or too old to go on with safely. Use the device \
             that you used last, or start a new conversation."
            .to_owned(),
        StopReason::NewerRules => {
            "Somebody in this conversation uses a newer version of Haven. Reload the page to update, and it goes on.".to_owned()
        }
    }
}
