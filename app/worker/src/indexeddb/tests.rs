use super::*;
use crate::scope;
use futures_util::FutureExt as _;
use haven_core::store::conformance;
use js_sys::Promise;
use wasm_bindgen_futures::JsFuture;
use wasm_bindgen_test::{console_log, wasm_bindgen_test};
use web_sys::{Blob, MessageEvent, Url, Worker, WorkerOptions};

/// A handle that another leader does not end: for what is not about leadership.
async fn open_as(name: &str, leader: u64) -> IndexedDb {
    let rexie = schema(name).await.unwrap();
    let (connection, _) = Connection::open(name, VERSION).await.unwrap();
    rexie.close();
    IndexedDb { connection, fence: Fence::with_number(leader) }
}

async fn take_over(name: &str) -> IndexedDb {
    IndexedDb::take_over(name).await.unwrap().0
}

fn one(key: &[u8], value: &[u8]) -> WriteSet {
    WriteSet { changes: vec![(Table::Meta, key.to_vec(), Some(value.to_vec()))] }
}

async fn read(store: &IndexedDb, key: &[u8]) -> Option<Vec<u8>> {
    let keys = [key.to_vec()];
    store.get(Table::Meta, &keys).await.unwrap().remove(0)
}

#[wasm_bindgen_test]
async fn it_does_what_every_store_must_do() {
    conformance::check_all(async |name: &str| open_as(name, 1).await).await;
}

#[wasm_bindgen_test]
async fn a_database_from_before_there_was_mail_is_upgraded_and_keeps_what_it_holds() {
    let first = ["meta", "mls", "conversations", "timeline", "jobs", "contacts", "intents", KEYS];
    let builder = Rexie::builder("upgrade").version(1).add_object_store(fence::store());
    let stores =
        first.into_iter().fold(builder, |builder, store| builder.add_object_store(ObjectStore::new(store)));
    let old = stores.build().await.unwrap();
    let put = old.transaction(&["meta"], rexie::TransactionMode::ReadWrite).unwrap();
    put.store("meta").unwrap().put(&value_of(b"kept"), Some(&key_of(b"a"))).await.unwrap();
    put.done().await.unwrap();
    old.close();
    let new = take_over("upgrade").await;
    assert_eq!(read(&new, b"a").await, Some(b"kept".to_vec()));
    let mail = WriteSet { changes: vec![(Table::MailFiles, b"b".to_vec(), Some(b"new".to_vec()))] };
    new.commit(mail).await.unwrap();
}

#[wasm_bindgen_test]
async fn a_leader_that_was_taken_over_writes_nothing() {
    let old = take_over("fence").await;
    old.commit(one(b"a", b"old")).await.unwrap();
    let new = take_over("fence").await;
    assert!(new.leader() > old.leader());
    assert_eq!(old.commit(one(b"a", b"late")).await, Err(StoreError::Fenced));
    assert_eq!(old.wipe().await, Err(StoreError::Fenced));
    assert_eq!(read(&new, b"a").await, Some(b"old".to_vec()));
    new.commit(one(b"a", b"new")).await.unwrap();
    assert_eq!(read(&new, b"a").await, Some(b"new".to_vec()));
}

#[wasm_bindgen_test]
async fn all_earlier_leaders_are_fenced_off() {
    let mut leaders = Vec::new();
    for _ in 0..4 {
        leaders.push(take_over("many_leaders").await);
    }
    let last = leaders.pop().unwrap();
    for leader in &leaders {
        assert_eq!(leader.commit(one(b"a", b"x")).await, Err(StoreError::Fenced));
    }
    last.commit(one(b"a", b"y")).await.unwrap();
    last.commit(one(b"a", b"z")).await.unwrap();
    assert_eq!(read(&last, b"a").await, Some(b"z".to_vec()));
}

#[wasm_bindgen_test]
async fn of_tabs_that_take_over_at_once_the_last_one_writes_alone() {
    let tabs = (0..6).map(|_| take_over("at_once"));
    let mut leaders = futures_util::future::join_all(tabs).await;
    leaders.sort_by_key(IndexedDb::leader);
    let last = leaders.pop().unwrap();
    for leader in &leaders {
        assert!(leader.leader() < last.leader());
        assert_eq!(leader.commit(one(b"a", b"x")).await, Err(StoreError::Fenced));
    }
    last.commit(one(b"a", b"y")).await.unwrap();
}

