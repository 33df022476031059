//! People in words: their page, comparing, keys from files.

use haven_bridge::{
    KeyStanding, KeyView, Person,
    mail::{KeySource, Unusable},
};

use super::time;

pub const MAIL_WITH: &str = "Mail together";
pub const NO_MAIL_WITH: &str = "None yet.";

// Comparing
pub const COMPARE: &str = "Compare safety numbers";
pub const COMPARE_WHY: &str = "Do it once: they are verified then, in conversations and in mail.";
pub const COMPARE_ASKING: &str = "Fetching their key from the relay…";
pub const COMPARE_NO_KEY: &str = "Their key could not be found just now, so there is nothing to compare yet. Try again in an hour, or once they \
    have written you a mail.";
pub const SAFETY_NUMBER: &str = "Safety number";
pub const SAFETY_CODE: &str = "The same number as a QR code";
pub const THEIR_NUMBER: &str = "Or paste what they sent you";
pub const THEIR_NUMBER_HINT: &str = "Only if it came from them for sure, such as in a chat where you would know them. Their camera can read the code, too.";
pub const NUMBER_SAME: &str = "It is the same number.";
pub const NUMBER_OTHER: &str = "This is another number.";
pub const MATCHES: &str = "They match";
pub const DIFFERS: &str = "They don’t match";
pub const DIFFERS_TITLE: &str = "Then don’t rely on this identity";
pub const DIFFERS_TEXT: &str = "Make sure first that each of you has opened the other’s page and that both have the newest Haven. If the numbers \
    still differ, somebody may be standing between you: send nothing confidential here, and tell whoever runs the relay.";
pub const VERIFIED: &str = "Verified. Haven tells your other devices.";
pub const UNVERIFY: &str = "Not verified any more";
pub const UNVERIFIED: &str = "No longer verified.";

// Keys from files
pub const ADD_KEY: &str = "Add a key from a file";
pub const ADD_KEY_LEAD: &str = "For somebody who gave you their OpenPGP key: a file that often ends in .asc. You see whose it is before it is used.";
pub const CHOOSE_FILE: &str = "Choose a file";
pub const KEY_LARGE: &str = "This file is too large for a key.";
pub const NO_KEY_IN_FILE: &str =
    "There is no key in this file that Haven can use. Ask for the public key as an .asc file.";
pub const OTHER_ADDRESSES: &str = "Also for";
pub const ADD_THIS_KEY: &str = "Add this key";
pub const KEY_ADDED: &str = "Added. Mail to them is encrypted from now on.";

/// What somebody is called: what their mails say, unless that could pass for another address, or the address.
pub fn name(person: &Person, own_domain: Option<&str>) -> String {
    let name = person.name.trim();
    if name.is_empty() || name.contains('@') {
        super::short_name(&person.person, own_domain)
    } else {
        name.to_owned()
    }
}

/// What to do before the buttons.
pub fn compare_lead(name: &str) -> String {
    format!(
        "Meet or call {name}, open each other’s page in Haven, and read these digits out to each other. If all of them are the same, \
         nobody stands between you."
    )
}

/// For those who have nothing that shows a number.
pub fn compare_fingerprint(name: &str) -> String {
    format!(
        "If {name} doesn’t use Haven, let them read out the fingerprint of their key instead. It has to be:"
    )
}

/// Where a key is from, since when, and what is wrong with it.
pub fn key(key: &KeyView) -> String {
    let source = match key.source {
        KeySource::Verified | KeySource::Pinned => "Known from your conversations",
        KeySource::File => "From a file that you added",
        KeySource::Directory => "From this relay’s directory",
        KeySource::Wkd => "From the directory of the address’s own domain",
        KeySource::Mail => "It came with a mail from this address",
        KeySource::KeyServer => "From a public key server that checks addresses",
    };
    let since = key.since.map(|since| format!(", here since {}", time::date(since))).unwrap_or_default();
    let verified = key.verified.map(|time| format!(" Verified on {}.", time::date(time))).unwrap_or_default();
    let trouble = key.trouble.as_ref().map(|why| format!(" {}", trouble(why))).unwrap_or_default();
    format!("{source}{since}.{verified}{trouble}")
}

fn trouble(why: &Unusable) -> &'static str {
    match why {
        Unusable::Revoked => "Its owner has withdrawn it: ask for the new one.",
        Unusable::Expired => "It has expired: ask the owner to renew it.",
        Unusable::CannotEncrypt => "It has no part that Haven can encrypt mail to.",
        Unusable::Changed { .. } => "It is not the one that was known before.",
    }
}

/// What can be done with a key from a file.
pub fn standing(standing: &KeyStanding) -> &'static str {
    match standing {
        KeyStanding::New => {
            "Anybody can make a key for any address. Add it if it came from them for sure, or compare the fingerprint with them first."
        }
        KeyStanding::Known => "You have this key already.",
        KeyStanding::Changed => {
            "Haven knows another key for this address. Look at the change before this one takes its place."
        }
        KeyStanding::Own => "This is your own key.",
        KeyStanding::Unusable(why) => trouble(why),
    }
}
