//! Attachments of a mail: looking at them, and saving them.

use haven_bridge::{
    Command, Reply,
    mail::{AttachmentView, MailId, OpenedFile},
};
use leptos::prelude::*;

use super::source::UncheckedQuestion;
use crate::{
    components::{Button, Dialog, Icon, IconButton},
    live::{live, when},
    services::browser,
    state::{toasts::Toasts, unexpected, use_core, use_mailbox, use_toasts},
    text,
};

/// What browsers draw, and what can do nothing else. SVG is not among it.
const PICTURES: [&str; 5] = ["image/png", "image/jpeg", "image/gif", "image/webp", "image/avif"];
/// Text that is longer is for an editor.
const LONGEST_TEXT: u64 = 200_000;

/// What is looked at.
#[derive(Clone)]
enum Content {
    /// A picture, as an address of this page's own.
    Picture(String),
    Text(String),
    /// The question before a mail is looked at that was refused.
    Unchecked(MailId),
}

#[derive(Clone)]
struct Shown {
    name: String,
    content: Content,
}

/// What is looked at. A handle.
#[derive(Clone, Copy)]
pub struct Preview {
    open: RwSignal<bool>,
    shown: RwSignal<Option<Shown>>,
}

impl Preview {
    /// Shows a text as it is.
    pub fn show_text(self, name: &str, text: String) {
        self.show(name.to_owned(), Content::Text(text));
    }

    /// Asks before a mail is looked at that was refused.
    pub fn ask_unchecked(self, mail: MailId) {
        self.show(text::mail::UNCHECKED_TITLE.to_owned(), Content::Unchecked(mail));
    }

    pub fn close(self) {
        self.open.try_set(false);
    }

    fn show(self, name: String, content: Content) {
        self.shown.try_set(Some(Shown { name, content }));
        self.open.try_set(true);
    }
}

/// For the mails of a reader.
pub fn provide_preview() {
    provide_context(Preview { open: RwSignal::new(false), shown: RwSignal::new(None) });
}

/// The dialog in which attachments are looked at.
#[component]
pub fn PreviewDialog() -> impl IntoView {
    let preview: Preview = expect_context();
    let Preview { open, shown } = preview;
    // What was looked at is given back to the browser.
    Effect::new(move || {
        if !open.get() {
            forget(shown);
        }
    });
    on_cleanup(move || forget(shown));
    let name = Signal::derive(move || {
        shown.with(|shown| shown.as_ref().map(|shown| shown.name.clone())).unwrap_or_default()
    });
    view! {
        <Dialog id="preview" open=open title=name>
            {live(move || shown.get().map(|Shown { name, content }| match content {
                Content::Picture(url) => view! { <img class="preview-picture" src=url alt=name/> }.into_any(),
                Content::Text(text) => view! { <pre class="preview-text" tabindex="0" dir="auto">{text}</pre> }.into_any(),
                Content::Unchecked(mail) => view! { <UncheckedQuestion mail=mail preview=preview/> }.into_any(),
            }))}
        </Dialog>
    }
}

fn forget(shown: RwSignal<Option<Shown>>) {
    let before = shown.try_update(Option::take).flatten();
    if let Some(Shown { content: Content::Picture(url), .. }) = before {
        browser::forget_url(&url);
    }
}

/// The attachments of a mail.
#[component]
pub fn Attachments(mail: MailId, files: Vec<AttachmentView>) -> impl IntoView {
    (!files.is_empty()).then(|| {
        let (heading, label) = (text::mail::files(files.len()), text::mail::files(files.len()));
        let rows = files.into_iter().map(|file| view! { <File mail=mail file=file/> });
        view! {
            <section class="files" aria-label=label>
                <p class="files-count">{heading}</p>
                <ul class="files-list">{rows.collect_view()}</ul>
            </section>
        }
    })
}

#[component]
fn File(mail: MailId, file: AttachmentView) -> impl IntoView {
    let (core, toasts, mailbox) = (use_core(), use_toasts(), use_mailbox());
    let preview: Preview = expect_context();
    let busy = RwSignal::new(false);
    let AttachmentView { part, name, media_type, size } = file;
    let kind = media_type.clone();
    let fetch = move |look: bool| {
        let kind = kind.clone();
        busy.set(true);
        core.ask(Command::MailAttachment { mail, part }, move |answer| {
            busy.try_set(false);
            mailbox.end_progress((mail, Some(part)));
            match answer {
                Ok(Reply::OpenedFile(file)) => {
                    say_outcome(&file, toasts);
                    if !look {
                        save(&file.name, &file.bytes, toasts);
                    } else if let Some(content) = content(&kind, &file.bytes) {
                        preview.show(file.name, content);
                    }
                }
                // It was given up.
                Ok(Reply::Done) => {}
                Ok(other) => toasts.complain(text::failure::trouble(&unexpected(other))),
                Err(trouble) => toasts.complain(text::failure::trouble(&trouble)),
            }
        });
    };
    let look = fetch.clone();
    let can_show = can_show(&media_type, size);
    let facts = text::mail::file_facts(&media_type, size);
    // Of a large one only: others are there before anybody could read it.
    let percent = move || mailbox.progress((mail, Some(part)));
    let cancel = move |()| core.ask(Command::CancelAttachment { mail, part }, |_| {});
    let look_label = format!("{} {name}", text::mail::LOOK_AT);
    view! {
        <li class="files-item" aria-busy=when(move || busy.get(), "true")>
            <Icon icon=icon(&media_type)/>
            <span class="files-text">
                <span class="files-name" dir="auto">{name.clone()}</span>
                <span class="files-size">{live(move || percent().map_or_else(|| facts.clone(), text::mail::fetched))}</span>
            </span>
            {can_show.then(|| view! { <IconButton label=look_label icon=icondata_lu::LuEye on_click=move |()| look(true)/> })}
            {live(move || percent().map(|_| view! { <Button on_click=cancel>{text::CANCEL}</Button> }))}
            <Button icon=icondata_lu::LuDownload busy=busy on_click=move |()| fetch(false)>
                {text::mail::SAVE_FILE}<span class="hidden">" "{name}</span>
            </Button>
        </li>
    }
}

/// Lets the person save a file.
pub fn save(name: &str, bytes: &[u8], toasts: Toasts) {
    // Whatever it says it is, the browser is not to open it as a page of ours.
    if browser::save(name, bytes, "application/octet-stream").is_err() {
        toasts.complain(text::mail::NOT_SAVED_FILE);
    }
}

fn say_outcome(file: &OpenedFile, toasts: Toasts) {
    match text::mail::file_outcome(file) {
        Some((sentence, true)) => toasts.complain(sentence),
        Some((sentence, false)) => toasts.say(sentence),
        None => {}
    }
}

fn can_show(media_type: &str, size: u64) -> bool {
    // Other texts as they are written: nothing of them is run or laid out.
    PICTURES.contains(&media_type) || media_type.starts_with("text/") && size <= LONGEST_TEXT
}

fn content(media_type: &str, bytes: &[u8]) -> Option<Content> {
    if PICTURES.contains(&media_type) {
        return browser::blob_url(bytes, media_type).ok().map(Content::Picture);
    }
    Some(Content::Text(String::from_utf8_lossy(bytes).into_owned()))
}

/// By the kind of file.
pub fn icon(media_type: &str) -> icondata_core::Icon {
    match media_type.split('/').next().unwrap_or_default() {
        "image" => icondata_lu::LuFileImage,
        "text" => icondata_lu::LuFileText,
        _ => icondata_lu::LuFile,
    }
}
