//! A banner inside the page.

use leptos::prelude::*;

use super::Icon;

/// What a notice is about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Tone {
    /// Good to know.
    Info,
    /// Needs care.
    Warning,
    /// Went wrong.
    Error,
}

/// A sentence or two, with buttons as children. Errors are announced at once, the rest when there is time.
#[component]
pub fn Notice(
    tone: Tone,
    #[prop(optional, into)] title: Option<String>,
    #[prop(into)] text: Signal<String>,
    #[prop(optional)] children: Option<Children>,
) -> impl IntoView {
    let (name, role, icon) = match tone {
        Tone::Info => ("info", "status", icondata_lu::LuInfo),
        Tone::Warning => ("warning", "status", icondata_lu::LuTriangleAlert),
        Tone::Error => ("error", "alert", icondata_lu::LuCircleAlert),
    };
    view! {
        <div class="notice" role=role data-tone=name>
            <Icon icon=icon/>
            <div class="notice-body">
                {title.map(|title| view! { <p class="notice-title">{title}</p> })}
                <p class="notice-text">{text}</p>
            </div>
            {children.map(|children| view! { <div class="notice-actions">{children()}</div> })}
        </div>
    }
}
