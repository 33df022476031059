use leptos::prelude::*;
use leptos_router::{
    components::Outlet,
    hooks::{use_location, use_params_map},
};

use crate::{
    components::EmptyState,
    features::{
        people::{people_list::PeopleList, person_details::PersonDetails},
        shell::below,
    },
    routes, text,
};

/// The list, and beside it who is open.
#[component]
pub fn People() -> impl IntoView {
    let path = use_location().pathname;
    let open = Memo::new(move |_| below(&path.get(), routes::PEOPLE));
    view! {
        <div class="panes" data-open=move || open.get().then_some("")>
            <section class="panes-list" aria-label=text::PEOPLE><PeopleList/></section>
            <div class="panes-main"><Outlet/></div>
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
    let params = use_params_map();
    let fingerprint = Memo::new(move |_| params.with(|params| params.get("fingerprint").unwrap_or_default()));
    move || view! { <PersonDetails fingerprint=fingerprint.get()/> }
}
