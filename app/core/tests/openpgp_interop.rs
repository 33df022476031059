//! Mail between Haven and other programs, both ways: live with GnuPG where there is one, and kept samples of several
//! (`data/mail/README.md`).

use crate::letters;
use crate::letters::{NOW, mailbox, open, person};
use haven_bridge::mail::{MailTrouble, Protection, Signature};
use haven_core::{
    identity::{SecretCertificate, import},
    mail::{self, File, Keys, KnownCertificate, Letter, Opened},
    testing,
};
use haven_wire::ids::DeviceId;
use sequoia_openpgp::{
    crypto::{
        SessionKey,
        symmetric::{BlockCipherMode, Encryptor, PaddingMode},
    },
    types::SymmetricAlgorithm,
};
use std::{
    fs,
    io::Write as _,
    path::PathBuf,
    process::{Command, Output, Stdio},
};

/// A GnuPG home of its own, gone when dropped.
struct Gpg(PathBuf);

impl Gpg {
    /// Nothing, said loudly, where there is no GnuPG.
    fn new(name: &str) -> Option<Self> {
        use std::os::unix::fs::PermissionsExt as _;
        if Command::new("gpg").arg("--version").stdout(Stdio::null()).status().is_err() {
            println!("NOT CHECKED: {name}: there is no `gpg` here");
            return None;
        }
        let home = std::env::temp_dir().join(format!("haven-gpg-mail-{name}-{}", std::process::id()));
        fs::create_dir_all(&home).unwrap();
        fs::set_permissions(&home, fs::Permissions::from_mode(0o700)).unwrap();
        Some(Self(home))
    }

