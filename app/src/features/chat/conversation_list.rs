//! The list of conversations, requests of unknown people first.

use haven_bridge::{ConversationId, ConversationState, ConversationSummary};
use leptos::prelude::*;
use wasm_bindgen::JsCast;

use super::new_conversation::use_new_conversation;
use crate::{
    components::{Avatar, Button, EmptyState, Icon, IconButton, Kind, Notice, Spinner, Tone},
    live::{live, when},
    routes,
    services::place::use_place,
    state::{Load, use_conversations, use_session},
    text,
};

/// Heading, requests, conversations.
#[component]
pub fn ConversationList() -> impl IntoView {
    let conversations = use_conversations();
    let new = use_new_conversation();
    let split = Memo::new(move |_| {
        let (requests, others): (Vec<_>, Vec<_>) =
            conversations.order().into_iter().partition(|id| is_request(*id));
        (requests, others)
    });
    let load = Memo::new(move |_| conversations.load());
    view! {
        <header class="list-head">
            <h1 class="list-title">{text::CHATS}</h1>
            <IconButton id="new-conversation-button" label=text::NEW_CONVERSATION icon=icondata_lu::LuSquarePen on_click=move |()| new.open()/>
        </header>
        {live(move || match load.get() {
            Load::Loading => view! { <div class="list-loading" role="status"><Spinner/><span class="hidden">{text::OPENING}</span></div> }.into_any(),
            Load::Failed(trouble) => view! {
                <Notice tone=Tone::Error text=text::failure::trouble(&trouble)>
                    <Button on_click=move |()| conversations.retry()>{text::RETRY}</Button>
                </Notice>
            }.into_any(),
            Load::Ready => view! { <Lists split=split/> }.into_any(),
        })}
    }
}

fn is_request(id: ConversationId) -> bool {
    use_conversations()
        .row(id)
        .is_some_and(|row| row.with(|row| matches!(row.state, ConversationState::Request { .. })))
}

#[component]
fn Lists(split: Memo<(Vec<ConversationId>, Vec<ConversationId>)>) -> impl IntoView {
    let new = use_new_conversation();
    let requests = Memo::new(move |_| split.with(|(requests, _)| requests.clone()));
    let others = Memo::new(move |_| split.with(|(_, others)| others.clone()));
    let empty = Memo::new(move |_| split.with(|(requests, others)| requests.is_empty() && others.is_empty()));
    view! {
        <div class="list-scroller" on:keydown=move_with_arrows>
            <Show when=move || empty.get()>
                <EmptyState icon=icondata_lu::LuMessageCirclePlus title=text::NO_CONVERSATIONS_TITLE text=text::NO_CONVERSATIONS>
                    <Button kind=Kind::Primary on_click=move |()| new.open()>{text::NEW_CONVERSATION}</Button>
                </EmptyState>
            </Show>
            <Show when=move || requests.with(|requests| !requests.is_empty())>
                <h2 class="list-section" id="requests-heading">{text::REQUESTS}</h2>
                <ul class="list" aria-labelledby="requests-heading">
                    <For each=move || requests.get() key=|id| *id let:id><Row id=id/></For>
                </ul>
                <Show when=move || others.with(|others| !others.is_empty())>
                    <h2 class="list-section">{text::CONVERSATIONS}</h2>
                </Show>
            </Show>
            <Show when=move || others.with(|others| !others.is_empty())>
                <ul class="list" aria-label=text::CONVERSATIONS>
                    <For each=move || others.get() key=|id| *id let:id><Row id=id/></For>
                </ul>
            </Show>
        </div>
    }
}

#[component]
fn Row(id: ConversationId) -> impl IntoView {
    let (conversations, session) = (use_conversations(), use_session());
    let place = use_place();
    let to = routes::conversation(id);
    let here = to.clone();
    let current = Memo::new(move |_| place.path() == here);
    let domain = Memo::new(move |_| session.domain());
    conversations.row(id).map(|row| {
        view! {
            <li class="list-item">
                <a class="conversation-row" href=to aria-current=when(move || current.get(), "page")>
                    {live(move || row.with(|summary| domain.with(|domain| row_content(summary, domain.as_deref()))))}
                </a>
            </li>
        }
    })
}

fn row_content(summary: &ConversationSummary, domain: Option<&str>) -> impl IntoView + use<> {
    let name = text::conversation_name(summary, domain);
    let avatar = match summary.people.as_slice() {
        [one] if !summary.titled => {
            view! { <Avatar name=one.address.clone() seed=one.fingerprint.clone()/> }.into_any()
        }
        _ => view! { <Avatar name=name.clone() seed=summary.id.to_hex() group=true/> }.into_any(),
    };
    let (unread, mark) = (summary.unread, state_mark(&summary.state));
    let time = (summary.updated > 0).then(|| text::time::short(summary.updated));
    view! {
        {avatar}
        <span class="conversation-row-text">
            <span class="conversation-row-line">
                <span class="conversation-row-name" dir="auto">{name}</span>
                <span class="conversation-row-time">{time}</span>
            </span>
            <span class="conversation-row-line">
                {mark.map(|icon| view! { <Icon icon=icon/> })}
                <span class="conversation-row-preview" dir="auto">{text::preview(summary, domain)}</span>
                {(unread > 0).then(|| view! {
                    <span class="conversation-row-unread">{unread}<span class="hidden">" unread"</span></span>
                })}
            </span>
        </span>
    }
}

fn state_mark(state: &ConversationState) -> Option<icondata_core::Icon> {
    match state {
        ConversationState::Starting => Some(icondata_lu::LuClock),
        ConversationState::StartFailed(_) | ConversationState::Stopped(_) => {
            Some(icondata_lu::LuTriangleAlert)
        }
        ConversationState::Removed => Some(icondata_lu::LuBan),
        ConversationState::Request { .. } | ConversationState::Active => None,
    }
}

/// Arrow keys, Home and End move among the rows of a list.
pub fn move_with_arrows(event: web_sys::KeyboardEvent) {
    let Some(list) = event.current_target().and_then(|target| target.dyn_into::<web_sys::Element>().ok())
    else {
        return;
    };
    let Ok(links) = list.query_selector_all("a[href]") else { return };
    let last = links.length().saturating_sub(1);
    let focused = document().active_element();
    let here: Option<u32> =
        (0..links.length()).find(|index| links.get(*index).as_ref() == focused.as_ref().map(AsRef::as_ref));
    let next = match (event.key().as_str(), here) {
        ("ArrowDown", Some(here)) => (here + 1).min(last),
        ("ArrowUp", Some(here)) => here.saturating_sub(1),
        ("Home", _) => 0,
        ("End", _) => last,
        _ => return,
    };
    event.prevent_default();
    if let Some(link) = links.get(next).and_then(|node| node.dyn_into::<web_sys::HtmlElement>().ok()) {
        _ = link.focus();
    }
}
