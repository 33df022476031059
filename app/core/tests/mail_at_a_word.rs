//! What is done with a mail only when its reader asks for it: pictures from elsewhere, attachments that are encrypted by
//! themselves, a look at what was refused.

use crate::letters::*;
use haven_bridge::mail::{FileLock, MailTrouble, OpenedFile, Signature};
use haven_core::{
    identity::SecretCertificate,
    mail::{self, FetchedPicture, Keys, KnownCertificate},
};
use sequoia_openpgp::{
    Cert,
    cert::CertBuilder,
    crypto::KeyPair,
    parse::Parse as _,
    policy::StandardPolicy,
    serialize::{
        MarshalInto as _,
        stream::{Armorer, Encryptor, LiteralWriter, Message, Signer},
    },
};
use std::io::Write as _;

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n and so on";

fn keys(reader: &SecretCertificate) -> Keys<'_> {
    Keys { own: std::slice::from_ref(reader), known: &[] }
}

/// A mail from Alice, as an entry of Bob's mailbox.
fn entry(bob: &SecretCertificate, mail: &str) -> Vec<u8> {
    let head = "From: alice@example.org\nTo: bob@example.org\nSubject: x\nMIME-Version: 1.0\n";
    let raw = format!("{head}{mail}").replace("\r\n", "\n").replace('\n', "\r\n");
    seal(&[ARRIVED.as_bytes(), raw.as_bytes()].concat(), bob)
}

fn png(address: &str) -> FetchedPicture {
    FetchedPicture { address: address.into(), media_type: "image/png".into(), bytes: PNG.into() }
}

#[test]
fn pictures_that_were_fetched_are_shown_as_data_and_nothing_is_left_to_fetch() {
    let bob = person("bob");
    let body = entry(
        &bob,
        "Content-Type: text/html\n\n<p>Hi</p><img src=\"https://a.example/1.png\"><img src=\"http://b.example/2\">\
         <script src=\"https://c.example/x.js\"></script><div style=\"background:url(https://d.example/3)\">x</div>\
         <iframe src=\"https://e.example/\"></iframe><link rel=stylesheet href=\"https://f.example/x.css\">",
    );
    let opened = mail::open_entry(&body, &keys(&bob), NOW).unwrap();
    assert!(opened.remote_content && !opened.html.unwrap().contains("example"), "nothing by itself");
    let wanted = mail::with_pictures(&body, &[], &keys(&bob), NOW).unwrap().missing;
    assert_eq!(wanted, ["https://a.example/1.png", "http://b.example/2"]);
    let fetched = [png("https://a.example/1.png"), png("https://d.example/3"), png("https://c.example/x.js")];
    let shown = mail::with_pictures(&body, &fetched, &keys(&bob), NOW).unwrap();
    let html = shown.html.unwrap();
    assert!(html.contains("<p>Hi</p><img src=\"data:image/png;base64,iVBORw0KGgog"), "{html}");
    assert!(!html.contains("example") && !html.contains("script"), "{html}");
    assert_eq!((html.matches("src=").count(), shown.missing), (1, vec!["http://b.example/2".to_owned()]));
}

#[test]
fn what_a_relay_calls_a_picture_is_shown_only_if_it_can_do_nothing_else() {
    let bob = person("bob");
    let body = entry(&bob, "Content-Type: text/html\n\n<img src=\"https://a.example/1\">");
    for media_type in ["image/svg+xml", "text/html", "image/png\" onload=\"alert(1)", "application/xhtml+xml"]
    {
        let picture = FetchedPicture { media_type: media_type.into(), ..png("https://a.example/1") };
        let shown = mail::with_pictures(&body, &[picture], &keys(&bob), NOW).unwrap();
        assert_eq!(shown.html.as_deref(), Some("<img>"), "{media_type}");
    }
}

#[test]
fn a_text_has_no_pictures() {
    let bob = person("bob");
    let body = entry(&bob, "Content-Type: text/plain\n\n<img src=\"https://a.example/1\">");
    assert_eq!(mail::with_pictures(&body, &[], &keys(&bob), NOW).unwrap(), mail::Pictured::default());
}

/// PGP/MIME around a message.
fn wrapped(message: &[u8]) -> String {
    format!(
        "Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=b\n\n\
         --b\nContent-Type: application/pgp-encrypted\n\nVersion: 1\n--b\n\
         Content-Type: application/octet-stream\nContent-Transfer-Encoding: base64\n\n{}\n--b--\n",
        encodify::base64::MIME.encode(message)
    )
}

fn to_bob(bob: &SecretCertificate, plain: &[u8]) -> Vec<u8> {
    encrypt(plain, &Cert::from_bytes(&bob.public_bytes().unwrap()).unwrap())
}

fn unchecked(bob: &SecretCertificate, message: &[u8]) -> Option<String> {
    mail::unchecked_text(&entry(bob, &wrapped(message)), &keys(bob)).unwrap()
}

