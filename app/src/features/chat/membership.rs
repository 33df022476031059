//! Changing a conversation: its title, who is in it.

use haven_bridge::{Command, ConversationId};
use leptos::prelude::*;

use super::new_conversation::title_error;
use crate::{
    components::{AddressField, Button, Kind, TextField, address_field::take_typed},
    services::browser,
    state::{use_core, use_session, use_toasts},
    text,
};

/// In a dialog.
#[component]
pub fn RenameForm(id: ConversationId, title: String, open: RwSignal<bool>) -> impl IntoView {
    let (core, toasts) = (use_core(), use_toasts());
    let title = RwSignal::new(title);
    let (failed, busy) = (RwSignal::new(None::<String>), RwSignal::new(false));
    let error = Signal::derive(move || title.with(|title| title_error(title)).or_else(|| failed.get()));
    let intent = StoredValue::new(browser::new_intent());
    Effect::new(move || {
        // Another title is another wish.
        title.track();
        intent.set_value(browser::new_intent());
        failed.set(None);
    });
    let submit = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        if busy.get_untracked() || error.with_untracked(Option::is_some) {
            return;
        }
        busy.set(true);
        let title = title.get_untracked().trim().to_owned();
        core.ask(Command::Rename { intent: intent.get_value(), conversation: id, title }, move |answer| {
            busy.try_set(false);
            match answer {
                Ok(_) => {
                    open.try_set(false);
                    toasts.say(text::RENAMED);
                }
                Err(trouble) => _ = failed.try_set(Some(text::failure::trouble(&trouble))),
            }
        });
    };
    view! {
        <form class="form" on:submit=submit>
            <TextField id="rename-title" label=text::TITLE value=title hint=text::TITLE_HINT error=error autofocus=true/>
            <div class="form-actions">
                <Button on_click=move |()| open.set(false)>{text::CANCEL}</Button>
                <Button kind=Kind::Primary submit=true busy=busy>{text::SAVE}</Button>
            </div>
        </form>
    }
}

/// In a dialog.
#[component]
pub fn AddPeopleForm(id: ConversationId, open: RwSignal<bool>) -> impl IntoView {
    let (core, session, toasts) = (use_core(), use_session(), use_toasts());
    let (addresses, typed) = (RwSignal::new(Vec::new()), RwSignal::new(String::new()));
    let (error, busy) = (RwSignal::new(None::<String>), RwSignal::new(false));
    let intent = StoredValue::new(browser::new_intent());
    Effect::new(move || {
        addresses.track();
        intent.set_value(browser::new_intent());
    });
    let submit = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        let taken = take_typed(addresses, typed, error, session.address(), session.domain());
        if busy.get_untracked() || !taken {
            return;
        }
        let wanted: Vec<String> = addresses.get_untracked();
        if wanted.is_empty() {
            return error.set(Some(text::WITH_MISSING.to_owned()));
        }
        busy.set(true);
        core.ask(
            Command::AddPeople { intent: intent.get_value(), conversation: id, addresses: wanted },
            move |answer| {
                busy.try_set(false);
                match answer {
                    Ok(_) => {
                        open.try_set(false);
                        toasts.say(text::ADDED);
                    }
                    Err(trouble) => _ = error.try_set(Some(text::failure::trouble(&trouble))),
                }
            },
        );
    };
    view! {
        <form class="form" on:submit=submit>
            <AddressField
                id="add-addresses"
                addresses=addresses
                typed=typed
                error=error
                own=Signal::derive(move || session.address())
                domain=Signal::derive(move || session.domain())
            />
            <div class="form-actions">
                <Button on_click=move |()| open.set(false)>{text::CANCEL}</Button>
                <Button kind=Kind::Primary submit=true busy=busy>{text::ADD}</Button>
            </div>
        </form>
    }
}
