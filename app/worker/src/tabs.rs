//! One tab among several.
//!
//! Each tab has a worker of its own; one of them, the leader, runs the engine. A Web Lock decides which. The others
//! pass their pages' requests on to it over a BroadcastChannel, and its answers and events back.
//!
//! A leader that ends gives up its lock, and the next in line has it within milliseconds. One that is frozen keeps
//! it: so a follower that needs the leader asks whether it is there, and steals the lock when nothing is heard for a
//! second. Being asked rather than sending a heartbeat, the leader needs no timer, which browsers slow down in the
//! background. Requests without an answer are given to the new leader.

mod desk;
mod message;
mod watch;

pub use message::Asker;

use crate::{pump::Order, scope};
use desk::{Desk, Step};
use futures_channel::mpsc::UnboundedSender;
use haven_bridge::{Command, Event, Failure, FromWorker, Reply, ToWorker};
use js_sys::{Array, Uint8Array};
use message::{Across, Heard};
use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};
use wasm_bindgen::{JsCast as _, JsValue, closure::Closure};
use watch::Watch;
use web_sys::{BroadcastChannel, MessageEvent};

const CHANNEL: &str = "haven";

/// This tab: its page, its requests, and what it knows of the leader.
pub struct Tab {
    id: u64,
    channel: BroadcastChannel,
    desk: RefCell<Desk>,
    role: RefCell<Role>,
    /// The highest leader number that was heard of. Lower ones are over.
    newest: Cell<u64>,
    /// The leader to ask, if another tab is known to lead.
    leading: Cell<Option<u64>>,
    watch: Watch,
}

/// What this tab is.
enum Role {
    /// Another tab leads, or will.
    Follower,
    /// This tab has the lock and opens the database.
    Rising,
    /// This tab leads.
    Leader { leader: u64, orders: UnboundedSender<Order> },
    /// This tab can't go on.
    Ended(Failure),
}

impl Tab {
    /// Joins the other tabs and listens to the page.
    pub fn start() -> Result<Rc<Self>, JsValue> {
        let tab = Rc::new(Self {
            id: u64::from_be_bytes(scope::random()?),
            channel: BroadcastChannel::new(CHANNEL)?,
            desk: RefCell::default(),
            role: RefCell::new(Role::Follower),
            newest: Cell::new(0),
            leading: Cell::new(None),
            watch: Watch::default(),
        });
        tab.listen();
        tab.say(&Across::AreYouThere);
        tab.post(&FromWorker::Ready);
        Ok(tab)
    }

    /// Both handlers live as long as the worker.
    fn listen(self: &Rc<Self>) {
        let tab = Rc::clone(self);
        let on_page = Closure::<dyn Fn(MessageEvent)>::new(move |event: MessageEvent| {
            if let Ok(message) = haven_bridge::decode(&bytes_of(&event)) {
                tab.heard_page(message);
            }
        });
        scope::this().set_onmessage(Some(on_page.as_ref().unchecked_ref()));
        on_page.forget();

        let tab = Rc::clone(self);
        let on_tabs =
            Closure::<dyn Fn(MessageEvent)>::new(move |event: MessageEvent| {
                match message::decode(&bytes_of(&event)) {
                    Heard::Message(message) => tab.heard_tab(message),
                    Heard::Newer => tab.end(&Event::Outdated, outdated()),
                    Heard::Nothing => {}
                }
            });
        self.channel.set_onmessage(Some(on_tabs.as_ref().unchecked_ref()));
        on_tabs.forget();
    }

    /// This tab has the lock.
    pub fn rise(&self) {
        self.play(Role::Rising);
        self.say(&Across::Rising);
    }

    /// This tab leads: its own requests and, once they hear of it, those of the others go to `orders`.
    pub fn lead(&self, leader: u64, orders: UnboundedSender<Order>) {
        self.hand_over(leader);
        self.leading.set(None);
        self.play(Role::Leader { leader, orders });
        self.announce();
        self.dispatch();
    }

