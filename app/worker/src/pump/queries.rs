//! Questions, and what changes who is signed in.

use super::{Ended, Pump, Signed};
use crate::tabs::Asker;
use haven_bridge::{Command, Event, Failure, Reply, Session};
use haven_core::Error;

impl Pump {
    /// Everything that is no intent.
    pub(super) async fn other(&mut self, asker: Asker, command: Command) -> Result<(), Ended> {
        match command {
            Command::Session => self.session(asker),
            Command::SignUp { .. } | Command::SignIn { .. } | Command::Recover { .. } => {
                self.enter(asker, command);
            }
            Command::SignOut => return self.sign_out(asker).await,
            Command::ConfirmRecoveryPhrase(words) => {
                return self.confirm_recovery_phrase(asker, words).await;
            }
            question => {
                let answer = self.ask(question).await;
                let answer = match answer {
                    Ok(result) => self.done(result)?,
                    Err(failure) => Err(failure),
                };
                self.answer(asker, answer);
            }
        }
        Ok(())
    }

    async fn ask(&mut self, question: Command) -> Result<Result<Reply, Error>, Failure> {
        let engine = match &mut self.engine {
            Signed::In(engine) => engine,
            other => return Err(other.failure()),
        };
        let answer = match question {
            Command::Conversations => Ok(Reply::Conversations(engine.conversations())),
            Command::Conversation(id) => match engine.conversation(id).await {
                Ok(Some(details)) => Ok(Reply::Conversation(details)),
                Ok(None) => return Err(Failure::NotFound),
                Err(error) => Err(error),
            },
            Command::Timeline { conversation, before, limit } => {
                let limit = usize::try_from(limit).unwrap_or(usize::MAX).min(MAX_PAGE);
                let page = engine.timeline(conversation, before, limit).await;
                page.map(Reply::Timeline)
            }
            Command::People => Ok(Reply::People(engine.people())),
            Command::Devices => engine.devices().map(Reply::Devices),
            Command::RecoveryPhrase => {
                let words = engine.account().phrase_words();
                words.map(Reply::RecoveryPhrase).map_err(Error::from)
            }
            _ => Err(Error::Bug("a command that nobody handles")),
        };
        Ok(answer)
    }

    /// Who is signed in. A page asks this first, so it hears of the connection as well.
    pub(super) fn session(&mut self, asker: Asker) {
        let session = match &self.engine {
            Signed::Out => return self.signed_out_session(asker),
            Signed::Unreadable(failure) => Err(failure.clone()),
            Signed::In(engine) => match engine.me() {
                Ok(me) if engine.signed_out() => Ok(Session::Revoked(me)),
                Ok(me) => Ok(Session::SignedIn(me)),
                Err(error) => Err(error.into()),
            },
        };
        let connection = self.sockets.state().map(Event::Connection);
        self.settle(connection.into_iter().collect(), [(asker, session.map(Reply::Session))]);
    }
}

/// Items in one answer, at most.
const MAX_PAGE: usize = 1_000;
