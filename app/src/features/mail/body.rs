//! What a mail says: its text, or its HTML in a frame of its own.

use haven_bridge::{
    Command, Reply,
    mail::{Draft, MailId, MailView, Mailbox},
};
use leptos::prelude::*;

use super::{frame::HtmlFrame, new_mail::write};
use crate::{
    components::{Button, Icon, Kind},
    live::live,
    services::place::use_place,
    state::{unexpected, use_core, use_mailbox, use_toasts},
    text::{
        self,
        links::{Piece, pieces},
    },
};

/// HTML if there is some, unless the person wants the text.
#[component]
pub fn Body(mail: MailView) -> impl IntoView {
    let MailView { summary, text, html, remote_content, .. } = mail;
    let Some(html) = html else { return view! { <Text text=text/> }.into_any() };
    let (html, as_text) = (RwSignal::new(html), RwSignal::new(false));
    let label = move || if as_text.get() { text::mail::AS_HTML } else { text::mail::AS_TEXT };
    view! {
        <div class="mail-body-bar">
            {remote_content.then(|| view! { <RemotePictures mail=summary.id html=html/> })}
            <Button kind=Kind::Quiet on_click=move |()| as_text.update(|as_text| *as_text = !*as_text)>{label}</Button>
        </div>
        {live(move || if as_text.get() {
            view! { <Text text=text.clone()/> }.into_any()
        } else {
            view! { <HtmlFrame html=html.get()/> }.into_any()
        })}
    }
    .into_any()
}

/// Says that pictures were left out and what it means to show them. They are put into `html`, until the mail is closed.
#[component]
fn RemotePictures(mail: MailId, html: RwSignal<String>) -> impl IntoView {
    let (core, toasts) = (use_core(), use_toasts());
    let (busy, shown) = (RwSignal::new(false), RwSignal::new(false));
    let fetch = move |()| {
        busy.set(true);
        core.ask(Command::MailPictures(mail), move |answer| {
            busy.try_set(false);
            match answer {
                Ok(Reply::MailPictures(pictures)) => {
                    shown.try_set(true);
                    html.try_set(pictures.html);
                    if pictures.missing > 0 {
                        toasts.say(text::mail::pictures_missing(pictures.missing));
                    }
                }
                Ok(other) => toasts.complain(text::failure::trouble(&unexpected(other))),
                Err(trouble) => toasts.complain(text::failure::trouble(&trouble)),
            }
        });
    };
    view! {
        <Show when=move || !shown.get()>
            <p class="mail-body-note"><Icon icon=icondata_lu::LuImageOff/>{text::mail::REMOTE_CONTENT}</p>
            <Button kind=Kind::Quiet busy=busy on_click=fetch>{text::mail::SHOW_PICTURES}</Button>
        </Show>
    }
}

/// Plain text, quotes set apart.
#[component]
fn Text(text: String) -> impl IntoView {
    let blocks = blocks(&text).into_iter().map(|(quoted, text)| {
        let content = linked(&text);
        if quoted {
            view! { <blockquote class="mail-body-quote" dir="auto">{content}</blockquote> }.into_any()
        } else {
            view! { <p dir="auto">{content}</p> }.into_any()
        }
    });
    view! { <div class="mail-body">{blocks.collect_view()}</div> }
}

/// Text nodes and links: nothing in a mail becomes markup.
fn linked(text: &str) -> impl IntoView + use<> {
    pieces(text)
        .into_iter()
        .map(|piece| match piece {
            Piece::Text(text) => text.to_owned().into_any(),
            Piece::Link(link) if link.starts_with("mailto:") => {
                view! { <MailtoLink link=link.to_owned()/> }.into_any()
            }
            Piece::Link(link) => {
                view! { <a href=link.to_owned() target="_blank" rel="noopener noreferrer">{link.to_owned()}</a> }.into_any()
            }
        })
        .collect_view()
}

/// Begins a mail here, and not in another program.
#[component]
fn MailtoLink(link: String) -> impl IntoView {
    let (mailbox, place) = (use_mailbox(), use_place());
    let address = address_of(&link).to_owned();
    let begin = move |event: web_sys::MouseEvent| {
        event.prevent_default();
        let to = vec![Mailbox { name: String::new(), address: address.clone() }];
        write(mailbox, place, Draft { to, ..Draft::default() });
    };
    let shown = link.clone();
    view! { <a href=link on:click=begin>{shown}</a> }
}

/// Without what such a link may ask for besides.
fn address_of(link: &str) -> &str {
    let rest = link.strip_prefix("mailto:").unwrap_or(link);
    rest.split('?').next().unwrap_or_default()
}

/// Runs of lines that are quoted or not. One level of quoting is taken off: the frame shows it.
fn blocks(text: &str) -> Vec<(bool, String)> {
    let mut blocks: Vec<(bool, String)> = Vec::new();
    for line in text.trim_end().lines() {
        let (quoted, line) = match line.strip_prefix('>') {
            Some(rest) => (true, rest.strip_prefix(' ').unwrap_or(rest)),
            None => (false, line),
        };
        match blocks.last_mut() {
            Some((same, block)) if *same == quoted => {
                block.push('\n');
                block.push_str(line);
            }
            _ => blocks.push((quoted, line.to_owned())),
        }
    }
    blocks
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::{address_of, blocks};

    #[test]
    fn quotes_are_blocks_of_their_own() {
        let block = |quoted, text: &str| (quoted, text.to_owned());
        assert_eq!(
            blocks("On Monday, Bob wrote:\n> Hi\n>> Older\n\nYes\n"),
            [block(false, "On Monday, Bob wrote:"), block(true, "Hi\n> Older"), block(false, "\nYes")]
        );
        assert_eq!(blocks(""), []);
    }

    #[test]
    fn a_mailto_link_gives_an_address_and_nothing_else() {
        assert_eq!(address_of("mailto:bob@b.example?bcc=eve@e.example"), "bob@b.example");
    }
}
