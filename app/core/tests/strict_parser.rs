//! Every kind of mail that Haven composes is taken by a strict parser that is not ours, byte for byte: Python's, made
//! stricter by `programs/strict_mime.py`, which also writes the mail again and compares.

use crate::letters::*;
use haven_core::{
    identity::SecretCertificate,
    mail::{self, File, Letter},
};
use sequoia_openpgp::{
    Cert, KeyHandle,
    crypto::SessionKey,
    packet::{PKESK, SKESK},
    parse::{
        Parse as _,
        stream::{DecryptionHelper, DecryptorBuilder, MessageStructure, VerificationHelper},
    },
    policy::StandardPolicy,
    types::SymmetricAlgorithm,
};
use serde_json::{Value, json};
use std::{
    io::{Read as _, Write as _},
    process::{Command, Stdio},
};

/// What the parser says of mails. Nothing, said loudly, if there is no Python.
fn strictly(mails: &[impl AsRef<[u8]>]) -> Option<Vec<Value>> {
    let program = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/programs/strict_mime.py");
    let child = Command::new("python3")
        .args([program, "--many"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut child) = child else {
        println!(
            "NOT CHECKED: whether a strict parser takes what Haven composes: there is no `python3` here"
        );
        return None;
    };
    let mut input = Vec::new();
    for mail in mails {
        input.extend(format!("{}\n", mail.as_ref().len()).as_bytes());
        input.extend(mail.as_ref());
    }
    let mut pipe = child.stdin.take().unwrap();
    // It writes before it has read everything.
    let writer = std::thread::spawn(move || drop(pipe.write_all(&input)));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = std::str::from_utf8(&output.stdout).unwrap().lines();
    Some(lines.map(|line| serde_json::from_str(line).unwrap()).collect())
}

fn named(name: &str) -> File {
    file(name, "application/octet-stream", b"\x00\xff\r\n.\n")
}

/// Letters that are hard to write down.
fn kinds() -> Vec<Letter> {
    let people = |count: usize| {
        (0..count).map(|number| mailbox(&format!("Nº {number}, \"the\" Ölige"), "bob@example.org")).collect()
    };
    let with = |change: &dyn Fn(&mut Letter)| {
        let mut letter = letter();
        change(&mut letter);
        letter
    };
    let subjects = [
        "",
        " ",
        "Grüße, 世界 🐢",
        "=?utf-8?q?not=20decoded?=",
        "a\r\nBcc: eve@example.org\r\n\r\nb",
        &"ein Betreff ohne Ende und mit Ümläuten ".repeat(20),
        &"x".repeat(2000),
        &"字".repeat(500),
        "👩‍👩‍👧‍👦 and \u{202e}gpj.exe",
    ];
    let texts = [
        "",
        "\n",
        ".\n..\n.\r\n",
        "From here\n>From there\n",
        "trailing \nspaces\t\nand \r a lone one",
        "--=_00\n\n--=_00--\n",
        &"a long line ".repeat(1000),
        &"字".repeat(3000),
        "\u{0}\u{7}\u{1b}[31m\u{feff}",
    ];
    let names = [
        "",
        "a b.txt",
        "Übersicht \"1\"; final.bin",
        "世界 🐢.png",
        "a\r\nContent-Type: text/html\r\n\r\nb",
        "..\\..\\\"x\".exe",
        "=?utf-8?q?not=20decoded?=",
        "100%25 'really'.txt",
        &"lang und länger ".repeat(20),
    ];
    let from =
        ["", "Ä", "\"Quoted\" (comment), <x@y>; Jr.", "=?utf-8?q?x?=", &"Name und Übername ".repeat(12)];
    let mut all = vec![
        with(&|letter| letter.to = people(60)),
        with(&|letter| letter.cc = people(3)),
        with(&|letter| letter.bcc = vec![mailbox("", "carol@example.org")]),
        with(&|letter| {
            letter.bcc = std::mem::take(&mut letter.to);
        }),
        with(&|letter| {
            letter.in_reply_to = Some("0@example.org".into());
            letter.references =
                (0..60).map(|number| format!("{number}.{}@example.org", "r".repeat(40))).collect();
        }),
        with(&|letter| letter.files = names.iter().map(|name| named(name)).collect()),
        with(&|letter| {
            letter.files = ["message/rfc822", "multipart/mixed", "text/plain", "nonsense", "a/b; c=\"d"]
                .map(|kind| file("a", kind, b"one\ntwo\r\nthree \n\xff"))
                .into();
        }),
        with(&|letter| letter.files = vec![file("empty", "text/plain", b"")]),
    ];
    all.extend(subjects.iter().map(|subject| with(&|letter| letter.subject = (*subject).to_owned())));
    all.extend(texts.iter().map(|text| with(&|letter| letter.text = (*text).to_owned())));
    all.extend(texts.iter().map(|text| {
        with(&|letter| {
            letter.text = format!("**Grüße**\n{text}");
            letter.formatted = true;
        })
    }));
    all.extend(names.iter().map(|name| with(&|letter| letter.files = vec![named(name)])));
    all.extend(from.iter().map(|name| with(&|letter| letter.from = mailbox(name, "alice@example.org"))));
    all
}

#[test]
fn every_kind_of_letter_in_the_clear_is_taken() {
    let alice = person("alice");
    let composed = kinds().into_iter().map(|letter| mail::compose(&letter, &alice, None, NOW).unwrap());
    let mails: Vec<_> = composed.flat_map(|composed| composed.messages).map(|(_, mail)| mail).collect();
    assert!(strictly(&mails).is_none_or(|found| found.len() == mails.len()));
}

#[test]
fn every_kind_of_encrypted_letter_is_taken_outside_and_inside() {
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(person);
    let mut mails = Vec::new();
    for letter in kinds() {
        for (recipients, message) in compose(&letter, &alice, &[&bob, &carol]).messages {
            let reader = if recipients == ["carol@example.org"] { &carol } else { &bob };
            mails.push(decrypted(&message, reader));
            mails.push(message);
        }
    }
    assert!(strictly(&mails).is_none_or(|found| found.len() == mails.len()));
}

#[test]
fn the_parser_finds_what_was_written() {
    let alice = person("alice");
    let letter = Letter {
        subject: "Grüße, 世界 🐢".into(),
        from: mailbox("Älice", "alice@example.org"),
        files: vec![named("Übersicht \"1\".bin")],
        ..letter()
    };
    let message = mail::compose(&letter, &alice, None, NOW).unwrap().messages.remove(0).1;
    let Some(found) = strictly(&[message]).map(|mut found| found.remove(0)) else { return };
    assert_eq!(found["subject"], letter.subject);
    assert_eq!(found["from"], json!([["Älice", "alice@example.org"]]));
    assert_eq!(found["parts"][3]["name"], "Übersicht \"1\".bin");
    assert_eq!(found["parts"][3]["size"], 6);
}

#[test]
fn the_parser_finds_the_text_and_then_the_html_of_a_formatted_mail() {
    let (alice, bob) = (person("alice"), person("bob"));
    let letter = Letter { text: "**Hi**".into(), formatted: true, files: vec![named("a")], ..letter() };
    let clear = mail::compose(&letter, &alice, None, NOW).unwrap().messages.remove(0).1;
    let encrypted = compose(&letter, &alice, &[&bob]).messages.remove(0).1;
    let Some(found) = strictly(&[decrypted(&encrypted, &bob), clear]) else { return };
    let kinds = |found: &Value| {
        let parts = found["parts"].as_array().unwrap().iter();
        parts.map(|part| part["type"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let inside =
        ["multipart/mixed", "multipart/alternative", "text/plain", "text/html", "application/octet-stream"];
    assert_eq!(kinds(&found[0]), inside);
    assert_eq!(kinds(&found[1])[1..6], inside);
    assert_eq!(found[0]["parts"][2]["size"], "**Hi**".len());
    assert_eq!(found[0]["parts"][3]["size"], "<p><strong>Hi</strong></p>".len());
}

#[test]
fn the_parser_refuses_what_is_not_right() {
    let alice = person("alice");
    let message = message(&mail::compose(&letter(), &alice, None, NOW).unwrap());
    for wrong in [
        message.replace("--\r\n", "\r\n"),
        message.replacen("\r\n\r\n", "\r\n", 1),
        message.replace("Alice", "Älice"),
        message.replace("Twelve", "Twelve\n"),
    ] {
        assert_ne!(wrong, message);
        let refused = std::panic::catch_unwind(|| strictly(&[&wrong]));
        assert!(matches!(refused, Err(_) | Ok(None)), "{wrong}");
    }
}

/// What is inside an encrypted mail.
fn decrypted(message: &[u8], reader: &SecretCertificate) -> Vec<u8> {
    let policy = StandardPolicy::at(clock());
    let cert = Cert::from_bytes(&reader.to_bytes().unwrap()[..]).unwrap();
    let text = std::str::from_utf8(message).unwrap();
    let armored = &text[text.find("-----BEGIN PGP MESSAGE").unwrap()..];
    let builder = DecryptorBuilder::from_bytes(armored).unwrap();
    let mut decryptor = builder.with_policy(&policy, clock(), Keys(cert)).unwrap();
    let mut inside = Vec::new();
    decryptor.read_to_end(&mut inside).unwrap();
    inside
}

struct Keys(Cert);

impl VerificationHelper for Keys {
    fn get_certs(&mut self, _: &[KeyHandle]) -> sequoia_openpgp::Result<Vec<Cert>> {
        Ok(Vec::new())
    }

    fn check(&mut self, _: MessageStructure<'_>) -> sequoia_openpgp::Result<()> {
        Ok(())
    }
}

impl DecryptionHelper for Keys {
    fn decrypt(
        &mut self,
        pkesks: &[PKESK],
        _: &[SKESK],
        symmetric: Option<SymmetricAlgorithm>,
        decrypt: &mut dyn FnMut(Option<SymmetricAlgorithm>, &SessionKey) -> bool,
    ) -> sequoia_openpgp::Result<Option<Cert>> {
        for key in self.0.keys().unencrypted_secret() {
            let mut pair = key.key().clone().into_keypair()?;
            for pkesk in pkesks {
                if let Some((algorithm, session)) = pkesk.decrypt(&mut pair, symmetric) {
                    decrypt(algorithm, &session);
                }
            }
        }
        Ok(None)
    }
}
