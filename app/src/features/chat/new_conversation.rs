//! Starting a conversation. The dialog stands in the frame, since several pages open it.

use haven_bridge::{Command, Reply};
use leptos::prelude::*;

use crate::{
    components::{AddressField, Button, Dialog, Kind, TextField, address_field::take_typed},
    routes,
    services::{browser, place::use_place},
    state::{use_core, use_session},
    text,
};

/// The longest title. The relay never sees titles; this is for the eyes.
pub const LONGEST_TITLE: usize = 100;

/// Opens the dialog. A handle.
#[derive(Clone, Copy)]
pub struct NewConversation {
    open: RwSignal<bool>,
    addresses: RwSignal<Vec<String>>,
}

impl NewConversation {
    /// With nobody yet.
    pub fn open(self) {
        self.open_with(Vec::new());
    }

    /// With these people already filled in.
    pub fn open_with(self, addresses: Vec<String>) {
        self.addresses.set(addresses);
        self.open.set(true);
    }
}

/// For the pages in the frame.
pub fn provide_new_conversation() {
    provide_context(NewConversation { open: RwSignal::new(false), addresses: RwSignal::default() });
}

/// Opens the dialog.
pub fn use_new_conversation() -> NewConversation {
    expect_context()
}

/// The dialog.
#[component]
pub fn NewConversationDialog() -> impl IntoView {
    let new = use_new_conversation();
    view! {
        <Dialog id="new-conversation" open=new.open title=text::NEW_CONVERSATION><NewConversationForm new=new/></Dialog>
    }
}

#[component]
fn NewConversationForm(new: NewConversation) -> impl IntoView {
    let (core, session, place) = (use_core(), use_session(), use_place());
    let (typed, title) = (RwSignal::new(String::new()), RwSignal::new(String::new()));
    let (error, busy) = (RwSignal::new(None::<String>), RwSignal::new(false));
    // One wish, however often it has to be tried.
    let intent = browser::new_intent();
    let title_error = Memo::new(move |_| title.with(|title| title_error(title)));
    let submit = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        let taken = take_typed(new.addresses, typed, error, session.address(), session.domain());
        if busy.get_untracked() || !taken || title_error.with_untracked(Option::is_some) {
            return;
        }
        let addresses = new.addresses.get_untracked();
        if addresses.is_empty() {
            return error.set(Some(text::WITH_MISSING.to_owned()));
        }
        let title = title.get_untracked().trim().to_owned();
        let title = (!title.is_empty()).then_some(title);
        busy.set(true);
        core.ask(Command::StartConversation { intent, addresses, title }, move |answer| {
            busy.try_set(false);
            match answer {
                Ok(Reply::Started(id)) => {
                    new.open.try_set(false);
                    place.go(&routes::conversation(id));
                    browser::focus_later("composer");
                }
                Ok(_) => _ = new.open.try_set(false),
                Err(trouble) => _ = error.try_set(Some(text::failure::trouble(&trouble))),
            }
        });
    };
    view! {
        <form class="form" on:submit=submit>
            <AddressField
                id="new-addresses"
                addresses=new.addresses
                typed=typed
                error=error
                own=Signal::derive(move || session.address())
                domain=Signal::derive(move || session.domain())
            />
            <TextField id="new-title" label=text::TITLE_OPTIONAL value=title hint=text::TITLE_HINT error=title_error/>
            <div class="form-actions">
                <Button on_click=move |()| new.open.set(false)>{text::CANCEL}</Button>
                <Button kind=Kind::Primary submit=true busy=busy>{text::START}</Button>
            </div>
        </form>
    }
}

/// Why a title can't be.
pub fn title_error(title: &str) -> Option<String> {
    (title.chars().count() > LONGEST_TITLE).then(|| text::TITLE_LONG.to_owned())
}
