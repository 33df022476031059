//! What people write each other by mail. Nobody here is real.

use haven_bridge::{Failure, mail::*};

use super::cast::{self, DOMAIN};
use crate::services::browser;

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// A dot, as a picture.
const PICTURE: &[u8] = include_bytes!("../../../public/icons/haven-192.png");

fn mailbox(name: &str, address: &str) -> Mailbox {
    Mailbox { name: name.to_owned(), address: address.to_owned() }
}

fn alice() -> Mailbox {
    mailbox("Alice", &format!("alice@{DOMAIN}"))
}

fn bob() -> Mailbox {
    mailbox("Bob Haugen", &format!("bob@{DOMAIN}"))
}

fn mara() -> Mailbox {
    mailbox("Mara Lindqvist", &format!("mara.lindqvist@{DOMAIN}"))
}

fn id(number: u8) -> [u8; 16] {
    [number; 16]
}

fn fingerprint(mailbox: &Mailbox) -> String {
    cast::person(&mailbox.address).fingerprint
}

/// A mail that came end-to-end encrypted and signed, an hour ago.
fn mail(number: u8, thread: u8, from: Mailbox, subject: &str, text: &str) -> MailView {
    let own = from.address == alice().address;
    let to = vec![if own { bob() } else { alice() }];
    let signature = Signature::Valid { fingerprint: fingerprint(&from), by_sender: true };
    let snippet: String = text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(120).collect();
    MailView {
        summary: MailSummary {
            id: MailId(id(number)),
            thread: ThreadId(id(thread)),
            folder: if own { Folder::Sent } else { Folder::Inbox },
            from,
            to: to.clone(),
            subject: subject.to_owned(),
            snippet,
            time: browser::now() - HOUR,
            seen: true,
            attachments: 0,
            protection: Protection::EndToEnd,
            state: own.then_some(MailState::Sent),
        },
        to,
        cc: Vec::new(),
        bcc: Vec::new(),
        reply_to: Vec::new(),
        text: text.to_owned(),
        html: None,
        remote_content: false,
        attachments: Vec::new(),
        signature,
        differences: Vec::new(),
        sender: SenderCheck::Local,
        deliveries: Vec::new(),
        trouble: None,
        signer_verified: false,
    }
}

/// What it came in as: ordinary mail from elsewhere.
fn ordinary(mut mail: MailView, ago: u64, sender: SenderCheck) -> MailView {
    mail.summary.protection = Protection::OnArrival;
    mail.signature = Signature::None;
    mail.sender = sender;
    at(mail, ago)
}

fn at(mut mail: MailView, ago: u64) -> MailView {
    mail.summary.time = browser::now() - ago;
    mail
}

fn in_folder(mut mail: MailView, folder: Folder) -> MailView {
    mail.summary.folder = folder;
    mail
}

fn unseen(mut mail: MailView) -> MailView {
    mail.summary.seen = false;
    mail
}

fn with_files(mut mail: MailView, files: &[(&str, &str, u64)]) -> MailView {
    let files = files.iter().zip(1..).map(|((name, media_type, size), part)| AttachmentView {
        part,
        name: (*name).to_owned(),
        media_type: (*media_type).to_owned(),
        size: *size,
    });
    mail.attachments = files.collect();
    mail.summary.attachments = mail.attachments.len() as u32;
    mail
}

/// Mail of every kind.
pub fn mails() -> Vec<MailView> {
    [boat(), shop(), oddities(), outgoing(), others()].concat()
}

/// A thread of three with two people, and files.
fn boat() -> Vec<MailView> {
    let subject = "The boat, and who paints it";
    let first = "Hi both,\n\nthe yard has a place for us from Thursday. I looked at the hull yesterday: the paint is worse than we thought \
        below the waterline, but the planks are sound.\n\nPrices are here: https://yard.example/prices?season=spring (the second table).\n\n\
        Mara, do you still have the sander?\n\nBob";
    let second = "Yes, and two masks. I can be there on Friday from nine.\n\nOn Monday, Bob Haugen wrote:\n> Mara, do you still have the sander?\n\nMara";
    let third = "Friday it is. I’ll bring coffee and the good brushes.\n\nAttached is what the yard wants signed, and a picture of the keel. The \
        blue line is where the old paint ends; everything below comes off. If somebody asks, the colour is RAL 5004, not 5003, whatever the \
        tin says.\n\nSee you there!\nBob\n\nP.S. Their address changed, ask at mailto:office@yard.example if you get lost.";
    let copied = |mut mail: MailView, cc: Mailbox| {
        mail.cc = vec![cc.clone()];
        mail.summary.to.push(cc);
        mail
    };
    vec![
        copied(at(mail(1, 1, bob(), subject, first), 2 * DAY), mara()),
        copied(at(mail(2, 1, mara(), &format!("Re: {subject}"), second), 26 * HOUR), bob()),
        unseen(with_files(
            copied(at(mail(3, 1, bob(), &format!("Re: {subject}"), third), 12 * MINUTE), mara()),
            &[
                ("Liegeplatzvertrag 2026 (unterschrieben, zweite Fassung).pdf", "application/pdf", 482_113),
                ("keel.png", "image/png", 2_310_448),
                ("colours.txt", "text/plain", 310),
            ],
        )),
    ]
}

