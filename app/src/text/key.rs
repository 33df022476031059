//! The own key, in words. "Key" is what people call a certificate with its secret keys; here, as long as nothing else can
//! be meant.

pub const TITLE: &str = "Your key";
pub const LEAD: &str = "It locks the mail that is written to you and signs what you send. Haven keeps it for you and renews it by itself. \
    The files here are for other mail programs, and for a safe place.";
pub const VALID_UNTIL: &str = "Valid until";
pub const VALID_FOREVER: &str = "No end";
pub const SAVE_PUBLIC: &str = "Save public key";
pub const SAVE_SECRET: &str = "Save secret key…";
pub const SAVE_REVOCATION: &str = "Save revocation certificate";
pub const SAVED: &str = "Saved as a file.";
pub const SAVE_FAILED: &str =
    "The browser did not save the file. Try again, or allow downloads for this page.";

pub const SECRET_TITLE: &str = "Save your secret key";
pub const SECRET_LEAD: &str = "You need this file only if another mail program is to read your mail or sign as you. Whoever has the file \
    and its passphrase can open all mail to you and write as you. Nobody at Haven or the relay gets either of them.";
pub const SECRET_PASSPHRASE: &str = "Passphrase of the file";
pub const SECRET_AGAIN: &str = "The same again";
pub const SECRET_DIFFERENT: &str = "The two are not the same.";
pub const SECRET_SAVE: &str = "Save the file";
pub const SECRET_SAVING: &str = "Locking…";

pub const STOLEN: &str = "My key is in other hands…";
pub const STOLEN_TITLE: &str = "Withdraw your key for good?";
pub const STOLEN_LEAD: &str = "Do this if somebody else may have your secret key or a device of yours that was signed in. It can’t be taken back.";
pub const STOLEN_EFFECTS: [&str; 4] = [
    "Others see that the key must not be used any more, and stop writing to you with it.",
    "Mail to you is turned away, and you can’t send mail from this address any more.",
    "Nobody can add you to a new conversation. Those that you are in go on, also on a device in other hands: ask an \
     admin of each to remove you.",
    "What you have stays readable here. This version of Haven can’t make a new key for the same address: to go on, create \
     another account and tell people.",
];
pub const STOLEN_CHECK: &str = "I understand that this is final";
pub const STOLEN_DO: &str = "Withdraw my key";
pub const STOLEN_DONE: &str = "Your key is withdrawn.";
pub const WITHDRAWN: &str = "You have withdrawn your key. Mail neither comes nor goes at this address any more; what is here stays readable.";

pub const SEEN: &str = "Got it";

pub const OWN: &str = "I already have an OpenPGP key";
pub const OWN_LEAD: &str = "Choose the file with your secret key. It becomes your identity here: your contacts keep the key that they \
    know. Haven needs one of the kind Ed25519 with a Curve25519 subkey.";
pub const OWN_CHOOSE: &str = "Choose a file";
pub const OWN_PASSPHRASE: &str = "Its passphrase";
pub const OWN_USE: &str = "Use this key";
pub const OWN_FORGET: &str = "Make a new key instead";
pub const OWN_UNFINISHED: &str = "Finish with your key first, or choose to have a new one made.";
pub const OWN_UNREADABLE: &str = "The browser could not read this file. Choose it again.";

/// What is said once the key can be used.
pub fn own_good(fingerprint: &str) -> String {
    format!("This key becomes yours here: {fingerprint}")
}

/// Mail was turned away, last on this day.
pub fn refused(day: &str) -> String {
    format!(
        "Mail to you was turned away, last on {day}, because your key can’t be used to lock it. The senders were told to try \
         again later."
    )
}
