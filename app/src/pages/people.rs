use leptos::prelude::*;

use crate::{
    components::EmptyState,
    features::people::{people_list::PeopleList, person_details::PersonDetails},
    live::{live, when},
    routes,
    services::place::{below, use_place},
    text,
};

/// The list, and beside it who is open.
#[component]
pub fn People() -> impl IntoView {
    let place = use_place();
    let open = Memo::new(move |_| below(&place.path(), routes::PEOPLE).is_some());
    let main = move || {
        if open.get() { view! { <PeoplePerson/> }.into_any() } else { view! { <PeopleStart/> }.into_any() }
    };
    view! {
        <div class="panes" data-open=when(move || open.get(), "")>
            <section class="panes-list" aria-label=text::PEOPLE><PeopleList/></section>
            <div class="panes-main">{main}</div>
        </div>
    }
}

/// Nobody is open.
#[component]
pub fn PeopleStart() -> impl IntoView {
    view! { <EmptyState icon=icondata_lu::LuUsers title=text::PICK_PERSON_TITLE text=text::PICK_PERSON/> }
}

/// Somebody is open.
#[component]
pub fn PeoplePerson() -> impl IntoView {
    let key = use_place().last_below(routes::PEOPLE);
    live(move || view! { <PersonDetails key=key.get().unwrap_or_default()/> })
}
