//! Questions, and what changes who is signed in.

use super::{Ended, Order, Pump, Signed, mail, queue::Devices};
use crate::{enter, scope, tabs::Asker};
use futures_util::{
    FutureExt as _,
    future::{self, Either},
};
use gloo_timers::future::TimeoutFuture;
use haven_bridge::{Command, Event, Failure, Reply, Session};
use haven_core::{Error, remove_device, request::Caller as _};
use haven_wire::{account::GetVault, ids::DeviceId, keys::Lookup};
use std::rc::Rc;
use wasm_bindgen_futures::spawn_local;

impl Pump {
    /// Everything that is no intent.
    pub(super) async fn other(&mut self, asker: Asker, command: Command) -> Result<(), Ended> {
        match command {
            Command::Session => self.session(asker),
            Command::SignUp { .. } | Command::SignIn { .. } | Command::Recover { .. } => {
                self.enter(asker, command);
            }
            Command::About => self.about(asker),
            Command::Devices => self.devices(asker),
            Command::RemoveDevice(device) => self.remove_device(asker, DeviceId(device)),
            Command::MailAttachment { mail, part } => return self.attachment(asker, mail, part).await,
            Command::CancelAttachment { mail, part } => self.cancel_attachment(asker, mail, part),
            Command::MailPictures(mail) => return self.look(asker, mail, mail::Look::Pictures).await,
            Command::MailSource(mail) => return self.look(asker, mail, mail::Look::Source).await,
            Command::UncheckedMail(mail) => return self.look(asker, mail, mail::Look::Unchecked).await,
            Command::PreviewMail(text) => self.preview(asker, text),
            Command::Recipients(addresses) => return self.want_recipients(asker, addresses).await,
            Command::SignOut => return self.sign_out(asker).await,
            Command::ExportKey(file) => return self.export_key(asker, &file),
            Command::JudgeKey(key) => self.judge_key(asker, &key),
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
            Command::Begun(id) => Ok(Reply::Begun(engine.begun(id))),
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
            Command::People => engine.people().await.map(Reply::People),
            Command::Person(who) => match engine.person(&who, scope::now()).await {
                Ok(Some(person)) => Ok(Reply::Person(Box::new(person))),
                Ok(None) => return Err(Failure::NotFound),
                Err(error) => Err(error),
            },
            Command::SafetyNumber(who) => {
                engine.safety_number(&who, scope::now()).await.map(Reply::SafetyNumber)
            }
            Command::ReadKeys(bytes) => engine.keys_in_file(&bytes, scope::now()).await.map(Reply::Keys),
            Command::RecoveryPhrase => {
                let words = engine.account().phrase_words();
                words.map(Reply::RecoveryPhrase).map_err(Error::from)
            }
            question => return mail::ask(engine, question).await,
        };
        Ok(answer)
    }

    fn about(&self, asker: Asker) {
        let (tab, leader) = (Rc::clone(&self.tab), self.leader);
        spawn_local(async move { tab.answer(leader, asker, enter::about().await.map(Reply::About)) });
    }

    /// Asks the relay first: another device may have come.
    fn devices(&self, asker: Asker) {
        let (origin, address) = match &self.engine {
            Signed::In(engine) => (engine.account().origin.clone(), engine.account().address.clone()),
            other => return self.answer(asker, Err(other.failure())),
        };
        let (client, orders, session) = (Rc::clone(&self.client), self.orders.clone(), self.session);
        spawn_local(async move {
            let asked = async {
                // In this order: a device that comes is put into the list first, and then into the vault.
                let entry = client.call(&origin, &Lookup { address }, None).await.ok()?;
                let vault = client.call(&origin, &GetVault {}, None).await.ok()?;
                Some((entry, Some(vault)))
            };
            let found = match future::select(asked.boxed_local(), TimeoutFuture::new(DEVICES_PATIENCE)).await
            {
                Either::Left((found, _)) => found,
                Either::Right(_) => None,
            };
            let _ = orders.unbounded_send(Order::Devices(Box::new(Devices { session, asker, found })));
        });
    }

    /// Has the relay take another device off, and then shows those that are left.
    fn remove_device(&self, asker: Asker, device: DeviceId) {
        let account = match &self.engine {
            Signed::In(engine) if engine.account().device_id != device => engine.account().clone(),
            Signed::In(_) => return self.answer(asker, Err(Failure::NotFound)),
            other => return self.answer(asker, Err(other.failure())),
        };
        let (client, orders, session) = (Rc::clone(&self.client), self.orders.clone(), self.session);
        let (tab, leader) = (Rc::clone(&self.tab), self.leader);
        spawn_local(async move {
            match remove_device(&account, device, client.as_ref(), scope::now()).await {
                Ok(entry) => {
                    let found = Some((entry, None));
                    let _ =
                        orders.unbounded_send(Order::Devices(Box::new(Devices { session, asker, found })));
                }
                Err(failure) => tab.answer(leader, asker, Err(failure)),
            }
        });
    }

    /// Shows what the relay says of the devices, or what was known before.
    pub(super) async fn devices_found(&mut self, devices: Devices) -> Result<(), Ended> {
        let Devices { session, asker, found } = devices;
        let engine = match &mut self.engine {
            Signed::In(engine) if session == self.session => engine,
            other => {
                let failure = other.failure();
                self.answer(asker, Err(failure));
                return Ok(());
            }
        };
        let seen = match found {
            Some((entry, vault)) => engine.saw_devices(&entry, vault.as_ref(), scope::now()).await,
            None => Ok(Vec::new()),
        };
        let known = engine.devices().map(Reply::Devices);
        // What is wrong with the relay's answer is not used, and can't be helped by the person here.
        let events = self.done(seen)?.unwrap_or_default();
        let answer = self.done(known)?;
        self.settle(events, [(asker, answer)]);
        Ok(())
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

/// How long the devices wait for the relay, in milliseconds.
const DEVICES_PATIENCE: u32 = 3_000;
/// Items in one answer, at most.
const MAX_PAGE: usize = 1_000;
