//! Writing a mail.

use haven_bridge::{
    Command, Failure, Reply,
    mail::{About, Draft, MailId},
};
use leptos::prelude::*;

use super::{
    draft_files::{AttachButton, Attacher, DraftFiles},
    draft_state::{DraftState, Saving},
    formatting::{Formatting, FormattingBar, FormattingSwitch, MailText},
    recipients::{OutlookSummary, Outlooks, RecipientField, Suggestions},
    sending::{ClearDialog, Sender},
};
use crate::{
    components::{Button, Dialog, EmptyState, Icon, IconButton, Kind, Notice, Spinner, Tone},
    live::{live, when},
    routes::mail,
    services::{browser, core_client::Trouble, place::use_place},
    state::{unexpected, use_core, use_mailbox, use_toasts},
    text,
};

/// How far reading the draft got.
#[derive(Clone)]
enum Loaded {
    Loading,
    Failed(Trouble),
    /// The draft, and whether the engine has it already.
    Ready(Draft, bool),
}

/// A draft, as soon as it is read.
#[component]
pub fn ComposerPage(id: MailId) -> impl IntoView {
    let begun = use_mailbox().take_begun(id);
    let loaded = RwSignal::new(begun.map_or(Loaded::Loading, |draft| Loaded::Ready(draft, false)));
    let core = use_core();
    let load = move || {
        core.ask(Command::Draft(id), move |answer| {
            loaded.try_set(match answer {
                Ok(Reply::Draft(draft)) => Loaded::Ready(draft, true),
                Ok(other) => Loaded::Failed(unexpected(other)),
                Err(trouble) => Loaded::Failed(trouble),
            });
        });
    };
    if matches!(loaded.get_untracked(), Loaded::Loading) {
        load();
    }
    live(move || {
        match loaded.get() {
        Loaded::Ready(draft, stored) => view! { <Composer id=id draft=draft stored=stored/> }.into_any(),
        Loaded::Loading => {
            view! { <div class="conversation-loading" role="status"><Spinner/><span class="hidden">{text::mail::LOADING}</span></div> }.into_any()
        }
        Loaded::Failed(Trouble::Failed(Failure::NotFound)) => view! {
            <EmptyState icon=icondata_lu::LuMailQuestion title=text::mail::DRAFT_GONE_TITLE text=text::mail::DRAFT_GONE>
                <a class="button" data-kind="primary" href=mail::NEW>{text::mail::WRITE_MAIL}</a>
            </EmptyState>
        }
        .into_any(),
        Loaded::Failed(trouble) => view! {
            <div class="timeline-loading">
                <Notice tone=Tone::Error text=text::failure::trouble(&trouble)>
                    <Button on_click=move |()| load()>{text::RETRY}</Button>
                </Notice>
            </div>
        }
        .into_any(),
    }
    })
}

#[component]
fn Composer(id: MailId, draft: Draft, stored: bool) -> impl IntoView {
    let draft = DraftState::new(id, draft, stored);
    let (outlooks, attacher, formatting) = (Outlooks::new(), Attacher::new(draft), Formatting::new(draft));
    let leave = leave();
    let sender = Sender::new(draft, outlooks, attacher, leave);
    draft.keep();
    outlooks.follow(draft);
    let dropping = RwSignal::new(false);
    // Text that is dragged goes where text goes.
    let on_drag = move |event: web_sys::DragEvent| {
        let types = event.data_transfer().map(|data| data.types());
        if types.is_some_and(|types| types.includes(&"Files".into(), 0)) {
            event.prevent_default();
            dropping.set(true);
        }
    };
    let on_drop = move |event: web_sys::DragEvent| {
        if dropping.get_untracked() {
            event.prevent_default();
            dropping.set(false);
            attacher.attach(event.data_transfer().and_then(|data| data.files()));
        }
    };
    let on_paste = move |event: web_sys::ClipboardEvent| {
        // Cells of a table come as text, and as a picture of it as well.
        let data = event.clipboard_data();
        let data = data.filter(|data| data.get_data("text/plain").unwrap_or_default().is_empty());
        let files = data.and_then(|data| data.files()).filter(|files| files.length() > 0);
        if files.is_some() {
            event.prevent_default();
            attacher.attach(files);
        }
    };
    let on_key = move |event: web_sys::KeyboardEvent| match event.key().as_str() {
        "Enter" if event.ctrl_key() || event.meta_key() => {
            event.prevent_default();
            sender.send();
        }
        "Escape" if !event.is_composing() => leave.run(()),
        _ => {}
    };
    view! {
        <section
            class="mail-composer"
            aria-label=title(draft)
            data-dropping=when(move || dropping.get(), "")
            on:keydown=on_key
            on:paste=on_paste
            on:dragover=on_drag
            on:dragleave=move |_| dropping.set(false)
            on:drop=on_drop
        >
            <Head draft=draft leave=leave/>
            <div class="mail-composer-body">
                <Fields draft=draft outlooks=outlooks/>
                <OutlookSummary draft=draft outlooks=outlooks/>
                <MailText draft=draft formatting=formatting/>
                <DraftFiles attacher=attacher/>
            </div>
            <Foot draft=draft sender=sender attacher=attacher formatting=formatting/>
        </section>
        <Suggestions/>
        <ClearDialog sender=sender/>
    }
}

