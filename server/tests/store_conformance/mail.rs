//! Mailboxes and the queue.

use super::{open, person, random, refused};
use futures_util::future::join_all;
use haven_server::store::{
    AccountId, Again, MailStore, NewEntry, NewQueued, News, QueueId, Report, Submission, sqlite::SqliteStore,
};
use haven_wire::{
    Refusal,
    ids::MessageId,
    limits::{MAX_INLINE_MAIL, MAX_ROWS_BYTES},
    mail::{EntryKind, MailboxEntry, Note, RefusedMail, Submitted, Withdrawal},
};
use std::path::Path;

conformance! {
    a_mailbox_is_in_order_and_without_gaps_under_concurrency
    an_id_is_in_a_mailbox_once_also_after_its_deletion
    a_page_holds_short_bodies_and_is_bounded
    a_deletion_moves_the_entry_to_the_end_without_its_body
    a_full_mailbox_takes_nothing_until_something_is_deleted
    of_notes_all_are_stored_or_none
    a_submission_is_whole_or_not_at_all
    a_repeated_submission_changes_nothing
    a_mail_is_taken_back_or_sent_and_never_both
    due_mail_is_taken_once_and_given_back
    a_report_is_stored_with_what_it_reports_and_once
    mail_that_was_taken_is_due_again_after_a_start
    news_of_mail_comes_after_the_change
    people_have_mailboxes_of_their_own
    refused_mail_is_counted_for_its_recipient
}

const NO_QUOTA: u64 = u64::MAX;

async fn someone(store: &SqliteStore, name: &str) -> AccountId {
    person(store, name).await;
    store.mail_account(name).await.unwrap().unwrap().account
}

fn entry(kind: EntryKind, size: usize) -> NewEntry {
    NewEntry { id: MessageId(random()), kind, body: vec![7; size] }
}

fn note() -> Note {
    Note { id: MessageId(random()), sealed: b"sealed, with its nonce and tag".to_vec() }
}

fn submission(id: MessageId) -> Submission {
    let kept = NewEntry { id, ..entry(EntryKind::Sent, 100) };
    let queued = (0..2)
        .map(|number| NewQueued {
            id: QueueId(random()),
            envelope: vec![number],
            message: b"sealed message".to_vec(),
        })
        .collect();
    Submission { kept, note: Some(note()), queued, now: 1000 }
}

async fn entries(store: &SqliteStore, account: AccountId) -> Vec<MailboxEntry> {
    store.mailbox(account, 0, 1000).await.unwrap().entries
}

async fn a_mailbox_is_in_order_and_without_gaps_under_concurrency(data: &Path) {
    let (store, _news) = open(data).await;
    let alice = someone(&store, "alice").await;
    let appends = (0..100).map(|_| store.append_mail(alice, entry(EntryKind::Arrived, 10), NO_QUOTA));
    assert!(join_all(appends).await.iter().all(Result::is_ok));
    let page = store.mailbox(alice, 0, 1000).await.unwrap();
    let sequences: Vec<_> = page.entries.iter().map(|entry| entry.sequence).collect();
    assert_eq!(sequences, (1..=100).collect::<Vec<_>>());
    assert_eq!((page.head, page.used), (100, 1000));
    let page = store.mailbox(alice, 90, 5).await.unwrap();
    assert_eq!((page.entries.len(), page.entries[0].sequence), (5, 91));
    store.close().await;
    let (store, _news) = open(data).await;
    assert_eq!(entries(&store, alice).await.len(), 100);
}

async fn an_id_is_in_a_mailbox_once_also_after_its_deletion(data: &Path) {
    let (store, _news) = open(data).await;
    let alice = someone(&store, "alice").await;
    let new = entry(EntryKind::Arrived, 10);
    assert_eq!(store.append_mail(alice, new.clone(), NO_QUOTA).await.unwrap(), 1);
    assert_eq!(store.append_mail(alice, new.clone(), NO_QUOTA).await.unwrap(), 1);
    store.delete_mail(alice, vec![1]).await.unwrap();
    assert_eq!(store.append_mail(alice, new.clone(), NO_QUOTA).await.unwrap(), 2);
    let left = entries(&store, alice).await;
    assert_eq!((left.len(), left[0].kind, left[0].id), (1, EntryKind::Deleted, new.id));
}

