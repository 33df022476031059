//! The list of a folder, or of what was searched for.

use std::time::Duration;

use haven_bridge::mail::{Folder, MailState, Protection, ThreadSummary};
use leptos::{html, prelude::*};

use super::shortcuts::{on_key, open_neighbour};
use crate::{
    components::{Avatar, Button, EmptyState, Icon, IconButton, Kind, Notice, Spinner, Tone},
    features::chat::conversation_list::move_with_arrows,
    live::{live, when},
    routes::mail,
    services::place::use_place,
    state::{
        Load,
        mailbox::{RowKey, Shown},
        use_mailbox, use_session,
    },
    text,
};

/// A search begins when typing pauses.
const SEARCH_AFTER: Duration = Duration::from_millis(200);

/// Search field and rows.
#[component]
pub fn MailList(folder: Memo<Folder>) -> impl IntoView {
    let (mailbox, place) = (use_mailbox(), use_place());
    let load = Memo::new(move |_| mailbox.load());
    on_key(move |key| match key {
        // A draft opens where it is written: the next letter would be a part of it.
        _ if folder.get_untracked() == Folder::Drafts => false,
        "j" => open_neighbour(mailbox, place, 1),
        "k" => open_neighbour(mailbox, place, -1),
        _ => false,
    });
    view! {
        <div class="mail-list">
            <Search/>
            <Arriving/>
            {live(move || match load.get() {
                Load::Loading => view! { <div class="list-loading" role="status"><Spinner/><span class="hidden">{text::mail::LOADING}</span></div> }.into_any(),
                Load::Failed(trouble) => view! {
                    <Notice tone=Tone::Error text=text::failure::trouble(&trouble)>
                        <Button on_click=move |()| mailbox.retry()>{text::RETRY}</Button>
                    </Notice>
                }.into_any(),
                Load::Ready => view! { <Rows folder=folder/> }.into_any(),
            })}
        </div>
    }
}

#[component]
fn Search() -> impl IntoView {
    let mailbox = use_mailbox();
    let (typed, input) = (RwSignal::new(mailbox.query.get_untracked()), NodeRef::<html::Input>::new());
    let timer = StoredValue::new_local(None::<TimeoutHandle>);
    let wait = move || _ = timer.try_update_value(|timer| timer.take().map(|timer| timer.clear()));
    let search = move || _ = mailbox.query.try_set(typed.try_get_untracked().unwrap_or_default());
    let type_in = move |text: String| {
        wait();
        let empty = text.is_empty();
        typed.set(text);
        if empty {
            return search();
        }
        timer.set_value(set_timeout_with_handle(search, SEARCH_AFTER).ok());
    };
    // A folder that was chosen takes the search away.
    Effect::new(move || {
        if mailbox.query.with(String::is_empty) {
            typed.set(String::new());
        }
    });
    let clear = move |()| {
        type_in(String::new());
        input.get_untracked().map(|input| input.focus());
    };
    let on_keydown = move |event: web_sys::KeyboardEvent| {
        if event.key() == "Escape" {
            clear(());
        }
    };
    on_cleanup(wait);
    on_key(move |key| key == "/" && input.get_untracked().is_some_and(|input| input.focus().is_ok()));
    view! {
        <search class="mail-search field-box">
            <Icon icon=icondata_lu::LuSearch/>
            <input
                class="field-input"
                type="text"
                id="mail-search"
                autocomplete="off"
                aria-label=text::mail::SEARCH
                aria-keyshortcuts="/"
                placeholder=text::mail::SEARCH
                node_ref=input
                prop:value=typed
                on:input:target=move |event| type_in(event.target().value())
                on:keydown=on_keydown
            />
            <Show when=move || typed.with(|typed| !typed.is_empty())>
                <IconButton label=text::mail::SEARCH_END icon=icondata_lu::LuX on_click=clear/>
            </Show>
        </search>
    }
}

/// More mails are on their way to this device.
#[component]
fn Arriving() -> impl IntoView {
    let mailbox = use_mailbox();
    let arriving = Memo::new(move |_| mailbox.view().map_or(0, |view| view.arriving));
    view! {
        <p class="mail-arriving" role="status">
            {live(move || (arriving.get() > 0).then(|| view! { <Spinner/> {text::mail::arriving(arriving.get())} }))}
        </p>
    }
}

#[component]
fn Rows(folder: Memo<Folder>) -> impl IntoView {
    let mailbox = use_mailbox();
    let empty = Memo::new(move |_| mailbox.order().is_empty());
    let label = move || match mailbox.shown() {
        Shown::Folder(folder) => text::mail::folder(folder),
        Shown::Search(_) => text::mail::FOUND,
    };
    view! {
        <div class="list-scroller" on:keydown=move_with_arrows>
            <Show when=move || !empty.get() fallback=move || view! { <Empty folder=folder/> }>
                <ul class="list" aria-label=label>
                    <For each=move || mailbox.order() key=|key| *key let:key><Row key=key/></For>
                </ul>
                <Older/>
            </Show>
        </div>
    }
}

