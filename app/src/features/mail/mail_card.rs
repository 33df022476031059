//! A mail of a thread: folded to a line, or whole.

use haven_bridge::mail::{
    Folder, HeaderDifference, MailId, MailState, MailTrouble, MailView, Mailbox, SenderCheck, Signature,
};
use leptos::prelude::*;

use super::{
    answer::{self, Kind as Answer},
    attachments::Attachments,
    badges::Badges,
    body::Body,
    new_mail::write,
    outgoing::Outgoing,
    source::SourceTools,
};
use crate::{
    components::{Avatar, Button, Icon, Notice, Tone},
    live::{live, when},
    routes::{self, mail},
    services::place::use_place,
    state::{use_mailbox, use_session},
    text,
};

/// One mail of `mails`.
#[component]
pub fn MailCard(id: MailId, mails: RwSignal<Vec<MailView>>, open: bool) -> impl IntoView {
    // Being marked as seen changes nothing here, and the frame of an HTML mail should not be filled anew for it.
    let mail = Memo::new(move |_| {
        let found = mails.with(|mails| mails.iter().find(|mail| mail.summary.id == id).cloned());
        found.map(|mut mail| {
            mail.summary.seen = true;
            mail
        })
    });
    let open = RwSignal::new(open);
    live(move || {
        mail.get().map(|mail| match mail.summary.folder {
            Folder::Drafts => view! { <DraftLine mail=mail/> }.into_any(),
            _ => view! { <Card mail=mail open=open/> }.into_any(),
        })
    })
}

/// An answer that is being written.
#[component]
fn DraftLine(mail: MailView) -> impl IntoView {
    view! {
        <a class="mail-card mail-card-draft" href=mail::draft(mail.summary.id)>
            <Icon icon=icondata_lu::LuFilePen/>
            <strong>{text::mail::DRAFT}</strong>
            <span class="mail-card-snippet" dir="auto">{mail.summary.snippet}</span>
        </a>
    }
}

#[component]
fn Card(mail: MailView, open: RwSignal<bool>) -> impl IntoView {
    let session = use_session();
    let own = untrack(|| session.address());
    let summary = mail.summary.clone();
    let name = text::mail::name(&summary.from, own.as_deref());
    let label = format!("{name}, {}", text::time::full(summary.time));
    let address = Some(summary.from.address.clone()).filter(|address| *address != name);
    let toggle = move |_| open.update(|open| *open = !*open);
    view! {
        <article class="mail-card" aria-label=label data-open=when(move || open.get(), "")>
            <h3>
                <button class="mail-card-head" type="button" aria-expanded=move || open.get().to_string() on:click=toggle>
                    <Avatar name=name.clone() seed=summary.from.address.clone()/>
                    <span class="mail-card-who">
                        <span class="mail-card-name" dir="auto">{name}</span>
                        {address.map(|address| view! { <span class="mail-card-address">{address}</span> })}
                        <span class="mail-card-snippet" dir="auto">{summary.snippet}</span>
                    </span>
                    <time class="mail-card-time" title=text::time::full(summary.time)>{live(move || text::time::short(summary.time))}</time>
                </button>
            </h3>
            <Show when=move || open.get()><Whole mail=mail.clone() own=own.clone()/></Show>
        </article>
    }
}

#[component]
fn Whole(mail: MailView, own: Option<String>) -> impl IntoView {
    view! {
        <div class="mail-card-whole">
            <Recipients mail=mail.clone() own=own.clone()/>
            <Badges mail=mail.clone()/>
            <Outgoing mail=mail.clone()/>
            <Warnings mail=mail.clone()/>
            <Body mail=mail.clone()/>
            <Attachments mail=mail.summary.id files=mail.attachments.clone()/>
            <Answers mail=mail own=own/>
        </div>
    }
    .into_any()
}

