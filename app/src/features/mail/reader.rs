//! An open thread.

use haven_bridge::{
    Command, Reply,
    mail::{Folder, MailId, MailState, MailView, ThreadId},
};
use leptos::prelude::*;

use super::{
    actions::{Actions, use_actions},
    answer::{self, Kind as Answer},
    attachments::{PreviewDialog, provide_preview},
    mail_card::MailCard,
    new_mail::write,
    shortcuts::on_key,
};
use crate::{
    components::{Button, Dialog, EmptyState, Icon, IconButton, Kind, Notice, Spinner, Tone},
    live::live,
    routes::mail,
    services::{
        browser,
        core_client::CoreClient,
        place::{Place, use_place},
    },
    state::{Load, mailbox::Mailbox, unexpected, use_core, use_mailbox, use_session},
    text,
};

/// A thread with what can be done with it. A handle.
#[derive(Clone, Copy)]
struct Thread {
    id: ThreadId,
    mails: RwSignal<Vec<MailView>>,
    load: RwSignal<Load>,
    asking: StoredValue<bool>,
    again: StoredValue<bool>,
}

/// All mails of a thread, oldest first.
#[component]
pub fn Reader(id: ThreadId, folder: Memo<Folder>) -> impl IntoView {
    let mailbox = use_mailbox();
    let thread = Thread::new(id);
    let core = use_core();
    Effect::new(move || {
        mailbox.track();
        thread.ask(core);
    });
    thread.mark_as_seen(use_actions());
    provide_preview();
    let load = Memo::new(move |_| thread.load.get());
    let empty = Memo::new(move |_| thread.mails.with(Vec::is_empty));
    live(move || {
        match load.get() {
        Load::Loading => {
            view! { <div class="conversation-loading" role="status"><Spinner/><span class="hidden">{text::mail::LOADING}</span></div> }.into_any()
        }
        Load::Failed(trouble) => view! {
            <div class="timeline-loading">
                <Notice tone=Tone::Error text=text::failure::trouble(&trouble)>
                    <Button on_click=move |()| thread.ask(core)>{text::RETRY}</Button>
                </Notice>
            </div>
        }
        .into_any(),
        Load::Ready => view! {
            <Show when=move || !empty.get() fallback=move || view! { <Gone folder=folder/> }>
                <Open thread=thread folder=folder/>
            </Show>
        }
        .into_any(),
    }
    })
}

/// The address leads to nothing that is here.
#[component]
fn Gone(folder: Memo<Folder>) -> impl IntoView {
    view! {
        <EmptyState icon=icondata_lu::LuMailQuestion title=text::mail::GONE_TITLE text=text::mail::GONE>
            <a class="button" data-kind="primary" href=move || mail::folder(folder.get())>{text::mail::TO_LIST}</a>
        </EmptyState>
    }
}

#[component]
fn Open(thread: Thread, folder: Memo<Folder>) -> impl IntoView {
    let ids = Memo::new(move |_| thread.ids());
    let subject = Memo::new(move |_| thread.mails.with(|mails| subject_of(mails)));
    // Those that were not seen or didn't arrive, and the last one.
    let open_at_first = thread.mails.with_untracked(|mails| {
        let wants_to_be_seen =
            |mail: &&MailView| !mail.summary.seen || mail.summary.state == Some(MailState::Undelivered);
        let first = mails.iter().filter(wants_to_be_seen).map(|mail| mail.summary.id);
        first.chain(mails.last().map(|mail| mail.summary.id)).collect::<Vec<_>>()
    });
    view! {
        <section class="reader" aria-label=subject>
            <Head thread=thread folder=folder subject=subject/>
            <div class="reader-mails" tabindex="-1" id="reader">
                <For each=move || ids.get() key=|id| *id let:id>
                    <MailCard id=id mails=thread.mails open=open_at_first.contains(&id)/>
                </For>
            </div>
            <PreviewDialog/>
        </section>
    }
}

fn subject_of(mails: &[MailView]) -> String {
    text::mail::subject(mails.first().map(|mail| mail.summary.subject.as_str()).unwrap_or_default())
}

