//! Running one scenario under every fault that can be counted.

use super::{
    crash::{Again, Crash},
    relay::Fault,
    world::World,
};
use std::fmt::Debug;

/// Write sets from one crash to the next in [`in_every_world`].
const PERIOD: u64 = 4;

/// Runs a scenario in a world whose engines live on, in one whose engines are restarted after each write set, and in
/// worlds whose engines crash at every fourth write set: which one is the first differs, so each write set has a crash
/// before and after it in one of them. Gives the outcome, which must be the same.
pub async fn in_every_world<T: PartialEq + Debug>(scenario: impl AsyncFn(&mut World) -> T) -> T {
    let lasting = scenario(&mut World::new()).await;
    let restarting = scenario(&mut World::restarting()).await;
    assert_eq!(restarting, lasting, "restarts change the outcome");
    for first in 0..PERIOD {
        for crash in [Crash::Before, Crash::After] {
            let again = Again { period: PERIOD, first, crash };
            let mut world = World::crashing(again);
            assert_eq!(scenario(&mut world).await, lasting, "{again:?} changes the outcome");
            assert_eq!(world.relay.encrypted_twice(), 0, "{again:?}");
            assert!(world.devices.iter().any(|device| device.store.crashes() > 0), "nothing was stored");
        }
    }
    lasting
}

/// Runs a scenario in copies of a world: once in peace, and then with a crash of each device before and after each of
/// its write sets. The outcome must always be the same. Tells how many crashes there were.
pub async fn for_every_crash<T: PartialEq + Debug>(
    world: &World,
    scenario: impl AsyncFn(&mut World) -> T,
) -> usize {
    let mut peaceful = world.fork().await;
    let expected = scenario(&mut peaceful).await;
    let mut crashes = 0;
    for who in world.everybody() {
        for n in 0..peaceful.devices[who.0].store.commits() {
            for crash in [Crash::Before, Crash::After] {
                let mut world = world.fork().await;
                world.crash_at(who, n, crash);
                let outcome = scenario(&mut world).await;
                assert_eq!(
                    outcome, expected,
                    "a crash {crash:?} write set {n} of {who:?} changes the outcome"
                );
                assert_eq!(world.relay.encrypted_twice(), 0, "{crash:?} {n} of {who:?}");
                crashes += usize::from(world.devices[who.0].store.crashes() > 0);
            }
        }
    }
    crashes
}

/// Runs a scenario in copies of a world: once in peace, and then with each call to the relay lost, and with each
/// answer lost. The outcome must always be the same. Tells how many calls there are.
pub async fn for_every_lost_call<T: PartialEq + Debug>(
    world: &World,
    scenario: impl AsyncFn(&mut World) -> T,
) -> u64 {
    let mut peaceful = world.fork().await;
    let expected = scenario(&mut peaceful).await;
    let calls = peaceful.relay.calls();
    for n in 0..calls {
        for fault in [Fault::LoseRequest, Fault::LoseReply] {
            let mut world = world.fork().await;
            world.relay.break_at(n, fault);
            let outcome = scenario(&mut world).await;
            assert_eq!(outcome, expected, "{fault:?} at call {n} changes the outcome");
            assert_eq!(world.relay.encrypted_twice(), 0, "{fault:?} {n}");
        }
    }
    calls
}

/// Random numbers that are the same in each run (splitmix64).
#[derive(Clone, Debug)]
pub struct Dice(pub u64);

impl Dice {
    /// The next number.
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `limit`.
    pub fn below(&mut self, limit: usize) -> usize {
        (self.roll() % limit.max(1) as u64) as usize
    }

    /// Puts values into another order.
    pub fn shuffle<T>(&mut self, values: &mut [T]) {
        for last in (1..values.len()).rev() {
            values.swap(last, self.below(last + 1));
        }
    }

    /// Changes some bytes: flips, cuts, doubles, inserts or overwrites.
    pub fn mutate(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..=self.below(3) {
            let at = self.below(bytes.len());
            let byte = self.roll() as u8;
            match self.below(6) {
                0 => bytes.truncate(at),
                1 => bytes.insert(at, byte),
                2 if !bytes.is_empty() => drop(bytes.remove(at)),
                3 => {
                    let tail = bytes[at..].to_vec();
                    bytes.extend(tail);
                }
                4 if !bytes.is_empty() => bytes[at] = [0, 0xff, 0x7f, 0x80, 0x40][self.below(5)],
                _ if !bytes.is_empty() => bytes[at] ^= 1 << (byte & 7),
                _ => bytes.push(byte),
            }
        }
    }
}
