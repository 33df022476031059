//! What the page asks about mail, and the work that is done beside the engine.

mod look;

pub(super) use look::Look;

use super::{Ended, Order, Pump, Signed, queue::Worked};
use crate::{indexeddb::IndexedDb, relay_client::Watched, scope, tabs::Asker, transfer::Progress};
use futures_channel::oneshot;
use futures_util::{
    FutureExt as _,
    future::{self, Either},
};
use gloo_timers::callback::Timeout;
use haven_bridge::{Command, Event, Failure, Reply, mail::MailId};
use haven_core::{
    Attachment, Engine, Error,
    request::{Outgoing, Rejection, Request, RequestId},
    work::Work,
};
use haven_wire::Refusal;
use look::Looker;
use std::rc::Rc;
use wasm_bindgen_futures::spawn_local;

/// How long a page waits for certificates, in milliseconds.
const RECIPIENTS_PATIENCE: u32 = 8_000;
/// Rows in one answer, at most.
const MAX_PAGE: u32 = 500;

/// A page that waits for certificates.
pub(super) struct Waiting {
    asker: Asker,
    addresses: Vec<String>,
    until: u64,
    _wake: Timeout,
}

/// An attachment that is being fetched and opened, until the sender is dropped.
pub(super) struct Fetching {
    mail: MailId,
    part: u32,
    cancel: oneshot::Sender<()>,
}

/// Questions that the engine answers from what is stored.
pub(super) async fn ask(
    engine: &mut Engine<Rc<IndexedDb>>,
    question: Command,
) -> Result<Result<Reply, Error>, Failure> {
    let size = |limit: u32| usize::try_from(limit.min(MAX_PAGE)).unwrap_or(0);
    let answer = match question {
        Command::Mailbox => engine.mailbox().await.map(Reply::Mailbox),
        Command::MailFolder { folder, before, limit } => {
            engine.mail_folder(folder, before, size(limit)).await.map(Reply::MailPage)
        }
        Command::SearchMail { query, limit } => {
            engine.search_mail(&query, size(limit)).await.map(Reply::MailPage)
        }
        Command::MailThread(thread) => engine.mail_thread(thread).await.map(Reply::MailThread),
        Command::Draft(id) => match engine.draft(id).await {
            Ok(Some(draft)) => Ok(Reply::Draft(draft)),
            Ok(None) => return Err(Failure::NotFound),
            Err(error) => Err(error),
        },
        _ => Err(Error::Bug("a command that nobody handles")),
    };
    Ok(answer)
}

impl Pump {
    pub(super) fn start_work(&self, id: RequestId, work: Work) {
        let (worker, orders, session) = (self.mail_worker.clone(), self.orders.clone(), self.session);
        spawn_local(async move {
            let outcome = worker.run(work).await;
            // If this tab leads no more, the next leader has it done again.
            let _ = orders.unbounded_send(Order::Worked(Worked { session, id, outcome }));
        });
    }

    pub(super) async fn worked(&mut self, worked: Worked) -> Result<(), Ended> {
        let Worked { session, id, outcome } = worked;
        let engine = match &mut self.engine {
            Signed::In(engine) if session == self.session => engine,
            _ => return Ok(()),
        };
        let events = engine.worked(id, outcome, scope::now()).await;
        self.show(events)
    }

    /// Answers when all certificates are known that the relay has to be asked for, or what is known after a while.
    pub(super) async fn want_recipients(
        &mut self,
        asker: Asker,
        addresses: Vec<String>,
    ) -> Result<(), Ended> {
        let orders = self.orders.clone();
        let wake = Timeout::new(RECIPIENTS_PATIENCE, move || {
            let _ = orders.unbounded_send(Order::Wake);
        });
        let until = scope::now() + u64::from(RECIPIENTS_PATIENCE);
        self.recipients.push(Waiting { asker, addresses, until, _wake: wake });
        self.answer_recipients().await
    }

    /// Answers the pages that wait for certificates, as far as these are known now.
    pub(super) async fn answer_recipients(&mut self) -> Result<(), Ended> {
        for waiting in std::mem::take(&mut self.recipients) {
            let engine = match &mut self.engine {
                Signed::In(engine) => engine,
                other => {
                    let failure = other.failure();
                    self.answer(waiting.asker, Err(failure));
                    continue;
                }
            };
            let now = scope::now();
            let known = engine.recipients(&waiting.addresses, now).await;
            let so_far = engine.recipients_so_far(&waiting.addresses, now);
            match self.done(known)? {
                Ok(None) if now < waiting.until => self.recipients.push(waiting),
                Ok(known) => {
                    let states = known.unwrap_or(so_far);
                    self.answer(waiting.asker, Ok(Reply::Recipients(states)));
                }
                Err(failure) => self.answer(waiting.asker, Err(failure)),
            }
        }
        Ok(())
    }

