//! What Haven writes, and what it makes of it again.

use crate::letters::*;
use haven_bridge::mail::{MailTrouble, Protection, SenderCheck, Signature, Unusable};
use haven_core::mail::{self, Error, File, Keys, KnownCertificate, Letter, Offer, certificates};

fn full_letter() -> Letter {
    Letter {
        from: mailbox("Älice \"A.\" Ö", "alice@example.org"),
        to: vec![mailbox("Bob, Jr.", "bob@example.org"), mailbox("", "carol@example.org")],
        cc: vec![mailbox("Дейв", "dave@example.org")],
        subject:
            "Grüße aus 東京: ein Betreff, der in keine einzelne Zeile eines Nachrichtenkopfes mehr passt"
                .into(),
        text: "Hällo,\n\n-- \ntrailing space \nFrom here.\n.\n=?utf-8?q?not=20decoded?=\n".into(),
        in_reply_to: Some("0@example.org".into()),
        references: (0..40).map(|number| format!("reference-{number}@example.org")).collect(),
        files: vec![
            file(
                "Übersicht \"1\"; final.bin",
                "application/x-test",
                &(0..=255).cycle().take(5000).collect::<Vec<u8>>(),
            ),
            file("notes.txt", "text/plain", b"one\ntwo\r\nthree \n\xff"),
            file("mail.eml", "message/rfc822", b"Subject: x\r\n\r\ny"),
            file("empty", "nonsense", b""),
        ],
        ..letter()
    }
}

/// A letter as it was written, but for what the wire doesn't carry.
fn assert_read(opened: &mail::Opened, letter: &Letter) {
    assert_eq!(opened.trouble, None);
    assert_eq!(opened.message_id.as_ref(), Some(&letter.message_id));
    assert_eq!(opened.in_reply_to, letter.in_reply_to.iter().cloned().collect::<Vec<_>>());
    assert_eq!(opened.references, letter.references);
    assert_eq!(opened.from, std::slice::from_ref(&letter.from));
    assert_eq!((&opened.to, &opened.cc), (&letter.to, &letter.cc));
    assert_eq!((&opened.subject, &opened.text), (&letter.subject, &letter.text));
    assert_eq!(opened.date, Some(letter.date));
    assert_eq!(opened.differences, []);
    let names: Vec<_> = opened.attachments.iter().map(|file| (file.name.as_str(), file.size)).collect();
    let wanted: Vec<_> =
        letter.files.iter().map(|file| (file.name.as_str(), file.bytes.len() as u64)).collect();
    assert_eq!(names, wanted);
}

#[test]
fn an_encrypted_letter_comes_out_as_it_went_in() {
    let [alice, bob, carol, dave] = ["alice", "bob", "carol", "dave"].map(person);
    let letter = full_letter();
    let composed = compose(&letter, &alice, &[&bob, &carol, &dave]);
    assert_eq!(composed.messages[0].0, ["bob@example.org", "carol@example.org", "dave@example.org"]);
    for reader in [&bob, &carol, &dave, &alice] {
        let opened = open(&composed.messages[0].1, reader, &[&alice]);
        assert_read(&opened, &letter);
        assert_eq!(opened.protection, Protection::EndToEnd);
        let fingerprint = alice.fingerprint().to_hex();
        assert_eq!(opened.signature, Signature::Valid { fingerprint, by_sender: true });
    }
}

#[test]
fn a_letter_in_the_clear_is_signed_and_readable() {
    let (alice, bob) = (person("alice"), person("bob"));
    let letter = Letter { bcc: vec![mailbox("", "eve@example.org")], ..full_letter() };
    let composed = mail::compose(&letter, &alice, None, NOW).unwrap();
    assert_eq!(composed.messages.len(), 1);
    assert_eq!(composed.messages[0].0.last().unwrap(), "eve@example.org");
    let opened = open(&composed.messages[0].1, &bob, &[&alice]);
    assert_read(&opened, &letter);
    assert_eq!(opened.protection, Protection::Clear);
    assert!(matches!(opened.signature, Signature::Valid { by_sender: true, .. }));
    assert!(!message(&composed).contains("eve@"));

    let changed = message(&composed).replace("From here.", "From there.");
    let opened = open(changed, &bob, &[&alice]);
    assert!(matches!(opened.signature, Signature::Invalid { .. }));
}

