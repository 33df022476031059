//! A dialog: the browser's own, which keeps the focus inside, closes with Escape and gives the focus back.

use leptos::{html, prelude::*};
use wasm_bindgen::JsCast;

use super::{IconButton, ToastArea};
use crate::{live::live, services::browser, text};

/// Shows its children while `open` is true. They are made anew each time.
#[component]
pub fn Dialog(
    /// Unique on the page.
    id: &'static str,
    open: RwSignal<bool>,
    #[prop(into)] title: Signal<String>,
    children: ChildrenFn,
) -> impl IntoView {
    let dialog = NodeRef::<html::Dialog>::new();
    let title_id = format!("{id}-dialog-heading");
    let labelled_by = title_id.clone();
    let pressed = StoredValue::new(false);
    Effect::new(move || {
        let (open, Some(dialog)) = (open.get(), dialog.get()) else { return };
        match (open, dialog.open()) {
            // It can only fail for a dialog that is not in the document any more.
            (true, false) => {
                _ = dialog.show_modal();
                request_animation_frame(move || focus_first(&dialog));
            }
            (false, true) => dialog.close(),
            _ => {}
        }
    });
    view! {
        <dialog
            class="dialog"
            id=id
            node_ref=dialog
            aria-labelledby=labelled_by
            // Escape and the browser's back gesture end here too. The word of a close may come after it was opened again.
            on:close=move |_| if dialog.get_untracked().is_none_or(|dialog| !dialog.open()) {
                open.set(false);
                // What it was opened with may go, now that it is done.
                browser::keep_focus();
            }
            on:mousedown=move |event| pressed.set_value(is_backdrop(&event))
            on:click=move |event| if pressed.get_value() && is_backdrop(&event) { open.set(false) }
            // Escape closes the dialog alone, not what it was opened from.
            on:keydown=|event| if event.key() == "Escape" { event.stop_propagation() }
        >
            <div class="dialog-body">
                <header class="dialog-head">
                    <h2 class="dialog-title" id=title_id>{title}</h2>
                    <IconButton label=text::CLOSE icon=icondata_lu::LuX on_click=move |()| open.set(false)/>
                </header>
                <Show when=move || open.get()>{children()}</Show>
            </div>
            // Notices beside an open dialog are covered, and no screen reader says them.
            {live(move || open.get().then(|| view! { <ToastArea/> }))}
        </dialog>
    }
}

/// The browser looks for `autofocus` before the children are there.
fn focus_first(dialog: &web_sys::HtmlDialogElement) {
    let wanted = dialog.query_selector("[autofocus]").ok().flatten();
    if let Some(element) = wanted.and_then(|element| element.dyn_into::<web_sys::HtmlElement>().ok()) {
        _ = element.focus();
    }
}

/// Whether it is beside the dialog's content. A selection that begins inside and ends outside clicks there as well, but
/// wasn't pressed there.
fn is_backdrop(event: &web_sys::MouseEvent) -> bool {
    event.target().is_some() && event.target() == event.current_target()
}
