//! The log: order, compare-and-set, tokens, idempotency.

use crate::common::{By, TestRelay, group::*, random};
use futures_util::future::join_all;
use haven_server::store::{Cutoffs, NewCommit, NewMessages, RelayStore as _};
use haven_wire::{Refusal, group::*, ids::*, limits::*};

#[tokio::test]
async fn rows_are_read_back_in_order_as_they_were_appended() {
    let relay = TestRelay::start().await;
    let mut group = Group::new();
    let commit = group.new_commit(true);
    assert_eq!(group.send_commit(&relay, &commit).await.unwrap().sequence, 1);
    group.epoch = 1;
    let messages = group.new_messages(3);
    assert_eq!(group.send_messages(&relay, &messages).await.unwrap().sequence, 2);
    let read = group.rows(&relay, 1, 0).await.unwrap();
    assert_eq!(read.head, 4);
    assert_eq!(
        read.rows[0],
        Row {
            sequence: 1,
            epoch: 0,
            kind: Kind::Commit,
            message_id: commit.message_id,
            ciphertext: commit.commit,
            gone: None,
            commit: Some(commit.mark),
        }
    );
    for (index, message) in messages.messages.into_iter().enumerate() {
        assert_eq!(
            read.rows[index + 1],
            Row {
                sequence: index as u64 + 2,
                epoch: 1,
                kind: Kind::Application,
                message_id: message.message_id,
                ciphertext: message.ciphertext,
                gone: None,
                commit: None,
            }
        );
    }
}

#[tokio::test]
async fn of_racing_commits_exactly_one_wins_and_the_others_learn_where_the_group_is() {
    let relay = TestRelay::start().await;
    let group = Group::on(&relay).await;
    let calls: Vec<_> = (0..16).map(|_| group.new_commit(false)).collect();
    let answers = join_all(calls.iter().map(|call| group.send_commit(&relay, call))).await;
    let lost = Refusal::WrongEpoch { epoch: 2, head: 2 };
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    assert_eq!(answers.iter().filter(|answer| **answer == Err(lost.clone())).count(), 15);
    // The winner asks again, as if its answer was lost.
    let winner = answers.iter().position(Result::is_ok).unwrap();
    let again = group.send_commit(&relay, &calls[winner]).await.unwrap();
    assert_eq!(again.sequence, 2);
}

#[tokio::test]
async fn of_racing_first_commits_one_makes_the_group() {
    let relay = TestRelay::start().await;
    let group = Group::new();
    let calls: Vec<_> = (0..8).map(|_| group.new_commit(false)).collect();
    let answers = join_all(calls.iter().map(|call| group.send_commit(&relay, call))).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    // Somebody with another token can't take the group over.
    let stranger = Group::new();
    let call = AppendCommit {
        group_id: group.id,
        commit: message(group.id, 0, Kind::Commit, b"takeover"),
        ..stranger.new_commit(false)
    };
    let refused = relay.call(&call, By::Token(&stranger.token(0))).await;
    assert_eq!(refused.unwrap_err(), Refusal::WrongEpochToken);
}

#[tokio::test]
async fn messages_of_an_epoch_that_is_over_are_refused_unless_they_were_taken_in_time() {
    let relay = TestRelay::start().await;
    let mut group = Group::on(&relay).await;
    let taken = group.new_messages(2);
    let late = group.new_messages(1);
    assert_eq!(group.send_messages(&relay, &taken).await.unwrap().sequence, 2);
    group.commit(&relay, false).await;
    assert_eq!(group.send_messages(&relay, &taken).await.unwrap().sequence, 2);
    let refused = group.send_messages(&relay, &late).await;
    assert_eq!(refused, Err(Refusal::EpochTooOld { epoch: 2, head: 4 }));
    let mut both = taken;
    both.messages.extend(late.messages);
    let refused = group.send_messages(&relay, &both).await;
    assert_eq!(refused, Err(Refusal::EpochTooOld { epoch: 2, head: 4 }));
    assert_eq!(group.rows(&relay, 2, 0).await.unwrap().head, 4);
}

