use leptos::prelude::*;

use crate::{
    components::Icon,
    live::{live, when},
    routes::{self, mail::MailPlace},
    services::place::{below, use_place},
    state::{use_conversations, use_mailbox, use_session},
    text,
};

/// The way between the parts of Haven: at the side, or at the bottom of a phone.
#[component]
pub fn Rail() -> impl IntoView {
    let (conversations, mailbox) = (use_conversations(), use_mailbox());
    let place = use_place();
    // On a phone, what is open needs the whole height.
    let open = Memo::new(move |_| {
        let path = place.path();
        below(&path, routes::CHAT).or_else(|| below(&path, routes::PEOPLE)).is_some()
            || MailPlace::is_open(&path)
    });
    let unread = Signal::derive(move || conversations.unread());
    let unread_mail = Signal::derive(move || mailbox.unread());
    let unconfirmed =
        Signal::derive(move || u32::from(use_session().me().is_some_and(|me| !me.recovery_confirmed)));
    view! {
        <nav class="rail" aria-label=text::NAV data-open=when(move || open.get(), "")>
            <img class="rail-mark" src="/icons/haven.svg" alt="" width="32" height="32"/>
            <RailLink to=routes::CHAT icon=icondata_lu::LuMessageCircle label=text::CHATS badge=unread/>
            <RailLink to=routes::mail::MAIL icon=icondata_lu::LuMail label=text::mail::MAIL badge=unread_mail/>
            <RailLink to=routes::PEOPLE icon=icondata_lu::LuUsers label=text::PEOPLE/>
            <RailLink to=routes::SETTINGS icon=icondata_lu::LuSettings2 label=text::SETTINGS dot=unconfirmed/>
        </nav>
    }
}

#[component]
fn RailLink(
    to: &'static str,
    icon: icondata_core::Icon,
    label: &'static str,
    /// A number that asks for attention.
    #[prop(optional, into)]
    badge: Signal<u32>,
    /// Something here is to be done.
    #[prop(optional, into)]
    dot: Signal<u32>,
) -> impl IntoView {
    let place = use_place();
    let current = Memo::new(move |_| place.is_in(to));
    view! {
        <a class="rail-link" href=to aria-current=when(move || current.get(), "page")>
            <span class="rail-icon">
                <Icon icon=icon/>
                {live(move || (badge.get() > 0).then(|| view! { <span class="rail-badge" aria-hidden="true">{badge_text(badge.get())}</span> }))}
                {live(move || (dot.get() > 0).then(|| view! { <span class="rail-dot"></span> }))}
            </span>
            <span class="rail-label">{label}</span>
            {live(move || (badge.get() > 0).then(|| view! { <span class="hidden">{text::unread(badge.get())}</span> }))}
        </a>
    }
}

fn badge_text(count: u32) -> String {
    if count > 99 { "99+".to_owned() } else { count.to_string() }
}
