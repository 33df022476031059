use haven_app::scripted::{Script, World};
use haven_bridge::{Command, ConversationId, Event, Failure, IntentId, MAX_TEXT, RequestAnswer};
use wasm_bindgen_test::wasm_bindgen_test;

use crate::page::{Page, path};

fn at(number: u8) -> String {
    format!("/chat/{}", ConversationId([number; 16]).to_hex())
}

fn sent(script: &Script) -> Vec<(IntentId, String)> {
    let of = |command| match command {
        Command::SendText { intent, text, .. } => Some((intent, text)),
        _ => None,
    };
    script.commands().into_iter().filter_map(of).collect()
}

#[wasm_bindgen_test]
async fn enter_sends_and_the_message_is_waiting_then_sent() {
    let script = Script::new(World::busy());
    let page = Page::open(&script, &at(3));
    page.fill("#composer", "Good morning").await;
    page.enter("#composer").await;
    page.until("waiting", |page| page.count("[data-state=waiting]") == 1).await;
    assert_eq!(page.text_in("#composer"), "");
    page.until("stored", |page| page.count("[data-state=waiting]") == 0).await;
    assert_eq!(sent(&script).len(), 1);
}

#[wasm_bindgen_test]
async fn a_refused_text_comes_back_and_is_the_same_wish_again() {
    let script = Script::new(World::busy());
    let page = Page::open(&script, &at(3));
    page.fill("#composer", "Good morning").await;
    script.fail_next(Failure::Storage { message: "disk full".to_owned() });
    page.enter("#composer").await;
    page.until_says("disk full").await;
    assert_eq!(page.text_in("#composer"), "Good morning");
    page.enter("#composer").await;
    page.until("the error is gone", |page| !page.says("disk full")).await;
    page.until("asked twice", |_| sent(&script).len() == 2).await;
    let sent = sent(&script);
    assert_eq!(sent[0], sent[1]);
}

#[wasm_bindgen_test]
async fn a_broken_engine_is_replaced_without_a_word_and_asked_again_what_it_did_not_answer() {
    let script = Script::new(World::busy());
    let page = Page::open(&script, &at(3));
    page.fill("#composer", "Good morning").await;
    page.enter("#composer").await;
    script.emit(Event::Broken);
    assert_eq!(script.starts(), 2);
    page.until("waiting", |page| page.count("[data-state=waiting]") == 1).await;
    page.until("stored", |page| page.count("[data-state=waiting]") == 0).await;
    assert_eq!(sent(&script).len(), 1, "the first one died with the engine");
    assert_eq!(page.text_in("#composer"), "");
    assert!(!page.says("interrupted") && !page.says("start again"));
}

#[wasm_bindgen_test]
async fn a_text_at_the_limit_is_sent_and_one_byte_more_says_so_and_stays() {
    let script = Script::new(World::busy());
    let page = Page::open(&script, &at(3));
    let longest = "x".repeat(MAX_TEXT);
    let longer = format!("{longest}x");
    page.fill("#composer", &longer).await;
    page.until_says("Too long by about 1 character.").await;
    assert!(page.button("Send").has_attribute("disabled"));
    page.enter("#composer").await;
    assert_eq!(page.text_in("#composer"), longer);
    page.fill("#composer", &format!("{longest}\n")).await;
    page.until("no word of it", |page| !page.says("Too long")).await;
    page.enter("#composer").await;
    page.until("sent", |_| sent(&script).len() == 1).await;
    assert_eq!(sent(&script)[0].1, longest);
    assert_eq!(page.text_in("#composer"), "");
}

#[wasm_bindgen_test]
async fn a_draft_waits_in_its_conversation() {
    let script = Script::new(World::busy());
    let page = Page::open(&script, &at(3));
    page.fill("#composer", "Not done y").await;
    page.get(&format!("a[href='{}']", at(1))).unwrap().click();
    page.until("the other one", |page| path() == at(1) && page.text_in("#composer").is_empty()).await;
    page.get(&format!("a[href='{}']", at(3))).unwrap().click();
    page.until("the draft", |page| path() == at(3) && page.text_in("#composer") == "Not done y").await;
}

#[wasm_bindgen_test]
async fn back_and_forward_lead_through_what_was_open() {
    let page = Page::open(&Script::new(World::busy()), &at(3));
    let link = format!("a[href='{}']", at(1));
    page.until("the list", |page| page.get(&link).is_some()).await;
    page.get(&link).unwrap().click();
    let is_open = |page: &Page, address: &str| {
        let row = page.get(&format!("a[href='{address}']"));
        path() == address && row.is_some_and(|row| row.has_attribute("aria-current"))
    };
    page.until("the other one", |page| is_open(page, &at(1))).await;
    let history = web_sys::window().unwrap().history().unwrap();
    history.back().unwrap();
    page.until("the first one", |page| is_open(page, &at(3))).await;
    history.forward().unwrap();
    page.until("the other one again", |page| is_open(page, &at(1))).await;
}

