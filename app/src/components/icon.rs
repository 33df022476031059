//! An icon of the Lucide set. Only those named in the source are compiled in.

use leptos::prelude::*;

/// Decoration: whatever it stands for is also said in words.
#[component]
pub fn Icon(icon: icondata_core::Icon) -> impl IntoView {
    view! {
        <svg
            class="icon"
            aria-hidden="true"
            viewBox=icon.view_box
            fill="none"
            stroke="currentColor"
            stroke-width="1.75"
            stroke-linecap="round"
            stroke-linejoin="round"
            inner_html=icon.data
        ></svg>
    }
}
