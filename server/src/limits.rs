//! Rates and quotas: one block of the configuration, each with a metric and a clear refusal.

use haven_wire::Refusal;
use serde::Deserialize;
use std::{
    collections::HashMap,
    hash::{BuildHasher, Hash, RandomState},
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// Days since 1970. Nothing is stored with a finer time.
pub type Day = i64;

/// Sessions of one account: its devices, and a few sign-ins that are under way. A device needs a session to read in the
/// vault what the others are called, and to ask its person which ones go.
pub const MAX_SESSIONS: u64 = haven_wire::limits::MAX_DEVICES as u64 + 4;
/// Suites for which one device has key packages.
pub const MAX_SUITES: i64 = 4;
/// Pointers in one commit.
pub const MAX_POINTERS: usize = 4096;
/// A wrapped vault key, in bytes.
pub const MAX_WRAP: usize = 1024;

/// An address in a sign-in, in bytes. It is kept between the two steps, also if nobody has it.
pub const MAX_ADDRESS: usize = 320;

/// Today, in UTC.
pub fn today() -> Day {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(elapsed.as_secs() / 86_400).unwrap_or(0)
}

/// Bytes in KiB, of which the last one may not be full.
pub fn kib(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX)
}

/// A token bucket's size and speed.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// As many at once.
    pub burst: u32,
    /// One more each so many seconds.
    pub every_s: f64,
}

