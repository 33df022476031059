//! The own key: what it is, files of it, and withdrawing it.

use haven_bridge::{Command, KeyFile, PasswordStrength, Reply};
use leptos::prelude::*;

use crate::{
    components::{Button, Copyable, Dialog, Kind, Notice, PasswordField, Tone, copyable::grouped},
    features::onboarding::new_password::NewPassword,
    live::live,
    services::{browser, core_client::Trouble},
    state::{use_core, use_session, use_toasts},
    text,
    text::key as words,
};

/// Everything about the own key.
#[component]
pub fn KeySection() -> impl IntoView {
    let (session, toasts) = (use_session(), use_toasts());
    let me = Memo::new(move |_| session.me());
    let withdrawn = Memo::new(move |_| me.get().is_some_and(|me| me.key_revoked));
    let (secret, stolen) = (RwSignal::new(false), RwSignal::new(false));
    let save = Saving::new();
    let told = move |failure: Option<String>| match failure {
        None => toasts.say(words::SAVED),
        Some(failure) => toasts.complain(failure),
    };
    let files = [
        (words::SAVE_PUBLIC, icondata_lu::LuDownload, KeyFile::Public),
        (words::SAVE_REVOCATION, icondata_lu::LuFileX, KeyFile::Revocation),
    ];
    let button = move |(label, icon, file): (&'static str, icondata_core::Icon, KeyFile)| {
        view! { <Button icon=icon on_click=move |()| save.save(file.clone(), told)>{label}</Button> }
    };
    view! {
        <section class="section" aria-labelledby="key-heading">
            <h2 class="section-title" id="key-heading">{words::TITLE}</h2>
            <p class="section-text">{words::LEAD}</p>
            {live(move || withdrawn.get().then(|| view! { <Notice tone=Tone::Warning text=words::WITHDRAWN/> }))}
            {live(move || me.get().map(|me| view! {
                <dl class="section-list">
                    <Copyable label=text::YOUR_FINGERPRINT value=grouped(&me.fingerprint) code=true/>
                    <div class="copyable">
                        <dt class="copyable-label">{words::VALID_UNTIL}</dt>
                        <dd class="copyable-value">{me.key_expires.map_or(words::VALID_FOREVER.to_owned(), text::time::date)}</dd>
                    </div>
                </dl>
            }))}
            <p class="section-text">{text::FINGERPRINT_HINT}</p>
            <div class="section-actions">
                {files.into_iter().map(button).collect::<Vec<_>>()}
                <Button icon=icondata_lu::LuKeyRound on_click=move |()| secret.set(true)>{words::SAVE_SECRET}</Button>
            </div>
            <Show when=move || !withdrawn.get()>
                <Button kind=Kind::Quiet icon=icondata_lu::LuShieldAlert on_click=move |()| stolen.set(true)>{words::STOLEN}</Button>
            </Show>
            <Dialog id="secret-key" open=secret title=words::SECRET_TITLE><SecretKey open=secret/></Dialog>
            <Dialog id="stolen-key" open=stolen title=words::STOLEN_TITLE><Withdraw open=stolen/></Dialog>
        </section>
    }
}

/// Has the engine make a file, and the browser save it. A handle.
#[derive(Clone, Copy)]
struct Saving {
    busy: RwSignal<bool>,
    core: crate::services::core_client::CoreClient,
    session: crate::state::session::SessionStore,
}

impl Saving {
    fn new() -> Self {
        Self { busy: RwSignal::new(false), core: use_core(), session: use_session() }
    }

    /// `then` hears what went wrong.
    fn save(self, file: KeyFile, then: impl FnOnce(Option<String>) + 'static) {
        if self.busy.get_untracked() {
            return;
        }
        let address = untrack(|| self.session.address()).unwrap_or_default();
        let kind = match &file {
            KeyFile::Public => "public-key",
            KeyFile::Secret { .. } => "SECRET-key",
            KeyFile::Revocation => "revocation",
        };
        self.busy.set(true);
        self.core.ask(Command::ExportKey(file), move |answer| {
            self.busy.try_set(false);
            let bytes = match answer {
                Ok(Reply::File(bytes)) => bytes,
                Ok(_) => return,
                Err(trouble) => return then(Some(text::failure::trouble(&trouble))),
            };
            let saved = browser::save(&format!("{address}-{kind}.asc"), &bytes, "application/pgp-keys");
            then(saved.err().map(|_| words::SAVE_FAILED.to_owned()));
        });
    }
}

