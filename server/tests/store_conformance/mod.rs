//! What every store must do, as a list that runs on each of them. SQLite always; PostgreSQL joins here next.
//!
//! The calls' refusals are tested through the API. Here is what a store could get wrong beneath it: order, atomicity
//! under concurrency, durability across a reopening, news, and what the tables may hold.

use futures_util::future::join_all;
use haven_server::store::{NewCommit, NewMessages, News, RelayStore, StoreError, sqlite::SqliteStore};
use haven_wire::{Refusal, account::*, group::*, ids::*, keys::*};
use serde_bytes::ByteBuf;
use sqlx::{ConnectOptions as _, Row as _};
use std::{collections::HashSet, path::Path};
use tokio::sync::mpsc;

/// Opens the store whose data is in a directory: anew, or again.
async fn open(data: &Path) -> (SqliteStore, mpsc::UnboundedReceiver<News>) {
    let (news, heard) = mpsc::unbounded_channel();
    (SqliteStore::open(&data.join("haven.db"), news).await.unwrap(), heard)
}

/// One test for each entry of the list, on each store.
macro_rules! conformance {
    ($($name:ident)*) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $name() {
                let data = tempfile::tempdir().unwrap();
                super::$name(data.path()).await;
            })*
        }
    };
}

mod mail;

conformance! {
    concurrent_appends_to_many_groups_are_in_order_and_without_gaps
    news_comes_in_the_order_of_the_log_and_only_of_what_is_stored
    a_refused_change_leaves_nothing_beside_accepted_ones
    what_was_answered_is_there_after_a_reopening
    pointers_are_delivered_after_a_reopening
    racing_changes_of_one_vault_have_one_winner
    racing_changes_of_one_certificate_have_one_winner
    key_packages_are_given_out_once
    what_accounts_go_with_is_noted_and_stays_once_there_is_one
    a_removed_device_takes_its_things_with_it
    large_counters_are_refused_and_not_wrapped
}

async fn what_accounts_go_with_is_noted_and_stays_once_there_is_one(data: &Path) {
    let (store, _heard) = open(data).await;
    let noted = async |store: &SqliteStore, value: &str| {
        String::from_utf8(store.belonging("domain", value.into()).await.unwrap()).unwrap()
    };
    assert_eq!(noted(&store, "a.example").await, "a.example");
    assert_eq!(noted(&store, "b.example").await, "b.example");
    store.create_account("alice", account("alice").1, 20_000).await.unwrap();
    assert_eq!(noted(&store, "c.example").await, "b.example");
    store.close().await;
    assert_eq!(noted(&open(data).await.0, "c.example").await, "b.example");
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).unwrap();
    bytes
}

fn token(epoch: u64) -> Hash {
    EpochToken([u8::try_from(epoch % 256).unwrap(); 32]).hash()
}

fn commit(group_id: GroupId, epoch: u64) -> NewCommit {
    NewCommit {
        token_hash: token(epoch),
        request: AppendCommit {
            group_id,
            epoch,
            message_id: MessageId(random()),
            commit: b"commit".to_vec(),
            mark: CommitMark { next_token_hash: token(epoch + 1), barrier: false },
            welcome: None,
            pointers: Vec::new(),
        },
        day: 20_000,
    }
}

fn messages(group_id: GroupId, epoch: u64, count: usize) -> NewMessages {
    NewMessages {
        token_hash: token(epoch),
        request: AppendMessages {
            group_id,
            epoch,
            messages: (0..count)
                .map(|_| NewMessage { message_id: MessageId(random()), ciphertext: b"message".to_vec() })
                .collect(),
        },
        day: 20_000,
    }
}

async fn read(store: &impl RelayStore, group_id: GroupId, epoch: u64) -> Vec<Row> {
    let request = GetRows { group_id, epoch, after: 0, limit: 1000 };
    store.rows(token(epoch), request).await.unwrap().rows
}