#[wasm_bindgen_test]
async fn a_write_in_flight_during_a_takeover_is_whole_or_not_at_all() {
    for round in 0..10 {
        let name = format!("takeover_{round}");
        let old = take_over(&name).await;
        let changes = (0..50_u8).map(|i| (Table::Jobs, vec![i], Some(vec![i])));
        let writes = WriteSet { changes: changes.collect() };
        let (written, new) = futures_util::join!(old.commit(writes), take_over(&name));
        let found = new.scan(Table::Jobs, b"", None, 100).await.unwrap().len();
        match written {
            Ok(()) => assert_eq!(found, 50),
            Err(error) => assert_eq!((error, found), (StoreError::Fenced, 0)),
        }
    }
}

/// A worker that writes into the store `meta` of the database in its name when it is told to, and says when it had.
const OTHER_TAB: &str = r"
    const opening = indexedDB.open(name)
    opening.onsuccess = () => postMessage(0)
    onmessage = () => {
        const writing = opening.result.transaction('meta', 'readwrite')
        writing.objectStore('meta').put(1, 'other')
        writing.oncomplete = () => postMessage(performance.timeOrigin + performance.now())
    }
";

#[wasm_bindgen_test]
async fn a_leader_that_freezes_while_it_reads_holds_up_no_other_tab() {
    let store = take_over("frozen").await;
    let blob = Blob::new_with_str_sequence(&Array::of1(&OTHER_TAB.into())).unwrap();
    let url = Url::create_object_url_with_blob(&blob).unwrap();
    let options = WorkerOptions::new();
    options.set_name("frozen");
    let other = Worker::new_with_options(&url, &options).unwrap();
    let said = async || {
        let said = Promise::new(&mut |resolve, _| other.set_onmessage(Some(&resolve)));
        JsFuture::from(said).await.unwrap().unchecked_into::<MessageEvent>().data().as_f64().unwrap()
    };
    said().await;
    for _ in 0..5 {
        let mut reading = Box::pin(read(&store, b"a"));
        assert!((&mut reading).now_or_never().is_none());
        other.post_message(&JsValue::NULL).unwrap();
        // Like a frozen tab, this one doesn't get to see its answer.
        let woken = scope::elapsed() + 200.0;
        while scope::elapsed() < woken {}
        let woken = js_sys::Date::now();
        let written = said().await;
        assert!(written < woken, "written {} ms after", written - woken);
        reading.await;
    }
    other.terminate();
}

#[wasm_bindgen_test]
async fn a_failing_write_set_leaves_nothing_behind() {
    let store = take_over("atomic").await;
    store.commit(one(b"a", b"before")).await.unwrap();
    let writing = store.begin(&["meta", "mls"]).unwrap();
    writing.put("meta", &key_of(b"a"), &value_of(b"after")).unwrap();
    writing.put("mls", &key_of(b"b"), &value_of(b"new")).unwrap();
    let not_a_key = JsValue::NULL;
    let failed = writing.put("mls", &not_a_key, &value_of(b"x"));
    assert!(matches!(failed, Err(StoreError::Failed(_))));
    drop(writing);
    assert_eq!(read(&store, b"a").await, Some(b"before".to_vec()));
    assert_eq!(store.scan(Table::Mls, b"", None, 9).await, Ok(vec![]));
    store.commit(one(b"a", b"again")).await.unwrap();
    assert_eq!(read(&store, b"a").await, Some(b"again".to_vec()));
}

#[wasm_bindgen_test]
async fn writes_are_strictly_durable() {
    let store = take_over("durable").await;
    let writing = store.begin(&["meta"]).unwrap();
    assert_eq!(writing.durability(), "strict");
}

