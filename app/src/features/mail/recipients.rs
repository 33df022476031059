//! To whom a mail goes: a field of chips, and what will happen to the mail for each.

use std::{collections::HashMap, time::Duration};

use haven_bridge::{
    Command, Reply,
    mail::{Mailbox, Outlook, RecipientState, Unusable},
};
use leptos::{html, prelude::*};

use super::draft_state::{DraftState, Recipients};
use crate::{
    components::{Button, Icon, Kind, address_field::complete, copyable::grouped},
    features::people::accept_change::ChangeDialog,
    live::{live, when},
    services::core_client::{CoreClient, Trouble},
    state::{unexpected, use_core, use_mailbox, use_people, use_session},
    text,
};

/// Several people may be added at once: they are asked for together.
const ASK_AFTER: Duration = Duration::from_millis(300);

/// Names the list of suggestions.
const SUGGESTIONS: &str = "mail-people";

/// What will happen to a mail, by address. A handle.
#[derive(Clone, Copy)]
pub struct Outlooks {
    core: CoreClient,
    known: RwSignal<HashMap<String, Outlook>>,
}

impl Outlooks {
    /// Nothing is known yet.
    pub fn new() -> Self {
        Self { core: use_core(), known: RwSignal::default() }
    }

    /// What is known of an address.
    pub fn of(self, address: &str) -> Option<Outlook> {
        self.known.with(|known| known.get(address).cloned())
    }

    /// Finds out about those who are added, as long as the component lives, and about all again when what is known of
    /// people changes.
    pub fn follow(self, draft: DraftState) {
        let people = use_people();
        let addresses = Memo::new(move |_| draft.addresses());
        let timer = StoredValue::new_local(None::<TimeoutHandle>);
        let stop = move || _ = timer.try_update_value(|timer| timer.take().map(|timer| timer.clear()));
        let everybody = Memo::new(move |_| people.all());
        Effect::new(move |before: Option<()>| {
            everybody.track();
            if before.is_some() {
                self.ask(addresses.get_untracked(), |_| ());
            }
        });
        Effect::new(move || {
            let unknown = |address: &String| self.known.with_untracked(|known| !known.contains_key(address));
            let unknown: Vec<_> = addresses.get().into_iter().filter(unknown).collect();
            stop();
            let ask = move || self.ask(unknown, |_| ());
            timer.set_value(set_timeout_with_handle(ask, ASK_AFTER).ok());
        });
        on_cleanup(stop);
    }

    /// Asks the engine, and hands on what it says.
    pub fn ask(
        self,
        addresses: Vec<String>,
        then: impl FnOnce(Result<Vec<RecipientState>, Trouble>) + 'static,
    ) {
        if addresses.is_empty() {
            return then(Ok(Vec::new()));
        }
        self.core.ask(Command::Recipients(addresses), move |answer| {
            then(match answer {
                Ok(Reply::Recipients(states)) => {
                    let entries = states.iter().map(|state| (state.address.clone(), state.outlook.clone()));
                    self.known.try_update(|known| known.extend(entries));
                    Ok(states)
                }
                Ok(other) => Err(unexpected(other)),
                Err(trouble) => Err(trouble),
            });
        });
    }
}

/// A field of chips.
#[component]
pub fn RecipientField(
    id: &'static str,
    label: &'static str,
    recipients: Recipients,
    outlooks: Outlooks,
    #[prop(optional)] children: Option<Children>,
) -> impl IntoView {
    let session = use_session();
    let Recipients { list, typed, error } = recipients;
    let input = NodeRef::<html::Input>::new();
    let note = format!("{id}-note");
    let described = note.clone();
    let take = move || _ = take_typed(recipients, session.domain_now().as_deref());
    let on_key = move |event: web_sys::KeyboardEvent| {
        let key = event.key();
        let (empty, address) = typed.with_untracked(|typed| (typed.trim().is_empty(), typed.contains('@')));
        match key.as_str() {
            "Enter" | "," | ";" if !empty && !event.is_composing() && !event.ctrl_key() => {
                event.prevent_default();
                take();
            }
            // Names have spaces, too.
            " " if address => {
                event.prevent_default();
                take();
            }
            "Enter" => event.prevent_default(),
            "Backspace" if typed.with_untracked(String::is_empty) => list.update(|list| _ = list.pop()),
            _ => {}
        }
    };
    let on_input = move |value: String| {
        error.set(None);
        // Only a suggestion ends so.
        let chosen = value.ends_with('>');
        typed.set(value);
        if chosen {
            take();
        }
    };
    view! {
        <div class="mail-field">
            <label class="mail-field-label" for=id>{label}</label>
            <div class="mail-field-box">
                <For each=move || list.get() key=Clone::clone let:mailbox>
                    <Chip mailbox=mailbox list=list outlooks=outlooks input=input/>
                </For>
                <input
                    class="mail-field-input"
                    id=id
                    node_ref=input
                    type="text"
                    inputmode="email"
                    autocomplete="off"
                    autocapitalize="none"
                    spellcheck="false"
                    list=SUGGESTIONS
                    aria-describedby=described
                    aria-invalid=when(move || error.with(Option::is_some), "true")
                    prop:value=typed
                    on:input:target=move |event| on_input(event.target().value())
                    on:keydown=on_key
                    // The browser also calls a field left when it is taken away with its page.
                    on:blur=move |_| if typed.try_with_untracked(|typed| !typed.is_empty()) == Some(true) { take() }
                />
            </div>
            {children.map(|children| children())}
            <p class="field-note mail-field-note" id=note data-tone="error" aria-live="polite">{live(move || error.get())}</p>
        </div>
    }
}

