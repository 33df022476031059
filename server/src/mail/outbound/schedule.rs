//! When a mail that could not be handed on is tried again.

/// A mail that is younger than the first number of seconds is tried again after the second.
const DELAYS: [(u64, u64); 5] =
    [(5 * 60, 5 * 60), (20 * 60, 15 * 60), (50 * 60, 30 * 60), (110 * 60, 3600), (230 * 60, 2 * 3600)];
/// An older one after so many seconds.
const LAST_DELAY: u64 = 4 * 3600;
/// After so many seconds nothing is tried any more.
const GIVE_UP: u64 = 2 * 86_400;
/// After so many seconds the sender is told that it takes longer.
const TELL: u64 = 3600;

/// What to do with a mail that was tried.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Next {
    /// Try again after so many seconds.
    In(u64),
    /// Tell the sender that it failed.
    Never,
}

/// What comes after a failed attempt at a mail that is `age` seconds old. A `random` number spreads what would otherwise
/// come all at once: up to a tenth more.
pub fn next(age: u64, random: u16) -> Next {
    if age >= GIVE_UP {
        return Next::Never;
    }
    let delay = DELAYS.iter().find(|(below, _)| age < *below).map_or(LAST_DELAY, |(_, delay)| *delay);
    let spread = delay / 10 * u64::from(random) / u64::from(u16::MAX);
    Next::In((delay + spread).min(GIVE_UP - age))
}

/// Whether the sender of a mail of this age is told that it takes longer.
pub fn is_late(age: u64) -> bool {
    age >= TELL
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_become_rarer_and_end_after_two_days() {
        for random in [0, u16::MAX] {
            let (mut age, mut delays) = (0, Vec::new());
            while let Next::In(delay) = next(age, random) {
                delays.push(delay / 60);
                age += delay;
            }
            let expected: [u64; 7] =
                if random == 0 { [5, 15, 30, 60, 120, 240, 240] } else { [5, 16, 33, 66, 132, 264, 264] };
            assert_eq!(delays[..7], expected);
            assert_eq!(age, GIVE_UP);
        }
    }

    #[test]
    fn the_last_attempt_comes_when_the_time_is_over() {
        assert_eq!(next(GIVE_UP - 5, u16::MAX), Next::In(5));
        assert_eq!(next(GIVE_UP, 0), Next::Never);
    }
}
