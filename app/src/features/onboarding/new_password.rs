//! Choosing a password, with a suggestion and a judgement.

use haven_bridge::{Command, PasswordStrength, Reply};
use leptos::prelude::*;

use crate::{
    components::{Button, Kind, PasswordField},
    live::live,
    state::{use_core, use_toasts},
    text,
};

/// A field for a new password.
#[component]
pub fn NewPassword(
    #[prop(into)] id: String,
    label: &'static str,
    password: RwSignal<String>,
    /// What the engine thinks of it; nothing while it is empty or being judged.
    strength: RwSignal<Option<PasswordStrength>>,
    #[prop(into)] error: Signal<Option<String>>,
    /// The last suggestion, for who wants to know whether it was taken.
    #[prop(optional)]
    suggestion: Option<RwSignal<String>>,
    /// Takes the focus when it appears.
    #[prop(optional)]
    autofocus: bool,
) -> impl IntoView {
    let (core, toasts) = (use_core(), use_toasts());
    let (shown, suggested, busy) = (RwSignal::new(false), RwSignal::new(false), RwSignal::new(false));
    judge(password, strength);
    let suggest = move |()| {
        busy.set(true);
        core.ask(Command::SuggestPassphrase, move |answer| {
            busy.try_set(false);
            match answer {
                Ok(Reply::Passphrase(passphrase)) => {
                    if let Some(suggestion) = suggestion {
                        suggestion.try_set(passphrase.clone());
                    }
                    password.try_set(passphrase);
                    shown.try_set(true);
                    suggested.try_set(true);
                }
                Ok(_) => {}
                Err(trouble) => toasts.complain(text::failure::trouble(&trouble)),
            }
        });
    };
    let hint = move || if suggested.get() { text::SUGGESTED } else { text::PASSWORD_HINT }.to_owned();
    view! {
        <PasswordField
            id=id
            label=label
            value=password
            hint=Signal::derive(hint)
            error=error
            autocomplete="new-password"
            shown=shown
            autofocus=autofocus
        >
            <div class="strength">
                <span class="strength-bar" aria-hidden="true" data-strength=move || strength.get().map(name)></span>
                <span class="strength-text" role="status">{live(move || strength.get().map(sentence))}</span>
                <Button kind=Kind::Quiet icon=icondata_lu::LuSparkles busy=busy on_click=suggest>
                    {live(move || if suggested.get() { text::SUGGEST_ANOTHER } else { text::SUGGEST })}
                </Button>
            </div>
        </PasswordField>
    }
}

/// Asks for a judgement of what is typed; only the last one counts.
fn judge(password: RwSignal<String>, strength: RwSignal<Option<PasswordStrength>>) {
    let core = use_core();
    Effect::new(move || {
        let typed = password.get();
        strength.set(None);
        if typed.is_empty() {
            return;
        }
        core.ask(Command::JudgePassword(typed.clone()), move |answer| {
            let current = password.try_with_untracked(|now| *now == typed).unwrap_or_default();
            if let (true, Ok(Reply::PasswordStrength(judgement))) = (current, answer) {
                strength.set(Some(judgement));
            }
        });
    });
}

fn name(strength: PasswordStrength) -> &'static str {
    match strength {
        PasswordStrength::Weak => "weak",
        PasswordStrength::Good => "good",
        PasswordStrength::Strong => "strong",
    }
}

fn sentence(strength: PasswordStrength) -> &'static str {
    match strength {
        PasswordStrength::Weak => text::STRENGTH_WEAK,
        PasswordStrength::Good => text::STRENGTH_GOOD,
        PasswordStrength::Strong => text::STRENGTH_STRONG,
    }
}