#[test]
fn a_changed_mail_is_refused_and_can_be_looked_at_as_text() {
    let bob = person("bob");
    let plain = b"Content-Type: text/html\r\n\r\n<p>the secret</p><img src=\"https://evil.example/?\">\r\n";
    let whole = to_bob(&bob, plain);
    let mut changed = whole.clone();
    *changed.last_mut().unwrap() ^= 1;
    let opened = mail::open_entry(&entry(&bob, &wrapped(&changed)), &keys(&bob), NOW).unwrap();
    assert_eq!((opened.trouble, opened.text.as_str(), opened.html), (Some(MailTrouble::NotIntact), "", None));
    assert_eq!(unchecked(&bob, &changed).unwrap().trim(), "the secret", "text, and no markup");
    // What breaks off shows the beginning, and never more than there is.
    for length in 0..whole.len() {
        let shown = unchecked(&bob, &whole[..length]).unwrap_or_default();
        assert!("the secret".contains(shown.trim()) || plain.starts_with(shown.as_bytes()), "{shown}");
    }
}

#[test]
fn what_is_no_mail_inside_is_shown_as_it_is() {
    let bob = person("bob");
    let mut changed = to_bob(&bob, b"just <b>words</b> https://evil.example");
    *changed.last_mut().unwrap() ^= 1;
    assert_eq!(unchecked(&bob, &changed).as_deref(), Some("just <b>words</b> https://evil.example"));
}

#[test]
fn what_can_not_be_decrypted_is_said() {
    let (bob, eve) = (person("bob"), person("eve"));
    assert_eq!(unchecked(&bob, &to_bob(&eve, b"not for Bob")), None);
    assert_eq!(unchecked(&bob, b"nonsense"), None);
    let clear = entry(&bob, "Content-Type: text/plain\n\nclear");
    assert_eq!(mail::unchecked_text(&clear, &keys(&bob)).unwrap(), None);
    // Without any integrity check (packet tag 9): Sequoia doesn't decrypt that.
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/mail");
    let old_bob = SecretCertificate::from_bytes(&std::fs::read(path.join("bob.tsk")).unwrap()).unwrap();
    let body = seal(&std::fs::read(path.join("gpg-no-mdc.eml")).unwrap(), &old_bob);
    assert_eq!(mail::unchecked_text(&body, &keys(&old_bob)).unwrap(), None);
}

/// A writer whose key can be used without Haven.
struct Writer(Cert);

impl Writer {
    fn new() -> Self {
        let builder = CertBuilder::new().add_userid("<alice@example.org>").add_signing_subkey();
        Self(builder.set_creation_time(clock()).generate().unwrap().0)
    }

    fn known(&self) -> KnownCertificate {
        let certificate = self.0.clone().strip_secret_key_material().to_vec().unwrap();
        KnownCertificate { address: "alice@example.org".into(), certificate }
    }

    fn pair(&self) -> KeyPair {
        let policy = StandardPolicy::at(clock());
        let keys = self.0.keys().with_policy(&policy, clock()).for_signing().secret();
        keys.map(|key| key.key().clone()).next().unwrap().into_keypair().unwrap()
    }

    fn encrypted_file(&self, plain: &[u8], to: &SecretCertificate) -> Vec<u8> {
        let cert = Cert::from_bytes(&to.public_bytes().unwrap()).unwrap();
        let policy = StandardPolicy::at(clock());
        let keys = cert.keys().with_policy(&policy, clock()).for_transport_encryption();
        let mut out = Vec::new();
        let message = Encryptor::for_recipients(Message::new(&mut out), keys).build().unwrap();
        let message = Signer::new(message, self.pair()).unwrap().creation_time(clock()).build().unwrap();
        let mut message = LiteralWriter::new(message).build().unwrap();
        message.write_all(plain).unwrap();
        message.finalize().unwrap();
        out
    }

    fn signature(&self, signed: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let message = Armorer::new(Message::new(&mut out))
            .kind(sequoia_openpgp::armor::Kind::Signature)
            .build()
            .unwrap();
        let signer = Signer::new(message, self.pair()).unwrap().detached().creation_time(clock());
        let mut message = signer.build().unwrap();
        message.write_all(signed).unwrap();
        message.finalize().unwrap();
        out
    }
}

/// A mail with files.
fn with_files(bob: &SecretCertificate, files: &[(&str, &str, &[u8])]) -> Vec<u8> {
    let part = |(name, media_type, bytes): &(&str, &str, &[u8])| {
        format!(
            "--b\nContent-Type: {media_type}\nContent-Disposition: attachment; filename=\"{name}\"\n\
             Content-Transfer-Encoding: base64\n\n{}\n",
            encodify::base64::MIME.encode(bytes)
        )
    };
    let files: String = files.iter().map(part).collect();
    entry(
        bob,
        &format!(
            "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\nSee the files.\n{files}--b--\n"
        ),
    )
}

fn file(body: &[u8], number: u32, reader: &SecretCertificate, known: &[KnownCertificate]) -> OpenedFile {
    let keys = Keys { own: std::slice::from_ref(reader), known };
    mail::opened_attachment(body, number, &keys, NOW + 1000).unwrap()
}

