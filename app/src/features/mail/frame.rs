//! HTML of strangers, in a frame without scripts.
//!
//! The engine has cleaned it. The frame is the second wall: `public/mail.html`, an empty page with a policy of its own
//! (`server/src/guard.rs`) under which nothing runs and nothing is fetched. This page may write into it, since they
//! are of one origin; what is inside can't reach out, since it has no scripts.

use leptos::{html, prelude::*};
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{Element, HtmlIFrameElement, ResizeObserver};

use crate::{services::browser, text};

/// A mail can ask for a height that grows with the frame. From here on, it scrolls inside.
const HIGHEST: f64 = 12_000.0;
/// What would have to be smaller than this part of its size to fit scrolls sideways: nobody could read it.
const SMALLEST: f64 = 0.5;

/// Mail is written for white paper.
const HEAD: &str = "<head><base target=\"_blank\"><style>:root{color-scheme:light;background:#fff;color:#111}\
    body{margin:0;padding:16px;font:16px/1.5 system-ui,sans-serif;overflow-wrap:break-word}\
    img{max-width:100%;height:auto}pre{white-space:pre-wrap}\
    blockquote[type=cite]{margin-inline:0;padding-inline-start:12px;border-inline-start:2px solid #bbb}</style></head>";

/// Shows HTML that the engine has cleaned.
#[component]
pub fn HtmlFrame(html: String) -> impl IntoView {
    let frame = NodeRef::<html::Iframe>::new();
    let observer = StoredValue::new_local(None::<ResizeObserver>);
    let callback = Closure::<dyn FnMut()>::new(move || {
        if let Some(frame) = frame.try_get_untracked().flatten() {
            fit(&frame);
        }
    });
    observer.set_value(ResizeObserver::new(callback.as_ref().unchecked_ref()).ok());
    let callback = StoredValue::new_local(callback);
    on_cleanup(move || {
        observer.try_update_value(|observer| observer.take().map(|observer| observer.disconnect()));
        callback.try_update_value(|_| ());
    });
    let fill = move |_| {
        let Some(root) = frame.get_untracked().and_then(|frame| root(&frame)) else { return };
        root.set_inner_html(&format!("{HEAD}<body>{html}</body>"));
        observer.with_value(|observer| observer.as_ref().map(|observer| observer.observe(&root)));
    };
    view! {
        <iframe
            class="mail-frame"
            title=text::mail::FRAME
            sandbox="allow-same-origin allow-popups allow-popups-to-escape-sandbox"
            src="/mail.html"
            node_ref=frame
            on:load=fill
        ></iframe>
    }
}

fn root(frame: &HtmlIFrameElement) -> Option<Element> {
    frame.content_document()?.document_element()
}

/// As high as what is in it, which is made smaller if it is wider than the frame: much mail is made for wide screens alone.
fn fit(frame: &HtmlIFrameElement) {
    let Some(root) = root(frame) else { return };
    let style = web_sys::HtmlElement::style(root.unchecked_ref());
    _ = style.remove_property("zoom");
    let (room, wanted) = (f64::from(root.client_width()), f64::from(root.scroll_width()));
    if wanted > room && room > 0.0 {
        _ = style.set_property("zoom", &format!("{:.3}", (room / wanted).max(SMALLEST)));
    }
    let height = root.get_bounding_client_rect().height();
    // Properties set on a live element don't fail.
    _ = web_sys::HtmlElement::style(frame).set_property("height", &browser::pixels(height.min(HIGHEST)));
}
