use haven_app::scripted::{Script, World};
use haven_bridge::{Command, ConversationId, Event, ItemContent, ItemId, PersonRef, TimelineItem};
use wasm_bindgen_test::wasm_bindgen_test;
use web_sys::HtmlElement;

use crate::page::{Page, pause};

const BOB: ConversationId = ConversationId([1; 16]);

fn scroller(page: &Page) -> HtmlElement {
    page.get("[role=log]").unwrap()
}

fn left_below(page: &Page) -> i32 {
    let scroller = scroller(page);
    scroller.scroll_height() - scroller.client_height() - scroller.scroll_top()
}

async fn open(scene: &str) -> (Script, Page) {
    let script = Script::new(World::of_scene(scene));
    let page = Page::open(&script, &format!("/chat/{}", BOB.to_hex()));
    page.until("rows", |page| page.count(".message-row") > 5).await;
    (script, page)
}

fn message(number: u8, text: &str) -> Event {
    let from = PersonRef { address: "bob@harbour.example".to_owned(), fingerprint: String::new() };
    let content =
        ItemContent::Received { from, device: String::new(), text: text.to_owned(), disagrees: false };
    let item = TimelineItem {
        id: ItemId([number; 16]),
        position: u64::MAX - 255 + u64::from(number),
        time: 1 << 41,
        content,
    };
    Event::Items { conversation: BOB, items: vec![item] }
}

#[wasm_bindgen_test]
async fn ten_thousand_messages_are_few_rows() {
    let (_, page) = open("long").await;
    for _ in 0..20 {
        scroller(&page).set_scroll_top(0);
        pause(20).await;
    }
    assert!(scroller(&page).scroll_height() > 50_000, "{}", scroller(&page).scroll_height());
    assert!(page.count(".message-row") < 120, "{}", page.count(".message-row"));
}

#[wasm_bindgen_test]
async fn a_message_that_comes_before_the_first_page_hides_no_older_ones() {
    let script = Script::new(World::of_scene("long"));
    script.emit_before_timeline(message(4, "Just in time"));
    let page = Page::open(&script, &format!("/chat/{}", BOB.to_hex()));
    page.until_says("Just in time").await;
    page.until("more than the first page", |page| {
        scroller(page).set_scroll_top(0);
        scroller(page).scroll_height() > 20_000
    })
    .await;
    assert!(!page.says("This is the beginning"));
}

#[wasm_bindgen_test]
async fn who_is_at_the_end_stays_there() {
    let (script, page) = open("long").await;
    page.until("at the end", |page| left_below(page) < 3).await;
    script.emit(message(1, "One more thing"));
    page.until_says("One more thing").await;
    page.until("still at the end", |page| left_below(page) < 3).await;
}

#[wasm_bindgen_test]
async fn who_reads_older_messages_is_not_moved_but_told() {
    let (script, page) = open("long").await;
    page.until("at the end", |page| left_below(page) < 3).await;
    scroller(&page).set_scroll_top(1500);
    page.until("the button", |page| page.get(".timeline-jump").is_some()).await;
    // Older pages come meanwhile: the place is the row's, not the number's.
    pause(300).await;
    let row = page.get(".message-row:nth-child(12)").unwrap();
    let (id, before) = (row.get_attribute("data-item").unwrap(), row.get_bounding_client_rect().top());
    script.emit(message(2, "Are you there?"));
    page.until_says("1 new message").await;
    let after = page.get(&format!("[data-item='{id}']")).unwrap().get_bounding_client_rect().top();
    assert!((before - after).abs() < 2.0, "{before} {after}");
    page.press("Jump to the newest message").await;
    page.until("at the end", |page| left_below(page) < 3).await;
    page.until("the button is gone", |page| page.get(".timeline-jump").is_none()).await;
}

#[wasm_bindgen_test]
async fn what_an_engine_did_not_tell_before_it_ended_is_asked_of_the_next() {
    let (script, page) = open("long").await;
    script.emit(message(5, "Soon gone"));
    let gone = format!("[data-item='{}']", "05".repeat(16));
    page.until("the message", |page| page.get(&gone).is_some()).await;
    script.happen_untold(&Event::ItemsRemoved { conversation: BOB, items: vec![ItemId([5; 16])] });
    script.happen_untold(&message(6, "Stored, and never told"));
    script.emit(Event::Handover);
    page.until_says("Stored, and never told").await;
    assert!(page.get(&gone).is_none());
}

#[wasm_bindgen_test]
async fn what_is_in_sight_is_marked_as_read() {
    let (script, page) = open("busy").await;
    assert!(page.says("New"), "the place where the unread ones begin");
    page.until("marked", |_| {
        script.commands().iter().any(|command| matches!(command, Command::MarkRead { conversation: BOB, .. }))
    })
    .await;
}

#[wasm_bindgen_test]
async fn what_arrives_is_announced() {
    let (script, page) = open("long").await;
    script.emit(message(3, "Hello there"));
    page.until("announced", |page| {
        page.get(".timeline > [aria-live=polite]")
            .is_some_and(|live| live.text_content().unwrap() == "bob: Hello there")
    })
    .await;
}
