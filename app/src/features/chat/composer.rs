//! Where messages are written.

use haven_bridge::{Command, ConversationId, MAX_TEXT};
use leptos::{html, prelude::*};

use crate::{
    components::{Button, Icon, Kind, Notice, Tone},
    live::{live, when},
    services::{browser, core_client::Trouble},
    state::{use_core, use_drafts},
    text,
};

/// What Safari calls a key that an input method takes.
const CHOOSING: u32 = 229;
/// Below this many bytes, the limit is nobody's business.
const WARN_FROM: usize = MAX_TEXT - 2_000;

/// Enter sends, Shift with Enter makes a new line. What was begun is kept per conversation.
#[component]
pub fn Composer(id: ConversationId) -> impl IntoView {
    let (core, drafts) = (use_core(), use_drafts());
    let text = RwSignal::new(drafts.text(id));
    let trouble = RwSignal::new(None::<Trouble>);
    if text.with_untracked(String::is_empty) {
        drafts.recall(id, move |begun| _ = text.try_set(begun));
    }
    let input = NodeRef::<html::Textarea>::new();
    Effect::new(move || {
        text.track();
        grow(input);
    });
    // What is at the end of it and can't be seen is not sent.
    let length = Memo::new(move |_| text.with(|text| text.trim_end().len()));
    let excess = Memo::new(move |_| length.get().saturating_sub(MAX_TEXT));
    let blank = Memo::new(move |_| text.with(|text| text.trim().is_empty()));
    let send = move || {
        if blank.get_untracked() || excess.get_untracked() > 0 {
            return;
        }
        let Some((message, intent)) = drafts.take(id) else { return };
        trouble.set(None);
        text.set(String::new());
        let command = Command::SendText { intent, conversation: id, text: message.trim_end().to_owned() };
        core.ask(command, move |answer| {
            if let Err(why) = answer {
                drafts.give_back(id, message, intent);
                text.try_set(drafts.text(id));
                trouble.try_set(Some(why));
            }
        });
    };
    let on_key = move |event: web_sys::KeyboardEvent| {
        // Enter that ends the choice of a character is not meant for the message: Safari says so by a number alone. Where
        // fingers type, there is no Shift with Enter, and a button beside the field sends.
        let chooses = event.is_composing() || event.key_code() == CHOOSING;
        if event.key() == "Enter" && !event.shift_key() && !chooses && !browser::typed_by_fingers() {
            event.prevent_default();
            send();
        }
    };
    let on_submit = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        send();
        input.get_untracked().map(|input| input.focus());
    };
    let count = move || {
        (length.get() > WARN_FROM && excess.get() == 0).then(|| (MAX_TEXT - length.get()).to_string())
    };
    view! {
        // Browsers write what is begun in a form to disk, for restoring the page: not where they are told not to.
        <form class="composer" autocomplete="off" on:submit=on_submit>
            {live(move || trouble.get().map(|why| view! {
                <Notice tone=Tone::Error text=text::failure::trouble(&why)>
                    <Button kind=Kind::Quiet on_click=move |()| trouble.set(None)>{text::CLOSE}</Button>
                </Notice>
            }))}
            <p class="composer-limit" role="status">
                {live(move || (excess.get() > 0).then(|| text::too_long_by(excess.get())))}
                {count}
            </p>
            <div class="composer-box">
                <textarea
                    class="composer-input"
                    id="composer"
                    node_ref=input
                    rows="1"
                    dir="auto"
                    aria-label=text::COMPOSE
                    placeholder=text::COMPOSE_PLACEHOLDER
                    aria-invalid=when(move || excess.get() > 0, "true")
                    prop:value=text
                    on:input:target=move |event| {
                        let value = event.target().value();
                        drafts.keep(id, &value);
                        text.set(value);
                    }
                    on:keydown=on_key
                ></textarea>
                <button class="composer-send" type="submit" aria-label=text::SEND title=text::SEND disabled=move || blank.get() || excess.get() != 0>
                    <Icon icon=icondata_lu::LuArrowUp/>
                </button>
            </div>
        </form>
    }
}

/// As high as what is in it; the style sheet sets the limit.
fn grow(input: NodeRef<html::Textarea>) {
    request_animation_frame(move || {
        let Some(input) = input.try_get_untracked().flatten() else { return };
        let style = web_sys::HtmlElement::style(&input);
        // Properties set on a live element don't fail.
        _ = style.set_property("height", "auto");
        _ = style.set_property("height", &format!("{}px", input.scroll_height()));
    });
}
