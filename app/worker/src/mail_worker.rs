//! The worker that opens and composes mail, beside the engine's: it takes long and much memory, and chats go on
//! meanwhile. It is started when mail first needs it.
//!
//! This file has both ends: [`MailWorker`] in the engine's worker, [`serve`] in the other one. One message is one
//! piece of [`Work`], one answer its [`Outcome`], both in postcard; there is at most one under way.

use crate::{browser_cipher, scope};
use futures_channel::oneshot;
use haven_core::work::{Begun, Outcome, Work};
use js_sys::{Array, Function, Object, Reflect, Uint8Array};
use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    rc::Rc,
};
use wasm_bindgen::{JsCast as _, JsValue, closure::Closure};
use web_sys::{MessageEvent, Worker, WorkerOptions, WorkerType};

/// Trunk's loader of the worker.
const LOADER: &str = "/haven-mail_loader.js";
/// After work on more bytes than this the worker is ended: its memory never gets smaller.
const LARGE: usize = 8 * 1024 * 1024;

/// The engine's side. A handle.
#[derive(Clone, Default)]
pub struct MailWorker(Rc<State>);

#[derive(Default)]
struct State {
    running: RefCell<Option<Running>>,
    waiting: RefCell<VecDeque<Job>>,
    /// Answers the work that is under way.
    answer: RefCell<Option<oneshot::Sender<Outcome>>>,
    large: Cell<bool>,
}

struct Job {
    work: Vec<u8>,
    answer: oneshot::Sender<Outcome>,
}

/// Somebody who waits for work, or did.
struct GivenUp<'a>(&'a MailWorker);

impl Drop for GivenUp<'_> {
    fn drop(&mut self) {
        self.0.sweep();
    }
}

struct Running {
    worker: Worker,
    ready: Rc<Cell<bool>>,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_error: Closure<dyn FnMut(JsValue)>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.worker.set_onmessage(None);
        self.worker.set_onerror(None);
        self.worker.terminate();
    }
}

impl MailWorker {
    /// Has work done. Nothing: the worker broke down. Dropped before its end, the work is given up.
    pub async fn run(&self, work: Work) -> Option<Outcome> {
        let _given_up = GivenUp(self);
        let work = postcard::to_stdvec(&work).ok()?;
        let (answer, answered) = oneshot::channel();
        self.0.waiting.borrow_mut().push_back(Job { work, answer });
        self.next();
        answered.await.ok()
    }

    /// Ends work that nobody waits for any more.
    fn sweep(&self) {
        self.0.waiting.borrow_mut().retain(|job| !job.answer.is_canceled());
        let unwanted = self.0.answer.borrow().as_ref().is_some_and(|answer| answer.is_canceled());
        if unwanted {
            self.0.answer.borrow_mut().take();
            self.end();
            self.next();
        }
    }

    /// Begins the next job, if none is under way.
    fn next(&self) {
        if self.0.answer.borrow().is_some() || self.0.waiting.borrow().is_empty() {
            return;
        }
        if self.0.running.borrow().is_none() {
            match self.start() {
                Ok(running) => *self.0.running.borrow_mut() = Some(running),
                Err(error) => {
                    web_sys::console::error_1(&error);
                    return self.0.waiting.borrow_mut().clear();
                }
            }
        }
        let running = self.0.running.borrow();
        let Some(running) = running.as_ref().filter(|running| running.ready.get()) else { return };
        let Some(Job { work, answer }) = self.0.waiting.borrow_mut().pop_front() else { return };
        self.0.large.set(work.len() > LARGE);
        if post(&running.worker, &work).is_ok() {
            *self.0.answer.borrow_mut() = Some(answer);
        }
    }

