//! A person's page.

use haven_bridge::{
    Command, ConversationId, Person, Trust,
    mail::{Draft, Mailbox},
};
use leptos::prelude::*;

use super::accept_change::ChangeDialog;
use crate::{
    components::{
        Avatar, Button, Copyable, EmptyState, Icon, Kind, Notice, Spinner, Tone, copyable::grouped,
    },
    features::{
        chat::{details::TrustBadge, new_conversation::use_new_conversation},
        mail::new_mail::write,
    },
    live::live,
    routes,
    services::place::use_place,
    state::{Load, use_conversations, use_core, use_mailbox, use_people, use_session, use_toasts},
    text,
};

/// Address, fingerprint, what is known, and what is shared.
#[component]
pub fn PersonDetails(fingerprint: String) -> impl IntoView {
    let people = use_people();
    let person = Memo::new(move |_| people.get(&fingerprint));
    let loading = Memo::new(move |_| people.load() == Load::Loading);
    live(move || match (person.get(), loading.get()) {
        (Some(person), _) => view! { <Found person=person/> }.into_any(),
        (None, true) => view! { <div class="conversation-loading" role="status"><Spinner/></div> }.into_any(),
        (None, false) => view! {
            <EmptyState icon=icondata_lu::LuCompass title=text::PERSON_GONE_TITLE text=text::PERSON_GONE>
                <a class="button" data-kind="primary" href=routes::PEOPLE>{text::TO_PEOPLE}</a>
            </EmptyState>
        }
        .into_any(),
    })
}

#[component]
fn Found(person: Person) -> impl IntoView {
    let (session, new) = (use_session(), use_new_conversation());
    let Person { person, trust, blocked, conversations } = person;
    let name = text::short_name(&person, session.domain_now().as_deref());
    let label = name.clone();
    let address = person.address.clone();
    let write_to = vec![address.clone()];
    let mail_to = address.clone();
    let (mailbox, place) = (use_mailbox(), use_place());
    let write_mail = move |address| {
        let to = vec![Mailbox { name: String::new(), address }];
        write(mailbox, place, Draft { to, ..Draft::default() });
    };
    let fingerprint = person.fingerprint.clone();
    view! {
        <article class="page person" aria-label=label>
            <header class="person-head">
                <a class="icon-button person-back" href=routes::PEOPLE aria-label=text::BACK><Icon icon=icondata_lu::LuArrowLeft/></a>
                <Avatar name=person.address.clone() seed=person.fingerprint.clone() size="large"/>
                <div>
                    <h2 class="page-title" dir="auto">{name}</h2>
                    <TrustBadge trust=trust/>
                </div>
            </header>
            {blocked.then(|| view! { <Blocked fingerprint=fingerprint.clone()/> })}
            {(trust == Trust::Changed).then(|| view! {
                <Notice tone=Tone::Warning title=text::CHANGE_TITLE text=text::trust_sentence(Trust::Changed)>
                    <ChangeDialog address=address.clone() fingerprint=fingerprint.clone()/>
                </Notice>
            })}
            <section class="section">
                <dl class="section-list">
                    <Copyable label=text::ADDRESS value=person.address.clone()/>
                    <Copyable label=text::FINGERPRINT value=grouped(&person.fingerprint) code=true/>
                </dl>
                <p class="section-text">{text::FINGERPRINT_HINT}</p>
                {(trust != Trust::Changed).then(|| view! { <p class="section-text">{text::trust_sentence(trust)}</p> })}
            </section>
            <section class="section">
                <h3 class="section-title" id="shared-heading">{text::SHARED}</h3>
                <Shared conversations=conversations/>
                <div class="section-actions">
                    <Button icon=icondata_lu::LuMail on_click=move |()| write_mail(mail_to.clone())>{text::mail::WRITE_TO}</Button>
                    <Button icon=icondata_lu::LuSquarePen on_click=move |()| new.open_with(write_to.clone())>{text::WRITE_TO}</Button>
                </div>
            </section>
        </article>
    }
}

#[component]
fn Blocked(fingerprint: String) -> impl IntoView {
    let (core, people, toasts) = (use_core(), use_people(), use_toasts());
    let busy = RwSignal::new(false);
    let unblock = move |()| {
        busy.set(true);
        core.ask(Command::Unblock { fingerprint: fingerprint.clone() }, move |answer| {
            busy.try_set(false);
            match answer {
                Ok(_) => {
                    toasts.say(text::UNBLOCKED);
                    people.refresh();
                }
                Err(trouble) => toasts.complain(text::failure::trouble(&trouble)),
            }
        });
    };
    view! {
        <Notice tone=Tone::Warning text=text::PERSON_BLOCKED>
            <Button kind=Kind::Plain busy=busy on_click=unblock>{text::UNBLOCK}</Button>
        </Notice>
    }
}

#[component]
fn Shared(conversations: Vec<ConversationId>) -> impl IntoView {
    let (all, session) = (use_conversations(), use_session());
    let shared = move || conversations.iter().filter_map(|id| all.get(*id)).collect::<Vec<_>>();
    live(move || {
        let shared = shared();
        if shared.is_empty() {
            return view! { <p class="section-text">{text::NOT_SHARED}</p> }.into_any();
        }
        let domain = session.domain();
        let rows = shared.into_iter().map(|summary| {
            let name = text::conversation_name(&summary, domain.as_deref());
            view! {
                <li class="shared-item">
                    <a class="shared-link" href=routes::conversation(summary.id)>
                        <Icon icon=icondata_lu::LuMessageCircle/>
                        <span class="shared-name" dir="auto">{name}</span>
                        <span class="shared-time">{text::time::short(summary.updated)}</span>
                    </a>
                </li>
            }
        });
        view! { <ul class="shared" aria-labelledby="shared-heading">{rows.collect::<Vec<_>>()}</ul> }
            .into_any()
    })
}
