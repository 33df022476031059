//! Something is going on.

use leptos::prelude::*;

/// Decoration: words stand beside it, or `aria-busy` is set.
#[component]
pub fn Spinner() -> impl IntoView {
    view! { <span class="spinner" aria-hidden="true"></span> }
}
