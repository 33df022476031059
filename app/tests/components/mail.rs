use haven_app::scripted::{MailWorld, Script, World};
use haven_bridge::{
    Command, Event, Failure,
    mail::{About, Draft, Folder, MailId, ThreadId},
};
use wasm_bindgen::JsCast;
use wasm_bindgen_test::wasm_bindgen_test;

use crate::page::{Page, path, pause};

const BOAT: u8 = 1;
const ORDER: u8 = 4;

fn thread(folder: &str, number: u8) -> String {
    format!("/mail/{folder}/{}", ThreadId([number; 16]).to_hex())
}

fn draft(number: u8) -> String {
    format!("/mail/drafts/{}", MailId([number; 16]).to_hex())
}

fn asked<T>(script: &Script, of: impl Fn(Command) -> Option<T>) -> Vec<T> {
    script.commands().into_iter().filter_map(of).collect()
}

fn sent(script: &Script) -> Vec<(MailId, bool)> {
    asked(script, |command| match command {
        Command::SendMail { draft, in_the_clear, .. } => Some((draft, in_the_clear)),
        _ => None,
    })
}

fn saved(script: &Script) -> Vec<Draft> {
    asked(script, |command| match command {
        Command::SaveDraft { draft, .. } => Some(draft),
        _ => None,
    })
}

/// A mail to these, with a subject.
async fn write_to(script: &Script, to: &str) -> Page {
    let page = Page::open(script, "/mail/new");
    page.fill("#mail-to", to).await;
    page.key("#mail-to", "Enter").await;
    page.fill("#mail-subject", "Boat").await;
    page
}

#[wasm_bindgen_test]
async fn the_inbox_is_listed_and_its_unread_mail_counted_on_the_rail() {
    let page = Page::open(&Script::new(World::busy()), "/mail");
    page.until_says("Your order is on its way").await;
    assert_eq!(page.count(".mail-row[data-unread]"), 2);
    page.until("the badge", |page| {
        page.get("a[href='/mail'] .rail-badge").is_some_and(|badge| badge.inner_text() == "2")
    })
    .await;
}

#[wasm_bindgen_test]
async fn an_empty_folder_says_what_to_do() {
    let page = Page::open(&Script::new(World::signed_in()), "/mail");
    page.until_says("No mail yet").await;
    assert!(page.says("Write a mail"));
    page.click("a[href='/mail/trash']").await;
    page.until_says("The trash is empty").await;
}

#[wasm_bindgen_test]
async fn a_list_that_cannot_be_read_can_be_tried_again() {
    let script = Script::new(World::busy());
    let page = Page::open(&script, "/mail");
    page.until_says("Your order is on its way").await;
    let list = |command: &Command| matches!(command, Command::MailFolder { .. });
    script.fail_next_of(list, Failure::Storage { message: "disk full".to_owned() });
    page.click("a[href='/mail/archive']").await;
    page.until_says("disk full").await;
    page.press("Try again").await;
    page.until_says("Photographs from Tromsø").await;
}

#[wasm_bindgen_test]
async fn older_mail_comes_a_page_at_a_time() {
    let mut world = World::busy();
    world.mail = MailWorld::many();
    let page = Page::open(&Script::new(world), "/mail");
    page.until("a page", |page| page.count(".mail-row") == 50).await;
    page.press("Show older mail").await;
    page.until("two pages", |page| page.count(".mail-row") == 100).await;
}

#[wasm_bindgen_test]
async fn a_search_covers_the_mail_of_all_folders_and_a_folder_ends_it() {
    let page = Page::open(&Script::new(World::busy()), "/mail");
    page.fill("#mail-search", "photographs").await;
    page.until("what was found", |page| page.count(".mail-row") == 1).await;
    page.click(".mail-row").await;
    page.until_says("the ninth is blurred").await;
    assert_eq!(page.count(".mail-row"), 1, "the search goes on");
    page.click("a[href='/mail/inbox']").await;
    page.until("the whole inbox", |page| page.count(".mail-row") > 5).await;
}

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
async fn archiving_takes_what_lies_in_the_folder_and_leads_back_to_the_list() {
    let script = Script::new(World::busy());
    let page = Page::open(&script, &thread("inbox", BOAT));
    page.until("the mail", |page| page.get(".mail-card-whole").is_some() && page.says("the good brushes"))
        .await;
    page.click(".reader-tools [aria-label=Archive]").await;
    page.until("the list", |_| path() == "/mail/inbox").await;
    page.until("moved", |_| {
        let moved = |command| match command {
            Command::MoveMail { mails, folder, .. } => Some((mails.len(), folder)),
            _ => None,
        };
        asked(&script, moved) == [(3, Folder::Archive)]
    })
    .await;
    page.until("it is gone", |page| !page.says("the good brushes")).await;
}

