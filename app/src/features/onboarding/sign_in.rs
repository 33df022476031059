//! Signing in with the password.

use haven_bridge::Command;
use leptos::prelude::*;

use super::entrance::{Entrance, EntranceForm, Leaving};
use crate::{
    components::{PasswordField, TextField},
    services::browser,
    state::{use_core, use_session},
    text,
};

/// Address and password.
#[component]
pub fn SignIn() -> impl IntoView {
    let (entrance, session) = (Entrance::new(use_core()), use_session());
    let (address, password) = (RwSignal::new(String::new()), RwSignal::new(String::new()));
    let tried = RwSignal::new(false);
    let missing = move |field: RwSignal<String>| {
        Signal::derive(move || {
            (tried.get() && field.with(|text| text.trim().is_empty())).then(|| text::FIELD_MISSING.to_owned())
        })
    };
    let enter = move |remove: Leaving| {
        tried.set(true);
        let (address, password) =
            (browser::lower_case(address.get_untracked().trim()), password.get_untracked());
        if address.is_empty() || password.is_empty() {
            return;
        }
        let device_label = browser::device_label();
        entrance.ask(Command::SignIn { address, password, device_label, remove }, move || session.refresh());
    };
    view! {
        <EntranceForm entrance=entrance enter=enter>
            <TextField id="sign-in-address" label=text::ADDRESS value=address hint=text::ADDRESS_HINT error=missing(address) autocomplete="username" autofocus=true/>
            <PasswordField id="sign-in-password" label=text::PASSWORD value=password error=missing(password) autocomplete="current-password"/>
        </EntranceForm>
    }
}
