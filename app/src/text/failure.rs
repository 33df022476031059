//! Failures in words: whose fault, and what to do next.

use haven_bridge::{Failure, KeyTrouble};

use crate::services::core_client::Trouble;

/// A request without a reply.
pub fn trouble(trouble: &Trouble) -> String {
    match trouble {
        Trouble::Failed(failure) => sentence(failure),
        Trouble::Interrupted => "Haven was interrupted before this was done, by a fault of its own. Try again: nothing happens twice.".to_owned(),
    }
}

/// A failure.
pub fn sentence(failure: &Failure) -> String {
    match failure {
        Failure::AddressInvalid => "This name can't be used. Take lower-case letters and digits; single . - _ may stand between them.".to_owned(),
        Failure::AddressTaken => "Somebody has this name already. Choose another one.".to_owned(),
        Failure::AddressUnknown { address } => format!("Nobody has the address {address}. Check how it is spelled."),
        Failure::Bug { phrase } => {
            format!("This is a fault of Haven, not yours: {phrase}. Try again; if it stays, please report these words.")
        }
        Failure::BadCredentials => "Address and password don't belong together. Check both, or use your recovery phrase.".to_owned(),
        Failure::CertificateChanged { address, .. } => {
            format!("{address} shows up with another identity than before. Nothing was sent. Look at the change first.")
        }
        Failure::ConversationNotReady => "This conversation has not begun here yet. Answer the request, or wait until it has started.".to_owned(),
        Failure::ConversationStopped => "This conversation has stopped, so nothing can be sent in it. Start a new one with the same people.".to_owned(),
        Failure::IdentityInvalid { address } => format!(
            "What the relay says of {address} does not fit together, so nothing was sent to them. Ask them to sign in again; if it stays, \
             tell whoever runs the relay."
        ),
        Failure::MailNotEncryptable { address } => format!(
            "There is no key for {address} that can be used, so it was not sent. Take it back to the drafts to see why, and what to do."
        ),
        Failure::MailRecipientUnknown { address } => format!(
            "Nobody has the address {address}, so nothing was sent. Take the mail back to the drafts, and correct or remove it."
        ),
        Failure::MailUnsent => {
            "This mail is not sent yet. Take it back to the drafts first: there you can change or discard it.".to_owned()
        }
        Failure::MailRecipientInvalid { address } if address.is_empty() => {
            "This mail goes to nobody yet. Take it back to the drafts and say to whom.".to_owned()
        }
        Failure::MailRecipientInvalid { address } => {
            format!("“{address}” is no address, so nothing was sent. It should be like alice@example.org.")
        }
        // More recipients than bytes of any mail: the limit says which of the two it is.
        Failure::MailTooLarge { limit } if *limit < 10_000 => {
            format!("This mail has too many recipients: at most {limit}. Send it in several mails.")
        }
        Failure::MailTooLarge { limit } => format!(
            "This mail is too large: at most {} with its attachments. Take some out, and send them in another mail.",
            super::mail::size(*limit)
        ),
        Failure::OutsideMailOff => {
            "Whoever runs this relay has not set it up to send mail to other servers. Mail to people of this relay works.".to_owned()
        }
        Failure::MailboxFull => {
            "Your mailbox at the relay is full. Delete mail for good that you don’t need: the largest have attachments.".to_owned()
        }
        Failure::MessageTooLong { limit } => {
            format!("This message is too long: about {} thousand characters fit into one. Send it in parts.", limit / 1000)
        }
        Failure::NotAMember => "You are no longer in this conversation. Somebody who is can add you again.".to_owned(),
        Failure::NotAllowed { what } => format!("That is not allowed in this conversation: {what}."),
        Failure::NotFound => "This is not here any more. It may have been deleted on another tab of this browser.".to_owned(),
        Failure::NoDevice { address } => {
            format!("{address} has no device that can take part right now. Ask them to open Haven once, then try again.")
        }
        Failure::NotSignedIn => "Nobody is signed in here. Sign in first.".to_owned(),
        Failure::Offline => "The relay can't be reached. Check your connection, then try again.".to_owned(),
        Failure::PasswordWeak => "This password is too easy to guess. Make it longer, or take a suggested one.".to_owned(),
        Failure::PhraseWrong => "These are not the right words. Check the spelling and the order.".to_owned(),
        Failure::RateLimited { seconds } => format!("That was too often in a short time. Try again in {}.", wait(*seconds)),
        Failure::Relay { message } => {
            format!("The relay had a problem: {message}. That is not your fault; try again in a moment.")
        }
        Failure::RelayMisbehaved { what } => format!(
            "The relay said something that it must not say ({what}), so Haven stopped here to keep you safe. Tell whoever runs it."
        ),
        Failure::SignUpClosed => super::SIGN_UP_CLOSED.to_owned(),
        Failure::Storage { message } => format!(
            "The browser could not store this ({message}). Free some space on this device, or leave private browsing, then try again."
        ),
        Failure::TitleInvalid { limit } => {
            format!("This title can't be used. Take at most {limit} letters, on one line.")
        }
        Failure::TooManyDevices => {
            "Your account has as many devices as it can have. On one of them, open Settings and remove those that you don't use; then \
             sign in here again."
                .to_owned()
        }
        Failure::TooManyPeople { limit } => format!("These are too many people at once. Take at most {limit}."),
        Failure::CertificateRevoked { address } => format!(
            "{address} has withdrawn their key, because it may be in other hands. Nothing was sent. Ask them, in another way, how to \
             reach them now."
        ),
        Failure::OwnKeyRevoked => {
            "You have withdrawn your key, so nothing can be sent from this address any more. To go on, create another account.".to_owned()
        }
        Failure::KeyUnusable(why) => key(*why).to_owned(),
        // A kind that this build does not know can't come from an engine of the same build.
        _ => "Something went wrong inside Haven. It is not your fault; try again.".to_owned(),
    }
}