#[test]
fn a_formatted_letter_is_read_as_html_with_its_text_as_it_was_typed() {
    let (alice, bob) = (person("alice"), person("bob"));
    let letter = Letter {
        text: "Dear **Bob**,\n\n- bread\n- Käse\n".into(),
        formatted: true,
        files: vec![file("notes.txt", "text/plain", b"one")],
        ..letter()
    };
    for composed in [compose(&letter, &alice, &[&bob]), mail::compose(&letter, &alice, None, NOW).unwrap()] {
        let opened = open(&composed.messages[0].1, &bob, &[&alice]);
        assert_read(&opened, &letter);
        let html = "<p>Dear <strong>Bob</strong>,</p><ul><li>bread</li><li>Käse</li></ul>";
        assert_eq!((opened.html.as_deref(), opened.remote_content), (Some(html), false));
        assert!(matches!(opened.signature, Signature::Valid { by_sender: true, .. }));
    }
}

#[test]
fn a_letter_goes_as_text_alone_unless_it_is_formatted_and_has_marks() {
    let (alice, bob) = (person("alice"), person("bob"));
    for (text, formatted) in [("Dear **Bob**", false), ("Dear Bob,\nsee https://example.org", true)] {
        let letter = Letter { text: text.into(), formatted, ..letter() };
        let clear = message(&mail::compose(&letter, &alice, None, NOW).unwrap());
        assert!(!clear.contains("multipart/alternative") && !clear.contains("text/html"), "{text}");
        let opened = open(message(&compose(&letter, &alice, &[&bob])), &bob, &[&alice]);
        assert_eq!((opened.text.as_str(), opened.html), (text, None));
    }
}

#[test]
fn nothing_hostile_goes_out_as_html() {
    let alice = person("alice");
    let hostile = "**x** <script>alert(1)</script><img src=https://evil.example/1 onerror=alert(1)>\n\
                   [x](javascript:alert(1)) [x](https://a.example/'onclick=alert(1)&quot;)\n\
                   > <p style=\"position:fixed\" class=x id=y>\n```\n</pre><iframe src=//evil.example>\n```\n";
    let letter = Letter { text: hostile.into(), formatted: true, ..letter() };
    let sent = message(&mail::compose(&letter, &alice, None, NOW).unwrap());
    let sent = mail_parser::MessageParser::new().parse(sent.as_bytes()).unwrap();
    let html = sent.body_html(0).unwrap();
    let tags: Vec<_> = html.split('<').skip(1).filter_map(|tag| tag.split('>').next()).collect();
    let link = |tag: &str| tag.starts_with("a href=\"https://") && tag.matches('"').count() == 6;
    for tag in &tags {
        let known = ["p", "strong", "br", "blockquote", "blockquote type=\"cite\"", "pre", "a"];
        assert!(known.contains(&tag.trim_start_matches('/')) || link(tag), "{tag}");
    }
    assert!(tags.contains(&"blockquote type=\"cite\"") && tags.iter().any(|tag| link(tag)));
}

#[test]
fn nothing_of_the_content_stands_outside() {
    let (alice, bob) = (person("alice"), person("bob"));
    let letter = Letter { files: vec![file("secret-plan.txt", "text/plain", b"attack")], ..letter() };
    let outside = message(&compose(&letter, &alice, &[&bob]));
    for secret in ["Lunch", "Twelve", "secret-plan", "attack", "text/plain"] {
        assert!(!outside.contains(secret), "{secret}");
    }
    assert!(outside.contains("Subject: [...]\r\n"));
}