    /// This tab has lost the lock. Its requests wait for the next leader.
    pub fn follow(&self) {
        self.leading.set(None);
        self.watch.busy(false);
        self.play(Role::Follower);
        self.say(&Across::AreYouThere);
    }

    /// This tab can't go on. All its requests fail, now and later.
    pub fn end(&self, event: &Event, failure: Failure) {
        if self.has_ended() {
            return;
        }
        self.order(Order::Stop);
        self.play(Role::Ended(failure.clone()));
        self.post(&FromWorker::Event(event.clone()));
        self.fail(&failure);
    }

    /// Whether this tab has ended.
    pub fn has_ended(&self) -> bool {
        matches!(*self.role.borrow(), Role::Ended(_))
    }

    /// Fails all open requests of this tab's page.
    pub fn fail(&self, failure: &Failure) {
        let open = self.desk.borrow_mut().clear();
        for id in open {
            self.reply(id, Err(failure.clone()));
        }
    }

    /// As the leader: tells all pages what changed, and then each that asked what came of it. Never the other way round:
    /// a page goes by the answer to what it knows by the events.
    pub fn settle(
        &self,
        leader: u64,
        events: Vec<Event>,
        answers: impl IntoIterator<Item = (Asker, Result<Reply, Failure>)>,
    ) {
        for event in events {
            self.publish(leader, event);
        }
        for (asker, result) in answers {
            self.answer(leader, asker, result);
        }
    }

    /// Answers a request as the leader.
    pub fn answer(&self, leader: u64, asker: Asker, result: Result<Reply, Failure>) {
        if asker.tab == self.id {
            self.answered(leader, asker.request, result);
        } else {
            self.say(&Across::Answer { leader, asker, result });
        }
    }

    /// Tells all pages that something changed, as the leader.
    pub fn publish(&self, leader: u64, event: Event) {
        self.post(&FromWorker::Event(event.clone()));
        self.say(&Across::Event { leader, event });
    }

    /// Tells all pages, without leading any more.
    pub fn tell(&self, event: Event) {
        self.publish(self.newest.get(), event);
    }

    /// Tells the other tabs that this one leads, and how long it may be silent.
    pub fn announce(&self) {
        if let Role::Leader { leader, .. } = *self.role.borrow() {
            let patience = self.watch.patience();
            self.say(&Across::Leading { leader, patience });
        }
    }

    /// The leader is about to work for long without hearing anything, or is done with it.
    pub fn busy(&self, busy: bool) {
        self.watch.busy(busy);
        self.announce();
    }

    /// Waits until a leader is needed and none answers.
    pub async fn leader_is_gone(&self) {
        let is_needed = || !self.desk.borrow().is_empty();
        let ask = || self.say(&Across::AreYouThere);
        self.watch.until_gone(is_needed, ask).await;
    }

    /// The lock is about to be stolen.
    pub fn steals(&self) {
        self.watch.steals();
    }

    fn heard_page(&self, message: ToWorker) {
        match message {
            ToWorker::Online(online) => {
                self.order(Order::Online(online));
                self.say(&Across::Online(online));
            }
            ToWorker::Request { id, command } => match crate::commands::without_engine(&command) {
                Some(result) => self.reply(id, result),
                None => self.ask(id, command),
            },
        }
    }

    fn ask(&self, id: u64, command: Command) {
        let ended = match &*self.role.borrow() {
            Role::Ended(failure) => Some(failure.clone()),
            _ => None,
        };
        if let Some(failure) = ended {
            return self.reply(id, Err(failure));
        }
        self.desk.borrow_mut().add(id, command);
        self.watch.changed();
        self.dispatch();
    }

    fn heard_tab(&self, message: Across) {
        match message {
            Across::AreYouThere => self.say_here(),
            Across::Rising => self.watch.heard(None),
            Across::Leading { leader, patience } => self.heard_leader(leader, patience),
            Across::Ask { leader, asker, command } => {
                if self.leads(leader) {
                    self.order(Order::Request(asker, command));
                }
            }
            Across::Answer { leader, asker, result } => {
                if asker.tab == self.id {
                    self.answered(leader, asker.request, result);
                }
            }
            Across::Event { leader, event } => {
                // Also while this tab leads: then a newer leader took over while it was frozen.
                if leader >= self.newest.get() {
                    self.post(&FromWorker::Event(event));
                }
            }
            Across::Online(online) => self.order(Order::Online(online)),
        }
    }

