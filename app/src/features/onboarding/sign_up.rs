//! Making an account.

use haven_bridge::{Command, Failure, PasswordStrength, Reply};
use leptos::prelude::*;

use super::{
    new_password::NewPassword,
    own_key::{BringKey, Brought},
};
use crate::{
    components::{Button, Kind, Notice, TextField, Tone},
    live::live,
    services::{browser, core_client::Trouble},
    state::{use_core, use_session},
    text,
};

/// As the relay has it (`MAX_LOCAL_PART`), which this package does not know.
const LONGEST_NAME: usize = 32;

/// Name and password. `hold` keeps the page while the account is made: the session is there before the recovery
/// phrase was seen.
#[component]
pub fn SignUp(hold: RwSignal<bool>, on_phrase: Callback<Vec<String>>) -> impl IntoView {
    let (core, session) = (use_core(), use_session());
    let (name, password) = (RwSignal::new(String::new()), RwSignal::new(String::new()));
    let strength = RwSignal::new(None::<PasswordStrength>);
    let brought = Brought::default();
    let (tried, busy) = (RwSignal::new(false), RwSignal::new(false));
    let trouble = RwSignal::new(None::<Trouble>);
    let name_error = Memo::new(move |_| match trouble.get() {
        Some(Trouble::Failed(failure @ (Failure::AddressTaken | Failure::AddressInvalid))) => {
            Some(text::failure::sentence(&failure))
        }
        _ => name.with(|name| name_error(name, tried.get())).map(str::to_owned),
    });
    let password_error = Memo::new(move |_| {
        let missing = tried.get() && password.with(String::is_empty);
        let weak = tried.get() && strength.get() == Some(PasswordStrength::Weak);
        let refused = trouble.get() == Some(Trouble::Failed(Failure::PasswordWeak));
        missing
            .then(|| text::FIELD_MISSING.to_owned())
            .or_else(|| (weak || refused).then(|| text::STRENGTH_WEAK.to_owned()))
    });
    let other_trouble = Memo::new(move |_| match trouble.get() {
        Some(Trouble::Failed(Failure::AddressTaken | Failure::AddressInvalid | Failure::PasswordWeak)) => {
            None
        }
        other => other.map(|trouble| text::failure::trouble(&trouble)),
    });
    Effect::new(move || {
        // Typing is the answer to what was wrong.
        name.track();
        password.track();
        trouble.set(None);
    });
    let submit = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        tried.set(true);
        if busy.get_untracked()
            || name_error.with_untracked(Option::is_some)
            || password_error.with_untracked(Option::is_some)
            || brought.is_unfinished()
        {
            return;
        }
        let command = Command::SignUp {
            local_part: name.get_untracked(),
            password: password.get_untracked(),
            device_label: browser::device_label(),
            key: brought.key(),
        };
        busy.set(true);
        hold.set(true);
        core.ask(command, move |answer| {
            busy.try_set(false);
            match answer {
                Ok(Reply::RecoveryPhrase(words)) => on_phrase.run(words),
                Ok(_) => _ = hold.try_set(false),
                Err(why) => {
                    trouble.try_set(Some(why));
                    hold.try_set(false);
                    session.refresh();
                }
            }
        });
    };
    view! {
        <form class="form" novalidate on:submit=submit>
            <TextField
                id="sign-up-name"
                label=text::NAME
                value=name
                hint=text::NAME_HINT
                error=name_error
                suffix=Signal::derive(move || session.domain().map(|domain| format!("@{domain}")))
                autocomplete="username"
                autofocus=true
            />
            <NewPassword id="sign-up-password" label=text::PASSWORD password=password strength=strength error=password_error/>
            <BringKey brought=brought/>
            {live(move || other_trouble.get().map(|sentence| view! { <Notice tone=Tone::Error text=sentence/> }))}
            <div class="form-actions">
                <Button kind=Kind::Primary submit=true busy=busy>{live(move || if busy.get() { text::CREATING } else { text::SIGN_UP })}</Button>
            </div>
        </form>
    }
}

/// Why a name can't be: while typing only what is wrong, afterwards also what is missing.
fn name_error(name: &str, tried: bool) -> Option<&'static str> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let mark = |c: char| matches!(c, '.' | '-' | '_');
    let marks_together = name.chars().zip(name.chars().skip(1)).any(|(a, b)| mark(a) && mark(b));
    if name.is_empty() {
        tried.then_some(text::NAME_SHORT)
    } else if name.len() > LONGEST_NAME {
        Some(text::NAME_LONG)
    } else if !name.chars().all(|c| plain(c) || mark(c))
        || name.starts_with(mark)
        || marks_together
        || (tried && name.ends_with(mark))
    {
        Some(text::NAME_BAD)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::name_error;

    #[test]
    fn names_are_judged_as_they_are_typed() {
        assert!(name_error("", false).is_none());
        assert!(name_error("", true).is_some());
        assert!(name_error("alice", true).is_none());
        assert!(name_error("alice.", false).is_none(), "more may follow");
        assert!(name_error("alice.", true).is_some());
        for bad in ["Alice", ".alice", "a..b", "a b", "ålice", "a@b", &"a".repeat(33)] {
            assert!(name_error(bad, false).is_some(), "{bad}");
        }
    }
}