/// To whom, in short; all addresses behind it.
#[component]
fn Recipients(mail: MailView, own: Option<String>) -> impl IntoView {
    let names: Vec<_> =
        mail.summary.to.iter().map(|mailbox| text::mail::short_name(mailbox, own.as_deref())).collect();
    let at_relay = !matches!(
        mail.summary.state,
        Some(MailState::Waiting | MailState::RelayFull | MailState::WantedBack | MailState::Failed(_))
    );
    let line = |label: &'static str, mailboxes: &[Mailbox]| {
        (!mailboxes.is_empty()).then(|| {
            let people = mailboxes.iter().map(|mailbox| view! { <Person mailbox=mailbox.clone()/> });
            view! { <dt>{label}</dt><dd>{people.collect_view()}</dd> }
        })
    };
    view! {
        <details class="mail-card-details">
            <summary dir="auto">{text::mail::to(&names)}</summary>
            <dl class="mail-facts">
                {line(text::mail::FROM, std::slice::from_ref(&mail.summary.from))}
                {line(text::mail::TO, &mail.to)}
                {line(text::mail::CC, &mail.cc)}
                {line(text::mail::BCC, &mail.bcc)}
                {line(text::mail::REPLY_TO, &mail.reply_to)}
                <dt>{text::mail::DATE}</dt>
                <dd>{text::time::full(mail.summary.time)}</dd>
            </dl>
            {at_relay.then(|| view! { <div class="mail-source"><SourceTools mail=mail.summary.id refused=false/></div> })}
        </details>
    }
}

/// A name with its address, which leads to the page of whoever has it.
#[component]
fn Person(mailbox: Mailbox) -> impl IntoView {
    let own = untrack(|| use_session().address()).as_ref() == Some(&mailbox.address);
    let to = if own { routes::SETTINGS.to_owned() } else { routes::person_at(&mailbox.address) };
    view! { <a class="mail-person" href=to dir="auto">{text::mail::whole_name(&mailbox)}</a> }
}

/// What a reader has to know before they believe a word of it.
#[component]
fn Warnings(mail: MailView) -> impl IntoView {
    let bad_signature = matches!(mail.signature, Signature::Invalid { .. });
    view! {
        {mail.trouble.as_ref().map(|trouble| {
            let (title, text) = text::mail::trouble(trouble);
            let (id, refused) = (mail.summary.id, *trouble == MailTrouble::NotIntact);
            view! { <Notice tone=Tone::Error title=title text=text><SourceTools mail=id refused=refused/></Notice> }
        })}
        {(mail.sender == SenderCheck::Failed).then(|| view! { <Notice tone=Tone::Warning title=text::mail::FORGED_TITLE text=text::mail::FORGED/> })}
        {bad_signature.then(|| view! { <Notice tone=Tone::Warning text=text::mail::signature_sentence(&mail.signature, false)/> })}
        <Differences differences=mail.differences/>
    }
}

/// Header fields that say one thing inside and another outside.
#[component]
fn Differences(differences: Vec<HeaderDifference>) -> impl IntoView {
    (!differences.is_empty()).then(|| {
        let rows = differences.into_iter().map(|HeaderDifference { name, inside, outside }| {
            view! {
                <dt>{name}</dt>
                <dd><span class="hidden">{text::mail::INSIDE}</span><strong dir="auto">{inside}</strong>
                    <span class="mail-difference-outside" dir="auto">{text::mail::outside(&outside)}</span></dd>
            }
        });
        view! {
            <div class="mail-differences">
                <Notice tone=Tone::Warning title=text::mail::DIFFERENCES_TITLE text=text::mail::DIFFERENCES/>
                <dl class="mail-facts">{rows.collect_view()}</dl>
            </div>
        }
    })
}

/// The ways to answer.
#[component]
fn Answers(mail: MailView, own: Option<String>) -> impl IntoView {
    let (mailbox, place) = (use_mailbox(), use_place());
    let several = answer::has_others(&mail, own.as_deref());
    let button = move |kind: Answer| {
        let (mail, own) = (mail.clone(), own.clone());
        let (label, icon) = kind.face();
        let answer = move |()| write(mailbox, place, answer::draft(&mail, kind, own.as_deref()));
        view! { <Button icon=icon on_click=answer>{label}</Button> }
    };
    let all = several.then(|| button(Answer::All));
    view! {
        <div class="mail-answers">{button(Answer::Sender)}{all}{button(Answer::Forward)}</div>
    }
}
