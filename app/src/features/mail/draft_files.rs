//! Attachments of a mail that is being written: by button, pasted, or dropped.

use haven_bridge::{Command, mail::DraftFile};
use leptos::{html, prelude::*};
use wasm_bindgen_futures::JsFuture;

use super::{attachments::icon, draft_state::DraftState};
use crate::{
    components::{Button, Icon, IconButton, Notice, Spinner, Tone},
    live::live,
    services::{
        browser,
        core_client::{CoreClient, Trouble},
    },
    state::use_core,
    text,
};

/// Bytes of all attachments of a mail.
const LARGEST: u64 = 25_000_000;
/// Files that are added begin here: smaller numbers are those of parts of a mail that is forwarded.
const FIRST_ID: u32 = 1000;

/// The attachments of a draft. A handle.
#[derive(Clone, Copy)]
pub struct Attacher {
    core: CoreClient,
    draft: DraftState,
    next: StoredValue<u32>,
    /// How many are being read or stored.
    pending: RwSignal<u32>,
    error: RwSignal<Option<String>>,
}

impl Attacher {
    /// For a draft.
    pub fn new(draft: DraftState) -> Self {
        let last = draft.files.with_untracked(|files| files.iter().map(|file| file.id).max());
        let next = last.map_or(FIRST_ID, |last| FIRST_ID.max(last.saturating_add(1)));
        Self {
            core: use_core(),
            draft,
            next: StoredValue::new(next),
            pending: RwSignal::new(0),
            error: RwSignal::new(None),
        }
    }

    /// Whether files are still on their way.
    pub fn is_busy(self) -> bool {
        self.pending.get() > 0
    }

    /// Adds files, one after the other.
    pub fn attach(self, files: Option<web_sys::FileList>) {
        let files =
            files.map(|files| (0..files.length()).filter_map(|index| files.get(index)).collect::<Vec<_>>());
        let files = files.unwrap_or_default();
        let size: f64 = files.iter().map(|file| file.size()).sum();
        self.error.set(None);
        if self.size() as f64 + size > LARGEST as f64 {
            return self.error.set(Some(text::mail::FILES_LARGE.to_owned()));
        }
        self.pending.update(|pending| *pending += 1);
        leptos::task::spawn_local(async move {
            for file in files {
                if let Err(error) = self.add(file).await {
                    self.error.try_set(Some(error));
                    break;
                }
            }
            self.pending.try_update(|pending| *pending = pending.saturating_sub(1));
        });
    }

    async fn add(self, file: web_sys::File) -> Result<(), String> {
        let unreadable = || text::mail::file_unreadable(&file.name());
        let buffer = JsFuture::from(file.array_buffer()).await.map_err(|_| unreadable())?;
        let bytes = js_sys::Uint8Array::new(&buffer).to_vec();
        let id = self.next.try_update_value(|next| std::mem::replace(next, next.saturating_add(1)));
        let id = id.ok_or_else(unreadable)?;
        let size = bytes.len() as u64;
        let intent = browser::new_intent();
        let command = Command::AttachFile { intent, draft: self.draft.id, file: id, bytes };
        self.core.request(command).await.map_err(|trouble: Trouble| text::failure::trouble(&trouble))?;
        let media_type = match file.type_() {
            unknown if unknown.is_empty() => "application/octet-stream".to_owned(),
            known => known,
        };
        // Only now may the draft name it.
        self.draft
            .files
            .try_update(|files| files.push(DraftFile { id, name: file.name(), media_type, size }));
        Ok(())
    }

    fn size(self) -> u64 {
        self.draft.files.with_untracked(|files| files.iter().map(|file| file.size).sum())
    }
}

/// The files, and what went wrong with them.
#[component]
pub fn DraftFiles(attacher: Attacher) -> impl IntoView {
    let files = attacher.draft.files;
    view! {
        {live(move || attacher.error.get().map(|error| view! { <Notice tone=Tone::Error text=error/> }))}
        <Show when=move || attacher.is_busy() || files.with(|files| !files.is_empty())>
            <ul class="files-list" aria-label=text::mail::ATTACHMENTS>
                <For each=move || files.get() key=|file| file.id let:file><Row file=file files=files/></For>
                <Show when=move || attacher.is_busy()>
                    <li class="files-item" role="status"><Spinner/>{text::mail::ATTACHING}</li>
                </Show>
            </ul>
        </Show>
    }
}

#[component]
fn Row(file: DraftFile, files: RwSignal<Vec<DraftFile>>) -> impl IntoView {
    let DraftFile { id, name, media_type, size } = file;
    let label = text::remove_address(&name);
    view! {
        <li class="files-item">
            <Icon icon=icon(&media_type)/>
            <span class="files-text">
                <span class="files-name" dir="auto">{name}</span>
                <span class="files-size">{text::mail::file_facts(&media_type, size)}</span>
            </span>
            <IconButton label=label icon=icondata_lu::LuX on_click=move |()| files.update(|files| files.retain(|file| file.id != id))/>
        </li>
    }
}

/// Opens the browser's choice of files.
#[component]
pub fn AttachButton(attacher: Attacher) -> impl IntoView {
    let input = NodeRef::<html::Input>::new();
    let chosen = move |_| {
        let Some(input) = input.get_untracked() else { return };
        attacher.attach(input.files());
        // The same file may be chosen again.
        input.set_value("");
    };
    view! {
        <input type="file" multiple=true hidden=true node_ref=input on:change=chosen/>
        <Button icon=icondata_lu::LuPaperclip on_click=move |()| _ = input.get_untracked().map(|input| input.click())>
            {text::mail::ATTACH}
        </Button>
    }
}
