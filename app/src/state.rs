//! What the page knows: stores that events change and components show.

pub mod conversations;
pub mod drafts;
pub mod mailbox;
pub mod people;
pub mod session;
pub mod timeline;
pub mod toasts;

use haven_bridge::{Command, Event, Reply, Session};
use leptos::prelude::*;

use crate::{
    services::core_client::{CoreClient, CoreStatus, Trouble},
    text,
};
use conversations::Conversations;
use drafts::Drafts;
use mailbox::Mailbox;
use people::People;
use session::SessionStore;
use timeline::Timelines;
use toasts::Toasts;

/// How far a read got.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Load {
    /// On its way.
    #[default]
    Loading,
    /// There.
    Ready,
    /// It failed; the person can try again.
    Failed(Trouble),
}

/// Puts the stores where components find them, and lets events change them.
pub fn provide_state(core: CoreClient) {
    // The client first: the stores ask it. Toasts next: everything may have something to say.
    provide_context(core);
    let toasts = Toasts::new();
    provide_context(toasts);
    let session = SessionStore::new(core);
    provide_context(session);
    let conversations = Conversations::new(core);
    provide_context(conversations);
    let timelines = Timelines::new(core);
    provide_context(timelines);
    let people = People::new(core);
    provide_context(people);
    provide_context(Drafts::new(core));
    let mailbox = Mailbox::new(core);
    provide_context(mailbox);

    let refresh = move || {
        conversations.refresh();
        timelines.refresh();
        people.refresh();
        mailbox.refresh();
    };
    core.listen(move |event| match event {
        Event::Session(new) => session.set(new),
        Event::Deleted => session.storage_deleted(),
        Event::Connection(connection) => session.set_connection(connection),
        Event::Conversation(summary) => conversations.put(summary),
        Event::ConversationRemoved(id) => {
            conversations.remove(id);
            timelines.forget(id);
        }
        Event::Items { conversation, items } => timelines.put(conversation, items),
        Event::ItemsRemoved { conversation, items } => timelines.remove(conversation, &items),
        Event::People => people.refresh(),
        Event::Mail(view) => mailbox.put(view),
        Event::MailTakenBack { mail, draft } => mailbox.put_taken_back(mail, draft),
        Event::MailProgress { mail, part, done, all } => mailbox.put_progress((mail, part), done, all),
        Event::Handover => {
            session.refresh();
            refresh();
        }
        Event::VaultRefused => toasts.complain(text::VAULT_REFUSED),
        Event::NotStored => toasts.complain(text::NOT_STORED),
        Event::WelcomeRefused => toasts.complain(text::WELCOME_REFUSED),
        // The client keeps these two to itself.
        Event::Outdated | Event::Broken => {}
    });

    let signed_in = Memo::new(move |_| session.address().map(|address| (address, session.revoked())));
    let status = core.status();
    Effect::new(move || {
        if status.get() == CoreStatus::Ready {
            session.refresh();
        }
    });
    // Also after a restart of the engine: events may have been missed.
    Effect::new(move |before: Option<Option<(String, bool)>>| {
        let now = signed_in.get();
        let ready = status.get() == CoreStatus::Ready;
        if ready && now.is_some() {
            refresh();
        }
        // Who signs in again after the session was ended has another device, and begins anew on it.
        let goes_on = |(address, revoked): &(String, bool)| {
            now.as_ref().is_some_and(|now| now.0 == *address && (now.1 || !revoked))
        };
        if before.flatten().is_some_and(|before| !goes_on(&before)) {
            conversations.clear();
            timelines.clear();
            people.clear();
            mailbox.clear();
            use_drafts().clear();
        }
        now
    });
}

/// A store that [`provide_state`] has put there.
fn provided<T: Clone + 'static>() -> T {
    // Only a test that forgets the providers can fail here; there is nothing sensible to go on with.
    expect_context()
}

/// The engine.
pub fn use_core() -> CoreClient {
    provided()
}

/// Who is signed in.
pub fn use_session() -> SessionStore {
    provided()
}

/// The list of conversations.
pub fn use_conversations() -> Conversations {
    provided()
}

/// The timelines.
pub fn use_timelines() -> Timelines {
    provided()
}

/// Everybody known.
pub fn use_people() -> People {
    provided()
}

/// The mailbox.
pub fn use_mailbox() -> Mailbox {
    provided()
}

/// Short notices.
pub fn use_toasts() -> Toasts {
    provided()
}

/// Texts that were not sent yet.
pub fn use_drafts() -> Drafts {
    provided()
}

/// A reply of another kind than asked for is a defect of the engine.
pub fn unexpected(_: Reply) -> Trouble {
    Trouble::Failed(haven_bridge::Failure::Bug { phrase: "reply of another kind".to_owned() })
}

/// Asks for who is signed in.
fn ask_session(core: CoreClient, then: impl FnOnce(Result<Session, Trouble>) + 'static) {
    core.ask(Command::Session, move |answer| {
        then(answer.and_then(|reply| match reply {
            Reply::Session(session) => Ok(session),
            other => Err(unexpected(other)),
        }));
    });
}