async fn a_page_holds_short_bodies_and_is_bounded(data: &Path) {
    let (store, _news) = open(data).await;
    let alice = someone(&store, "alice").await;
    for size in [MAX_INLINE_MAIL, MAX_INLINE_MAIL + 1, 0] {
        store.append_mail(alice, entry(EntryKind::Arrived, size), NO_QUOTA).await.unwrap();
    }
    let bodies: Vec<_> = entries(&store, alice)
        .await
        .into_iter()
        .map(|entry| (entry.size as usize, entry.body.map(|body| body.len())))
        .collect();
    let (short, long) = (MAX_INLINE_MAIL, MAX_INLINE_MAIL + 1);
    assert_eq!(bodies, [(short, Some(short)), (long, None), (0, Some(0))]);
    assert_eq!(store.mail_body(alice, 2).await.unwrap().unwrap().len(), long);
    assert_eq!(store.mail_body(alice, 9).await.unwrap(), None);
    for _ in 0..40 {
        store.append_mail(alice, entry(EntryKind::Arrived, MAX_INLINE_MAIL), NO_QUOTA).await.unwrap();
    }
    let page = entries(&store, alice).await;
    let bytes: usize = page.iter().filter_map(|entry| Some(entry.body.as_ref()?.len())).sum();
    assert!((MAX_ROWS_BYTES..=MAX_ROWS_BYTES + MAX_INLINE_MAIL).contains(&bytes), "{bytes}");
    assert_eq!(store.mailbox(alice, 0, 0).await.unwrap().entries.len(), 1);
    assert!(store.mailbox(alice, u64::MAX, u32::MAX).await.unwrap().entries.is_empty());
}

async fn a_deletion_moves_the_entry_to_the_end_without_its_body(data: &Path) {
    let (store, _news) = open(data).await;
    let alice = someone(&store, "alice").await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        let new = entry(EntryKind::Arrived, 50);
        ids.push(new.id);
        store.append_mail(alice, new, NO_QUOTA).await.unwrap();
    }
    assert_eq!(store.delete_mail(alice, vec![1, 3, 77]).await.unwrap(), 5);
    let left = entries(&store, alice).await;
    let shape: Vec<_> = left.iter().map(|entry| (entry.sequence, entry.kind, entry.id)).collect();
    assert_eq!(
        shape,
        [(2, EntryKind::Arrived, ids[1]), (4, EntryKind::Deleted, ids[0]), (5, EntryKind::Deleted, ids[2]),]
    );
    assert!(left[1].body.is_none() && left[1].size == 0);
    assert_eq!(store.mail_body(alice, 4).await.unwrap(), None);
    assert_eq!(store.mailbox(alice, 0, 10).await.unwrap().used, 50);
    // Again, and of a deleted one: nothing to do.
    assert_eq!(store.delete_mail(alice, vec![1, 4]).await.unwrap(), 5);
}

async fn a_full_mailbox_takes_nothing_until_something_is_deleted(data: &Path) {
    let (store, _news) = open(data).await;
    let alice = someone(&store, "alice").await;
    let append = |size| store.append_mail(alice, entry(EntryKind::Arrived, size), 100);
    append(60).await.unwrap();
    assert_eq!(refused(append(41).await), Refusal::MailboxFull);
    append(40).await.unwrap();
    assert_eq!(refused(append(1).await), Refusal::MailboxFull);
    assert_eq!(refused(store.put_notes(alice, vec![note()], 100).await), Refusal::MailboxFull);
    let full = store.submit_mail(alice, submission(MessageId(random())), 100).await;
    assert_eq!(refused(full), Refusal::MailboxFull);
    assert_eq!(store.mail_account("alice").await.unwrap().unwrap().used, 100);
    // A refusal takes no sequence number.
    assert_eq!(store.mailbox(alice, 0, 10).await.unwrap().head, 2);
    store.delete_mail(alice, vec![1]).await.unwrap();
    append(60).await.unwrap();
}

async fn of_notes_all_are_stored_or_none(data: &Path) {
    let (store, _news) = open(data).await;
    let alice = someone(&store, "alice").await;
    let notes: Vec<_> = (0..3).map(|_| note()).collect();
    assert_eq!(refused(store.put_notes(alice, notes.clone(), 12).await), Refusal::MailboxFull);
    assert_eq!(store.mailbox(alice, 0, 10).await.unwrap().head, 0);
    assert_eq!(store.put_notes(alice, notes[..2].to_vec(), NO_QUOTA).await.unwrap(), 2);
    assert_eq!(store.put_notes(alice, notes.clone(), NO_QUOTA).await.unwrap(), 3);
    let stored: Vec<_> = entries(&store, alice).await.iter().map(|entry| entry.id).collect();
    assert_eq!(stored, notes.iter().map(|note| note.id).collect::<Vec<_>>());
}

