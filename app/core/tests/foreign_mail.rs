//! Whole letters of other programs: a subject that is not ASCII, in a protected header, and a file. Kept samples
//! (`data/letters/README.md`), and the programs themselves where they are installed, both ways.

use crate::letters::{NOW, file, letter, mailbox, open, person, seal};
use crate::programs::{Program, Rnp, Sq, Sqop};
use haven_bridge::mail::{Protection, Signature};
use haven_core::{
    identity::SecretCertificate,
    mail::{self, Keys, KnownCertificate, Offer, Opened},
};
use std::{
    fs,
    path::PathBuf,
    time::{SystemTime, UNIX_EPOCH},
};

const SUBJECT: &str = "Grüße, 世界 🐢";
const FILE: &str = "Übersicht.bin";
/// The programs, as their letters call them.
const WRITERS: [(&str, &str); 6] = [
    ("gpg", "GnuPG"),
    ("sq", "sq"),
    ("sqop", "sqop"),
    ("rnp", "RNP"),
    ("openpgpjs6", "OpenPGP.js 6"),
    ("openpgpjs5", "OpenPGP.js 5"),
];

fn content() -> Vec<u8> {
    (0..=255).cycle().take(512).collect()
}

fn sample(path: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(path);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn bob() -> SecretCertificate {
    SecretCertificate::from_bytes(&sample("mail/bob.tsk")).unwrap()
}

/// Opens a mail as Bob, who knows its writer.
fn read(raw: &[u8], writer: &str) -> Opened {
    let alice = KnownCertificate { address: "alice@example.org".into(), certificate: sample(writer) };
    mail::open_mail(raw, &Keys { own: &[bob()], known: &[alice] }, NOW + 3_600_000)
}

fn is_signed(opened: &Opened) -> bool {
    matches!(opened.signature, Signature::Valid { by_sender: true, .. })
}

/// The bytes of the file that is called so.
fn attached(raw: &[u8], opened: &Opened, owner: &SecretCertificate, name: &str) -> Vec<u8> {
    let found = opened.attachments.iter().find(|file| file.name == name).unwrap();
    let owner = SecretCertificate::from_bytes(&owner.to_bytes().unwrap()).unwrap();
    let own = [person("keeper"), owner];
    let keys = Keys { own: &own, known: &[] };
    mail::attachment(&seal(raw, &own[0]), found.part, &keys, real_time()).unwrap().bytes
}

#[test]
fn kept_letters_of_six_programs_are_read_whole() {
    for (program, name) in WRITERS {
        for (kind, protection) in [("encrypted", Protection::EndToEnd), ("signed", Protection::Clear)] {
            let raw = sample(&format!("letters/{program}-{kind}.eml"));
            let opened = read(&raw, &format!("letters/{program}-writer.pgp"));
            assert_eq!((&opened.trouble, opened.protection), (&None, protection), "{program} {kind}");
            assert!(is_signed(&opened), "{program} {kind}: {:?}", opened.signature);
            assert_eq!(opened.subject, SUBJECT, "{program} {kind}");
            assert_eq!(opened.from, [mailbox("Älice", "alice@example.org")], "{program} {kind}");
            assert_eq!(opened.text.trim_end(), format!("Grüße von {name}.\n\nEnde"), "{program} {kind}");
            assert_eq!(opened.differences, [], "{program} {kind}");
            assert_eq!(attached(&raw, &opened, &bob(), FILE), content(), "{program} {kind}");
        }
    }
}

#[test]
fn a_letter_that_was_changed_is_never_shown_as_signed() {
    for (program, _) in WRITERS {
        let writer = format!("letters/{program}-writer.pgp");
        let signed = String::from_utf8(sample(&format!("letters/{program}-signed.eml"))).unwrap();
        let changed = signed.replace("Ende", "Anfang");
        let opened = read(changed.as_bytes(), &writer);
        assert!(matches!(opened.signature, Signature::Invalid { .. }), "{program}: {:?}", opened.signature);

        let encrypted = sample(&format!("letters/{program}-encrypted.eml"));
        let other = WRITERS.iter().find(|(other, _)| *other != program).unwrap().0;
        let opened = read(&encrypted, &format!("letters/{other}-writer.pgp"));
        assert!(
            matches!(opened.signature, Signature::UnknownKey { .. }),
            "{program}: {:?}",
            opened.signature
        );
    }
}

/// Puts `new` in the place of `old` in a mail, once.
fn altered(raw: &[u8], old: &str, new: &str) -> Vec<u8> {
    let text = std::str::from_utf8(raw).unwrap();
    assert!(text.contains(old), "{old}");
    text.replacen(old, new, 1).into_bytes()
}

fn differences(opened: &Opened) -> Vec<(&str, &str, &str)> {
    let differences = opened.differences.iter();
    differences.map(|found| (found.name.as_str(), found.inside.as_str(), found.outside.as_str())).collect()
}

const LONG: &str = "Grüße, 世界 🐢: ein Betreff, der länger als eine Zeile ist";

#[test]
fn a_letter_in_thunderbird_s_manner_shows_its_real_subject_and_recipients() {
    let raw = sample("letters/thunderbird-encrypted.eml");
    let opened = read(&raw, "letters/gpg-writer.pgp");
    assert_eq!((&opened.trouble, opened.protection), (&None, Protection::EndToEnd));
    assert!(is_signed(&opened), "{:?}", opened.signature);
    assert_eq!(opened.subject, LONG);
    assert_eq!(opened.to, [mailbox("Bob", "bob@example.org")]);
    assert_eq!(opened.cc, [mailbox("Carol", "carol@example.org")]);
    assert_eq!(opened.date, Some(NOW + 60_000), "it stands outside alone");
    assert!(opened.text.starts_with("Grüße von Älice."), "{}", opened.text);
    assert_eq!(differences(&opened), []);
    assert_eq!(attached(&raw, &opened, &bob(), FILE), content());
    let offered: Vec<_> = opened.keys.iter().map(|key| (key.address.as_str(), key.how)).collect();
    assert_eq!(
        offered,
        [
            ("alice@example.org", Offer::Autocrypt { prefer_encrypt: false }),
            ("carol@example.org", Offer::Gossip),
            ("alice@example.org", Offer::Attached),
        ]
    );
    assert_eq!(opened.keys[0].certificate, sample("letters/gpg-writer.pgp"));
    assert_eq!(opened.keys[1].certificate, sample("letters/carol.pgp"));
}

#[test]
fn what_was_changed_around_a_letter_in_thunderbird_s_manner_is_pointed_out() {
    let raw = sample("letters/thunderbird-encrypted.eml");
    let raw = altered(&raw, "Subject: ...", "Subject: Pay now");
    let raw = altered(&raw, "Cc: Carol <carol@", "Cc: Carol <eve@");
    let opened = read(&raw, "letters/gpg-writer.pgp");
    assert_eq!(opened.subject, LONG);
    assert_eq!(opened.cc, [mailbox("Carol", "carol@example.org")]);
    let carol = ("Cc", "carol@example.org", "eve@example.org");
    assert_eq!(differences(&opened), [carol, ("Subject", LONG, "Pay now")]);
}

#[test]
fn a_signed_letter_in_thunderbird_s_manner_spreads_nobody_else_s_certificate() {
    let raw = sample("letters/thunderbird-signed.eml");
    let opened = read(&raw, "letters/gpg-writer.pgp");
    assert_eq!((opened.subject.as_str(), opened.protection), (LONG, Protection::Clear));
    assert!(is_signed(&opened), "{:?}", opened.signature);
    assert_eq!(attached(&raw, &opened, &bob(), FILE), content());
    assert!(opened.keys.iter().all(|key| key.how != Offer::Gossip), "Thunderbird puts gossip in the clear");

    let listed = altered(&raw, "Subject: =?UTF-8?B?", "Subject: [list] =?UTF-8?B?");
    let opened = read(&listed, "letters/gpg-writer.pgp");
    assert_eq!(opened.subject, LONG);
    assert_eq!(differences(&opened), [("Subject", LONG, format!("[list] {LONG}").as_str())]);
}

#[test]
fn a_letter_in_delta_chat_s_manner_shows_what_its_header_hides() {
    let raw = sample("letters/delta-chat.eml");
    let opened = read(&raw, "letters/delta-writer.pgp");
    assert_eq!((&opened.trouble, opened.protection), (&None, Protection::EndToEnd));
    assert!(is_signed(&opened), "{:?}", opened.signature);
    assert_eq!(opened.subject, "Message from Älice");
    assert_eq!(opened.from, [mailbox("Älice", "alice@example.org")]);
    assert_eq!(opened.to, [mailbox("Bob", "bob@example.org")], "outside, they are hidden");
    assert_eq!(opened.date, Some(NOW + 60_000), "outside stands a day that was rolled");
    assert_eq!(opened.references, ["first@localhost"]);
    assert_eq!(opened.in_reply_to, ["before@localhost"]);
    assert_eq!(opened.text.trim_end(), "Grüße von Älice.");
    assert_eq!(differences(&opened), []);
    assert_eq!(opened.keys.len(), 1);
    assert_eq!(opened.keys[0].how, Offer::Autocrypt { prefer_encrypt: true }, "it stands inside alone");
    assert_eq!(opened.keys[0].certificate, sample("letters/delta-writer.pgp"));
}

#[test]
fn a_letter_to_a_group_of_delta_chat_says_who_is_in_it() {
    let raw = sample("letters/delta-group.eml");
    let opened = read(&raw, "letters/delta-writer.pgp");
    assert!(is_signed(&opened), "{:?}", opened.signature);
    assert_eq!(opened.subject, SUBJECT);
    assert_eq!(opened.to, [mailbox("", "bob@example.org"), mailbox("", "carol@example.org")]);
    assert_eq!(attached(&raw, &opened, &bob(), FILE), content());
    let carol = opened.keys.iter().find(|key| key.how == Offer::Gossip).unwrap();
    assert_eq!(carol.address, "carol@example.org");
    assert_eq!(carol.certificate, sample("letters/carol.pgp"));
}

#[test]
fn what_was_changed_around_a_letter_in_delta_chat_s_manner_is_pointed_out() {
    let raw = sample("letters/delta-chat.eml");
    let raw = altered(&raw, "To: \"hidden-recipients\": ;", "To: eve@example.org");
    let raw = altered(&raw, "Subject: [...]", "Subject: ...");
    let opened = read(&raw, "letters/delta-writer.pgp");
    assert_eq!(opened.subject, "Message from Älice");
    assert_eq!(opened.to, [mailbox("Bob", "bob@example.org")]);
    let names: Vec<_> = differences(&opened).into_iter().map(|(name, _, outside)| (name, outside)).collect();
    assert_eq!(names, [("To", "eve@example.org"), ("Subject", "...")], "HP-Outer says what stood there");
}

#[test]
fn a_copy_of_the_subject_for_old_programs_is_not_shown_twice() {
    let opened = read(&sample("letters/legacy-display.eml"), "letters/gpg-writer.pgp");
    assert_eq!((opened.subject.as_str(), opened.text.trim_end()), (SUBJECT, "Grüße von Älice."));
    assert_eq!((opened.attachments.as_slice(), differences(&opened)), (&[][..], vec![]));
}

/// The clock that the programs see.
fn real_time() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

/// A letter to Bob, whole, by a clock.
fn whole_letter(now: u64) -> haven_core::mail::Letter {
    haven_core::mail::Letter {
        date: now,
        subject: SUBJECT.into(),
        text: "Hällo **Bob**,\n\ntrailing space \nFrom here on.\n".into(),
        formatted: true,
        files: vec![file(FILE, "application/octet-stream", &content())],
        ..letter()
    }
}

/// The program is Bob: it opens, and verifies, what Haven's Alice encrypts and signs.
fn reads_what_haven_writes(program: &impl Program) {
    let (alice, _) = SecretCertificate::generate("alice@example.org", real_time() - 3_600_000).unwrap();
    let certificate = program.generate("bob@example.org");
    let known = KnownCertificate { address: "bob@example.org".into(), certificate };
    program.import(&alice.public_bytes().unwrap());
    let now = real_time();
    let letter = whole_letter(now);

    let sent = mail::compose(&letter, &alice, Some(&[known]), now).unwrap().messages.remove(0).1;
    let (payload, verified) = program.decrypt(&armored(&sent, "MESSAGE"));
    assert_eq!(verified.as_deref(), Some(alice.fingerprint().to_hex().to_uppercase().as_str()));
    // What came out of the other program is a whole part: header, text and file.
    let reader = person("reader");
    let opened = open(&payload, &reader, &[]);
    assert_eq!((opened.subject.as_str(), opened.text.as_str()), (SUBJECT, letter.text.as_str()));
    assert!(opened.html.as_ref().is_some_and(|html| html.contains("<strong>Bob</strong>")));
    assert_eq!(attached(&payload, &opened, &reader, FILE), content());

    let sent = mail::compose(&letter, &alice, None, now).unwrap().messages.remove(0).1;
    let (payload, signature) = (signed_part(&sent), armored(&sent, "SIGNATURE"));
    assert!(program.verify(&payload, &signature), "a good signature");
    let changed = String::from_utf8(payload).unwrap().replace("From here", "From there");
    assert!(!program.verify(changed.as_bytes(), &signature), "a changed text");
}

/// The program is Carol: Haven's Bob opens, and verifies, what she encrypts and signs.
fn writes_what_haven_reads(program: &impl Program) {
    let (bob, _) = SecretCertificate::generate("bob@example.org", real_time() - 3_600_000).unwrap();
    let certificate = program.generate("carol@example.org");
    let carol = KnownCertificate { address: "carol@example.org".into(), certificate };
    program.import(&bob.public_bytes().unwrap());
    // The payload that Alice's letters have in the kept samples, but from Carol.
    let signed = sample("letters/gpg-signed.eml");
    let payload = String::from_utf8(signed_part(&signed)).unwrap().replace("alice@", "carol@");

    let keys = Keys { own: std::slice::from_ref(&bob), known: std::slice::from_ref(&carol) };
    let look = |raw: Vec<u8>, protection| {
        let opened = mail::open_mail(&raw, &keys, real_time() + 600_000);
        assert_eq!((&opened.trouble, opened.protection), (&None, protection));
        assert!(is_signed(&opened), "{:?}", opened.signature);
        assert_eq!((opened.subject.as_str(), differences(&opened)), (SUBJECT, vec![]));
        assert_eq!(attached(&raw, &opened, &bob, FILE), content());
    };
    let head = "From: =?UTF-8?B?w4RsaWNl?= <carol@example.org>\r\nTo: Bob <bob@example.org>\r\n";
    let subject = "Subject: =?UTF-8?B?R3LDvMOfZSwg5LiW55WMIPCfkKI=?=\r\n";
    let (begin, between) =
        ("MIME-Version: 1.0\r\nContent-Type: multipart/", "; boundary=\"b\"\r\n\r\n--b\r\n");

    let armored = crlf(program.encrypt(payload.as_bytes()));
    let encrypted = format!(
        "{head}Subject: ...\r\n{begin}encrypted; protocol=\"application/pgp-encrypted\"{between}\
         Content-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n\r\n--b\r\n\
         Content-Type: application/octet-stream\r\n\r\n{armored}\r\n--b--\r\n"
    );
    look(encrypted.into_bytes(), Protection::EndToEnd);

    let signature = crlf(program.sign(payload.as_bytes()));
    let signed = format!(
        "{head}{subject}Date: Sun, 22 Nov 2026 12:01:00 +0000\r\nMessage-ID: <gpg-letter@example.org>\r\n\
         {begin}signed; protocol=\"application/pgp-signature\"{between}{payload}\r\n--b\r\n\
         Content-Type: application/pgp-signature\r\n\r\n{signature}\r\n--b--\r\n"
    );
    look(signed.into_bytes(), Protection::Clear);
}

fn crlf(armored: Vec<u8>) -> String {
    String::from_utf8(armored).unwrap().replace("\r\n", "\n").replace('\n', "\r\n")
}

/// The armor of this kind in a mail.
fn armored(mail: &[u8], kind: &str) -> Vec<u8> {
    let text = std::str::from_utf8(mail).unwrap();
    let (begin, end) = (format!("-----BEGIN PGP {kind}-----"), format!("-----END PGP {kind}-----"));
    let (start, stop) = (text.find(&begin).unwrap(), text.find(&end).unwrap() + end.len());
    format!("{}\n", &text[start..stop]).into_bytes()
}

/// The first part of a `multipart/signed`, byte for byte.
fn signed_part(mail: &[u8]) -> Vec<u8> {
    let text = std::str::from_utf8(mail).unwrap();
    let (_, rest) = text.split_once("multipart/signed").unwrap();
    let boundary = rest.split_once("boundary=\"").unwrap().1.split('"').next().unwrap();
    let part = rest.split(&format!("\r\n--{boundary}")).nth(1).unwrap();
    part.strip_prefix("\r\n").unwrap().as_bytes().to_vec()
}

#[test]
fn sq_and_haven_read_each_other() {
    let Some(sq) = Sq::find() else { return };
    reads_what_haven_writes(&sq.fresh());
    writes_what_haven_reads(&sq.fresh());
}

#[test]
fn sqop_and_haven_read_each_other() {
    let Some(sqop) = Sqop::find() else { return };
    reads_what_haven_writes(&sqop.fresh());
    writes_what_haven_reads(&sqop.fresh());
}

#[test]
fn rnp_and_haven_read_each_other() {
    let Some(rnp) = Rnp::find() else { return };
    reads_what_haven_writes(&rnp.fresh());
    writes_what_haven_reads(&rnp.fresh());
}