#[tokio::test]
async fn a_message_sent_again_is_one_row() {
    let relay = TestRelay::start().await;
    let group = Group::on(&relay).await;
    let call = group.new_messages(2);
    let first = group.send_messages(&relay, &call).await;
    let again = join_all((0..10).map(|_| group.send_messages(&relay, &call))).await;
    assert!(again.iter().all(|answer| *answer == first));
    let mut more = group.new_messages(1);
    more.messages.insert(0, call.messages[1].clone());
    assert_eq!(group.send_messages(&relay, &more).await.unwrap().sequence, 3);
    assert_eq!(group.rows(&relay, 1, 0).await.unwrap().head, 4);
}

#[tokio::test]
async fn a_refused_commit_may_come_again_under_its_id() {
    let relay = TestRelay::start().await;
    let mut group = Group::on(&relay).await;
    let mut loser = group.new_commit(false);
    group.commit(&relay, false).await;
    assert_eq!(group.send_commit(&relay, &loser).await.unwrap_err().status(), 409);
    let message_id = loser.message_id;
    loser = AppendCommit { message_id, ..group.new_commit(false) };
    assert_eq!(group.send_commit(&relay, &loser).await.unwrap().sequence, 3);
}

#[tokio::test]
async fn a_commit_under_the_id_of_another_row_is_not_reported_as_accepted() {
    let relay = TestRelay::start().await;
    let group = Group::on(&relay).await;
    let messages = group.new_messages(1);
    group.send_messages(&relay, &messages).await.unwrap();
    let call = AppendCommit { message_id: messages.messages[0].message_id, ..group.new_commit(false) };
    assert_eq!(group.send_commit(&relay, &call).await.unwrap_err().status(), 400);
    assert_eq!(group.rows(&relay, 1, 0).await.unwrap().head, 2);
}

#[tokio::test]
async fn a_replay_needs_the_token_too() {
    let relay = TestRelay::start().await;
    let group = Group::new();
    let call = group.new_commit(false);
    group.send_commit(&relay, &call).await.unwrap();
    let stranger = EpochToken(random());
    let refused = relay.call(&call, By::Token(&stranger)).await;
    assert_eq!(refused.unwrap_err(), Refusal::WrongEpochToken);
}

#[tokio::test]
async fn an_unknown_group_and_a_wrong_token_look_the_same() {
    let relay = TestRelay::start().await;
    let mut known = Group::on(&relay).await;
    known.commit(&relay, false).await;
    let unknown = Group { epoch: 2, ..Group::new() };
    let wrong = EpochToken(random());
    for epoch in [0, 1, 2, 3, u64::MAX] {
        for group in [known.id, unknown.id] {
            let call = GetRows { group_id: group, epoch, after: 0, limit: 10 };
            let refused = relay.call(&call, By::Token(&wrong)).await;
            assert_eq!(refused.unwrap_err(), Refusal::WrongEpochToken);
        }
    }
    let refused = relay.call(&unknown.new_messages(1), By::Token(&wrong)).await;
    assert_eq!(refused.unwrap_err(), Refusal::WrongEpochToken);
    let refused = relay.call(&unknown.new_commit(false), By::Token(&wrong)).await;
    assert_eq!(refused.unwrap_err(), Refusal::WrongEpochToken);
    let refused = relay.call(&known.new_commit(false), By::Token(&wrong)).await;
    assert_eq!(refused.unwrap_err(), Refusal::WrongEpochToken);
}