#[wasm_bindgen_test]
async fn an_upgrade_in_another_tab_ends_this_one_and_is_not_held_up() {
    let name = "outdated";
    let (store, lost) = IndexedDb::take_over(name).await.unwrap();
    store.commit(one(b"a", b"1")).await.unwrap();
    let newer = Rexie::builder(name)
        .version(VERSION + 1)
        .add_object_store(ObjectStore::new("meta"))
        .build()
        .await
        .unwrap();
    assert_eq!(lost.await, Ok(Lost::Outdated));
    assert_eq!(store.commit(one(b"a", b"2")).await, Err(StoreError::Outdated));
    let keys = [b"a".to_vec()];
    assert_eq!(store.get(Table::Meta, &keys).await, Err(StoreError::Outdated));
    newer.close();
    let again = IndexedDb::take_over(name).await.err();
    assert_eq!(again, Some(StoreError::Outdated));
}

#[wasm_bindgen_test]
async fn deleting_the_database_from_outside_is_noticed() {
    let (store, lost) = IndexedDb::take_over("deleted").await.unwrap();
    Rexie::delete("deleted").await.unwrap();
    assert_eq!(lost.await, Ok(Lost::Deleted));
    assert!(matches!(store.commit(one(b"a", b"1")).await, Err(StoreError::Failed(_))));
}

#[wasm_bindgen_test]
async fn wiping_deletes_everything_but_the_fence() {
    let name = "wiped";
    let key = crate::storage_key::load_or_create(name).await.unwrap();
    let old = take_over(name).await;
    let store = take_over(name).await;
    for table in Table::ALL {
        let changes = vec![(table, b"k".to_vec(), Some(b"v".to_vec()))];
        store.commit(WriteSet { changes }).await.unwrap();
    }
    store.wipe().await.unwrap();
    for table in Table::ALL {
        assert_eq!(store.scan(table, b"", None, 9).await, Ok(vec![]));
    }
    assert_ne!(crate::storage_key::load_or_create(name).await.unwrap().0, key.0);
    assert_eq!(old.commit(one(b"a", b"1")).await, Err(StoreError::Fenced));
    store.commit(one(b"a", b"1")).await.unwrap();
}

#[wasm_bindgen_test]
async fn closing_a_handle_lets_upgrades_through() {
    let store = take_over("closed").await;
    drop(store);
    Rexie::delete("closed").await.unwrap();
}

#[wasm_bindgen_test]
fn the_end_of_a_prefix_is_the_next_key_without_it() {
    assert_eq!(end_of(b"a"), Some(b"b".to_vec()));
    assert_eq!(end_of(b"a\xff\xff"), Some(b"b".to_vec()));
    assert_eq!(end_of(b"\xff"), None);
    assert_eq!(end_of(b""), None);
}

/// Prints what writing and reading costs. Figures depend on the machine; nothing is asserted.
#[wasm_bindgen_test]
async fn costs() {
    let store = take_over("costs").await;
    for (count, size) in [(1, 400), (3, 400), (3, 40_000), (20, 1_000), (300, 1_000)] {
        let value = vec![7; size];
        let mut times = Vec::new();
        for round in 0..30_u8 {
            let keys = (0..count).map(|i: u32| [&[round][..], &i.to_be_bytes()].concat());
            let changes = keys.map(|key| (Table::Mls, key, Some(value.clone()))).collect();
            let start = scope::elapsed();
            store.commit(WriteSet { changes }).await.unwrap();
            times.push(scope::elapsed() - start);
        }
        report(&format!("commit of {count} × {size} B"), times);
    }
    let keys: Vec<Key> = (0..100_u32).map(|i| [&[0][..], &i.to_be_bytes()].concat()).collect();
    for count in [1, 10, 100] {
        let mut times = Vec::new();
        for _ in 0..30 {
            let start = scope::elapsed();
            let found = store.get(Table::Mls, &keys[..count]).await.unwrap();
            assert!(found.iter().all(Option::is_some));
            times.push(scope::elapsed() - start);
        }
        report(&format!("get of {count}"), times);
    }
    let mut times = Vec::new();
    for _ in 0..30 {
        let start = scope::elapsed();
        let found = store.scan(Table::Mls, &[1], None, 50).await.unwrap();
        assert_eq!(found.len(), 50);
        times.push(scope::elapsed() - start);
    }
    report("scan of 50", times);
}

fn report(what: &str, mut times: Vec<f64>) {
    times.sort_by(f64::total_cmp);
    console_log!(
        "{what}: median {:.2} ms, best {:.2}, worst {:.2}",
        times[times.len() / 2],
        times[0],
        times[times.len() - 1]
    );
}
