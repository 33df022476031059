use haven_bridge::mail::Folder;
use leptos::prelude::*;

use crate::{
    components::EmptyState,
    features::mail::{
        composer::ComposerPage, folders::Folders, list::MailList, new_mail::NewMail, reader::Reader,
        shortcuts::Shortcuts,
    },
    live::when,
    routes::mail::{MailPlace, Open},
    services::place::use_place,
    state::{mailbox::Shown, use_mailbox},
    text,
};

/// Folders, the list of one, and beside it what is open.
#[component]
pub fn Mail() -> impl IntoView {
    let (place, mailbox) = (use_place(), use_mailbox());
    let here = Memo::new(move |before: Option<&Option<MailPlace>>| {
        // Stays what it was while the page goes.
        MailPlace::of(&place.path()).or_else(|| before.copied().flatten())
    });
    let open = Memo::new(move |_| here.get().map_or(Open::Nothing, |here| here.open));
    let folder = Memo::new(move |before: Option<&Folder>| match (here.get(), before) {
        // Who writes in the middle of reading finds the list as it was.
        (Some(MailPlace { open: Open::Draft(_) | Open::New, .. }), Some(before)) => *before,
        (here, _) => here.map_or(Folder::Inbox, |here| here.folder),
    });
    Effect::new(move || {
        mailbox.show(match mailbox.query.get().trim() {
            "" => Shown::Folder(folder.get()),
            words => Shown::Search(words.to_owned()),
        });
    });
    Effect::new(move || {
        let path = place.path();
        if !matches!(open.get(), Open::Draft(_) | Open::New) {
            mailbox.remember_place(path);
        }
    });
    let main = move || {
        match open.get() {
        Open::Nothing => {
            view! { <EmptyState icon=icondata_lu::LuMailOpen title=text::mail::NOTHING_OPEN_TITLE text=text::mail::NOTHING_OPEN/> }.into_any()
        }
        Open::Thread(id) => view! { <Reader id=id folder=folder/> }.into_any(),
        Open::Draft(id) => view! { <ComposerPage id=id/> }.into_any(),
        Open::New => view! { <NewMail/> }.into_any(),
    }
    };
    view! {
        <div class="panes mail" data-open=when(move || open.get() != Open::Nothing, "")>
            <section class="panes-list mail-lists" aria-label=text::mail::MAIL>
                <Folders folder=folder/>
                <MailList folder=folder/>
            </section>
            <div class="panes-main">{main}</div>
            <Shortcuts/>
        </div>
    }
}
