//! Formatting a mail: marks in its text, buttons that put them there, and a look at what they become.

use std::ops::Range;

use haven_bridge::{Command, Reply};
use leptos::{html, prelude::*};

use super::{
    draft_state::DraftState,
    frame::HtmlFrame,
    marks::{Change, Mark, next_item},
};
use crate::{
    components::{Button, IconButton, Kind},
    live::live,
    services::{browser, core_client::CoreClient},
    state::{toasts::Toasts, unexpected, use_core, use_toasts},
    text,
};

/// A button, what it does, and its key.
struct Tool {
    mark: Mark,
    label: &'static str,
    icon: icondata_core::Icon,
    key: Option<&'static str>,
}

const TOOLS: [Tool; 7] = [
    Tool { mark: Mark::Bold, label: text::mail::BOLD, icon: icondata_lu::LuBold, key: Some("b") },
    Tool { mark: Mark::Italic, label: text::mail::ITALIC, icon: icondata_lu::LuItalic, key: Some("i") },
    Tool { mark: Mark::Link, label: text::mail::LINK, icon: icondata_lu::LuLink, key: Some("k") },
    Tool { mark: Mark::List, label: text::mail::LIST, icon: icondata_lu::LuList, key: None },
    Tool { mark: Mark::Numbers, label: text::mail::NUMBERS, icon: icondata_lu::LuListOrdered, key: None },
    Tool { mark: Mark::Quote, label: text::mail::QUOTE, icon: icondata_lu::LuTextQuote, key: None },
    Tool { mark: Mark::Code, label: text::mail::CODE, icon: icondata_lu::LuCode, key: None },
];

/// What stands in place of the text.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Shown {
    /// The text itself, to be written.
    Text,
    /// What it becomes; nothing: it goes as it is.
    Preview(Option<String>),
}

/// Formats a draft. A handle.
#[derive(Clone, Copy)]
pub struct Formatting {
    core: CoreClient,
    toasts: Toasts,
    draft: DraftState,
    input: NodeRef<html::Textarea>,
    shown: RwSignal<Shown>,
    busy: RwSignal<bool>,
}

impl Formatting {
    /// For a draft.
    pub fn new(draft: DraftState) -> Self {
        Self {
            core: use_core(),
            toasts: use_toasts(),
            draft,
            input: NodeRef::new(),
            shown: RwSignal::new(Shown::Text),
            busy: RwSignal::new(false),
        }
    }

    fn is_previewed(self) -> bool {
        self.shown.with(|shown| *shown != Shown::Text)
    }

    fn switch(self) {
        self.shown.set(Shown::Text);
        self.draft.formatted.update(|formatted| *formatted = !*formatted);
        browser::focus_later("mail-text");
    }

    fn preview(self) {
        self.busy.set(true);
        let asked = self.draft.text.get_untracked();
        self.core.ask(Command::PreviewMail(asked.clone()), move |answer| {
            self.busy.try_set(false);
            match answer {
                // Who goes on writing is not interrupted.
                Ok(Reply::MailPreview(_)) if !self.is_still(&asked) => {}
                Ok(Reply::MailPreview(html)) => _ = self.shown.try_set(Shown::Preview(html)),
                Ok(other) => self.toasts.complain(text::failure::trouble(&unexpected(other))),
                Err(trouble) => self.toasts.complain(text::failure::trouble(&trouble)),
            }
        });
    }

    /// Whether the text is still this, and to be formatted.
    fn is_still(self, text: &str) -> bool {
        let Self { draft, .. } = self;
        draft.formatted.try_get_untracked() == Some(true)
            && draft.text.try_with_untracked(|now| now == text) == Some(true)
    }

    fn write_on(self) {
        self.shown.set(Shown::Text);
        browser::focus_later("mail-text");
    }

    fn apply(self, mark: Mark) {
        self.change(|text, selected| Some(mark.apply(text, selected)));
    }

    /// Types a change into the text, so that it can be undone like everything else. Says whether there is one.
    fn change(self, make: impl FnOnce(&str, Range<usize>) -> Option<Change>) -> bool {
        let Some(input) = self.input.get_untracked() else { return false };
        let text = input.value();
        let bytes = |place: Option<u32>| utf8_length(&text, place.unwrap_or_default());
        let start = bytes(input.selection_start().ok().flatten());
        let end = bytes(input.selection_end().ok().flatten());
        let Some(Change { replaced, with, selected }) = make(&text, start..end) else { return false };
        _ = input.focus();
        let select = |text: &str, range: Range<usize>| {
            let units = |place| utf16_length(text.get(..place).unwrap_or(text));
            _ = input.set_selection_range(units(range.start), units(range.end));
        };
        select(&text, replaced);
        browser::type_text(&with);
        select(&input.value(), selected);
        true
    }

