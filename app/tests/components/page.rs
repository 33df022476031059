//! A mounted app, and ways to find and use what is on it.

use std::{any::Any, ops::Range, time::Duration};

use haven_app::{App, scripted::Script};
use leptos::{mount::mount_to, prelude::*};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Element, HtmlElement, HtmlInputElement, HtmlTextAreaElement};

/// Longer than anything here takes; only a failing test waits so long.
const PATIENCE: u32 = 1500;

/// The layout matters to some tests: they get the real one.
const STYLES: [&str; 8] = [
    include_str!("../../../style/reset.css"),
    include_str!("../../../style/tokens.css"),
    include_str!("../../../style/base.css"),
    include_str!("../../../style/layout.css"),
    include_str!("../../../style/components/list.css"),
    include_str!("../../../style/components/conversation.css"),
    include_str!("../../../style/components/timeline.css"),
    include_str!("../../../style/components/message_row.css"),
];

/// An app that is gone may still have listeners on the window; they would answer in place of the next one.
const REMEMBER_LISTENERS: &str = "window.added = [];
    window.addEventListener = (...args) => { window.added.push(args); EventTarget.prototype.addEventListener.apply(window, args); };";
const REMOVE_LISTENERS: &str = "for (const args of window.added) window.removeEventListener(...args);
    delete window.addEventListener;";

/// The app at an address. It is taken down when this is dropped.
pub struct Page {
    root: HtmlElement,
    style: Element,
    _handle: Box<dyn Any>,
}

impl Page {
    /// Opens the app at an address.
    pub fn open(script: &Script, path: &str) -> Self {
        let window = web_sys::window().unwrap();
        window.history().unwrap().replace_state_with_url(&JsValue::NULL, "", Some(path)).unwrap();
        window.local_storage().unwrap().unwrap().clear().unwrap();
        let document = window.document().unwrap();
        let style = document.create_element("style").unwrap();
        style.set_text_content(Some(&STYLES.concat()));
        document.head().unwrap().append_child(&style).unwrap();
        let root: HtmlElement = document.create_element("div").unwrap().unchecked_into();
        document.body().unwrap().append_child(&root).unwrap();
        js_sys::eval(REMEMBER_LISTENERS).unwrap();
        let script = script.clone();
        let handle = mount_to(root.clone(), move || {
            let core = script.client();
            view! { <App core=core/> }
        });
        Self { root, style, _handle: Box::new(handle) }
    }

    /// The first element that a selector finds.
    pub fn get(&self, selector: &str) -> Option<HtmlElement> {
        self.root.query_selector(selector).unwrap().map(JsCast::unchecked_into)
    }

    /// How many a selector finds.
    pub fn count(&self, selector: &str) -> u32 {
        self.root.query_selector_all(selector).unwrap().length()
    }

    /// Whether a text is somewhere on the page.
    pub fn says(&self, text: &str) -> bool {
        self.root.text_content().unwrap_or_default().contains(text)
    }

    /// Waits until something is so.
    pub async fn until(&self, what: &str, so: impl Fn(&Self) -> bool) {
        for _ in 0..PATIENCE {
            if so(self) {
                return;
            }
            pause(10).await;
        }
        panic!("not in time: {what}\n{}", self.root.inner_text());
    }

    /// Waits until a text is on the page.
    pub async fn until_says(&self, text: &str) {
        self.until(text, |page| page.says(text)).await;
    }

    /// The button with this name.
    pub fn button(&self, name: &str) -> HtmlElement {
        self.find_button(name).unwrap_or_else(|| panic!("no button {name}\n{}", self.root.inner_text()))
    }

    fn find_button(&self, name: &str) -> Option<HtmlElement> {
        let buttons = self.root.query_selector_all("button, a").unwrap();
        (0..buttons.length()).filter_map(|index| buttons.get(index)?.dyn_into::<HtmlElement>().ok()).find(
            |button| {
                button.get_attribute("aria-label").as_deref() == Some(name)
                    || button.text_content().unwrap_or_default().trim() == name
            },
        )
    }

    /// Presses it, once it is there.
    pub async fn press(&self, name: &str) {
        self.until(name, |page| page.find_button(name).is_some()).await;
        self.button(name).click();
        pause(0).await;
    }

    /// Clicks what a selector finds, once it is there.
    pub async fn click(&self, selector: &str) {
        self.until(selector, |page| page.get(selector).is_some()).await;
        self.get(selector).unwrap().click();
    }

    /// Types into an input or a text area.
    pub async fn fill(&self, selector: &str, text: &str) {
        self.until(selector, |page| page.get(selector).is_some()).await;
        let field = self.get(selector).unwrap();
        match field.dyn_ref::<HtmlInputElement>() {
            Some(input) => input.set_value(text),
            None => field.unchecked_ref::<HtmlTextAreaElement>().set_value(text),
        }
        let options = web_sys::EventInit::new();
        options.set_bubbles(true);
        let event = web_sys::Event::new_with_event_init_dict("input", &options).unwrap();
        field.dispatch_event(&event).unwrap();
        pause(0).await;
    }

    /// What is in a text area.
    pub fn text_in(&self, selector: &str) -> String {
        self.get(selector).unwrap().unchecked_into::<HtmlTextAreaElement>().value()
    }

    /// Selects a part of what is in a text area.
    pub fn select(&self, selector: &str, part: Range<u32>) {
        let field = self.get(selector).unwrap().unchecked_into::<HtmlTextAreaElement>();
        field.focus().unwrap();
        field.set_selection_range(part.start, part.end).unwrap();
    }

    /// Presses Enter in an element.
    pub async fn enter(&self, selector: &str) {
        self.key(selector, "Enter").await;
    }

    /// Presses a key in an element, or where nothing has the focus, in `body`.
    pub async fn key(&self, selector: &str, key: &str) {
        self.keys(selector, key, false).await;
    }

    /// Presses a key together with Ctrl.
    pub async fn ctrl(&self, selector: &str, key: &str) {
        self.keys(selector, key, true).await;
    }

    async fn keys(&self, selector: &str, key: &str, ctrl: bool) {
        let options = web_sys::KeyboardEventInit::new();
        options.set_key(key);
        options.set_ctrl_key(ctrl);
        options.set_bubbles(true);
        options.set_cancelable(true);
        let event = web_sys::KeyboardEvent::new_with_keyboard_event_init_dict("keydown", &options).unwrap();
        let element = document().query_selector(selector).unwrap().unwrap();
        element.dispatch_event(&event).unwrap();
        pause(0).await;
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        js_sys::eval(REMOVE_LISTENERS).unwrap();
        self.root.remove();
        self.style.remove();
    }
}

/// The path in the address bar.
pub fn path() -> String {
    web_sys::window().unwrap().location().pathname().unwrap()
}

/// Lets the browser go on.
pub async fn pause(milliseconds: u64) {
    let (sender, receiver) = futures_channel::oneshot::channel();
    set_timeout(
        move || {
            _ = sender.send(());
        },
        Duration::from_millis(milliseconds),
    );
    receiver.await.unwrap();
}
