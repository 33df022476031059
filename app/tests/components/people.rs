use haven_app::scripted::{DIGITS, Script, World};
use haven_bridge::{Command, PersonRef, mail::ThreadId};
use wasm_bindgen_test::wasm_bindgen_test;

use crate::page::{Page, path};

/// Opens the page of somebody in the list.
async fn page_of(script: &Script, address: &str) -> Page {
    let page = Page::open(script, "/people");
    page.until_says(address).await;
    let rows: Vec<_> = (1..=page.count(".list-item"))
        .filter_map(|number| page.get(&format!(".list-item:nth-child({number}) a")))
        .collect();
    // Rows that are out of sight have no inner text.
    let of_person = |row: &&web_sys::HtmlElement| row.text_content().unwrap_or_default().contains(address);
    rows.iter().find(of_person).unwrap().click();
    page.until("the page", |page| page.get(".person").is_some()).await;
    page
}

fn verified(script: &Script) -> Vec<(PersonRef, Option<String>)> {
    let verify = |command| match command {
        Command::Verify { person, number, .. } => Some((person, number)),
        _ => None,
    };
    script.commands().into_iter().filter_map(verify).collect()
}

#[wasm_bindgen_test]
async fn who_is_known_from_mail_alone_has_a_page_by_address() {
    let script = Script::new(World::busy());
    let page = page_of(&script, "office@yard.example").await;
    assert_eq!(path(), "/people/office%40yard.example");
    page.until_says("No key").await;
    let person = page.get(".person").unwrap().text_content().unwrap();
    assert!(
        !person.contains("Compare safety numbers") && !person.contains("New conversation with this person")
    );
    page.press("Write a mail to this person").await;
    page.until("the composer", |page| page.count(".mail-chip") == 1).await;
}

#[wasm_bindgen_test]
async fn a_persons_page_leads_to_conversations_and_mail_together() {
    let page = page_of(&Script::new(World::busy()), "bob@harbour.example").await;
    page.until_says("Bob Haugen").await;
    page.until("both", |page| {
        page.count(".shared-link[href^='/chat/']") == 2 && page.count(".shared-link[href^='/mail/']") > 1
    })
    .await;
    page.get(&format!(".shared-link[href^='/mail/'][href$='{}']", ThreadId([1; 16]).to_hex()))
        .unwrap()
        .click();
    page.until("the mail", |page| page.get(".mail-card-whole").is_some() && page.says("the good brushes"))
        .await;
}

#[wasm_bindgen_test]
async fn a_number_that_matches_verifies_and_that_can_be_taken_back() {
    let script = Script::new(World::busy());
    let page = page_of(&script, "bob@harbour.example").await;
    page.until_says("You have not compared it").await;
    page.press("Compare safety numbers").await;
    page.until_says("71335 31625 01836").await;
    assert!(page.get("#compare svg[role=img] path").is_some());
    page.fill("#compare-theirs", "71335 31625 0").await;
    assert!(!page.says("another number") && !page.says("the same number"));
    page.fill("#compare-theirs", "71335 31625 1").await;
    page.until_says("This is another number.").await;
    assert!(page.button("They match").has_attribute("disabled"));
    page.fill("#compare-theirs", DIGITS).await;
    page.until_says("It is the same number.").await;
    page.press("They match").await;
    page.until("verified", |page| page.get(".person [data-trust=verified]").is_some()).await;
    assert!(page.get("#compare[open]").is_none());
    let (person, number) = verified(&script).remove(0);
    assert_eq!((person.address.as_str(), number.as_deref()), ("bob@harbour.example", Some(DIGITS)));
    page.until_says("Verified on").await;
    page.press("Not verified any more").await;
    page.until("as before", |page| page.get(".person [data-trust=pinned]").is_some()).await;
    assert_eq!(verified(&script)[1].1, None);
}

#[wasm_bindgen_test]
async fn a_number_that_differs_says_what_to_do_and_changes_nothing() {
    let script = Script::new(World::busy());
    let page = page_of(&script, "bob@harbour.example").await;
    page.until_says("Compare safety numbers").await;
    page.press("Compare safety numbers").await;
    page.until_says("They don’t match").await;
    page.press("They don’t match").await;
    page.until_says("Then don’t rely on this identity").await;
    assert!(verified(&script).is_empty());
}

#[wasm_bindgen_test]
async fn without_a_key_there_is_nothing_to_compare_and_a_changed_one_is_looked_at_first() {
    let script = Script::new(World::busy());
    let page = page_of(&script, "mara.lindqvist@harbour.example").await;
    page.until_says("Compare safety numbers").await;
    page.press("Compare safety numbers").await;
    page.until_says("Their key could not be found just now").await;
    drop(page);
    let page = page_of(&script, "dora@elsewhere.example").await;
    page.until_says("Look at the change").await;
    assert!(page.get(".person").is_some_and(|person| !person.inner_text().contains("Compare")));
}

#[wasm_bindgen_test]
async fn a_key_from_a_file_is_shown_before_it_is_added() {
    let script = Script::new(World::busy());
    let page = Page::open(&script, "/people");
    page.until_says("Bob Haugen").await;
    page.press("Add a key from a file").await;
    page.until_says("Choose a file").await;
    let choose = |content: &str| {
        let choice = "const files = new DataTransfer();
            files.items.add(new File(['CONTENT'], 'key.asc'));
            const input = document.querySelector('#add-key input[type=file]');
            input.files = files.files;
            input.dispatchEvent(new Event('change', { bubbles: true }));";
        js_sys::eval(&format!("{{ {} }}", choice.replace("CONTENT", content))).unwrap();
    };
    choose("no");
    page.until_says("There is no key in this file").await;
    choose("key");
    page.until_says("ingrid@post.example").await;
    assert!(page.says("Also for") && page.says("Look at the change") && page.says("It has expired"));
    page.press("Add this key").await;
    page.until("her page", |page| {
        page.get(".person").is_some_and(|person| person.inner_text().contains("ingrid"))
    })
    .await;
}

#[wasm_bindgen_test]
async fn a_verified_signature_says_so() {
    let mut world = World::busy();
    world.mail.mails.iter_mut().for_each(|mail| mail.signer_verified = true);
    let thread = format!("/mail/inbox/{}", ThreadId([1; 16]).to_hex());
    let page = Page::open(&Script::new(world), &thread);
    page.until_says("Signed by the sender, verified").await;
}
