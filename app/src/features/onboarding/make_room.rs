//! Making room: the account has as many devices as it may have, and its person says which ones go.

use haven_bridge::DeviceView;
use leptos::prelude::*;

use super::entrance::{FORM, Failed, Leaving, Question};
use crate::{
    components::{Button, DeviceLines, Kind, Notice, Tone},
    live::live,
    services::browser,
    text,
};

const ROOM: &str = "make-room";

/// The question, and going on with what was chosen.
#[component]
pub fn MakeRoom() -> impl IntoView {
    let Question { entrance, enter } = expect_context();
    let devices = entrance.full.get_untracked().unwrap_or_default();
    browser::focus_later(ROOM);
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
