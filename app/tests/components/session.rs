use haven_app::scripted::{Script, World};
use haven_bridge::{Command, Connection, Event, Failure, Session};
use wasm_bindgen_test::wasm_bindgen_test;

use crate::page::{Page, path};

#[wasm_bindgen_test]
async fn nobody_signed_in_is_welcomed() {
    let page = Page::open(&Script::new(World::default()), "/");
    page.until_says("Welcome to Haven").await;
    assert_eq!(path(), "/welcome");
    assert!(page.says("@harbour.example"), "the domain stands behind the name");
}

#[wasm_bindgen_test]
async fn somebody_signed_in_gets_their_conversations() {
    let page = Page::open(&Script::new(World::busy()), "/");
    page.until_says("Reading circle").await;
    assert_eq!(path(), "/chat");
}

#[wasm_bindgen_test]
async fn a_new_account_shows_the_recovery_phrase_before_anything_else() {
    let script = Script::new(World::default());
    let page = Page::open(&script, "/welcome");
    page.fill("#sign-up-name", "zoe").await;
    page.fill("#sign-up-password", "harbour velvet sunday acorn kettle").await;
    page.until_says("Very good.").await;
    page.press("Create an account").await;
    page.until("twelve words", |page| page.count(".phrase-word") == 12).await;
    assert_eq!(path(), "/welcome");
    page.press("Do this later").await;
    page.until_says("Your recovery phrase is not confirmed yet").await;
    page.press("Later").await;
    page.until("put away", |page| !page.says("Your recovery phrase is not confirmed yet")).await;
    assert_eq!(path(), "/chat");
}

#[wasm_bindgen_test]
async fn a_taken_name_is_said_at_the_name() {
    let page = Page::open(&Script::new(World::default()), "/welcome");
    page.fill("#sign-up-name", "taken").await;
    page.fill("#sign-up-password", "harbour velvet sunday acorn kettle").await;
    page.press("Create an account").await;
    page.until_says("Somebody has this name already").await;
    assert_eq!(page.get("#sign-up-name").unwrap().get_attribute("aria-invalid").as_deref(), Some("true"));
    page.fill("#sign-up-name", "zoe").await;
    page.until("typing takes the error away", |page| !page.says("Somebody has this name already")).await;
}

#[wasm_bindgen_test]
async fn a_crashed_engine_is_started_again_and_asked_again() {
    let script = Script::new(World::busy());
    let page = Page::open(&script, "/chat");
    page.until_says("Reading circle").await;
    let asked = script.commands().len();
    script.crash();
    page.until("started twice", |_| script.starts() == 2).await;
    page.until("asked for the conversations again", |_| {
        script.commands().iter().skip(asked).any(|command| matches!(command, Command::Conversations))
    })
    .await;
    assert!(page.says("Reading circle"), "what was there stays");
}

#[wasm_bindgen_test]
async fn an_engine_that_always_crashes_is_given_up() {
    let script = Script::asleep();
    let page = Page::open(&script, "/chat");
    page.until_says("Opening Haven").await;
    for start in 1..=3 {
        page.until("started", |_| script.starts() == start).await;
        script.crash();
    }
    page.until_says("Haven could not start").await;
    page.press("Try again").await;
    page.until("started once more", |_| script.starts() == 4).await;
}

#[wasm_bindgen_test]
async fn an_engine_that_breaks_again_asks_for_a_reload() {
    let script = Script::new(World::busy());
    let page = Page::open(&script, "/chat");
    page.until_says("Reading circle").await;
    let asked = script.commands().len();
    script.emit(Event::Broken);
    page.until("it runs again", |_| script.commands().len() > asked).await;
    assert!(!page.says("Haven has to start again"));
    script.emit(Event::Broken);
    page.until_says("Haven has to start again").await;
}

#[wasm_bindgen_test]
async fn an_engine_that_ends_during_a_sign_up_is_not_asked_for_a_second_account() {
    let script = Script::new(World::default());
    let page = Page::open(&script, "/welcome");
    page.fill("#sign-up-name", "zoe").await;
    page.fill("#sign-up-password", "harbour velvet sunday acorn kettle").await;
    page.until_says("Very good.").await;
    page.press("Create an account").await;
    script.crash();
    page.until_says("Haven was interrupted before this was done").await;
    assert!(!script.commands().iter().any(|command| matches!(command, Command::SignUp { .. })));
}

#[wasm_bindgen_test]
async fn being_offline_is_said_and_taken_back() {
    let script = Script::new(World::busy());
    let page = Page::open(&script, "/chat");
    page.until_says("Reading circle").await;
    script.emit(Event::Connection(Connection::Offline));
    page.until_says("You are offline").await;
    script.emit(Event::Connection(Connection::Online));
    page.until("no banner", |page| !page.says("You are offline")).await;
}

#[wasm_bindgen_test]
async fn signing_out_is_asked_first() {
    let script = Script::new(World::busy());
    let page = Page::open(&script, "/settings");
    page.until_says("Firefox on Linux").await;
    page.press("Sign out").await;
    page.until_says("All messages in this browser are deleted for good").await;
    assert!(!script.commands().iter().any(|command| matches!(command, Command::SignOut)));
    page.press("Sign out and delete").await;
    page.until_says("Welcome to Haven").await;
}

