//! The title of the browser's tab.

use haven_bridge::ConversationId;
use leptos::prelude::*;
use leptos_router::hooks::use_location;

use crate::{
    features::shell::below,
    routes,
    state::{use_conversations, use_session},
    text,
};

/// Keeps the document's title: unread messages, and where one is.
pub fn keep_title() {
    let (conversations, session) = (use_conversations(), use_session());
    let path = use_location().pathname;
    let place = Memo::new(move |_| {
        let path = path.get();
        if below(&path, routes::CHAT) {
            let id = path.rsplit('/').next().and_then(ConversationId::from_hex)?;
            let summary = conversations.get(id)?;
            return Some(text::conversation_name(&summary, session.domain().as_deref()));
        }
        let name = match path.as_str() {
            path if path.starts_with(routes::CHAT) => text::CHATS,
            path if path.starts_with(routes::PEOPLE) => text::PEOPLE,
            path if path.starts_with(routes::SETTINGS) => text::SETTINGS,
            path if path.starts_with(routes::WELCOME) => text::WELCOME,
            _ => return None,
        };
        // "Welcome to Haven · Haven" says it twice.
        (name != text::WELCOME).then(|| name.to_owned())
    });
    Effect::new(move || {
        document().set_title(&text::document_title(conversations.unread(), place.get().as_deref()))
    });
}
