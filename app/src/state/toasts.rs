//! Short notices at the edge of the page.

use std::time::Duration;

use leptos::prelude::*;

/// How long a notice stays: long enough to read two short sentences.
const STAY: Duration = Duration::from_secs(7);

/// A notice.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Toast {
    /// Tells notices with the same text apart.
    pub id: u32,
    /// What it says.
    pub text: String,
    /// Whether something went wrong.
    pub bad: bool,
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
        self.show(text.into(), false);
    }

    /// Something went wrong; it stays until it is closed.
    pub fn complain(self, text: impl Into<String>) {
        self.show(text.into(), true);
    }

    /// Takes one away.
    pub fn close(self, id: u32) {
        self.shown.try_update(|shown| shown.retain(|toast| toast.id != id));
    }

    fn show(self, text: String, bad: bool) {
        let id = self.next.get_value();
        self.next.set_value(id.wrapping_add(1));
        self.shown.update(|shown| {
            shown.retain(|toast| toast.text != text);
            shown.push(Toast { id, text, bad });
        });
        if !bad {
            set_timeout(move || self.close(id), STAY);
        }
    }
}