#[wasm_bindgen_test]
async fn what_the_browser_deleted_is_told_apart_from_a_sign_out() {
    const DELETED: &str = "The browser has deleted what Haven kept here";
    let script = Script::new(World::busy());
    let page = Page::open(&script, "/chat");
    page.until_says("Reading circle").await;
    let nobody = Session::SignedOut { domain: None, sign_up: true };
    script.emit(Event::Deleted);
    script.emit(Event::Session(nobody.clone()));
    page.until_says(DELETED).await;
    assert!(page.get("#sign-in-password").is_some(), "who was here signs in");
    page.fill("#sign-in-address", "alice").await;
    page.fill("#sign-in-password", "harbour velvet").await;
    page.press("Sign in").await;
    page.until("it is gone", |page| !page.says(DELETED)).await;
    drop(page);

    let script = Script::new(World::busy());
    let page = Page::open(&script, "/settings");
    page.until_says("Firefox on Linux").await;
    page.press("Sign out").await;
    page.press("Sign out and delete").await;
    page.until_says("Welcome to Haven").await;
    assert!(!page.says(DELETED));
}

#[wasm_bindgen_test]
async fn what_was_deleted_while_haven_was_closed_is_said_at_the_next_start() {
    let script = Script::new(World::busy());
    let page = Page::open(&script, "/chat");
    page.until_says("Reading circle").await;
    // The database alone is gone: the next engine knows nobody.
    script.emit(Event::Session(Session::SignedOut { domain: None, sign_up: true }));
    page.until_says("The browser has deleted what Haven kept here").await;
}

#[wasm_bindgen_test]
async fn the_browser_is_asked_once_to_keep_what_a_first_conversation_stores() {
    let window = web_sys::window().unwrap();
    let asked = || js_sys::Reflect::get(&window, &"asked".into()).unwrap().as_f64().unwrap();
    let listen = "window.asked = 0;
        navigator.storage.persist = () => { window.asked += 1; return Promise.resolve(false); };";
    js_sys::eval(listen).unwrap();
    let script = Script::new(World::signed_in());
    let page = Page::open(&script, "/chat");
    page.until_says("No conversations yet").await;
    assert_eq!(asked(), 0.0, "not at the start");
    for _ in 0..2 {
        page.press("New conversation").await;
        page.fill("#new-addresses", "bob, eve@x.org").await;
        page.press("Start conversation").await;
        page.until("composer", |page| page.get("#composer").is_some()).await;
        assert_eq!(asked(), 1.0);
    }
}

#[wasm_bindgen_test]
async fn a_sign_out_that_the_relay_did_not_hear_of_says_what_is_left_to_do() {
    let script = Script::new(World::of_scene("offline"));
    let page = Page::open(&script, "/settings");
    page.until_says("Firefox on Linux").await;
    page.press("Sign out").await;
    page.press("Sign out and delete").await;
    page.until_says("Welcome to Haven").await;
    page.until_says("still in the list of your devices").await;
}

#[wasm_bindgen_test]
async fn another_device_is_removed_after_a_question() {
    let script = Script::new(World::busy());
    let page = Page::open(&script, "/settings");
    page.until_says("Chrome on Android").await;
    assert_eq!(page.count(".devices .icon-button"), 2, "not this one");
    page.press("Remove Chrome on Android").await;
    page.until_says("Remove Chrome on Android?").await;
    page.until_says("may be in other hands").await;
    assert!(!script.commands().iter().any(|command| matches!(command, Command::RemoveDevice(_))));
    script.fail_next(Failure::Offline);
    page.press("Remove").await;
    page.until_says("The relay can't be reached").await;
    page.press("Remove").await;
    page.until("it is gone", |page| page.count(".devices-item") == 2).await;
    assert!(!page.get(".devices").unwrap().inner_text().contains("Chrome"));
}

#[wasm_bindgen_test]
async fn a_session_that_cannot_be_read_can_be_tried_again() {
    let script = Script::new(World::busy());
    script.fail_next(Failure::Storage { message: "disk full".to_owned() });
    let page = Page::open(&script, "/chat");
    page.until_says("Haven could not open your account").await;
    assert!(page.says("disk full"));
    page.press("Try again").await;
    page.until_says("Reading circle").await;
}

#[wasm_bindgen_test]
async fn the_source_is_one_click_away_or_said_to_be_owed() {
    let page = Page::open(&Script::new(World::busy()), "/settings");
    page.until_says("https://git.harbour.example/haven").await;
    let link = page.get("a[href='https://git.harbour.example/haven']").unwrap();
    assert_eq!(link.get_attribute("rel").as_deref(), Some("noopener noreferrer"));
    assert!(page.says("AGPL-3.0-or-later"));
    drop(page);
    let mut world = World::busy();
    world.source = None;
    let page = Page::open(&Script::new(world), "/settings");
    page.until_says("Whoever runs this relay has not said where it is").await;
}
