use haven_bridge::Session;
use leptos::prelude::*;

use crate::{app::Opening, routes, services::place::use_place, state::use_session};

/// Decides where to go.
#[component]
pub fn Home() -> impl IntoView {
    let (session, place) = (use_session(), use_place());
    Effect::new(move || {
        place.replace(match session.get() {
            Some(Session::SignedOut { .. }) => routes::WELCOME,
            Some(Session::SignedIn(_) | Session::Revoked(_)) => routes::CHAT,
            None => return,
        });
    });
    view! { <Opening/> }
}
