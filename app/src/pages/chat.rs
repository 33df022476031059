use haven_bridge::ConversationId;
use leptos::prelude::*;

use crate::{
    components::{Button, EmptyState, Kind},
    features::chat::{
        conversation::Conversation, conversation_list::ConversationList,
        new_conversation::use_new_conversation,
    },
    live::{live, when},
    routes,
    services::place::{below, use_place},
    text,
};

/// The list, and beside it what is open.
#[component]
pub fn Chat() -> impl IntoView {
    let place = use_place();
    let open = Memo::new(move |_| below(&place.path(), routes::CHAT).is_some());
    let main = move || {
        if open.get() { view! { <ChatConversation/> }.into_any() } else { view! { <ChatStart/> }.into_any() }
    };
    view! {
        <div class="panes" data-open=when(move || open.get(), "")>
            <section class="panes-list" aria-label=text::CONVERSATIONS><ConversationList/></section>
            <div class="panes-main">{main}</div>
        </div>
    }
}

/// Nothing is open.
#[component]
pub fn ChatStart() -> impl IntoView {
    let new = use_new_conversation();
    view! {
        <EmptyState icon=icondata_lu::LuMessageCircle title=text::NOTHING_OPEN_TITLE text=text::NOTHING_OPEN>
            <Button kind=Kind::Primary icon=icondata_lu::LuSquarePen on_click=move |()| new.open()>{text::NEW_CONVERSATION}</Button>
        </EmptyState>
    }
}

/// A conversation is open.
#[component]
pub fn ChatConversation() -> impl IntoView {
    let id = use_place().last_below(routes::CHAT);
    live(move || match id.get().as_deref().and_then(ConversationId::from_hex) {
        Some(id) => view! { <Conversation id=id/> }.into_any(),
        None => view! { <ConversationGone/> }.into_any(),
    })
}

/// The address leads to no conversation that is here.
#[component]
pub fn ConversationGone() -> impl IntoView {
    view! {
        <EmptyState icon=icondata_lu::LuCompass title=text::CONVERSATION_GONE_TITLE text=text::CONVERSATION_GONE>
            <a class="button" data-kind="primary" href=routes::CHAT>{text::TO_CHATS}</a>
        </EmptyState>
    }
}
