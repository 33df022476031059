use leptos::prelude::*;

use crate::{
    components::{Avatar, Copyable},
    live::live,
    state::use_session,
    text,
};

/// Who one is.
#[component]
pub fn AccountSection() -> impl IntoView {
    let session = use_session();
    let me = Memo::new(move |_| session.me());
    view! {
        <section class="section" aria-labelledby="account-heading">
            <h2 class="section-title" id="account-heading">{text::ACCOUNT}</h2>
            {live(move || me.get().map(|me| view! {
                <div class="account">
                    <Avatar name=me.address.clone() seed=me.fingerprint.clone() size="large"/>
                    <dl class="section-list">
                        <Copyable label=text::YOUR_ADDRESS value=me.address/>
                    </dl>
                </div>
            }))}
        </section>
    }
}
