//! Bringing a key that somebody has already.

use haven_bridge::{Command, Failure, KeyTrouble, OwnKey, Reply};
use leptos::{html, prelude::*};
use wasm_bindgen_futures::JsFuture;

use super::own_key::{Brought, Step};
use crate::{
    components::{Button, Kind, Notice, PasswordField, Tone},
    live::live,
    services::core_client::Trouble,
    state::use_core,
    text,
    text::key as words,
};

/// No key is larger; others are not even read.
const LARGEST: f64 = 1_000_000.0;

/// The file, its passphrase if it needs one, and what comes of it.
#[component]
pub fn Bringing() -> impl IntoView {
    let core = use_core();
    let Brought { key, step, error } = expect_context();
    let passphrase = RwSignal::new(String::new());
    let busy = RwSignal::new(false);
    let judge = Callback::new(move |file: Vec<u8>| {
        let brought = OwnKey { file, passphrase: passphrase.get_untracked() };
        error.set(None);
        busy.set(true);
        core.ask(Command::JudgeKey(brought.clone()), move |answer| {
            busy.try_set(false);
            match answer {
                Ok(Reply::Key(fingerprint)) => {
                    key.try_set(Some(brought));
                    step.try_set(Step::Good(fingerprint));
                }
                Err(Trouble::Failed(Failure::KeyUnusable(KeyTrouble::NeedsPassphrase))) => {
                    step.try_set(Step::Locked(brought.file));
                }
                Err(trouble) => _ = error.try_set(Some(text::failure::trouble(&trouble))),
                Ok(_) => {}
            }
        });
    });
    let forget = move |()| {
        key.set(None);
        passphrase.set(String::new());
        error.set(None);
        step.set(Step::Offered);
    };
    view! {
            {live(move || match step.get() {
                // The offer is in this one's place.
                Step::Offered => ().into_any(),
                Step::Asked => view! { <p>{words::OWN_LEAD}</p> <Choose busy=busy on_file=judge error=error/> }.into_any(),
                Step::Locked(file) => {
                    let pressed = file.clone();
                    // Enter would send the form around it.
                    let on_key = move |event: web_sys::KeyboardEvent| {
                        if event.key() == "Enter" {
                            event.prevent_default();
                            judge.run(pressed.clone());
                        }
                    };
                    view! {
                        <div class="own-key-passphrase" on:keydown=on_key>
                            <PasswordField id="own-key-passphrase" label=words::OWN_PASSPHRASE value=passphrase autocomplete="off"/>
                        </div>
                        <Button busy=busy on_click=move |()| judge.run(file.clone())>{words::OWN_USE}</Button>
                    }.into_any()
                }
                Step::Good(fingerprint) => view! { <Notice tone=Tone::Info text=words::own_good(&fingerprint)/> }.into_any(),
            })}
            {live(move || error.get().map(|error| view! { <Notice tone=Tone::Error text=error/> }))}
            <Button kind=Kind::Quiet on_click=forget>{words::OWN_FORGET}</Button>
    }
}

/// Opens the browser's choice of files.
#[component]
fn Choose(
    busy: RwSignal<bool>,
    on_file: Callback<Vec<u8>>,
    error: RwSignal<Option<String>>,
) -> impl IntoView {
    let input = NodeRef::<html::Input>::new();
    let chosen = move |_| {
        let Some(input) = input.get_untracked() else { return };
        let file = input.files().and_then(|files| files.get(0));
        // The same file may be chosen again.
        input.set_value("");
        let Some(file) = file else { return };
        if file.size() > LARGEST {
            let failure = Failure::KeyUnusable(KeyTrouble::TooLarge);
            return error.set(Some(text::failure::sentence(&failure)));
        }
        leptos::task::spawn_local(async move {
            match JsFuture::from(file.array_buffer()).await {
                // Who has turned to something else meanwhile waits for no file.
                Ok(buffer) => _ = on_file.try_run(js_sys::Uint8Array::new(&buffer).to_vec()),
                Err(_) => _ = error.try_set(Some(words::OWN_UNREADABLE.to_owned())),
            }
        });
    };
    view! {
        <input type="file" hidden=true node_ref=input on:change=chosen/>
        <Button busy=busy icon=icondata_lu::LuPaperclip on_click=move |()| _ = input.get_untracked().map(|input| input.click())>
            {words::OWN_CHOOSE}
        </Button>
    }
}