#[tokio::test]
async fn a_token_opens_rows_from_its_commit_to_the_next_barrier() {
    let relay = TestRelay::start().await;
    let mut group = Group::new();
    group.commit(&relay, false).await; // 1, opens epoch 1
    group.say(&relay).await; // 2
    group.commit(&relay, false).await; // 3, opens epoch 2
    group.say(&relay).await; // 4
    assert_eq!(group.opens(&relay, 0).await, [1, 2, 3, 4]);
    assert_eq!(group.opens(&relay, 1).await, [1, 2, 3, 4]);
    assert_eq!(group.opens(&relay, 2).await, [3, 4]);
    group.commit(&relay, true).await; // 5, opens epoch 3
    group.say(&relay).await; // 6
    group.commit(&relay, true).await; // 7, opens epoch 4
    group.say(&relay).await; // 8
    assert_eq!(group.opens(&relay, 0).await, [1, 2, 3, 4, 5]);
    assert_eq!(group.opens(&relay, 1).await, [1, 2, 3, 4, 5]);
    assert_eq!(group.opens(&relay, 2).await, [3, 4, 5]);
    assert_eq!(group.opens(&relay, 3).await, [5, 6, 7]);
    assert_eq!(group.opens(&relay, 4).await, [7, 8]);
    assert_eq!(group.rows(&relay, 0, 0).await.unwrap().head, 8);
    let after = group.rows(&relay, 3, 5).await.unwrap();
    let sequences: Vec<_> = after.rows.iter().map(|row| row.sequence).collect();
    assert_eq!(sequences, [6, 7]);
}

#[tokio::test]
async fn a_token_reads_across_256_commits_and_no_further() {
    let relay =
        TestRelay::start_with(|config| config.limits.commits_per_group.burst = 1000, Default::default())
            .await;
    let mut group = Group::new();
    for _ in 0..259 {
        group.commit(&relay, false).await;
    }
    // Token 0 reads the commits of epochs 0 to 255, which are rows 1 to 256.
    assert_eq!(group.opens(&relay, 0).await, (1..=256).collect::<Vec<_>>());
    // Token 1 was registered by row 1 and reads the 256 commits after it.
    assert_eq!(group.opens(&relay, 1).await, (1..=257).collect::<Vec<_>>());
    assert_eq!(group.opens(&relay, 3).await, (3..=259).collect::<Vec<_>>());
    assert_eq!(group.opens(&relay, 4).await, (4..=259).collect::<Vec<_>>());
    group.commit(&relay, true).await;
    assert_eq!(group.opens(&relay, 0).await.last(), Some(&256));
    assert_eq!(group.opens(&relay, 259).await, [259, 260]);
}

#[tokio::test]
async fn a_token_writes_in_its_own_epoch_only() {
    let relay = TestRelay::start().await;
    let mut group = Group::on(&relay).await;
    let old = group.token(1);
    group.commit(&relay, false).await;
    let call = group.new_messages(1);
    let refused = relay.call(&call, By::Token(&old)).await;
    assert_eq!(refused.unwrap_err(), Refusal::WrongEpochToken);
    let refused = relay.call(&group.new_commit(false), By::Token(&old)).await;
    assert_eq!(refused.unwrap_err(), Refusal::WrongEpochToken);
}

#[tokio::test]
async fn rows_that_disagree_with_their_message_are_refused() {
    let relay = TestRelay::start().await;
    let group = Group::on(&relay).await;
    let other = GroupId(random());
    let bad = [
        message(other, 1, Kind::Application, b""),
        message(group.id, 2, Kind::Application, b""),
        message(group.id, 1, Kind::Commit, b""),
        b"nothing like it".to_vec(),
        Vec::new(),
    ];
    for ciphertext in bad {
        let mut call = group.new_messages(2);
        call.messages[1].ciphertext = ciphertext.clone();
        let refused = group.send_messages(&relay, &call).await;
        assert_eq!(refused, Err(Refusal::HeaderMismatch));
        let mut call = group.new_commit(false);
        call.commit = message(group.id, 1, Kind::Application, b"");
        assert_eq!(group.send_commit(&relay, &call).await, Err(Refusal::HeaderMismatch));
    }
    assert_eq!(group.rows(&relay, 1, 0).await.unwrap().head, 1);
}

