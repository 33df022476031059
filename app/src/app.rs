//! The app: providers, and what is shown while the engine is not there.

use leptos::prelude::*;

use crate::{
    components::{Button, EmptyState, Kind, Spinner, ToastArea},
    features::{shell::UpdateBanner, shell::title::keep_title},
    live::live,
    routes::RouteTable,
    services::{
        browser,
        core_client::{CoreClient, CoreStatus},
        place::provide_place,
    },
    state::{provide_state, use_core, use_session},
    text,
};

/// Haven.
#[component]
pub fn App(
    /// The engine. It is started here.
    core: CoreClient,
) -> impl IntoView {
    provide_state(core);
    provide_place();
    keep_title();
    text::time::keep_today();
    core.start();
    tell_network(core);
    view! {
        <UpdateBanner/>
        <Gate/>
        <ToastArea/>
    }
}

/// Workers don't hear when the network comes and goes.
fn tell_network(core: CoreClient) {
    let online = window_event_listener(leptos::ev::online, move |_| core.tell_online(true));
    let offline = window_event_listener(leptos::ev::offline, move |_| core.tell_online(false));
    on_cleanup(move || {
        online.remove();
        offline.remove();
    });
}

/// What stands between the person and the pages.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Obstacle {
    None,
    Opening,
    CoreFailed,
    CoreBroken,
    Outdated,
    NoSession,
}

#[component]
fn Gate() -> impl IntoView {
    let (status, session) = (use_core().status(), use_session());
    // A restart of the engine in the middle of things is not shown: the pages stay, and requests come back soon.
    let obstacle = Memo::new(move |_| match (status.get(), session.get(), session.trouble()) {
        (CoreStatus::Failed, ..) => Obstacle::CoreFailed,
        (CoreStatus::Broken, ..) => Obstacle::CoreBroken,
        (CoreStatus::Outdated, ..) => Obstacle::Outdated,
        (_, Some(_), _) => Obstacle::None,
        (CoreStatus::Ready, None, Some(_)) => Obstacle::NoSession,
        (_, None, _) => Obstacle::Opening,
    });
    live(move || {
        match obstacle.get() {
        Obstacle::None => view! { <RouteTable/> }.into_any(),
        Obstacle::Opening => view! { <Opening/> }.into_any(),
        Obstacle::CoreFailed => {
            let core = use_core();
            view! { <Stop title=text::CORE_FAILED_TITLE text=text::CORE_FAILED action=text::RETRY on_click=move |()| core.start()/> }
                .into_any()
        }
        Obstacle::CoreBroken => {
            view! { <Stop title=text::CORE_BROKEN_TITLE text=text::CORE_BROKEN action=text::RELOAD on_click=|()| browser::reload()/> }
                .into_any()
        }
        Obstacle::Outdated => {
            view! { <Stop title=text::CORE_OUTDATED_TITLE text=text::CORE_OUTDATED action=text::RELOAD on_click=|()| browser::reload()/> }
                .into_any()
        }
        Obstacle::NoSession => {
            let why = session.trouble().map(|trouble| text::failure::trouble(&trouble)).unwrap_or_default();
            view! { <Stop title=text::SESSION_FAILED_TITLE text=why action=text::RETRY on_click=move |()| session.refresh()/> }.into_any()
        }
    }
    })
}

/// The page's own boot screen goes on in this one without a visible change.
#[component]
pub fn Opening() -> impl IntoView {
    view! {
        <main class="boot">
            <img class="boot-mark" src="/icons/haven.svg" alt="" width="56" height="56"/>
            <p class="boot-loading" role="status"><Spinner/>{text::OPENING}</p>
        </main>
    }
}

#[component]
fn Stop(
    title: &'static str,
    #[prop(into)] text: String,
    action: &'static str,
    #[prop(into)] on_click: Callback<()>,
) -> impl IntoView {
    view! {
        <main class="boot">
            <EmptyState whole_page=true icon=icondata_lu::LuLifeBuoy title=title text=text>
                <Button kind=Kind::Primary on_click=on_click>{action}</Button>
            </EmptyState>
        </main>
    }
}
