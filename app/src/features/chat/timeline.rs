//! The messages of a conversation: a window over a list that may be very long.
//!
//! Only the rows in sight and a margin are in the document. Heights are measured as rows appear; whatever changes
//! above, the row that is being read stays where it is, and who is at the end stays at the end.

use std::{cell::RefCell, rc::Rc, time::Duration};

use haven_bridge::{ConversationId, ItemContent, ItemId};
use leptos::{html, prelude::*};
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{ResizeObserver, ResizeObserverEntry};

use super::{
    layout::{Anchor, Layout},
    message_row::{MessageRow, RowModel, row_model},
    reading::Reading,
};
use crate::{
    components::{Button, EmptyState, Icon, Kind, Notice, Spinner, Tone},
    live::live,
    services::browser,
    state::{
        Load,
        timeline::{Timeline, is_from_others},
        use_conversations, use_session, use_timelines,
    },
    text,
};

/// Rows this far out of sight are drawn too, so that fast scrolling shows no gaps.
const MARGIN: f64 = 800.0;

/// Older items are asked for when so little is left above.
const LOAD_AHEAD: f64 = 1200.0;

/// Long enough for a screen reader to take notice.
const SAID_AFTER: Duration = Duration::from_millis(1500);

/// So near to the end counts as being there.
const NEAR_END: f64 = 40.0;

/// The timeline of a conversation.
#[component]
pub fn TimelineView(id: ConversationId) -> impl IntoView {
    let row = use_conversations().row(id);
    let unread = row.map(|row| row.with_untracked(|row| row.unread)).unwrap_or_default();
    let timeline = use_timelines().open(id, unread);
    let load = Memo::new(move |_| timeline.load());
    live(move || {
        match load.get() {
        Load::Loading => view! { <div class="timeline-loading" role="status"><Spinner/><span class="hidden">{text::OPENING}</span></div> }.into_any(),
        Load::Failed(trouble) => view! {
            <div class="timeline-loading">
                <Notice tone=Tone::Error text=text::failure::trouble(&trouble)>
                    <Button on_click=move |()| timeline.load_newest(unread)>{text::RETRY}</Button>
                </Notice>
            </div>
        }.into_any(),
        Load::Ready => view! { <Scroller id=id timeline=timeline unread=unread/> }.into_any(),
    }
    })
}

#[component]
fn Scroller(id: ConversationId, timeline: Timeline, unread: u32) -> impl IntoView {
    let (scroller, list) = (NodeRef::<html::Div>::new(), NodeRef::<html::Div>::new());
    let view = Viewport::new(id, timeline, unread, scroller, list);
    let announce = announcements(timeline);
    view.follow();
    let empty = Memo::new(move |_| timeline.order().with(Vec::is_empty));
    view! {
        <div class="timeline">
            <div
                class="timeline-scroller"
                node_ref=scroller
                role="log"
                aria-label=text::MESSAGES
                // Rows come and go as one scrolls; what arrives is announced below.
                aria-live="off"
                tabindex="0"
                on:scroll=move |_| view.scrolled()
            >
                <Above timeline=timeline/>
                <div class="timeline-list" node_ref=list>
                    <div class="timeline-window" style:transform=move || format!("translateY({})", browser::pixels(view.offset.get()))>
                        <For each=move || view.rows.get() key=Clone::clone let:model>
                            <MessageRow conversation=id timeline=timeline model=model watch=view.watcher()/>
                        </For>
                    </div>
                </div>
                <Show when=move || empty.get()>
                    <EmptyState icon=icondata_lu::LuMessageCircle title=text::NO_MESSAGES_TITLE text=text::NO_MESSAGES/>
                </Show>
            </div>
            <Show when=move || !view.at_end.get()>
                <button class="timeline-jump" type="button" aria-label=text::JUMP on:click=move |_| view.jump()>
                    <Icon icon=icondata_lu::LuArrowDown/>
                    {live(move || (view.missed.get() > 0).then(|| text::new_messages(view.missed.get())))}
                </button>
            </Show>
            <p class="hidden" aria-live="polite">{announce}</p>
        </div>
    }
}

