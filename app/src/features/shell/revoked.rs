use haven_bridge::Command;
use leptos::prelude::*;

use crate::{
    components::{Button, Dialog, Kind, Notice, PasswordField, Tone},
    live::live,
    routes,
    services::browser,
    state::{use_core, use_session},
    text,
};

/// The relay ended this device's session: sign in again, or leave.
#[component]
pub fn RevokedBanner() -> impl IntoView {
    let open = RwSignal::new(false);
    view! {
        <Notice tone=Tone::Warning text=text::REVOKED>
            <Button kind=Kind::Primary on_click=move |()| open.set(true)>{text::SIGN_IN_AGAIN}</Button>
            <a class="button" href=routes::SETTINGS>{text::SIGN_OUT}</a>
        </Notice>
        <Dialog id="sign-in-again" open=open title=text::SIGN_IN_AGAIN><SignInAgain open=open/></Dialog>
    }
}

#[component]
fn SignInAgain(open: RwSignal<bool>) -> impl IntoView {
    let (core, session) = (use_core(), use_session());
    let password = RwSignal::new(String::new());
    let (error, busy) = (RwSignal::new(None::<String>), RwSignal::new(false));
    let submit = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        let Some(address) = session.address() else { return };
        if busy.get_untracked() {
            return;
        }
        busy.set(true);
        let command = Command::SignIn {
            address,
            password: password.get_untracked(),
            device_label: browser::device_label(),
        };
        core.ask(command, move |answer| {
            busy.try_set(false);
            match answer {
                Ok(_) => open.set(false),
                Err(trouble) => _ = error.try_set(Some(text::failure::trouble(&trouble))),
            }
        });
    };
    view! {
        <form class="form" on:submit=submit>
            <p>{live(move || session.address())}</p>
            <p>{text::SIGN_IN_AGAIN_LEAD}</p>
            <PasswordField id="again-password" label=text::PASSWORD value=password error=error autocomplete="current-password" autofocus=true/>
            <div class="form-actions">
                <Button kind=Kind::Primary submit=true busy=busy>{text::SIGN_IN}</Button>
            </div>
        </form>
    }
}