    fn write(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.0.join(name);
        fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn run(&self, arguments: &[&str]) -> Output {
        Command::new("gpg")
            .arg("--homedir")
            .arg(&self.0)
            .args([
                "--batch",
                "--no-tty",
                "--trust-model",
                "always",
                "--faked-system-time",
                "20261122T120500!", // it stands still
            ])
            .args(arguments)
            .output()
            .unwrap()
    }

    /// What it writes, and what it says.
    fn ok(&self, arguments: &[&str]) -> (Vec<u8>, String) {
        let output = self.run(arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "gpg {arguments:?}: {said}");
        (output.stdout, said)
    }

    /// Makes a key and gives its certificate.
    fn generate(&self, address: &str) -> KnownCertificate {
        self.ok(&[
            "--passphrase",
            "",
            "--quick-gen-key",
            &format!("<{address}>"),
            "ed25519",
            "cert,sign",
            "2y",
        ]);
        let (listing, _) = self.ok(&["--with-colons", "--list-keys", address]);
        let listing = String::from_utf8(listing).unwrap();
        let fingerprint =
            listing.lines().find_map(|line| line.strip_prefix("fpr:")).unwrap().replace(':', "");
        self.ok(&["--passphrase", "", "--quick-add-key", &fingerprint, "cv25519", "encr", "2y"]);
        KnownCertificate { address: address.into(), certificate: self.ok(&["--export", address]).0 }
    }
}

impl Drop for Gpg {
    fn drop(&mut self) {
        let _ = Command::new("gpgconf").arg("--homedir").arg(&self.0).args(["--kill", "all"]).output();
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn letter() -> Letter {
    Letter {
        message_id: "1@example.org".into(),
        date: NOW,
        from: mailbox("Älice", "alice@example.org"),
        to: vec![mailbox("Bob", "bob@example.org")],
        subject: "Grüße aus Köln: ein Betreff, der länger ist als eine Zeile im Kopf einer Nachricht".into(),
        text: "Hällo Bob,\n\ntrailing space \nFrom here on.\n.\n".into(),
        in_reply_to: Some("0@example.org".into()),
        references: vec!["0@example.org".into()],
        files: vec![File {
            name: "Übersicht \"1\".bin".into(),
            media_type: "application/x-test".into(),
            bytes: (0..=255).cycle().take(5000).collect(),
        }],
        ..Letter::default()
    }
}

fn part<'a>(text: &'a str, begin: &str, end: &str) -> &'a str {
    let start = text.find(begin).unwrap();
    let stop = text.find(end).unwrap() + end.len();
    &text[start..stop]
}

#[test]
fn gpg_opens_and_verifies_what_haven_encrypts() {
    let Some(gpg) = Gpg::new("opens") else { return };
    let alice = person("alice");
    let bob = gpg.generate("bob@example.org");
    let composed = mail::compose(&letter(), &alice, Some(&[bob]), NOW).unwrap();
    gpg.ok(&["--import", &gpg.write("alice.pgp", &alice.public_bytes().unwrap())]);

    let (recipients, message) = &composed.messages[0];
    assert_eq!(recipients, &["bob@example.org"]);
    let message = std::str::from_utf8(message).unwrap();
    let armor = part(message, "-----BEGIN PGP MESSAGE-----", "-----END PGP MESSAGE-----");
    let (payload, said) = gpg.ok(&["--decrypt", &gpg.write("message.asc", armor.as_bytes())]);
    let payload = String::from_utf8(payload).unwrap();
    assert!(said.contains("Good signature from \"<alice@example.org>\""), "{said}");
    assert!(said.contains("using EDDSA key"), "{said}");
    assert!(payload.contains("hp=\"cipher\"") && payload.contains("HP-Outer: Subject: [...]"), "{payload}");
    assert!(!message.contains("Gr=C3") && !message.contains("Betreff"));
}

/// A browser's cipher in CBC mode, by Sequoia.
fn cbc(job: mail::Job<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    let (algorithm, key) = (SymmetricAlgorithm::AES256, SessionKey::from(job.key));
    let (mode, padding) = (BlockCipherMode::CBC, PaddingMode::None);
    let mut encryptor = Encryptor::new(algorithm, mode, padding, &key, Some(job.iv), &mut out).unwrap();
    encryptor.write_all(job.text).unwrap();
    encryptor.finalize().unwrap();
    out
}

#[test]
fn gpg_opens_a_large_mail_whose_bulk_was_enciphered_elsewhere() {
    let Some(gpg) = Gpg::new("elsewhere") else { return };
    let alice = person("alice");
    let bob = gpg.generate("bob@example.org");
    gpg.ok(&["--import", &gpg.write("alice.pgp", &alice.public_bytes().unwrap())]);
    let bytes: Vec<u8> = (0..1_000_000_u32).map(|at| (at * 7 + at / 256) as u8).collect();
    let file = File { name: "a.bin".into(), media_type: "application/x-test".into(), bytes };
    let letter = Letter { files: vec![file], ..letter() };
    let mut composing = mail::begin(&letter, &alice, Some(&[bob]), NOW).unwrap();
    for sealing in composing.sealings() {
        while let Some(job) = sealing.job(200_000) {
            let result = cbc(job);
            sealing.take(200_000, &result).unwrap();
        }
    }
    let composed = composing.finish().unwrap();
    let message = std::str::from_utf8(&composed.messages[0].1).unwrap();
    let armor = part(message, "-----BEGIN PGP MESSAGE-----", "-----END PGP MESSAGE-----");
    let (payload, said) = gpg.ok(&["--decrypt", &gpg.write("message.asc", armor.as_bytes())]);
    assert!(said.contains("Good signature from \"<alice@example.org>\""), "{said}");
    assert!(payload.len() > 1_333_000, "it is all there");
    assert_eq!(open(message, &alice, &[&alice]).attachments[0].size, 1_000_000, "its sender can read it");
}

#[test]
fn gpg_verifies_what_haven_signs_in_the_clear() {
    let Some(gpg) = Gpg::new("verifies") else { return };
    let alice = person("alice");
    gpg.ok(&["--import", &gpg.write("alice.pgp", &alice.public_bytes().unwrap())]);
    let composed = mail::compose(&letter(), &alice, None, NOW).unwrap();
    let message = String::from_utf8(composed.messages[0].1.clone()).unwrap();
    let boundary = part(&message, "boundary=\"", "\"\r\n\r\n").split('"').nth(1).unwrap().to_owned();
    let parts: Vec<&str> = message.split(&format!("\r\n--{boundary}")).collect();
    let signed = parts[1].strip_prefix("\r\n").unwrap();
    let signature = part(parts[2], "-----BEGIN PGP SIGNATURE-----", "-----END PGP SIGNATURE-----");
    let signature = gpg.write("signature.asc", signature.as_bytes());
    let (_, said) = gpg.ok(&["--verify", &signature, &gpg.write("signed", signed.as_bytes())]);
    assert!(said.contains("Good signature"), "{said}");
    let changed = gpg.write("changed", signed.replace("Bob,", "Eve,").as_bytes());
    assert!(!gpg.run(&["--verify", &signature, &changed]).status.success());
}

/// A mail around what `gpg` made.
fn pgp_mime(armored: &[u8]) -> String {
    let armored = String::from_utf8(armored.to_vec()).unwrap().replace('\n', "\r\n");
    format!(
        "From: Carol <carol@example.org>\r\nTo: bob@example.org\r\nSubject: x\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=\"b\"\r\n\r\n\
         --b\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n\r\n\
         --b\r\nContent-Type: application/octet-stream\r\n\r\n{armored}\r\n--b--\r\n"
    )
}

#[test]
fn haven_opens_and_verifies_what_gpg_encrypts() {
    let Some(gpg) = Gpg::new("encrypts") else { return };
    let bob = person("bob");
    let carol = gpg.generate("carol@example.org");
    gpg.ok(&["--import", &gpg.write("bob.pgp", &bob.public_bytes().unwrap())]);
    let payload =
        "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nGrüße\r\n"
            .to_owned()
            + &"all the same\r\n".repeat(10_000);
    let payload = gpg.write("payload", payload.as_bytes());
    for extra in [&[][..], &["--throw-keyids"], &["--compress-algo", "none"], &["--cipher-algo", "AES"]] {
        let arguments = ["--armor", "--local-user", "carol@example.org", "--recipient", "bob@example.org"];
        let (armored, _) =
            gpg.ok(&[extra, &arguments, &["--sign", "--encrypt", "-o", "-", &payload]].concat());
        let keys = Keys { own: std::slice::from_ref(&bob), known: std::slice::from_ref(&carol) };
        let opened = mail::open_mail(pgp_mime(&armored).as_bytes(), &keys, NOW + 600_000);
        assert_eq!((&opened.trouble, opened.protection), (&None, Protection::EndToEnd), "{extra:?}");
        assert!(
            matches!(opened.signature, Signature::Valid { by_sender: true, .. }),
            "{:?}",
            opened.signature
        );
        assert!(opened.text.starts_with("Grüße\n") && opened.text.len() > 100_000);
        let keys = Keys { own: std::slice::from_ref(&bob), known: &[] };
        let opened = mail::open_mail(pgp_mime(&armored).as_bytes(), &keys, NOW + 600_000);
        assert!(matches!(opened.signature, Signature::UnknownKey { .. }));
    }
}

#[test]
fn haven_reads_texts_that_gpg_has_signed_in_place() {
    let Some(gpg) = Gpg::new("clearsigns") else { return };
    let bob = person("bob");
    let carol = gpg.generate("carol@example.org");
    let text = gpg.write("text", "- dash\nGr\u{FC}\u{DF}e  \nFrom here\n".as_bytes());
    let (signed, _) = gpg.ok(&["--local-user", "carol@example.org", "-o", "-", "--clearsign", &text]);
    let signed = String::from_utf8(signed).unwrap();
    let head = "From: carol@example.org\nContent-Type: text/plain; charset=utf-8\n\nnot signed\n";
    let keys = Keys { own: std::slice::from_ref(&bob), known: std::slice::from_ref(&carol) };
    let open = |signed: &str| {
        mail::open_mail(
            format!("{head}{signed}\nnot signed\n").replace('\n', "\r\n").as_bytes(),
            &keys,
            NOW + 600_000,
        )
    };
    let opened = open(&signed);
    assert!(matches!(opened.signature, Signature::Valid { by_sender: true, .. }), "{:?}", opened.signature);
    assert!(
        opened.text.starts_with("- dash\nGrüße") && !opened.text.contains("not signed"),
        "{}",
        opened.text
    );
    let changed = open(&signed.replace("here", "there"));
    assert!(matches!(changed.signature, Signature::Invalid { .. }));
}

const PASSPHRASE: &str = "velvet-otter-lantern-47";

impl Gpg {
    /// With a passphrase for secret keys.
    fn unlocked(&self, passphrase: &str, arguments: &[&str]) -> Output {
        self.run(&[&["--pinentry-mode", "loopback", "--passphrase", passphrase], arguments].concat())
    }

