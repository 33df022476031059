//! A mail that is open.

use haven_app::scripted::{Script, World};
use haven_bridge::{Command, Event, Failure, mail::MailId};
use wasm_bindgen::JsCast;
use wasm_bindgen_test::wasm_bindgen_test;

use super::{BOAT, ORDER, asked, thread};
use crate::page::Page;

#[wasm_bindgen_test]
async fn a_thread_shows_its_newest_mail_whole_and_marks_it_as_seen() {
    let script = Script::new(World::busy());
    let page = Page::open(&script, &thread("inbox", BOAT));
    page.until("the mail", |page| page.get(".mail-card-whole").is_some() && page.says("the good brushes"))
        .await;
    assert_eq!(page.count(".mail-card"), 3);
    assert_eq!(page.count(".mail-card[data-open]"), 1);
    page.until("marked", |_| {
        let marked = |command| match command {
            Command::MarkMail { mails, seen: true, .. } => Some(mails),
            _ => None,
        };
        asked(&script, marked) == [vec![MailId([3; 16])]]
    })
    .await;
}

#[wasm_bindgen_test]
async fn how_it_was_protected_and_who_signed_it_are_two_badges_with_reasons() {
    let page = Page::open(&Script::new(World::busy()), &thread("inbox", 6));
    page.until("two badges", |page| page.count(".mail-badge") == 2).await;
    assert!(page.says("Encrypted on arrival") && page.says("Not signed"));
    assert!(page.says("This may not be from whom it says"));
    page.press("Encrypted on arrival").await;
    page.until_says("It was sent without encryption").await;
    assert!(page.says("says it is not from there"));
}

#[wasm_bindgen_test]
async fn header_fields_that_differ_are_pointed_out() {
    let page = Page::open(&Script::new(World::busy()), &thread("inbox", 7));
    page.until_says("Its envelope says something else").await;
    assert!(page.says("In the open: Meeting cancelled"));
}

#[wasm_bindgen_test]
async fn mail_that_cannot_be_opened_says_why_and_what_to_do() {
    let page = Page::open(&Script::new(World::busy()), &thread("inbox", 8));
    page.until_says("This mail is locked for somebody else").await;
    drop(page);
    let page = Page::open(&Script::new(World::busy()), &thread("inbox", 9));
    page.until_says("not safe to open").await;
    assert!(page.get(".mail-badges").is_none(), "nobody knows how it was protected");
}

#[wasm_bindgen_test]
async fn html_is_shown_in_a_frame_without_scripts_or_as_text() {
    let page = Page::open(&Script::new(World::busy()), &thread("inbox", ORDER));
    page.until("the frame", |page| page.get("iframe").is_some()).await;
    let frame = page.get("iframe").unwrap();
    assert_eq!(
        frame.get_attribute("sandbox").as_deref(),
        Some("allow-same-origin allow-popups allow-popups-to-escape-sandbox")
    );
    assert_eq!(frame.get_attribute("src").as_deref(), Some("/mail.html"));
    page.until("it is filled", |page| {
        let frame: web_sys::HtmlIFrameElement = page.get("iframe").unwrap().unchecked_into();
        let text =
            frame.content_document().and_then(|document| document.body()).map(|body| body.inner_text());
        text.is_some_and(|text| text.contains("left our warehouse this morning"))
    })
    .await;
    assert!(page.says("Pictures from elsewhere were left out"));
    page.press("Show as plain text").await;
    page.until_says("Your order has left our warehouse.").await;
    assert!(page.get("iframe").is_none());
}

#[wasm_bindgen_test]
async fn a_mail_that_is_wider_than_the_page_is_made_smaller_and_is_there_to_its_end() {
    let page = Page::open(&Script::new(World::busy()), &thread("inbox", ORDER));
    page.until("the mail", |page| !in_frame(page, "table").is_empty()).await;
    let frame: web_sys::HtmlIFrameElement = page.get("iframe").unwrap().unchecked_into();
    let document = frame.content_document().unwrap();
    let wide: web_sys::HtmlElement = document.create_element("div").unwrap().unchecked_into();
    let width = 1.5 * f64::from(frame.client_width());
    wide.style().set_property("width", &format!("{width}px")).unwrap();
    wide.style().set_property("height", "700px").unwrap();
    document.body().unwrap().append_child(&wide).unwrap();
    page.until("it fits", |_| {
        let (seen, room) = (wide.get_bounding_client_rect(), (frame.client_width(), frame.client_height()));
        let fits = seen.right() <= f64::from(room.0) + 1.0 && seen.bottom() <= f64::from(room.1) + 1.0;
        fits && seen.width() > 0.8 * f64::from(room.0)
    })
    .await;
}