/// Ordinary mail in HTML.
fn shop() -> Vec<MailView> {
    let text = "Your order has left our warehouse.\n\nTrack it: https://paper.example/track/8841";
    let html = "<div style=\"max-width:560px;margin:0 auto;border:1px solid #ddd;border-radius:12px;overflow:hidden\">\
        <div style=\"background:#7a3b2e;color:#fff;padding:24px;font:600 22px Georgia,serif\">Paper &amp; Thread</div>\
        <div style=\"padding:24px\"><h1 style=\"font:600 20px Georgia,serif;margin:0 0 12px\">Your order is on its way</h1>\
        <p>Hello Alice, your order <b>8841</b> left our warehouse this morning.</p>\
        <table cellpadding=\"8\" style=\"width:100%;border-collapse:collapse;font-size:14px\">\
        <tr style=\"background:#f6efe9\"><td>Notebook, dotted, A5</td><td align=\"right\">2 × 9.50</td></tr>\
        <tr><td>Linen thread, blue</td><td align=\"right\">4.20</td></tr></table>\
        <p style=\"margin:20px 0\"><a href=\"https://paper.example/track/8841\" style=\"background:#7a3b2e;color:#fff;padding:10px 18px;\
        border-radius:8px;text-decoration:none\">Track the parcel</a></p>\
        <p style=\"color:#777;font-size:12px\">Paper &amp; Thread, Kaigasse 4, Salzburg</p></div></div>";
    let mut order =
        mail(4, 4, mailbox("Paper & Thread", "orders@paper.example"), "Your order is on its way", text);
    order.html = Some(html.to_owned());
    order.remote_content = true;
    vec![unseen(ordinary(order, 3 * HOUR, SenderCheck::Passed))]
}

/// What a reader has to be told about.
fn oddities() -> Vec<MailView> {
    let stranger = mailbox("", "konstantina.papadimitriou-oberholzer@long-names.cantonal-library.example");
    let mut unknown = mail(
        5,
        5,
        stranger,
        "Ihre Vormerkung „Das Sommerbuch“ liegt bereit",
        "Guten Tag\n\nDas Buch liegt bis Samstag für Sie bereit.",
    );
    unknown.signature = Signature::UnknownKey { issuer: "91aa0c3b7de24f08".to_owned() };
    let mut forged = mail(
        6,
        6,
        mailbox("Your bank", "security@harbour-bank.example"),
        "Confirm your account now",
        "Dear customer,\n\nclick https://login.harbour-bank.example.evil.example/now or your account is closed.",
    );
    forged.signature = Signature::None;
    let mut changed = mail(
        7,
        7,
        mailbox("Dora Pires", "dora@elsewhere.example"),
        "Meeting on Tuesday at ten",
        "Room 4 is booked.\n\nDora",
    );
    changed.differences = vec![HeaderDifference {
        name: "Subject".to_owned(),
        inside: "Meeting on Tuesday at ten".to_owned(),
        outside: "Meeting cancelled".to_owned(),
    }];
    let mut locked = mail(8, 8, mailbox("Tomás Ruiz", "tomas@elsewhere.example"), "", "");
    locked.trouble = Some(MailTrouble::NoKey);
    locked.signature = Signature::None;
    let mut broken = mail(9, 9, mailbox("Newsletter", "news@old.example"), "March issue", "");
    broken.trouble = Some(MailTrouble::NotIntact);
    broken.signature = Signature::Invalid { why: "made with SHA-1".to_owned() };
    let mut other = with_files(
        mail(10, 10, mara(), "Keys for the shed", "They hang behind the blue door.\n\nM"),
        &[("plan.txt.pgp", "application/octet-stream", 840)],
    );
    other.signature = Signature::Valid { fingerprint: fingerprint(&bob()), by_sender: false };
    vec![
        at(unknown, 30 * HOUR),
        ordinary(forged, 31 * HOUR, SenderCheck::Failed),
        at(changed, 3 * DAY),
        at(locked, 4 * DAY),
        at(broken, 5 * DAY),
        at(other, 6 * DAY),
    ]
}

