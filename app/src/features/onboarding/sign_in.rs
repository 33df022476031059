//! Signing in with the password.

use haven_bridge::Command;
use leptos::prelude::*;

use crate::{
    components::{Button, Kind, Notice, PasswordField, TextField, Tone},
    live::live,
    services::browser,
    state::{use_core, use_session},
    text,
};

/// Address and password.
#[component]
pub fn SignIn() -> impl IntoView {
    let (core, session) = (use_core(), use_session());
    let (address, password) = (RwSignal::new(String::new()), RwSignal::new(String::new()));
    let (tried, busy) = (RwSignal::new(false), RwSignal::new(false));
    let trouble = RwSignal::new(None::<String>);
    let missing = move |field: RwSignal<String>| {
        Signal::derive(move || {
            (tried.get() && field.with(|text| text.trim().is_empty())).then(|| text::FIELD_MISSING.to_owned())
        })
    };
    let submit = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        tried.set(true);
        let (address, password) =
            (browser::lower_case(address.get_untracked().trim()), password.get_untracked());
        if busy.get_untracked() || address.is_empty() || password.is_empty() {
            return;
        }
        busy.set(true);
        trouble.set(None);
        core.ask(
            Command::SignIn { address, password, device_label: browser::device_label() },
            move |answer| {
                busy.try_set(false);
                match answer {
                    Ok(_) => session.refresh(),
                    Err(why) => _ = trouble.try_set(Some(text::failure::trouble(&why))),
                }
            },
        );
    };
    view! {
        <form class="form" novalidate on:submit=submit>
            <TextField id="sign-in-address" label=text::ADDRESS value=address hint=text::ADDRESS_HINT error=missing(address) autocomplete="username" autofocus=true/>
            <PasswordField id="sign-in-password" label=text::PASSWORD value=password error=missing(password) autocomplete="current-password"/>
            {live(move || trouble.get().map(|sentence| view! { <Notice tone=Tone::Error text=sentence/> }))}
            <div class="form-actions">
                <Button kind=Kind::Primary submit=true busy=busy>{live(move || if busy.get() { text::SIGNING_IN } else { text::SIGN_IN })}</Button>
            </div>
        </form>
    }
}
