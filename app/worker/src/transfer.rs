//! Large bodies, with word on how far they are: `fetch` doesn't tell that of what it sends.

use crate::relay_client::patience;
use futures_channel::oneshot;
use js_sys::{ArrayBuffer, Uint8Array};
use std::{cell::Cell, rc::Rc};
use wasm_bindgen::{JsCast as _, JsValue, closure::Closure};
use web_sys::{Blob, ProgressEvent, XmlHttpRequest, XmlHttpRequestResponseType};

/// Less is over before anybody looks, in bytes.
const WORTH_TELLING: f64 = 1_000_000.0;

/// Hears how many bytes are done, of how many.
pub type Progress = Rc<dyn Fn(u64, u64)>;

/// A request under way; dropped, it is given up.
struct Transfer {
    request: XmlHttpRequest,
    _on_progress: Closure<dyn FnMut(ProgressEvent)>,
    _on_end: Closure<dyn FnMut()>,
}

impl Drop for Transfer {
    fn drop(&mut self) {
        self.request.set_onloadend(None);
        self.request.set_onprogress(None);
        if let Ok(upload) = self.request.upload() {
            upload.set_onprogress(None);
        }
        // Nothing happens if it has ended.
        let _ = self.request.abort();
    }
}

/// Sends a body and reads the answer to its end: status and body. Nothing, if no answer begins within `allowed`
/// milliseconds, or a large one doesn't come in the time for its size.
pub async fn exchange(
    url: &str,
    headers: &[(&str, String)],
    body: &Blob,
    allowed: u32,
    progress: Progress,
) -> Option<(u16, Vec<u8>)> {
    let (ended, end) = oneshot::channel();
    let transfer = begin(url, headers, body, allowed, progress, ended).ok()?;
    end.await.ok()?;
    let (status, answer) = (transfer.request.status().ok()?, transfer.request.response().ok()?);
    let answer = answer.dyn_into::<ArrayBuffer>().ok()?;
    // The status of what didn't come is 0.
    (status != 0).then(|| (status, Uint8Array::new(&answer).to_vec()))
}

fn begin(
    url: &str,
    headers: &[(&str, String)],
    body: &Blob,
    allowed: u32,
    progress: Progress,
    ended: oneshot::Sender<()>,
) -> Result<Transfer, JsValue> {
    let request = XmlHttpRequest::new()?;
    request.open_with_async("POST", url, true)?;
    for (name, value) in headers {
        request.set_request_header(name, value)?;
    }
    request.set_timeout(allowed);
    request.set_response_type(XmlHttpRequestResponseType::Arraybuffer);
    // In either direction. The time for a large answer is known only when it begins to come.
    let watched = request.clone();
    let on_progress = Closure::<dyn FnMut(ProgressEvent)>::new(move |event: ProgressEvent| {
        if event.length_computable() && event.total() >= WORTH_TELLING {
            let (done, all) = (whole(event.loaded()), whole(event.total()));
            watched.set_timeout(allowed.saturating_add(patience(usize::try_from(all).unwrap_or(usize::MAX))));
            progress(done, all);
        }
    });
    let ended = Cell::new(Some(ended));
    let on_end = Closure::<dyn FnMut()>::new(move || {
        // Nobody waits if it was given up.
        if let Some(ended) = ended.take() {
            let _ = ended.send(());
        }
    });
    request.upload()?.set_onprogress(Some(on_progress.as_ref().unchecked_ref()));
    request.set_onprogress(Some(on_progress.as_ref().unchecked_ref()));
    request.set_onloadend(Some(on_end.as_ref().unchecked_ref()));
    let transfer = Transfer { request, _on_progress: on_progress, _on_end: on_end };
    transfer.request.send_with_opt_blob(Some(body))?;
    Ok(transfer)
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "sizes are whole and positive")]
fn whole(size: f64) -> u64 {
    size as u64
}