/// Own mails, and how far they got.
fn outgoing() -> Vec<MailView> {
    let mut failed = mail(20, 20, alice(), "Invoice 2026-11", "Please find it attached.\n\nAlice");
    failed.summary.state =
        Some(MailState::Failed(Failure::MailNotEncryptable { address: "office@yard.example".to_owned() }));
    let mut waiting = mail(21, 21, alice(), "Re: Choir on Sunday", "I’ll be there.");
    waiting.summary.state = Some(MailState::Waiting);
    let mut mixed =
        mail(22, 22, alice(), "Minutes of the general meeting", "Dear all,\n\nhere they are.\n\nAlice");
    mixed.to = vec![bob(), mara(), mailbox("", "finn@full.example"), mailbox("", "ada@gone.example")];
    mixed.summary.to = mixed.to.clone();
    let delivery = |address: &str, state| Delivery { address: address.to_owned(), state };
    mixed.deliveries = vec![
        delivery("bob@harbour.example", DeliveryState::Delivered),
        delivery("mara.lindqvist@harbour.example", DeliveryState::Delivered),
        delivery("finn@full.example", DeliveryState::Delayed { reason: "452 4.2.2 Mailbox full".to_owned() }),
        delivery(
            "ada@gone.example",
            DeliveryState::Failed { reason: "550 5.1.1 No such user here".to_owned() },
        ),
    ];
    let mut clear =
        mail(23, 23, alice(), "Opening hours", "Good morning,\n\nare you open on Monday?\n\nAlice");
    clear.summary.protection = Protection::Clear;
    clear.deliveries = vec![delivery("office@yard.example", DeliveryState::Delivered)];
    vec![at(failed, 5 * MINUTE), at(waiting, MINUTE), at(mixed, 20 * HOUR), at(clear, 9 * DAY)]
}

fn others() -> Vec<MailView> {
    vec![
        in_folder(
            at(
                mail(
                    30,
                    30,
                    mara(),
                    "Photographs from Tromsø",
                    "Eight of them, the ninth is blurred. שבת שלום",
                ),
                40 * DAY,
            ),
            Folder::Archive,
        ),
        in_folder(at(mail(31, 31, bob(), "Re: insurance", "Paid on the 3rd."), 200 * DAY), Folder::Archive),
        unseen(in_folder(
            ordinary(
                mail(
                    32,
                    32,
                    mailbox("WINNER", "promo@bulk.example"),
                    "You have been selected!!!",
                    "Claim now.",
                ),
                2 * DAY,
                SenderCheck::Unknown,
            ),
            Folder::Junk,
        )),
        in_folder(at(mail(33, 33, bob(), "Old timetable", "Not valid any more."), 12 * DAY), Folder::Trash),
    ]
}

/// So many threads in the inbox.
pub fn many(count: u64) -> Vec<MailView> {
    let make = |number: u64| {
        let text = cast::chatter(number * 5 + 3);
        let from = [
            bob(),
            mara(),
            mailbox("Paper & Thread", "orders@paper.example"),
            mailbox("", "e.vandenberg@poste.example"),
        ];
        let from = from.get(number as usize % 4).cloned().unwrap_or_default();
        let mut mail =
            at(mail(0, 0, from, &format!("{} {number}", cast::chatter(number)), &text), number * 7 * HOUR);
        mail.summary.id = MailId(cast::item_id(number + 1).0);
        mail.summary.thread = ThreadId(cast::item_id(number + 1).0);
        mail.summary.seen = number > 4;
        mail
    };
    (0..count).map(make).collect()
}

/// What is being written.
pub fn drafts() -> Vec<(MailId, (Draft, u64))> {
    let draft = Draft {
        to: vec![bob(), mailbox("", "office@yard.example")],
        subject: "The contract".to_owned(),
        text: "Dear Ms Berg,\n\nwe would like to".to_owned(),
        attachments: vec![DraftFile {
            id: 1,
            name: "contract.pdf".to_owned(),
            media_type: "application/pdf".to_owned(),
            size: 482_113,
        }],
        ..Draft::default()
    };
    vec![(MailId(id(40)), (draft, browser::now() - 50 * MINUTE))]
}

