//! Protected header fields in the manner of RFC 9788, Thunderbird and Delta Chat.

use crate::letters::*;
use haven_bridge::mail::{Protection, Signature};
use haven_core::{
    identity::SecretCertificate,
    mail::{self, Letter, Opened},
};
use sequoia_openpgp::{Cert, parse::Parse as _};

/// PGP/MIME as other programs write it: `payload` encrypted to `reader`, not signed, with these fields outside.
fn encrypted(outside: &str, payload: &str, reader: &SecretCertificate) -> Vec<u8> {
    let cert = Cert::from_bytes(&reader.public_bytes().unwrap()).unwrap();
    let data = encodify::base64::MIME.encode(encrypt(payload.replace('\n', "\r\n").as_bytes(), &cert));
    let mail = format!(
        "{outside}MIME-Version: 1.0
Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=\"b\"

--b
Content-Type: application/pgp-encrypted

Version: 1

--b
Content-Type: application/octet-stream

-----BEGIN PGP MESSAGE-----

{}
-----END PGP MESSAGE-----

--b--
",
        data.replace('\r', "").trim_end()
    );
    mail.replace('\n', "\r\n").into_bytes()
}

fn read(outside: &str, payload: &str) -> Opened {
    let bob = person("bob");
    let opened = open(encrypted(outside, payload, &bob), &bob, &[]);
    assert_eq!((&opened.trouble, opened.protection), (&None, Protection::EndToEnd));
    opened
}

fn differences(opened: &Opened) -> Vec<(&str, &str, &str)> {
    let differences = opened.differences.iter();
    differences.map(|found| (found.name.as_str(), found.inside.as_str(), found.outside.as_str())).collect()
}

const DELTA_OUTSIDE: &str = "From: <alice@example.org>
To: \"hidden-recipients\": ;
Date: Fri, 20 Nov 2026 03:04:05 +0000
Message-ID: <delta@example.org>
Subject: [...]
Chat-Version: 1.0
";
const DELTA_PAYLOAD: &str = "Content-Type: text/plain; charset=utf-8; protected-headers=\"v1\"; hp=\"cipher\"
From: \"Alice\" <alice@example.org>
To: \"Bob\" <bob@example.org>
Subject: Message from Alice
Date: Sun, 22 Nov 2026 12:00:00 +0000
Message-ID: <delta@example.org>
References: <older@example.org>
HP-Outer: From: <alice@example.org>
HP-Outer: To: \"hidden-recipients\": ;
HP-Outer: Date: Fri, 20 Nov 2026 03:04:05 +0000
HP-Outer: Message-ID: <delta@example.org>
HP-Outer: Subject: [...]

Hello
";

#[test]
fn delta_chat_s_mail_shows_what_is_inside() {
    let opened = read(DELTA_OUTSIDE, DELTA_PAYLOAD);
    assert_eq!(opened.subject, "Message from Alice");
    assert_eq!(opened.from, [mailbox("Alice", "alice@example.org")]);
    assert_eq!(opened.to, [mailbox("Bob", "bob@example.org")]);
    assert_eq!(opened.date, Some(NOW));
    assert_eq!(opened.references, ["older@example.org"]);
    assert_eq!(opened.text, "Hello\n");
    assert_eq!(differences(&opened), []);
}

#[test]
fn what_changed_on_the_way_is_pointed_out() {
    let changed = DELTA_OUTSIDE
        .replace("Subject: [...]", "Subject: Pay now")
        .replace("To:", "Cc: eve@example.org\nTo:");
    let opened = read(&changed, DELTA_PAYLOAD);
    assert_eq!(opened.subject, "Message from Alice");
    assert_eq!(opened.cc, [], "it isn't inside");
    assert_eq!(
        differences(&opened),
        [("Cc", "", "eve@example.org"), ("Subject", "Message from Alice", "Pay now")]
    );
}

const THUNDERBIRD_OUTSIDE: &str = "Message-ID: <tb@example.org>
Date: Sun, 22 Nov 2026 13:00:00 +0100
MIME-Version: 1.0
User-Agent: Mozilla Thunderbird
From: Alice <alice@example.org>
To: bob@example.org
Subject: ...
";
const THUNDERBIRD_PAYLOAD: &str =
    "Content-Type: multipart/mixed; boundary=\"inner\"; protected-headers=\"v1\"
Subject: =?UTF-8?Q?Gr=C3=BC=C3=9Fe?=
From: Alice <alice@example.org>
To: bob@example.org
Message-ID: <tb@example.org>