#[test]
fn what_is_composed_is_plain_ascii_in_short_lines() {
    let [alice, bob, carol, dave] = ["alice", "bob", "carol", "dave"].map(person);
    let letter = full_letter();
    let encrypted = compose(&letter, &alice, &[&bob, &carol, &dave]);
    for composed in [encrypted, mail::compose(&letter, &alice, None, NOW).unwrap()] {
        let text = message(&composed);
        assert!(text.is_ascii());
        assert!(!text.replace("\r\n", "").contains(['\r', '\n']), "lines end with CRLF");
        let longest = text.split("\r\n").max_by_key(|line| line.len()).unwrap();
        assert!(longest.len() <= 100, "{longest}");
    }
}

#[test]
fn who_gets_a_blind_copy_is_known_to_nobody_else() {
    let [alice, bob, carol, dave] = ["alice", "bob", "carol", "dave"].map(person);
    let blind = vec![mailbox("", "carol@example.org"), mailbox("", "dave@example.org")];
    let letter = Letter { bcc: blind, ..letter() };
    let composed = compose(&letter, &alice, &[&bob, &carol, &dave]);
    let recipients: Vec<_> = composed.messages.iter().map(|(recipients, _)| recipients.join(",")).collect();
    assert_eq!(recipients, ["bob@example.org", "carol@example.org", "dave@example.org"]);
    assert_eq!(composed.kept, 0);
    for (number, reader) in [&bob, &carol, &dave].into_iter().enumerate() {
        for (other, (_, message)) in composed.messages.iter().enumerate() {
            let opened = open(message, reader, &[&alice]);
            assert_eq!(opened.trouble.is_none(), number == other);
            assert!(!String::from_utf8_lossy(message).contains("carol"));
        }
    }
    let only_blind = Letter { to: Vec::new(), ..letter };
    let composed = compose(&only_blind, &alice, &[&carol, &dave]);
    assert_eq!(composed.messages.len(), 2);
    assert!(message(&composed).contains("To: undisclosed-recipients:;\r\n"), "{}", message(&composed));
}

#[test]
fn a_mailbox_entry_opens_with_what_the_relay_knows_of_it() {
    let (alice, bob) = (person("alice"), person("bob"));
    let letter = Letter { files: vec![file("a.bin", "image/png", &[7; 3000])], ..letter() };
    let raw = [ARRIVED.as_bytes(), &compose(&letter, &alice, &[&bob]).messages[0].1].concat();
    let body = seal(&raw, &bob);
    let known = [known(&alice)];
    let keys = Keys { own: std::slice::from_ref(&bob), known: &known };
    let opened = mail::open_entry(&body, &keys, NOW).unwrap();
    assert_read(&opened, &letter);
    assert_eq!((opened.sender, opened.received), (SenderCheck::Passed, Some(NOW + 5000)));
    let found = mail::attachment(&body, opened.attachments[0].part, &keys, NOW).unwrap();
    assert_eq!(found, File { name: "a.bin".into(), media_type: "image/png".into(), bytes: vec![7; 3000] });
    assert_eq!(mail::attachment(&body, 99, &keys, NOW), Err(Error::NoSuchPart));
    assert_eq!(mail::unseal(&body, &keys).unwrap(), raw);

    let keys = Keys { own: std::slice::from_ref(&alice), known: &known };
    assert_eq!(mail::open_entry(&body, &keys, NOW).err(), Some(Error::Closed));
    assert_eq!(mail::open_entry(&raw, &keys, NOW).err(), Some(Error::Closed), "it has to be encrypted");
}

#[test]
fn everybody_learns_how_to_answer_everybody() {
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(person);
    let letter = Letter { cc: vec![mailbox("", "carol@example.org")], ..letter() };
    let opened = open(&compose(&letter, &alice, &[&bob, &carol]).messages[0].1, &bob, &[]);
    let offered: Vec<_> = opened.keys.iter().map(|key| (key.address.as_str(), key.how)).collect();
    assert_eq!(
        offered,
        [
            ("alice@example.org", Offer::Autocrypt { prefer_encrypt: true }),
            ("bob@example.org", Offer::Gossip),
            ("carol@example.org", Offer::Gossip),
        ]
    );
    assert_eq!(opened.keys[0].certificate, alice.public_bytes().unwrap());
    assert_eq!(opened.keys[2].certificate, carol.public_bytes().unwrap());
    let alone = open(&compose(&self::letter(), &alice, &[&bob]).messages[0].1, &bob, &[]);
    assert_eq!(alone.keys.len(), 1, "nobody needs his own certificate");
}

