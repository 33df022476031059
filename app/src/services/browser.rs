//! Small things of the browser, in one place so that components stay readable.

use std::panic::PanicHookInfo;

use haven_bridge::IntentId;
use leptos::prelude::document;
use wasm_bindgen::{JsCast, JsValue};

/// The key of the chosen colours in the browser's local storage. `public/early.js` reads it too.
const THEME_KEY: &str = "haven.theme";

/// Says in the browser's local storage that somebody is signed in here. Browsers that delete databases often leave it.
const ACCOUNT_KEY: &str = "haven.account";

/// The colours.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Theme {
    /// As the system has them.
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

impl Theme {
    /// The chosen one.
    pub fn chosen() -> Self {
        match document().document_element().and_then(|root| root.get_attribute("data-theme")).as_deref() {
            Some("light") => Self::Light,
            Some("dark") => Self::Dark,
            _ => Self::System,
        }
    }

    /// Shows it, and remembers it where the browser allows.
    pub fn choose(self) {
        let value = match self {
            Self::System => None,
            Self::Light => Some("light"),
            Self::Dark => Some("dark"),
        };
        let storage = local_storage();
        let root = document().document_element();
        match value {
            Some(value) => {
                _ = root.map(|root| root.set_attribute("data-theme", value));
                _ = storage.map(|storage| storage.set_item(THEME_KEY, value));
            }
            None => {
                _ = root.map(|root| root.remove_attribute("data-theme"));
                _ = storage.map(|storage| storage.remove_item(THEME_KEY));
            }
        }
    }
}

fn local_storage() -> Option<web_sys::Storage> {
    web_sys::window().and_then(|window| window.local_storage().ok().flatten())
}

/// Whether somebody was signed in here who has not signed out.
pub fn had_account() -> bool {
    local_storage().is_some_and(|storage| storage.get_item(ACCOUNT_KEY).is_ok_and(|value| value.is_some()))
}

/// Notes that somebody is signed in here, or has signed out.
pub fn note_account(there: bool) {
    // Without local storage it is only not noticed when the rest is gone.
    _ = local_storage().map(|storage| match there {
        true => storage.set_item(ACCOUNT_KEY, "1"),
        false => storage.remove_item(ACCOUNT_KEY),
    });
}

/// Asks the browser not to delete what is stored here when space runs short. Firefox asks the person, others don't.
pub fn keep_storage() {
    // Pages that don't come over https have no storage to ask for.
    let asked = web_sys::window().and_then(|window| window.navigator().storage().persist().ok());
    if let Some(asked) = asked {
        leptos::task::spawn_local(async move { _ = wasm_bindgen_futures::JsFuture::from(asked).await });
    }
}

/// A fresh name for a wish.
pub fn new_intent() -> IntentId {
    let mut bytes = [0; 16];
    if let Some(crypto) = web_sys::window().and_then(|window| window.crypto().ok()) {
        _ = crypto.get_random_values_with_u8_array(&mut bytes);
    }
    IntentId(bytes)
}

/// A random number below `end`, for choices that are no secret.
pub fn random_below(end: usize) -> usize {
    let share = js_sys::Math::random();
    // The cast truncates towards zero, which is what is wanted.
    ((share * end as f64) as usize).min(end.saturating_sub(1))
}

/// In lower case. The browser has the tables for it anyway.
pub fn lower_case(text: &str) -> String {
    js_sys::JsString::from(text).to_lower_case().into()
}

/// In upper case.
pub fn upper_case(text: &str) -> String {
    js_sys::JsString::from(text).to_upper_case().into()
}

/// A length for a style. The browser writes the number: Rust would bring ten kilobytes for it.
pub fn pixels(length: f64) -> String {
    let mut text =
        js_sys::Number::from(length).to_string_with_radix(10).map(String::from).unwrap_or_default();
    text.push_str("px");
    text
}

/// Milliseconds since 1970.
pub fn now() -> u64 {
    js_sys::Date::now() as u64
}

/// Whether the browser believes that it has a network.
pub fn online() -> bool {
    web_sys::window().is_none_or(|window| window.navigator().on_line())
}

/// Whether a person can see the page.
pub fn page_visible() -> bool {
    document().visibility_state() == web_sys::VisibilityState::Visible
}

/// Loads the page again.
pub fn reload() {
    if let Some(window) = web_sys::window() {
        _ = window.location().reload();
    }
}

/// What this device may be called, such as "Firefox on Linux".
pub fn device_label() -> String {
    let agent = web_sys::window().and_then(|window| window.navigator().user_agent().ok()).unwrap_or_default();
    device_label_of(&agent)
}

fn device_label_of(agent: &str) -> String {
    let find = |names: &[(&'static str, &'static str)]| {
        names.iter().find(|(mark, _)| agent.contains(mark)).map(|(_, name)| *name)
    };
    // The order matters: Edge and Opera call themselves Chrome too, and Chrome calls itself Safari.
    let browser = find(&[
        ("Edg", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox", "Firefox"),
        ("FxiOS", "Firefox"),
        ("Chrome", "Chrome"),
        ("CriOS", "Chrome"),
        ("Safari", "Safari"),
    ]);
    let system = find(&[
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("CrOS", "ChromeOS"),
        ("Windows", "Windows"),
        ("Mac OS", "Mac"),
        ("Linux", "Linux"),
    ]);
    match (browser, system) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(browser), None) => browser.to_owned(),
        (None, Some(system)) => format!("Browser on {system}"),
        (None, None) => "Browser".to_owned(),
    }
}

