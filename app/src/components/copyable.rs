//! Something to read out or copy: an address, a fingerprint.

use leptos::prelude::*;

use super::IconButton;
use crate::{services::browser, state::use_toasts, text};

/// A labelled value with a copy button.
#[component]
pub fn Copyable(
    #[prop(into)] label: String,
    #[prop(into)] value: String,
    /// Set in even letters, for comparing.
    #[prop(optional)]
    code: bool,
) -> impl IntoView {
    let toasts = use_toasts();
    let button_label = format!("{} {}", text::COPY, browser::lower_case(&label));
    let copied = value.clone();
    let copy = move |()| {
        let value = copied.clone();
        leptos::task::spawn_local(async move {
            if browser::copy(&value).await {
                toasts.say(text::COPIED);
            } else {
                toasts.complain(text::COPY_FAILED);
            }
        });
    };
    view! {
        <div class="copyable">
            <dt class="copyable-label">{label}</dt>
            <dd class="copyable-value" data-code=code.then_some("")>
                <span>{value}</span>
                <IconButton label=button_label icon=icondata_lu::LuCopy on_click=copy/>
            </dd>
        </div>
    }
}

/// A fingerprint in groups of four, for reading out.
pub fn grouped(fingerprint: &str) -> String {
    let digits: Vec<char> =
        fingerprint.chars().filter(char::is_ascii_hexdigit).map(|digit| digit.to_ascii_uppercase()).collect();
    let groups: Vec<String> = digits.chunks(4).map(|group| group.iter().collect()).collect();
    groups.join(" ")
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::grouped;

    #[test]
    fn fingerprints_are_grouped_however_they_come() {
        assert_eq!(grouped("ab12cd34"), "AB12 CD34");
        assert_eq!(grouped("AB12 CD34 5"), "AB12 CD34 5");
    }
}