#[wasm_bindgen_test]
async fn links_in_text_open_elsewhere_and_addresses_begin_a_mail() {
    let page = Page::open(&Script::new(World::busy()), &thread("inbox", BOAT));
    page.until("the mail", |page| page.get(".mail-card-whole").is_some() && page.says("the good brushes"))
        .await;
    page.click(".mail-card-head").await;
    page.until("a link", |page| page.get(".mail-body a[href^='https://yard.example/']").is_some()).await;
    let link = page.get(".mail-body a[href^='https://yard.example/']").unwrap();
    assert_eq!(link.get_attribute("rel").as_deref(), Some("noopener noreferrer"));
    assert_eq!(link.get_attribute("href").as_deref(), Some("https://yard.example/prices?season=spring"));
    page.click(".mail-body a[href^='mailto:']").await;
    page.until("a mail to it", |page| page.get("#mail-text").is_some() && page.says("office@yard.example"))
        .await;
}

#[wasm_bindgen_test]
async fn attachments_are_looked_at_in_place() {
    let page = Page::open(&Script::new(World::busy()), &thread("inbox", BOAT));
    page.until_says("keel.png").await;
    page.press("Look at keel.png").await;
    page.until("the picture", |page| {
        let picture = page.get("#preview[open] img");
        picture.is_some_and(|picture| picture.get_attribute("src").unwrap().starts_with("blob:"))
    })
    .await;
    page.click("#preview [aria-label=Close]").await;
    page.until("closed", |page| page.get("#preview[open]").is_none()).await;
    page.press("Look at colours.txt").await;
    page.until_says("oil, no paint").await;
}

#[wasm_bindgen_test]
async fn a_large_attachment_says_how_far_it_is_and_can_be_given_up() {
    let script = Script::new(World::busy());
    let page = Page::open(&script, &thread("inbox", BOAT));
    page.until_says("keel.png").await;
    let (mail, part) = (MailId([3; 16]), Some(1));
    script.emit(Event::MailProgress { mail, part, done: 4_700_000, all: 10_000_000 });
    page.until_says("Fetching: 40 %").await;
    page.press("Cancel").await;
    page.until("cancelled", |_| {
        let cancelled = |command| match command {
            Command::CancelAttachment { mail, part } => Some((mail, Some(part))),
            _ => None,
        };
        asked(&script, cancelled) == [(mail, part)]
    })
    .await;
    script.emit(Event::MailProgress { mail, part, done: 0, all: 0 });
    page.until("it is over", |page| !page.says("Fetching")).await;
}

/// What the frame with a mail's HTML has in it.
fn in_frame(page: &Page, selector: &str) -> Vec<web_sys::Element> {
    let frame: Option<web_sys::HtmlIFrameElement> = page.get("iframe").map(JsCast::unchecked_into);
    let Some(document) = frame.and_then(|frame| frame.content_document()) else { return Vec::new() };
    let found = document.query_selector_all(selector).unwrap();
    (0..found.length()).map(|index| found.get(index).unwrap().unchecked_into()).collect()
}

#[wasm_bindgen_test]
async fn pictures_from_elsewhere_are_shown_when_that_is_wanted_and_come_from_nowhere_else() {
    let script = Script::new(World::busy());
    let page = Page::open(&script, &thread("inbox", ORDER));
    page.until_says("Pictures from elsewhere were left out").await;
    assert!(page.says("tells the sender’s server that this mail is read"));
    let fetched = |command| matches!(command, Command::MailPictures(_)).then_some(());
    page.until("the mail", |page| !in_frame(page, "table").is_empty()).await;
    assert!(in_frame(&page, "img").is_empty() && asked(&script, fetched).is_empty(), "not by themselves");
    page.press("Show pictures").await;
    page.until("the picture", |page| !in_frame(page, "img").is_empty()).await;
    for picture in in_frame(&page, "img") {
        assert!(picture.get_attribute("src").unwrap().starts_with("data:image/"));
    }
    page.until_says("1 picture could not be fetched").await;
    assert!(!page.says("Pictures from elsewhere were left out"));
    assert_eq!(asked(&script, fetched).len(), 1);
}