#[component]
fn Head(thread: Thread, folder: Memo<Folder>, subject: Memo<String>) -> impl IntoView {
    let deleting = RwSignal::new(false);
    let tools = Tools {
        thread,
        folder,
        actions: use_actions(),
        mailbox: use_mailbox(),
        place: use_place(),
        deleting,
    };
    tools.listen();
    let back = move || mail::folder(folder.get());
    view! {
        <header class="reader-head">
            <a class="icon-button conversation-back" href=back aria-label=text::BACK><Icon icon=icondata_lu::LuArrowLeft/></a>
            <h2 class="reader-subject" dir="auto">{subject}</h2>
            <div class="reader-tools" role="group" aria-label=text::mail::TOOLS>
                {live(move || Tool::of(folder.get()).iter().map(|tool| {
                    let (label, icon) = tool.face();
                    view! { <IconButton label=label icon=icon on_click=move |()| tools.use_tool(*tool)/> }
                }).collect_view())}
            </div>
        </header>
        <Dialog id="delete-mail" open=deleting title=text::mail::DELETE_TITLE>
            <div class="form">
                <p>{text::mail::DELETE_LEAD}</p>
                <div class="form-actions">
                    <Button on_click=move |()| deleting.set(false)>{text::CANCEL}</Button>
                    <Button kind=Kind::Danger on_click=move |()| tools.delete()>{text::mail::DELETE}</Button>
                </div>
            </div>
        </Dialog>
    }
}

/// Something to do with a thread.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Tool {
    Archive,
    Restore,
    Junk,
    NotJunk,
    Trash,
    Delete,
    Unread,
    Print,
}

impl Tool {
    fn of(folder: Folder) -> &'static [Self] {
        match folder {
            Folder::Inbox => &[Self::Archive, Self::Junk, Self::Trash, Self::Unread, Self::Print],
            Folder::Archive => &[Self::Restore, Self::Junk, Self::Trash, Self::Unread, Self::Print],
            Folder::Junk => &[Self::NotJunk, Self::Trash, Self::Print],
            Folder::Trash => &[Self::Restore, Self::Delete, Self::Print],
            Folder::Sent | Folder::Drafts => &[Self::Trash, Self::Print],
        }
    }

    fn of_key(key: &str) -> Option<Self> {
        match key {
            "e" => Some(Self::Archive),
            "#" => Some(Self::Trash),
            "u" => Some(Self::Unread),
            _ => None,
        }
    }

    fn face(self) -> (&'static str, icondata_core::Icon) {
        match self {
            Self::Archive => (text::mail::ARCHIVE, icondata_lu::LuArchive),
            Self::Restore => (text::mail::TO_INBOX, icondata_lu::LuArchiveRestore),
            Self::Junk => (text::mail::JUNK, icondata_lu::LuOctagonAlert),
            Self::NotJunk => (text::mail::NOT_JUNK, icondata_lu::LuInbox),
            Self::Trash => (text::mail::TRASH, icondata_lu::LuTrash2),
            Self::Delete => (text::mail::DELETE, icondata_lu::LuTrash2),
            Self::Unread => (text::mail::MARK_UNREAD, icondata_lu::LuMail),
            Self::Print => (text::mail::PRINT, icondata_lu::LuPrinter),
        }
    }
}

/// What the tools work on. A handle.
#[derive(Clone, Copy)]
struct Tools {
    thread: Thread,
    folder: Memo<Folder>,
    actions: Actions,
    mailbox: Mailbox,
    place: Place,
    deleting: RwSignal<bool>,
}

impl Tools {
    /// Follows the keys.
    fn listen(self) {
        let session = use_session();
        on_key(move |key| {
            if key == "Escape" {
                self.to_list();
            } else if let Some(tool) = self.tool_of_key(key) {
                self.use_tool(tool);
            } else if let Some(kind) = Answer::of_key(key) {
                return self.answer(kind, untrack(|| session.address()).as_deref());
            } else {
                return false;
            }
            true
        });
    }

    fn tool_of_key(self, key: &str) -> Option<Tool> {
        Tool::of_key(key).filter(|tool| Tool::of(self.folder.get_untracked()).contains(tool))
    }

