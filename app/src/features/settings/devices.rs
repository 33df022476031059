use haven_bridge::{Command, DeviceView, Reply};
use leptos::prelude::*;

use crate::{
    components::{Button, DeviceLines, Dialog, Icon, IconButton, Kind, Notice, Spinner, Tone},
    live::live,
    services::core_client::Trouble,
    state::{use_core, use_toasts},
    text,
};

type Found = RwSignal<Option<Result<Vec<DeviceView>, Trouble>>>;

/// The own devices.
#[component]
pub fn DevicesSection() -> impl IntoView {
    let core = use_core();
    let found = Found::new(None);
    let (leaving, open) = (RwSignal::new(None::<DeviceView>), RwSignal::new(false));
    let read = move || {
        core.ask(Command::Devices, move |answer| {
            let devices = match answer {
                Ok(Reply::Devices(devices)) => Ok(devices),
                Ok(_) => return,
                Err(trouble) => Err(trouble),
            };
            found.try_set(Some(devices));
        });
    };
    read();
    let remove = Callback::new(move |device| {
        leaving.set(Some(device));
        open.set(true);
    });
    let title = Signal::derive(move || {
        leaving.with(|device| {
            device.as_ref().map(|device| text::remove_device(&text::device_name(device))).unwrap_or_default()
        })
    });
    view! {
        <section class="section" aria-labelledby="devices-heading">
            <h2 class="section-title" id="devices-heading">{text::DEVICES}</h2>
            {live(move || match found.get() {
                None => view! { <div class="list-loading" role="status"><Spinner/></div> }.into_any(),
                Some(Err(trouble)) => view! {
                    <Notice tone=Tone::Error text=text::failure::trouble(&trouble)>
                        <Button on_click=move |()| read()>{text::RETRY}</Button>
                    </Notice>
                }.into_any(),
                Some(Ok(devices)) => view! {
                    <ul class="devices" aria-labelledby="devices-heading">
                        {devices.into_iter().map(|device| item(device, remove)).collect::<Vec<_>>()}
                    </ul>
                }.into_any(),
            })}
            <Dialog id="remove-device" open=open title=title><Remove device=leaving open=open found=found/></Dialog>
        </section>
    }
}

fn item(device: DeviceView, remove: Callback<DeviceView>) -> impl IntoView {
    let label = text::remove_device_label(&text::device_name(&device));
    let (lines, this) = (view! { <DeviceLines device=&device/> }, device.this);
    view! {
        <li class="devices-item">
            <Icon icon=icondata_lu::LuMonitorSmartphone/>
            {lines}
            {(!this).then(|| view! {
                <IconButton label=label icon=icondata_lu::LuLogOut on_click=move |()| remove.run(device.clone())/>
            })}
        </li>
    }
}

/// What removing means, and doing it.
#[component]
fn Remove(device: RwSignal<Option<DeviceView>>, open: RwSignal<bool>, found: Found) -> impl IntoView {
    let (core, toasts) = (use_core(), use_toasts());
    let (busy, error) = (RwSignal::new(false), RwSignal::new(None::<String>));
    let remove = move |()| {
        let Some(device) = device.get_untracked() else { return };
        busy.set(true);
        core.ask(Command::RemoveDevice(device.id), move |answer| {
            busy.try_set(false);
            match answer {
                Ok(Reply::Devices(left)) => {
                    found.try_set(Some(Ok(left)));
                    open.try_set(false);
                    toasts.say(text::DEVICE_REMOVED);
                }
                Ok(_) => {}
                Err(trouble) => _ = error.try_set(Some(text::failure::trouble(&trouble))),
            }
        });
    };
    let effect = |effect: &'static str| view! { <li>{effect}</li> };
    view! {
        <div class="form">
            <ul class="effects">{text::DEVICE_REMOVE_EFFECTS.map(effect).into_iter().collect::<Vec<_>>()}</ul>
            <Notice tone=Tone::Warning text=text::DEVICE_REMOVE_STOLEN/>
            {live(move || error.get().map(|error| view! { <Notice tone=Tone::Error text=error/> }))}
            <div class="form-actions">
                <Button on_click=move |()| open.set(false)>{text::CANCEL}</Button>
                <Button kind=Kind::Danger busy=busy on_click=remove>{text::DEVICE_REMOVE}</Button>
            </div>
        </div>
    }
}