#[test]
fn a_recipient_without_a_usable_certificate_stops_the_letter() {
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(person);
    let letter = Letter { bcc: vec![mailbox("", "carol@example.org")], ..letter() };
    let refused = |known: &[KnownCertificate], now| mail::compose(&letter, &alice, Some(known), now).err();
    assert_eq!(refused(&[known(&bob)], NOW), Some(Error::NotEncryptable(1)));
    assert_eq!(refused(&[], NOW), Some(Error::NotEncryptable(0)));
    let later = NOW + 3 * 365 * 24 * 60 * 60 * 1000;
    assert_eq!(refused(&[known(&bob), known(&carol)], later), Some(Error::NotEncryptable(0)));
    let broken = KnownCertificate { address: "bob@example.org".into(), certificate: b"hello".to_vec() };
    assert_eq!(refused(&[broken, known(&carol)], NOW), Some(Error::NotEncryptable(0)));
}

#[test]
fn expired_keys_still_open_what_was_sent_to_them() {
    let (alice, bob) = (person("alice"), person("bob"));
    let composed = compose(&letter(), &alice, &[&bob]);
    let later = NOW + 5 * 365 * 24 * 60 * 60 * 1000;
    let keys = Keys { own: std::slice::from_ref(&bob), known: &[known(&alice)] };
    let opened = mail::open_mail(&composed.messages[0].1, &keys, later);
    assert_read(&opened, &letter());
    assert!(matches!(opened.signature, Signature::Valid { .. }), "it was valid when it was signed");
}

#[test]
fn a_stranger_s_key_opens_nothing() {
    let [alice, bob, eve] = ["alice", "bob", "eve"].map(person);
    let opened = open(&compose(&letter(), &alice, &[&bob]).messages[0].1, &eve, &[&alice]);
    assert_eq!(opened.trouble, Some(MailTrouble::NoKey));
    assert_eq!((opened.text.as_str(), opened.subject.as_str()), ("", "[...]"));
    assert_eq!(opened.from[0].address, "alice@example.org");
}

#[test]
fn certificates_are_judged_before_they_are_used() {
    let bob = person("bob");
    let bytes = bob.public_bytes().unwrap();
    let usable = certificates::usable(&bytes, "Bob@example.ORG", NOW).unwrap();
    assert_eq!((usable.fingerprint, usable.certificate), (bob.fingerprint(), bytes.clone()));
    assert_eq!(certificates::usable(&bytes, "eve@example.org", NOW), Err(Unusable::CannotEncrypt));
    assert!(certificates::names(&bytes, "bob@example.org", NOW));
    assert!(!certificates::names(&bytes, "ob@example.org", NOW));
    let later = NOW + 3 * 365 * 24 * 60 * 60 * 1000;
    assert_eq!(certificates::usable(&bytes, "bob@example.org", later), Err(Unusable::Expired));
    let (alice, revocation) =
        haven_core::identity::SecretCertificate::generate("alice@example.org", NOW).unwrap();
    let primary = alice.primary_packet().unwrap();
    let public = alice.public_bytes().unwrap();
    let revoked = [&primary, &revocation, &public[primary.len()..]].concat();
    assert_eq!(certificates::usable(&revoked, "alice@example.org", NOW), Err(Unusable::Revoked));
    assert_eq!(certificates::usable(b"hello", "alice@example.org", NOW), Err(Unusable::CannotEncrypt));
    assert_eq!(certificates::split(&[bytes.clone(), public.clone()].concat()), [bytes, public]);
}