#[wasm_bindgen_test]
async fn mail_is_deleted_for_good_only_in_the_trash_and_after_a_question() {
    let script = Script::new(World::busy());
    let deleted = |script: &Script| {
        asked(script, |command| match command {
            Command::DeleteMail { mails, .. } => Some(mails),
            _ => None,
        })
    };
    let page = Page::open(&script, &thread("inbox", BOAT));
    page.until("the mail", |page| page.get(".mail-card-whole").is_some() && page.says("the good brushes"))
        .await;
    assert!(page.get("[aria-label='Delete for good']").is_none());
    drop(page);
    let page = Page::open(&script, &thread("trash", 33));
    page.until_says("Not valid any more").await;
    page.click("[aria-label='Delete for good']").await;
    page.until_says("Nobody can bring it back").await;
    assert!(deleted(&script).is_empty());
    page.click("dialog[open] [data-kind=danger]").await;
    page.until("deleted", |_| deleted(&script) == [vec![MailId([33; 16])]]).await;
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
async fn a_mail_that_was_not_sent_says_why_and_goes_back_to_the_drafts() {
    let script = Script::new(World::busy());
    let page = Page::open(&script, &thread("sent", 20));
    page.until_says("There is no key for office@yard.example").await;
    page.press("Back to drafts").await;
    page.until("its draft", |page| path() == draft(20) && page.get("#mail-text").is_some()).await;
    assert!(page.text_in("#mail-text").starts_with("Please find it attached."));
}

#[wasm_bindgen_test]
async fn a_mail_that_the_relay_has_is_not_taken_back_and_that_is_said() {
    let script = Script::new(World::busy());
    let page = Page::open(&script, &thread("sent", 21));
    page.until_says("This mail is safe on this device").await;
    script.emit(Event::MailTakenBack { mail: MailId([20; 16]), draft: None });
    script.emit(Event::MailTakenBack { mail: MailId([21; 16]), draft: None });
    page.until_says("It was too late").await;
    assert_eq!(path(), thread("sent", 21));
}

#[wasm_bindgen_test]
async fn what_became_of_a_mail_is_said_for_each_recipient() {
    let page = Page::open(&Script::new(World::busy()), &thread("sent", 22));
    page.until_says("Sent to 2 of 4").await;
    assert!(page.says("452 4.2.2 Mailbox full") && page.says("ada@gone.example did not get it"));
}

#[wasm_bindgen_test]
async fn what_is_typed_is_saved_by_itself_and_there_again_after_a_reload() {
    let script = Script::new(World::busy());
    let page = write_to(&script, "mara.lindqvist, nobody yet").await;
    page.fill("#mail-text", "Not done y").await;
    page.until_says("Saved").await;
    // Before it was saved, it is undone.
    page.fill("#mail-text", "Not done yx").await;
    page.until_says("Saving…").await;
    page.fill("#mail-text", "Not done y").await;
    page.until_says("Saved").await;
    let address = path();
    assert!(address.starts_with("/mail/drafts/"));
    drop(page);
    let page = Page::open(&script, &address);
    page.until("the text", |page| page.get("#mail-text").is_some()).await;
    assert_eq!(page.text_in("#mail-text"), "Not done y");
    assert!(page.says("mara.lindqvist@harbour.example"));
    assert!(saved(&script).last().is_some_and(|draft| draft.subject == "Boat"));
}

#[wasm_bindgen_test]
async fn buttons_and_keys_format_what_is_selected_and_the_draft_keeps_it() {
    let script = Script::new(World::busy());
    let page = write_to(&script, "bob").await;
    page.fill("#mail-text", "bold\nword").await;
    page.select("#mail-text", 0..4);
    page.ctrl("#mail-text", "b").await;
    assert_eq!(page.text_in("#mail-text"), "bold\nword", "nothing unless it is switched on");
    page.press("Formatting").await;
    page.press("Bold (Ctrl+B)").await;
    assert_eq!(page.text_in("#mail-text"), "**bold**\nword");
    page.select("#mail-text", 9..13);
    page.press("Numbered list").await;
    page.select("#mail-text", 12..16);
    page.ctrl("#mail-text", "i").await;
    page.select("#mail-text", 18..18);
    page.enter("#mail-text").await;
    let formatted = "**bold**\n1. *word*\n2. ";
    assert_eq!(page.text_in("#mail-text"), formatted);
    page.until("saved", |_| saved(&script).last().is_some_and(|draft| draft.text == formatted)).await;
    assert!(saved(&script).last().is_some_and(|draft| draft.formatted));
    let address = path();
    drop(page);
    let page = Page::open(&script, &address);
    page.until("the buttons", |page| page.get("[role=group][aria-label=Formatting]").is_some()).await;
    assert_eq!(page.button("Formatting").get_attribute("aria-pressed").as_deref(), Some("true"));
}

#[wasm_bindgen_test]
async fn what_a_button_did_can_be_undone() {
    let script = Script::new(World::busy());
    let page = write_to(&script, "bob").await;
    page.fill("#mail-text", "bread\nsalt").await;
    page.press("Formatting").await;
    page.select("#mail-text", 0..10);
    page.press("List").await;
    assert_eq!(page.text_in("#mail-text"), "- bread\n- salt");
    let document: web_sys::HtmlDocument = leptos::prelude::document().unchecked_into();
    document.exec_command("undo").unwrap();
    assert_eq!(page.text_in("#mail-text"), "bread\nsalt");
}

#[wasm_bindgen_test]
async fn a_preview_shows_how_the_mail_looks_and_writing_goes_on_after_it() {
    let page = write_to(&Script::new(World::busy()), "bob").await;
    page.fill("#mail-text", "By **boat**").await;
    page.press("Formatting").await;
    page.press("Preview").await;
    let shown = |page: &Page| {
        let frame = page.get(".mail-preview iframe")?.unchecked_into::<web_sys::HtmlIFrameElement>();
        frame.content_document()?.body()?.text_content()
    };
    page.until("the preview", |page| shown(page).is_some_and(|text| text == "By boat")).await;
    assert!(page.get("#mail-text[hidden]").is_some());
    page.press("Go on writing").await;
    assert!(page.get("iframe").is_none() && page.get("#mail-text[hidden]").is_none());
    page.fill("#mail-text", "By boat").await;
    page.press("Preview").await;
    page.until_says("It goes out as plain text, just as you typed it.").await;
    page.press("Formatting").await;
    assert!(page.get(".mail-preview").is_none() && page.text_in("#mail-text") == "By boat");
}

#[wasm_bindgen_test]
async fn leaving_saves_at_once_what_typing_had_not_saved_yet() {
    let script = Script::new(World::busy());
    let page = write_to(&script, "bob").await;
    page.fill("#mail-text", "In a hurry").await;
    page.click("a[href='/chat']").await;
    page.until("saved", |_| saved(&script).last().is_some_and(|draft| draft.text == "In a hurry")).await;
}

#[wasm_bindgen_test]
async fn a_mail_that_was_begun_and_not_touched_leaves_nothing_behind() {
    let script = Script::new(World::busy());
    let page = Page::open(&script, "/mail/new");
    page.until("the composer", |page| page.get("#mail-text").is_some()).await;
    pause(500).await;
    page.click("a[href='/chat']").await;
    page.until("the chats", |_| path() == "/chat").await;
    let discarded = |command| matches!(command, Command::DiscardDraft { .. }).then_some(());
    page.until("discarded", |_| saved(&script).is_empty() || asked(&script, discarded).len() == 1).await;
}

#[wasm_bindgen_test]
async fn a_draft_that_cannot_be_saved_says_so() {
    let script = Script::new(World::busy());
    let page = Page::open(&script, &draft(40));
    page.until("the composer", |page| page.get("#mail-text").is_some()).await;
    // The recipients are asked for first.
    pause(400).await;
    page.fill("#mail-text", "Dear Ms Berg").await;
    let save = |command: &Command| matches!(command, Command::SaveDraft { .. });
    script.fail_next_of(save, Failure::Storage { message: "disk full".to_owned() });
    page.until_says("Not saved.").await;
    page.fill("#mail-text", "Dear Ms Berg,").await;
    page.until("saved", |_| saved(&script).last().is_some_and(|draft| draft.text == "Dear Ms Berg,")).await;
    page.until("it says so", |page| !page.says("Not saved.")).await;
}

#[wasm_bindgen_test]
async fn a_mail_to_people_with_keys_is_sent_with_one_press() {
    let script = Script::new(World::busy());
    let page = write_to(&script, "bob, mara.lindqvist@harbour.example").await;
    page.until_says("End-to-end encrypted for all 2").await;
    page.press("Send").await;
    page.until("sent", |_| sent(&script).len() == 1).await;
    assert!(!sent(&script)[0].1);
    page.until("the list", |_| path() == "/mail").await;
    pause(500).await;
    assert_eq!(sent(&script).len(), 1);
    let after =
        script.commands().into_iter().skip_while(|command| !matches!(command, Command::SendMail { .. }));
    let touched = after
        .skip(1)
        .any(|command| matches!(command, Command::SaveDraft { .. } | Command::DiscardDraft { .. }));
    assert!(!touched, "nothing brings the draft back");
}

#[wasm_bindgen_test]
async fn a_mail_goes_in_the_clear_only_after_a_deliberate_step() {
    let script = Script::new(World::busy());
    let page = write_to(&script, "bob, nokey@x.example").await;
    page.until_says("One recipient can’t get it encrypted").await;
    page.press("Send").await;
    page.until("the question", |page| page.get("#send-clear[open]").is_some()).await;
    assert!(page.says("the whole mail goes out readable, for everybody"));
    page.press("Not now").await;
    page.until("closed", |page| page.get("#send-clear[open]").is_none()).await;
    assert!(sent(&script).is_empty());
    page.press("Send").await;
    page.until("the question", |page| page.get("#send-clear[open]").is_some()).await;
    page.press("Send in the clear").await;
    page.until("sent", |_| sent(&script).len() == 1).await;
    assert!(sent(&script)[0].1);
}

#[wasm_bindgen_test]
async fn a_key_that_must_not_be_used_stops_the_mail_with_a_way_on() {
    let script = Script::new(World::busy());
    let page = write_to(&script, "bob, revoked@x.example, dora@elsewhere.example").await;
    page.until_says("2 recipients have to be settled first").await;
    assert!(page.says("the owner has withdrawn the key") && page.says("Look at the change"));
    page.press("Send").await;
    page.until_says("It was not sent").await;
    assert!(sent(&script).is_empty() && page.get("#send-clear[open]").is_none());
    page.press("Remove revoked@x.example").await;
    page.press("Remove dora@elsewhere.example").await;
    page.until_says("End-to-end encrypted").await;
}

#[wasm_bindgen_test]
async fn a_mail_to_nobody_or_to_no_address_is_not_sent() {
    let script = Script::new(World::busy());
    let page = write_to(&script, "").await;
    page.press("Send").await;
    page.until_says("Say first to whom it goes.").await;
    page.fill("#mail-to", "bob@@x").await;
    page.press("Send").await;
    page.until_says("is not an address yet").await;
    assert!(sent(&script).is_empty());
}

#[wasm_bindgen_test]
async fn an_answer_to_all_quotes_and_leaves_oneself_out() {
    let script = Script::new(World::busy());
    let page = Page::open(&script, &thread("inbox", BOAT));
    page.until("the mail", |page| page.get(".mail-card-whole").is_some() && page.says("the good brushes"))
        .await;
    page.press("Reply all").await;
    page.until("the composer", |page| page.get("#mail-text").is_some()).await;
    page.fill("#mail-text", "Yes").await;
    page.until("saved", |_| saved(&script).last().is_some_and(|draft| draft.text == "Yes")).await;
    let first = saved(&script)[0].clone();
    let addresses = |list: &[haven_bridge::mail::Mailbox]| {
        list.iter().map(|mailbox| mailbox.address.clone()).collect::<Vec<_>>()
    };
    assert_eq!(addresses(&first.to), ["bob@harbour.example"]);
    assert_eq!(addresses(&first.cc), ["mara.lindqvist@harbour.example"]);
    assert_eq!(first.subject, "Re: The boat, and who paints it");
    assert_eq!(first.about, Some((MailId([3; 16]), About::Answer)));
}

#[wasm_bindgen_test]
async fn a_forwarded_mail_takes_its_attachments_along() {
    let script = Script::new(World::busy());
    let page = Page::open(&script, &thread("inbox", BOAT));
    page.until("the mail", |page| page.get(".mail-card-whole").is_some() && page.says("the good brushes"))
        .await;
    page.press("Forward").await;
    page.until("the files", |page| page.count(".mail-composer .files-item") == 3).await;
    assert!(page.text_in("#mail-text").contains("From: Bob Haugen <bob@harbour.example>"));
    page.press("Remove keel.png").await;
    page.until("saved", |_| {
        saved(&script).last().is_some_and(|draft| {
            draft.attachments.iter().map(|file| file.id).eq([1, 3]) && draft.subject.starts_with("Fwd: ")
        })
    })
    .await;
}

#[wasm_bindgen_test]
async fn the_bytes_of_a_file_are_stored_before_the_draft_names_it() {
    let script = Script::new(World::busy());
    let page = write_to(&script, "bob").await;
    let choose = "const files = new DataTransfer(); files.items.add(new File(['hello'], 'note.txt', { type: 'text/plain' }));
        const input = document.querySelector('input[type=file]'); input.files = files.files;
        input.dispatchEvent(new Event('change', { bubbles: true }));";
    js_sys::eval(choose).unwrap();
    page.until("named", |_| saved(&script).last().is_some_and(|draft| draft.attachments.len() == 1)).await;
    let commands = script.commands();
    let stored = commands.iter().position(
        |command| matches!(command, Command::AttachFile { file: 1000, bytes, .. } if bytes == b"hello"),
    );
    let named = commands.iter().position(
        |command| matches!(command, Command::SaveDraft { draft, .. } if !draft.attachments.is_empty()),
    );
    assert!(stored.unwrap() < named.unwrap());
}

#[wasm_bindgen_test]
async fn files_beyond_the_limit_are_refused_before_they_are_read() {
    let script = Script::new(World::busy());
    let page = write_to(&script, "bob").await;
    let choose = "const files = new DataTransfer(); files.items.add(new File([new Uint8Array(25_000_001)], 'film.mp4'));
        const input = document.querySelector('input[type=file]'); input.files = files.files;
        input.dispatchEvent(new Event('change', { bubbles: true }));";
    js_sys::eval(choose).unwrap();
    page.until_says("more than 25 MB of attachments").await;
    assert!(asked(&script, |command| matches!(command, Command::AttachFile { .. }).then_some(())).is_empty());
}

#[wasm_bindgen_test]
async fn discarding_a_draft_is_asked_first() {
    let script = Script::new(World::busy());
    let page = Page::open(&script, &draft(40));
    page.until("the composer", |page| page.get("#mail-text").is_some()).await;
    page.click(".mail-composer-head [aria-label='Discard draft']").await;
    page.until_says("It can’t be brought back.").await;
    let discarded = |command| matches!(command, Command::DiscardDraft { .. }).then_some(());
    assert!(asked(&script, discarded).is_empty());
    page.click("dialog[open] [data-kind=danger]").await;
    page.until("discarded", |_| asked(&script, discarded).len() == 1).await;
    page.until("elsewhere", |_| path() != draft(40)).await;
}

#[wasm_bindgen_test]
async fn a_draft_that_is_not_here_says_so() {
    let page = Page::open(&Script::new(World::busy()), &draft(99));
    page.until_says("This draft is not here").await;
}

#[wasm_bindgen_test]
async fn keys_lead_through_mail_where_nothing_is_typed() {
    let page = Page::open(&Script::new(World::busy()), "/mail");
    page.until_says("Your order is on its way").await;
    page.key("body", "j").await;
    page.until("the first", |_| path() == thread("inbox", BOAT)).await;
    page.key("body", "j").await;
    page.until("the next", |_| path() == thread("inbox", ORDER)).await;
    page.key("body", "k").await;
    page.until("the first again", |_| path() == thread("inbox", BOAT)).await;
    page.key("body", "?").await;
    page.until("the list of keys", |page| page.get("#shortcuts[open]").is_some()).await;
    page.key("body", "c").await;
    assert_eq!(path(), thread("inbox", BOAT), "the dialog has the keys now");
    page.click("#shortcuts [aria-label=Close]").await;
    page.until("closed", |page| page.get("#shortcuts[open]").is_none()).await;
    page.get("#mail-search").unwrap().focus().unwrap();
    page.key("#mail-search", "c").await;
    assert_eq!(path(), thread("inbox", BOAT), "a letter of a search");
    page.get("#mail-search").unwrap().blur().unwrap();
    page.key("body", "c").await;
    page.until("the composer", |page| page.get("#mail-text").is_some()).await;
}

#[wasm_bindgen_test]
async fn a_persons_page_leads_to_a_mail_to_them() {
    let page = Page::open(&Script::new(World::busy()), "/people");
    page.until_says("mara.lindqvist").await;
    page.click("a[href^='/people/']").await;
    page.until_says("Write a mail to this person").await;
    page.press("Write a mail to this person").await;
    page.until("the composer", |page| page.get("#mail-text").is_some() && page.count(".mail-chip") == 1)
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

#[wasm_bindgen_test]
async fn a_large_mail_says_how_much_of_it_the_relay_has() {
    let script = Script::new(World::busy());
    let page = Page::open(&script, &thread("sent", 21));
    page.until_says("This mail is safe on this device").await;
    let mail = MailId([21; 16]);
    script.emit(Event::MailProgress { mail, part: None, done: 9_000_000, all: 10_000_000 });
    page.until_says("Handing it over: 90 %").await;
    script.emit(Event::MailProgress { mail, part: None, done: 0, all: 0 });
    page.until_says("This mail is safe on this device").await;
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

fn moves(script: &Script) -> Vec<(usize, Folder)> {
    asked(script, |command| match command {
        Command::MoveMail { mails, folder, .. } => Some((mails.len(), folder)),
        _ => None,
    })
}

#[wasm_bindgen_test]
async fn a_move_is_taken_back_with_a_button() {
    let script = Script::new(World::busy());
    let page = Page::open(&script, &thread("inbox", BOAT));
    page.until("the mail", |page| page.get(".mail-card-whole").is_some() && page.says("the good brushes"))
        .await;
    page.click(".reader-tools [aria-label='Move to the trash']").await;
    page.until_says("Moved to the trash.").await;
    page.press("Undo").await;
    page.until_says("Back in “Inbox”.").await;
    assert_eq!(moves(&script), [(3, Folder::Trash), (3, Folder::Inbox)]);
    page.until("its row", |page| page.get(".mail-row").is_some() && page.says("The boat, and who paints it"))
        .await;
    assert!(!page.says("Moved to the trash."), "a notice offers it once");
}

#[wasm_bindgen_test]
async fn a_move_is_taken_back_with_a_key_as_long_as_the_notice_is_there() {
    let script = Script::new(World::busy());
    let page = Page::open(&script, &thread("inbox", BOAT));
    page.until("the mail", |page| page.get(".mail-card-whole").is_some() && page.says("the good brushes"))
        .await;
    page.key("body", "z").await;
    page.key("body", "e").await;
    page.until_says("Archived.").await;
    page.key("body", "z").await;
    page.until_says("Back in “Inbox”.").await;
    page.key("body", "z").await;
    pause(50).await;
    assert_eq!(moves(&script), [(3, Folder::Archive), (3, Folder::Inbox)]);
}
