//! Nothing to show, and what to do about it.

use leptos::prelude::*;

use super::Icon;

/// Stands where content will be. The children are the buttons.
#[component]
pub fn EmptyState(
    icon: icondata_core::Icon,
    #[prop(into)] title: String,
    #[prop(into)] text: String,
    /// Nothing else is on the page.
    #[prop(optional)]
    whole_page: bool,
    #[prop(optional)] children: Option<Children>,
) -> impl IntoView {
    view! {
        <div class="empty-state">
            <span class="empty-state-icon"><Icon icon=icon/></span>
            {if whole_page {
                view! { <h1 class="empty-state-title">{title}</h1> }.into_any()
            } else {
                view! { <p class="empty-state-title">{title}</p> }.into_any()
            }}
            <p class="empty-state-text">{text}</p>
            {children.map(|children| view! { <div class="empty-state-actions">{children()}</div> })}
        </div>
    }
}