    fn on_key(self, event: &web_sys::KeyboardEvent) {
        if !self.draft.formatted.get_untracked() || event.is_composing() {
            return;
        }
        let (ctrl, other) = (event.ctrl_key() || event.meta_key(), event.alt_key() || event.shift_key());
        let key = event.key();
        let changed = match TOOLS.iter().find(|tool| tool.key == Some(key.as_str())) {
            Some(tool) if ctrl && !other => {
                self.apply(tool.mark);
                true
            }
            None if key == "Enter" && !ctrl && !other => {
                self.change(|text, selected| next_item(text, selected.end).filter(|_| selected.is_empty()))
            }
            _ => false,
        };
        if changed {
            event.prevent_default();
        }
    }
}

/// The browser counts in UTF-16.
fn utf16_length(text: &str) -> u32 {
    u32::try_from(text.encode_utf16().count()).unwrap_or(u32::MAX)
}

/// The bytes of so many units of UTF-16 at the start of a text.
fn utf8_length(text: &str, units: u32) -> usize {
    let mut left = units as usize;
    let fits = |c: &char| {
        let fits = left > 0;
        left = left.saturating_sub(c.len_utf16());
        fits
    };
    text.chars().take_while(fits).map(char::len_utf8).sum()
}

/// The text of a mail, or what it becomes.
#[component]
pub fn MailText(draft: DraftState, formatting: Formatting) -> impl IntoView {
    let input = formatting.input;
    // What is quoted stands below what will be written.
    input.on_load(|input| request_animation_frame(move || _ = input.set_selection_range(0, 0)));
    // It stays on the page, for what was typed can be undone there.
    view! {
        // Browsers keep what is typed in the clear, among the tabs that they open again, unless its form says no.
        <form class="mail-composer-form" autocomplete="off">
            <textarea
                class="mail-composer-text"
                id="mail-text"
                node_ref=input
                dir="auto"
                aria-label=text::mail::TEXT
                placeholder=text::mail::TEXT_PLACEHOLDER
                prop:hidden=move || formatting.is_previewed()
                prop:value=draft.text
                on:input:target=move |event| draft.text.set(event.target().value())
                on:keydown=move |event| formatting.on_key(&event)
            ></textarea>
        </form>
        {live(move || match formatting.shown.get() {
            Shown::Text => ().into_any(),
            Shown::Preview(Some(html)) => view! {
                <div class="mail-preview">
                    <p class="mail-preview-note" role="status">{text::mail::PREVIEW_LEAD}</p>
                    <HtmlFrame html=html/>
                </div>
            }
            .into_any(),
            Shown::Preview(None) => view! {
                <div class="mail-preview"><p class="mail-preview-note" role="status">{text::mail::PREVIEW_PLAIN}</p></div>
            }
            .into_any(),
        })}
    }
}

/// Switches formatting on and off.
#[component]
pub fn FormattingSwitch(draft: DraftState, formatting: Formatting) -> impl IntoView {
    view! {
        <Button icon=icondata_lu::LuType pressed=draft.formatted on_click=move |()| formatting.switch()>{text::mail::FORMATTING}</Button>
    }
}

/// The buttons, while formatting is on.
#[component]
pub fn FormattingBar(draft: DraftState, formatting: Formatting) -> impl IntoView {
    let tool = move |Tool { mark, label, icon, key }: &Tool| {
        let (mark, label) = (*mark, text::mail::with_key(label, *key));
        view! { <IconButton label=label icon=*icon on_click=move |()| formatting.apply(mark)/> }
    };
    let buttons = move || {
        if formatting.is_previewed() {
            view! { <Button kind=Kind::Quiet icon=icondata_lu::LuPencil on_click=move |()| formatting.write_on()>{text::mail::WRITE_ON}</Button> }.into_any()
        } else {
            view! {
                {TOOLS.iter().map(tool).collect_view()}
                <Button kind=Kind::Quiet icon=icondata_lu::LuEye busy=formatting.busy on_click=move |()| formatting.preview()>{text::mail::PREVIEW}</Button>
            }
            .into_any()
        }
    };
    view! {
        {live(move || draft.formatted.get().then(|| view! {
            <div class="mail-formatting" role="group" aria-label=text::mail::FORMATTING>{live(buttons)}</div>
        }))}
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn places_are_the_same_in_both_ways_to_count() {
        let text = "aé字🐢b";
        for (units, bytes) in [(0, 0), (1, 1), (2, 3), (3, 6), (5, 10), (6, 11), (9, 11)] {
            assert_eq!(utf8_length(text, units), bytes);
        }
        assert_eq!(utf16_length("aé字🐢"), 5);
    }
}
