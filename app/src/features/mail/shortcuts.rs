//! Keys, as mail people expect them: single letters, where nothing is being typed.

use leptos::{ev, prelude::*};
use wasm_bindgen::JsCast;

use super::list::address_of;
use crate::{
    components::Dialog,
    routes::mail,
    services::place::{Place, use_place},
    state::{mailbox::Mailbox, use_toasts},
    text,
};

/// Calls this with keys that are pressed while nothing is being typed, as long as the component lives. It says whether
/// the key meant something.
pub fn on_key(handle: impl Fn(&str) -> bool + 'static) {
    let listener = window_event_listener(ev::keydown, move |event| {
        let modified = event.ctrl_key() || event.meta_key() || event.alt_key();
        if !modified && !event.default_prevented() && !is_meant_for_something(&event) && handle(&event.key())
        {
            event.prevent_default();
        }
    });
    on_cleanup(move || listener.remove());
}

/// Whether the key belongs to a field or a dialog.
fn is_meant_for_something(event: &web_sys::KeyboardEvent) -> bool {
    const TYPING: &str = "input, textarea, select, [contenteditable]";
    let target = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
    let in_field = target.is_some_and(|element| element.matches(TYPING).unwrap_or_default());
    in_field || document().query_selector("dialog[open]").is_ok_and(|dialog| dialog.is_some())
}

/// Opens the row so far below the open one, or the first.
pub fn open_neighbour(mailbox: Mailbox, place: Place, step: isize) -> bool {
    let path = untrack(|| place.path());
    let order = untrack(|| mailbox.order());
    let address = |place: usize| {
        let row = order.get(place).and_then(|key| mailbox.row(*key))?;
        Some(row.with_untracked(address_of))
    };
    let here = (0..order.len()).find(|place| address(*place).as_deref() == Some(&path));
    let next = here.map_or(Some(0), |here| here.checked_add_signed(step));
    let Some(address) = next.and_then(address) else { return false };
    place.go(&address);
    show_row(&address);
    true
}

/// Brings a row into sight.
fn show_row(address: &str) {
    let row = document().query_selector(&format!("a.mail-row[href='{address}']")).ok().flatten();
    let Some(row) = row.and_then(|row| row.dyn_into::<web_sys::HtmlElement>().ok()) else { return };
    let options = web_sys::ScrollIntoViewOptions::new();
    options.set_block(web_sys::ScrollLogicalPosition::Nearest);
    row.scroll_into_view_with_scroll_into_view_options(&options);
}

/// Keys that work everywhere in mail, and the list of all.
#[component]
pub fn Shortcuts() -> impl IntoView {
    let (place, toasts) = (use_place(), use_toasts());
    let open = RwSignal::new(false);
    on_key(move |key| {
        match key {
            "c" => place.go(mail::NEW),
            "z" => return toasts.undo_last(),
            "?" => open.set(true),
            _ => return false,
        }
        true
    });
    view! {
        <Dialog id="shortcuts" open=open title=text::mail::SHORTCUTS>
            <dl class="shortcuts">
                {text::mail::SHORTCUT_LIST.map(|(keys, does)| view! {
                    <div class="shortcuts-item">
                        <dt>{keys.split(' ').map(|key| view! { <kbd>{key}</kbd> }).collect_view()}</dt>
                        <dd>{does}</dd>
                    </div>
                }).collect_view()}
            </dl>
        </Dialog>
    }
}
