//! A mail as it came, and a look at one that was refused.
//!
//! Both are plain text in a dialog, which forgets it when it is closed. Nothing is decided for another time.

use haven_bridge::{Command, Reply, mail::MailId};
use leptos::prelude::*;

use super::attachments::{Preview, save};
use crate::{
    components::{Button, Kind},
    services::core_client::{CoreClient, Trouble},
    state::{toasts::Toasts, unexpected, use_core, use_toasts},
    text,
};

/// Longer texts are for an editor: at most so many characters are shown.
const LONGEST: usize = 200_000;

/// Something to do with a mail as it came.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Tool {
    /// Look at what was refused.
    Unchecked,
    /// Look at the source.
    View,
    /// Save it.
    Save,
}

impl Tool {
    fn label(self) -> &'static str {
        match self {
            Self::Unchecked => text::mail::UNCHECKED,
            Self::View => text::mail::VIEW_SOURCE,
            Self::Save => text::mail::SAVE_ORIGINAL,
        }
    }
}

/// What the tools work with. A handle.
#[derive(Clone, Copy)]
struct Source {
    mail: MailId,
    core: CoreClient,
    toasts: Toasts,
    preview: Preview,
    busy: RwSignal<bool>,
}

impl Source {
    fn of(mail: MailId) -> Self {
        let (core, toasts, preview) = (use_core(), use_toasts(), expect_context());
        Self { mail, core, toasts, preview, busy: RwSignal::new(false) }
    }

    fn use_tool(self, tool: Tool) {
        match tool {
            Tool::Unchecked => self.preview.ask_unchecked(self.mail),
            Tool::View => self.view(text::mail::VIEW_SOURCE),
            Tool::Save => {
                self.fetch(move |bytes| save(text::mail::ORIGINAL_FILE, &bytes, self.toasts));
            }
        }
    }

    fn view(self, title: &'static str) {
        self.fetch(move |bytes| {
            if !self.is_gone() {
                self.preview.show_text(title, cut(&String::from_utf8_lossy(&bytes)));
            }
        });
    }

    fn fetch(self, then: impl FnOnce(Vec<u8>) + 'static) {
        self.ask(Command::MailSource(self.mail), move |answer| match answer {
            Reply::File(bytes) => then(bytes),
            other => self.complain(&unexpected(other)),
        });
    }

    /// Whether nobody waits for an answer any more.
    fn is_gone(self) -> bool {
        self.busy.is_disposed()
    }

    /// Shows the text of what was refused, or if it can't be decrypted, how it came.
    fn show_unchecked(self) {
        self.ask(Command::UncheckedMail(self.mail), move |answer| match answer {
            // Who has closed the question does not want the answer.
            _ if self.is_gone() => {}
            Reply::UncheckedText(Some(text)) => {
                self.preview.show_text(text::mail::UNCHECKED_SHOWN, cut(&text));
            }
            Reply::UncheckedText(None) => self.view(text::mail::UNCHECKED_SOURCE),
            other => self.complain(&unexpected(other)),
        });
    }

    fn ask(self, command: Command, then: impl FnOnce(Reply) + 'static) {
        self.busy.set(true);
        self.core.ask(command, move |answer| {
            self.busy.try_set(false);
            match answer {
                Ok(reply) => then(reply),
                Err(trouble) => self.complain(&trouble),
            }
        });
    }

    fn complain(self, trouble: &Trouble) {
        self.preview.close();
        self.toasts.complain(text::failure::trouble(trouble));
    }
}

/// Buttons for a mail as it came; `refused` offers to look at what it says as well.
#[component]
pub fn SourceTools(mail: MailId, refused: bool) -> impl IntoView {
    let source = Source::of(mail);
    let tools = [Tool::Unchecked, Tool::View, Tool::Save];
    let tools = tools.into_iter().filter(|tool| refused || *tool != Tool::Unchecked);
    tools
        .map(|tool| {
            view! { <Button kind=Kind::Quiet busy=source.busy on_click=move |()| source.use_tool(tool)>{tool.label()}</Button> }
        })
        .collect_view()
}

/// The question before what was refused is shown.
#[component]
pub fn UncheckedQuestion(mail: MailId, preview: Preview) -> impl IntoView {
    let source = Source::of(mail);
    view! {
        <div class="form">
            <p>{text::mail::UNCHECKED_LEAD}</p>
            <div class="form-actions">
                <Button on_click=move |()| preview.close()>{text::CANCEL}</Button>
                <Button kind=Kind::Danger busy=source.busy on_click=move |()| source.show_unchecked()>{text::mail::UNCHECKED_SHOW}</Button>
            </div>
        </div>
    }
}

/// The start of a long text.
fn cut(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => [text.get(..end).unwrap_or_default(), text::mail::SOURCE_CUT].concat(),
        None => text.to_owned(),
    }
}
