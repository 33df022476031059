use haven_bridge::{Command, DeviceView, Reply};
use leptos::prelude::*;

use crate::{
    components::{Button, Icon, Notice, Spinner, Tone},
    live::live,
    services::core_client::Trouble,
    state::use_core,
    text,
};

/// The own devices.
#[component]
pub fn DevicesSection() -> impl IntoView {
    let core = use_core();
    let found = RwSignal::new(None::<Result<Vec<DeviceView>, Trouble>>);
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
                    <ul class="devices" aria-labelledby="devices-heading">{devices.into_iter().map(device).collect::<Vec<_>>()}</ul>
                }.into_any(),
            })}
        </section>
    }
}

fn device(device: DeviceView) -> impl IntoView {
    let name = if device.label.is_empty() { text::DEVICE_UNNAMED.to_owned() } else { device.label };
    view! {
        <li class="devices-item">
            <Icon icon=icondata_lu::LuMonitorSmartphone/>
            <div class="devices-body">
                <p class="devices-name">
                    {name}
                    {device.this.then(|| view! { <span class="badge" data-trust="pinned">{text::THIS_DEVICE}</span> })}
                </p>
                <p class="devices-meta"><span class="devices-id">{device.short_id}</span> " · since " {text::time::date(device.created)}</p>
            </div>
        </li>
    }
}
