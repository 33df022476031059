//! A person's page: who it is, how far that is known, and what is shared, in conversations and mail.

use haven_bridge::{
    Command, ConversationId, Failure, KeyView, Person, PersonRef, PersonView, Reply, Trust,
    mail::{Draft, Mailbox, ThreadSummary},
};
use leptos::prelude::*;

use super::{
    accept_change::ChangeDialog,
    compare::{CompareDialog, Subject},
};
use crate::{
    components::{
        Avatar, Button, Copyable, EmptyState, Icon, Kind, Notice, Spinner, Tone, copyable::grouped,
    },
    features::{
        chat::{details::TrustBadge, new_conversation::use_new_conversation},
        mail::{list::address_of, new_mail::write},
    },
    live::live,
    routes,
    services::{browser, core_client::Trouble, place::use_place},
    state::{
        people::colour_of, unexpected, use_conversations, use_core, use_mailbox, use_people, use_session,
        use_toasts,
    },
    text,
};

/// The page of somebody, by fingerprint or address.
#[component]
pub fn PersonDetails(key: String) -> impl IntoView {
    let (core, people, mailbox, session) = (use_core(), use_people(), use_mailbox(), use_session());
    let answer = RwSignal::new(None::<Result<PersonView, Trouble>>);
    let who = routes::person_named(&key);
    Effect::new(move || {
        people.track();
        mailbox.track();
        core.ask(Command::Person(who.clone()), move |reply| {
            answer.try_set(Some(match reply {
                Ok(Reply::Person(person)) => Ok(*person),
                Ok(other) => Err(unexpected(other)),
                Err(trouble) => Err(trouble),
            }));
        });
    });
    let found = Memo::new(move |_| answer.get());
    let comparing = RwSignal::new(false);
    let subject = Memo::new(move |_| -> Option<Subject> {
        let view = found.get()?.ok()?;
        let name = text::people::name(&view.person, session.domain().as_deref());
        let address = view.person.person.address;
        Some((PersonRef { address, fingerprint: view.key?.fingerprint }, name))
    });
    view! {
        {live(move || match found.get() {
            None => view! { <div class="conversation-loading" role="status"><Spinner/></div> }.into_any(),
            Some(Ok(view)) => view! { <Found view=view comparing=comparing/> }.into_any(),
            Some(Err(Trouble::Failed(Failure::NotFound))) => view! {
                <EmptyState icon=icondata_lu::LuCompass title=text::PERSON_GONE_TITLE text=text::PERSON_GONE>
                    <a class="button" data-kind="primary" href=routes::PEOPLE>{text::TO_PEOPLE}</a>
                </EmptyState>
            }
            .into_any(),
            Some(Err(trouble)) => view! { <Notice tone=Tone::Error text=text::failure::trouble(&trouble)/> }.into_any(),
        })}
        <CompareDialog open=comparing subject=subject/>
    }
}

#[component]
fn Found(view: PersonView, comparing: RwSignal<bool>) -> impl IntoView {
    let session = use_session();
    let PersonView { person, key, threads } = view;
    let name = text::people::name(&person, session.domain_now().as_deref());
    let Person { person, trust, blocked, conversations, .. } = person;
    let label = name.clone();
    let address = person.address.clone();
    let fingerprint = person.fingerprint.clone();
    let changed = (trust == Trust::Changed).then(|| person.clone());
    view! {
        <article class="page person" aria-label=label>
            <header class="person-head">
                <a class="icon-button person-back" href=routes::PEOPLE aria-label=text::BACK><Icon icon=icondata_lu::LuArrowLeft/></a>
                <Avatar name=name.clone() seed=colour_of(&person) size="large"/>
                <div>
                    <h2 class="page-title" dir="auto">{name}</h2>
                    <TrustBadge trust=trust/>
                </div>
            </header>
            {blocked.then(|| view! { <Blocked fingerprint=fingerprint/> })}
            {changed.map(|person| view! {
                <Notice tone=Tone::Warning title=text::CHANGE_TITLE text=text::trust_sentence(Trust::Changed)>
                    <ChangeDialog address=person.address.clone() fingerprint=person.fingerprint.clone()/>
                </Notice>
            })}
            <Identity address=address.clone() key=key trust=trust comparing=comparing/>
            <section class="section">
                <h3 class="section-title" id="shared-heading">{text::SHARED}</h3>
                <Shared conversations=conversations/>
                <h3 class="section-title" id="mail-heading">{text::people::MAIL_WITH}</h3>
                <MailWith threads=threads/>
                <WriteTo address=address/>
            </section>
        </article>
    }
}

