//! A person's or conversation's sign: initials on a colour that stays the same.

use leptos::prelude::*;

use crate::services::browser;

/// As many colours as `avatar.css` has.
const HUES: u32 = 10;

/// Decoration: the name stands beside it.
#[component]
pub fn Avatar(
    /// What the initials are made of.
    name: String,
    /// What the colour is made of: the fingerprint, or an id.
    seed: String,
    /// More than one person.
    #[prop(optional)]
    group: bool,
    /// `small`, or nothing.
    #[prop(optional)]
    size: &'static str,
) -> impl IntoView {
    view! {
        <span class="avatar" aria-hidden="true" data-hue=hue(&seed) data-group=group.then_some("") data-size=size>
            {initials(&name)}
        </span>
    }
}

fn hue(seed: &str) -> u32 {
    // FNV-1a: small, and even over few colours.
    let hash =
        seed.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    (hash >> 8) % HUES
}

fn initials(name: &str) -> String {
    let name = name.split_once('@').map_or(name, |(local, _)| local);
    let letters = name.split(|c: char| !c.is_alphanumeric()).filter_map(|word| word.chars().next());
    let initials: String = letters.take(2).collect();
    if initials.is_empty() { "?".to_owned() } else { browser::upper_case(&initials) }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::initials;

    #[test]
    fn initials_come_from_the_name() {
        assert_eq!(initials("mara.lindqvist@example.org"), "ML");
        assert_eq!(initials("bob@example.org"), "B");
        assert_eq!(initials("Trip to Ærø"), "TT");
        assert_eq!(initials("…"), "?");
    }
}