--inner
Content-Type: multipart/mixed; boundary=\"more\"

--more
Content-Type: text/plain; charset=UTF-8; format=flowed
Content-Transfer-Encoding: base64

SGFsbG8=

--more--

--inner--
";

#[test]
fn thunderbird_s_mail_shows_its_real_subject() {
    let opened = read(THUNDERBIRD_OUTSIDE, THUNDERBIRD_PAYLOAD);
    assert_eq!((opened.subject.as_str(), opened.text.as_str()), ("Grüße", "Hallo"));
    assert_eq!(opened.date, Some(NOW), "only outside");
    assert_eq!(differences(&opened), []);
    let opened = read(&THUNDERBIRD_OUTSIDE.replace("To: bob", "To: eve"), THUNDERBIRD_PAYLOAD);
    assert_eq!(differences(&opened), [("To", "bob@example.org", "eve@example.org")]);
    assert_eq!(opened.to[0].address, "bob@example.org");
}

#[test]
fn copies_of_header_fields_for_old_programs_are_left_out() {
    let payload = "Content-Type: multipart/mixed; boundary=\"i\"; hp=\"cipher\"
Subject: Secret
From: alice@example.org
HP-Outer: Subject: [...]
HP-Outer: From: alice@example.org

--i
Content-Type: text/rfc822-headers; protected-headers=\"v1\"
Content-Disposition: inline

Subject: Secret

--i
Content-Type: multipart/alternative; boundary=\"j\"

--j
Content-Type: text/plain; hp-legacy-display=\"1\"

Subject: Secret

the text
--j
Content-Type: text/html; hp-legacy-display=\"1\"

<html><body><div class=\"header-protection-legacy-display\"><pre>Subject: Secret</pre></div><p>the text</p>
--j--
--i--
";
    let opened = read("From: alice@example.org\nSubject: [...]\n", payload);
    assert_eq!(opened.text, "the text");
    assert_eq!(opened.html.unwrap().trim(), "<p>the text</p>");
    assert_eq!(opened.attachments, []);
}

#[test]
fn nobody_is_shown_as_the_writer_without_signature_or_envelope() {
    let forged =
        DELTA_PAYLOAD.replace("From: \"Alice\" <alice@example.org>", "From: Carol <carol@example.org>");
    let opened = read(DELTA_OUTSIDE, &forged);
    assert_eq!(opened.from[0].address, "alice@example.org", "whom the relay has checked");
    assert_eq!(differences(&opened), [("From", "carol@example.org", "alice@example.org")]);
    assert_eq!(opened.signature, Signature::None);
}

#[test]
fn a_signed_mail_in_the_clear_shows_when_a_list_has_changed_its_subject() {
    let (alice, bob) = (person("alice"), person("bob"));
    let sent = message(&mail::compose(&letter(), &alice, None, NOW).unwrap());
    let listed = sent.replacen("Subject: Lunch", "Subject: [list] Lunch", 1);
    let opened = open(&listed, &bob, &[&alice]);
    assert_eq!(opened.subject, "Lunch");
    assert_eq!(differences(&opened), [("Subject", "Lunch", "[list] Lunch")]);

    let broken = listed.replace("Twelve", "Eleven");
    let opened = open(broken, &bob, &[&alice]);
    assert!(matches!(opened.signature, Signature::Invalid { .. }));
    assert_eq!(
        (opened.subject.as_str(), opened.differences.len()),
        ("[list] Lunch", 0),
        "a bad signature protects nothing"
    );
}

#[test]
fn fields_of_a_part_that_does_not_claim_protection_do_not_count() {
    let payload = THUNDERBIRD_PAYLOAD.replace("; protected-headers=\"v1\"", "");
    assert_eq!(read(THUNDERBIRD_OUTSIDE, &payload).subject, "...");
}

#[test]
fn a_reply_stays_in_its_thread_though_its_references_are_inside() {
    let [alice, bob] = ["alice", "bob"].map(person);
    let letter = Letter {
        in_reply_to: Some("0@example.org".into()),
        references: vec!["00@example.org".into(), "0@example.org".into()],
        ..letter()
    };
    let sent = message(&compose(&letter, &alice, &[&bob]));
    let stripped: Vec<&str> = sent.split("\r\n").filter(|line| !line.starts_with("References:")).collect();
    let opened = open(stripped.join("\r\n"), &bob, &[&alice]);
    assert_eq!(opened.references, letter.references);
    assert_eq!(opened.in_reply_to, ["0@example.org"]);
}
