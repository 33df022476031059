//! The engine's worker.

use std::{cell::RefCell, rc::Rc};

use haven_bridge::{ToWorker, decode, encode};
use js_sys::Uint8Array;
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use web_sys::{MessageEvent, Worker, WorkerOptions, WorkerType};

use super::core_client::{FromPort, Port};

/// Trunk's loader of the worker. `public/early.js` allows this address.
const LOADER: &str = "/haven-worker_loader.js";

/// Starts the worker, and speaks with it in postcard.
#[derive(Default)]
pub struct WorkerPort(RefCell<Option<Running>>);

struct Running {
    worker: Worker,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_error: Closure<dyn FnMut(JsValue)>,
}

impl Running {
    fn start(deliver: Rc<dyn Fn(FromPort)>) -> Result<Self, JsValue> {
        let options = WorkerOptions::new();
        options.set_type(WorkerType::Module);
        let worker = Worker::new_with_options(LOADER, &options)?;
        let on_message = Closure::<dyn FnMut(MessageEvent)>::new({
            let deliver = deliver.clone();
            move |event: MessageEvent| {
                let bytes =
                    event.data().dyn_into::<Uint8Array>().map(|bytes| bytes.to_vec()).unwrap_or_default();
                deliver(decode(&bytes).map_or(FromPort::Malformed, FromPort::Message));
            }
        });
        // Also called when the loader can't be fetched.
        let on_error = Closure::<dyn FnMut(JsValue)>::new(move |_| deliver(FromPort::Crashed));
        worker.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        worker.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        Ok(Self { worker, _on_message: on_message, _on_error: on_error })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.worker.set_onmessage(None);
        self.worker.set_onerror(None);
        self.worker.terminate();
    }
}

impl Port for WorkerPort {
    fn start(&self, deliver: Rc<dyn Fn(FromPort)>) {
        self.0.borrow_mut().take();
        match Running::start(deliver.clone()) {
            Ok(running) => *self.0.borrow_mut() = Some(running),
            Err(_) => deliver(FromPort::Crashed),
        }
    }

    fn send(&self, message: ToWorker) -> bool {
        let running = self.0.borrow();
        let (Some(running), Ok(bytes)) = (running.as_ref(), encode(&message)) else { return false };
        running.worker.post_message(&Uint8Array::from(bytes.as_slice())).is_ok()
    }

    fn stop(&self) {
        self.0.borrow_mut().take();
    }
}