/// A draft as a row.
pub fn draft_row(id: MailId, draft: &Draft, time: u64) -> ThreadSummary {
    let mut mail = mail(0, 0, alice(), &draft.subject, &draft.text);
    mail.summary = MailSummary {
        id,
        thread: ThreadId(id.0),
        folder: Folder::Drafts,
        to: [draft.to.clone(), draft.cc.clone()].concat(),
        time,
        protection: Protection::Clear,
        attachments: draft.attachments.len() as u32,
        state: None,
        ..mail.summary
    };
    ThreadSummary {
        id: ThreadId(id.0),
        folder: Folder::Drafts,
        newest: mail.summary,
        mails: 1,
        unread: 0,
        people: vec![alice()],
    }
}

/// What a draft becomes.
pub fn sent(id: MailId, draft: &Draft, in_the_clear: bool) -> MailView {
    let mut mail = at(mail(0, 0, alice(), &draft.subject, &draft.text), 0);
    mail.summary.id = id;
    mail.summary.thread = ThreadId(id.0);
    mail.summary.to = [draft.to.clone(), draft.cc.clone()].concat();
    mail.summary.state = Some(MailState::Waiting);
    mail.summary.protection = if in_the_clear { Protection::Clear } else { Protection::EndToEnd };
    MailView { to: draft.to.clone(), cc: draft.cc.clone(), bcc: draft.bcc.clone(), ..mail }
}

/// What will happen to a mail for an address: it depends on how it begins.
pub fn outlook(address: String) -> RecipientState {
    let fingerprint = cast::person(&address).fingerprint;
    let found = |source| Outlook::Encrypted { fingerprint: fingerprint.clone(), source };
    let outlook = match address.split('@').next().unwrap_or_default() {
        _ if !address.contains('@') => Outlook::NoAddress,
        "office" | "nokey" => Outlook::NoKey,
        "unsure" => Outlook::Unsure,
        "nobody" => Outlook::Nobody,
        "revoked" => Outlook::Unusable(Unusable::Revoked),
        "dora" => Outlook::Unusable(Unusable::Changed { fingerprint: fingerprint.clone() }),
        "wkd" => found(KeySource::Wkd),
        "signe" => found(KeySource::Verified),
        "ingrid" => found(KeySource::File),
        _ if address.ends_with(DOMAIN) => found(KeySource::Directory),
        _ => found(KeySource::Pinned),
    };
    RecipientState { address, outlook }
}

/// HTML with a picture that was fetched, and one that was not.
pub fn with_pictures(html: &str) -> MailPictures {
    let picture = "<img alt=\"Map\" src=\"data:image/gif;base64,R0lGODlhAQABAIAAAHo7LgAAACH5BAAAAAAALAAAAAABAAEAAAICRAEAOw==\" \
                   width=\"560\" height=\"90\">";
    MailPictures { html: [picture, html].concat(), missing: 1 }
}

/// How a text looks in which a word may be bold.
pub fn preview(text: &str) -> Option<String> {
    text.contains("**").then(|| format!("<p>{}</p>", text.replacen("**", "<b>", 1).replace("**", "</b>")))
}

/// A mail as it came.
pub fn source(mail: &MailView) -> Vec<u8> {
    let MailSummary { from, subject, .. } = &mail.summary;
    format!("From: <{}>\r\nSubject: {subject}\r\n\r\n{}\r\n", from.address, mail.text).into_bytes()
}

/// What a mail says that was refused. One that ends with an even number can't be decrypted at all.
pub fn unchecked(id: MailId) -> Option<String> {
    let decrypts = id.0.last().is_some_and(|last| last % 2 == 1);
    decrypts.then(|| "<b>Send</b> it to https://evil.example/now".to_owned())
}

/// An attachment: what ends with `.pgp` was encrypted and is open now.
pub fn opened_file(file: &AttachmentView) -> OpenedFile {
    let bytes = self::file(file.part);
    match file.name.strip_suffix(".pgp") {
        Some(name) => OpenedFile {
            name: name.to_owned(),
            bytes,
            lock: FileLock::Opened,
            signature: Signature::Valid { fingerprint: fingerprint(&bob()), by_sender: true },
        },
        None => {
            OpenedFile { name: file.name.clone(), bytes, lock: FileLock::None, signature: Signature::None }
        }
    }
}

/// The bytes of an attachment.
pub fn file(part: u32) -> Vec<u8> {
    match part {
        2 => PICTURE.to_vec(),
        _ => "hull      RAL 5004\nwaterline RAL 9010\ndeck      oil, no paint\n".into(),
    }
}
