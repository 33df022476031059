//! Beginning a mail.

use haven_bridge::mail::{Draft, MailId};
use leptos::prelude::*;

use crate::{
    routes::mail,
    services::{
        browser,
        place::{Place, use_place},
    },
    state::{mailbox::Mailbox, use_mailbox},
};

/// Begins an empty mail in place of this page.
#[component]
pub fn NewMail() -> impl IntoView {
    let (mailbox, place) = (use_mailbox(), use_place());
    Effect::new(move || place.replace(&begin(mailbox, Draft::default())));
}

/// Opens a draft that begins with this.
pub fn write(mailbox: Mailbox, place: Place, draft: Draft) {
    place.go(&begin(mailbox, draft));
}

fn begin(mailbox: Mailbox, draft: Draft) -> String {
    let id = MailId(browser::new_intent().0);
    mailbox.begin(id, draft);
    mail::draft(id)
}
