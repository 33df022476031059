use leptos::prelude::*;

use crate::{
    features::settings::{
        about::AboutSection, account::AccountSection, appearance::AppearanceSection, devices::DevicesSection,
        key::KeySection, recovery::RecoverySection, sign_out::SignOutSection,
    },
    text,
};

/// Everything about this person, this device, and how Haven looks.
#[component]
pub fn Settings() -> impl IntoView {
    view! {
        <div class="page">
            <header class="page-head"><h1 class="page-title">{text::SETTINGS}</h1></header>
            <AccountSection/>
            <RecoverySection/>
            <DevicesSection/>
            <KeySection/>
            <AppearanceSection/>
            <SignOutSection/>
            <AboutSection/>
        </div>
    }
}
