use haven_bridge::{Command, Reply};
use leptos::prelude::*;

use crate::{
    components::{Button, Dialog, Icon, Kind},
    features::onboarding::phrase::RecoveryPhrase,
    state::{use_core, use_session, use_toasts},
    text,
};

/// The recovery phrase: confirmed, or to be done.
#[component]
pub fn RecoverySection() -> impl IntoView {
    let (core, session, toasts) = (use_core(), use_session(), use_toasts());
    let confirmed = Memo::new(move |_| session.me().is_some_and(|me| me.recovery_confirmed));
    let (words, open, busy) = (RwSignal::new(Vec::new()), RwSignal::new(false), RwSignal::new(false));
    let show = move |()| {
        busy.set(true);
        core.ask(Command::RecoveryPhrase, move |answer| {
            busy.try_set(false);
            match answer {
                Ok(Reply::RecoveryPhrase(phrase)) => {
                    words.try_set(phrase);
                    open.try_set(true);
                }
                Ok(_) => {}
                Err(trouble) => toasts.complain(text::failure::trouble(&trouble)),
            }
        });
    };
    Effect::new(move || {
        // The words stay in the page no longer than they are looked at.
        if !open.get() {
            words.set(Vec::new());
        }
    });
    view! {
        <section class="section" aria-labelledby="recovery-heading">
            <h2 class="section-title" id="recovery-heading">{text::RECOVERY}</h2>
            <Show
                when=move || confirmed.get()
                fallback=move || view! {
                    <p class="section-text">{text::RECOVERY_MISSING}</p>
                    <div class="section-actions">
                        <Button kind=Kind::Primary icon=icondata_lu::LuKeyRound busy=busy on_click=show>{text::RECOVERY_DO}</Button>
                    </div>
                }
            >
                <p class="section-text section-good"><Icon icon=icondata_lu::LuCircleCheck/>{text::RECOVERY_OK}</p>
            </Show>
            <Dialog id="recovery" open=open title=text::PHRASE_TITLE>
                <RecoveryPhrase words=words.get_untracked() on_done=move |()| open.set(false)/>
            </Dialog>
        </section>
    }
}
