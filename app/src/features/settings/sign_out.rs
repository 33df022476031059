use haven_bridge::{Command, Reply};
use leptos::prelude::*;

use crate::{
    components::{Button, Dialog, Kind, Notice, Tone},
    live::live,
    services::browser,
    state::{use_core, use_session, use_toasts},
    text,
};

/// Leaving this browser.
#[component]
pub fn SignOutSection() -> impl IntoView {
    let open = RwSignal::new(false);
    view! {
        <section class="section" aria-labelledby="sign-out-heading">
            <h2 class="section-title" id="sign-out-heading">{text::SIGN_OUT}</h2>
            <p class="section-text">{text::SIGN_OUT_LEAD}</p>
            <div class="section-actions">
                <Button kind=Kind::Danger icon=icondata_lu::LuLogOut on_click=move |()| open.set(true)>{text::SIGN_OUT}</Button>
            </div>
            <Dialog id="sign-out" open=open title=text::SIGN_OUT_TITLE><Question open=open/></Dialog>
        </section>
    }
}

#[component]
fn Question(open: RwSignal<bool>) -> impl IntoView {
    let (core, session, toasts) = (use_core(), use_session(), use_toasts());
    let (busy, error) = (RwSignal::new(false), RwSignal::new(None::<String>));
    let risky = untrack(|| session.me()).is_some_and(|me| !me.recovery_confirmed);
    let leave = move |()| {
        busy.set(true);
        browser::note_account(false);
        core.ask(Command::SignOut, move |answer| match answer {
            Ok(reply) => {
                if matches!(reply, Reply::SignedOut { off_list: false }) {
                    toasts.complain(text::SIGN_OUT_UNTOLD);
                }
                // The event may have been here first; asking costs nothing.
                session.refresh();
            }
            Err(trouble) => {
                browser::note_account(true);
                busy.try_set(false);
                error.try_set(Some(text::failure::trouble(&trouble)));
            }
        });
    };
    view! {
        <div class="form">
            <p>{text::SIGN_OUT_LOST}</p>
            <p>{text::SIGN_OUT_DEVICES}</p>
            {risky.then(|| view! { <Notice tone=Tone::Warning text=text::SIGN_OUT_PHRASE/> })}
            {live(move || error.get().map(|error| view! { <Notice tone=Tone::Error text=error/> }))}
            <div class="form-actions">
                <Button on_click=move |()| open.set(false)>{text::CANCEL}</Button>
                <Button kind=Kind::Danger busy=busy on_click=leave>{live(move || if busy.get() { text::SIGNING_OUT } else { text::SIGN_OUT_DO })}</Button>
            </div>
        </div>
    }
}
