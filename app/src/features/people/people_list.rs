//! Everybody known.

use haven_bridge::{Person, Trust};
use leptos::prelude::*;

use super::add_key::AddKeyButton;
use crate::{
    components::{Avatar, Button, EmptyState, Icon, Notice, Spinner, Tone},
    features::chat::{
        conversation_list::move_with_arrows, details::TrustBadge, new_conversation::use_new_conversation,
    },
    live::{live, when},
    routes,
    services::place::use_place,
    state::{Load, people::colour_of, use_people, use_session},
    text,
};

/// Heading and list.
#[component]
pub fn PeopleList() -> impl IntoView {
    let people = use_people();
    let load = Memo::new(move |_| people.load());
    view! {
        <header class="list-head"><h1 class="list-title">{text::PEOPLE}</h1><AddKeyButton/></header>
        {live(move || match load.get() {
            Load::Loading => view! { <div class="list-loading" role="status"><Spinner/><span class="hidden">{text::OPENING}</span></div> }.into_any(),
            Load::Failed(trouble) => view! {
                <Notice tone=Tone::Error text=text::failure::trouble(&trouble)>
                    <Button on_click=move |()| people.retry()>{text::RETRY}</Button>
                </Notice>
            }.into_any(),
            Load::Ready => view! { <List/> }.into_any(),
        })}
    }
}

#[component]
fn List() -> impl IntoView {
    let (people, new) = (use_people(), use_new_conversation());
    let empty = Memo::new(move |_| people.all().is_empty());
    view! {
        <div class="list-scroller" on:keydown=move_with_arrows>
            <Show
                when=move || !empty.get()
                fallback=move || view! {
                    <EmptyState icon=icondata_lu::LuUsers title=text::NO_PEOPLE_TITLE text=text::NO_PEOPLE>
                        <Button on_click=move |()| new.open()>{text::NEW_CONVERSATION}</Button>
                    </EmptyState>
                }
            >
                <ul class="list" aria-label=text::PEOPLE>
                    // A person's row changes rarely: it is drawn anew then.
                    <For each=move || people.all() key=|person| (person.person.clone(), person.blocked, person.trust as u8, person.name.clone()) let:person>
                        <Row person=person/>
                    </For>
                </ul>
            </Show>
        </div>
    }
}

#[component]
fn Row(person: Person) -> impl IntoView {
    let session = use_session();
    let place = use_place();
    let to = routes::person_of(&person.person);
    let here = to.clone();
    let current = Memo::new(move |_| place.path() == here);
    let name = text::people::name(&person, session.domain_now().as_deref());
    view! {
        <li class="list-item">
            <a class="conversation-row" href=to aria-current=when(move || current.get(), "page")>
                <Avatar name=name.clone() seed=colour_of(&person.person)/>
                <span class="conversation-row-text">
                    <span class="conversation-row-line">
                        <span class="conversation-row-name" dir="auto">{name}</span>
                        {person.blocked.then(|| view! { <span class="badge" data-trust="blocked"><Icon icon=icondata_lu::LuBan/>{text::BLOCKED_BADGE}</span> })}
                        {matches!(person.trust, Trust::Changed | Trust::Replaced | Trust::Verified).then(|| view! { <TrustBadge trust=person.trust/> })}
                    </span>
                    <span class="conversation-row-line"><span class="conversation-row-preview">{person.person.address.clone()}</span></span>
                </span>
            </a>
        </li>
    }
}
