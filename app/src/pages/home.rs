use haven_bridge::Session;
use leptos::prelude::*;
use leptos_router::{NavigateOptions, hooks::use_navigate};

use crate::{app::Opening, routes, state::use_session};

/// Decides where to go.
#[component]
pub fn Home() -> impl IntoView {
    let session = use_session();
    let navigate = use_navigate();
    Effect::new(move || {
        let place = match session.get() {
            Some(Session::SignedOut { .. }) => routes::WELCOME,
            Some(Session::SignedIn(_) | Session::Revoked(_)) => routes::CHAT,
            None => return,
        };
        navigate(place, NavigateOptions { replace: true, ..Default::default() });
    });
    view! { <Opening/> }
}
