//! Folders, the search, and moving mail.

use haven_app::scripted::{MailWorld, Script, World};
use haven_bridge::{
    Command, Failure,
    mail::{Folder, MailId},
};
use wasm_bindgen_test::wasm_bindgen_test;

use super::{BOAT, ORDER, asked, thread};
use crate::page::{Page, path, pause};

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