fn account(name: &str) -> (DeviceId, RegisterFinish) {
    let device_id = DeviceId(random());
    let call = RegisterFinish {
        address: format!("{name}@localhost"),
        credentials: Credentials {
            opaque_record: b"record".to_vec(),
            stretching: Stretching::CURRENT,
            recovery_login_hash: Hash(random()),
            wrap_password: Vec::new(),
            wrap_recovery: Vec::new(),
        },
        vault: Vault { version: 1, body: Vec::new() },
        certificate: Vec::new(),
        device_list: SignedDeviceList { sequence: 1, document: Vec::new() },
        device_id,
        session_hash: Hash(random()),
    };
    (device_id, call)
}

async fn person(store: &impl RelayStore, name: &str) -> (DeviceId, Hash) {
    let (device, call) = account(name);
    let session = call.session_hash;
    store.create_account(name, call, 20_000).await.unwrap();
    (device, session)
}

fn refused<T: std::fmt::Debug>(result: Result<T, StoreError>) -> Refusal {
    match result {
        Err(StoreError::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

async fn concurrent_appends_to_many_groups_are_in_order_and_without_gaps(data: &Path) {
    let (store, _news) = open(data).await;
    let groups: Vec<_> = (0..20).map(|_| GroupId(random())).collect();
    join_all(groups.iter().map(|group| store.append_commit(commit(*group, 0)))).await;
    let appends = (0..600).map(|number: usize| {
        let group = groups[number % groups.len()];
        store.append_messages(messages(group, 1, 1 + number % 3))
    });
    for answer in join_all(appends).await {
        answer.unwrap();
    }
    for group in groups {
        let rows = read(&store, group, 1).await;
        let sequences: Vec<_> = rows.iter().map(|row| row.sequence).collect();
        assert_eq!(sequences, (1..=rows.len() as u64).collect::<Vec<_>>());
        assert!(rows.len() > 30);
    }
}

async fn news_comes_in_the_order_of_the_log_and_only_of_what_is_stored(data: &Path) {
    let (store, mut news) = open(data).await;
    let group = GroupId(random());
    store.append_commit(commit(group, 0)).await.unwrap();
    let appends = (0..200).map(|_| store.append_messages(messages(group, 1, 2)));
    let refusals = (0..50).map(|_| store.append_messages(messages(group, 0, 1)));
    let (_, refusals) = tokio::join!(join_all(appends), join_all(refusals));
    assert!(refusals.iter().all(Result::is_err));
    let mut next = 1;
    while let Ok(item) = news.try_recv() {
        let News::Rows { group_id, rows } = item else { panic!("{item:?}") };
        assert_eq!(group_id, group);
        for row in rows.iter() {
            assert_eq!(row.sequence, next);
            next += 1;
        }
    }
    assert_eq!(next, 402);
}

async fn a_refused_change_leaves_nothing_beside_accepted_ones(data: &Path) {
    let (store, mut news) = open(data).await;
    let taken = GroupId(random());
    let welcome = WelcomeId(random());
    let with_welcome = |group| {
        let mut new = commit(group, 0);
        new.request.welcome = Some(StoredWelcome { id: welcome, welcome: b"sealed".to_vec() });
        new
    };
    store.append_commit(with_welcome(taken)).await.unwrap();
    // All of these fail at their last step, between others that succeed.
    let failing: Vec<_> = (0..20).map(|_| GroupId(random())).collect();
    let passing: Vec<_> = (0..20).map(|_| GroupId(random())).collect();
    let (failed, passed) = tokio::join!(
        join_all(failing.iter().map(|group| store.append_commit(with_welcome(*group)))),
        join_all(passing.iter().map(|group| store.append_commit(commit(*group, 0)))),
    );
    assert!(failed.into_iter().all(|answer| refused(answer).status() == 400));
    assert!(passed.into_iter().all(|answer| answer.is_ok()));
    let mut heard = HashSet::new();
    while let Ok(News::Rows { group_id, .. }) = news.try_recv() {
        heard.insert(group_id);
    }
    assert_eq!(heard.len(), 21);
    for group in failing {
        let request = GetRows { group_id: group, epoch: 0, after: 0, limit: 1 };
        let answer = store.rows(token(0), request).await;
        assert_eq!(refused(answer), Refusal::WrongEpochToken);
    }
}

async fn what_was_answered_is_there_after_a_reopening(data: &Path) {
    let (store, _news) = open(data).await;
    let group = GroupId(random());
    store.append_commit(commit(group, 0)).await.unwrap();
    store.append_messages(messages(group, 1, 5)).await.unwrap();
    let (device, session) = person(&store, "alice").await;
    let before = read(&store, group, 0).await;
    store.close().await;
    assert!(store.append_messages(messages(group, 1, 1)).await.is_err());
    let (store, _news) = open(data).await;
    assert_eq!(read(&store, group, 0).await, before);
    assert_eq!(store.session(session).await.unwrap().unwrap().device, device);
    let next = store.append_messages(messages(group, 1, 1)).await.unwrap();
    assert_eq!(next.sequence, 7);
}

async fn pointers_are_delivered_after_a_reopening(data: &Path) {
    let (store, _news) = open(data).await;
    let (device, _) = person(&store, "alice").await;
    let mut new = commit(GroupId(random()), 0);
    new.request.pointers =
        (0..300_u32).map(|number| Pointer { inbox: device, sealed: number.to_be_bytes().to_vec() }).collect();
    store.append_commit(new).await.unwrap();
    assert!(store.inbox(device, 0).await.unwrap().is_empty());
    store.close().await;
    let (store, mut news) = open(data).await;
    let mut delivered = 0;
    loop {
        match store.deliver_outbox().await.unwrap() {
            0 => break,
            some => delivered += some,
        }
    }
    assert_eq!(delivered, 300);
    assert!(matches!(news.try_recv(), Ok(News::Inbox(of)) if of == device));
    let mut seen = HashSet::new();
    let mut after = 0;
    while let Some(last) = {
        let page = store.inbox(device, after).await.unwrap();
        seen.extend(page.iter().map(|entry| entry.sealed.clone()));
        page.last().map(|entry| entry.sequence)
    } {
        after = last;
    }
    assert_eq!((seen.len(), after), (300, 300));
    store.acknowledge_inbox(device, 299).await.unwrap();
    assert_eq!(store.inbox(device, 0).await.unwrap().len(), 1);
}

async fn racing_changes_of_one_vault_have_one_winner(data: &Path) {
    let (store, _news) = open(data).await;
    let (_, session) = person(&store, "alice").await;
    let account = store.session(session).await.unwrap().unwrap().account;
    for version in 2..10 {
        let puts = (0..10_u8).map(|number| store.put_vault(account, Vault { version, body: vec![number] }));
        let answers = join_all(puts).await;
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
        let winner = answers.iter().position(Result::is_ok).unwrap();
        let held = store.vault(account).await.unwrap();
        assert_eq!(held.body, [u8::try_from(winner).unwrap()]);
    }
}

async fn racing_changes_of_one_certificate_have_one_winner(data: &Path) {
    let (store, _news) = open(data).await;
    let (_, session) = person(&store, "alice").await;
    person(&store, "bob").await;
    let account = store.session(session).await.unwrap().unwrap().account;
    let mut held = Vec::new();
    for round in 1..6_u8 {
        let replaces = Hash::of(&held);
        let puts = (0..10_u8).map(|number| store.put_certificate(account, replaces, vec![round, number]));
        let answers = join_all(puts).await;
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
        let winner = answers.iter().position(Result::is_ok).unwrap();
        let before = std::mem::replace(&mut held, vec![round, u8::try_from(winner).unwrap()]);
        let entry = store.directory_entry("alice").await.unwrap().unwrap();
        assert_eq!(entry.certificate, held);
        // The same again, after its answer was lost.
        store.put_certificate(account, Hash::of(&before), held.clone()).await.unwrap();
        let late = store.put_certificate(account, Hash::of(&before), vec![0]).await;
        assert_eq!(refused(late), Refusal::Conflict { current: 0 });
    }
    assert_eq!(store.directory_entry("bob").await.unwrap().unwrap().certificate, b"");
}

async fn key_packages_are_given_out_once(data: &Path) {
    let (store, _news) = open(data).await;
    let (device, _) = person(&store, "alice").await;
    let new = PublishKeyPackages {
        suite: 1,
        one_time: (0..100_u8).map(|number| ByteBuf::from(vec![number])).collect(),
        last_resort: None,
    };
    store.publish_key_packages(device, new.clone(), 20_000).await.unwrap();
    let (claims, _) = tokio::join!(
        join_all((0..120).map(|_| store.claim_key_packages("alice", 1))),
        join_all((0..5).map(|_| store.publish_key_packages(device, new.clone(), 20_000))),
    );
    let mut given = HashSet::new();
    for claim in claims {
        for one in claim.unwrap().key_packages {
            assert!(given.insert(one.key_package));
        }
    }
    assert_eq!(given.len(), 100);
}

async fn a_removed_device_takes_its_things_with_it(data: &Path) {
    let (store, mut news) = open(data).await;
    let (device, session) = person(&store, "alice").await;
    let account = store.session(session).await.unwrap().unwrap().account;
    let mut new = commit(GroupId(random()), 0);
    new.request.pointers = vec![Pointer { inbox: device, sealed: Vec::new() }];
    store.append_commit(new).await.unwrap();
    store.remove_device(account, device, None).await.unwrap();
    assert_eq!(store.session(session).await.unwrap(), None);
    assert_eq!(store.deliver_outbox().await.unwrap(), 1);
    assert_eq!(store.deliver_outbox().await.unwrap(), 0);
    assert!(store.inbox(device, 0).await.unwrap().is_empty());
    let mut signed_out = false;
    while let Ok(item) = news.try_recv() {
        signed_out |= matches!(item, News::SignedOut(of) if of == device);
    }
    assert!(signed_out);
}

async fn large_counters_are_refused_and_not_wrapped(data: &Path) {
    let (store, _news) = open(data).await;
    let group = GroupId(random());
    store.append_commit(commit(group, 0)).await.unwrap();
    for epoch in [u64::MAX, i64::MAX as u64, i64::MAX as u64 + 1] {
        let request = GetRows { group_id: group, epoch, after: u64::MAX, limit: u32::MAX };
        assert_eq!(refused(store.rows(token(1), request).await), Refusal::WrongEpochToken);
    }
    let request = GetRows { group_id: group, epoch: 1, after: u64::MAX, limit: u32::MAX };
    assert!(store.rows(token(1), request).await.unwrap().rows.is_empty());
}

// What belongs to SQLite alone ---------------------------------------------------------------------------------------

async fn raw(data: &Path) -> sqlx::SqliteConnection {
    sqlx::sqlite::SqliteConnectOptions::new().filename(data.join("haven.db")).connect().await.unwrap()
}

/// Tables and their columns.
async fn schema(data: &Path) -> Vec<(String, HashSet<String>)> {
    let mut connection = raw(data).await;
    let tables = sqlx::query("SELECT name FROM sqlite_master WHERE type = 'table'")
        .fetch_all(&mut connection)
        .await
        .unwrap();
    let mut schema = Vec::new();
    for table in tables {
        let name: String = table.get(0);
        let columns = sqlx::query("SELECT name FROM pragma_table_info(?)")
            .bind(&name)
            .fetch_all(&mut connection)
            .await
            .unwrap();
        schema.push((name, columns.iter().map(|column| column.get(0)).collect()));
    }
    schema
}

#[tokio::test]
async fn no_table_links_a_device_or_an_account_to_a_group() {
    let data = tempfile::tempdir().unwrap();
    open(data.path()).await.0.close().await;
    let schema = schema(data.path()).await;
    assert!(schema.len() > 10);
    let of_people = ["account_id", "device_id", "inbox", "local_part", "session_hash"];
    let of_groups = ["group_id", "epoch", "token_hash", "message_id", "welcome_id", "welcome"];
    for (table, columns) in schema {
        let has = |names: &[&str]| names.iter().any(|name| columns.contains(*name));
        assert!(!(has(&of_people) && has(&of_groups)), "{table}: {columns:?}");
    }
}

/// Values are found in one half of the database only, whatever the columns are called.
#[tokio::test]
async fn no_row_holds_both_a_device_and_a_group() {
    let data = tempfile::tempdir().unwrap();
    let (store, _news) = open(data.path()).await;
    let (device, _) = person(&store, "alice").await;
    let group = GroupId(random());
    let welcome = WelcomeId(random());
    let mut new = commit(group, 0);
    let message = new.request.message_id;
    new.request.welcome = Some(StoredWelcome { id: welcome, welcome: b"sealed".to_vec() });
    new.request.pointers = vec![Pointer { inbox: device, sealed: b"sealed".to_vec() }; 3];
    store.append_commit(new).await.unwrap();
    let check = async || {
        let mut connection = raw(data.path()).await;
        for (table, _) in schema(data.path()).await {
            let sql = sqlx::AssertSqlSafe(format!("SELECT * FROM \"{table}\""));
            for row in sqlx::query(sql).fetch_all(&mut connection).await.unwrap() {
                let values: Vec<Vec<u8>> =
                    (0..row.len()).filter_map(|index| row.try_get::<Vec<u8>, _>(index).ok()).collect();
                let holds = |bytes: &[u8]| values.iter().any(|value| value == bytes);
                let person = holds(device.as_bytes());
                let conversation =
                    holds(group.as_bytes()) || holds(welcome.as_bytes()) || holds(message.as_bytes());
                assert!(!(person && conversation), "{table}");
            }
        }
    };
    check().await;
    store.deliver_outbox().await.unwrap();
    check().await;
}

/// A rowid would tell in which order rows of different tables came.
#[tokio::test]
async fn tables_beside_the_log_keep_no_order_of_insertion() {
    let data = tempfile::tempdir().unwrap();
    open(data.path()).await.0.close().await;
    let mut connection = raw(data.path()).await;
    for table in ["outbox", "inbox", "welcome", "device", "key_package", "group_epoch", "group_state"] {
        let sql = sqlx::AssertSqlSafe(format!("SELECT rowid FROM \"{table}\""));
        assert!(sqlx::query(sql).fetch_all(&mut connection).await.is_err(), "{table}");
    }
}

/// As it is after the migration that added the column.
#[tokio::test]
async fn people_from_before_wkd_are_found_by_it() {
    let data = tempfile::tempdir().unwrap();
    let (store, _news) = open(data.path()).await;
    let (_, mut joe) = account("joe.doe");
    joe.certificate = b"certificate of joe".to_vec();
    store.create_account("joe.doe", joe, 20_000).await.unwrap();
    store.close().await;
    sqlx::query("UPDATE account SET wkd_hash = NULL").execute(&mut raw(data.path()).await).await.unwrap();
    let (store, _news) = open(data.path()).await;
    let found = store.certificate_by_wkd("iy9q119eutrkn8s1mk4r39qejnbu3n5q").await.unwrap();
    assert_eq!(found.unwrap(), b"certificate of joe");
}

#[tokio::test]
async fn a_database_of_a_newer_relay_is_refused() {
    let data = tempfile::tempdir().unwrap();
    open(data.path()).await.0.close().await;
    sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, installed_on, success, checksum, execution_time)
         VALUES (9999, 'from the future', CURRENT_TIMESTAMP, 1, x'00', 0)",
    )
    .execute(&mut raw(data.path()).await)
    .await
    .unwrap();
    let (news, _heard) = mpsc::unbounded_channel();
    assert!(SqliteStore::open(&data.path().join("haven.db"), news).await.is_err());
}

#[tokio::test]
async fn the_database_is_as_durable_as_it_gets() {
    let data = tempfile::tempdir().unwrap();
    let (store, _news) = open(data.path()).await;
    for (pragma, expected) in [("journal_mode", "wal"), ("synchronous", "2"), ("foreign_keys", "1")] {
        assert_eq!(store.pragma(pragma).await.unwrap(), expected, "{pragma}");
    }
}