/// Declares the limits once: configuration, buckets and metric labels follow from it.
macro_rules! limits {
    ($($(#[$doc:meta])* $name:ident: $burst:literal, $every:literal;)*) => {
        /// The `[limits]` block.
        #[derive(Clone, Debug, Deserialize, PartialEq)]
        #[serde(default, deny_unknown_fields)]
        pub struct Config {
            $($(#[$doc])* pub $name: Rate,)*
        }

        impl Default for Config {
            fn default() -> Self {
                Self { $($name: Rate { burst: $burst, every_s: $every },)* }
            }
        }

        /// Names a limit.
        #[allow(non_camel_case_types, reason = "the names of the configuration")]
        #[derive(Clone, Copy, Debug, Eq, PartialEq)]
        pub enum Limit {
            $($(#[$doc])* $name,)*
        }

        impl Limit {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// As in the configuration.
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }

            /// From the configuration.
            fn rate(self, config: &Config) -> Rate {
                match self { $(Self::$name => config.$name,)* }
            }
        }
    };
}

limits! {
    /// Calls from one network address (IPv4, or IPv6 /64).
    calls_per_network: 2000, 0.01;
    /// Accounts made from one network address.
    sign_ups_per_network: 6, 30.0;
    /// Sign-ins to one address from one network address.
    sign_ins_per_network: 10, 30.0;
    /// Sign-ins to one address from everywhere.
    sign_ins: 100, 10.0;
    /// Look-ups by one account.
    look_ups: 100, 2.0;
    /// Searches for certificates by one account.
    certificate_look_ups: 200, 5.0;
    /// Certificates read by WKD from one network address.
    wkd_per_network: 100, 1.0;
    /// Claims of one person's key packages by one account.
    claims_per_target: 30, 60.0;
    /// Claims by one account.
    claims: 300, 5.0;
    /// Claims of one person's key packages by everybody.
    claims_of_target: 600, 2.0;
    /// Calls by one device's session.
    calls_per_session: 1000, 0.05;
    /// Groups made from one network address.
    new_groups_per_network: 100, 36.0;
    /// KiB of commits, Welcomes and messages appended from one network address.
    append_kib_per_network: 131_072, 0.01;
    /// Commits to one group.
    commits_per_group: 200, 0.2;
    /// Application messages to one group.
    messages_per_group: 5000, 0.005;
    /// Pointers to inboxes sent from one network address.
    pointers_per_network: 5000, 0.2;
    /// Pointers to one inbox sent from one network address.
    pointers_to_inbox: 60, 30.0;
    /// Sockets opened from one network address.
    sockets_per_network: 100, 1.0;
    /// Mails sent by one account; ten recipients count as one mail.
    submit_mails: 10, 1.0;
    /// KiB of mails sent by one account.
    submit_kib: 1_048_576, 0.01;
    /// Certificates published by one account.
    certificate_changes: 20, 60.0;
    /// Recipients that one network address names for mail that arrives.
    arrivals_per_network: 200, 0.5;
    /// Pictures from elsewhere that one account asks for.
    pictures: 300, 1.0;
}

/// Token buckets for all limits, kept as the time at which each bucket will be full again (GCRA), so that an idle
/// bucket is one that can be forgotten. Each decision is made under one lock: concurrent calls can't overdraw.
pub struct Limiter {
    config: Config,
    start: Instant,
    hasher: RandomState,
    shards: Vec<Mutex<Shard>>,
}

const SHARDS: usize = 32;
/// Buckets in a shard before full ones are looked for and forgotten.
const MAX_BUCKETS: usize = 16_384;

#[derive(Default)]
struct Shard {
    full_at: HashMap<u64, Duration>,
    clean_at: usize,
}

impl Limiter {
    /// All buckets full.
    pub fn new(config: Config) -> Self {
        Self {
            config,
            start: Instant::now(),
            hasher: RandomState::new(),
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
        }
    }

    /// Takes `amount` from the bucket of `key`, or says when to come again.
    pub fn take(&self, limit: Limit, key: impl Hash, amount: u32) -> Result<(), Refusal> {
        self.take_at(limit, key, amount, self.start.elapsed())
    }

    /// [`Limiter::take`] at a time since the start.
    pub fn take_at(&self, limit: Limit, key: impl Hash, amount: u32, now: Duration) -> Result<(), Refusal> {
        let Rate { burst, every_s } = limit.rate(&self.config);
        let each = each(every_s);
        let size = each.saturating_mul(burst);
        let cost = each.saturating_mul(amount);
        let (bucket, Some(mut shard)) = self.bucket(limit, key) else { return Ok(()) };
        shard.forget_full(now);
        let full_at = shard.full_at.entry(bucket).or_insert(now);
        let after = (*full_at).max(now).saturating_add(cost);
        let empty_for = after.saturating_sub(now.saturating_add(size));
        if empty_for.is_zero() {
            *full_at = after;
            Ok(())
        } else {
            Err(Refusal::RateLimited {
                retry_after_s: u32::try_from(empty_for.as_secs()).unwrap_or(u32::MAX).saturating_add(1),
            })
        }
    }

    /// Puts back what was taken for a call that turned out not to count.
    pub fn give_back(&self, limit: Limit, key: impl Hash, amount: u32) {
        let cost = each(limit.rate(&self.config).every_s).saturating_mul(amount);
        if let (bucket, Some(mut shard)) = self.bucket(limit, key)
            && let Some(full_at) = shard.full_at.get_mut(&bucket)
        {
            *full_at = full_at.saturating_sub(cost);
        }
    }

    /// Keyed by a random hash: a collision, which nobody can aim for, would make two keys share a bucket.
    fn bucket(&self, limit: Limit, key: impl Hash) -> (u64, Option<MutexGuard<'_, Shard>>) {
        let bucket = self.hasher.hash_one((limit.name(), key));
        let shard = self.shards.get(bucket as usize % SHARDS);
        (bucket, shard.map(|shard| shard.lock().unwrap_or_else(PoisonError::into_inner)))
    }
}

/// Between two tokens.
fn each(every_s: f64) -> Duration {
    Duration::try_from_secs_f64(every_s).unwrap_or(Duration::MAX)
}

impl Shard {
    fn forget_full(&mut self, now: Duration) {
        if self.full_at.len() >= self.clean_at.max(MAX_BUCKETS) {
            self.full_at.retain(|_, full_at| *full_at > now);
            // If most are in use, don't look again before the shard has grown by half.
            self.clean_at = self.full_at.len().saturating_mul(3) / 2;
        }
    }
}

/// Where a caller is, as far as limits are concerned: one IPv4 address, or an IPv6 /64.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Network(u64, bool);

impl From<IpAddr> for Network {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(v4) => Self(u64::from(v4.to_bits()), false),
            IpAddr::V6(v6) => Self(u64::try_from(v6.to_bits() >> 64).unwrap_or(0), true),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limiter(burst: u32, every_s: f64) -> Limiter {
        Limiter::new(Config { claims: Rate { burst, every_s }, ..Config::default() })
    }

    #[test]
    fn a_bucket_gives_its_burst_and_then_says_when_to_come_again() {
        let limiter = limiter(3, 10.0);
        let at = |s| Duration::from_secs(s);
        for _ in 0..3 {
            assert_eq!(limiter.take_at(Limit::claims, 1, 1, at(0)), Ok(()));
        }
        let refusal = limiter.take_at(Limit::claims, 1, 1, at(0));
        assert_eq!(refusal, Err(Refusal::RateLimited { retry_after_s: 11 }));
        assert_eq!(limiter.take_at(Limit::claims, 2, 1, at(0)), Ok(()));
        assert_eq!(limiter.take_at(Limit::claims, 1, 1, at(10)), Ok(()));
        assert!(limiter.take_at(Limit::claims, 1, 1, at(10)).is_err());
    }

    #[test]
    fn a_refusal_takes_nothing() {
        let limiter = limiter(3, 10.0);
        let now = Duration::from_secs(5);
        assert!(limiter.take_at(Limit::claims, 1, 4, now).is_err());
        assert_eq!(limiter.take_at(Limit::claims, 1, 3, now), Ok(()));
    }

    #[test]
    fn what_is_given_back_can_be_taken_again() {
        let limiter = limiter(2, 3600.0);
        for _ in 0..10 {
            assert_eq!(limiter.take(Limit::claims, 1, 2), Ok(()));
            limiter.give_back(Limit::claims, 1, 2);
        }
        assert!(limiter.take(Limit::claims, 1, 3).is_err());
    }

    #[test]
    fn sixty_four_tasks_never_get_more_than_the_burst() {
        let limiter = limiter(1000, 3600.0);
        let taken: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..64)
                .map(|_| {
                    scope.spawn(|| (0..100).filter(|_| limiter.take(Limit::claims, 1, 1).is_ok()).count())
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(taken, 1000);
    }

    #[test]
    fn full_buckets_are_forgotten() {
        let limiter = limiter(1, 1.0);
        for key in 0..2_000_000_u64 {
            let now = Duration::from_millis(key);
            assert_eq!(limiter.take_at(Limit::claims, key, 1, now), Ok(()));
        }
        let kept: usize = limiter.shards.iter().map(|shard| shard.lock().unwrap().full_at.len()).sum();
        assert!(kept <= SHARDS * MAX_BUCKETS, "{kept}");
    }

    #[test]
    fn neighbours_in_an_ipv6_network_share_a_bucket() {
        let network = |text: &str| Network::from(text.parse::<IpAddr>().unwrap());
        assert_eq!(network("2001:db8::1"), network("2001:db8::ffff"));
        assert_ne!(network("2001:db8::1"), network("2001:db8:0:1::1"));
        assert_eq!(network("::ffff:192.0.2.1"), network("192.0.2.1"));
        assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
    }
}