/// Above the oldest item.
#[component]
fn Above(timeline: Timeline) -> impl IntoView {
    let session = use_session();
    view! {
        <div class="timeline-above">
            {live(move || match (timeline.older_failed(), timeline.more()) {
                (Some(_), _) => view! {
                    {text::OLDER_FAILED} " "
                    <Button kind=Kind::Quiet on_click=move |()| timeline.load_older()>{text::RETRY}</Button>
                }.into_any(),
                (None, true) => view! { <Spinner/> {text::OLDER_LOADING} }.into_any(),
                (None, false) if session.address().is_some() && timeline.order().with(|order| !order.is_empty()) => text::BEGINNING.into_any(),
                (None, false) => ().into_any(),
            })}
        </div>
    }
}

/// What screen readers say when somebody writes. It is taken away once it was said: it is not there to be read.
fn announcements(timeline: Timeline) -> Signal<String> {
    let session = use_session();
    let said = RwSignal::new(String::new());
    Effect::new(move |before: Option<()>| {
        let arrived = timeline.arrived().get();
        if before.is_none() {
            return;
        }
        let domain = session.domain_now();
        let say = |id: &ItemId| {
            timeline.peek(*id, |item| match &item.content {
                ItemContent::Received { from, text, .. } => {
                    Some(format!("{}: {text}", text::short_name(from, domain.as_deref())))
                }
                ItemContent::Line(line) => Some(text::line::sentence(line, domain.as_deref())),
                _ => None,
            })
        };
        let sentences: Vec<_> = arrived.iter().filter_map(|id| say(id).flatten()).collect();
        said.set(sentences.join(". "));
        set_timeout(move || _ = said.try_set(String::new()), SAID_AFTER);
    });
    said.into()
}

/// What a row needs to have its height watched.
pub type Watcher = StoredValue<Option<ResizeObserver>, LocalStorage>;

/// What is in sight. A handle.
#[derive(Clone, Copy)]
struct Viewport {
    timeline: Timeline,
    reading: Reading,
    layout: StoredValue<Rc<RefCell<Layout>>, LocalStorage>,
    observer: Watcher,
    scroller: NodeRef<html::Div>,
    list: NodeRef<html::Div>,
    rows: RwSignal<Vec<RowModel>>,
    offset: RwSignal<f64>,
    at_end: RwSignal<bool>,
    missed: RwSignal<usize>,
    /// The first message that was not seen when the conversation was opened.
    first_new: StoredValue<Option<ItemId>>,
    width: StoredValue<f64>,
}

/// What stays in its place when something changes.
enum Keep {
    End,
    At(Anchor),
    Here,
}

impl Viewport {
    fn new(
        id: ConversationId,
        timeline: Timeline,
        unread: u32,
        scroller: NodeRef<html::Div>,
        list: NodeRef<html::Div>,
    ) -> Self {
        Self {
            timeline,
            reading: Reading::new(id, timeline),
            layout: StoredValue::new_local(Rc::default()),
            observer: StoredValue::new_local(None),
            scroller,
            list,
            rows: RwSignal::default(),
            offset: RwSignal::new(0.0),
            at_end: RwSignal::new(true),
            missed: RwSignal::new(0),
            first_new: StoredValue::new(first_new(timeline, unread)),
            width: StoredValue::new(0.0),
        }
    }

    fn watcher(self) -> Watcher {
        self.observer
    }

    /// Follows the timeline, the sizes and the page's visibility, as long as the component lives.
    fn follow(self) {
        self.watch_sizes();
        Effect::new(move |before: Option<()>| {
            let order = self.timeline.order().get();
            if self.scroller.get().is_some() && self.list.get().is_some() {
                self.put(order, before.is_none());
            }
        });
        Effect::new(move |before: Option<()>| {
            let arrived = self.timeline.arrived().get();
            if before.is_some() {
                self.arrived(&arrived);
            }
        });
        let visible = window_event_listener_untyped("visibilitychange", move |_| self.seen());
        let focus = window_event_listener_untyped("focus", move |_| self.seen());
        on_cleanup(move || {
            visible.remove();
            focus.remove();
        });
    }