/// Copies a text; whether it worked comes out.
pub async fn copy(text: &str) -> bool {
    let Some(window) = web_sys::window() else { return false };
    // Pages that don't come over https have no clipboard at all.
    if !window.is_secure_context() {
        return false;
    }
    wasm_bindgen_futures::JsFuture::from(window.navigator().clipboard().write_text(text)).await.is_ok()
}

/// Types over what is selected where the focus is, as a person would, so that it can be undone.
pub fn type_text(text: &str) {
    let document: web_sys::HtmlDocument = document().unchecked_into();
    // It does nothing where nothing can be typed.
    _ = match text {
        "" => document.exec_command("delete"),
        text => document.exec_command_with_show_ui_and_value("insertText", false, text),
    };
}

/// Lets the person save a text as a file.
pub fn download(name: &str, text: &str) -> Result<(), JsValue> {
    save(name, text.as_bytes(), "text/plain;charset=utf-8")
}

/// Lets the person save bytes as a file.
pub fn save(name: &str, bytes: &[u8], media_type: &str) -> Result<(), JsValue> {
    let url = blob_url(bytes, media_type)?;
    let link: web_sys::HtmlAnchorElement = document().create_element("a")?.unchecked_into();
    link.set_href(&url);
    link.set_download(name);
    link.click();
    forget_url(&url);
    Ok(())
}

/// An address for bytes, as long as the page lives or until it is forgotten.
pub fn blob_url(bytes: &[u8], media_type: &str) -> Result<String, JsValue> {
    let options = web_sys::BlobPropertyBag::new();
    options.set_type(media_type);
    let parts = js_sys::Array::of1(&js_sys::Uint8Array::from(bytes));
    let blob = web_sys::Blob::new_with_u8_array_sequence_and_options(&parts, &options)?;
    web_sys::Url::create_object_url_with_blob(&blob)
}

/// Gives the bytes behind an address back to the browser.
pub fn forget_url(url: &str) {
    // It fails only for what is no address.
    _ = web_sys::Url::revoke_object_url(url);
}

/// Opens the print dialog.
pub fn print() {
    if let Some(window) = web_sys::window() {
        _ = window.print();
    }
}

/// How many frames [`focus_later`] looks for its element: about a second.
const FOCUS_FRAMES: u8 = 60;

/// Looks for about a second whether the focus is lost, as it is when what had it goes from the page, and then moves it to
/// the content: whoever uses the keyboard would have to begin anew.
pub fn keep_focus() {
    catch_focus(FOCUS_FRAMES);
}

fn catch_focus(frames: u8) {
    leptos::prelude::request_animation_frame(move || {
        let lost = document().active_element().is_none_or(|element| element.tag_name() == "BODY");
        if lost {
            focus_later("main");
        } else if frames > 0 {
            catch_focus(frames - 1);
        }
    });
}

/// Has everything saved when the page is hidden or goes, as long as the component lives. `save` tells whether there was
/// anything: a closing page may end the engine before it has it, so the person is asked to wait.
pub fn save_before_leaving(save: impl Fn() -> bool + Copy + 'static) {
    use leptos::{ev, prelude::*};
    let hidden = window_event_listener_untyped("visibilitychange", move |_| {
        if !page_visible() {
            save();
        }
    });
    let leaving = window_event_listener(ev::beforeunload, move |event| {
        if save() {
            event.prevent_default();
        }
    });
    on_cleanup(move || {
        hidden.remove();
        leaving.remove();
    });
}

/// Whether what is pointed with is a finger, and so the keyboard one on the screen.
pub fn typed_by_fingers() -> bool {
    let query = leptos::prelude::window().match_media("(pointer: coarse)");
    query.is_ok_and(|query| query.is_some_and(|query| query.matches()))
}

/// Moves the focus to the element with this id, once it is there.
pub fn focus_later(id: &'static str) {
    focus_within(id, FOCUS_FRAMES);
}

fn focus_within(id: &'static str, frames: u8) {
    leptos::prelude::request_animation_frame(move || {
        let element = document()
            .get_element_by_id(id)
            .and_then(|element| element.dyn_into::<web_sys::HtmlElement>().ok());
        match element {
            Some(element) => _ = element.focus(),
            // What is to be shown first has to come from the engine.
            None if frames > 0 => focus_within(id, frames - 1),
            None => {}
        }
    });
}

/// Takes the boot screen away: the app is there.
pub fn remove_boot_screen() {
    if let Some(boot) = document().get_element_by_id("boot") {
        boot.remove();
    }
}

/// Says that the page is broken. A panic must not leave a page that looks alive and does nothing.
pub fn show_panic(info: &PanicHookInfo<'_>) {
    // Only the place: the message could quote what people wrote.
    let place = info.location().map(ToString::to_string).unwrap_or_default();
    leptos::logging::error!("Haven's page stopped at {place}");
    let Some(body) = document().body() else { return };
    _ = body.set_attribute("data-broken", "");
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::device_label_of;

    #[test]
    fn device_labels_name_browser_and_system() {
        let firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
        let safari = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1 Version/19.0 Safari/604.1";
        let edge =
            "Mozilla/5.0 (Windows NT 10.0; Win64) AppleWebKit/537.36 Chrome/156.0 Safari/537.36 Edg/156.0";
        assert_eq!(device_label_of(firefox), "Firefox on Linux");
        assert_eq!(device_label_of(safari), "Safari on iPhone");
        assert_eq!(device_label_of(edge), "Edge on Windows");
        assert_eq!(device_label_of("curl"), "Browser");
    }
}
