//! An open conversation.

use haven_bridge::{ConversationId, ConversationState, ConversationSummary};
use leptos::prelude::*;

use super::{
    composer::Composer, details::Details, request::RequestBar, state_banner::StateBanner,
    timeline::TimelineView,
};
use crate::{
    components::{Avatar, Icon, IconButton, Spinner},
    live::{live, when},
    pages::chat::ConversationGone,
    routes,
    services::browser,
    state::{Load, use_conversations, use_session},
    text,
};

/// What is below the messages.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Foot {
    Composer,
    Request,
    Nothing,
}

/// Head, messages, composer, and details if they are wanted.
#[component]
pub fn Conversation(id: ConversationId) -> impl IntoView {
    let conversations = use_conversations();
    let known = Memo::new(move |_| conversations.get(id).is_some());
    let loading = Memo::new(move |_| conversations.load() == Load::Loading);
    live(move || match (known.get(), loading.get()) {
        (true, _) => view! { <Open id=id/> }.into_any(),
        (false, true) => {
            view! { <div class="conversation-loading" role="status"><Spinner/></div> }.into_any()
        }
        (false, false) => view! { <ConversationGone/> }.into_any(),
    })
}

#[component]
fn Open(id: ConversationId) -> impl IntoView {
    let (conversations, session) = (use_conversations(), use_session());
    let summary = Memo::new(move |_| conversations.get(id));
    let name = Memo::new(move |_| {
        let domain = session.domain();
        summary.with(|summary| {
            summary
                .as_ref()
                .map(|summary| text::conversation_name(summary, domain.as_deref()))
                .unwrap_or_default()
        })
    });
    let foot = Memo::new(move |_| {
        summary.with(|summary| match summary.as_ref().map(|summary| &summary.state) {
            Some(ConversationState::Request { .. }) => Foot::Request,
            Some(
                ConversationState::Starting | ConversationState::StartFailed(_) | ConversationState::Active,
            ) => Foot::Composer,
            _ => Foot::Nothing,
        })
    });
    let details = RwSignal::new(false);
    view! {
        <div class="conversation" data-details=when(move || details.get(), "")>
            <section class="conversation-thread" aria-label=name>
                <Head summary=summary name=name details=details/>
                <StateBanner id=id summary=summary/>
                <TimelineView id=id/>
                {live(move || match foot.get() {
                    Foot::Composer => view! { <Composer id=id/> }.into_any(),
                    Foot::Request => view! { <RequestBar id=id summary=summary/> }.into_any(),
                    Foot::Nothing => ().into_any(),
                })}
            </section>
            <Show when=move || details.get()><Details id=id summary=summary open=details/></Show>
        </div>
    }
}

#[component]
fn Head(
    summary: Memo<Option<ConversationSummary>>,
    #[prop(into)] name: Signal<String>,
    details: RwSignal<bool>,
) -> impl IntoView {
    let avatar = move || {
        summary.with(|summary| {
            summary.as_ref().map(|summary| match summary.people.as_slice() {
                [one] if !summary.titled => {
                    view! { <Avatar name=one.address.clone() seed=one.fingerprint.clone() size="small"/> }
                        .into_any()
                }
                _ => view! { <Avatar name=name.get() seed=summary.id.to_hex() group=true size="small"/> }
                    .into_any(),
            })
        })
    };
    let count = move || {
        summary.with(|summary| {
            summary
                .as_ref()
                .filter(|summary| summary.people.len() > 1 || summary.titled)
                .map(|summary| text::member_count(summary.people.len() + 1))
        })
    };
    let toggle = move |()| {
        details.update(|details| *details = !*details);
        browser::focus_later(if details.get_untracked() { "details" } else { "details-button" });
    };
    let label = move || if details.get() { text::HIDE_DETAILS } else { text::SHOW_DETAILS }.to_owned();
    view! {
        <header class="conversation-head">
            <a class="icon-button conversation-back" href=routes::CHAT aria-label=text::BACK><Icon icon=icondata_lu::LuArrowLeft/></a>
            {avatar}
            <div class="conversation-heading">
                <h2 class="conversation-name" dir="auto">{name}</h2>
                {live(move || count().map(|count| view! { <p class="conversation-count">{count}</p> }))}
            </div>
            <IconButton
                id="details-button"
                label=Signal::derive(label)
                icon=icondata_lu::LuPanelRight
                expanded=details
                on_click=toggle
            />
        </header>
    }
}