    fn put(self, order: Vec<ItemId>, first: bool) {
        let keep = if first { self.opening() } else { self.keep() };
        self.with_layout(|layout| layout.set_ids(order, |id| self.guess(id)));
        let keep = match (first, keep) {
            // Only now is the place of the first new message known.
            (true, Keep::At(anchor)) => Keep::At(anchor),
            (_, keep) => keep,
        };
        self.draw(keep);
    }

    /// Where to begin: at the first new message, somewhat below the top, or else at the end.
    fn opening(self) -> Keep {
        let height = self
            .scroller
            .get_untracked()
            .map(|scroller| f64::from(scroller.client_height()))
            .unwrap_or_default();
        self.first_new.get_value().map_or(Keep::End, |item| Keep::At(Anchor::new(item, height * 0.2)))
    }

    fn keep(self) -> Keep {
        if self.at_end.get_untracked() {
            return Keep::End;
        }
        let Some(scroll) = self.scroll() else { return Keep::Here };
        self.with_layout(|layout| layout.anchor(scroll)).flatten().map_or(Keep::Here, Keep::At)
    }

    /// How far the list is scrolled: what stands above it does not count.
    fn scroll(self) -> Option<f64> {
        let (scroller, list) = (self.scroller.get_untracked()?, self.list.get_untracked()?);
        Some(exact_scroll_top(&scroller) - f64::from(list.offset_top()))
    }

    fn draw(self, keep: Keep) {
        let (Some(scroller), Some(list)) = (self.scroller.get_untracked(), self.list.get_untracked()) else {
            return;
        };
        let Some(height) = self.with_layout(|layout| layout.height()) else { return };
        // Properties set on a live element don't fail.
        _ = web_sys::HtmlElement::style(&list).set_property("height", &browser::pixels(height));
        let wanted = match keep {
            Keep::End => Some(f64::from(scroller.scroll_height())),
            Keep::At(anchor) => {
                let below = f64::from(list.offset_top());
                self.with_layout(|layout| layout.scroll_to(anchor)).flatten().map(|scroll| scroll + below)
            }
            Keep::Here => None,
        };
        if let Some(wanted) = wanted {
            scroller.scroll_to_with_x_and_y(0.0, wanted);
        }
        self.show_window();
    }

    /// Puts the rows in sight into the document.
    fn show_window(self) {
        let (Some(scroller), Some(scroll)) = (self.scroller.get_untracked(), self.scroll()) else { return };
        let end = scroll + f64::from(scroller.client_height());
        let first_new = self.first_new.get_value();
        let drawn = self.with_layout(|layout| {
            let window = layout.window(scroll, end, MARGIN);
            let rows =
                window.clone().filter_map(|place| row_model(self.timeline, layout.ids(), place, first_new));
            (layout.top(window.start), rows.collect::<Vec<_>>())
        });
        let Some((offset, rows)) = drawn else { return };
        if self.rows.with_untracked(|old| *old != rows) {
            self.rows.set(rows);
        }
        self.offset.set(offset);
        self.note_end(&scroller);
        self.seen();
    }

    fn note_end(self, scroller: &web_sys::HtmlDivElement) {
        let left =
            f64::from(scroller.scroll_height() - scroller.client_height()) - exact_scroll_top(scroller);
        let at_end = left < NEAR_END;
        if self.at_end.get_untracked() != at_end {
            self.at_end.set(at_end);
        }
        if at_end && self.missed.get_untracked() > 0 {
            self.missed.set(0);
        }
    }

    fn scrolled(self) {
        self.show_window();
        if self.scroll().is_some_and(|scroll| scroll < LOAD_AHEAD) {
            self.timeline.load_older();
        }
    }

    fn seen(self) {
        let (Some(scroller), Some(scroll)) = (self.scroller.try_get_untracked().flatten(), self.scroll())
        else {
            return;
        };
        // A line of a tall last message may be cut off and still be seen.
        let end = scroll + f64::from(scroller.client_height()) + 8.0;
        if let Some(Some(item)) = self.with_layout(|layout| layout.last_ending_above(end)) {
            self.reading.in_sight(item);
        }
    }

