//! Buttons.

use leptos::prelude::*;

use crate::live::{live, when};

use super::{Icon, Spinner};

/// How much a button asks for attention.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Kind {
    /// What the page is for.
    Primary,
    /// Anything else.
    #[default]
    Plain,
    /// Hardly: reads like a link.
    Quiet,
    /// What can't be undone.
    Danger,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Primary => "primary",
            Self::Plain => "plain",
            Self::Quiet => "quiet",
            Self::Danger => "danger",
        }
    }
}

/// A button with words.
#[component]
pub fn Button(
    #[prop(optional)] kind: Kind,
    /// Something is going on: the button waits for it.
    #[prop(into, optional)]
    busy: Signal<bool>,
    #[prop(into, optional)] disabled: Signal<bool>,
    /// For buttons that switch something: whether it is on.
    #[prop(into, optional)]
    pressed: MaybeProp<bool>,
    /// Sends the form that it is in.
    #[prop(optional)]
    submit: bool,
    #[prop(optional, into)] icon: Option<icondata_core::Icon>,
    #[prop(optional, into)] on_click: Option<Callback<()>>,
    children: Children,
) -> impl IntoView {
    // A busy button stays focusable: a disabled one would lose the keyboard's place.
    let click = move |event: web_sys::MouseEvent| {
        if busy.get_untracked() {
            event.prevent_default();
        } else if let Some(on_click) = on_click {
            on_click.run(());
        }
    };
    view! {
        <button
            class="button"
            type=if submit { "submit" } else { "button" }
            data-kind=kind.name()
            aria-pressed=move || pressed.get().map(|pressed| pressed.to_string())
            aria-busy=when(move || busy.get(), "true")
            disabled=disabled
            on:click=click
        >
            {icon.map(|icon| view! { <Icon icon=icon/> })}
            <span class="button-label">{children()}</span>
            {live(move || busy.get().then(|| view! { <Spinner/> }))}
        </button>
    }
}

/// A button with an icon only. Its label is what screen readers and the tooltip say.
#[component]
pub fn IconButton(
    #[prop(into)] label: Signal<String>,
    icon: icondata_core::Icon,
    #[prop(into)] on_click: Callback<()>,
    /// For buttons that open something that stays: whether it is open.
    #[prop(optional, into)]
    expanded: MaybeProp<bool>,
    #[prop(optional)] id: Option<&'static str>,
) -> impl IntoView {
    view! {
        <button
            class="icon-button"
            type="button"
            id=id
            title=label
            aria-label=label
            aria-expanded=move || expanded.get().map(|open| open.to_string())
            on:click=move |_| on_click.run(())
        >
            <Icon icon=icon/>
        </button>
    }
}
