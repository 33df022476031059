//! Nothing to show, and what to do about it.

use leptos::prelude::*;

use super::Icon;

/// Stands where content will be. The children are the buttons.
#[component]
pub fn EmptyState(
    icon: icondata_core::Icon,
    #[prop(into)] title: String,
    #[prop(into)] text: String,
    #[prop(optional)] children: Option<Children>,
) -> impl IntoView {
    view! {
        <div class="empty-state">
            <span class="empty-state-icon"><Icon icon=icon/></span>
            <p class="empty-state-title">{title}</p>
            <p class="empty-state-text">{text}</p>
            {children.map(|children| view! { <div class="empty-state-actions">{children()}</div> })}
        </div>
    }
}
