//! A person shows up with another identity: what that means, and accepting it.

use haven_bridge::{Command, Failure};
use leptos::prelude::*;

use crate::{
    components::{Button, Dialog, Kind, Notice, Tone, copyable::grouped},
    live::live,
    state::{people::bare, use_core, use_people, use_toasts},
    text,
};

/// Opens the explanation, if the failure is about a changed identity; else nothing.
#[component]
pub fn ChangeButton(failure: Failure) -> impl IntoView {
    match failure {
        Failure::CertificateChanged { address, fingerprint } => {
            Some(view! { <ChangeDialog address=address fingerprint=fingerprint/> })
        }
        _ => None,
    }
}

/// A button, and the dialog behind it.
#[component]
pub fn ChangeDialog(address: String, fingerprint: String) -> impl IntoView {
    let open = RwSignal::new(false);
    view! {
        <Button on_click=move |()| open.set(true)>{text::CHANGE_OPEN}</Button>
        <Dialog id="accept-change" open=open title=text::CHANGE_TITLE>
            <AcceptChange address=address.clone() fingerprint=fingerprint.clone() open=open/>
        </Dialog>
    }
}

#[component]
fn AcceptChange(address: String, fingerprint: String, open: RwSignal<bool>) -> impl IntoView {
    let (core, people, toasts) = (use_core(), use_people(), use_toasts());
    let (checked, busy) = (RwSignal::new(false), RwSignal::new(false));
    let error = RwSignal::new(None::<String>);
    let old = untrack(|| people.all()).into_iter().find(|person| {
        person.person.address == address && bare(&person.person.fingerprint) != bare(&fingerprint)
    });
    let (shown, wanted) = (address.clone(), (address, fingerprint.clone()));
    let accept = move |()| {
        let (address, fingerprint) = wanted.clone();
        busy.set(true);
        core.ask(Command::AcceptChange { address, fingerprint }, move |answer| {
            busy.try_set(false);
            match answer {
                Ok(_) => {
                    open.try_set(false);
                    toasts.say(text::CHANGE_ACCEPTED);
                    people.refresh();
                }
                Err(trouble) => _ = error.try_set(Some(text::failure::trouble(&trouble))),
            }
        });
    };
    view! {
        <div class="form">
            <p><strong dir="auto">{shown}</strong></p>
            <p>{text::CHANGE_LEAD}</p>
            <dl class="change">
                {old.map(|old| view! { <dt>{text::CHANGE_OLD}</dt><dd>{grouped(&old.person.fingerprint)}</dd> })}
                <dt>{text::CHANGE_NEW}</dt>
                <dd>{grouped(&fingerprint)}</dd>
            </dl>
            <label class="check">
                <input type="checkbox" prop:checked=checked on:change:target=move |event| checked.set(event.target().checked())/>
                <span>{text::CHANGE_CHECK}</span>
            </label>
            {live(move || error.get().map(|error| view! { <Notice tone=Tone::Error text=error/> }))}
            <div class="form-actions">
                <Button on_click=move |()| open.set(false)>{text::CANCEL}</Button>
                <Button
                    kind=Kind::Danger
                    busy=busy
                    disabled=Signal::derive(move || !checked.get())
                    on_click=accept
                >
                    {text::CHANGE_ACCEPT}
                </Button>
            </div>
        </div>
    }
}