    fn arrived(self, items: &[ItemId]) {
        let of = |id: &ItemId, f: fn(&haven_bridge::TimelineItem) -> bool| {
            self.timeline.peek(*id, f).unwrap_or_default()
        };
        if items.iter().any(|id| of(id, |item| matches!(item.content, ItemContent::Sent { .. }))) {
            self.jump();
        } else if !self.at_end.get_untracked() {
            let count = items.iter().filter(|id| of(id, is_from_others)).count();
            self.missed.update(|missed| *missed += count);
        }
    }

    fn jump(self) {
        self.at_end.set(true);
        self.draw(Keep::End);
    }

    fn guess(self, id: ItemId) -> f64 {
        let lines = self.timeline.peek(id, |item| match &item.content {
            ItemContent::Sent { text, .. } | ItemContent::Received { text, .. } => {
                1 + text.len() / 60 + text.matches('\n').count()
            }
            _ => 1,
        });
        24.0 * lines.unwrap_or(1) as f64 + 20.0
    }

    fn with_layout<R>(self, f: impl FnOnce(&mut Layout) -> R) -> Option<R> {
        self.layout.try_get_value().map(|layout| f(&mut layout.borrow_mut()))
    }

    /// One observer for the rows, the list's width and the height of what is in sight. It is called after the browser
    /// laid out and before it paints, so corrections are never seen.
    fn watch_sizes(self) {
        let callback =
            Closure::<dyn FnMut(js_sys::Array)>::new(move |entries: js_sys::Array| self.resized(&entries));
        let observer = ResizeObserver::new(callback.as_ref().unchecked_ref()).ok();
        self.observer.set_value(observer);
        let callback = StoredValue::new_local(callback);
        Effect::new(move || {
            let Some(scroller) = self.scroller.get() else { return };
            self.observer
                .with_value(|observer| observer.as_ref().map(|observer| observer.observe(&scroller)));
        });
        on_cleanup(move || {
            self.observer.try_update_value(|observer| observer.take().map(|observer| observer.disconnect()));
            callback.try_update_value(|_| ());
        });
    }

    fn resized(self, entries: &js_sys::Array) {
        let keep = self.keep();
        let mut heights = Vec::new();
        let mut other = false;
        for entry in entries.iter() {
            let target = entry.unchecked_into::<ResizeObserverEntry>().target();
            match target.get_attribute("data-item").as_deref().and_then(ItemId::from_hex) {
                // A row on its way out has no height that means anything.
                Some(id) if target.is_connected() => {
                    heights.push((id, target.get_bounding_client_rect().height()))
                }
                Some(_) => {}
                None => other |= self.scroller_resized(&target),
            }
        }
        let changed = self.with_layout(|layout| layout.measure(heights)).unwrap_or_default();
        if changed || other {
            self.draw(keep);
        }
    }

    fn scroller_resized(self, scroller: &web_sys::Element) -> bool {
        let width = f64::from(scroller.client_width());
        if self.width.get_value() != width {
            self.width.set_value(width);
            self.with_layout(Layout::forget_heights);
        }
        true
    }
}

/// The page's own type has whole pixels only; after a hundred corrections that would be seen.
fn exact_scroll_top(element: &web_sys::Element) -> f64 {
    js_sys::Reflect::get(element, &"scrollTop".into())
        .ok()
        .and_then(|value| value.as_f64())
        .unwrap_or_default()
}

/// The first of the last `unread` messages of others, or the oldest one here if there are more unread than here.
fn first_new(timeline: Timeline, unread: u32) -> Option<ItemId> {
    let unread = usize::try_from(unread).ok().filter(|unread| *unread > 0)?;
    let is_message = |id: &&ItemId| timeline.peek(**id, is_from_others).unwrap_or_default();
    timeline
        .order()
        .with_untracked(|order| order.iter().rev().filter(is_message).take(unread).last().copied())
}
