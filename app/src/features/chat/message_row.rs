//! A row of a timeline.

use haven_bridge::{
    Command, ConversationId, Failure, ItemContent, ItemId, Line, PersonRef, SendState, TimelineItem,
};
use leptos::{html, prelude::*};

use super::timeline::Watcher;
use crate::{
    components::{Avatar, Button, Icon, Kind},
    features::people::accept_change::ChangeButton,
    live::live,
    routes,
    state::{timeline::Timeline, use_conversations, use_core, use_session, use_toasts},
    text::{
        self,
        links::{Piece, pieces},
    },
};

/// Messages of one person further apart than this don't stand together.
const GROUP_PAUSE: u64 = 5 * 60 * 1000;

/// What a row needs to know of its neighbours.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct RowModel {
    pub id: ItemId,
    /// A new day begins: its time.
    pub day: Option<u64>,
    /// The first message of a group.
    pub first: bool,
    /// The last message of a group.
    pub last: bool,
    /// What is new begins here.
    pub first_new: bool,
}

/// Looks at the neighbours of an item.
pub fn row_model(
    timeline: Timeline,
    ids: &[ItemId],
    place: usize,
    first_new: Option<ItemId>,
) -> Option<RowModel> {
    let id = *ids.get(place)?;
    let peek = |place: Option<usize>| {
        let id = ids.get(place?)?;
        timeline.peek(*id, |item| (item.time, sender(item)))
    };
    let (time, from) = peek(Some(place))?;
    let before = peek(place.checked_sub(1));
    let after = peek(Some(place + 1));
    let day = text::time::day_number(time);
    let new_day = before.as_ref().is_none_or(|(before, _)| text::time::day_number(*before) != day);
    let together = |(other_time, other): (u64, Option<Sender>)| {
        from.is_some()
            && other == from
            && other_time.abs_diff(time) < GROUP_PAUSE
            && text::time::day_number(other_time) == day
    };
    let is_first_new = first_new == Some(id);
    let next_is_new = first_new.is_some() && ids.get(place + 1).copied() == first_new;
    Some(RowModel {
        id,
        day: new_day.then_some(time),
        first: is_first_new || !before.is_some_and(together),
        last: next_is_new || !after.is_some_and(together),
        first_new: is_first_new,
    })
}

/// Who a bubble belongs to; lines belong to nobody.
#[derive(PartialEq)]
enum Sender {
    Me,
    Other(PersonRef),
}

fn sender(item: &TimelineItem) -> Option<Sender> {
    match &item.content {
        ItemContent::Sent { .. } => Some(Sender::Me),
        ItemContent::Received { from, .. } | ItemContent::Unsupported { from } => {
            Some(Sender::Other(from.clone()))
        }
        ItemContent::Unreadable(_) | ItemContent::Line(_) => None,
    }
}

/// A row with what stands above it: a new day, what is new.
#[component]
pub fn MessageRow(
    conversation: ConversationId,
    timeline: Timeline,
    model: RowModel,
    watch: Watcher,
) -> impl IntoView {
    let element = NodeRef::<html::Div>::new();
    Effect::new(move || {
        let Some(element) = element.get() else { return };
        watch.try_with_value(|observer| observer.as_ref().map(|observer| observer.observe(&element)));
    });
    on_cleanup(move || {
        let Some(element) = element.try_get_untracked().flatten() else { return };
        watch.try_with_value(|observer| observer.as_ref().map(|observer| observer.unobserve(&element)));
    });
    let (session, conversations) = (use_session(), use_conversations());
    let domain = Memo::new(move |_| session.domain());
    // With one other person, the name over each message says nothing. Somebody else, who left, keeps theirs.
    let pair = Memo::new(move |_| match conversations.get(conversation)?.people.as_slice() {
        [one] => Some(one.clone()),
        _ => None,
    });
    let (first, last) = (model.first, model.last);
    timeline.row(model.id).map(|row| {
        view! {
            <div class="message-row" node_ref=element data-item=model.id.to_hex() data-first=first.then_some("")>
                {model.day.map(|time| view! { <p class="message-row-day"><span>{live(move || text::time::day(time))}</span></p> })}
                {model.first_new.then(|| view! { <p class="message-row-new"><span>{text::NEW_HERE}</span></p> })}
                {live(move || {
                    let item = row.get();
                    let (domain, pair) = (domain.get(), pair.get());
                    match item.content {
                        ItemContent::Sent { text, state } => view! { <Sent conversation=conversation id=item.id time=item.time text=text state=state last=last/> }.into_any(),
                        ItemContent::Received { from, device, text, disagrees } => view! {
                            <Received plain=pair.as_ref() == Some(&from) from=from device=device time=item.time text=text first=first last=last domain=domain>
                                {disagrees.then(|| view! { <Remark text=text::DISAGREES/> })}
                            </Received>
                        }.into_any(),
                        ItemContent::Unsupported { from } => view! {
                            <Received plain=pair.as_ref() == Some(&from) from=from device=String::new() time=item.time text=String::new() first=first last=last domain=domain>
                                <Remark text=text::UNSUPPORTED/>
                            </Received>
                        }.into_any(),
                        ItemContent::Unreadable(why) => view! { <div class="message-row-line" data-tone="warning"><Remark text=text::unreadable(why)/></div> }.into_any(),
                        ItemContent::Line(line) => view! { <LineRow line=line time=item.time domain=domain/> }.into_any(),
                    }
                })}
            </div>
        }
    })
}