    /// An attachment is not kept on the device: its mail is fetched again, and opened.
    pub(super) async fn attachment(&mut self, asker: Asker, mail: MailId, part: u32) -> Result<(), Ended> {
        let engine = match &mut self.engine {
            Signed::In(engine) => engine,
            other => {
                let failure = other.failure();
                self.answer(asker, Err(failure));
                return Ok(());
            }
        };
        let found = engine.attachment(mail, part).await;
        match self.done(found)? {
            Ok(Some(Attachment::Here(file))) => self.answer(asker, Ok(Reply::OpenedFile(file))),
            Ok(Some(Attachment::At(sequence))) => self.fetch_attachment(asker, mail, part, sequence),
            Ok(None) => self.answer(asker, Err(Failure::NotFound)),
            Err(failure) => self.answer(asker, Err(failure)),
        }
        Ok(())
    }

    /// Fetches and opens an attachment. Pages hear how far it is, and it ends when it is given up.
    fn fetch_attachment(&mut self, asker: Asker, mail: MailId, part: u32, sequence: u64) {
        let Some(looker) = self.looker(Some(self.progress(mail, Some(part)))) else { return };
        let (cancel, cancelled) = oneshot::channel();
        self.fetching.retain(|fetching| !fetching.cancel.is_canceled());
        self.fetching.push(Fetching { mail, part, cancel });
        let (tab, leader) = (Rc::clone(&self.tab), self.leader);
        spawn_local(async move {
            let looked = looker.look(sequence, Look::Attachment(part));
            let answer = match future::select(looked.boxed_local(), cancelled).await {
                Either::Left((answer, _)) => answer,
                Either::Right(_) => Ok(Reply::Done),
            };
            tab.answer(leader, asker, answer);
        });
    }

    /// Whoever asked for the attachment hears at once that it was given up.
    pub(super) fn cancel_attachment(&mut self, asker: Asker, mail: MailId, part: u32) {
        self.fetching.retain(|fetching| (fetching.mail, fetching.part) != (mail, part));
        self.answer(asker, Ok(Reply::Done));
    }

    /// Tells pages how far a mail or an attachment is.
    fn progress(&self, mail: MailId, part: Option<u32>) -> Progress {
        let (tab, leader) = (Rc::clone(&self.tab), self.leader);
        Rc::new(move |done, all| tab.publish(leader, Event::MailProgress { mail, part, done, all }))
    }

    /// Who hears how far a request is, if it may be large.
    pub(super) fn progress_of(&self, request: &Outgoing) -> Option<Progress> {
        match &request.request {
            Request::SubmitMail(submit) => Some(self.progress(MailId(submit.id.0), None)),
            _ => None,
        }
    }

    /// What is shown of a mail only at a person's word is not kept on the device: the mail is fetched again.
    pub(super) async fn look(&mut self, asker: Asker, mail: MailId, look: Look) -> Result<(), Ended> {
        let engine = match &mut self.engine {
            Signed::In(engine) => engine,
            other => {
                let failure = other.failure();
                self.answer(asker, Err(failure));
                return Ok(());
            }
        };
        let found = engine.entry(mail).await;
        match self.done(found)? {
            Ok(Some(sequence)) => self.look_at(asker, sequence, look),
            Ok(None) => self.answer(asker, Err(Failure::NotFound)),
            Err(failure) => self.answer(asker, Err(failure)),
        }
        Ok(())
    }

    fn look_at(&self, asker: Asker, sequence: u64, look: Look) {
        let Some(looker) = self.looker(None) else { return };
        let (tab, leader) = (Rc::clone(&self.tab), self.leader);
        spawn_local(async move { tab.answer(leader, asker, looker.look(sequence, look).await) });
    }

    /// Shows how a formatted text looks.
    pub(super) fn preview(&self, asker: Asker, text: String) {
        let Some(looker) = self.looker(None) else {
            return self.answer(asker, Err(self.engine.failure()));
        };
        let (tab, leader) = (Rc::clone(&self.tab), self.leader);
        spawn_local(async move { tab.answer(leader, asker, looker.preview(text).await) });
    }

    fn looker(&self, progress: Option<Progress>) -> Option<Looker<Watched>> {
        let Signed::In(engine) = &self.engine else { return None };
        let client = Rc::new(Watched { client: Rc::clone(&self.client), progress });
        let (origin, opener) = (engine.account().origin.clone(), engine.opener(scope::now()));
        Some(Looker { client, worker: self.mail_worker.clone(), origin, opener })
    }
}

fn failure_of(rejection: &Rejection) -> Failure {
    match rejection {
        Rejection::Unreachable => Failure::Offline,
        Rejection::Refused(Refusal::NotFound) => Failure::NotFound,
        Rejection::Refused(Refusal::RateLimited { retry_after_s }) => {
            Failure::RateLimited { seconds: *retry_after_s }
        }
        Rejection::Refused(refusal) => Failure::Relay { message: refusal.to_string() },
    }
}
