//! A relay that lies is noticed: the conversation says so or stops, nothing wrong is merged, and the others go on.

mod commits;
mod directory;
mod newcomers;
mod rows;
mod silence;

use crate::common::Scene;
use haven_bridge::{ConversationState, Event, Failure, StopReason};
use haven_core::{
    intent::{Accepted, Intent},
    request::Request,
    testing::{Answer, ORIGIN, Who, World, account, key_package},
};
use haven_wire::{
    Refusal,
    account::{GetVault, PutVault, Vault},
    group::{Kind, Row},
    ids::{DeviceId, Hash, MessageId},
    limits::MAX_APPEND,
    push::FromRelay,
};

impl Scene {
    async fn say(&mut self, who: Who, text: &str) -> MessageId {
        let intent = Intent::SendText { conversation: self.chat, text: text.into() };
        let Accepted::Queued(item) = self.world.want(who, intent).await else { panic!("not queued") };
        self.world.settle().await;
        MessageId(item.0)
    }

    fn rows(&mut self) -> Vec<Row> {
        let group_id = self.world.engine(self.alice).group_id(self.chat);
        let all = self.world.relay.all_rows().into_iter();
        all.filter(|(group, _)| *group == group_id).map(|(_, row)| row).collect()
    }

    /// From now on the relay changes the conversation's rows for bob.
    fn lie_to_bob(&mut self, change: impl Fn(&mut Vec<Row>) + 'static) {
        let bob = self.world.device_id(self.bob);
        let ids: Vec<MessageId> = self.rows().into_iter().map(|row| row.message_id).collect();
        self.world.relay.set_tamper(move |to, answer| match answer {
            Answer::Rows(rows) if to == bob && rows.rows.iter().any(|row| ids.contains(&row.message_id)) => {
                change(&mut rows.rows);
            }
            _ => {}
        });
    }

    /// Alice writes three texts while bob is away, and the relay changes what he reads when he is back.
    async fn bob_reads(
        mut self,
        change: impl Fn(&mut Vec<Row>, [MessageId; 3]) + 'static,
    ) -> (ConversationState, Vec<String>) {
        self.world.offline(self.bob);
        let mut ids = Vec::new();
        for text in ["one", "two", "three"] {
            ids.push(self.say(self.alice, text).await);
        }
        let ids = [ids[0], ids[1], ids[2]];
        self.lie_to_bob(move |rows| change(rows, ids));
        self.world.online(self.bob);
        self.settle_with_patience().await;
        let state = self.world.state(self.bob, self.chat);
        let timeline = self.world.timeline(self.bob, self.chat).await;
        self.assert_others_go_on().await;
        (state, timeline)
    }

    /// A relay is asked again for a while before it is accused.
    async fn settle_with_patience(&mut self) {
        for _ in 0..6 {
            self.world.settle().await;
            self.world.now += 40_000;
        }
    }

    /// How many conversations are in alice's vault at the relay.
    fn in_the_vault(&mut self) -> usize {
        let vault = self.world.relay.vault(&self.world.address(self.alice)).expect("a vault");
        let account = self.world.engine(self.alice).account();
        account.open_vault(&vault).expect("alice's vault").conversations.len()
    }

    async fn assert_others_go_on(&mut self) {
        self.world.assert_works(&[self.alice, self.bob], self.other).await;
        self.world.assert_works(&[self.alice, self.third], self.chat).await;
    }
}

fn change_row(id: MessageId, change: impl Fn(&mut Row)) -> impl Fn(&mut Vec<Row>) {
    move |rows| rows.iter_mut().filter(|row| row.message_id == id).for_each(&change)
}

fn assert_accused(state: &ConversationState) {
    let accused = matches!(state, ConversationState::Stopped(StopReason::RelayMisbehaved { .. }));
    assert!(accused, "{state:?}");
}

/// What a relay makes of a row that it says is too old.
fn gone(row: &mut Row) {
    row.gone = Some(Hash::of(&row.ciphertext));
    row.ciphertext.clear();
}
