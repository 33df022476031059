//! The requests of this tab's page that have no answer yet.

use haven_bridge::{Command, Failure};
use std::collections::BTreeMap;

/// Open requests by id.
#[derive(Default)]
pub struct Desk {
    open: BTreeMap<u64, Open>,
}

struct Open {
    command: Command,
    given_to: Option<u64>,
}

/// What to do with open requests under a new leader.
#[derive(Debug)]
pub enum Step {
    /// Give it to the leader.
    Give(u64, Command),
    /// Tell the page that it failed: nobody knows how far an earlier leader got.
    Fail(u64, Failure),
}

impl Desk {
    /// A new request.
    pub fn add(&mut self, id: u64, command: Command) {
        let given_to = None;
        self.open.insert(id, Open { command, given_to });
    }

    /// Whether a page waits.
    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// What has to be done so that all open requests are with `leader`.
    pub fn turn_to(&mut self, leader: u64) -> Vec<Step> {
        let mut steps = Vec::new();
        for (id, open) in &mut self.open {
            match open.given_to {
                Some(before) if before == leader => {}
                Some(_) if !open.command.is_repeatable() => {
                    steps.push(Step::Fail(*id, interrupted()));
                }
                _ => {
                    open.given_to = Some(leader);
                    steps.push(Step::Give(*id, open.command.clone()));
                }
            }
        }
        for step in &steps {
            if let Step::Fail(id, _) = step {
                self.open.remove(id);
            }
        }
        steps
    }

    /// The request is answered by a leader. Whether it was still open, and with this leader.
    pub fn close(&mut self, id: u64, leader: u64) -> bool {
        let waits = self.open.get(&id).is_some_and(|open| open.given_to == Some(leader));
        if waits {
            self.open.remove(&id);
        }
        waits
    }

    /// Takes all requests: they can't be answered any more.
    pub fn clear(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.open).into_keys().collect()
    }
}

fn interrupted() -> Failure {
    Failure::Relay { message: "interrupted by the closing of another tab".into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasm_bindgen_test::wasm_bindgen_test;

    fn given(steps: &[Step]) -> Vec<u64> {
        steps
            .iter()
            .filter_map(|step| match step {
                Step::Give(id, _) => Some(*id),
                Step::Fail(..) => None,
            })
            .collect()
    }

    #[wasm_bindgen_test]
    fn each_leader_hears_an_open_request_once() {
        let mut desk = Desk::default();
        desk.add(1, Command::Session);
        assert_eq!(given(&desk.turn_to(7)), [1]);
        desk.add(2, Command::People);
        assert_eq!(given(&desk.turn_to(7)), [2]);
        assert_eq!(given(&desk.turn_to(8)), [1, 2]);
        assert!(!desk.close(1, 7));
        assert!(desk.close(1, 8));
        assert!(!desk.close(1, 8));
        assert_eq!(given(&desk.turn_to(9)), [2]);
    }

    #[wasm_bindgen_test]
    fn an_interrupted_sign_in_fails_instead_of_being_repeated() {
        let mut desk = Desk::default();
        let sign_in = Command::SignIn {
            address: "alice".into(),
            password: "p".into(),
            device_label: "d".into(),
            remove: Vec::new(),
        };
        desk.add(1, sign_in);
        assert_eq!(given(&desk.turn_to(7)), [1]);
        assert!(matches!(desk.turn_to(8)[..], [Step::Fail(1, _)]));
        assert!(desk.is_empty());
    }
}
