use haven_bridge::Session;
use leptos::prelude::*;

use crate::{
    components::{Button, Kind, Notice, Tone},
    features::onboarding::{phrase::RecoveryPhrase, recover::Recover, sign_in::SignIn, sign_up::SignUp},
    live::live,
    routes,
    services::place::use_place,
    state::use_session,
    text,
};

#[derive(Clone, Eq, PartialEq)]
enum Step {
    SignUp,
    SignIn,
    Recover,
    Phrase(Vec<String>),
}

/// Signing up and in.
#[component]
pub fn Welcome() -> impl IntoView {
    let (session, place) = (use_session(), use_place());
    let first = if untrack(|| session.was_deleted()) { Step::SignIn } else { Step::SignUp };
    let (step, hold) = (RwSignal::new(first), RwSignal::new(false));
    Effect::new(move || {
        let signed_in = matches!(session.get(), Some(Session::SignedIn(_) | Session::Revoked(_)));
        if signed_in && !hold.get() {
            place.replace(routes::CHAT);
        }
    });
    let on_phrase = Callback::new(move |words| step.set(Step::Phrase(words)));
    let title = move || match step.get() {
        Step::SignUp => text::WELCOME,
        Step::SignIn => text::SIGN_IN,
        Step::Recover => text::RECOVER,
        Step::Phrase(_) => text::PHRASE_TITLE,
    };
    view! {
        <main class="welcome" id="main">
            <div class="welcome-card">
                <img class="welcome-mark" src="/icons/haven.svg" alt="" width="48" height="48"/>
                <h1 class="welcome-title">{title}</h1>
                <Show when=move || session.was_deleted() && !matches!(step.get(), Step::Phrase(_))>
                    <Notice tone=Tone::Warning title=text::DELETED_TITLE text=text::DELETED/>
                </Show>
                {live(move || match step.get() {
                    Step::SignUp => view! { <SignUpStep step=step hold=hold on_phrase=on_phrase/> }.into_any(),
                    Step::SignIn => view! { <SignIn/> }.into_any(),
                    Step::Recover => view! { <Recover/> }.into_any(),
                    Step::Phrase(words) => view! { <RecoveryPhrase words=words on_done=move |()| hold.set(false)/> }.into_any(),
                })}
                <Ways step=step/>
            </div>
        </main>
    }
}

#[component]
fn SignUpStep(step: RwSignal<Step>, hold: RwSignal<bool>, on_phrase: Callback<Vec<String>>) -> impl IntoView {
    let session = use_session();
    let closed = Memo::new(move |_| matches!(session.get(), Some(Session::SignedOut { sign_up: false, .. })));
    view! {
        <p class="welcome-lead">{text::WELCOME_LEAD}</p>
        <Show
            when=move || closed.get()
            fallback=move || view! { <SignUp hold=hold on_phrase=on_phrase/> }
        >
            <Notice tone=Tone::Info title=text::SIGN_UP_CLOSED_TITLE text=text::SIGN_UP_CLOSED>
                <Button kind=Kind::Primary on_click=move |()| step.set(Step::SignIn)>{text::SIGN_IN}</Button>
            </Notice>
        </Show>
    }
}

/// The other ways in.
#[component]
fn Ways(step: RwSignal<Step>) -> impl IntoView {
    let way = move |label: &'static str, to: Step| {
        view! { <Button kind=Kind::Quiet on_click=move |()| step.set(to.clone())>{label}</Button> }
    };
    live(move || {
        let ways = match step.get() {
            Step::SignUp => vec![way(text::HAVE_ACCOUNT, Step::SignIn)],
            Step::SignIn => vec![way(text::FORGOT_PASSWORD, Step::Recover), way(text::SIGN_UP, Step::SignUp)],
            Step::Recover => vec![way(text::BACK, Step::SignIn)],
            Step::Phrase(_) => return None,
        };
        Some(view! { <nav class="welcome-ways">{ways}</nav> })
    })
}
