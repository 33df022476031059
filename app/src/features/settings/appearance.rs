use leptos::prelude::*;

use crate::{components::Icon, services::browser::Theme, text};

/// Colours.
#[component]
pub fn AppearanceSection() -> impl IntoView {
    let chosen = RwSignal::new(Theme::chosen());
    let choices = [
        (Theme::System, text::THEME_SYSTEM, icondata_lu::LuSunMoon),
        (Theme::Light, text::THEME_LIGHT, icondata_lu::LuSun),
        (Theme::Dark, text::THEME_DARK, icondata_lu::LuMoon),
    ];
    let choices = choices.map(|(theme, label, icon)| {
        let choose = move |_| {
            theme.choose();
            chosen.set(theme);
        };
        view! {
            <label class="choice">
                <input class="choice-input" type="radio" name="theme" prop:checked=move || chosen.get() == theme on:change=choose/>
                <span class="choice-face"><Icon icon=icon/>{label}</span>
            </label>
        }
    });
    view! {
        <section class="section" aria-labelledby="appearance-heading">
            <h2 class="section-title" id="appearance-heading">{text::APPEARANCE}</h2>
            <fieldset class="choices">
                <legend class="hidden">{text::THEME}</legend>
                {choices.into_iter().collect::<Vec<_>>()}
            </fieldset>
        </section>
    }
}