fn key(why: KeyTrouble) -> &'static str {
    match why {
        KeyTrouble::NotAKey => {
            "This file holds no OpenPGP key, or a damaged one. Export the secret key again and choose that file."
        }
        KeyTrouble::TooLarge => {
            "This key is too large. Export it without the signatures of others and without pictures, and choose that file: \
             gpg --export-options export-minimal --export-secret-keys"
        }
        KeyTrouble::Several => {
            "There are several keys in this file. Export only the one that you want to use here."
        }
        KeyTrouble::NoSecret => {
            "The secret part of the main key is not in this file: it may be the public key, or the secret part is on a card. Haven \
             needs it, because it signs your devices. Export it with gpg --export-secret-keys."
        }
        KeyTrouble::NeedsPassphrase => "This key is protected. Type its passphrase.",
        KeyTrouble::WrongPassphrase => "This is not the passphrase of this key. Check it and try again.",
        KeyTrouble::TooCostly => {
            "The passphrase of this key is protected in a way that needs more memory or time than a browser has. Set it again with \
             GnuPG, export the key, and choose that file."
        }
        KeyTrouble::Shape => {
            "This kind of key can’t be used here. It has to be an Ed25519 key (version 4) with a Curve25519 subkey for encryption, \
             because the main key also signs your devices in chats, and everybody’s Haven has to check that in the same way. Yours \
             stays good for other programs; go on with a new one here."
        }
        KeyTrouble::Revoked => {
            "This key was withdrawn, so nobody would use it. Choose another one, or go on with a new one."
        }
    }
}

fn wait(seconds: u32) -> String {
    match seconds {
        0..=1 => "a second".to_owned(),
        2..=90 => format!("{seconds} seconds"),
        _ => format!("{} minutes", seconds.div_ceil(60)),
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn waiting_is_said_in_rough_words() {
        assert_eq!(wait(1), "a second");
        assert_eq!(wait(30), "30 seconds");
        assert_eq!(wait(121), "3 minutes");
    }

    #[test]
    fn no_sentence_uses_words_of_the_trade() {
        let address = "bob@example.org".to_owned();
        let failures = [
            Failure::AddressInvalid,
            Failure::AddressUnknown { address: address.clone() },
            Failure::CertificateChanged { address: address.clone(), fingerprint: String::new() },
            Failure::IdentityInvalid { address: address.clone() },
            Failure::NoDevice { address },
            Failure::MessageTooLong { limit: 60_000 },
            Failure::Offline,
            Failure::NotAMember,
            Failure::NotAllowed { what: "somebody was removed by a member who may not do that".to_owned() },
        ];
        for failure in failures {
            let sentence = sentence(&failure).to_lowercase();
            for word in ["mls", "epoch", "commit", "key package", "certificate", "cipher"] {
                assert!(!sentence.contains(word), "{sentence}");
            }
        }
    }
}
