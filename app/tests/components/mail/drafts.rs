//! Writing.

use haven_app::scripted::{Script, World};
use haven_bridge::{
    Command, Failure,
    mail::{About, MailId},
};
use wasm_bindgen::JsCast;
use wasm_bindgen_test::wasm_bindgen_test;

use super::{BOAT, asked, draft, saved, thread, write_to};
use crate::page::{Page, path, pause};

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
async fn a_persons_page_leads_to_a_mail_to_them() {
    let page = Page::open(&Script::new(World::busy()), "/people");
    page.until_says("mara.lindqvist").await;
    page.click("a[href^='/people/']").await;
    page.until_says("Write a mail to this person").await;
    page.press("Write a mail to this person").await;
    page.until("the composer", |page| page.get("#mail-text").is_some() && page.count(".mail-chip") == 1)
        .await;
}
