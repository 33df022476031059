//! Adding somebody's key from a file: first it is shown, then it is taken.

use haven_bridge::{Command, FoundKey, KeyStanding, MAX_KEY_FILE, Reply};
use leptos::{html, prelude::*};
use wasm_bindgen_futures::JsFuture;

use super::accept_change::ChangeDialog;
use crate::{
    components::{Button, Dialog, IconButton, Kind, Notice, Tone, copyable::grouped},
    live::live,
    routes,
    services::{browser, place::use_place},
    state::{unexpected, use_core, use_people, use_toasts},
    text,
};

/// A button, and the dialog behind it.
#[component]
pub fn AddKeyButton() -> impl IntoView {
    let open = RwSignal::new(false);
    view! {
        <IconButton label=text::people::ADD_KEY icon=icondata_lu::LuKeyRound on_click=move |()| open.set(true)/>
        <Dialog id="add-key" open=open title=text::people::ADD_KEY><AddKey open=open/></Dialog>
    }
}

type Keys = Option<Result<Vec<FoundKey>, String>>;

#[component]
fn AddKey(open: RwSignal<bool>) -> impl IntoView {
    let (core, people) = (use_core(), use_people());
    let (file, keys) = (RwSignal::new(Vec::<u8>::new()), RwSignal::new(Keys::None));
    let input = NodeRef::<html::Input>::new();
    let chosen = move |_| {
        let chosen = input.get_untracked().and_then(|input| {
            let file = input.files().and_then(|files| files.get(0));
            // The same file may be chosen again.
            input.set_value("");
            file
        });
        let Some(chosen) = chosen else { return };
        leptos::task::spawn_local(async move {
            match read(chosen).await {
                Ok(bytes) => _ = file.try_set(bytes),
                Err(error) => {
                    file.try_set(Vec::new());
                    keys.try_set(Some(Err(error)));
                }
            }
        });
    };
    // Also when what is known of people changes: a change may have been accepted.
    Effect::new(move || {
        people.track();
        let bytes = file.get();
        if bytes.is_empty() {
            return;
        }
        core.ask(Command::ReadKeys(bytes), move |answer| {
            keys.try_set(Some(match answer {
                Ok(Reply::Keys(found)) if found.is_empty() => Err(text::people::NO_KEY_IN_FILE.to_owned()),
                Ok(Reply::Keys(found)) => Ok(found),
                Ok(other) => Err(text::failure::trouble(&unexpected(other))),
                Err(trouble) => Err(text::failure::trouble(&trouble)),
            }));
        });
    });
    let shown = Memo::new(move |_| keys.get());
    view! {
        <div class="form">
            <p>{text::people::ADD_KEY_LEAD}</p>
            <div>
                <input type="file" hidden=true accept=".asc,.pgp,.gpg,.key,.txt,application/pgp-keys" node_ref=input on:change=chosen/>
                <Button icon=icondata_lu::LuKeyRound on_click=move |()| _ = input.get_untracked().map(|input| input.click())>
                    {text::people::CHOOSE_FILE}
                </Button>
            </div>
            {live(move || match shown.get() {
                None => ().into_any(),
                Some(Err(error)) => view! { <Notice tone=Tone::Error text=error/> }.into_any(),
                Some(Ok(found)) => {
                    let found = found.into_iter().map(|key| view! { <Found key=key file=file open=open/> });
                    found.collect_view().into_any()
                }
            })}
        </div>
    }
}

async fn read(file: web_sys::File) -> Result<Vec<u8>, String> {
    if file.size() > MAX_KEY_FILE as f64 {
        return Err(text::people::KEY_LARGE.to_owned());
    }
    let buffer = JsFuture::from(file.array_buffer()).await;
    let buffer = buffer.map_err(|_| text::mail::file_unreadable(&file.name()))?;
    Ok(js_sys::Uint8Array::new(&buffer).to_vec())
}

/// Whose key it is, and what can be done with it.
#[component]
fn Found(key: FoundKey, file: RwSignal<Vec<u8>>, open: RwSignal<bool>) -> impl IntoView {
    let FoundKey { person, others, standing } = key;
    let (core, place, toasts) = (use_core(), use_place(), use_toasts());
    let busy = RwSignal::new(false);
    let (address, fingerprint) = (person.address.clone(), person.fingerprint.clone());
    let add = move |()| {
        let (intent, fingerprint) = (browser::new_intent(), person.fingerprint.clone());
        let to = routes::person(&fingerprint);
        busy.set(true);
        core.ask(Command::AddKey { intent, bytes: file.get_untracked(), fingerprint }, move |answer| {
            busy.try_set(false);
            match answer {
                Ok(_) => {
                    open.try_set(false);
                    toasts.say(text::people::KEY_ADDED);
                    place.go(&to);
                }
                Err(trouble) => toasts.complain(text::failure::trouble(&trouble)),
            }
        });
    };
    let way_on = match &standing {
        KeyStanding::New => {
            view! { <Button kind=Kind::Primary busy=busy on_click=add>{text::people::ADD_THIS_KEY}</Button> }
                .into_any()
        }
        KeyStanding::Changed => {
            view! { <ChangeDialog address=address.clone() fingerprint=fingerprint.clone()/> }.into_any()
        }
        _ => ().into_any(),
    };
    let others = (!others.is_empty()).then(|| others.join(", "));
    view! {
        <dl class="change">
            <dt>{text::ADDRESS}</dt>
            <dd dir="auto">{address}</dd>
            {others.map(|others| view! { <dt>{text::people::OTHER_ADDRESSES}</dt><dd>{others}</dd> })}
            <dt>{text::FINGERPRINT}</dt>
            <dd>{grouped(&fingerprint)}</dd>
        </dl>
        <p class="section-text">{text::people::standing(&standing)}</p>
        <div class="form-actions">{way_on}</div>
    }
}
