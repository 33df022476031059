//! What all ways of signing in share: the form, and making room when the account has as many devices as it may have.

use haven_bridge::{Command, DeviceView, Reply};
use leptos::prelude::*;

use crate::{
    components::{Button, Kind, Notice, Tone},
    live::live,
    pages::later::{self, Later},
    services::core_client::CoreClient,
    text,
};

/// Names the form.
pub const FORM: &str = "entrance";

/// Ids of devices that are removed.
pub type Leaving = Vec<[u8; 16]>;

/// A sign-in: whether it is under way, what went wrong, and which devices could make room.
#[derive(Clone, Copy)]
pub struct Entrance {
    core: CoreClient,
    pub busy: RwSignal<bool>,
    trouble: RwSignal<Option<String>>,
    /// The devices of an account that is full.
    pub full: RwSignal<Option<Vec<DeviceView>>>,
}

impl Entrance {
    pub fn new(core: CoreClient) -> Self {
        let (busy, trouble, full) = (RwSignal::new(false), RwSignal::new(None), RwSignal::new(None));
        Self { core, busy, trouble, full }
    }

    /// Signs in by this command, unless it does so already.
    pub fn ask(self, command: Command, then: impl FnOnce() + 'static) {
        if self.busy.get_untracked() {
            return;
        }
        self.busy.set(true);
        self.trouble.set(None);
        self.core.ask(command, move |answer| {
            self.busy.try_set(false);
            match answer {
                Ok(Reply::Devices(devices)) => _ = self.full.try_set(Some(devices)),
                Ok(_) => then(),
                Err(why) => _ = self.trouble.try_set(Some(text::failure::trouble(&why))),
            }
        });
    }
}

/// What the question needs: which devices make room. It is in the context, as the question's code comes when it is asked.
#[derive(Clone, Copy)]
pub struct Question {
    /// The sign-in that there is no room for.
    pub entrance: Entrance,
    /// Signs in, and removes these devices.
    pub enter: Callback<Leaving>,
}

/// A form that signs in by `enter`; its children are the fields. When the account is full, it asks which devices go, and
/// enters again with these.
#[component]
pub fn EntranceForm(
    entrance: Entrance,
    #[prop(into)] enter: Callback<Leaving>,
    children: ChildrenFn,
) -> impl IntoView {
    let submit = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        enter.run(Vec::new());
    };
    provide_context(Question { entrance, enter });
    live(move || match entrance.full.get() {
        Some(_) => view! { <Later get=later::make_room/> }.into_any(),
        None => view! {
            <form class="form" id=FORM tabindex="-1" novalidate on:submit=submit>
                {children()}
                <Failed entrance=entrance/>
                <div class="form-actions">
                    <Button kind=Kind::Primary submit=true busy=entrance.busy>
                        {live(move || if entrance.busy.get() { text::SIGNING_IN } else { text::SIGN_IN })}
                    </Button>
                </div>
            </form>
        }
        .into_any(),
    })
}

/// What went wrong.
#[component]
pub fn Failed(entrance: Entrance) -> impl IntoView {
    live(move || entrance.trouble.get().map(|sentence| view! { <Notice tone=Tone::Error text=sentence/> }))
}
