//! A request from somebody unknown.

use haven_bridge::{Command, ConversationId, ConversationState, ConversationSummary, Failure, RequestAnswer};
use leptos::prelude::*;

use crate::{
    components::{Button, Kind, Notice, Tone},
    features::people::accept_change::ChangeButton,
    live::live,
    routes,
    services::{browser, core_client::Trouble, place::use_place},
    state::{use_core, use_session, use_toasts},
    text,
};

/// Accept, decline, block.
#[component]
pub fn RequestBar(id: ConversationId, summary: Memo<Option<ConversationSummary>>) -> impl IntoView {
    let (core, session, toasts, place) = (use_core(), use_session(), use_toasts(), use_place());
    let busy = RwSignal::new(None::<RequestAnswer>);
    let changed = RwSignal::new(None::<Failure>);
    let intent = browser::new_intent();
    let answer = move |answer: RequestAnswer| {
        if busy.get_untracked().is_some() {
            return;
        }
        busy.set(Some(answer));
        core.ask(Command::AnswerRequest { intent, conversation: id, answer }, move |result| {
            busy.try_set(None);
            match (result, answer) {
                (Err(Trouble::Failed(failure @ Failure::CertificateChanged { .. })), _) => {
                    changed.try_set(Some(failure));
                }
                (Err(trouble), _) => toasts.complain(text::failure::trouble(&trouble)),
                (Ok(_), RequestAnswer::Accept) => browser::focus_later("composer"),
                (Ok(_), RequestAnswer::Decline) => {
                    toasts.say(text::DECLINED);
                    place.go(routes::CHAT);
                }
                (Ok(_), RequestAnswer::Block) => {
                    toasts.say(text::BLOCKED);
                    place.go(routes::CHAT);
                }
            }
        });
    };
    let from = move || {
        summary.with(|summary| match summary.as_ref().map(|summary| &summary.state) {
            Some(ConversationState::Request { from }) => text::short_name(from, session.domain().as_deref()),
            _ => String::new(),
        })
    };
    let is_busy = move |answer| Signal::derive(move || busy.get() == Some(answer));
    view! {
        <section class="request" aria-label=text::REQUESTS>
            <p class="request-title"><strong>{from}</strong> " " {text::REQUEST_TITLE}</p>
            <p class="request-text">{text::REQUEST_LEAD}</p>
            {live(move || changed.get().map(|failure| view! {
                <Notice tone=Tone::Warning text=text::failure::sentence(&failure)><ChangeButton failure=failure/></Notice>
            }))}
            <div class="request-actions">
                <Button kind=Kind::Primary busy=is_busy(RequestAnswer::Accept) on_click=move |()| answer(RequestAnswer::Accept)>{text::ACCEPT}</Button>
                <Button busy=is_busy(RequestAnswer::Decline) on_click=move |()| answer(RequestAnswer::Decline)>{text::DECLINE}</Button>
                <Button kind=Kind::Danger busy=is_busy(RequestAnswer::Block) on_click=move |()| answer(RequestAnswer::Block)>{text::BLOCK}</Button>
            </div>
        </section>
    }
}