#[component]
fn Chip(
    mailbox: Mailbox,
    list: RwSignal<Vec<Mailbox>>,
    outlooks: Outlooks,
    /// Gets the focus when the chip goes.
    input: NodeRef<html::Input>,
) -> impl IntoView {
    let address = mailbox.address.clone();
    let outlook = Memo::new(move |_| outlooks.of(&address));
    let face = move || outlook.with(|outlook| face(outlook.as_ref()));
    let why = move || outlook.with(|outlook| text::mail::outlook(outlook.as_ref()));
    let remove_label = text::remove_address(&mailbox.address);
    let (shown, whole) = (text::mail::name(&mailbox, None), text::mail::whole_name(&mailbox));
    view! {
        <span class="address-field-chip mail-chip" data-outlook=move || face().0 title=move || format!("{whole}. {}", why())>
            {live(move || view! { <Icon icon=face().1/> })}
            <span dir="auto">{shown}</span>
            <span class="hidden">{why}</span>
            <button
                type="button"
                class="address-field-remove"
                aria-label=remove_label
                on:click=move |_| {
                    list.update(|list| list.retain(|other| *other != mailbox));
                    input.get_untracked().map(|input| input.focus());
                }
            >
                <Icon icon=icondata_lu::LuX/>
            </button>
        </span>
    }
}

fn face(outlook: Option<&Outlook>) -> (&'static str, icondata_core::Icon) {
    match outlook {
        None => ("checking", icondata_lu::LuEllipsis),
        Some(Outlook::Encrypted { .. }) => ("encrypted", icondata_lu::LuLock),
        Some(Outlook::NoKey) => ("clear", icondata_lu::LuEye),
        Some(Outlook::Unsure) => ("clear", icondata_lu::LuCircleHelp),
        Some(Outlook::Unusable(_) | Outlook::Nobody | Outlook::NoAddress) => {
            ("stop", icondata_lu::LuCircleAlert)
        }
    }
}

/// Makes chips of what was typed or pasted; false if some of it is no address.
pub fn take_typed(recipients: Recipients, domain: Option<&str>) -> bool {
    let Recipients { list, typed, error } = recipients;
    let Some(typed_text) = typed.try_get_untracked() else { return true };
    let mut left = Vec::new();
    for part in typed_text.split([',', ';', '\n']).map(str::trim).filter(|part| !part.is_empty()) {
        match mailboxes(part, domain) {
            Some(found) => list.update(|list| {
                for mailbox in found {
                    if !list.iter().any(|known| known.address == mailbox.address) {
                        list.push(mailbox);
                    }
                }
            }),
            None => left.push(part),
        }
    }
    if !left.is_empty() {
        error.set(Some(text::ADDRESS_BAD.to_owned()));
    }
    typed.set(left.join(", "));
    left.is_empty()
}

/// `Bob Haugen <bob@example.org>`, or addresses with spaces between them.
fn mailboxes(part: &str, domain: Option<&str>) -> Option<Vec<Mailbox>> {
    if let Some((name, rest)) = part.split_once('<') {
        let address = complete(rest.trim_end_matches('>').trim(), domain)?;
        let name = name.trim().trim_matches('"').to_owned();
        return Some(vec![Mailbox { name, address }]);
    }
    let one = |word: &str| complete(word, domain).map(|address| Mailbox { name: String::new(), address });
    part.split_whitespace().map(one).collect()
}

