use haven_bridge::Command;
use leptos::prelude::*;

use crate::{
    components::{Button, Dialog, Kind, Notice, PasswordField, Tone},
    features::onboarding::entrance::{Entrance, EntranceForm, Leaving},
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
    let (entrance, session) = (Entrance::new(use_core()), use_session());
    let password = RwSignal::new(String::new());
    let enter = move |remove: Leaving| {
        let Some(address) = session.address() else { return };
        let (password, device_label) = (password.get_untracked(), browser::device_label());
        entrance.ask(Command::SignIn { address, password, device_label, remove }, move || open.set(false));
    };
    view! {
        <EntranceForm entrance=entrance enter=enter>
            <p>{live(move || session.address())}</p>
            <p>{text::SIGN_IN_AGAIN_LEAD}</p>
            <PasswordField id="again-password" label=text::PASSWORD value=password autocomplete="current-password" autofocus=true/>
        </EntranceForm>
    }
}