    /// Answers the last mail; false if there is none.
    fn answer(self, kind: Answer, own: Option<&str>) -> bool {
        let draft = self.thread.mails.with_untracked(|mails| {
            let last = mails.iter().rfind(|mail| mail.summary.folder != Folder::Drafts);
            last.map(|mail| answer::draft(mail, kind, own))
        });
        draft.map(|draft| write(self.mailbox, self.place, draft)).is_some()
    }

    fn use_tool(self, tool: Tool) {
        match tool {
            Tool::Print => return browser::print(),
            Tool::Delete => return self.deleting.set(true),
            Tool::Archive => self.move_to(self.mails_here(), Folder::Archive),
            Tool::Junk => self.move_to(self.mails_here(), Folder::Junk),
            Tool::Trash => self.move_to(self.mails_here(), Folder::Trash),
            Tool::Restore | Tool::NotJunk => self.restore(),
            Tool::Unread => self.actions.mark(self.mails_here(), false),
        }
        self.to_list();
    }

    fn move_to(self, mails: Vec<MailId>, folder: Folder) {
        self.actions.move_to(mails, self.folder.get_untracked(), folder);
    }

    fn to_list(self) {
        self.place.go(&mail::folder(self.folder.get_untracked()));
    }

    /// Own mails go back to the sent ones.
    fn restore(self) {
        let own = |id: &MailId| {
            self.thread.mails.with_untracked(|mails| {
                mails.iter().any(|mail| mail.summary.id == *id && mail.summary.state.is_some())
            })
        };
        let (own, others): (Vec<_>, Vec<_>) = self.mails_here().into_iter().partition(own);
        for (mails, folder) in [(own, Folder::Sent), (others, Folder::Inbox)] {
            if !mails.is_empty() {
                self.move_to(mails, folder);
            }
        }
    }

    fn delete(self) {
        self.deleting.set(false);
        self.actions.delete(self.mails_here());
        self.to_list();
    }

    /// Those of the thread that lie in the folder from which it was opened.
    fn mails_here(self) -> Vec<MailId> {
        let folder = self.folder.get_untracked();
        self.thread.mails.with_untracked(|mails| {
            let here = mails.iter().filter(|mail| mail.summary.folder == folder);
            here.map(|mail| mail.summary.id).collect()
        })
    }
}

impl Thread {
    fn new(id: ThreadId) -> Self {
        Self {
            id,
            mails: RwSignal::default(),
            load: RwSignal::default(),
            asking: StoredValue::new(false),
            again: StoredValue::new(false),
        }
    }

    fn ids(self) -> Vec<MailId> {
        self.mails.with(|mails| mails.iter().map(|mail| mail.summary.id).collect())
    }

    /// Reads the thread; one question at a time.
    fn ask(self, core: CoreClient) {
        if self.asking.get_value() {
            return self.again.set_value(true);
        }
        self.asking.set_value(true);
        core.ask(Command::MailThread(self.id), move |answer| {
            if self.asking.try_update_value(std::mem::take).is_none() {
                return;
            }
            match answer {
                Ok(Reply::MailThread(mails)) => {
                    self.mails.set(mails);
                    self.load.set(Load::Ready);
                }
                Ok(other) => self.load.set(Load::Failed(unexpected(other))),
                Err(trouble) => self.load.set(Load::Failed(trouble)),
            }
            if self.again.try_update_value(std::mem::take) == Some(true) {
                self.ask(core);
            }
        });
    }

    /// What is on the screen of somebody who looks at it was seen. Each mail once: who marks it as unread means it.
    fn mark_as_seen(self, actions: Actions) {
        let marked = StoredValue::new(Vec::<MailId>::new());
        let mark = move || {
            if !browser::page_visible() {
                return;
            }
            let unseen = self.mails.try_with_untracked(|mails| {
                let unseen = mails.iter().filter(|mail| !mail.summary.seen).map(|mail| mail.summary.id);
                unseen.filter(|id| marked.with_value(|marked| !marked.contains(id))).collect::<Vec<_>>()
            });
            let unseen = unseen.unwrap_or_default();
            if !unseen.is_empty() {
                marked.update_value(|marked| marked.extend(&unseen));
                actions.mark(unseen, true);
            }
        };
        Effect::new(move || {
            self.mails.track();
            mark();
        });
        let visible = window_event_listener_untyped("visibilitychange", move |_| mark());
        on_cleanup(move || visible.remove());
    }
}
