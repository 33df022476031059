//! What is said of one of the own devices, in a list of them.

use haven_bridge::DeviceView;
use leptos::prelude::*;

use crate::text;

/// What a device is called, which one it is, and since when it is there.
#[component]
pub fn DeviceLines<'a>(device: &'a DeviceView) -> impl IntoView + use<> {
    view! {
        <span class="devices-body">
            <span class="devices-name">
                {text::device_name(device)}
                {device.this.then(|| view! { <span class="badge" data-trust="pinned">{text::THIS_DEVICE}</span> })}
            </span>
            <span class="devices-meta">
                <span class="devices-id">{device.short_id.clone()}</span> " · since " {text::time::date(device.created)}
            </span>
        </span>
    }
}
