//! Who is in a conversation, with which devices.

use haven_bridge::{
    Command, ConversationDetails, ConversationId, ConversationState, ConversationSummary, Member, Reply,
    Trust,
};
use leptos::prelude::*;

use super::membership::{AddPeopleForm, RenameForm};
use crate::{
    components::{Avatar, Button, Dialog, Icon, IconButton, Notice, Spinner, Tone},
    live::live,
    routes,
    services::{browser, core_client::Trouble},
    state::{use_core, use_session},
    text,
};

type Found = Option<Result<ConversationDetails, Trouble>>;

/// The panel beside a conversation, or over it where there is little room.
#[component]
pub fn Details(
    id: ConversationId,
    summary: Memo<Option<ConversationSummary>>,
    open: RwSignal<bool>,
) -> impl IntoView {
    let core = use_core();
    let found = RwSignal::new(None::<Result<ConversationDetails, Trouble>>);
    let read = move || {
        core.ask(Command::Conversation(id), move |answer| {
            let details = match answer {
                Ok(Reply::Conversation(details)) => Ok(details),
                Ok(_) => return,
                Err(trouble) => Err(trouble),
            };
            found.try_set(Some(details));
        });
    };
    // A change of members or devices shows in the summary: it has a line then.
    Effect::new(move || {
        summary.track();
        read();
    });
    let close = move |()| {
        open.set(false);
        browser::focus_later("details-button");
    };
    let on_key = move |event: web_sys::KeyboardEvent| {
        if event.key() == "Escape" {
            close(());
        }
    };
    view! {
        <aside class="details" id="details" tabindex="-1" aria-label=text::DETAILS on:keydown=on_key>
            <header class="details-head">
                <h2 class="details-title">{text::DETAILS}</h2>
                <IconButton label=text::CLOSE icon=icondata_lu::LuX on_click=close/>
            </header>
            <Actions id=id summary=summary/>
            {live(move || match found.get() as Found {
                None => view! { <div class="details-loading" role="status"><Spinner/></div> }.into_any(),
                Some(Err(trouble)) => view! {
                    <Notice tone=Tone::Error text=text::failure::trouble(&trouble)>
                        <Button on_click=move |()| read()>{text::RETRY}</Button>
                    </Notice>
                }.into_any(),
                Some(Ok(details)) => view! { <Members members=details.members/> }.into_any(),
            })}
        </aside>
    }
}

#[component]
fn Actions(id: ConversationId, summary: Memo<Option<ConversationSummary>>) -> impl IntoView {
    let (renaming, adding) = (RwSignal::new(false), RwSignal::new(false));
    let can = Memo::new(move |_| {
        summary.with(|summary| {
            summary.as_ref().is_some_and(|summary| matches!(summary.state, ConversationState::Active))
        })
    });
    let title = move || {
        summary.with_untracked(|summary| {
            summary
                .as_ref()
                .filter(|summary| summary.titled)
                .map(|summary| summary.title.clone())
                .unwrap_or_default()
        })
    };
    view! {
        <Show when=move || can.get()>
            <div class="details-actions">
                <Button icon=icondata_lu::LuUserPlus on_click=move |()| adding.set(true)>{text::ADD_PEOPLE}</Button>
                <Button icon=icondata_lu::LuPencil on_click=move |()| renaming.set(true)>{text::RENAME}</Button>
            </div>
        </Show>
        <Dialog id="rename" open=renaming title=text::RENAME><RenameForm id=id title=title() open=renaming/></Dialog>
        <Dialog id="add-people" open=adding title=text::ADD_PEOPLE><AddPeopleForm id=id open=adding/></Dialog>
    }
}

#[component]
fn Members(members: Vec<Member>) -> impl IntoView {
    let domain = use_session().domain_now();
    let rows: Vec<_> = members
        .into_iter()
        .map(|member| view! { <MemberRow member=member domain=domain.clone()/> })
        .collect();
    view! {
        <h3 class="details-section" id="members-heading">{text::MEMBERS} " " <span class="details-count">{rows.len()}</span></h3>
        <ul class="members" aria-labelledby="members-heading">{rows}</ul>
    }
}

#[component]
fn MemberRow(member: Member, domain: Option<String>) -> impl IntoView {
    let Member { person, me, trust, devices } = member;
    let name = if me { text::YOU.to_owned() } else { text::short_name(&person, domain.as_deref()) };
    let to = if me { routes::SETTINGS.to_owned() } else { routes::person(&person.fingerprint) };
    let devices: Vec<_> = devices
        .into_iter()
        .map(|device| view! { <li class="members-device"><Icon icon=icondata_lu::LuMonitorSmartphone/><span>{device}</span></li> })
        .collect();
    let none = devices.is_empty();
    view! {
        <li class="members-item">
            <Avatar name=person.address.clone() seed=person.fingerprint.clone() size="small"/>
            <div class="members-body">
                <p class="members-line">
                    <a class="members-name" href=to dir="auto">{name}</a>
                    {(!me).then(|| view! { <TrustBadge trust=trust/> })}
                </p>
                <p class="members-address" dir="auto">{person.address}</p>
                <ul class="members-devices">
                    {devices}
                    {none.then(|| view! { <li class="members-device">{text::DEVICES_NONE}</li> })}
                </ul>
            </div>
        </li>
    }
}

/// What is known of a person.
#[component]
pub fn TrustBadge(trust: Trust) -> impl IntoView {
    let (name, icon) = match trust {
        Trust::Claimed => ("claimed", icondata_lu::LuCircleHelp),
        Trust::Pinned => ("pinned", icondata_lu::LuShieldCheck),
        Trust::Changed => ("changed", icondata_lu::LuShieldAlert),
        Trust::Replaced => ("claimed", icondata_lu::LuHistory),
        Trust::Verified => ("verified", icondata_lu::LuBadgeCheck),
        Trust::NoKey => ("claimed", icondata_lu::LuEye),
    };
    view! { <span class="badge" data-trust=name title=text::trust_sentence(trust)><Icon icon=icon/>{text::trust(trust)}</span> }
}
