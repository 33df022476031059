//! Remembers what was found, and that nothing was, for a while and up to a size.

use super::Address;
use haven_wire::{ids::Hash, mail::FoundCertificates};
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// How long certificates are remembered.
const FOUND_FOR: Duration = Duration::from_secs(3600);
/// How long it is remembered that there are none.
const NOTHING_FOR: Duration = Duration::from_secs(600);
/// Answers that are remembered.
const MAX_ANSWERS: usize = 10_000;
/// Their certificates together, in bytes.
const MAX_BYTES: usize = 32 * 1024 * 1024;

/// Answers by the hash of the address, so that a look at the memory doesn't read them.
#[derive(Default)]
pub(super) struct Cache(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    answers: HashMap<Hash, (Instant, FoundCertificates)>,
    bytes: usize,
}

impl Cache {
    pub fn get(&self, address: &Address, now: Instant) -> Option<FoundCertificates> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (until, answer) = kept.answers.get(&key(address))?;
        (*until > now).then(|| answer.clone())
    }

    /// Remembers an answer, unless it may be another one in a moment.
    pub fn put(&self, address: &Address, answer: &FoundCertificates, now: Instant) {
        if answer.incomplete {
            return;
        }
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.remove(&key(address));
        kept.make_room(size(answer), now);
        let keep_for = if answer.found.is_empty() { NOTHING_FOR } else { FOUND_FOR };
        kept.bytes += size(answer);
        kept.answers.insert(key(address), (now + keep_for, answer.clone()));
    }
}

impl Kept {
    fn remove(&mut self, key: &Hash) {
        if let Some((_, answer)) = self.answers.remove(key) {
            self.bytes = self.bytes.saturating_sub(size(&answer));
        }
    }

    /// Forgets what is over, and everything if that is not enough: an answer costs no more than asking again.
    fn make_room(&mut self, bytes: usize, now: Instant) {
        let is_full = |kept: &Self| kept.answers.len() >= MAX_ANSWERS || kept.bytes + bytes > MAX_BYTES;
        if is_full(self) {
            self.answers.retain(|_, (until, _)| *until > now);
            self.bytes = self.answers.values().map(|(_, answer)| size(answer)).sum();
        }
        if is_full(self) {
            *self = Self::default();
        }
    }
}

fn size(answer: &FoundCertificates) -> usize {
    answer.found.iter().map(|found| found.certificate.len()).sum()
}

fn key(Address { local, domain }: &Address) -> Hash {
    Hash::of(format!("{local}@{domain}").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use haven_wire::mail::{FoundCertificate, Source};

    fn address(number: usize) -> Address {
        Address { local: number.to_string(), domain: "a.example".into() }
    }

    fn answer(bytes: usize, incomplete: bool) -> FoundCertificates {
        let certificate = FoundCertificate { source: Source::Wkd, certificate: vec![0x99; bytes] };
        FoundCertificates { found: (bytes > 0).then_some(certificate).into_iter().collect(), incomplete }
    }

    #[test]
    fn nothing_is_remembered_for_ten_minutes_and_something_for_an_hour() {
        let (cache, now) = (Cache::default(), Instant::now());
        cache.put(&address(1), &answer(0, false), now);
        cache.put(&address(2), &answer(1, false), now);
        cache.put(&address(3), &answer(1, true), now);
        let known = |after| {
            let then = now + Duration::from_secs(after);
            [1, 2, 3].map(|number| cache.get(&address(number), then).is_some())
        };
        assert_eq!(known(599), [true, true, false]);
        assert_eq!(known(601), [false, true, false]);
        assert_eq!(known(3601), [false, false, false]);
    }

    #[test]
    fn it_grows_neither_in_number_nor_in_size() {
        let (cache, now) = (Cache::default(), Instant::now());
        for number in 0..3000 {
            cache.put(&address(number), &answer(64 * 1024, false), now);
            assert!(cache.get(&address(number), now).is_some());
        }
        assert!(cache.0.lock().unwrap().bytes <= MAX_BYTES);
        for number in 0..3 * MAX_ANSWERS {
            cache.put(&address(number), &answer(0, false), now);
        }
        assert!(cache.0.lock().unwrap().answers.len() <= MAX_ANSWERS);
    }
}