    /// Whether it opens the encrypted part of a mail with this passphrase, and what is in it.
    fn opens(&self, passphrase: &str, message: &[u8]) -> Option<String> {
        let message = std::str::from_utf8(message).unwrap();
        let armor = part(message, "-----BEGIN PGP MESSAGE-----", "-----END PGP MESSAGE-----");
        let output = self.unlocked(passphrase, &["--decrypt", &self.write("in.asc", armor.as_bytes())]);
        // Its status also says whether it knows who signed.
        (!output.stdout.is_empty()).then(|| String::from_utf8(output.stdout).unwrap())
    }
}

#[test]
fn gpg_takes_the_exported_secret_key_opens_mail_and_signs_with_it() {
    let Some(gpg) = Gpg::new("export") else { return };
    let account = testing::account("alice@example.org", DeviceId([1; 16]), "Firefox", NOW).0;
    let alice = account.secret_certificate().unwrap();
    let bob = person("bob");
    assert_eq!(account.secret_key_file("password1").err(), Some(haven_core::identity::Error::WeakPassword));
    let exported = account.secret_key_file(PASSPHRASE).unwrap();
    let unprotected = account.vault.certificate.to_vec();
    let secret = &unprotected[unprotected.len() / 8..unprotected.len() / 8 + 40];
    assert!(!exported.windows(40).any(|window| window == secret));
    let imported = gpg.unlocked(PASSPHRASE, &["--import", &gpg.write("alice-SECRET.asc", &exported)]);
    let said = String::from_utf8_lossy(&imported.stderr).into_owned();
    assert!(imported.status.success() && said.contains("secret keys imported: 1"), "{said}");

    let letter = Letter { to: vec![mailbox("Alice", "alice@example.org")], ..letter() };
    let letter = Letter { from: mailbox("Bob", "bob@example.org"), ..letter };
    let composed = mail::compose(&letter, &bob, Some(&[letters::known(&alice)]), NOW).unwrap();
    let message = &composed.messages[0].1;
    assert_eq!(gpg.opens("another", message), None);
    assert!(gpg.opens(PASSPHRASE, message).unwrap().contains("trailing space"));

    let text = gpg.write("text", b"Signed elsewhere\n");
    let signed =
        gpg.unlocked(PASSPHRASE, &["--local-user", "alice@example.org", "-o", "-", "--clearsign", &text]);
    let signed = String::from_utf8(signed.stdout).unwrap();
    let mail =
        format!("From: alice@example.org\nContent-Type: text/plain\n\n{signed}\n").replace('\n', "\r\n");
    let keys = Keys { own: &[bob], known: &[letters::known(&alice)] };
    let opened = mail::open_mail(mail.as_bytes(), &keys, NOW + 600_000);
    assert!(matches!(opened.signature, Signature::Valid { by_sender: true, .. }), "{:?}", opened.signature);
}

#[test]
fn gpg_takes_the_exported_certificate_and_its_revocation() {
    let Some(gpg) = Gpg::new("revocation") else { return };
    let account = testing::account("alice@example.org", DeviceId([1; 16]), "Firefox", NOW).0;
    let public = account.certificate_file().unwrap();
    assert!(public.starts_with(b"-----BEGIN PGP PUBLIC KEY BLOCK-----"));
    gpg.ok(&["--import", &gpg.write("alice.asc", &public)]);
    let validity = || {
        let (listing, _) = gpg.ok(&["--with-colons", "--list-keys", "alice@example.org"]);
        let listing = String::from_utf8(listing).unwrap();
        listing.lines().find_map(|line| line.strip_prefix("pub:")).unwrap().chars().next().unwrap()
    };
    assert_ne!(validity(), 'r');
    let revocation = account.revocation_file().unwrap();
    let text = String::from_utf8(revocation.clone()).unwrap();
    assert!(text.contains(&account.fingerprint.to_hex()) && text.contains("gpg --import"), "{text}");
    // "always" has no database of trust, and GnuPG looks for one now.
    gpg.ok(&["--trust-model", "pgp", "--import", &gpg.write("revocation.asc", &revocation)]);
    assert_eq!(validity(), 'r');
}

#[test]
fn gpg_and_haven_take_each_others_state_of_a_renewed_key() {
    let Some(gpg) = Gpg::new("renewed") else { return };
    let alice = person("alice");
    gpg.ok(&["--import", &gpg.write("first.pgp", &alice.public_bytes().unwrap())]);
    let renewed = alice.renewed(NOW + 3 * 60_000).unwrap();
    gpg.ok(&["--import", &gpg.write("renewed.pgp", &renewed.public_bytes().unwrap())]);
    let (listing, _) = gpg.ok(&["--with-colons", "--fixed-list-mode", "--list-keys", "alice@example.org"]);
    let listing = String::from_utf8(listing).unwrap();
    let ends: Vec<u64> = listing
        .lines()
        .filter(|line| line.starts_with("pub:") || line.starts_with("sub:"))
        .map(|line| line.split(':').nth(6).unwrap().parse().unwrap())
        .collect();
    assert_eq!(ends, [renewed.expires(NOW + 600_000).unwrap() / 1000; 2], "{listing}");
}

#[test]
fn a_key_made_by_gpg_becomes_ones_own_and_gpg_opens_its_mail() {
    let Some(gpg) = Gpg::new("own") else { return };
    let file =
        fs::read(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/own_key/gpg-own.asc")).unwrap();
    let alice = import::import(&file, PASSPHRASE, "alice@example.org", NOW + 60_000).unwrap().secret;
    gpg.unlocked(PASSPHRASE, &["--import", &gpg.write("own.asc", &file)]);
    let letter = Letter { to: vec![mailbox("Alice", "alice@example.org")], ..letter() };
    let letter = Letter { from: mailbox("Bob", "bob@example.org"), ..letter };
    let bob = person("bob");
    let composed = mail::compose(&letter, &bob, Some(&[letters::known(&alice)]), NOW + 60_000).unwrap();
    assert!(gpg.opens(PASSPHRASE, &composed.messages[0].1).unwrap().contains("trailing space"));
    // What it signs in Haven, gpg verifies by the key that it has known all along.
    let composed = mail::compose(
        &Letter { from: letter.to[0].clone(), to: vec![mailbox("Bob", "bob@example.org")], ..letter },
        &alice,
        Some(&[letters::known(&bob)]),
        NOW + 60_000,
    )
    .unwrap();
    let own = gpg.unlocked(
        PASSPHRASE,
        &[
            "--decrypt",
            &gpg.write(
                "own-mail.asc",
                part(
                    std::str::from_utf8(&composed.messages[0].1).unwrap(),
                    "-----BEGIN PGP MESSAGE-----",
                    "-----END PGP MESSAGE-----",
                )
                .as_bytes(),
            ),
        ],
    );
    let said = String::from_utf8_lossy(&own.stderr).into_owned();
    assert!(said.contains("Good signature from \"Alice Example <alice@elsewhere.example>\""), "{said}");
}

fn sample(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/mail").join(name);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Opens a kept sample as Bob, who knows its writer.
fn open_sample(name: &str, writer: &str) -> Opened {
    let bob = SecretCertificate::from_bytes(&sample("bob.tsk")).unwrap();
    let alice = KnownCertificate { address: "alice@example.org".into(), certificate: sample(writer) };
    let keys = Keys { own: &[bob], known: &[alice] };
    mail::open_mail(&sample(name), &keys, NOW + 3_600_000)
}

#[test]
fn kept_samples_of_other_programs_are_opened_and_verified() {
    for (name, writer, text) in [
        ("openpgpjs5-encrypted.eml", "openpgpjs5-alice.pgp", "Grüße von OpenPGP.js 5"),
        ("openpgpjs6-encrypted.eml", "openpgpjs6-alice.pgp", "Grüße von OpenPGP.js 6"),
        ("openpgpjs6-seipdv2.eml", "openpgpjs6-alice.pgp", "Grüße von OpenPGP.js 6"),
        ("gpg-encrypted.eml", "gpg-alice.pgp", "Grüße von GnuPG"),
        ("gpg-exchange.eml", "gpg-alice.pgp", "Grüße von GnuPG"),
        ("gpg-hidden.eml", "gpg-alice.pgp", "Grüße von GnuPG"),
        ("gpg-inline.eml", "gpg-alice.pgp", "Grüße von GnuPG"),
    ] {
        let opened = open_sample(name, writer);
        assert_eq!((&opened.trouble, opened.protection), (&None, Protection::EndToEnd), "{name}");
        assert_eq!(opened.text.trim_end(), text, "{name}");
        assert!(
            matches!(opened.signature, Signature::Valid { by_sender: true, .. }),
            "{name}: {:?}",
            opened.signature
        );
    }
    let opened = open_sample("openpgpjs6-encrypted.eml", "openpgpjs6-alice.pgp");
    assert_eq!((opened.attachments[0].name.as_str(), opened.attachments[0].size), ("a.pdf", 5));
}

#[test]
fn kept_samples_of_signed_mail_are_verified() {
    for name in ["gpg-signed.eml", "gpg-clearsigned.eml"] {
        let opened = open_sample(name, "gpg-alice.pgp");
        assert!(
            matches!(opened.signature, Signature::Valid { by_sender: true, .. }),
            "{name}: {:?}",
            opened.signature
        );
        assert_eq!(
            (opened.text.trim_end(), opened.protection),
            ("Grüße von GnuPG", Protection::Clear),
            "{name}"
        );
    }
}

#[test]
fn old_mail_without_an_integrity_check_is_refused_and_says_why() {
    let opened = open_sample("gpg-no-mdc.eml", "gpg-alice.pgp");
    assert_eq!((opened.trouble, opened.text.as_str()), (Some(MailTrouble::NotIntact), ""));
}
