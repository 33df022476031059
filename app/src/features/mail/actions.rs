//! What can be done with mails that are there.

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
    /// Puts mails into a folder.
    pub fn move_to(self, mails: Vec<MailId>, folder: Folder) {
        let command = Command::MoveMail { intent: browser::new_intent(), mails, folder };
        self.run(command, Some(text::mail::moved(folder)));
    }

    /// Says whether mails were seen.
    pub fn mark(self, mails: Vec<MailId>, seen: bool) {
        self.run(Command::MarkMail { intent: browser::new_intent(), mails, seen }, None);
    }

    /// Deletes mails for good.
    pub fn delete(self, mails: Vec<MailId>) {
        let command = Command::DeleteMail { intent: browser::new_intent(), mails };
        self.run(command, Some(text::mail::DELETED));
    }

    /// Tries a mail again that failed.
    pub fn retry(self, mail: MailId) {
        self.run(Command::RetryMail(mail), None);
    }

    fn run(self, command: Command, said: Option<&'static str>) {
        self.core.ask(command, move |answer| match (answer, said) {
            (Ok(_), Some(said)) => self.toasts.say(said),
            (Ok(_), None) => {}
            (Err(trouble), _) => self.toasts.complain(text::failure::trouble(&trouble)),
        });
    }
}
