//! Which groups a connection is subscribed to, and which it should be.

use haven_wire::{
    group::Opened,
    ids::{EpochToken, GroupId},
    limits::MAX_HEADS,
    push::ToRelay,
};
use std::collections::BTreeMap;

type Tokens = BTreeMap<GroupId, (u64, EpochToken)>;

/// Wanted and actual subscriptions.
///
/// One that the relay has ended stays listed as subscribed: with the same token, it would only be ended again.
#[derive(Default)]
pub struct Subscriptions {
    wanted: Tokens,
    subscribed: Tokens,
}

impl Subscriptions {
    /// Wants these, and no others.
    pub fn want(&mut self, groups: Vec<Opened>) {
        let token = |group: Opened| (group.group_id, (group.epoch, group.token));
        self.wanted = groups.into_iter().map(token).collect();
    }

    /// The connection is new.
    pub fn forget_subscribed(&mut self) {
        self.subscribed.clear();
    }

    /// What to send to have what is wanted.
    pub fn changes(&mut self) -> Vec<ToRelay> {
        let is_new =
            |(group, token): &(&GroupId, &(u64, EpochToken))| self.subscribed.get(group) != Some(token);
        let opened = |(group, token): (&GroupId, &(u64, EpochToken))| Opened {
            group_id: *group,
            epoch: token.0,
            token: token.1,
        };
        let new: Vec<Opened> = self.wanted.iter().filter(is_new).map(opened).collect();
        let gone = |group: &&GroupId| !self.wanted.contains_key(group);
        let gone: Vec<GroupId> = self.subscribed.keys().filter(gone).copied().collect();
        self.subscribed.clone_from(&self.wanted);

        // In parts that fit into a frame.
        let new = new.chunks(MAX_HEADS).map(<[_]>::to_vec);
        let gone = gone.chunks(MAX_HEADS).map(<[_]>::to_vec);
        new.map(ToRelay::Subscribe).chain(gone.map(ToRelay::Unsubscribe)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasm_bindgen_test::wasm_bindgen_test;

    fn opened(group: u8, epoch: u64) -> Opened {
        Opened { group_id: GroupId([group; 16]), epoch, token: EpochToken([group; 32]) }
    }

    fn groups(messages: &[ToRelay]) -> (Vec<(u8, u64)>, Vec<u8>) {
        let (mut new, mut gone) = (Vec::new(), Vec::new());
        for message in messages {
            match message {
                ToRelay::Subscribe(groups) => {
                    new.extend(groups.iter().map(|g| (g.group_id.0[0], g.epoch)));
                }
                ToRelay::Unsubscribe(groups) => gone.extend(groups.iter().map(|g| g.0[0])),
                _ => unreachable!(),
            }
        }
        (new, gone)
    }

    #[wasm_bindgen_test]
    fn only_changes_are_sent() {
        let mut subscriptions = Subscriptions::default();
        subscriptions.want(vec![opened(1, 0), opened(2, 0)]);
        let changes = groups(&subscriptions.changes());
        assert_eq!(changes, (vec![(1, 0), (2, 0)], vec![]));
        assert!(subscriptions.changes().is_empty());
        subscriptions.want(vec![opened(2, 1), opened(3, 0)]);
        let changes = groups(&subscriptions.changes());
        assert_eq!(changes, (vec![(2, 1), (3, 0)], vec![1]));
    }

    #[wasm_bindgen_test]
    fn a_new_connection_subscribes_to_everything() {
        let mut subscriptions = Subscriptions::default();
        subscriptions.want((0..=255).map(|group| opened(group, 0)).collect());
        let _ = subscriptions.changes();
        subscriptions.forget_subscribed();
        assert_eq!(groups(&subscriptions.changes()).0.len(), 256);
    }
}
