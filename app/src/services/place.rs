//! Where in the app the person is: the path in the address bar, and the browser's history.

use leptos::{ev, prelude::*};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{HtmlAnchorElement, MouseEvent};

/// Knows the path and goes elsewhere. A handle.
#[derive(Clone, Copy)]
pub struct Place(RwSignal<String>);

/// Puts the handle where components find it. Clicks on links, back and forward change the path from now on.
pub fn provide_place() {
    let place = Place(RwSignal::new(address_bar()));
    provide_context(place);
    let clicks = window_event_listener(ev::click, move |event| follow(place, &event));
    let moves = window_event_listener(ev::popstate, move |_| place.arrive());
    on_cleanup(move || {
        clicks.remove();
        moves.remove();
    });
}

/// The handle.
pub fn use_place() -> Place {
    expect_context()
}

impl Place {
    /// The path. Whoever reads it hears when it changes.
    pub fn path(self) -> String {
        self.0.get()
    }

    /// Whether the path is this one, or one below it.
    pub fn is_in(self, path: &str) -> bool {
        self.0.with(|here| here == path || below(here, path).is_some())
    }

    /// What follows a path in the address, if something does. `None` until then; afterwards it stays what it was, also
    /// when the person is elsewhere: then the page that asks is about to go.
    pub fn last_below(self, path: &'static str) -> Memo<Option<String>> {
        Memo::new(move |before: Option<&Option<String>>| {
            self.0.with(|here| below(here, path).map(str::to_owned)).or_else(|| before.cloned().flatten())
        })
    }

    /// Goes to a path.
    pub fn go(self, path: &str) {
        let here = self.0.with_untracked(|here| here == path);
        self.enter(path, here);
    }

    /// Goes to a path; "back" won't lead to where one was.
    pub fn replace(self, path: &str) {
        self.enter(path, true);
    }

    fn enter(self, path: &str, replace: bool) {
        if let Ok(history) = window().history() {
            // It fails only for a site that does this all the time.
            _ = if replace {
                history.replace_state_with_url(&JsValue::UNDEFINED, "", Some(path))
            } else {
                history.push_state_with_url(&JsValue::UNDEFINED, "", Some(path))
            };
        }
        window().scroll_to_with_x_and_y(0.0, 0.0);
        self.arrive();
    }

    /// Not after the app is gone: listeners may outlive it for a moment.
    fn arrive(self) {
        let path = address_bar();
        if self.0.try_with_untracked(|here| *here != path) == Some(true) {
            self.0.set(path);
        }
    }
}

/// What follows a path and a slash, if an address lies below it: then a phone shows what is open instead of the list.
pub fn below<'a>(path: &'a str, parent: &str) -> Option<&'a str> {
    path.strip_prefix(parent)?.strip_prefix('/').filter(|rest| !rest.is_empty())
}

/// A slash at the end means nothing.
fn address_bar() -> String {
    let path = window().location().pathname().unwrap_or_default();
    match path.trim_end_matches('/') {
        "" => "/".to_owned(),
        path => path.to_owned(),
    }
}

/// Links inside the app don't load the page anew.
fn follow(place: Place, event: &MouseEvent) {
    let keys = event.meta_key() || event.alt_key() || event.ctrl_key() || event.shift_key();
    if event.default_prevented() || event.button() != 0 || keys {
        return;
    }
    let element = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
    let link = element.and_then(|element| element.closest("a[href]").ok().flatten());
    let Some(link) = link.and_then(|link| link.dyn_into::<HtmlAnchorElement>().ok()) else { return };
    let elsewhere = Ok(link.origin()) != window().location().origin();
    if elsewhere || !link.target().is_empty() || link.has_attribute("download") {
        return;
    }
    event.prevent_default();
    place.go(&link.pathname());
}
