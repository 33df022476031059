//! Several addresses, each as a chip.

use leptos::{html, prelude::*};

use super::{Icon, field::Note};
use crate::{live::when, services::browser, text};

/// Addresses are taken with Enter, comma, space, or when the field is left.
#[component]
pub fn AddressField(
    #[prop(into)] id: String,
    addresses: RwSignal<Vec<String>>,
    /// What is being typed.
    typed: RwSignal<String>,
    error: RwSignal<Option<String>>,
    /// The own address, which makes no sense here.
    #[prop(into)]
    own: Signal<Option<String>>,
    /// Names without a domain belong to this one.
    #[prop(into)]
    domain: Signal<Option<String>>,
) -> impl IntoView {
    let note = format!("{id}-note");
    let described = note.clone();
    let take = move || {
        // The browser also calls a field left when it is taken away with its page.
        if let (Some(own), Some(domain)) = (own.try_get_untracked(), domain.try_get_untracked()) {
            take_typed(addresses, typed, error, own, domain);
        }
    };
    let on_key = move |event: web_sys::KeyboardEvent| match event.key().as_str() {
        "Enter" | "," | ";" | " " if !typed.with_untracked(|typed| typed.trim().is_empty()) => {
            event.prevent_default();
            take();
        }
        "Backspace" if typed.with_untracked(String::is_empty) => {
            addresses.update(|addresses| _ = addresses.pop())
        }
        _ => {}
    };
    let input = NodeRef::<html::Input>::new();
    let remove = move |gone: String| {
        addresses.update(|addresses| addresses.retain(|address| *address != gone));
        input.get_untracked().map(|input| input.focus());
    };
    view! {
        <div class="field address-field">
            <label class="field-label" for=id.clone()>{text::WITH}</label>
            <div class="field-box address-field-box">
                <For each=move || addresses.get() key=Clone::clone let:address>
                    <span class="address-field-chip">
                        {address.clone()}
                        <button
                            type="button"
                            class="address-field-remove"
                            aria-label=text::remove_address(&address)
                            on:click=move |_| remove(address.clone())
                        >
                            <Icon icon=icondata_lu::LuX/>
                        </button>
                    </span>
                </For>
                <input
                    class="field-input"
                    id=id
                    node_ref=input
                    type="text"
                    inputmode="email"
                    autocomplete="off"
                    autocapitalize="none"
                    spellcheck="false"
                    autofocus=true
                    aria-describedby=described
                    aria-invalid=when(move || error.with(Option::is_some), "true")
                    prop:value=typed
                    on:input:target=move |event| { error.set(None); typed.set(event.target().value()) }
                    on:keydown=on_key
                    on:blur=move |_| take()
                />
            </div>
            <Note id=note hint=text::WITH_HINT.into() error=error.into()/>
        </div>
    }
}

/// Makes chips of what was typed or pasted; false if some of it is no address.
pub fn take_typed(
    addresses: RwSignal<Vec<String>>,
    typed: RwSignal<String>,
    error: RwSignal<Option<String>>,
    own: Option<String>,
    domain: Option<String>,
) -> bool {
    let text = typed.get_untracked();
    let mut left = Vec::new();
    for word in text.split([',', ';', ' ', '\n', '\t']).filter(|word| !word.is_empty()) {
        match complete(word, domain.as_deref()) {
            Some(address) if Some(&address) == own.as_ref() => {
                error.set(Some(text::ADDRESS_OWN.to_owned()));
                left.push(word);
            }
            Some(address) => addresses.update(|addresses| {
                if !addresses.contains(&address) {
                    addresses.push(address);
                }
            }),
            None => {
                error.set(Some(text::ADDRESS_BAD.to_owned()));
                left.push(word);
            }
        }
    }
    typed.set(left.join(" "));
    left.is_empty()
}

/// A whole address in lower case, if the word is or can be made one.
pub fn complete(word: &str, domain: Option<&str>) -> Option<String> {
    let word = browser::lower_case(word.trim_matches(|c: char| c == '<' || c == '>'));
    let address = if word.contains('@') { word } else { format!("{word}@{}", domain?) };
    let (local, host) = address.split_once('@')?;
    let plain = |text: &str| {
        !text.is_empty() && !text.starts_with('.') && !text.ends_with('.') && !text.contains("..")
    };
    let good_host = plain(host) && host.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | ':'));
    (plain(local) && good_host && local.len() <= 64).then_some(address)
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::complete;

    #[test]
    fn addresses_are_completed_and_checked() {
        assert_eq!(complete("<Bob@Example.org>", None).as_deref(), Some("bob@example.org"));
        assert_eq!(complete("bob", Some("here.org")).as_deref(), Some("bob@here.org"));
        assert_eq!(complete("bob", None), None);
        assert_eq!(complete("bob@", Some("here.org")), None);
        assert_eq!(complete("a@b@c", None), None);
        assert_eq!(complete("bob@localhost:8080", None).as_deref(), Some("bob@localhost:8080"));
    }
}