#[component]
fn Empty(folder: Memo<Folder>) -> impl IntoView {
    let mailbox = use_mailbox();
    let outside = Memo::new(move |_| mailbox.view().and_then(|view| view.outside));
    live(move || {
        match mailbox.shown() {
        Shown::Search(_) => {
            view! { <EmptyState icon=icondata_lu::LuSearchX title=text::mail::FOUND_NOTHING_TITLE text=text::mail::FOUND_NOTHING/> }
                .into_any()
        }
        Shown::Folder(_) => {
            let folder = folder.get();
            let (title, text) = text::mail::empty(folder, outside.get());
            view! {
                <EmptyState icon=icondata_lu::LuMail title=title text=text>
                    {matches!(folder, Folder::Inbox | Folder::Drafts | Folder::Sent).then(|| view! {
                        <a class="button" href=mail::NEW>{text::mail::WRITE_MAIL}</a>
                    })}
                </EmptyState>
            }
            .into_any()
        }
    }
    })
}

/// Below the last row.
#[component]
fn Older() -> impl IntoView {
    let mailbox = use_mailbox();
    let loading = Signal::derive(move || mailbox.older() == Load::Loading);
    let failed = move || match mailbox.older() {
        Load::Failed(trouble) => {
            Some(view! { <Notice tone=Tone::Error text=text::failure::trouble(&trouble)/> })
        }
        _ => None,
    };
    view! {
        {failed}
        <Show when=move || mailbox.more()>
            <div class="mail-older">
                <Button kind=Kind::Quiet busy=loading on_click=move |()| mailbox.load_older()>{text::mail::OLDER}</Button>
            </div>
        </Show>
    }
}

#[component]
fn Row(key: RowKey) -> impl IntoView {
    let (mailbox, session, place) = (use_mailbox(), use_session(), use_place());
    mailbox.row(key).map(|row| {
        let address = ArcMemo::new({
            let row = row.clone();
            move |_| row.with(address_of)
        });
        let here = address.clone();
        let unread = row.clone();
        let current = Memo::new(move |_| place.path() == here.get());
        let own = Memo::new(move |_| session.address());
        view! {
            <li class="list-item">
                <a
                    class="mail-row"
                    href=move || address.get()
                    data-unread=when(move || unread.with(|thread| thread.unread > 0), "")
                    aria-current=when(move || current.get(), "page")
                >
                    {live(move || row.with(|thread| own.with(|own| row_content(thread, own.as_deref()))))}
                </a>
            </li>
        }
    })
}

/// Where a row leads.
pub fn address_of(thread: &ThreadSummary) -> String {
    match thread.folder {
        Folder::Drafts => mail::draft(thread.newest.id),
        folder => mail::thread(folder, thread.id),
    }
}

fn row_content(thread: &ThreadSummary, own: Option<&str>) -> impl IntoView + use<> {
    let newest = &thread.newest;
    let people = text::mail::row_people(thread, own);
    let other = text::mail::row_other(thread, own).clone();
    let count = (thread.mails > 1).then(|| {
        view! { <span class="mail-row-count" aria-hidden="true">{thread.mails}</span><span class="hidden">{text::mail::mails(thread.mails)}</span> }
    });
    view! {
        <Avatar name=text::mail::name(&other, None) seed=other.address size="small"/>
        <span class="mail-row-text">
            <span class="mail-row-line">
                <span class="mail-row-people" dir="auto">{people}</span>
                {count}
                <span class="mail-row-time">{text::time::short(newest.time)}</span>
            </span>
            <span class="mail-row-line">
                <span class="mail-row-subject" dir="auto">{text::mail::subject(&newest.subject)}</span>
                {(thread.unread > 0).then(|| view! { <span class="hidden">{text::unread(thread.unread)}</span> })}
            </span>
            <span class="mail-row-line">
                <span class="mail-row-snippet" dir="auto">{newest.snippet.clone()}</span>
                {marks(thread)}
            </span>
        </span>
    }
}

/// What is special about it.
fn marks(thread: &ThreadSummary) -> impl IntoView + use<> {
    let newest = &thread.newest;
    let state = newest.state.as_ref().and_then(|state| match state {
        MailState::Waiting => Some(("waiting", icondata_lu::LuClock, text::mail::WAITING)),
        MailState::RelayFull => Some(("failed", icondata_lu::LuCircleAlert, text::mail::WAITING)),
        MailState::WantedBack => Some(("waiting", icondata_lu::LuClock, text::mail::WANTED_BACK)),
        MailState::Failed(_) => Some(("failed", icondata_lu::LuCircleAlert, text::mail::NOT_SENT)),
        MailState::Undelivered => Some(("failed", icondata_lu::LuCircleAlert, text::mail::NOT_DELIVERED)),
        MailState::Sent => None,
    });
    let files =
        (newest.attachments > 0).then_some(("files", icondata_lu::LuPaperclip, text::mail::HAS_FILES));
    let protection = (newest.folder != Folder::Drafts).then(|| {
        let (icon, name) = protection_sign(newest.protection);
        (name, icon, text::mail::protection(newest.protection))
    });
    let mark = |(name, icon, words): (&'static str, icondata_core::Icon, &'static str)| {
        view! { <span class="mail-row-mark" data-mark=name title=words><Icon icon=icon/><span class="hidden">{words}</span></span> }
    };
    [state, files, protection].into_iter().flatten().map(mark).collect_view()
}

/// The signs of the two protections are never alike: one is a promise of the sender, the other of the relay.
pub fn protection_sign(protection: Protection) -> (icondata_core::Icon, &'static str) {
    match protection {
        Protection::EndToEnd => (icondata_lu::LuLock, "end-to-end"),
        Protection::OnArrival => (icondata_lu::LuMailbox, "on-arrival"),
        Protection::Clear => (icondata_lu::LuEye, "clear"),
    }
}