#[test]
fn a_file_that_is_encrypted_by_itself_comes_out_open_and_verified() {
    let (bob, alice) = (person("bob"), Writer::new());
    let sealed = alice.encrypted_file(b"the plan", &bob);
    let body = with_files(&bob, &[("plan.pdf.PGP", "application/octet-stream", &sealed)]);
    let opened = file(&body, 2, &bob, &[alice.known()]);
    assert_eq!((opened.name.as_str(), &opened.bytes[..]), ("plan.pdf", &b"the plan"[..]));
    assert_eq!(opened.lock, FileLock::Opened);
    assert!(matches!(opened.signature, Signature::Valid { by_sender: true, .. }), "{:?}", opened.signature);
    let stranger = file(&body, 2, &bob, &[]);
    assert!(matches!(stranger.signature, Signature::UnknownKey { .. }), "{:?}", stranger.signature);
    let elsewhere = KnownCertificate { address: "carol@example.org".into(), ..alice.known() };
    let other = file(&body, 2, &bob, &[elsewhere]);
    assert!(matches!(other.signature, Signature::Valid { by_sender: false, .. }), "{:?}", other.signature);
}

#[test]
fn a_file_that_does_not_open_comes_as_it_is_and_says_why() {
    let (bob, eve, alice) = (person("bob"), person("eve"), Writer::new());
    let for_eve = alice.encrypted_file(b"the plan", &eve);
    let mut changed = alice.encrypted_file(b"the plan", &bob);
    *changed.last_mut().unwrap() ^= 1;
    let certificate = alice.known().certificate;
    let files: [(&str, &str, &[u8]); 5] = [
        ("plan.pdf.pgp", "application/octet-stream", &for_eve),
        ("plan.pdf.gpg", "application/pgp-encrypted", &changed),
        ("alice.asc", "application/pgp-keys", &certificate),
        ("notes.asc", "text/x-notes", b"nothing special"),
        (".pgp", "application/octet-stream", &for_eve),
    ];
    let body = with_files(&bob, &files);
    let locks = [FileLock::NoKey, FileLock::NotIntact, FileLock::None, FileLock::None, FileLock::None];
    for ((number, (name, _, bytes)), lock) in (2..).zip(files).zip(locks) {
        let opened = file(&body, number, &bob, &[alice.known()]);
        assert_eq!((opened.lock, &opened.bytes[..]), (lock, bytes), "{name}");
        assert_eq!(opened.signature, Signature::None, "{name}");
    }
    assert_eq!(file(&body, 2, &bob, &[]).name, "plan.pdf.pgp");
}

#[test]
fn a_signature_beside_a_file_is_verified() {
    let (bob, alice) = (person("bob"), Writer::new());
    let (plan, other) = (b"the plan".to_vec(), b"another plan".to_vec());
    let signature = alice.signature(&plan);
    let kind = "application/octet-stream";
    for ending in ["sig", "asc"] {
        let name = format!("plan.pdf.{ending}");
        let body = with_files(
            &bob,
            &[
                ("plan.pdf", kind, &plan),
                (&name, "application/pgp-signature", &signature),
                ("x.pdf", kind, &plan),
            ],
        );
        let signed = file(&body, 2, &bob, &[alice.known()]);
        assert!(
            matches!(signed.signature, Signature::Valid { by_sender: true, .. }),
            "{:?}",
            signed.signature
        );
        assert_eq!(
            file(&body, 4, &bob, &[alice.known()]).signature,
            Signature::None,
            "it is for another file"
        );
        assert_eq!(file(&body, 3, &bob, &[alice.known()]).bytes, signature, "itself it can be saved as well");
    }
    let body = with_files(&bob, &[("plan.pdf", kind, &other), ("plan.pdf.sig", kind, &signature)]);
    let forged = file(&body, 2, &bob, &[alice.known()]);
    assert!(matches!(forged.signature, Signature::Invalid { .. }), "{:?}", forged.signature);
}

#[test]
fn the_files_beside_a_quoted_message_for_somebody_else_can_be_had() {
    let (bob, eve) = (person("bob"), person("eve"));
    let quoted = String::from_utf8({
        let mut out = Vec::new();
        let mut armor = Armorer::new(Message::new(&mut out)).build().unwrap();
        armor.write_all(&to_bob(&eve, b"not for Bob")).unwrap();
        armor.finalize().unwrap();
        out
    })
    .unwrap();
    let body = entry(
        &bob,
        &format!(
            "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\nLook:\n{quoted}\n\
             --b\nContent-Type: image/png; name=a.png\n\nx\n--b--\n"
        ),
    );
    let opened = mail::open_entry(&body, &keys(&bob), NOW).unwrap();
    assert_eq!((opened.trouble, opened.attachments.len()), (Some(MailTrouble::NoKey), 1));
    assert_eq!(file(&body, opened.attachments[0].part, &bob, &[]).bytes, b"x");
}
