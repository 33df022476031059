//! How far an own mail got, and what became of it for each recipient.

use haven_bridge::{
    Command, Failure,
    mail::{Delivery, DeliveryState, MailId, MailState, MailView},
};
use leptos::prelude::*;

use super::actions::use_actions;
use crate::{
    components::{Button, Icon, Notice, Tone},
    features::people::accept_change::ChangeButton,
    routes::mail,
    services::{browser, place::use_place},
    state::{use_core, use_mailbox, use_toasts},
    text,
};

/// Nothing for mails of others.
#[component]
pub fn Outgoing(mail: MailView) -> impl IntoView {
    let id = mail.summary.id;
    go_where_it_went(id);
    mail.summary.state.map(|state| match state {
        MailState::Waiting => view! { <Waiting id=id/> }.into_any(),
        MailState::RelayFull => view! {
            <Notice tone=Tone::Warning title=text::mail::RELAY_FULL text=text::mail::RELAY_FULL_LEAD><BackToDrafts id=id/></Notice>
        }
        .into_any(),
        MailState::WantedBack => {
            view! { <Notice tone=Tone::Info text=text::mail::WANTED_BACK_LEAD/> }.into_any()
        }
        MailState::Failed(why) => view! { <NotSent id=id why=why/> }.into_any(),
        MailState::Sent | MailState::Undelivered => {
            view! { <Deliveries deliveries=mail.deliveries/> }.into_any()
        }
    })
}

/// Once the mail was taken back, the draft is shown that it is now.
fn go_where_it_went(id: MailId) {
    let (mailbox, toasts, place) = (use_mailbox(), use_toasts(), use_place());
    // What was taken back before is over.
    let at_once = false;
    let went = move |back: &Option<(MailId, Option<MailId>)>, _: Option<&_>, _| match back {
        Some((mail, Some(draft))) if *mail == id => place.go(&mail::draft(*draft)),
        Some((mail, None)) if *mail == id => toasts.say(text::mail::TOO_LATE),
        _ => {}
    };
    Effect::watch(move || mailbox.taken_back(), went, at_once);
}

#[component]
fn Waiting(id: MailId) -> impl IntoView {
    let mailbox = use_mailbox();
    let lead = Signal::derive(move || {
        let percent = mailbox.progress((id, None));
        percent.map_or_else(|| text::mail::WAITING_LEAD.to_owned(), text::mail::handed_over)
    });
    view! {
        <Notice tone=Tone::Info text=lead><BackToDrafts id=id/></Notice>
    }
}

#[component]
fn NotSent(id: MailId, why: Failure) -> impl IntoView {
    let actions = use_actions();
    view! {
        <Notice tone=Tone::Error title=text::mail::NOT_SENT text=text::failure::sentence(&why)>
            <ChangeButton failure=why/>
            <Button on_click=move |()| actions.retry(id)>{text::RETRY}</Button>
            <BackToDrafts id=id/>
        </Notice>
    }
}

#[component]
fn BackToDrafts(id: MailId) -> impl IntoView {
    let (core, toasts) = (use_core(), use_toasts());
    let busy = RwSignal::new(false);
    let take_back = move |()| {
        busy.set(true);
        let command = Command::BackToDrafts { intent: browser::new_intent(), mail: id };
        core.ask(command, move |answer| {
            busy.try_set(false);
            if let Err(trouble) = answer {
                toasts.complain(text::failure::trouble(&trouble));
            }
        });
    };
    view! { <Button busy=busy on_click=take_back>{text::mail::BACK_TO_DRAFTS}</Button> }
}

/// One line if all went well or is on its way, and one more for each recipient where it did not.
#[component]
fn Deliveries(deliveries: Vec<Delivery>) -> impl IntoView {
    let count = |state: DeliveryState| deliveries.iter().filter(|one| one.state == state).count();
    let (delivered, relayed) = (count(DeliveryState::Delivered), count(DeliveryState::Relayed));
    let failed = deliveries.iter().filter(|one| matches!(one.state, DeliveryState::Failed { .. })).count();
    let (icon, summary) = match deliveries.len() {
        all if all > 0 && all == failed => {
            (icondata_lu::LuCircleAlert, text::mail::DELIVERED_TO_NOBODY.to_owned())
        }
        all if all > 0 && all == delivered => (icondata_lu::LuCheckCheck, text::mail::DELIVERED.to_owned()),
        all if all == delivered + relayed => (icondata_lu::LuCheck, text::mail::STATE_SENT.to_owned()),
        all => (icondata_lu::LuClock, text::mail::sent_to(delivered + relayed, all)),
    };
    let troubles = deliveries.into_iter().filter_map(|Delivery { address, state }| {
        let sentence = text::mail::delivery_trouble(&address, &state)?;
        let failed = matches!(state, DeliveryState::Failed { .. });
        let tone = if failed { Tone::Error } else { Tone::Warning };
        Some(view! { <Notice tone=tone text=sentence/> })
    });
    view! {
        <p class="mail-state"><Icon icon=icon/>{summary}</p>
        {troubles.collect_view()}
    }
}
