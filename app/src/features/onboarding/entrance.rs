//! What all ways of signing in share: the form, and making room when the account has as many devices as it may have.

use haven_bridge::{Command, DeviceView, Failure};
use leptos::prelude::*;

use crate::{
    components::{Button, DeviceLines, Kind, Notice, Tone},
    live::live,
    services::{
        browser,
        core_client::{CoreClient, Trouble},
    },
    text,
};

/// Ids of devices that are removed.
pub type Leaving = Vec<[u8; 16]>;

/// A sign-in: whether it is under way, what went wrong, and which devices could make room.
#[derive(Clone, Copy)]
pub struct Entrance {
    core: CoreClient,
    busy: RwSignal<bool>,
    trouble: RwSignal<Option<String>>,
    full: RwSignal<Option<Vec<DeviceView>>>,
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
                Ok(_) => then(),
                Err(Trouble::Failed(Failure::TooManyDevices { devices })) if !devices.is_empty() => {
                    self.full.try_set(Some(devices));
                    browser::focus_later(ROOM);
                }
                Err(why) => _ = self.trouble.try_set(Some(text::failure::trouble(&why))),
            }
        });
    }
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
    live(move || match entrance.full.get() {
        Some(devices) => view! { <MakeRoom entrance=entrance devices=devices enter=enter/> }.into_any(),
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

const FORM: &str = "entrance";
const ROOM: &str = "make-room";

#[component]
fn MakeRoom(entrance: Entrance, devices: Vec<DeviceView>, enter: Callback<Leaving>) -> impl IntoView {
    let leaving = RwSignal::new(Leaving::new());
    let choice = move |device: DeviceView| {
        let id = device.id;
        let chosen = move || leaving.with(|leaving| leaving.contains(&id));
        let choose = move |chosen| {
            leaving.update(|leaving| match chosen {
                true => leaving.push(id),
                false => leaving.retain(|other| *other != id),
            });
        };
        view! {
            <li class="devices-item">
                <label class="devices-choice">
                    <input type="checkbox" prop:checked=chosen on:change:target=move |event| choose(event.target().checked())/>
                    <DeviceLines device=&device/>
                </label>
            </li>
        }
    };
    let lead = text::make_room(devices.len());
    let back = move |()| {
        entrance.full.set(None);
        browser::focus_later(FORM);
    };
    view! {
        <div class="form" id=ROOM tabindex="-1" role="group" aria-labelledby="make-room-lead">
            <p id="make-room-lead">{lead}</p>
            <ul class="devices">{devices.into_iter().map(choice).collect::<Vec<_>>()}</ul>
            <p>{text::MAKE_ROOM_EFFECTS}</p>
            <Notice tone=Tone::Warning text=text::DEVICE_REMOVE_STOLEN/>
            <Failed entrance=entrance/>
            <div class="form-actions">
                <Button disabled=entrance.busy on_click=back>{text::CANCEL}</Button>
                <Button
                    kind=Kind::Danger
                    busy=entrance.busy
                    disabled=Signal::derive(move || leaving.with(Vec::is_empty))
                    on_click=move |()| enter.run(leaving.get_untracked())
                >
                    {live(move || if entrance.busy.get() { text::SIGNING_IN } else { text::MAKE_ROOM })}
                </Button>
            </div>
        </div>
    }
}

/// What went wrong.
#[component]
fn Failed(entrance: Entrance) -> impl IntoView {
    live(move || entrance.trouble.get().map(|sentence| view! { <Notice tone=Tone::Error text=sentence/> }))
}
