//! A key that somebody has already, instead of a new one.

use haven_bridge::OwnKey;
use leptos::prelude::*;

use crate::{
    components::{Button, Kind},
    live::live,
    pages::later::{self, Later},
    text::key as words,
};

/// How far it is.
#[derive(Clone, Eq, PartialEq)]
pub enum Step {
    /// A quiet offer.
    Offered,
    /// A file is to be chosen.
    Asked,
    /// This file needs its passphrase.
    Locked(Vec<u8>),
    /// It can be used; its fingerprint.
    Good(String),
}

/// A key that is being brought. A handle.
#[derive(Clone, Copy)]
pub struct Brought {
    /// Set once it can be used.
    pub key: RwSignal<Option<OwnKey>>,
    pub step: RwSignal<Step>,
    pub error: RwSignal<Option<String>>,
}

impl Default for Brought {
    fn default() -> Self {
        Self { key: RwSignal::new(None), step: RwSignal::new(Step::Offered), error: RwSignal::new(None) }
    }
}

impl Brought {
    /// Whether it is half brought. Then that is said.
    pub fn is_unfinished(self) -> bool {
        let unfinished = matches!(self.step.get_untracked(), Step::Asked | Step::Locked(_));
        if unfinished {
            self.error.set(Some(words::OWN_UNFINISHED.to_owned()));
        }
        unfinished
    }

    /// The key; none if a new one is wanted.
    pub fn key(self) -> Option<OwnKey> {
        self.key.get_untracked()
    }
}

/// The offer. What comes of it is downloaded when somebody takes it, and finds the [`Brought`] in the context.
#[component]
pub fn BringKey(brought: Brought) -> impl IntoView {
    provide_context(brought);
    let offered = Memo::new(move |_| brought.step.with(|step| *step == Step::Offered));
    view! {
        <div class="own-key">
            {live(move || if offered.get() {
                view! {
                    <Button kind=Kind::Quiet icon=icondata_lu::LuKeyRound on_click=move |()| brought.step.set(Step::Asked)>{words::OWN}</Button>
                }.into_any()
            } else {
                view! { <Later get=later::bring_key/> }.into_any()
            })}
        </div>
    }
}
