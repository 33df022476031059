//! Which page stands at which address.

pub mod mail;

use haven_bridge::{ConversationId, PersonRef};
use leptos::prelude::*;

use crate::{
    features::shell::Shell,
    live::live,
    pages::{home::Home, not_found::NotFound, welcome::Welcome},
    services::place::{below, use_place},
    state::people::bare,
};

/// Decides where to go.
pub const HOME: &str = "/";
/// Signing up and in.
pub const WELCOME: &str = "/welcome";
/// Conversations.
pub const CHAT: &str = "/chat";
/// Everybody known.
pub const PEOPLE: &str = "/people";
/// Settings.
pub const SETTINGS: &str = "/settings";

/// A conversation's page.
pub fn conversation(id: ConversationId) -> String {
    format!("{CHAT}/{}", id.to_hex())
}

/// A person's page.
pub fn person(fingerprint: &str) -> String {
    format!("{PEOPLE}/{}", bare(fingerprint))
}

/// The page of whoever has an address.
pub fn person_at(address: &str) -> String {
    format!("{PEOPLE}/{}", String::from(js_sys::encode_uri_component(address)))
}

/// The page of somebody in the list of people.
pub fn person_of(listed: &PersonRef) -> String {
    if listed.fingerprint.is_empty() { person_at(&listed.address) } else { person(&listed.fingerprint) }
}

/// Whom the end of such an address names.
pub fn person_named(key: &str) -> PersonRef {
    let key = js_sys::decode_uri_component(key).map_or_else(|_| key.to_owned(), String::from);
    match key.contains('@') {
        true => PersonRef { address: key, fingerprint: String::new() },
        false => PersonRef { address: String::new(), fingerprint: key },
    }
}

/// What an address leads to. Which conversation or person is open is up to their pages.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Route {
    Home,
    Welcome,
    InShell(Part),
    Nowhere,
}

/// The parts of Haven that share the frame.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Part {
    /// Conversations.
    Chat,
    /// Mail.
    Mail,
    /// Everybody known.
    People,
    /// Settings.
    Settings,
}

impl Route {
    fn of(path: &str) -> Self {
        let in_list = |list| path == list || below(path, list).is_some_and(|rest| !rest.contains('/'));
        match path {
            HOME => Self::Home,
            WELCOME => Self::Welcome,
            SETTINGS => Self::InShell(Part::Settings),
            _ if in_list(CHAT) => Self::InShell(Part::Chat),
            _ if mail::MailPlace::of(path).is_some() => Self::InShell(Part::Mail),
            _ if in_list(PEOPLE) => Self::InShell(Part::People),
            _ => Self::Nowhere,
        }
    }
}

/// All pages.
#[component]
pub fn RouteTable() -> impl IntoView {
    let place = use_place();
    let route = Memo::new(move |_| Route::of(&place.path()));
    // Stays what it was while the frame goes.
    let part = Memo::new(move |before: Option<&Part>| match route.get() {
        Route::InShell(part) => part,
        _ => before.copied().unwrap_or(Part::Chat),
    });
    // The frame stays when the part changes.
    let frame = Memo::new(move |_| match route.get() {
        Route::InShell(_) => Route::InShell(Part::Chat),
        other => other,
    });
    live(move || match frame.get() {
        Route::Home => view! { <Home/> }.into_any(),
        Route::Welcome => view! { <Welcome/> }.into_any(),
        Route::InShell(_) => view! { <Shell part=part/> }.into_any(),
        Route::Nowhere => view! { <NotFound/> }.into_any(),
    })
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::{Part, Route};

    #[test]
    fn addresses_lead_to_pages() {
        assert_eq!(Route::of("/"), Route::Home);
        assert_eq!(Route::of("/welcome"), Route::Welcome);
        assert_eq!(Route::of("/chat"), Route::InShell(Part::Chat));
        assert_eq!(Route::of("/chat/0a"), Route::InShell(Part::Chat));
        assert_eq!(Route::of("/mail/inbox"), Route::InShell(Part::Mail));
        assert_eq!(Route::of("/people/0a"), Route::InShell(Part::People));
        assert_eq!(Route::of("/settings"), Route::InShell(Part::Settings));
        assert_eq!(Route::of("/people/a%40b.example"), Route::InShell(Part::People));
        for nowhere in ["/chats", "/mail/outbox", "/chat/0a/b", "/settings/0a", "/welcome/0a"] {
            assert_eq!(Route::of(nowhere), Route::Nowhere);
        }
    }
}
