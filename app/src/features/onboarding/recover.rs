//! Signing in with the recovery phrase.

use haven_bridge::{Command, PasswordStrength};
use leptos::prelude::*;

use super::{
    entrance::{Entrance, EntranceForm, Leaving},
    new_password::NewPassword,
};
use crate::{
    components::TextField,
    services::browser,
    state::{use_core, use_session},
    text,
};

/// Address, words, new password.
#[component]
pub fn Recover() -> impl IntoView {
    let (entrance, session) = (Entrance::new(use_core()), use_session());
    let (address, phrase, password) =
        (RwSignal::new(String::new()), RwSignal::new(String::new()), RwSignal::new(String::new()));
    let strength = RwSignal::new(None::<PasswordStrength>);
    let tried = RwSignal::new(false);
    let address_error = Memo::new(move |_| {
        (tried.get() && address.with(|text| text.trim().is_empty())).then(|| text::FIELD_MISSING.to_owned())
    });
    let phrase_error = Memo::new(move |_| {
        (tried.get() && phrase.with(|phrase| words(phrase).count() != 12))
            .then(|| text::PHRASE_INPUT_BAD.to_owned())
    });
    let password_error = Memo::new(move |_| {
        let missing = tried.get() && password.with(String::is_empty);
        let weak = tried.get() && strength.get() == Some(PasswordStrength::Weak);
        missing
            .then(|| text::FIELD_MISSING.to_owned())
            .or_else(|| weak.then(|| text::STRENGTH_WEAK.to_owned()))
    });
    let enter = move |remove: Leaving| {
        tried.set(true);
        let errors = [address_error, phrase_error, password_error];
        if errors.iter().any(|error| error.with_untracked(Option::is_some)) {
            return;
        }
        let command = Command::Recover {
            address: browser::lower_case(address.get_untracked().trim()),
            phrase: phrase.with_untracked(|phrase| words(phrase).collect::<Vec<_>>().join(" ")),
            new_password: password.get_untracked(),
            device_label: browser::device_label(),
            remove,
        };
        entrance.ask(command, move || session.refresh());
    };
    view! {
        <EntranceForm entrance=entrance enter=enter>
            <p class="welcome-lead">{text::RECOVER_LEAD}</p>
            <TextField id="recover-address" label=text::ADDRESS value=address hint=text::ADDRESS_HINT error=address_error autocomplete="username" autofocus=true/>
            <TextField id="recover-phrase" label=text::PHRASE_INPUT value=phrase hint=text::PHRASE_INPUT_HINT error=phrase_error/>
            <NewPassword id="recover-password" label=text::NEW_PASSWORD password=password strength=strength error=password_error/>
        </EntranceForm>
    }
}

/// The words however they were typed or copied: with line breaks, commas, or the numbers of a printed sheet.
fn words(phrase: &str) -> impl Iterator<Item = String> + '_ {
    phrase.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty()).map(browser::lower_case)
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::words;

    #[test]
    fn words_are_read_from_a_printed_sheet() {
        assert_eq!(words(" 1. Apple\n2. boat, cat ").collect::<Vec<_>>(), ["apple", "boat", "cat"]);
    }
}
