use haven_app::scripted::{Script, World};
use haven_bridge::{Command, KeyFile};
use wasm_bindgen_test::wasm_bindgen_test;

use crate::page::Page;

fn exported(script: &Script) -> Vec<KeyFile> {
    let file = |command| match command {
        Command::ExportKey(file) => Some(file),
        _ => None,
    };
    script.commands().into_iter().filter_map(file).collect()
}

#[wasm_bindgen_test]
async fn the_own_key_is_shown_and_saved_in_settings() {
    let script = Script::new(World::busy());
    let page = Page::open(&script, "/settings");
    page.until_says("Valid until").await;
    page.press("Save public key").await;
    page.until_says("Saved as a file.").await;
    page.press("Save revocation certificate").await;
    page.until("both were asked for", |_| exported(&script).len() == 2).await;
    assert!(matches!(exported(&script)[..], [KeyFile::Public, KeyFile::Revocation]));
}

#[wasm_bindgen_test]
async fn the_secret_key_is_saved_under_a_passphrase_that_was_typed_twice() {
    let script = Script::new(World::busy());
    let page = Page::open(&script, "/settings");
    page.until_says("Your key").await;
    page.press("Save secret key…").await;
    page.press("Save the file").await;
    page.until_says("Fill this in.").await;
    page.fill("#secret-passphrase", "weak").await;
    page.until_says("Too easy to guess").await;
    page.fill("#secret-passphrase", "harbour velvet sunday acorn kettle").await;
    page.until_says("Very good.").await;
    page.press("Save the file").await;
    page.until_says("The two are not the same.").await;
    assert!(exported(&script).is_empty());
    page.fill("#secret-again", "harbour velvet sunday acorn kettle").await;
    page.press("Save the file").await;
    page.until_says("Saved as a file.").await;
    let [KeyFile::Secret { passphrase }] = &exported(&script)[..] else { panic!("one file") };
    assert_eq!(passphrase, "harbour velvet sunday acorn kettle");
}

#[wasm_bindgen_test]
async fn a_suggested_passphrase_is_not_typed_again() {
    let script = Script::new(World::busy());
    let page = Page::open(&script, "/settings");
    page.until_says("Your key").await;
    page.press("Save secret key…").await;
    page.press("Suggest one").await;
    page.until("it is not asked for again", |page| page.get("#secret-again").is_none()).await;
    page.press("Save the file").await;
    page.until_says("Saved as a file.").await;
}

#[wasm_bindgen_test]
async fn a_key_is_withdrawn_after_a_deliberate_step_and_that_is_said_everywhere() {
    let script = Script::new(World::busy());
    let page = Page::open(&script, "/settings");
    page.until_says("Your key").await;
    page.press("My key is in other hands…").await;
    page.until_says("Mail to you is turned away").await;
    page.press("Withdraw my key").await;
    assert!(!script.commands().iter().any(|command| matches!(command, Command::RevokeKey)));
    page.click(".check input").await;
    page.until("it may be pressed", |page| !page.button("Withdraw my key").has_attribute("disabled")).await;
    page.press("Withdraw my key").await;
    page.until_says("You have withdrawn your key").await;
    page.until("it is not offered again", |page| !page.says("My key is in other hands")).await;
    page.press("People").await;
    page.until_says("You have withdrawn your key").await;
}

#[wasm_bindgen_test]
async fn refused_mail_is_said_until_it_was_seen() {
    let page = Page::open(&Script::new(World::of_scene("withdrawn")), "/chat");
    page.until_says("Mail to you was turned away").await;
    page.press("Got it").await;
    page.until("it is gone", |page| !page.says("Mail to you was turned away")).await;
}

/// Chooses a file with this content.
fn choose(content: &str) {
    let program = format!(
        "const transfer = new DataTransfer();
         transfer.items.add(new File(['{content}'], 'key.asc'));
         const input = document.querySelector('.own-key input[type=file]');
         input.files = transfer.files;
         input.dispatchEvent(new Event('change', {{ bubbles: true }}));"
    );
    js_sys::eval(&program).unwrap();
}

#[wasm_bindgen_test]
async fn a_key_that_was_there_before_is_brought_to_the_sign_up() {
    let script = Script::new(World::default());
    let page = Page::open(&script, "/welcome");
    page.fill("#sign-up-name", "zoe").await;
    page.fill("#sign-up-password", "harbour velvet sunday acorn kettle").await;
    page.until_says("Very good.").await;
    page.press("I already have an OpenPGP key").await;
    choose("rsa");
    page.until_says("This kind of key can’t be used here").await;
    choose("locked");
    page.until("it is locked", |page| page.get("#own-key-passphrase").is_some()).await;
    page.press("Create an account").await;
    page.until_says("Finish with your key first").await;
    page.fill("#own-key-passphrase", "wrong").await;
    page.press("Use this key").await;
    page.until_says("This is not the passphrase of this key").await;
    page.fill("#own-key-passphrase", "right").await;
    page.press("Use this key").await;
    page.until_says("This key becomes yours here").await;
    page.press("Create an account").await;
    page.until("twelve words", |page| page.count(".phrase-word") == 12).await;
    let brought = script.commands().into_iter().find_map(|command| match command {
        Command::SignUp { key, .. } => key,
        _ => None,
    });
    assert_eq!(brought.map(|key| (key.file, key.passphrase)), Some((b"locked".to_vec(), "right".to_owned())));
}
