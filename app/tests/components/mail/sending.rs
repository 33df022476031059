//! Sending, and what became of it.

use haven_app::scripted::{Script, World};
use haven_bridge::{Command, Event, mail::MailId};
use wasm_bindgen_test::wasm_bindgen_test;

use super::{draft, sent, thread, write_to};
use crate::page::{Page, path, pause};

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