#[wasm_bindgen_test]
async fn a_failed_message_offers_retry_and_discard() {
    let script = Script::new(World::busy());
    let page = Page::open(&script, &at(2));
    page.until_says("Can somebody take the big tent?").await;
    assert!(page.says("The relay can't be reached"));
    page.press("Discard").await;
    page.until("it is gone", |page| !page.says("Can somebody take the big tent?")).await;
}

#[wasm_bindgen_test]
async fn a_request_can_be_accepted() {
    let script = Script::new(World::busy());
    let page = Page::open(&script, &at(4));
    page.until_says("wants to talk with you").await;
    assert!(page.get("#composer").is_none());
    page.press("Accept").await;
    page.until("composer", |page| page.get("#composer").is_some()).await;
    let accepted =
        |command: &Command| matches!(command, Command::AnswerRequest { answer: RequestAnswer::Accept, .. });
    assert!(script.commands().iter().any(accepted));
}

#[wasm_bindgen_test]
async fn a_declined_request_leads_back_to_the_list() {
    let page = Page::open(&Script::new(World::busy()), &at(4));
    page.until_says("wants to talk with you").await;
    page.press("Decline").await;
    page.until("the list", |_| path() == "/chat").await;
    assert_eq!(page.count("#requests-heading"), 0);
}

#[wasm_bindgen_test]
async fn a_stopped_conversation_says_why_and_takes_no_messages() {
    let page = Page::open(&Script::new(World::busy()), &at(6));
    page.until_says("This conversation has stopped").await;
    assert!(page.get("#composer").is_none());
    page.press("Start a new one").await;
    page.until("the same people", |page| page.says("dora@elsewhere.example")).await;
}

#[wasm_bindgen_test]
async fn a_failed_start_can_be_tried_again() {
    let script = Script::new(World::busy());
    let page = Page::open(&script, &at(5));
    page.until_says("Nobody has the address jonn@harbour.example").await;
    page.press("Try again").await;
    page.until("no banner", |page| !page.says("could not be started")).await;
}

#[wasm_bindgen_test]
async fn a_new_conversation_opens_with_the_focus_in_the_composer() {
    let script = Script::new(World::signed_in());
    let page = Page::open(&script, "/chat");
    page.until_says("No conversations yet").await;
    page.press("New conversation").await;
    page.fill("#new-addresses", "bob, eve@x.org").await;
    page.press("Start conversation").await;
    page.until("composer", |page| page.get("#composer").is_some()).await;
    let addresses = script.commands().into_iter().find_map(|command| match command {
        Command::StartConversation { addresses, .. } => Some(addresses),
        _ => None,
    });
    assert_eq!(addresses.unwrap(), ["bob@harbour.example", "eve@x.org"]);
}

#[wasm_bindgen_test]
async fn an_unknown_conversation_is_said() {
    let page = Page::open(&Script::new(World::busy()), &at(99));
    page.until_says("This conversation is not here").await;
}

#[wasm_bindgen_test]
async fn a_changed_identity_is_accepted_only_after_a_check() {
    let script = Script::new(World::busy());
    let page = Page::open(&script, "/people");
    page.until_says("dora@elsewhere.example").await;
    page.click("a[href^='/people/']:has([data-trust=changed])").await;
    page.until_says("This is not the identity you knew").await;
    page.press("Look at the change").await;
    page.until("dialog", |page| page.get("dialog[open] input[type=checkbox]").is_some()).await;
    assert!(page.button("Accept the new identity").has_attribute("disabled"));
    page.click("dialog[open] input[type=checkbox]").await;
    page.until("can be accepted", |page| !page.button("Accept the new identity").has_attribute("disabled"))
        .await;
    page.press("Accept the new identity").await;
    page.until_says("Accepted.").await;
}

#[wasm_bindgen_test]
async fn what_was_begun_is_kept_when_typing_pauses_and_again_until_it_is() {
    let script = Script::new(World::busy());
    let kept =
        || script.commands().iter().filter(|command| matches!(command, Command::KeepBegun { .. })).count();
    // As when the page goes: whether it asks first.
    let asks = || {
        let init = web_sys::EventInit::new();
        init.set_cancelable(true);
        let leaving = web_sys::Event::new_with_event_init_dict("beforeunload", &init).unwrap();
        !web_sys::window().unwrap().dispatch_event(&leaving).unwrap()
    };
    let page = Page::open(&script, &at(3));
    page.fill("#composer", "Good mor").await;
    script.fail_next(Failure::Storage { message: "disk full".to_owned() });
    page.until("asked for", |_| kept() == 1).await;
    page.until("refused", |_| asks()).await;
    page.until("kept", |_| !asks()).await;
    let asked_for = kept();
    assert!(asked_for >= 2);
    assert!(!asks());
    assert_eq!(kept(), asked_for);
}
