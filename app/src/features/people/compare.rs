//! Comparing a key with its owner: the number, the same as a QR code, and what came of it.

use haven_bridge::{Command, Comparison, PersonRef, Reply, SafetyNumber};
use leptos::prelude::*;

use crate::{
    components::{Button, Copyable, Dialog, Kind, Notice, Spinner, TextField, Tone, copyable::grouped},
    live::live,
    services::{browser, core_client::Trouble},
    state::{unexpected, use_core, use_people, use_toasts},
    text,
};

/// Whom the dialog is about, and what they are called.
pub type Subject = (PersonRef, String);

/// The dialog. It stands beside the person's page, which is drawn anew when anything changes.
#[component]
pub fn CompareDialog(open: RwSignal<bool>, subject: Memo<Option<Subject>>) -> impl IntoView {
    view! {
        <Dialog id="compare" open=open title=text::people::COMPARE>
            {untrack(|| subject.get()).map(|subject| view! { <Compare subject=subject open=open/> })}
        </Dialog>
    }
}

#[component]
fn Compare(subject: Subject, open: RwSignal<bool>) -> impl IntoView {
    let (core, people) = (use_core(), use_people());
    let found = RwSignal::new(None::<Result<Comparison, Trouble>>);
    let person = subject.0.clone();
    Effect::new(move || {
        people.track();
        // What is being compared stays.
        if found.with_untracked(|found| matches!(found, Some(Ok(Comparison::Number(_))))) {
            return;
        }
        core.ask(Command::SafetyNumber(person.clone()), move |answer| {
            found.try_set(Some(match answer {
                Ok(Reply::SafetyNumber(comparison)) => Ok(comparison),
                Ok(other) => Err(unexpected(other)),
                Err(trouble) => Err(trouble),
            }));
        });
    });
    live(move || match found.get() {
        None | Some(Ok(Comparison::Asking)) => view! {
            <p class="compare-asking" role="status"><Spinner/>{text::people::COMPARE_ASKING}</p>
        }
        .into_any(),
        Some(Ok(Comparison::NoKey)) => {
            view! { <Notice tone=Tone::Warning text=text::people::COMPARE_NO_KEY/> }.into_any()
        }
        Some(Err(trouble)) => {
            view! { <Notice tone=Tone::Error text=text::failure::trouble(&trouble)/> }.into_any()
        }
        Some(Ok(Comparison::Number(number))) => {
            view! { <Number number=number subject=subject.clone() open=open/> }.into_any()
        }
    })
}

#[component]
fn Number(number: SafetyNumber, subject: Subject, open: RwSignal<bool>) -> impl IntoView {
    let SafetyNumber { digits, code } = number;
    let (person, name) = subject;
    let (core, toasts) = (use_core(), use_toasts());
    let (typed, error) = (RwSignal::new(String::new()), RwSignal::new(None::<String>));
    let (busy, differs) = (RwSignal::new(false), RwSignal::new(false));
    let expected = digits.clone();
    let same = Memo::new(move |_| typed.with(|typed| is_same(typed, &expected)));
    let wrong =
        Signal::derive(move || (same.get() == Some(false)).then(|| text::people::NUMBER_OTHER.to_owned()));
    let hint = Signal::derive(move || match same.get() {
        Some(true) => Some(text::people::NUMBER_SAME.to_owned()),
        _ => Some(text::people::THEIR_NUMBER_HINT.to_owned()),
    });
    let fingerprint = grouped(&person.fingerprint);
    let shown = in_fives(&digits);
    let matches = move |()| {
        let (intent, number) = (browser::new_intent(), Some(digits.clone()));
        busy.set(true);
        core.ask(Command::Verify { intent, person: person.clone(), number }, move |answer| {
            busy.try_set(false);
            match answer {
                Ok(_) => {
                    open.try_set(false);
                    toasts.say(text::people::VERIFIED);
                }
                Err(trouble) => _ = error.try_set(Some(text::failure::trouble(&trouble))),
            }
        });
    };
    view! {
        <div class="form compare">
            <p>{text::people::compare_lead(&name)}</p>
            <dl class="compare-number"><Copyable label=text::people::SAFETY_NUMBER value=shown code=true/></dl>
            <svg class="compare-code" role="img" aria-label=text::people::SAFETY_CODE viewBox=view_box(&code)>
                <path d=path(&code)></path>
            </svg>
            <TextField id="compare-theirs" label=text::people::THEIR_NUMBER value=typed hint=hint error=wrong/>
            <p class="section-text">
                {text::people::compare_fingerprint(&name)} " " <span class="compare-fingerprint">{fingerprint}</span>
            </p>
            {live(move || differs.get().then(|| view! {
                <Notice tone=Tone::Warning title=text::people::DIFFERS_TITLE text=text::people::DIFFERS_TEXT/>
            }))}
            {live(move || error.get().map(|error| view! { <Notice tone=Tone::Error text=error/> }))}
            <div class="form-actions">
                <Button on_click=move |()| differs.set(true)>{text::people::DIFFERS}</Button>
                <Button
                    kind=Kind::Primary
                    busy=busy
                    disabled=Signal::derive(move || same.get() == Some(false))
                    on_click=matches
                >
                    {text::people::MATCHES}
                </Button>
            </div>
        </div>
    }
}

/// Whether what was typed or pasted is the number. Nothing: it is empty, or the start of it.
fn is_same(typed: &str, expected: &str) -> Option<bool> {
    let digits: String = typed.chars().filter(char::is_ascii_digit).collect();
    match expected.strip_prefix(digits.as_str()) {
        Some("") => Some(true),
        Some(_) => None,
        None => Some(false),
    }
}

/// Sixty digits as people read them out.
fn in_fives(digits: &str) -> String {
    let digits: Vec<char> = digits.chars().collect();
    let groups: Vec<String> = digits.chunks(5).map(|five| five.iter().collect()).collect();
    groups.join(" ")
}

/// With the margin of four modules that readers of QR codes need.
fn view_box(code: &[Vec<bool>]) -> String {
    let side = code.len() + 8;
    format!("-4 -4 {side} {side}")
}

/// The dark modules as one path.
fn path(code: &[Vec<bool>]) -> String {
    let mut path = String::new();
    for (y, row) in code.iter().enumerate() {
        for (x, _) in row.iter().enumerate().filter(|(_, dark)| **dark) {
            path.push_str(&format!("M{x} {y}h1v1h-1z"));
        }
    }
    path
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn what_is_pasted_is_compared_however_it_is_spaced() {
        assert_eq!(is_same("", "1234567890"), None);
        assert_eq!(is_same(" 12345\n6", "1234567890"), None);
        assert_eq!(is_same("12345 67890\n", "1234567890"), Some(true));
        assert_eq!(is_same("12346", "1234567890"), Some(false));
        assert_eq!(is_same("12345678901", "1234567890"), Some(false));
        assert_eq!(in_fives("1234567890"), "12345 67890");
    }

    #[test]
    fn a_code_is_one_path_with_a_margin() {
        let code = [vec![true, false], vec![false, true]];
        assert_eq!(path(&code), "M0 0h1v1h-1zM1 1h1v1h-1z");
        assert_eq!(view_box(&code), "-4 -4 10 10");
    }
}