#[wasm_bindgen_test]
async fn pictures_that_can_not_be_fetched_can_be_tried_again() {
    let script = Script::new(World::busy());
    let page = Page::open(&script, &thread("inbox", ORDER));
    page.until_says("Show pictures").await;
    script.fail_next_of(|command| matches!(command, Command::MailPictures(_)), Failure::Offline);
    page.press("Show pictures").await;
    page.until("a word", |page| page.get(".toast[data-tone=error]").is_some()).await;
    page.press("Show pictures").await;
    page.until("the picture", |page| !in_frame(page, "img").is_empty()).await;
}

#[wasm_bindgen_test]
async fn a_refused_mail_is_shown_as_text_only_after_a_question_each_time() {
    let script = Script::new(World::busy());
    let page = Page::open(&script, &thread("inbox", 9));
    page.until_says("not safe to open").await;
    let looked = |command| matches!(command, Command::UncheckedMail(_)).then_some(());
    for times in 1..3 {
        page.press("Show what there is, as text").await;
        page.until_says("put it together from pieces of others").await;
        page.press("Show the text").await;
        page.until("the text", |page| page.get("#preview[open] pre").is_some()).await;
        let text = page.get("#preview pre").unwrap();
        assert_eq!(text.text_content().unwrap(), "<b>Send</b> it to https://evil.example/now");
        assert_eq!(text.child_element_count(), 0, "no markup and no link");
        assert!(page.says("it may be forged"));
        page.click("#preview [aria-label=Close]").await;
        page.until("forgotten", |page| !page.says("https://evil.example/now")).await;
        assert_eq!(asked(&script, looked).len(), times);
    }
    page.press("Show what there is, as text").await;
    page.until_says("put it together from pieces of others").await;
    page.press("Cancel").await;
    page.until("closed", |page| page.get("#preview[open]").is_none()).await;
    assert_eq!(asked(&script, looked).len(), 2);
}

#[wasm_bindgen_test]
async fn what_can_not_be_decrypted_at_all_is_shown_as_it_came() {
    let mut world = World::busy();
    let refused = world.mail.mails.iter_mut().find(|mail| mail.summary.id == MailId([9; 16])).unwrap();
    refused.summary.id = MailId([90; 16]);
    refused.text = "-----BEGIN PGP MESSAGE-----".to_owned();
    let page = Page::open(&Script::new(world), &thread("inbox", 9));
    page.until_says("not safe to open").await;
    page.press("Show what there is, as text").await;
    page.until_says("put it together from pieces of others").await;
    page.press("Show the text").await;
    page.until_says("Haven can’t decrypt this old format").await;
    assert!(page.get("#preview pre").unwrap().text_content().unwrap().contains("BEGIN PGP MESSAGE"));
}

#[wasm_bindgen_test]
async fn the_source_of_every_mail_can_be_looked_at() {
    let page = Page::open(&Script::new(World::busy()), &thread("inbox", 8));
    page.until_says("This mail is locked for somebody else").await;
    assert!(page.get(".notice-actions").unwrap().inner_text().contains("Save original (.eml)"));
    assert!(!page.says("Show what there is, as text"), "there is nothing to decrypt");
    page.press("View source").await;
    page.until("the source", |page| {
        page.get("#preview[open] pre")
            .is_some_and(|pre| pre.text_content().unwrap().starts_with("From: <tomas@"))
    })
    .await;
}

#[wasm_bindgen_test]
async fn a_file_that_was_encrypted_by_itself_says_what_came_out() {
    let page = Page::open(&Script::new(World::busy()), &thread("inbox", 10));
    page.until_says("plan.txt.pgp").await;
    page.press("Save plan.txt.pgp").await;
    page.until_says(
        "plan.txt: It was encrypted by itself, and is decrypted now. It is signed by the sender.",
    )
    .await;
}
