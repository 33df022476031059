//! Mailboxes, and sending.

use crate::common::{By, TestRelay, mail::*, person::Person, random, request, socket::Socket};
use haven_server::{
    limits::Rate,
    mail::{envelope::Envelope, key::Part},
    store::MailStore as _,
};
use haven_wire::{
    Refusal,
    ids::*,
    limits::{MAX_INLINE_MAIL, MAX_MAIL, MAX_NOTE},
    mail::*,
    push::FromRelay,
};

const TEXT: &str =
    "From: <alice@localhost>\r\nTo: bob@example.org\r\nSubject: Quietsubject\r\n\r\nPlainwords\r\n";

fn mail(recipients: &[&str], text: &str) -> OutgoingMail {
    OutgoingMail { recipients: recipients.iter().map(|to| to.to_string()).collect(), message: text.into() }
}

fn submission(messages: Vec<OutgoingMail>) -> SubmitMail {
    SubmitMail { id: MessageId(random()), messages, kept: 0, note: None }
}

fn note() -> Note {
    Note { id: MessageId(random()), sealed: b"sealed, with its nonce and tag".to_vec() }
}

#[tokio::test]
async fn a_submission_is_kept_encrypted_and_queued_sealed() {
    let relay = sending_relay(|_| ()).await;
    let alice = Reader::new(&relay, "alice").await;
    let mut socket = Socket::of(&relay, &alice.person).await;
    let mut call = submission(vec![mail(&["bob@example.org"], TEXT), mail(&["carol@example.org"], TEXT)]);
    call.note = Some(note());
    let answer = relay.call(&call, alice.by()).await.unwrap();
    assert_eq!(answer.sequence, 1);
    assert!(matches!(socket.next().await, Some(FromRelay::Mailbox { .. })));
    let entries = alice.mailbox(&relay).await.entries;
    assert_eq!((entries[0].kind, entries[0].id), (EntryKind::Sent, call.id));
    assert_eq!((entries[1].kind, entries[1].id), (EntryKind::Note, call.note.as_ref().unwrap().id));
    let kept = opened(&alice.cert, entries[0].body.as_ref().unwrap());
    assert_eq!(kept, TEXT.as_bytes());
    let due = relay.store.take_due_mail(u64::MAX / 4, u64::MAX / 2, 10).await.unwrap();
    let mut recipients = Vec::new();
    for item in due {
        let sealed = relay.store.queued_message(item.id).await.unwrap().unwrap();
        let key = &relay.state.mail.key;
        assert_eq!(key.unseal(item.id, Part::Message, &sealed).unwrap(), TEXT.as_bytes());
        let envelope = key.unseal(item.id, Part::Envelope, &item.envelope).unwrap();
        let envelope: Envelope = haven_wire::decode(&envelope).unwrap();
        assert_eq!((envelope.sender.as_str(), envelope.submission), ("alice@localhost", call.id));
        recipients.extend(envelope.recipients);
    }
    recipients.sort();
    assert_eq!(recipients, ["bob@example.org", "carol@example.org"]);
}

