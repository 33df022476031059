//! The mail benchmark's side of Haven: the tasks p2 to p7.
//!
//! Each function is called by the page of `end2end/bench`, and gives the milliseconds that each part of a task took,
//! once, on average over `rounds`, after a round that doesn't count. `end2end/bench/openpgp_worker.js` has the same.
#![allow(clippy::expect_used, clippy::panic, reason = "a benchmark that goes wrong has to stop")]

use crate::{browser_cipher, scope};
use haven_bridge::mail::Mailbox;
use haven_core::{
    Millis,
    identity::SecretCertificate,
    mail::{self, Composed, File, Keys, KnownCertificate, Letter},
    testing::openpgp,
};
use wasm_bindgen::prelude::wasm_bindgen;

/// Milliseconds that each of `rounds` takes, after one that doesn't count.
async fn time(rounds: u32, mut run: impl AsyncFnMut()) -> f64 {
    run().await;
    let start = scope::elapsed();
    for _ in 0..rounds {
        run().await;
    }
    (scope::elapsed() - start) / f64::from(rounds)
}

fn person(number: u32, now: Millis) -> SecretCertificate {
    SecretCertificate::generate(&format!("person{number}@example.org"), now).expect("a certificate").0
}

fn known(person: &SecretCertificate) -> KnownCertificate {
    KnownCertificate {
        address: person.address().to_owned(),
        certificate: person.public_bytes().expect("a certificate"),
    }
}

/// Bytes that can't be compressed.
fn noise(size: u32) -> Vec<u8> {
    let mut state = 1_u64;
    let bytes = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 56) as u8
    });
    bytes.take(size as usize).collect()
}

/// p2: making a certificate.
#[wasm_bindgen]
pub async fn mail_keys(rounds: u32) -> Vec<f64> {
    let now = scope::now();
    vec![time(rounds, async || drop(person(1, now))).await]
}

/// p3 to p5: signing and encrypting to `people`, the first of which is the sender; decrypting and verifying.
#[wasm_bindgen]
pub async fn mail_messages(size: u32, people: u32, rounds: u32, armored: bool) -> Vec<f64> {
    let now = scope::now();
    let all: Vec<_> = (0..people).map(|number| person(number, now)).collect();
    let [sender, reader, ..] = &all[..] else { panic!("too few people") };
    let recipients: Vec<_> = all.iter().collect();
    let payload = noise(size);
    let mut sealed = Vec::new();
    let sealing = time(rounds, async || {
        let mut sealing = openpgp::begin(&payload, sender, &recipients, now);
        browser_cipher::encipher(&mut sealing).await.expect("a cipher");
        sealed = openpgp::finish(sealing, armored);
    });
    let sealing = sealing.await;
    let known = [known(sender)];
    let keys = Keys { own: std::slice::from_ref(reader), known: &known };
    let opening = time(rounds, async || {
        assert!(openpgp::open(&sealed, &keys, now).len() == payload.len(), "it comes out as it went in");
    });
    vec![sealing, opening.await]
}

/// p6: reading a certificate; reading it and verifying all its self-signatures.
#[wasm_bindgen]
pub async fn mail_certificates(certificate: &[u8], rounds: u32) -> Vec<f64> {
    let parsing = time(rounds, async || assert_eq!(openpgp::read(certificate), (30, 11))).await;
    let verifying = time(rounds, async || assert_eq!(openpgp::verify(certificate), (30, 11))).await;
    vec![parsing, verifying]
}

/// p7: composing a mail with a file; opening it and taking the file out.
#[wasm_bindgen]
pub async fn mail_mails(size: u32, rounds: u32) -> Vec<f64> {
    let now = scope::now();
    let (alice, bob) = (person(0, now), person(1, now));
    let letter = letter(&alice, &bob, noise(size), now);
    let (for_bob, from_alice) = ([known(&bob)], [known(&alice)]);
    let mut message = Vec::new();
    let composing = time(rounds, async || {
        let mut composing = mail::begin(&letter, &alice, Some(&for_bob), now).expect("a letter");
        for sealing in composing.sealings() {
            browser_cipher::encipher(sealing).await.expect("a cipher");
        }
        let Composed { mut messages, .. } = composing.finish().expect("a mail");
        message = messages.remove(0).1;
    });
    let composing = composing.await;
    let keys = Keys { own: std::slice::from_ref(&bob), known: &from_alice };
    let opening = time(rounds, async || {
        let file = mail::file_of(&message, 2, &keys, now).expect("a file");
        assert!(file.bytes.len() == size as usize, "it comes out as it went in");
    });
    vec![composing, opening.await]
}

fn letter(from: &SecretCertificate, to: &SecretCertificate, bytes: Vec<u8>, now: Millis) -> Letter {
    let mailbox =
        |person: &SecretCertificate| Mailbox { name: String::new(), address: person.address().to_owned() };
    let (name, media_type) = ("file.bin".to_owned(), "application/octet-stream".to_owned());
    Letter {
        message_id: "1@example.org".into(),
        date: now,
        from: mailbox(from),
        to: vec![mailbox(to)],
        files: vec![File { name, media_type, bytes }],
        ..Letter::default()
    }
}