    fn say_here(&self) {
        let rising = matches!(*self.role.borrow(), Role::Rising);
        if rising {
            self.say(&Across::Rising);
        } else {
            self.announce();
        }
    }

    /// A frozen leader that wakes up may still say that it leads. Its number gives it away.
    fn heard_leader(&self, leader: u64, patience: u32) {
        if leader < self.newest.get() || self.leads_any() {
            return;
        }
        self.hand_over(leader);
        self.leading.set(Some(leader));
        self.watch.heard(Some(patience));
        self.dispatch();
    }

    /// What a leader stored just before it ended, no page may have heard of.
    fn hand_over(&self, leader: u64) {
        let before = self.newest.replace(leader);
        if before != 0 && before != leader {
            self.post(&FromWorker::Event(Event::Handover));
        }
    }

    /// Gives all open requests to the leader, if there is one.
    fn dispatch(&self) {
        let own = match &*self.role.borrow() {
            Role::Leader { leader, .. } => Some(*leader),
            Role::Follower => None,
            Role::Rising | Role::Ended(_) => return,
        };
        let Some(leader) = own.or(self.leading.get()) else {
            return;
        };
        let steps = self.desk.borrow_mut().turn_to(leader);
        for step in steps {
            match step {
                Step::Fail(id, failure) => self.reply(id, Err(failure)),
                Step::Give(request, command) => {
                    let tab = self.id;
                    let asker = Asker { tab, request };
                    if own.is_some() {
                        self.order(Order::Request(asker, command));
                    } else {
                        self.say(&Across::Ask { leader, asker, command });
                    }
                }
            }
        }
    }

    fn answered(&self, leader: u64, id: u64, result: Result<Reply, Failure>) {
        let waits = self.desk.borrow_mut().close(id, leader);
        if waits {
            self.reply(id, result);
        }
    }

    fn leads(&self, number: u64) -> bool {
        matches!(*self.role.borrow(), Role::Leader { leader, .. } if leader == number)
    }

    fn leads_any(&self) -> bool {
        matches!(*self.role.borrow(), Role::Leader { .. })
    }

    fn play(&self, role: Role) {
        // A tab that has ended stays so.
        let mut current = self.role.borrow_mut();
        if !matches!(*current, Role::Ended(_)) {
            *current = role;
        }
    }

    /// To this tab's engine, if it runs.
    fn order(&self, order: Order) {
        if let Role::Leader { orders, .. } = &*self.role.borrow() {
            // A leader that has just stopped: what is open goes to the next one.
            let _ = orders.unbounded_send(order);
        }
    }

    fn reply(&self, id: u64, result: Result<Reply, Failure>) {
        self.post(&FromWorker::Reply { id, result });
    }

    fn post(&self, message: &FromWorker) {
        post(message);
    }

    fn say(&self, message: &Across) {
        let bytes = Uint8Array::from(message::encode(message).as_slice());
        // It fails only when the channel is closed, which it never is.
        let _ = self.channel.post_message(&bytes);
    }
}

/// Sends a message to this worker's page.
pub fn post(message: &FromWorker) {
    let Ok(encoded) = haven_bridge::encode(message) else {
        return;
    };
    let bytes = Uint8Array::from(encoded.as_slice());
    let transfer = Array::of1(&bytes.buffer());
    let _ = scope::this().post_message_with_transfer(&bytes, &transfer);
}

fn bytes_of(event: &MessageEvent) -> Vec<u8> {
    let data: Result<Uint8Array, _> = event.data().dyn_into();
    data.map(|bytes| bytes.to_vec()).unwrap_or_default()
}

