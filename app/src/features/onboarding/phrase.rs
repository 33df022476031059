//! The recovery phrase: shown, kept by the person, and checked.

use haven_bridge::Command;
use leptos::prelude::*;

use crate::{
    components::{Button, Kind, Notice, TextField, Tone},
    live::live,
    services::browser,
    state::{use_core, use_session, use_toasts},
    text,
};

/// So many words are asked for.
const ASKED: usize = 3;

/// Shows the words, then asks for three of them.
#[component]
pub fn RecoveryPhrase(words: Vec<String>, #[prop(into)] on_done: Callback<()>) -> impl IntoView {
    let checking = RwSignal::new(false);
    let words = StoredValue::new(words);
    view! {
        <Show
            when=move || checking.get()
            fallback=move || view! { <Words words=words.get_value() on_next=move |()| checking.set(true) on_skip=on_done/> }
        >
            <Check count=words.with_value(Vec::len) on_back=move |()| checking.set(false) on_done=on_done/>
        </Show>
    }
}

#[component]
fn Words(words: Vec<String>, #[prop(into)] on_next: Callback<()>, on_skip: Callback<()>) -> impl IntoView {
    let (session, toasts) = (use_session(), use_toasts());
    let phrase = StoredValue::new(words.join(" "));
    let copy = move |()| {
        let phrase = phrase.get_value();
        leptos::task::spawn_local(async move {
            if browser::copy(&phrase).await {
                toasts.say(text::COPIED);
            } else {
                toasts.complain(text::COPY_FAILED);
            }
        });
    };
    let sheet = move || {
        format!(
            "{}\n{}\n\n{}\n",
            text::PHRASE_TITLE,
            session.address().unwrap_or_default(),
            phrase.get_value()
        )
    };
    let save = move |()| {
        if browser::download(text::PHRASE_FILE, &sheet()).is_err() {
            toasts.complain(text::COPY_FAILED);
        }
    };
    let words: Vec<_> = words.into_iter().map(|word| view! { <li class="phrase-word">{word}</li> }).collect();
    view! {
        <div class="phrase">
            <p class="phrase-lead">{text::PHRASE_LEAD}</p>
            <div class="phrase-sheet">
                <p class="phrase-address">{live(move || session.address())}</p>
                <ol class="phrase-words" aria-label=text::PHRASE_WORDS>{words}</ol>
            </div>
            <div class="phrase-tools">
                <Button kind=Kind::Quiet icon=icondata_lu::LuCopy on_click=copy>{text::PHRASE_COPY}</Button>
                <Button kind=Kind::Quiet icon=icondata_lu::LuPrinter on_click=|()| browser::print()>{text::PHRASE_PRINT}</Button>
                <Button kind=Kind::Quiet icon=icondata_lu::LuDownload on_click=save>{text::PHRASE_SAVE}</Button>
            </div>
            <div class="form-actions">
                <Button on_click=on_skip>{text::PHRASE_SKIP}</Button>
                <Button kind=Kind::Primary on_click=on_next>{text::PHRASE_NEXT}</Button>
            </div>
        </div>
    }
}

#[component]
fn Check(count: usize, #[prop(into)] on_back: Callback<()>, on_done: Callback<()>) -> impl IntoView {
    let (core, session, toasts) = (use_core(), use_session(), use_toasts());
    let asked: Vec<(u8, RwSignal<String>)> =
        pick(count).into_iter().map(|index| (index, RwSignal::new(String::new()))).collect();
    let fields = asked.clone();
    let (tried, busy) = (RwSignal::new(false), RwSignal::new(false));
    let trouble = RwSignal::new(None::<String>);
    let submit = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        tried.set(true);
        let answers: Vec<_> = asked
            .iter()
            .map(|(index, word)| (*index, browser::lower_case(word.get_untracked().trim())))
            .collect();
        if busy.get_untracked() || answers.iter().any(|(_, word)| word.is_empty()) {
            return;
        }
        busy.set(true);
        trouble.set(None);
        core.ask(Command::ConfirmRecoveryPhrase(answers), move |answer| {
            busy.try_set(false);
            match answer {
                Ok(_) => {
                    toasts.say(text::PHRASE_CONFIRMED);
                    session.refresh();
                    on_done.run(());
                }
                Err(why) => _ = trouble.try_set(Some(text::failure::trouble(&why))),
            }
        });
    };
    let fields = fields.into_iter().enumerate().map(|(place, (index, word))| {
        let error = Signal::derive(move || (tried.get() && word.with(|word| word.trim().is_empty())).then(|| text::WORD_MISSING.to_owned()));
        view! { <TextField id=format!("word-{index}") label=text::word_number(index) value=word error=error autofocus=place == 0/> }
    });
    view! {
        <form class="form" novalidate on:submit=submit>
            <h3 class="phrase-title">{text::PHRASE_CHECK_TITLE}</h3>
            <p class="phrase-lead">{text::PHRASE_CHECK_LEAD}</p>
            <div class="phrase-fields">{fields.collect::<Vec<_>>()}</div>
            {live(move || trouble.get().map(|sentence| view! { <Notice tone=Tone::Error text=sentence/> }))}
            <div class="form-actions">
                <Button on_click=on_back>{text::PHRASE_SHOW_AGAIN}</Button>
                <Button kind=Kind::Primary submit=true busy=busy>{text::PHRASE_CONFIRM}</Button>
            </div>
        </form>
    }
}

/// Different positions, in order.
fn pick(count: usize) -> Vec<u8> {
    let mut left: Vec<u8> = (0..count).filter_map(|index| u8::try_from(index).ok()).collect();
    let mut picked: Vec<u8> = Vec::new();
    while picked.len() < ASKED && !left.is_empty() {
        picked.push(left.swap_remove(browser::random_below(left.len())));
    }
    picked.sort_unstable();
    picked
}