async fn a_submission_is_whole_or_not_at_all(data: &Path) {
    let (store, _news) = open(data).await;
    let alice = someone(&store, "alice").await;
    let mut clash = submission(MessageId(random()));
    clash.queued[1].id = clash.queued[0].id;
    assert!(store.submit_mail(alice, clash, NO_QUOTA).await.is_err());
    assert!(entries(&store, alice).await.is_empty());
    assert_eq!(store.next_mail_due().await.unwrap(), None);
    let new = submission(MessageId(random()));
    assert_eq!(store.submit_mail(alice, new, NO_QUOTA).await.unwrap(), 1);
    let kinds: Vec<_> = entries(&store, alice).await.iter().map(|entry| entry.kind).collect();
    assert_eq!(kinds, [EntryKind::Sent, EntryKind::Note]);
    assert_eq!(store.take_due_mail(1000, 2000, 10).await.unwrap().len(), 2);
}

async fn a_repeated_submission_changes_nothing(data: &Path) {
    let (store, _news) = open(data).await;
    let alice = someone(&store, "alice").await;
    let id = MessageId(random());
    let sequence = store.submit_mail(alice, submission(id), NO_QUOTA).await.unwrap();
    let again = join_all((0..5).map(|_| store.submit_mail(alice, submission(id), NO_QUOTA))).await;
    assert!(again.into_iter().all(|answer| answer.unwrap() == sequence));
    assert_eq!(entries(&store, alice).await.len(), 2);
    assert_eq!(store.take_due_mail(1000, 2000, 10).await.unwrap().len(), 2);
}

async fn a_mail_is_taken_back_or_sent_and_never_both(data: &Path) {
    let (store, _news) = open(data).await;
    let alice = someone(&store, "alice").await;
    let mut withdrawn = 0;
    for round in 0..40 {
        let id = MessageId(random());
        let (submit, withdraw) =
            (store.submit_mail(alice, submission(id), NO_QUOTA), store.withdraw_mail(alice, id));
        let (submitted, withdrawal) = if round % 2 == 0 {
            tokio::join!(submit, withdraw)
        } else {
            let (withdrawal, submitted) = tokio::join!(withdraw, submit);
            (submitted, withdrawal)
        };
        let withdrawal = withdrawal.unwrap();
        match submitted {
            Ok(sequence) => assert_eq!(withdrawal, Withdrawal::Sent(Submitted { sequence })),
            Err(error) => {
                assert_eq!(refused::<u64>(Err(error)), Refusal::NotFound);
                assert_eq!(withdrawal, Withdrawal::Withdrawn);
                withdrawn += 1;
            }
        }
        let again = store.withdraw_mail(alice, id).await.unwrap();
        assert_eq!(again, withdrawal);
    }
    assert!((1..40).contains(&withdrawn), "both were first at times: {withdrawn}");
    let kinds = |kind| move |entry: &&MailboxEntry| entry.kind == kind;
    let entries = entries(&store, alice).await;
    assert_eq!(entries.iter().filter(kinds(EntryKind::Withdrawn)).count(), withdrawn);
    assert_eq!(entries.iter().filter(kinds(EntryKind::Sent)).count(), 40 - withdrawn);
    assert_eq!(store.take_due_mail(1000, 2000, 200).await.unwrap().len(), 2 * (40 - withdrawn));
}

async fn due_mail_is_taken_once_and_given_back(data: &Path) {
    let (store, _news) = open(data).await;
    let alice = someone(&store, "alice").await;
    store.submit_mail(alice, submission(MessageId(random())), NO_QUOTA).await.unwrap();
    assert!(store.take_due_mail(999, 2000, 10).await.unwrap().is_empty());
    assert_eq!(store.next_mail_due().await.unwrap(), Some(1000));
    let (first, second) =
        tokio::join!(store.take_due_mail(1000, 1500, 1), store.take_due_mail(1000, 1500, 5));
    let (first, second) = (first.unwrap(), second.unwrap());
    assert_eq!((first.len(), second.len()), (1, 1));
    assert_ne!(first[0].id, second[0].id);
    assert_eq!((first[0].attempts, first[0].first_tried), (0, 1000));
    assert_eq!(store.queued_message(first[0].id).await.unwrap().unwrap(), b"sealed message");
    assert_eq!(store.next_mail_due().await.unwrap(), Some(1500));
    let again = Again { due: 3000, envelope: b"the rest".to_vec() };
    store.reschedule_mail(first[0].id, again, None).await.unwrap();
    store.finish_mail(second[0].id, None).await.unwrap();
    assert_eq!(store.queued_message(second[0].id).await.unwrap(), None);
    assert_eq!(store.next_mail_due().await.unwrap(), Some(3000));
    assert!(store.take_due_mail(2999, 9000, 10).await.unwrap().is_empty());
    let due = store.take_due_mail(3000, 9000, 10).await.unwrap();
    assert_eq!((due.len(), due[0].attempts, due[0].envelope.as_slice()), (1, 1, b"the rest".as_slice()));
    // Whoever took it and vanished loses it.
    assert_eq!(store.take_due_mail(9000, 9999, 10).await.unwrap().len(), 1);
}