    fn start(&self) -> Result<Running, JsValue> {
        allow_loader()?;
        let options = WorkerOptions::new();
        options.set_type(WorkerType::Module);
        let worker = Worker::new_with_options(LOADER, &options)?;
        let ready = Rc::new(Cell::new(false));
        let (this, listening) = (self.clone(), Rc::clone(&ready));
        let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            // The first message, without bytes, says that it listens.
            match event.data().dyn_into::<Uint8Array>() {
                Ok(bytes) => this.answered(&bytes.to_vec()),
                Err(_) => listening.set(true),
            }
            this.next();
        });
        let this = self.clone();
        let on_error = Closure::<dyn FnMut(JsValue)>::new(move |_| this.broke_down());
        worker.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        worker.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        Ok(Running { worker, ready, _on_message: on_message, _on_error: on_error })
    }

    fn answered(&self, bytes: &[u8]) {
        let answer = self.0.answer.borrow_mut().take();
        if let (Some(answer), Ok(outcome)) = (answer, postcard::from_bytes(bytes)) {
            // Nobody waits when the tab has stopped leading.
            let _ = answer.send(outcome);
        }
        if self.0.large.get() {
            self.end();
        }
    }

    /// What was under way or waits is given up; what comes next starts another worker.
    fn broke_down(&self) {
        self.0.answer.borrow_mut().take();
        self.0.waiting.borrow_mut().clear();
        self.end();
    }

    /// Not at once: this is called by the worker's own handlers.
    fn end(&self) {
        let running = self.0.running.borrow_mut().take();
        wasm_bindgen_futures::spawn_local(async move { drop(running) });
    }
}

/// The page's policy demands that addresses of scripts go through a policy of Trusted Types: in this worker it is one
/// that knows the one address. (Only Chromium asks; the browser refuses to make a second one.)
fn allow_loader() -> Result<(), JsValue> {
    thread_local! {
        static ALLOWED: Cell<bool> = const { Cell::new(false) };
    }
    let global: JsValue = scope::this().into();
    let factory = Reflect::get(&global, &"trustedTypes".into())?;
    if factory.is_undefined() || ALLOWED.replace(true) {
        return Ok(());
    }
    let only_loader = Closure::<dyn Fn(String) -> Result<String, JsValue>>::new(|address: String| {
        if address == LOADER { Ok(address) } else { Err("script refused".into()) }
    });
    let rules = Object::new();
    Reflect::set(&rules, &"createScriptURL".into(), &only_loader.into_js_value())?;
    let create: Function = Reflect::get(&factory, &"createPolicy".into())?.unchecked_into();
    create.call2(&factory, &"default".into(), &rules).map(drop)
}

fn post(worker: &Worker, bytes: &[u8]) -> Result<(), JsValue> {
    let message = Uint8Array::from(bytes);
    worker.post_message_with_transfer(&message, &Array::of1(&message.buffer()))
}

/// Does the rest of some work, with the browser's cipher.
async fn run(mut begun: Begun) -> Outcome {
    if let Begun::Composing(composing) = &mut begun {
        for sealing in composing.sealings() {
            if let Err(error) = browser_cipher::encipher(sealing).await {
                return Outcome::Failed(error.to_string());
            }
        }
    }
    begun.finish()
}

/// The other side: does what it is asked until it is ended.
pub fn serve() -> Result<(), JsValue> {
    std::panic::set_hook(Box::new(|panic| {
        web_sys::console::error_1(&JsValue::from(panic.to_string()));
    }));
    let scope = scope::this();
    let on_message = Closure::<dyn Fn(MessageEvent)>::new(|event: MessageEvent| {
        let bytes = event.data().dyn_into::<Uint8Array>().map(|bytes| bytes.to_vec()).unwrap_or_default();
        wasm_bindgen_futures::spawn_local(async move {
            let outcome = match postcard::from_bytes::<Work>(&bytes) {
                Ok(work) => run(work.begin()).await,
                Err(error) => Outcome::Failed(error.to_string()),
            };
            let answer = Uint8Array::from(postcard::to_stdvec(&outcome).unwrap_or_default().as_slice());
            // It fails only if this worker has been ended.
            let _ = scope::this().post_message_with_transfer(&answer, &Array::of1(&answer.buffer()));
        });
    });
    scope.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    on_message.forget();
    scope.post_message(&JsValue::NULL)
}