#[component]
fn Sent(
    conversation: ConversationId,
    id: ItemId,
    time: u64,
    text: String,
    state: SendState,
    last: bool,
) -> impl IntoView {
    let (name, words, icon) = match &state {
        SendState::Waiting => ("waiting", text::STATE_WAITING, icondata_lu::LuClock),
        SendState::Stored => ("stored", text::STATE_STORED, icondata_lu::LuCheck),
        SendState::Failed(_) => ("failed", text::STATE_FAILED, icondata_lu::LuCircleAlert),
    };
    let label = format!("{}, {}, {words}", text::YOU, text::time::clock(time));
    view! {
        <article class="message" data-from="me" data-last=last.then_some("") aria-label=label>
            <div class="message-bubble" data-state=name>
                <p class="message-text" dir="auto">{linked(&text)}</p>
                <p class="message-meta" aria-hidden="true">
                    <time title=text::time::full(time)>{text::time::clock(time)}</time>
                    <span class="message-state" title=words><Icon icon=icon/></span>
                </p>
            </div>
            {match state {
                SendState::Failed(why) => Some(view! { <FailedMessage conversation=conversation id=id why=why/> }),
                _ => None,
            }}
        </article>
    }
}

#[component]
fn FailedMessage(conversation: ConversationId, id: ItemId, why: Failure) -> impl IntoView {
    let (core, toasts) = (use_core(), use_toasts());
    let busy = RwSignal::new(false);
    let ask = move |command| {
        busy.set(true);
        core.ask(command, move |answer| {
            busy.try_set(false);
            if let Err(trouble) = answer {
                toasts.complain(text::failure::trouble(&trouble));
            }
        });
    };
    view! {
        <div class="message-failed" role="group" aria-label=text::STATE_FAILED>
            <p class="message-failed-text"><strong>{text::STATE_FAILED} ". "</strong>{text::failure::sentence(&why)}</p>
            <div class="message-failed-actions">
                <ChangeButton failure=why/>
                <Button kind=Kind::Quiet busy=busy on_click=move |()| ask(Command::Retry { conversation, item: Some(id) })>{text::RETRY}</Button>
                <Button kind=Kind::Quiet on_click=move |()| ask(Command::Discard { conversation, item: id })>{text::DISCARD}</Button>
            </div>
        </div>
    }
}

#[component]
fn Received(
    plain: bool,
    from: PersonRef,
    device: String,
    time: u64,
    text: String,
    first: bool,
    last: bool,
    domain: Option<String>,
    children: Children,
) -> impl IntoView {
    let name = text::short_name(&from, domain.as_deref());
    let label = format!("{name}, {}", text::time::clock(time));
    let when = if device.is_empty() {
        text::time::full(time)
    } else {
        format!("{} · {device}", text::time::full(time))
    };
    view! {
        <article class="message" data-from="other" data-plain=plain.then_some("") data-last=last.then_some("") aria-label=label>
            <div class="message-avatar">{last.then(|| view! { <Avatar name=from.address.clone() seed=from.fingerprint.clone() size="small"/> })}</div>
            <div class="message-bubble">
                {first.then(|| view! { <a class="message-from" href=routes::person(&from.fingerprint) dir="auto">{name}</a> })}
                {(!text.is_empty()).then(|| view! { <p class="message-text" dir="auto">{linked(&text)}</p> })}
                {children()}
                <p class="message-meta" aria-hidden="true"><time title=when>{text::time::clock(time)}</time></p>
            </div>
        </article>
    }
}

/// Text nodes and links to pages: nothing in a message becomes markup.
fn linked(text: &str) -> impl IntoView + use<> {
    pieces(text)
        .into_iter()
        .map(|piece| match piece {
            Piece::Link(link) if !link.starts_with("mailto:") => {
                view! { <a href=link.to_owned() target="_blank" rel="noopener noreferrer">{link.to_owned()}</a> }.into_any()
            }
            Piece::Link(text) | Piece::Text(text) => text.to_owned().into_any(),
        })
        .collect_view()
}

/// Something about a message that its reader should know.
#[component]
fn Remark(text: &'static str) -> impl IntoView {
    view! { <p class="message-remark"><Icon icon=icondata_lu::LuTriangleAlert/><span>{text}</span></p> }
}

#[component]
fn LineRow(line: Line, time: u64, domain: Option<String>) -> impl IntoView {
    let (icon, tone) = match &line {
        Line::Started { .. } => (icondata_lu::LuLock, "info"),
        Line::YouWereAdded { .. } | Line::Added { .. } => (icondata_lu::LuUserPlus, "info"),
        Line::DeviceAdded { .. } | Line::DeviceRemoved { .. } | Line::MoreDevices { .. } => {
            (icondata_lu::LuMonitorSmartphone, "info")
        }
        Line::Removed { .. } | Line::YouWereRemoved { .. } => (icondata_lu::LuUserX, "info"),
        Line::Renamed { .. } => (icondata_lu::LuPencil, "info"),
        Line::Missed { .. } => (icondata_lu::LuCircleAlert, "info"),
        Line::NotAdded { .. }
        | Line::NotChanged { .. }
        | Line::SecondWelcome
        | Line::Disagrees { .. }
        | Line::Withheld { .. } => (icondata_lu::LuCircleAlert, "warning"),
    };
    let failure = match &line {
        Line::NotAdded { why, .. } => Some(why.clone()),
        _ => None,
    };
    view! {
        <div class="message-row-line" data-tone=tone>
            <p class="message-row-sentence" title=text::time::full(time)>
                <Icon icon=icon/>
                <span>{text::line::sentence(&line, domain.as_deref())}</span>
            </p>
            {failure.map(|failure| view! { <ChangeButton failure=failure/> })}
        </div>
    }
}
