//! Why a conversation is not simply open: it starts, could not start, stopped, or one was removed.

use haven_bridge::{Command, ConversationId, ConversationState, ConversationSummary, Failure};
use leptos::prelude::*;

use super::new_conversation::use_new_conversation;
use crate::{
    components::{Button, Kind, Notice, Tone},
    features::people::accept_change::ChangeButton,
    live::live,
    state::{use_core, use_session, use_toasts},
    text,
};

/// Nothing for a conversation that is open.
#[component]
pub fn StateBanner(id: ConversationId, summary: Memo<Option<ConversationSummary>>) -> impl IntoView {
    let state =
        Memo::new(move |_| summary.with(|summary| summary.as_ref().map(|summary| summary.state.clone())));
    let session = use_session();
    live(move || {
        match state.get() {
        Some(ConversationState::Starting) => Some(view! { <Notice tone=Tone::Info text=text::STARTING/> }.into_any()),
        Some(ConversationState::StartFailed(failure)) => Some(view! { <StartFailed id=id failure=failure/> }.into_any()),
        Some(ConversationState::Stopped(reason)) => {
            let why = text::stop_reason(&reason, session.domain().as_deref());
            Some(view! { <Notice tone=Tone::Warning title=text::STOPPED_TITLE text=why><StartNew summary=summary/></Notice> }.into_any())
        }
        Some(ConversationState::Removed) => {
            Some(view! { <Notice tone=Tone::Info title=text::REMOVED_TITLE text=text::REMOVED><StartNew summary=summary/></Notice> }.into_any())
        }
        Some(ConversationState::Request { .. } | ConversationState::Active) | None => None,
    }
    })
}

#[component]
fn StartFailed(id: ConversationId, failure: Failure) -> impl IntoView {
    view! {
        <Notice tone=Tone::Error title=text::START_FAILED_TITLE text=text::failure::sentence(&failure)>
            <ChangeButton failure=failure/>
            <RetryButton id=id/>
        </Notice>
    }
}

#[component]
fn RetryButton(id: ConversationId) -> impl IntoView {
    let (core, toasts) = (use_core(), use_toasts());
    let busy = RwSignal::new(false);
    let retry = move |()| {
        busy.set(true);
        core.ask(Command::Retry { conversation: id, item: None }, move |answer| {
            busy.try_set(false);
            if let Err(trouble) = answer {
                toasts.complain(text::failure::trouble(&trouble));
            }
        });
    };
    view! { <Button kind=Kind::Primary busy=busy on_click=retry>{text::RETRY}</Button> }
}

/// The way on: another conversation with the same people.
#[component]
fn StartNew(summary: Memo<Option<ConversationSummary>>) -> impl IntoView {
    let new = use_new_conversation();
    let people = move || {
        summary.with_untracked(|summary| {
            let people = summary.as_ref().map(|summary| summary.people.as_slice()).unwrap_or_default();
            people.iter().map(|person| person.address.clone()).collect::<Vec<_>>()
        })
    };
    view! { <Button on_click=move |()| new.open_with(people())>{text::START_NEW}</Button> }
}
