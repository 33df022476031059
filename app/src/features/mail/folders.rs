//! The folders.

use haven_bridge::mail::{Folder, FolderCount};
use leptos::prelude::*;

use crate::{
    components::Icon,
    live::live,
    routes::mail::{self, FOLDERS},
    state::use_mailbox,
    text,
};

/// Heading, the way to a new mail, folders, and the room that is left.
#[component]
pub fn Folders(folder: Memo<Folder>) -> impl IntoView {
    view! {
        <div class="folders">
            <header class="list-head folders-head">
                <h1 class="list-title">{text::mail::MAIL}</h1>
                <a class="button folders-write" data-kind="primary" href=mail::NEW aria-keyshortcuts="c">
                    <Icon icon=icondata_lu::LuSquarePen/>
                    <span class="button-label">{text::mail::WRITE}</span>
                </a>
            </header>
            <nav class="folders-nav" aria-label=text::mail::FOLDERS>
                {FOLDERS.map(|one| view! { <FolderLink one=one folder=folder/> }).collect_view()}
            </nav>
            <Room/>
        </div>
    }
}

#[component]
fn FolderLink(one: Folder, folder: Memo<Folder>) -> impl IntoView {
    let mailbox = use_mailbox();
    let count = Memo::new(move |_| {
        let view = mailbox.view()?;
        view.folders.into_iter().find(|count| count.folder == one).map(number)
    });
    let number = move || count.get().filter(|number| *number > 0);
    let said = move || number().map(|number| text::mail::folder_count(one, number));
    let current = move || (folder.get() == one && mailbox.query.with(String::is_empty)).then_some("page");
    view! {
        <a class="folders-link" href=mail::folder(one) aria-current=current on:click=move |_| mailbox.query.set(String::new())>
            <Icon icon=icon(one)/>
            <span class="folders-name">{text::mail::folder(one)}</span>
            <span class="folders-count" aria-hidden="true">{number}</span>
            <span class="hidden">{said}</span>
        </a>
    }
}

/// What is worth a number: what waits to be read, or to be finished.
fn number(count: FolderCount) -> u32 {
    match count.folder {
        Folder::Inbox | Folder::Junk => count.unread,
        Folder::Drafts => count.threads,
        Folder::Sent | Folder::Archive | Folder::Trash => 0,
    }
}

fn icon(folder: Folder) -> icondata_core::Icon {
    match folder {
        Folder::Inbox => icondata_lu::LuInbox,
        Folder::Drafts => icondata_lu::LuFilePen,
        Folder::Sent => icondata_lu::LuSend,
        Folder::Archive => icondata_lu::LuArchive,
        Folder::Junk => icondata_lu::LuOctagonAlert,
        Folder::Trash => icondata_lu::LuTrash2,
    }
}

/// How full the mailbox is, once it is half full.
#[component]
fn Room() -> impl IntoView {
    let mailbox = use_mailbox();
    let full = Memo::new(move |_| {
        let view = mailbox.view().filter(|view| view.quota > 0 && view.used >= view.quota / 2)?;
        Some((view.used, view.quota))
    });
    live(move || {
        full.get().map(|(used, quota)| view! { <p class="folders-room">{text::mail::room(used, quota)}</p> })
    })
}
