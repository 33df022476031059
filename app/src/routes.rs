//! Which page stands at which address.

use haven_bridge::ConversationId;
use leptos::prelude::*;
use leptos_router::{
    components::{ParentRoute, Route, Routes},
    path,
};

use crate::{
    features::shell::Shell,
    pages::{
        chat::{Chat, ChatConversation, ChatStart},
        home::Home,
        not_found::NotFound,
        people::{People, PeoplePerson, PeopleStart},
        settings::Settings,
        welcome::Welcome,
    },
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

/// All pages.
#[component]
pub fn RouteTable() -> impl IntoView {
    view! {
        <Routes fallback=NotFound>
            <Route path=path!("/") view=Home/>
            <Route path=path!("/welcome") view=Welcome/>
            <ParentRoute path=path!("") view=Shell>
                <ParentRoute path=path!("/chat") view=Chat>
                    <Route path=path!("") view=ChatStart/>
                    <Route path=path!(":id") view=ChatConversation/>
                </ParentRoute>
                <ParentRoute path=path!("/people") view=People>
                    <Route path=path!("") view=PeopleStart/>
                    <Route path=path!(":fingerprint") view=PeoplePerson/>
                </ParentRoute>
                <Route path=path!("/settings") view=Settings/>
            </ParentRoute>
        </Routes>
    }
}
