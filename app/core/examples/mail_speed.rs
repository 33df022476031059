//! How long it takes to compose and to open mail: `cargo run --release -p haven-core --example mail_speed`.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "an example"
)]

use haven_bridge::mail::Mailbox;
use haven_core::{
    identity::SecretCertificate,
    mail::{self, File, Keys, KnownCertificate, Letter},
};
use std::time::{Duration, Instant};

const NOW: u64 = 1_795_348_800_000;

fn main() {
    let [alice, bob] = ["alice", "bob"]
        .map(|name| SecretCertificate::generate(&format!("{name}@example.org"), NOW).unwrap().0);
    for (what, size, rounds) in [("10 kB", 10_000, 50), ("1 MB", 1_000_000, 10), ("10 MB", 10_000_000, 5)] {
        measure(what, size, rounds, &alice, &bob);
    }
}

fn measure(what: &str, size: usize, rounds: u32, alice: &SecretCertificate, bob: &SecretCertificate) {
    let letter = letter(size);
    let known = |secret: &SecretCertificate| KnownCertificate {
        address: secret.address().into(),
        certificate: secret.public_bytes().unwrap(),
    };
    let (for_bob, from_alice) = ([known(bob)], [known(alice)]);
    let keys = Keys { own: std::slice::from_ref(bob), known: &from_alice };

    let compose = || mail::compose(&letter, alice, Some(&for_bob), NOW).unwrap();
    let message = compose().messages.remove(0).1;
    let open = || assert_eq!(mail::open_mail(&message, &keys, NOW).trouble, None);
    report(what, "sign and encrypt", size, median(rounds, || drop(compose())));
    report(what, "decrypt and verify", size, median(rounds, open));
    report(
        what,
        "sign in the clear",
        size,
        median(rounds, || drop(mail::compose(&letter, alice, None, NOW).unwrap())),
    );
}

/// A letter with a file of bytes that can't be compressed.
fn letter(size: usize) -> Letter {
    let mut state = 1_u64;
    let bytes = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        state.to_be_bytes()[0]
    });
    let person = |name: &str| Mailbox { name: name.into(), address: format!("{name}@example.org") };
    Letter {
        message_id: "1@example.org".into(),
        date: NOW,
        from: person("alice"),
        to: vec![person("bob")],
        files: vec![File {
            name: "file.bin".into(),
            media_type: "application/octet-stream".into(),
            bytes: bytes.take(size).collect(),
        }],
        ..Letter::default()
    }
}

fn median(rounds: u32, mut run: impl FnMut()) -> Duration {
    let mut times: Vec<Duration> = (0..rounds)
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed()
        })
        .collect();
    times.sort();
    times[times.len() / 2]
}

fn report(what: &str, task: &str, size: usize, time: Duration) {
    let rate = size as f64 / time.as_secs_f64() / 1e6;
    println!("{what:>6}  {task:<20} {:8.2} ms  {rate:7.1} MB/s", time.as_secs_f64() * 1e3);
}