/// Address and key, what is known of it, and what can be done about that.
#[component]
fn Identity(address: String, key: Option<KeyView>, trust: Trust, comparing: RwSignal<bool>) -> impl IntoView {
    let person =
        key.as_ref().map(|key| PersonRef { address: address.clone(), fingerprint: key.fingerprint.clone() });
    let way_on = match (trust, person) {
        (Trust::Verified, Some(person)) => view! { <Unverify person=person/> }.into_any(),
        (Trust::Claimed | Trust::Pinned, Some(_)) => view! {
            <Button icon=icondata_lu::LuShieldCheck on_click=move |()| comparing.set(true)>{text::people::COMPARE}</Button>
            <p class="section-text">{text::people::COMPARE_WHY}</p>
        }
        .into_any(),
        _ => ().into_any(),
    };
    view! {
        <section class="section">
            <dl class="section-list">
                <Copyable label=text::ADDRESS value=address/>
                {key.as_ref().map(|key| view! { <Copyable label=text::FINGERPRINT value=grouped(&key.fingerprint) code=true/> })}
            </dl>
            {key.map(|key| view! { <p class="section-text">{text::people::key(&key)}</p> })}
            {(trust != Trust::Changed).then(|| view! { <p class="section-text">{text::trust_sentence(trust)}</p> })}
            {way_on}
        </section>
    }
}

#[component]
fn Unverify(person: PersonRef) -> impl IntoView {
    let command =
        move |()| Command::Verify { intent: browser::new_intent(), person: person.clone(), number: None };
    view! { <Act command=command done=text::people::UNVERIFIED label=text::people::UNVERIFY/> }
}

#[component]
fn Blocked(fingerprint: String) -> impl IntoView {
    let command = move |()| Command::Unblock { fingerprint: fingerprint.clone() };
    view! {
        <Notice tone=Tone::Warning text=text::PERSON_BLOCKED>
            <Act command=command done=text::UNBLOCKED label=text::UNBLOCK/>
        </Notice>
    }
}

/// A button that has one thing done, and a short notice when it is.
#[component]
fn Act(
    #[prop(into)] command: Callback<(), Command>,
    label: &'static str,
    done: &'static str,
) -> impl IntoView {
    let (core, people, toasts) = (use_core(), use_people(), use_toasts());
    let busy = RwSignal::new(false);
    let act = move |()| {
        busy.set(true);
        core.ask(command.run(()), move |answer| {
            busy.try_set(false);
            match answer {
                Ok(_) => {
                    toasts.say(done);
                    people.refresh();
                }
                Err(trouble) => toasts.complain(text::failure::trouble(&trouble)),
            }
        });
    };
    view! { <Button kind=Kind::Plain busy=busy on_click=act>{label}</Button> }
}

#[component]
fn WriteTo(address: String) -> impl IntoView {
    let (mailbox, place, new) = (use_mailbox(), use_place(), use_new_conversation());
    // Only people of this relay can be in conversations so far.
    let domain = use_session().domain_now();
    let near = address.split_once('@').is_some_and(|(_, own)| domain.as_deref() == Some(own));
    let chat_with = vec![address.clone()];
    let write_mail = move |()| {
        let to = vec![Mailbox { name: String::new(), address: address.clone() }];
        write(mailbox, place, Draft { to, ..Draft::default() });
    };
    view! {
        <div class="section-actions">
            <Button icon=icondata_lu::LuMail on_click=write_mail>{text::mail::WRITE_TO}</Button>
            {near.then(|| view! {
                <Button icon=icondata_lu::LuSquarePen on_click=move |()| new.open_with(chat_with.clone())>{text::WRITE_TO}</Button>
            })}
        </div>
    }
}

#[component]
fn Shared(conversations: Vec<ConversationId>) -> impl IntoView {
    let (all, session) = (use_conversations(), use_session());
    live(move || {
        let domain = session.domain();
        let shared = conversations.iter().filter_map(|id| all.get(*id));
        let link = shared.map(|summary| Link {
            to: routes::conversation(summary.id),
            name: text::conversation_name(&summary, domain.as_deref()),
            time: summary.updated,
        });
        links(link.collect(), icondata_lu::LuMessageCircle, "shared-heading", text::NOT_SHARED)
    })
}

#[component]
fn MailWith(threads: Vec<ThreadSummary>) -> impl IntoView {
    let link = threads.iter().map(|thread| Link {
        to: address_of(thread),
        name: text::mail::subject(&thread.newest.subject),
        time: thread.newest.time,
    });
    links(link.collect(), icondata_lu::LuMail, "mail-heading", text::people::NO_MAIL_WITH)
}

struct Link {
    to: String,
    name: String,
    time: u64,
}

fn links(links: Vec<Link>, icon: icondata_core::Icon, heading: &'static str, none: &'static str) -> AnyView {
    if links.is_empty() {
        return view! { <p class="section-text">{none}</p> }.into_any();
    }
    let rows = links.into_iter().map(|link| {
        view! {
            <li class="shared-item">
                <a class="shared-link" href=link.to>
                    <Icon icon=icon/>
                    <span class="shared-name" dir="auto">{link.name}</span>
                    <span class="shared-time">{live(move || text::time::short(link.time))}</span>
                </a>
            </li>
        }
    });
    view! { <ul class="shared" aria-labelledby=heading>{rows.collect_view()}</ul> }.into_any()
}
