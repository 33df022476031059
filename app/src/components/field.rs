//! Text fields with label, hint and error.

use leptos::prelude::*;

use super::IconButton;
use crate::{
    live::{live, when},
    text,
};

/// A line of text.
#[component]
pub fn TextField(
    /// Unique on the page.
    #[prop(into)]
    id: String,
    #[prop(into)] label: String,
    value: RwSignal<String>,
    #[prop(optional, into)] hint: MaybeProp<String>,
    #[prop(optional, into)] error: Signal<Option<String>>,
    /// Shown behind what is typed, such as a domain.
    #[prop(optional, into)]
    suffix: MaybeProp<String>,
    #[prop(default = "off")] autocomplete: &'static str,
    /// Takes the focus when it appears.
    #[prop(optional)]
    autofocus: bool,
) -> impl IntoView {
    let note = format!("{id}-note");
    let described = note.clone();
    view! {
        <div class="field">
            <label class="field-label" for=id.clone()>{label}</label>
            <div class="field-box">
                <input
                    class="field-input"
                    id=id
                    type="text"
                    autocomplete=autocomplete
                    autocapitalize="none"
                    spellcheck="false"
                    autofocus=autofocus
                    aria-describedby=described
                    aria-invalid=when(move || error.with(Option::is_some), "true")
                    prop:value=value
                    on:input:target=move |event| value.set(event.target().value())
                />
                {live(move || suffix.get().map(|suffix| view! { <span class="field-suffix">{suffix}</span> }))}
            </div>
            <Note id=note hint=hint error=error/>
        </div>
    }
}

/// A password, with an eye. The children stand under it.
#[component]
pub fn PasswordField(
    #[prop(into)] id: String,
    #[prop(into)] label: String,
    value: RwSignal<String>,
    #[prop(optional, into)] hint: MaybeProp<String>,
    #[prop(optional, into)] error: Signal<Option<String>>,
    /// `current-password` or `new-password`.
    autocomplete: &'static str,
    /// Whether it can be read.
    #[prop(optional)]
    shown: Option<RwSignal<bool>>,
    /// Takes the focus when it appears.
    #[prop(optional)]
    autofocus: bool,
    #[prop(optional)] children: Option<Children>,
) -> impl IntoView {
    let shown = shown.unwrap_or_else(|| RwSignal::new(false));
    let note = format!("{id}-note");
    let described = note.clone();
    let toggle_label = move || if shown.get() { text::HIDE_PASSWORD } else { text::SHOW_PASSWORD }.to_owned();
    view! {
        <div class="field">
            <label class="field-label" for=id.clone()>{label}</label>
            <div class="field-box">
                <input
                    class="field-input"
                    id=id
                    type=move || if shown.get() { "text" } else { "password" }
                    // What can be read would be kept in the clear by browsers, among the tabs that they open again.
                    autocomplete=move || if shown.get() { "off" } else { autocomplete }
                    autocapitalize="none"
                    spellcheck="false"
                    autofocus=autofocus
                    aria-describedby=described
                    aria-invalid=when(move || error.with(Option::is_some), "true")
                    prop:value=value
                    on:input:target=move |event| value.set(event.target().value())
                />
                {live(move || {
                    let icon = if shown.get() { icondata_lu::LuEyeOff } else { icondata_lu::LuEye };
                    view! { <IconButton label=Signal::derive(toggle_label) icon=icon on_click=move |()| shown.update(|shown| *shown = !*shown)/> }
                })}
            </div>
            <Note id=note hint=hint error=error/>
            {children.map(|children| children())}
        </div>
    }
}

/// The error if there is one, else the hint.
#[component]
pub fn Note(id: String, hint: MaybeProp<String>, error: Signal<Option<String>>) -> impl IntoView {
    let content = move || error.get().or_else(|| hint.get());
    view! {
        <p
            class="field-note"
            id=id
            aria-live="polite"
            data-tone=when(move || error.with(Option::is_some), "error")
            hidden=move || content().is_none()
        >
            {content}
        </p>
    }
}