#[tokio::test]
async fn sizes_are_limited() {
    let relay = TestRelay::start().await;
    let group = Group::on(&relay).await;
    let mut large = group.new_messages(1);
    large.messages[0].ciphertext.resize(MAX_MESSAGE + 1, 0);
    assert_eq!(group.send_messages(&relay, &large).await.unwrap_err().status(), 413);
    large.messages[0].ciphertext.truncate(MAX_MESSAGE);
    group.send_messages(&relay, &large).await.unwrap();
    let many = group.new_messages(MAX_APPEND + 1);
    assert_eq!(group.send_messages(&relay, &many).await.unwrap_err().status(), 413);
    let none = group.new_messages(0);
    assert_eq!(group.send_messages(&relay, &none).await.unwrap_err().status(), 400);
    let mut commit = group.new_commit(false);
    commit.commit.resize(MAX_COMMIT + 1, 0);
    assert_eq!(group.send_commit(&relay, &commit).await.unwrap_err().status(), 413);
    commit.commit.truncate(MAX_COMMIT);
    commit.welcome = Some(StoredWelcome { id: WelcomeId(random()), welcome: vec![0; MAX_COMMIT] });
    assert_eq!(group.send_commit(&relay, &commit).await.unwrap().sequence, 3);
}

#[tokio::test]
async fn answers_are_pages() {
    let relay = TestRelay::start().await;
    let group = Group::on(&relay).await;
    for _ in 0..8 {
        let mut call = group.new_messages(8);
        for message in &mut call.messages {
            message.ciphertext.resize(MAX_MESSAGE, 0);
        }
        group.send_messages(&relay, &call).await.unwrap();
    }
    let page = group.rows(&relay, 1, 0).await.unwrap();
    assert!(page.rows.len() < 40, "{}", page.rows.len());
    assert_eq!(page.head, 65);
    let mut sequences = Vec::new();
    while let Some(last) =
        group.rows(&relay, 1, sequences.last().copied().unwrap_or(0)).await.unwrap().rows.last()
    {
        let after = sequences.last().copied().unwrap_or(0);
        sequences.extend(after + 1..=last.sequence);
    }
    assert_eq!(sequences, (1..=65).collect::<Vec<_>>());
    let call = GetRows { group_id: group.id, epoch: 1, after: 10, limit: 3 };
    let few = relay.call(&call, By::Token(&group.token(1))).await.unwrap();
    assert_eq!(few.rows.len(), 3);
}

#[tokio::test]
async fn heads_of_a_thousand_groups_come_in_one_answer() {
    let relay = TestRelay::start().await;
    let mut groups = Vec::new();
    for _ in 0..5 {
        groups.push(Group::on(&relay).await);
    }
    groups[3].say(&relay).await;
    let mut asked: Vec<_> = (0..1000).map(|index: usize| groups[index % 5].opened(1)).collect();
    asked[7].token = EpochToken(random());
    asked[8].epoch = 9;
    asked[9].group_id = GroupId(random());
    let heads = relay.call(&GetHeads { groups: asked.clone() }, By::Nobody).await.unwrap().heads;
    for (index, head) in heads.iter().enumerate() {
        let expected = match index {
            7..=9 => None,
            _ if index % 5 == 3 => Some(2),
            _ => Some(1),
        };
        assert_eq!(*head, expected, "{index}");
    }
    asked.push(groups[0].opened(1));
    let refused = relay.call(&GetHeads { groups: asked }, By::Nobody).await;
    assert_eq!(refused.unwrap_err().status(), 413);
}

