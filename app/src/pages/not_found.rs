use leptos::prelude::*;

use crate::{components::EmptyState, routes, text};

/// No such page.
#[component]
pub fn NotFound() -> impl IntoView {
    view! {
        <main class="boot">
            <EmptyState whole_page=true icon=icondata_lu::LuCompass title=text::NOT_FOUND_TITLE text=text::NOT_FOUND>
                <a class="button" data-kind="primary" href=routes::HOME>{text::TO_START}</a>
            </EmptyState>
        </main>
    }
}