/// A passphrase for the file, typed twice unless it was suggested.
#[component]
fn SecretKey(open: RwSignal<bool>) -> impl IntoView {
    let toasts = use_toasts();
    let save = Saving::new();
    let (passphrase, again) = (RwSignal::new(String::new()), RwSignal::new(String::new()));
    let suggestion = RwSignal::new(String::new());
    let (strength, tried) = (RwSignal::new(None::<PasswordStrength>), RwSignal::new(false));
    let error = RwSignal::new(None::<String>);
    let weak = Memo::new(move |_| {
        if !tried.get() {
            None
        } else if passphrase.with(String::is_empty) {
            Some(text::FIELD_MISSING.to_owned())
        } else {
            (strength.get() == Some(PasswordStrength::Weak)).then(|| text::STRENGTH_WEAK.to_owned())
        }
    });
    let suggested =
        Memo::new(move |_| passphrase.with(|typed| !typed.is_empty() && *typed == suggestion.get()));
    let different = Memo::new(move |_| {
        let different = tried.get() && !suggested.get() && passphrase.get() != again.get();
        different.then(|| words::SECRET_DIFFERENT.to_owned())
    });
    let submit = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        tried.set(true);
        if weak.with_untracked(Option::is_some) || different.with_untracked(Option::is_some) {
            return;
        }
        error.set(None);
        save.save(KeyFile::Secret { passphrase: passphrase.get_untracked() }, move |failure| match failure {
            None => {
                open.try_set(false);
                toasts.say(words::SAVED);
            }
            failure => _ = error.try_set(failure),
        });
    };
    view! {
        <form class="form" novalidate on:submit=submit>
            <p>{words::SECRET_LEAD}</p>
            <NewPassword
                id="secret-passphrase"
                label=words::SECRET_PASSPHRASE
                password=passphrase
                strength=strength
                error=weak
                suggestion=suggestion
                autofocus=true
            />
            <Show when=move || !suggested.get()>
                <PasswordField
                    id="secret-again"
                    label=words::SECRET_AGAIN
                    value=again
                    error=different
                    autocomplete="new-password"
                />
            </Show>
            {live(move || error.get().map(|error| view! { <Notice tone=Tone::Error text=error/> }))}
            <div class="form-actions">
                <Button on_click=move |()| open.set(false)>{text::CANCEL}</Button>
                <Button kind=Kind::Primary submit=true busy=save.busy>
                    {live(move || if save.busy.get() { words::SECRET_SAVING } else { words::SECRET_SAVE })}
                </Button>
            </div>
        </form>
    }
}

/// What withdrawing means, and doing it.
#[component]
fn Withdraw(open: RwSignal<bool>) -> impl IntoView {
    let (core, session, toasts) = (use_core(), use_session(), use_toasts());
    let (checked, busy) = (RwSignal::new(false), RwSignal::new(false));
    let error = RwSignal::new(None::<String>);
    let withdraw = move |()| {
        busy.set(true);
        core.ask(Command::RevokeKey, move |answer: Result<Reply, Trouble>| {
            busy.try_set(false);
            match answer {
                Ok(_) => {
                    open.try_set(false);
                    toasts.say(words::STOLEN_DONE);
                    session.refresh();
                }
                Err(trouble) => _ = error.try_set(Some(text::failure::trouble(&trouble))),
            }
        });
    };
    let effect = |effect: &'static str| view! { <li>{effect}</li> };
    view! {
        <div class="form">
            <p>{words::STOLEN_LEAD}</p>
            <ul class="effects">{words::STOLEN_EFFECTS.map(effect).into_iter().collect::<Vec<_>>()}</ul>
            <label class="check">
                <input type="checkbox" prop:checked=checked on:change:target=move |event| checked.set(event.target().checked())/>
                <span>{words::STOLEN_CHECK}</span>
            </label>
            {live(move || error.get().map(|error| view! { <Notice tone=Tone::Error text=error/> }))}
            <div class="form-actions">
                <Button on_click=move |()| open.set(false)>{text::CANCEL}</Button>
                <Button kind=Kind::Danger busy=busy disabled=Signal::derive(move || !checked.get()) on_click=withdraw>
                    {words::STOLEN_DO}
                </Button>
            </div>
        </div>
    }
}
