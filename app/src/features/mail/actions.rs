//! What can be done with mails that are there.

use std::sync::Arc;

use haven_bridge::{
    Command,
    mail::{Folder, MailId},
};

use crate::{
    services::browser,
    services::core_client::CoreClient,
    state::{toasts::Toasts, use_core, use_toasts},
    text,
};

/// Asks the engine, and says what came of it. A handle.
#[derive(Clone, Copy)]
pub struct Actions {
    core: CoreClient,
    toasts: Toasts,
}

/// The handle.
pub fn use_actions() -> Actions {
    Actions { core: use_core(), toasts: use_toasts() }
}

impl Actions {
    /// Puts mails of a folder into another one, and offers to put them back.
    pub fn move_to(self, mails: Vec<MailId>, from: Folder, folder: Folder) {
        let command = Command::MoveMail { intent: browser::new_intent(), mails: mails.clone(), folder };
        self.core.ask(command, move |answer| match answer {
            Ok(_) => {
                let back = move || {
                    let (intent, mails) = (browser::new_intent(), mails.clone());
                    let command = Command::MoveMail { intent, mails, folder: from };
                    self.run(command, Some(text::mail::moved_back(from)));
                };
                self.toasts.say_with_undo(text::mail::moved(folder), Arc::new(back));
            }
            Err(trouble) => self.toasts.complain(text::failure::trouble(&trouble)),
        });
    }

    /// Says whether mails were seen.
    pub fn mark(self, mails: Vec<MailId>, seen: bool) {
        self.run(Command::MarkMail { intent: browser::new_intent(), mails, seen }, None);
    }

    /// Deletes mails for good.
    pub fn delete(self, mails: Vec<MailId>) {
        let command = Command::DeleteMail { intent: browser::new_intent(), mails };
        self.run(command, Some(text::mail::DELETED.to_owned()));
    }

    /// Tries a mail again that failed.
    pub fn retry(self, mail: MailId) {
        self.run(Command::RetryMail(mail), None);
    }

    fn run(self, command: Command, said: Option<String>) {
        self.core.ask(command, move |answer| match (answer, said) {
            (Ok(_), Some(said)) => self.toasts.say(said),
            (Ok(_), None) => {}
            (Err(trouble), _) => self.toasts.complain(text::failure::trouble(&trouble)),
        });
    }
}