/// A newer version runs.
pub fn outdated() -> Failure {
    Failure::Storage { message: "a newer version of Haven runs in another tab".into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_channel::mpsc::unbounded;
    use gloo_timers::future::TimeoutFuture;
    use js_sys::{Function, Reflect};
    use wasm_bindgen_test::wasm_bindgen_test;

    const LEADER: u64 = 7;
    const NEXT_LEADER: u64 = 8;
    const POST: &str = "postMessage";

    /// What this worker tells its page, until it is dropped. The rest is for the page that runs the tests.
    struct Page {
        heard: Rc<RefCell<Vec<FromWorker>>>,
        real: Function,
        _take: Closure<dyn Fn(JsValue)>,
    }

    impl Page {
        fn listen() -> Self {
            let heard = Rc::new(RefCell::new(Vec::new()));
            let real: Function = Reflect::get(&scope::this(), &POST.into()).unwrap().unchecked_into();
            let take = Closure::<dyn Fn(JsValue)>::new({
                let (heard, real) = (Rc::clone(&heard), real.clone());
                move |message: JsValue| match message.dyn_ref::<Uint8Array>() {
                    Some(bytes) => heard.borrow_mut().push(haven_bridge::decode(&bytes.to_vec()).unwrap()),
                    None => _ = real.call1(&scope::this(), &message).unwrap(),
                }
            });
            Reflect::set(&scope::this(), &POST.into(), take.as_ref()).unwrap();
            Self { heard, real, _take: take }
        }

        fn heard(&self) -> Vec<String> {
            let name = |message: &FromWorker| match message {
                FromWorker::Ready => "ready".to_owned(),
                FromWorker::Reply { id, .. } => format!("reply {id}"),
                FromWorker::Event(Event::Handover) => "handover".to_owned(),
                FromWorker::Event(_) => "event".to_owned(),
            };
            self.heard.borrow_mut().drain(..).map(|message| name(&message)).collect()
        }
    }

    impl Drop for Page {
        fn drop(&mut self) {
            Reflect::set(&scope::this(), &POST.into(), &self.real).unwrap();
        }
    }

    /// Tabs that hear nothing any more when the test is over.
    struct Tabs<const N: usize>([Rc<Tab>; N]);

    impl<const N: usize> Tabs<N> {
        fn start() -> Self {
            Self(std::array::from_fn(|_| Tab::start().unwrap()))
        }
    }

    impl<const N: usize> Drop for Tabs<N> {
        fn drop(&mut self) {
            self.0.iter().for_each(|tab| tab.channel.close());
        }
    }

    #[wasm_bindgen_test]
    async fn the_page_hears_when_another_leader_goes_on_but_not_of_the_first_one() {
        let page = Page::listen();
        let tabs = Tabs::start();
        let [first, second, following] = &tabs.0;
        page.heard();
        let lead = async |tab: &Tab, leader| {
            tab.lead(leader, unbounded().0);
            while following.newest.get() != leader || second.newest.get() != leader {
                TimeoutFuture::new(5).await;
            }
        };
        lead(first, LEADER).await;
        assert!(page.heard().is_empty());
        lead(second, NEXT_LEADER).await;
        assert_eq!(page.heard(), ["handover", "handover"], "of the second tab, and of the third");
        following.heard_leader(NEXT_LEADER, 0);
        assert!(page.heard().is_empty());
    }

    #[wasm_bindgen_test]
    async fn pages_of_all_tabs_hear_what_changed_before_what_came_of_their_request() {
        let page = Page::listen();
        let tabs = Tabs::start();
        let [leading, following] = &tabs.0;
        for tab in [leading, following] {
            tab.desk.borrow_mut().add(tab.id, Command::People);
            tab.desk.borrow_mut().turn_to(LEADER);
        }
        page.heard();
        let done = |tab: &Tab| (Asker { tab: tab.id, request: tab.id }, Ok(Reply::Done));
        leading.settle(LEADER, vec![Event::People], [done(leading), done(following)]);
        assert_eq!(page.heard(), ["event".to_owned(), format!("reply {}", leading.id)]);
        while page.heard.borrow().len() < 2 {
            TimeoutFuture::new(5).await;
        }
        assert_eq!(page.heard(), ["event".to_owned(), format!("reply {}", following.id)]);
    }
}
