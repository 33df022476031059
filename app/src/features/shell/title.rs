//! The title of the browser's tab.

use leptos::prelude::*;

use crate::{
    routes,
    services::place::use_place,
    state::{use_conversations, use_mailbox},
    text,
};

/// Keeps the document's title: unread messages, and where one is. It names no person and no conversation: browsers
/// write titles into their history, and share that among a person's devices.
pub fn keep_title() {
    let (conversations, mailbox) = (use_conversations(), use_mailbox());
    let place = use_place();
    let name = Memo::new(move |_| {
        let path = place.path();
        let name = match path.as_str() {
            path if path.starts_with(routes::CHAT) => text::CHATS,
            path if path.starts_with(routes::mail::MAIL) => text::mail::MAIL,
            path if path.starts_with(routes::PEOPLE) => text::PEOPLE,
            path if path.starts_with(routes::SETTINGS) => text::SETTINGS,
            path if path.starts_with(routes::WELCOME) => text::WELCOME,
            _ => return None,
        };
        // "Welcome to Haven · Haven" says it twice.
        (name != text::WELCOME).then(|| name.to_owned())
    });
    Effect::new(move || {
        let unread = conversations.unread() + mailbox.unread();
        document().set_title(&text::document_title(unread, name.get().as_deref()))
    });
}
