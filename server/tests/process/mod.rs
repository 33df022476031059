//! The real program: killed under load, stopped, listened to by its logs.

mod arrivals;
mod client;
mod departures;
mod logs;

use crate::common::{By, group::Group};
use client::{Program, Wire};
use haven_wire::{group::*, ids::*};
use std::sync::Arc;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

/// Messages that were acknowledged, and the number of their group.
type Acknowledged = (usize, Vec<MessageId>);

/// Appends until the relay is gone.
async fn load(wire: Wire, groups: Arc<Vec<Group>>, worker: usize, done: UnboundedSender<Acknowledged>) {
    let mine = worker % groups.len();
    loop {
        let call = groups[mine].new_messages(1 + worker % 4);
        let by = By::Token(&groups[mine].token(1));
        let Some(Ok(_)) = wire.call(&call, by).await else { return };
        let ids = call.messages.iter().map(|message| message.message_id).collect();
        done.send((mine, ids)).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_acknowledged_is_there_after_kill_9_under_load() {
    let data = tempfile::tempdir().unwrap();
    let mut program = Program::start(data.path(), &["--log", "error"]).await;
    let mut groups: Vec<Group> = (0..10).map(|_| Group::new()).collect();
    for group in &mut groups {
        let by = By::Token(&group.token(0));
        program.wire.call(&group.new_commit(false), by).await.unwrap().unwrap();
        group.epoch = 1;
    }
    let groups = Arc::new(groups);
    let mut all = Vec::new();
    for round in 1..=5 {
        let (done, mut acknowledged) = unbounded_channel();
        let workers: Vec<_> = (0..20)
            .map(|worker| {
                let wire = program.wire.clone();
                tokio::spawn(load(wire, groups.clone(), worker, done.clone()))
            })
            .collect();
        drop(done);
        for _ in 0..100 * round {
            all.push(acknowledged.recv().await.unwrap());
        }
        program.kill();
        for worker in workers {
            worker.await.unwrap();
        }
        all.extend(std::iter::from_fn(|| acknowledged.try_recv().ok()));
        program = Program::start(data.path(), &["--log", "error"]).await;
        check(&program.wire, &groups, &all).await;
    }
    println!("{} calls were acknowledged, none was lost", all.len());
}

async fn check(wire: &Wire, groups: &[Group], acknowledged: &[Acknowledged]) {
    for (index, group) in groups.iter().enumerate() {
        let mut stored = Vec::new();
        loop {
            let call = GetRows { group_id: group.id, epoch: 1, after: stored.len() as u64, limit: 1000 };
            let page = wire.call(&call, By::Token(&group.token(1))).await.unwrap().unwrap();
            if page.rows.is_empty() {
                break;
            }
            for row in page.rows {
                assert_eq!(row.sequence, stored.len() as u64 + 1, "no gap");
                stored.push(row.message_id);
            }
        }
        let stored_ids: std::collections::HashSet<_> = stored.iter().collect();
        assert_eq!(stored_ids.len(), stored.len(), "nothing twice");
        for (of, ids) in acknowledged {
            assert!(*of != index || ids.iter().all(|id| stored_ids.contains(id)), "lost");
        }
    }
}

#[tokio::test]
async fn sigterm_ends_the_program_in_order() {
    let data = tempfile::tempdir().unwrap();
    let program = Program::start(data.path(), &[]).await;
    let group = Group::new();
    let by = By::Token(&group.token(0));
    program.wire.call(&group.new_commit(false), by).await.unwrap().unwrap();
    let (status, _, _) = program.terminate();
    assert!(status.success());
    // The write-ahead log was emptied: the database is one file again.
    assert!(!data.path().join("haven.db-wal").exists());
}

#[tokio::test]
async fn two_programs_never_share_a_data_directory() {
    let data = tempfile::tempdir().unwrap();
    let program = Program::start(data.path(), &[]).await;
    let second = Program::command(data.path(), &[]).output().unwrap();
    assert!(!second.status.success());
    assert!(String::from_utf8_lossy(&second.stderr).contains("another relay"));
    program.terminate();
}

#[tokio::test]
async fn metrics_have_their_own_port() {
    let data = tempfile::tempdir().unwrap();
    let port = client::free_port();
    let address = format!("127.0.0.1:{port}");
    let program = Program::start(data.path(), &["--metrics", &address]).await;
    let (status, body) = Wire::at(address.parse().unwrap()).get("/metrics").await;
    assert_eq!(status, 200);
    assert!(String::from_utf8_lossy(&body).contains("haven_sockets 0"));
    let (_, body) = program.wire.get("/metrics").await;
    assert!(!String::from_utf8_lossy(&body).contains("haven_sockets"));
    program.terminate();
}