#[tokio::test]
async fn the_same_submission_again_sends_nothing() {
    let relay = sending_relay(|_| ()).await;
    let alice = Reader::new(&relay, "alice").await;
    let call = submission(vec![mail(&["bob@example.org"], TEXT)]);
    for _ in 0..3 {
        assert_eq!(relay.call(&call, alice.by()).await.unwrap().sequence, 1);
    }
    assert_eq!(relay.store.take_due_mail(u64::MAX / 4, u64::MAX / 2, 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn what_was_taken_back_is_refused_when_it_comes_late_and_what_was_sent_is_not_taken_back() {
    let relay = sending_relay(|_| ()).await;
    let alice = Reader::new(&relay, "alice").await;
    let call = submission(vec![mail(&["bob@example.org"], TEXT)]);
    let withdraw = WithdrawMail { id: call.id };
    for _ in 0..2 {
        assert_eq!(relay.call(&withdraw, alice.by()).await.unwrap(), Withdrawal::Withdrawn);
        assert_eq!(relay.call(&call, alice.by()).await.unwrap_err(), Refusal::NotFound);
    }
    let sent = SubmitMail { id: MessageId([9; 16]), ..call };
    let submitted = relay.call(&sent, alice.by()).await.unwrap();
    let withdraw = WithdrawMail { id: sent.id };
    assert_eq!(relay.call(&withdraw, alice.by()).await.unwrap(), Withdrawal::Sent(submitted));
    assert_eq!(relay.store.take_due_mail(u64::MAX / 4, u64::MAX / 2, 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn no_file_of_the_relay_holds_a_word_of_a_mail_on_its_way_or_who_gets_it() {
    let relay = sending_relay(|_| ()).await;
    let alice = Reader::new(&relay, "alice").await;
    relay.call(&submission(vec![mail(&["quietperson@example.org"], TEXT)]), alice.by()).await.unwrap();
    for file in std::fs::read_dir(relay.data()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        for word in ["Plainwords", "Quietsubject", "quietperson", "example.org"] {
            assert!(!bytes.windows(word.len()).any(|window| window == word.as_bytes()), "{word}");
        }
    }
}

#[tokio::test]
async fn who_speaks_for_others_or_breaks_lines_is_refused() {
    let relay = sending_relay(|_| ()).await;
    let alice = Reader::new(&relay, "alice").await;
    let good = || mail(&["bob@example.org"], TEXT);
    let with = |change: fn(&mut SubmitMail)| {
        let mut call = submission(vec![good()]);
        change(&mut call);
        call
    };
    let calls = [
        submission(vec![mail(&["bob@example.org"], &TEXT.replace("<alice@", "<mallory@"))]),
        submission(vec![mail(&["bob@example.org"], &TEXT.replace("To:", "Bcc: eve@example.org\r\nTo:"))]),
        submission(vec![mail(&["bob@example.org"], &TEXT.replace("words\r\n", "words\n.\n"))]),
        submission(vec![mail(&["bob@example.org\r\nDATA"], TEXT)]),
        submission(vec![mail(&[], TEXT)]),
        submission(Vec::new()),
        with(|call| call.kept = 1),
        with(|call| call.messages[0].recipients = vec!["bob".into()]),
    ];
    for call in calls {
        assert_eq!(relay.call(&call, alice.by()).await.unwrap_err().status(), 400, "{call:?}");
    }
    let many = vec!["bob@example.org"; 101];
    assert_eq!(relay.call(&submission(vec![mail(&many, TEXT)]), alice.by()).await.unwrap_err().status(), 413);
    assert_eq!(alice.mailbox(&relay).await.head, 0);
}

#[tokio::test]
async fn the_largest_mail_can_be_sent_and_read_and_a_larger_one_not() {
    let relay = sending_relay(|_| ()).await;
    let alice = Reader::new(&relay, "alice").await;
    let line = format!("{}\r\n", "x".repeat(998));
    let lines = (MAX_MAIL - TEXT.len()) / line.len();
    let large = format!("{TEXT}{}", line.repeat(lines));
    let call = submission(vec![mail(&["bob@example.org"], &large)]);
    let sequence = relay.call(&call, alice.by()).await.unwrap().sequence;
    let body = relay.call(&GetMail { sequence }, alice.by()).await.unwrap().body;
    assert_eq!(opened(&alice.cert, &body), large.as_bytes());
    let call = submission(vec![mail(&["bob@example.org"], &format!("{large}{line}"))]);
    assert_eq!(relay.call(&call, alice.by()).await.unwrap_err().status(), 413);
}

#[tokio::test]
async fn a_body_that_is_read_holds_its_share_of_memory_until_it_is_sent() {
    let relay = sending_relay(|_| ()).await;
    let alice = Reader::new(&relay, "alice").await;
    let large = format!("{TEXT}{}", "x\r\n".repeat(MAX_INLINE_MAIL));
    relay.call(&submission(vec![mail(&["bob@example.org"], &large)]), alice.by()).await.unwrap();
    let room = || relay.state.large_replies.all.available_permits();
    let all = room();
    let response = relay.raw(request(&GetMail { sequence: 1 }, alice.by())).await;
    assert!(response.status() == 200 && room() < all);
    drop(response);
    assert_eq!(room(), all);
}

#[tokio::test]
async fn sending_is_limited_by_account_and_recipients() {
    let rate = Rate { burst: 10, every_s: 3600.0 };
    let relay = sending_relay(|config| config.limits.submit_mails = rate).await;
    let (alice, bob) = (Reader::new(&relay, "alice").await, Reader::new(&relay, "bob").await);
    let many = vec!["carol@example.org"; 61];
    let call = || submission(vec![mail(&many, TEXT)]);
    relay.call(&call(), alice.by()).await.unwrap();
    assert_eq!(relay.call(&call(), alice.by()).await.unwrap_err().status(), 429);
    for _ in 0..3 {
        relay.call(&submission(vec![mail(&["c@example.org"], TEXT)]), alice.by()).await.unwrap();
    }
    let last = relay.call(&submission(vec![mail(&["c@example.org"], TEXT)]), alice.by()).await;
    assert_eq!(last.unwrap_err().status(), 429);
    let of_bob = TEXT.replace("alice", "bob");
    relay.call(&submission(vec![mail(&["c@example.org"], &of_bob)]), bob.by()).await.unwrap();
}

#[tokio::test]
async fn without_a_certificate_that_encrypts_nothing_is_sent() {
    let relay = sending_relay(|_| ()).await;
    let alice = Person::new(&relay, "alice").await;
    let call = submission(vec![mail(&["bob@example.org"], TEXT)]);
    assert_eq!(relay.call(&call, alice.by()).await.unwrap_err().status(), 400);
    assert_eq!(relay.store.next_mail_due().await.unwrap(), None);
}

#[tokio::test]
async fn notes_reach_the_other_devices_and_deletions_too() {
    let relay = sending_relay(|_| ()).await;
    let alice = Person::new(&relay, "alice").await;
    let phone = alice.another_device(&relay).await;
    let mut socket = Socket::of(&relay, &phone).await;
    let call = PutNotes { notes: vec![note(), note()] };
    for _ in 0..2 {
        assert_eq!(relay.call(&call, alice.by()).await.unwrap(), MailboxHead { head: 2 });
    }
    assert!(matches!(socket.next().await, Some(FromRelay::Mailbox { .. })));
    let head = relay.call(&DeleteMail { sequences: vec![1, 99] }, alice.by()).await.unwrap();
    assert_eq!(head, MailboxHead { head: 3 });
    let page = relay.call(&GetMailbox { after: 0, limit: 10 }, phone.by()).await.unwrap();
    let kinds: Vec<_> = page.entries.iter().map(|entry| (entry.sequence, entry.kind)).collect();
    assert_eq!(kinds, [(2, EntryKind::Note), (3, EntryKind::Deleted)]);
    assert_eq!((page.head, page.used, page.quota), (3, note().sealed.len() as u64, 1_024_000_000));
    for sequence in [1, 3, 4] {
        let answer = relay.call(&GetMail { sequence }, phone.by()).await;
        assert_eq!(answer.unwrap_err(), Refusal::NotFound, "{sequence}");
    }
}

#[tokio::test]
async fn notes_are_bounded() {
    let relay = sending_relay(|_| ()).await;
    let alice = Person::new(&relay, "alice").await;
    let mut large = note();
    large.sealed.resize(MAX_NOTE + 1, 0);
    let many = vec![1; 501];
    assert_eq!(relay.call(&PutNotes { notes: vec![large] }, alice.by()).await.unwrap_err().status(), 413);
    // What weighs nothing would never fill a mailbox.
    let empty = Note { sealed: Vec::new(), ..note() };
    assert_eq!(relay.call(&PutNotes { notes: vec![empty] }, alice.by()).await.unwrap_err().status(), 400);
    assert_eq!(relay.call(&DeleteMail { sequences: many }, alice.by()).await.unwrap_err().status(), 413);
}

#[tokio::test]
async fn a_full_mailbox_refuses_what_its_owner_sends_and_leaves() {
    let quota = |config: &mut haven_server::config::Config| config.mail.quota_mb = 0;
    let relay = sending_relay(quota).await;
    let alice = Reader::new(&relay, "alice").await;
    let call = submission(vec![mail(&["bob@example.org"], TEXT)]);
    assert_eq!(relay.call(&call, alice.by()).await.unwrap_err(), Refusal::MailboxFull);
    let notes = PutNotes { notes: vec![note()] };
    assert_eq!(relay.call(&notes, alice.by()).await.unwrap_err(), Refusal::MailboxFull);
    assert_eq!(relay.store.next_mail_due().await.unwrap(), None);
}

#[tokio::test]
async fn nobody_reads_anothers_mailbox() {
    let relay = TestRelay::start().await;
    let (alice, mallory) = (Person::new(&relay, "alice").await, Person::new(&relay, "mallory").await);
    relay.call(&PutNotes { notes: vec![note()] }, alice.by()).await.unwrap();
    let mut socket = Socket::of(&relay, &mallory).await;
    let page = relay.call(&GetMailbox { after: 0, limit: 10 }, mallory.by()).await.unwrap();
    assert!(page.entries.is_empty() && page.head == 0);
    assert_eq!(relay.call(&GetMail { sequence: 1 }, mallory.by()).await.unwrap_err(), Refusal::NotFound);
    relay.call(&DeleteMail { sequences: vec![1] }, mallory.by()).await.unwrap();
    let page = relay.call(&GetMailbox { after: 0, limit: 10 }, alice.by()).await.unwrap();
    assert_eq!(page.entries[0].kind, EntryKind::Note);
    assert!(socket.drain().await.is_empty());
    let stranger = SessionToken(random());
    let refused = relay.call(&GetMailbox { after: 0, limit: 10 }, By::Session(&stranger)).await;
    assert_eq!(refused.unwrap_err(), Refusal::NotSignedIn);
}

#[tokio::test]
async fn the_relay_says_whether_it_takes_mail() {
    for listens in [false, true] {
        let listen = |config: &mut haven_server::config::Config| {
            config.mail.smtp_listen = listens.then(|| ([127, 0, 0, 1], 0).into());
        };
        let relay = TestRelay::start_with(listen, Default::default()).await;
        let alice = Person::new(&relay, "alice").await;
        assert_eq!(relay.call(&MailInfo {}, alice.by()).await.unwrap().receives, listens);
    }
}
