//! What the page's commands are to the engine.

use crate::scope;
use haven_bridge::{Command, Failure, IntentId, Reply};
use haven_core::{
    identity::passphrase,
    intent::{Accepted, Intent},
};

/// Answers what needs neither engine nor leader.
pub fn without_engine(command: &Command) -> Option<Result<Reply, Failure>> {
    match command {
        Command::SuggestPassphrase => {
            let suggested = passphrase::suggest().map(Reply::Passphrase);
            Some(suggested.map_err(Failure::from))
        }
        Command::JudgePassword(password) => {
            let strength = passphrase::judge(password, "");
            Some(Ok(Reply::PasswordStrength(strength)))
        }
        _ => None,
    }
}

/// Who handles a command.
pub enum Sorted {
    /// The engine, in one write set with others of its kind.
    Intent(IntentId, Intent),
    /// The engine, without changing anything; or a flow that changes who is signed in.
    Other(Command),
}

/// Sorts a command. Those without an intent id of their own are harmless to repeat, and get one.
pub fn sort(command: Command) -> Sorted {
    let (intent_id, intent) = match command {
        Command::StartConversation { intent, addresses, title } => {
            (Some(intent), Intent::StartConversation { addresses, title })
        }
        Command::AddPeople { intent, conversation, addresses } => {
            (Some(intent), Intent::AddPeople { conversation, addresses })
        }
        Command::Rename { intent, conversation, title } => {
            (Some(intent), Intent::Rename { conversation, title })
        }
        Command::SendText { intent, conversation, text } => {
            (Some(intent), Intent::SendText { conversation, text })
        }
        Command::AnswerRequest { intent, conversation, answer } => {
            (Some(intent), Intent::AnswerRequest { conversation, answer })
        }
        Command::Retry { conversation, item } => (None, Intent::Retry { conversation, item }),
        Command::Discard { conversation, item } => (None, Intent::Discard { conversation, item }),
        Command::MarkRead { conversation, up_to } => (None, Intent::MarkRead { conversation, up_to }),
        Command::Unblock { fingerprint } => (None, Intent::Unblock { fingerprint }),
        Command::AcceptChange { address, fingerprint } => {
            (None, Intent::AcceptChange { address, fingerprint })
        }
        Command::AttachFile { intent, draft, file, bytes } => {
            (Some(intent), Intent::AttachFile { draft, file, bytes })
        }
        Command::BackToDrafts { intent, mail } => (Some(intent), Intent::BackToDrafts { mail }),
        Command::DeleteMail { intent, mails } => (Some(intent), Intent::DeleteMail { mails }),
        Command::DiscardDraft { intent, id } => (Some(intent), Intent::DiscardDraft { id }),
        Command::MarkMail { intent, mails, seen } => (Some(intent), Intent::MarkMail { mails, seen }),
        Command::MoveMail { intent, mails, folder } => (Some(intent), Intent::MoveMail { mails, folder }),
        Command::RetryMail(mail) => (None, Intent::RetryMail { mail }),
        Command::KeepBegun { conversation, text } => (None, Intent::KeepBegun { conversation, text }),
        Command::SaveDraft { intent, id, draft } => (Some(intent), Intent::SaveDraft { id, draft }),
        Command::SendMail { intent, draft, in_the_clear } => {
            (Some(intent), Intent::SendMail { draft, in_the_clear })
        }
        Command::Verify { intent, person, number } => (Some(intent), Intent::Verify { person, number }),
        Command::AddKey { intent, bytes, fingerprint } => {
            (Some(intent), Intent::AddKey { bytes, fingerprint })
        }
        Command::RevokeKey => (None, Intent::RevokeKey),
        Command::SawRefusedMail => (None, Intent::SawRefusedMail),
        other => return Sorted::Other(other),
    };
    // Without randomness nothing works in a browser; a fixed id would only be taken for a repetition.
    let id = intent_id.unwrap_or_else(|| IntentId(scope::random().unwrap_or_default()));
    Sorted::Intent(id, intent)
}

/// The answer to an intent.
pub fn reply(accepted: Accepted) -> Reply {
    match accepted {
        Accepted::Done => Reply::Done,
        Accepted::Started(conversation) => Reply::Started(conversation),
        Accepted::Queued(item) => Reply::Queued(item),
    }
}