/// Back to where one was before the mail was begun.
fn leave() -> Callback<()> {
    let (mailbox, place) = (use_mailbox(), use_place());
    Callback::new(move |()| {
        let before = mailbox.place_before().unwrap_or_else(|| mail::MAIL.to_owned());
        place.replace(&before);
    })
}

fn title(draft: DraftState) -> &'static str {
    match draft.about() {
        None => text::mail::NEW_MAIL,
        Some(About::Answer) => text::mail::REPLY,
        Some(About::Forward) => text::mail::FORWARD,
    }
}

#[component]
fn Head(draft: DraftState, leave: Callback<()>) -> impl IntoView {
    let asking = RwSignal::new(false);
    let toasts = use_toasts();
    let core = use_core();
    let discard = move |()| {
        asking.set(false);
        draft.end();
        core.ask(Command::DiscardDraft { intent: browser::new_intent(), id: draft.id }, move |answer| {
            match answer {
                // It may never have been stored.
                Ok(_) | Err(Trouble::Failed(Failure::NotFound)) => _ = leave.try_run(()),
                Err(trouble) => {
                    draft.go_on();
                    toasts.complain(text::failure::trouble(&trouble));
                }
            }
        });
    };
    let saving = move || {
        match draft.saving.get() {
        Saving::Unchanged => ().into_any(),
        Saving::Unsaved => text::mail::SAVING.into_any(),
        Saving::Saved => view! { <Icon icon=icondata_lu::LuCheck/>{text::mail::SAVED} }.into_any(),
        Saving::Failed(trouble) => {
            view! { <strong class="mail-composer-unsaved">{text::mail::unsaved(&text::failure::trouble(&trouble))}</strong> }.into_any()
        }
    }
    };
    view! {
        <header class="reader-head mail-composer-head">
            <IconButton label=text::mail::LEAVE_DRAFT icon=icondata_lu::LuArrowLeft on_click=leave/>
            <h2 class="reader-subject">{title(draft)}</h2>
            <p class="mail-composer-saving" role="status">{saving}</p>
            <IconButton label=text::mail::DISCARD_DRAFT icon=icondata_lu::LuTrash2 on_click=move |()| asking.set(true)/>
        </header>
        <Dialog id="discard-draft" open=asking title=text::mail::DISCARD_TITLE>
            <div class="form">
                <p>{text::mail::DISCARD_LEAD}</p>
                <div class="form-actions">
                    <Button on_click=move |()| asking.set(false)>{text::mail::KEEP_DRAFT}</Button>
                    <Button kind=Kind::Danger on_click=discard>{text::mail::DISCARD_DRAFT}</Button>
                </div>
            </div>
        </Dialog>
    }
}

#[component]
fn Fields(draft: DraftState, outlooks: Outlooks) -> impl IntoView {
    let filled = [draft.cc, draft.bcc].iter().any(|field| field.list.with_untracked(|list| !list.is_empty()));
    let copies = RwSignal::new(filled);
    let show_copies = move |()| {
        copies.set(true);
        browser::focus_later("mail-cc");
    };
    Effect::new(move |before: Option<()>| {
        if before.is_none() {
            let missing = draft.to.list.with_untracked(Vec::is_empty);
            browser::focus_later(if missing { "mail-to" } else { "mail-text" });
        }
    });
    view! {
        <RecipientField id="mail-to" label=text::mail::TO recipients=draft.to outlooks=outlooks>
            {live(move || (!copies.get()).then(|| view! { <Button kind=Kind::Quiet on_click=show_copies>{text::mail::COPIES}</Button> }))}
        </RecipientField>
        <Show when=move || copies.get()>
            <RecipientField id="mail-cc" label=text::mail::CC recipients=draft.cc outlooks=outlooks/>
            <RecipientField id="mail-bcc" label=text::mail::BCC recipients=draft.bcc outlooks=outlooks/>
        </Show>
        <div class="mail-field">
            <label class="mail-field-label" for="mail-subject">{text::mail::SUBJECT}</label>
            <input
                class="mail-field-input"
                id="mail-subject"
                type="text"
                autocomplete="off"
                dir="auto"
                prop:value=draft.subject
                on:input:target=move |event| draft.subject.set(event.target().value())
            />
        </div>
    }
}

#[component]
fn Foot(draft: DraftState, sender: Sender, attacher: Attacher, formatting: Formatting) -> impl IntoView {
    view! {
        <footer class="mail-composer-foot">
            {live(move || sender.error.get().map(|error| view! { <Notice tone=Tone::Error text=error/> }))}
            <FormattingBar draft=draft formatting=formatting/>
            <div class="mail-composer-actions">
                <Button kind=Kind::Primary icon=icondata_lu::LuSend busy=sender.busy on_click=move |()| sender.send()>{text::SEND}</Button>
                <AttachButton attacher=attacher/>
                <FormattingSwitch draft=draft formatting=formatting/>
                <p class="mail-composer-limit">{text::mail::FILES_LIMIT}</p>
            </div>
        </footer>
    }
}