async fn a_report_is_stored_with_what_it_reports_and_once(data: &Path) {
    let (store, _news) = open(data).await;
    let alice = someone(&store, "alice").await;
    let mut new = submission(MessageId(random()));
    new.note = None;
    let id = new.queued[0].id;
    store.submit_mail(alice, new, NO_QUOTA).await.unwrap();
    let report = || Some(Report { account: alice, entry: entry(EntryKind::Delivery, 20) });
    let again = Again { due: 5000, envelope: Vec::new() };
    store.reschedule_mail(id, again.clone(), report()).await.unwrap();
    store.finish_mail(id, report()).await.unwrap();
    // It is gone: who comes late has nothing to report.
    store.finish_mail(id, report()).await.unwrap();
    store.reschedule_mail(id, again, report()).await.unwrap();
    let kinds: Vec<_> = entries(&store, alice).await.iter().map(|entry| entry.kind).collect();
    assert_eq!(kinds, [EntryKind::Sent, EntryKind::Delivery, EntryKind::Delivery]);
}

async fn mail_that_was_taken_is_due_again_after_a_start(data: &Path) {
    let (store, _news) = open(data).await;
    let alice = someone(&store, "alice").await;
    store.submit_mail(alice, submission(MessageId(random())), NO_QUOTA).await.unwrap();
    assert_eq!(store.take_due_mail(1000, 99_999, 10).await.unwrap().len(), 2);
    store.close().await;
    let (store, _news) = open(data).await;
    assert!(store.take_due_mail(1001, 99_999, 10).await.unwrap().is_empty());
    store.release_mail().await.unwrap();
    assert_eq!(store.take_due_mail(1001, 99_999, 10).await.unwrap().len(), 2);
}

async fn news_of_mail_comes_after_the_change(data: &Path) {
    let (store, mut news) = open(data).await;
    let alice = someone(&store, "alice").await;
    store.append_mail(alice, entry(EntryKind::Arrived, 1), NO_QUOTA).await.unwrap();
    store.delete_mail(alice, vec![1]).await.unwrap();
    let full = store.append_mail(alice, entry(EntryKind::Arrived, 1), 0).await;
    assert_eq!(refused(full), Refusal::MailboxFull);
    store.submit_mail(alice, submission(MessageId(random())), NO_QUOTA).await.unwrap();
    let mut heads = Vec::new();
    let mut queued = 0;
    while let Ok(item) = news.try_recv() {
        match item {
            News::Mailbox { account, head } if account == alice => heads.push(head),
            News::MailQueued => queued += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((heads, queued), (vec![1, 2, 3, 4], 2));
}

async fn people_have_mailboxes_of_their_own(data: &Path) {
    let (store, _news) = open(data).await;
    let (alice, bob) = (someone(&store, "alice").await, someone(&store, "bob").await);
    let same = entry(EntryKind::Arrived, 10);
    for account in [alice, bob] {
        assert_eq!(store.append_mail(account, same.clone(), NO_QUOTA).await.unwrap(), 1);
    }
    store.delete_mail(alice, vec![1]).await.unwrap();
    assert_eq!(entries(&store, bob).await[0].kind, EntryKind::Arrived);
    assert!(store.mail_account("carol").await.unwrap().is_none());
    let own = store.own_mail_account(bob).await.unwrap();
    assert_eq!((own.local.as_str(), own.used), ("bob", 10));
    assert_eq!(refused(store.own_mail_account(AccountId(random())).await), Refusal::NotSignedIn);
}

async fn refused_mail_is_counted_for_its_recipient(data: &Path) {
    let (store, _news) = open(data).await;
    let (alice, bob) = (someone(&store, "alice").await, someone(&store, "bob").await);
    for day in [20_000, 20_003] {
        store.count_refused_mail(alice, day).await.unwrap();
    }
    let seen = |page: haven_server::store::MailboxPage| page.refused;
    let refused = seen(store.mailbox(alice, 0, 10).await.unwrap());
    assert_eq!(refused, RefusedMail { count: 2, last_day: 20_003 });
    assert_eq!(seen(store.mailbox(bob, 0, 10).await.unwrap()), RefusedMail::default());
    drop(store);
    let (store, _news) = open(data).await;
    assert_eq!(seen(store.mailbox(alice, 0, 10).await.unwrap()), refused);
}
