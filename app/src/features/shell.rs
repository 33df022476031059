//! The frame around the pages of somebody who is signed in.

mod rail;
mod revoked;
pub mod title;

use haven_bridge::{Command, Connection, Session};
use leptos::prelude::*;

use crate::{
    components::{Button, Icon, Kind, Notice, Tone},
    features::chat::new_conversation::{NewConversationDialog, provide_new_conversation},
    live::live,
    pages::{
        chat::Chat,
        later::{self, Later},
    },
    routes::{self, Part},
    services::{browser, place::use_place, service_worker},
    state::{use_core, use_mailbox, use_session},
    text,
};
use rail::Rail;
use revoked::RevokedBanner;

/// Rail, banners, page.
#[component]
pub fn Shell(part: Memo<Part>) -> impl IntoView {
    leave_when_signed_out();
    provide_new_conversation();
    let page = move || match part.get() {
        Part::Chat => view! { <Chat/> }.into_any(),
        Part::Mail => view! { <Later get=later::mail/> }.into_any(),
        Part::People => view! { <Later get=later::people/> }.into_any(),
        Part::Settings => view! { <Later get=later::settings/> }.into_any(),
    };
    view! {
        <div class="shell">
            <button class="skip" type="button" on:click=|_| browser::focus_later("main")>{text::SKIP}</button>
            <Rail/>
            <div class="shell-body">
                <Banners/>
                <main class="shell-main" id="main" tabindex="-1">{page}</main>
            </div>
            <NewConversationDialog/>
        </div>
    }
}

fn leave_when_signed_out() {
    let (session, place) = (use_session(), use_place());
    Effect::new(move || {
        if matches!(session.get(), Some(Session::SignedOut { .. })) {
            place.replace(routes::WELCOME);
        }
    });
}

/// What everybody has to know, wherever they are.
#[component]
fn Banners() -> impl IntoView {
    let (session, place) = (use_session(), use_place());
    let unconfirmed = Memo::new(move |_| {
        session.me().is_some_and(|me| !me.recovery_confirmed) && place.path() != routes::SETTINGS
    });
    // Until Haven is opened anew: it is worth a word each time.
    let later = RwSignal::new(false);
    let revoked = Memo::new(move |_| session.revoked());
    let withdrawn =
        Memo::new(move |_| session.me().is_some_and(|me| me.key_revoked) && place.path() != routes::SETTINGS);
    let (core, mailbox) = (use_core(), use_mailbox());
    let refused = Memo::new(move |_| mailbox.view().and_then(|view| view.refused));
    view! {
        <Show when=move || revoked.get()><RevokedBanner/></Show>
        <ConnectionBanner/>
        {live(move || withdrawn.get().then(|| view! {
            <Notice tone=Tone::Warning text=text::key::WITHDRAWN>
                <a class="button" href=routes::SETTINGS>{text::SETTINGS}</a>
            </Notice>
        }))}
        {live(move || refused.get().map(|day| view! {
            <Notice tone=Tone::Warning text=text::key::refused(&text::time::date(day + NOON))>
                <Button on_click=move |()| core.ask(Command::SawRefusedMail, |_| ())>{text::key::SEEN}</Button>
            </Notice>
        }))}
        <Show when=move || unconfirmed.get() && !revoked.get() && !later.get()>
            <Notice tone=Tone::Info text=text::CONFIRM_RECOVERY>
                <a class="button" href=routes::SETTINGS>{text::CONFIRM_RECOVERY_NOW}</a>
                <Button on_click=move |()| later.set(true)>{text::CONFIRM_RECOVERY_LATER}</Button>
            </Notice>
        </Show>
    }
}

/// A day is one in all time zones at noon.
const NOON: u64 = 12 * 60 * 60 * 1000;

/// Connecting takes a moment after each start: only if it goes on is it worth a word.
const QUIET_FOR: std::time::Duration = std::time::Duration::from_secs(3);

#[component]
fn ConnectionBanner() -> impl IntoView {
    let session = use_session();
    let connection = Memo::new(move |_| session.connection());
    let slow = RwSignal::new(false);
    let timer = StoredValue::new_local(None::<TimeoutHandle>);
    let stop = move || _ = timer.try_update_value(|timer| timer.take().map(|timer| timer.clear()));
    Effect::new(move || {
        stop();
        slow.set(false);
        if connection.get() == Connection::Connecting {
            timer.set_value(set_timeout_with_handle(move || _ = slow.try_set(true), QUIET_FOR).ok());
        }
    });
    on_cleanup(stop);
    view! {
        <div class="connection" role="status" data-state=move || match connection.get() {
            Connection::Online => "online",
            Connection::Connecting => "connecting",
            Connection::Offline => "offline",
        }>
            {live(move || match connection.get() {
                Connection::Offline if !session.revoked() => Some(view! { <Icon icon=icondata_lu::LuCloudOff/> {text::OFFLINE} }.into_any()),
                Connection::Connecting if slow.get() => Some(view! { {text::CONNECTING} }.into_any()),
                _ => None,
            })}
        </div>
    }
}

/// A newer version of Haven waits.
#[component]
pub fn UpdateBanner() -> impl IntoView {
    let waiting = service_worker::register();
    let status = use_core().status();
    view! {
        // While the engine says the same, once is enough.
        <Show when=move || waiting.get() && status.get() != crate::services::core_client::CoreStatus::Outdated>
            <div class="update" role="status">
                <p class="update-text">{text::UPDATE_READY}</p>
                <Button kind=Kind::Quiet on_click=|()| service_worker::take_over()>{text::RELOAD}</Button>
                <Button kind=Kind::Quiet on_click=move |()| waiting.set(false)>{text::LATER}</Button>
            </div>
        </Show>
    }
}
