//! What every [`Store`] must do, as one list of checks that each backend runs.
//!
//! A backend gives a function that opens a handle on the database of a name; opening the same name again, after the
//! first handle was dropped or while it lives, shows the same database.
#![allow(clippy::expect_used, reason = "only tests use it")]

use super::{Store, Table, WriteSet};

/// Runs all checks. `open` opens the database `name`; each check uses a name of its own.
pub async fn check_all<S: Store, F: AsyncFn(&str) -> S>(open: F) {
    values_come_back(&open).await;
    scans_are_ordered_and_bounded(&open).await;
    deleted_values_are_gone(&open).await;
    the_last_change_of_a_key_wins(&open).await;
    committed_values_survive_reopening(&open).await;
    two_handles_see_each_other(&open).await;
    large_values_come_back(&open).await;
    tables_are_apart(&open).await;
}

fn put(table: Table, key: &[u8], value: &[u8]) -> (Table, Vec<u8>, Option<Vec<u8>>) {
    (table, key.to_vec(), Some(value.to_vec()))
}

async fn commit<S: Store>(store: &S, changes: Vec<(Table, Vec<u8>, Option<Vec<u8>>)>) {
    store.commit(WriteSet { changes }).await.expect("commit");
}

async fn get<S: Store>(store: &S, table: Table, key: &[u8]) -> Option<Vec<u8>> {
    store.get(table, &[key.to_vec()]).await.expect("get").pop().expect("an answer for each key")
}

async fn values_come_back<S: Store, F: AsyncFn(&str) -> S>(open: &F) {
    let store = open("values_come_back").await;
    commit(&store, vec![put(Table::Meta, b"a", b"1"), put(Table::Meta, b"b", b"")]).await;
    let keys = [b"b".to_vec(), b"missing".to_vec(), b"a".to_vec()];
    let found = store.get(Table::Meta, &keys).await.expect("get");
    assert_eq!(found, [Some(Vec::new()), None, Some(b"1".to_vec())]);
}

async fn scans_are_ordered_and_bounded<S: Store, F: AsyncFn(&str) -> S>(open: &F) {
    let store = open("scans_are_ordered_and_bounded").await;
    let keys: [&[u8]; 6] = [b"x\xff\xff", b"x\x00", b"x", b"w", b"y", b"x\xff"];
    commit(&store, keys.iter().map(|key| put(Table::Timeline, key, key)).collect()).await;
    let scan = async |after: Option<&[u8]>, limit| {
        let found = store.scan(Table::Timeline, b"x", after, limit).await.expect("scan");
        found.into_iter().map(|(key, _)| key).collect::<Vec<_>>()
    };
    assert_eq!(scan(None, 10).await, [&b"x"[..], b"x\x00", b"x\xff", b"x\xff\xff"]);
    assert_eq!(scan(None, 2).await, [&b"x"[..], b"x\x00"]);
    assert_eq!(scan(Some(b"x\x00"), 10).await, [&b"x\xff"[..], b"x\xff\xff"]);
    assert_eq!(scan(Some(b"x\xff\xff"), 10).await, Vec::<Vec<u8>>::new());
    assert_eq!(store.scan(Table::Timeline, b"", None, 100).await.expect("scan").len(), 6);
    assert_eq!(store.scan(Table::Timeline, b"\xff\xff", None, 100).await.expect("scan").len(), 0);
}

async fn deleted_values_are_gone<S: Store, F: AsyncFn(&str) -> S>(open: &F) {
    let store = open("deleted_values_are_gone").await;
    commit(&store, vec![put(Table::Mls, b"secret", b"1")]).await;
    commit(&store, vec![(Table::Mls, b"secret".to_vec(), None), (Table::Mls, b"never was".to_vec(), None)])
        .await;
    assert_eq!(get(&store, Table::Mls, b"secret").await, None);
}

async fn the_last_change_of_a_key_wins<S: Store, F: AsyncFn(&str) -> S>(open: &F) {
    let store = open("the_last_change_of_a_key_wins").await;
    let delete = |key: &[u8]| (Table::Jobs, key.to_vec(), None);
    let changes =
        vec![put(Table::Jobs, b"a", b"1"), delete(b"a"), delete(b"b"), put(Table::Jobs, b"b", b"2")];
    commit(&store, changes).await;
    assert_eq!(get(&store, Table::Jobs, b"a").await, None);
    assert_eq!(get(&store, Table::Jobs, b"b").await, Some(b"2".to_vec()));
}

async fn committed_values_survive_reopening<S: Store, F: AsyncFn(&str) -> S>(open: &F) {
    let store = open("committed_values_survive_reopening").await;
    commit(&store, vec![put(Table::Contacts, b"a", b"1")]).await;
    drop(store);
    let store = open("committed_values_survive_reopening").await;
    assert_eq!(get(&store, Table::Contacts, b"a").await, Some(b"1".to_vec()));
}

async fn two_handles_see_each_other<S: Store, F: AsyncFn(&str) -> S>(open: &F) {
    let (one, two) = (open("two_handles").await, open("two_handles").await);
    commit(&one, vec![put(Table::Intents, b"a", b"1")]).await;
    assert_eq!(get(&two, Table::Intents, b"a").await, Some(b"1".to_vec()));
}

async fn large_values_come_back<S: Store, F: AsyncFn(&str) -> S>(open: &F) {
    let store = open("large_values_come_back").await;
    let large: Vec<u8> = (0..1_000_000_u32).map(|i| i.to_le_bytes()[0]).collect();
    commit(&store, vec![put(Table::Mls, b"tree", &large)]).await;
    assert_eq!(get(&store, Table::Mls, b"tree").await, Some(large));
}

async fn tables_are_apart<S: Store, F: AsyncFn(&str) -> S>(open: &F) {
    let store = open("tables_are_apart").await;
    commit(&store, Table::ALL.map(|table| put(table, b"key", table.name().as_bytes())).to_vec()).await;
    for table in Table::ALL {
        assert_eq!(get(&store, table, b"key").await, Some(table.name().as_bytes().to_vec()));
        assert_eq!(store.scan(table, b"", None, 10).await.expect("scan").len(), 1);
    }
}
