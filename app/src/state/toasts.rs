//! Short notices at the edge of the page.

use std::{sync::Arc, time::Duration};

use leptos::prelude::*;

/// How long a notice stays: long enough to read two short sentences.
const STAY: Duration = Duration::from_secs(7);
/// The same for one that offers something: there has to be time to get there with the keyboard.
const STAY_WITH_UNDO: Duration = Duration::from_secs(15);

/// Takes something back. No `Callback`, which would end with the page that made it.
pub type Undo = Arc<dyn Fn() + Send + Sync>;

/// A notice.
#[derive(Clone)]
pub struct Toast {
    /// Tells notices with the same text apart.
    pub id: u32,
    /// What it says.
    pub text: String,
    /// Whether something went wrong.
    pub bad: bool,
    /// Takes back what it is about.
    pub undo: Option<Undo>,
}

/// The notices. A handle.
#[derive(Clone, Copy)]
pub struct Toasts {
    shown: RwSignal<Vec<Toast>>,
    next: StoredValue<u32>,
}

impl Toasts {
    pub fn new() -> Self {
        Self { shown: RwSignal::default(), next: StoredValue::new(0) }
    }

    /// Those shown now.
    pub fn shown(self) -> Vec<Toast> {
        self.shown.get()
    }

    /// Something went well.
    pub fn say(self, text: impl Into<String>) {
        self.show(text.into(), false, None);
    }

    /// Something went well, and can be taken back.
    pub fn say_with_undo(self, text: impl Into<String>, undo: Undo) {
        self.show(text.into(), false, Some(undo));
    }

    /// Takes back what a notice is about. It says so by itself.
    pub fn undo(self, toast: &Toast) {
        self.close(toast.id);
        if let Some(undo) = &toast.undo {
            undo();
        }
    }

    /// Takes back what was done last, if a notice still offers that.
    pub fn undo_last(self) -> bool {
        let last =
            self.shown.with_untracked(|shown| shown.iter().rfind(|toast| toast.undo.is_some()).cloned());
        last.map(|toast| self.undo(&toast)).is_some()
    }

    /// Something went wrong; it stays until it is closed.
    pub fn complain(self, text: impl Into<String>) {
        self.show(text.into(), true, None);
    }

    /// Takes one away.
    pub fn close(self, id: u32) {
        self.shown.try_update(|shown| shown.retain(|toast| toast.id != id));
    }

    fn show(self, text: String, bad: bool, undo: Option<Undo>) {
        let id = self.next.get_value();
        self.next.set_value(id.wrapping_add(1));
        let stay = if undo.is_some() { STAY_WITH_UNDO } else { STAY };
        self.shown.update(|shown| {
            shown.retain(|toast| toast.text != text);
            shown.push(Toast { id, text, bad, undo });
        });
        if !bad {
            set_timeout(move || self.close(id), stay);
        }
    }
}
