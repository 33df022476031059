//! Sending a mail. With one press if all of its recipients can get it encrypted; by a choice of its own if somebody
//! can't; and not at all while something is wrong that the person should settle first.

use haven_bridge::{
    Command,
    mail::{Outlook, RecipientState},
};
use leptos::prelude::*;

use super::{
    draft_files::Attacher,
    draft_state::{DraftState, Saving},
    recipients::{Outlooks, take_typed},
};
use crate::{
    components::{Button, Dialog, Kind},
    live::live,
    services::core_client::CoreClient,
    services::{browser, core_client::Trouble},
    state::{session::SessionStore, toasts::Toasts},
    state::{use_core, use_session, use_toasts},
    text,
};

/// Sends a draft. A handle.
#[derive(Clone, Copy)]
pub struct Sender {
    core: CoreClient,
    session: SessionStore,
    toasts: Toasts,
    draft: DraftState,
    outlooks: Outlooks,
    attacher: Attacher,
    /// Something is going on.
    pub busy: RwSignal<bool>,
    /// Why it was not sent.
    pub error: RwSignal<Option<String>>,
    /// Those who can't get it encrypted; the person is asked.
    without_key: RwSignal<Vec<RecipientState>>,
    asking: RwSignal<bool>,
    /// Called when it is out of the drafts.
    done: Callback<()>,
}

/// What stands between a draft and being sent.
#[derive(Debug, Eq, PartialEq)]
enum Verdict {
    Encrypted,
    /// In the clear, because of these.
    Clear(Vec<RecipientState>),
    /// Something is wrong with a recipient.
    Stop,
}

impl Sender {
    /// For a draft; `done` is called when it is sent.
    pub fn new(draft: DraftState, outlooks: Outlooks, attacher: Attacher, done: Callback<()>) -> Self {
        Self {
            core: use_core(),
            session: use_session(),
            toasts: use_toasts(),
            draft,
            outlooks,
            attacher,
            busy: RwSignal::new(false),
            error: RwSignal::new(None),
            without_key: RwSignal::default(),
            asking: RwSignal::new(false),
            done,
        }
    }

    /// The person wants to send it.
    pub fn send(self) {
        if self.busy.get_untracked() {
            return;
        }
        self.error.set(None);
        let domain = self.session.domain_now();
        let taken = self.draft.recipients().map(|recipients| take_typed(recipients, domain.as_deref()));
        let addresses = untrack(|| self.draft.addresses());
        if taken.contains(&false) {
            self.refuse(text::mail::ADDRESS_UNFINISHED);
        } else if addresses.is_empty() {
            self.refuse(text::mail::TO_MISSING);
            browser::focus_later("mail-to");
        } else if untrack(|| self.attacher.is_busy()) {
            self.refuse(text::mail::STILL_ATTACHING);
        } else {
            self.busy.set(true);
            self.draft.save_then(move |saved| if saved { self.look(addresses) } else { self.not_saved() });
        }
    }

    fn look(self, addresses: Vec<String>) {
        self.outlooks.ask(addresses, move |answer| match answer.map(|states| verdict(&states)) {
            Ok(Verdict::Encrypted) => self.submit(false),
            Ok(Verdict::Clear(without_key)) => {
                self.busy.try_set(false);
                self.without_key.try_set(without_key);
                self.asking.try_set(true);
            }
            Ok(Verdict::Stop) => self.refuse(text::mail::SETTLE_FIRST),
            Err(trouble) => self.fail(&trouble),
        });
    }

    fn submit(self, in_the_clear: bool) {
        self.asking.try_set(false);
        self.busy.try_set(true);
        // What is saved from here on would bring the draft back.
        self.draft.end();
        let command = Command::SendMail { intent: browser::new_intent(), draft: self.draft.id, in_the_clear };
        self.core.ask(command, move |answer| match answer {
            Ok(_) => {
                self.toasts.say(text::mail::SENDING);
                self.done.try_run(());
            }
            Err(trouble) => {
                self.draft.go_on();
                self.fail(&trouble);
            }
        });
    }

    fn not_saved(self) {
        match self.draft.saving.try_get_untracked() {
            Some(Saving::Failed(trouble)) => self.fail(&trouble),
            _ => _ = self.busy.try_set(false),
        }
    }

    fn fail(self, trouble: &Trouble) {
        self.refuse(text::failure::trouble(trouble));
    }

    fn refuse(self, why: impl Into<String>) {
        self.busy.try_set(false);
        self.error.try_set(Some(why.into()));
    }
}

fn verdict(states: &[RecipientState]) -> Verdict {
    let mut without_key = Vec::new();
    for state in states {
        match &state.outlook {
            Outlook::Encrypted { .. } => {}
            Outlook::NoKey | Outlook::Unsure => without_key.push(state.clone()),
            Outlook::Unusable(_) | Outlook::Nobody | Outlook::NoAddress => return Verdict::Stop,
        }
    }
    if without_key.is_empty() { Verdict::Encrypted } else { Verdict::Clear(without_key) }
}

fn unencrypted(RecipientState { address, outlook }: RecipientState) -> impl IntoView {
    let unsure = (outlook == Outlook::Unsure).then_some(text::mail::CLEAR_UNSURE);
    view! { <li><strong dir="auto">{address}</strong> {unsure}</li> }
}

/// The question before a mail goes in the clear.
#[component]
pub fn ClearDialog(sender: Sender) -> impl IntoView {
    let Sender { without_key, asking, .. } = sender;
    let all = move || sender.draft.addresses().len();
    view! {
        <Dialog id="send-clear" open=asking title=text::mail::CLEAR_TITLE>
            <div class="form">
                <p>{text::mail::CLEAR_WHO}</p>
                <ul class="clear-list">
                    {live(move || without_key.get().into_iter().map(unencrypted).collect_view())}
                </ul>
                <p>{live(move || text::mail::clear_lead(all()))}</p>
                <p>{text::mail::CLEAR_HELP}</p>
                <div class="form-actions">
                    <Button on_click=move |()| asking.set(false)>{text::mail::NOT_NOW}</Button>
                    <Button kind=Kind::Danger on_click=move |()| sender.submit(true)>{text::mail::SEND_CLEAR}</Button>
                </div>
            </div>
        </Dialog>
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use haven_bridge::mail::{KeySource, Unusable};

    use super::*;

    fn state(address: &str, outlook: Outlook) -> RecipientState {
        RecipientState { address: address.to_owned(), outlook }
    }

    #[test]
    fn whoever_can_not_get_it_encrypted_decides_for_the_whole_mail() {
        let encrypted = || {
            let source = KeySource::Pinned;
            state("a@a.example", Outlook::Encrypted { fingerprint: String::new(), source })
        };
        let without = || state("b@b.example", Outlook::NoKey);
        let revoked = state("c@c.example", Outlook::Unusable(Unusable::Revoked));
        assert_eq!(verdict(&[encrypted()]), Verdict::Encrypted);
        assert_eq!(verdict(&[encrypted(), without()]), Verdict::Clear(vec![without()]));
        let unsure = || state("e@e.example", Outlook::Unsure);
        assert_eq!(verdict(&[unsure(), without()]), Verdict::Clear(vec![unsure(), without()]));
        assert_eq!(verdict(&[without(), revoked]), Verdict::Stop);
        assert_eq!(verdict(&[without(), state("d@a.example", Outlook::Nobody)]), Verdict::Stop);
        assert_eq!(verdict(&[state("d", Outlook::NoAddress)]), Verdict::Stop);
    }
}