#[tokio::test]
async fn concurrent_appends_have_sequence_numbers_without_gaps() {
    let relay = TestRelay::start().await;
    let group = Group::on(&relay).await;
    let calls: Vec<_> = (0..200).map(|number| group.new_messages(1 + number % 3)).collect();
    join_all(calls.iter().map(|call| async { group.send_messages(&relay, call).await.unwrap() })).await;
    let expected: u64 = calls.iter().map(|call| call.messages.len() as u64).sum();
    let opened = group.opens(&relay, 1).await;
    assert_eq!(opened, (1..=expected + 1).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_session_is_refused_on_group_calls() {
    let relay = TestRelay::start().await;
    let group = Group::on(&relay).await;
    let call = group.new_messages(1);
    let mut request = crate::common::request(&call, By::Token(&group.token(1)));
    let session = format!("Bearer {}", SessionToken(random()).to_hex());
    request.headers_mut().insert("authorization", session.parse().unwrap());
    assert_eq!(relay.raw(request).await.status(), 400);
}

#[tokio::test]
async fn what_is_old_is_deleted_and_the_group_goes_on() {
    let relay = TestRelay::start().await;
    // Days to come, which the relay's own sweep leaves alone.
    let base = haven_server::limits::today();
    let mut group = Group::new();
    let welcome = WelcomeId(random());
    let commit = |group: &Group, day| NewCommit {
        token_hash: group.token(group.epoch).hash(),
        request: AppendCommit {
            welcome: (day == base + 100).then(|| StoredWelcome { id: welcome, welcome: b"sealed".to_vec() }),
            ..group.new_commit(false)
        },
        day,
    };
    let messages = |group: &Group, day| NewMessages {
        token_hash: group.token(group.epoch).hash(),
        request: group.new_messages(1),
        day,
    };
    for day in [base + 100, base + 120, base + 140] {
        relay.store.append_commit(commit(&group, day)).await.unwrap();
        group.epoch += 1;
        relay.store.append_messages(messages(&group, day)).await.unwrap();
    }
    let sweep = async |messages, commits, welcomes| {
        let cutoffs = Cutoffs {
            messages: base + messages,
            commits: base + commits,
            welcomes: base + welcomes,
            key_packages: 0,
        };
        while relay.store.sweep(cutoffs).await.unwrap() > 0 {}
    };
    let ids: Vec<_> = group.rows(&relay, 1, 0).await.unwrap().rows.iter().map(|row| row.message_id).collect();
    let hashes: Vec<_> =
        group.rows(&relay, 1, 0).await.unwrap().rows.iter().map(|row| Hash::of(&row.ciphertext)).collect();
    sweep(121, 0, 100).await;
    let rows = group.rows(&relay, 1, 0).await.unwrap().rows;
    assert_eq!(rows.iter().map(|row| row.sequence).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
    for (row, (id, hash)) in rows.iter().zip(ids.iter().zip(&hashes)) {
        let gone = [2, 4].contains(&row.sequence);
        assert_eq!(row.gone, gone.then_some(*hash), "{row:?}");
        assert_eq!(row.ciphertext.is_empty(), gone, "{row:?}");
        assert_eq!((row.kind == Kind::Commit, row.message_id), (row.sequence % 2 == 1, *id));
    }
    relay.call(&GetWelcome { id: welcome }, By::Nobody).await.unwrap();
    sweep(121, 0, 101).await;
    assert!(relay.call(&GetWelcome { id: welcome }, By::Nobody).await.is_err());
    // What is gone is still known as accepted, and not stored again.
    let again =
        NewMessage { message_id: ids[3], ciphertext: message(group.id, 2, Kind::Application, b"again") };
    let call = AppendMessages { group_id: group.id, epoch: 2, messages: vec![again] };
    assert_eq!(group.send_messages(&relay, &call).await.unwrap().sequence, 4);
    // A token that is kept opens no gap, however old its rows are.
    sweep(1000, 120, 1000).await;
    assert_eq!(group.opens(&relay, 1).await, [1, 2, 3, 4, 5, 6]);
    sweep(1000, 121, 1000).await;
    assert_eq!(group.rows(&relay, 1, 0).await, Err(Refusal::WrongEpochToken));
    assert_eq!(group.opens(&relay, 2).await, [3, 4, 5, 6]);
    sweep(1000, 1000, 1000).await;
    assert_eq!(group.rows(&relay, 2, 0).await, Err(Refusal::WrongEpochToken));
    assert_eq!(group.say(&relay).await, 7);
    assert_eq!(group.opens(&relay, 3).await, [5, 6, 7]);
}
