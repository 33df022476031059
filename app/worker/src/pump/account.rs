//! Changes of who is signed in.

use super::{Ended, Order, Pump, Signed};
use crate::{enter, failure, indexeddb::NAME, relay_client::RelayClient, scope, storage_key, tabs::Asker};
use futures_util::{
    FutureExt as _,
    future::{self, Either},
};
use gloo_timers::future::TimeoutFuture;
use haven_bridge::{Command, Event, Failure, Reply, Session};
use haven_core::{Engine, Error, identity::Account, remove_device, request::Caller as _};
use haven_wire::account::SignOut;
use std::rc::Rc;
use wasm_bindgen_futures::spawn_local;

/// How long signing out waits for the relay to hear of it.
const SIGN_OUT_PATIENCE: u32 = 5_000;

/// The end of a sign-up or sign-in.
pub struct Entered {
    asker: Asker,
    result: Result<enter::Came, Failure>,
}

impl Pump {
    /// Begins a sign-up or sign-in, beside the queue.
    pub(super) fn enter(&mut self, asker: Asker, command: Command) {
        let signed_in = matches!(&self.engine, Signed::In(engine) if !engine.signed_out());
        if signed_in || self.entering {
            return self.answer(asker, Err(failure::already_signed_in()));
        }
        if let Signed::Unreadable(failure) = &self.engine {
            return self.answer(asker, Err(failure.clone()));
        }
        self.entering = true;
        // Stretching the password blocks this worker for as long as the device is slow.
        self.tab.busy(true);
        let orders = self.orders.clone();
        spawn_local(async move {
            let unknown = || Err(Failure::from(Error::Bug("a command that nobody handles")));
            let result = enter::enter(command).await.unwrap_or_else(unknown);
            // If this tab leads no more, its page hears so from the next leader's first word.
            let _ = orders.unbounded_send(Order::Entered(Box::new(Entered { asker, result })));
        });
    }

    /// Stores the new account. Only then is anybody told of it.
    pub(super) async fn entered(&mut self, entered: Entered) -> Result<(), Ended> {
        self.entering = false;
        self.tab.busy(false);
        let created = match entered.result {
            Ok((Some(account), reply)) => {
                let created = self.create(account).await;
                self.done(created)?.map(|()| reply)
            }
            Ok((None, reply)) => Ok(reply),
            Err(failure) => Err(failure),
        };
        let events = created.as_ref().map_or_else(|_| Vec::new(), |_| self.session_news());
        self.settle(events, [(entered.asker, created)]);
        Ok(())
    }

    async fn create(&mut self, account: Account) -> Result<(), Error> {
        // What a revoked device left: its place in the groups was another's.
        self.engine = Signed::Out;
        self.store.wipe().await?;
        let key = storage_key::load_or_create(NAME).await?;
        let store = Rc::clone(&self.store);
        let engine = Engine::create(store, key, account, scope::now()).await?;
        self.sign_in(engine);
        Ok(())
    }

    /// Deletes everything, and lets the relay know if it can be reached.
    pub(super) async fn sign_out(&mut self, asker: Asker) -> Result<(), Ended> {
        let account = match &self.engine {
            Signed::In(engine) => Some(engine.account().clone()),
            _ => None,
        };
        let gone = match &self.engine {
            Signed::In(engine) => enter::nobody_at(&engine.account().address),
            _ => enter::nobody_yet(),
        };
        let wiped = self.store.wipe().await.map_err(Error::from);
        if let Err(failure) = self.done(wiped)? {
            self.answer(asker, Err(failure));
            return Ok(());
        }
        self.engine = Signed::Out;
        self.wake = None;
        self.sockets.sign_out();
        self.client.sign_out();
        self.publish(vec![Event::Session(gone)]);
        let (tab, leader) = (Rc::clone(&self.tab), self.leader);
        spawn_local(async move {
            let off_list = match account {
                Some(account) => leave(&account).await,
                // Perhaps a leader did it that ended before the relay heard of it.
                None => false,
            };
            tab.answer(leader, asker, Ok(Reply::SignedOut { off_list }));
        });
        Ok(())
    }

    /// Answers once the relay has said what it is, or doesn't.
    pub(super) fn signed_out_session(&self, asker: Asker) {
        let orders = self.orders.clone();
        spawn_local(async move {
            let nobody = enter::nobody().await;
            let _ = orders.unbounded_send(Order::Nobody(asker, nobody));
        });
    }

    /// The relay has said what it is. Meanwhile somebody may have signed in.
    pub(super) fn nobody(&mut self, asker: Asker, nobody: Session) {
        match self.engine {
            Signed::Out => self.answer(asker, Ok(Reply::Session(nobody))),
            _ => self.session(asker),
        }
    }

    /// The person typed words of the recovery phrase.
    pub(super) async fn confirm_recovery_phrase(
        &mut self,
        asker: Asker,
        words: Vec<(u8, String)>,
    ) -> Result<(), Ended> {
        let engine = match &mut self.engine {
            Signed::In(engine) => engine,
            other => {
                let failure = other.failure();
                self.answer(asker, Err(failure));
                return Ok(());
            }
        };
        if !engine.account().phrase_check(&words) {
            self.answer(asker, Err(Failure::PhraseWrong));
            return Ok(());
        }
        let stored = engine.confirm_recovery_phrase(scope::now()).await;
        let (events, answer) = match self.done(stored)? {
            Ok(mut events) => {
                events.extend(self.session_news());
                (events, Ok(Reply::Done))
            }
            Err(failure) => (Vec::new(), Err(failure)),
        };
        self.settle(events, [(asker, answer)]);
        Ok(())
    }

    /// Tells the pages once when the relay has ended the session.
    pub(super) fn look_for_revocation(&mut self) {
        let revoked = matches!(&self.engine, Signed::In(engine) if engine.signed_out());
        if revoked && !self.revoked {
            self.revoked = true;
            self.sockets.sign_out();
            self.publish(self.session_news());
        }
    }

    /// What pages have to hear of who is signed in.
    fn session_news(&self) -> Vec<Event> {
        let Signed::In(engine) = &self.engine else { return Vec::new() };
        let session = |me| if engine.signed_out() { Session::Revoked(me) } else { Session::SignedIn(me) };
        engine.me().map(|me| Event::Session(session(me))).into_iter().collect()
    }
}

/// Takes this device off its person's list and out of its session, if the relay can be reached. Tells whether it is off the
/// list.
async fn leave(account: &Account) -> bool {
    let client = RelayClient::default();
    client.sign_in(&account.origin, account.session);
    let leaving = async {
        match remove_device(account, account.device_id, &client, scope::now()).await {
            // Another device was faster.
            Ok(_) | Err(Failure::NotSignedIn) => true,
            Err(_) => {
                let call = SignOut { device_list: None };
                let _ = client.call(&account.origin, &call, None).await;
                false
            }
        }
    };
    match future::select(leaving.boxed_local(), TimeoutFuture::new(SIGN_OUT_PATIENCE)).await {
        Either::Left((off_list, _)) => off_list,
        Either::Right(_) => false,
    }
}
