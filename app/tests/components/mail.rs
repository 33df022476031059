//! Mail: its folders, reading, writing, sending.

mod drafts;
mod listing;
mod reading;
mod sending;

use haven_app::scripted::Script;
use haven_bridge::{
    Command,
    mail::{Draft, MailId, ThreadId},
};

use crate::page::Page;

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