/// People who may be meant, for all fields of the page.
#[component]
pub fn Suggestions() -> impl IntoView {
    let (people, mailbox) = (use_people(), use_mailbox());
    let options = Memo::new(move |_| {
        let mut known = mailbox.correspondents();
        for person in people.all().into_iter().filter(|person| !person.blocked) {
            if !known.iter().any(|mailbox| mailbox.address == person.person.address) {
                known.push(Mailbox { name: person.name, address: person.person.address });
            }
        }
        known.iter().map(text::mail::whole_name).collect::<Vec<_>>()
    });
    view! {
        <datalist id=SUGGESTIONS>
            {live(move || options.get().into_iter().map(|value| view! { <option value=value></option> }).collect_view())}
        </datalist>
    }
}

/// What will happen to the mail as a whole, and what has to be settled before it can be sent.
#[component]
pub fn OutlookSummary(draft: DraftState, outlooks: Outlooks) -> impl IntoView {
    let states = Memo::new(move |_| {
        let known = |address: String| outlooks.of(&address).map(|outlook| (address, outlook));
        draft.addresses().into_iter().map(known).collect::<Option<Vec<_>>>().unwrap_or_default()
    });
    live(move || {
        let states = states.get();
        if states.is_empty() {
            return ().into_any();
        }
        let clear = states.iter().any(|(_, outlook)| !matches!(outlook, Outlook::Encrypted { .. }));
        let icon = if clear { icondata_lu::LuEye } else { icondata_lu::LuLock };
        let lines: Vec<_> = states
            .iter()
            .cloned()
            .map(|(address, outlook)| {
                view! { <OutlookLine address=address outlook=outlook draft=draft outlooks=outlooks/> }
            })
            .collect();
        view! {
            <details class="outlook" open=clear data-outlook=if clear { "clear" } else { "encrypted" }>
                <summary><Icon icon=icon/>{text::mail::outlook_summary(states.iter().map(|(_, outlook)| outlook))}</summary>
                <ul class="outlook-list">{lines}</ul>
            </details>
        }
        .into_any()
    })
}

#[component]
fn OutlookLine(address: String, outlook: Outlook, draft: DraftState, outlooks: Outlooks) -> impl IntoView {
    let (name, icon) = face(Some(&outlook));
    let fingerprint = match &outlook {
        Outlook::Encrypted { fingerprint, .. } => Some(grouped(fingerprint)),
        _ => None,
    };
    let (again, gone) = (address.clone(), address.clone());
    let remove = move |()| {
        for recipients in draft.recipients() {
            recipients.list.update(|list| list.retain(|mailbox| mailbox.address != gone));
        }
    };
    let way_on = match &outlook {
        Outlook::Unsure => view! {
            <Button kind=Kind::Quiet on_click=move |()| outlooks.ask(vec![again.clone()], |_| ())>{text::RETRY}</Button>
        }
        .into_any(),
        Outlook::Unusable(Unusable::Changed { fingerprint }) => {
            view! { <ChangeDialog address=address.clone() fingerprint=fingerprint.clone()/> }.into_any()
        }
        _ => ().into_any(),
    };
    let removable = !matches!(outlook, Outlook::Encrypted { .. });
    view! {
        <li class="outlook-item" data-outlook=name>
            <Icon icon=icon/>
            <p class="outlook-text">
                <strong dir="auto">{address}</strong> " "
                {text::mail::outlook(Some(&outlook))}
                {fingerprint.map(|fingerprint| view! { <span class="outlook-key">{fingerprint}</span> })}
            </p>
            {way_on}
            {removable.then(|| view! { <Button kind=Kind::Quiet on_click=remove>{text::mail::REMOVE}</Button> })}
        </li>
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn names_with_addresses_and_bare_addresses_are_taken() {
        let mailbox =
            |name: &str, address: &str| Mailbox { name: name.to_owned(), address: address.to_owned() };
        assert_eq!(
            mailboxes("\"Haugen, Bob\" <Bob@Example.org>", None),
            Some(vec![mailbox("Haugen, Bob", "bob@example.org")])
        );
        assert_eq!(
            mailboxes("bob eve@x.org", Some("here.org")),
            Some(vec![mailbox("", "bob@here.org"), mailbox("", "eve@x.org")])
        );
        assert_eq!(mailboxes("bob eve@", Some("here.org")), None);
    }
}
