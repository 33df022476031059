//! Short notices at the edge of the page.

use leptos::prelude::*;

use super::{Button, Icon, IconButton, Kind};
use crate::{state::use_toasts, text};

/// Announced by screen readers as they come.
#[component]
pub fn ToastArea() -> impl IntoView {
    let toasts = use_toasts();
    view! {
        <section class="toasts" aria-label=text::NOTICES aria-live="polite">
            <For each=move || toasts.shown() key=|toast| toast.id let:toast>
                <div class="toast" data-tone=if toast.bad { "error" } else { "info" }>
                    <Icon icon=if toast.bad { icondata_lu::LuCircleAlert } else { icondata_lu::LuCircleCheck }/>
                    <p class="toast-text">{toast.text.clone()}</p>
                    {toast.undo.is_some().then(|| {
                        let toast = toast.clone();
                        view! { <Button kind=Kind::Quiet on_click=move |()| toasts.undo(&toast)>{text::UNDO}</Button> }
                    })}
                    <IconButton label=text::CLOSE icon=icondata_lu::LuX on_click=move |()| toasts.close(toast.id)/>
                </div>
            </For>
        </section>
    }
}
