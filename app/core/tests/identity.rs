//! Certificates, attestations and device lists, held against GnuPG and Sequoia.

use haven_core::identity::{AttestationClaim, Certificate, Error, SecretCertificate, attestation};
use haven_wire::ids::DeviceId;
use serde_bytes::ByteBuf;
use std::{
    fs,
    path::PathBuf,
    process::{Command, Output},
};

/// 2026-11-22 in milliseconds.
const NOW: u64 = 1_795_305_600_000;

fn alice() -> SecretCertificate {
    SecretCertificate::generate("alice@example.org", NOW).unwrap().0
}

/// A GnuPG home of its own, gone when dropped.
struct Gpg(PathBuf);

impl Gpg {
    fn new(name: &str) -> Self {
        use std::os::unix::fs::PermissionsExt as _;
        let home = std::env::temp_dir().join(format!("haven-gpg-{name}-{}", std::process::id()));
        fs::create_dir_all(&home).unwrap();
        fs::set_permissions(&home, fs::Permissions::from_mode(0o700)).unwrap();
        Self(home)
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
            .args(["--batch", "--no-tty", "--faked-system-time", "20261201T000000!"])
            .args(arguments)
            .output()
            .expect("these tests need GnuPG 2.2 or later as `gpg`")
    }

    fn ok(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "gpg {arguments:?}: {errors}");
        String::from_utf8_lossy(&output.stdout).into_owned() + &errors
    }
}

impl Drop for Gpg {
    fn drop(&mut self) {
        let _ = Command::new("gpgconf").arg("--homedir").arg(&self.0).args(["--kill", "all"]).output();
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn gpg_lists_the_shape_that_the_design_asks_for() {
    let secret = alice();
    let gpg = Gpg::new("shape");
    let file = gpg.write("alice.pgp", &secret.public_bytes().unwrap());
    gpg.ok(&["--import", &file]);
    let listing = gpg.ok(&["--with-colons", "--fixed-list-mode", "--list-keys"]);
    let record = |kind: &str| -> Vec<Vec<&str>> {
        let lines = listing.lines().map(|line| line.split(':').collect());
        lines.filter(|fields: &Vec<&str>| fields[0] == kind).collect()
    };
    let (primary, subkey) = (record("pub"), record("sub"));
    assert_eq!((primary.len(), subkey.len()), (1, 1));
    assert_eq!((primary[0][3], primary[0][16]), ("22", "ed25519"));
    assert_eq!(primary[0][11], "scESC", "it signs and certifies");
    assert_eq!((subkey[0][3], subkey[0][16]), ("18", "cv25519"));
    assert_eq!(subkey[0][11], "e", "it decrypts");
    assert_eq!(record("fpr")[0][9], secret.fingerprint().to_hex());
    assert_eq!(record("uid").len(), 1);
    assert_eq!(record("uid")[0][9], "<alice@example.org>");
    let made: u64 = primary[0][5].parse().unwrap();
    for key in [&primary[0], &subkey[0]] {
        assert_eq!(key[6].parse::<u64>().unwrap(), made + 2 * 365 * 24 * 60 * 60);
    }

    let packets = gpg.ok(&["--list-packets", &file]);
    let tags: Vec<&str> =
        packets.lines().filter_map(|line| line.split("tag=").nth(1)?.split(' ').next()).collect();
    assert_eq!(tags, ["6", "13", "2", "14", "2"], "Autocrypt's five packets, in this order");
    assert!(packets.contains("features: 01"), "SEIPDv1 only: {packets}");
    assert!(packets.contains("key flags: 03") && packets.contains("key flags: 0C"));
    assert!(packets.contains("pref-sym-algos: 9 7") && packets.contains("pref-hash-algos: 10 8"));
}

#[test]
fn gpg_takes_the_revocation() {
    let (secret, revocation) = SecretCertificate::generate("alice@example.org", NOW).unwrap();
    let gpg = Gpg::new("revocation");
    gpg.ok(&["--import", &gpg.write("alice.pgp", &secret.public_bytes().unwrap())]);
    gpg.ok(&["--import", &gpg.write("revocation.pgp", &revocation)]);
    let listing = gpg.ok(&["--with-colons", "--list-keys"]);
    assert!(listing.contains("\npub:r:"), "{listing}");

    let revoked = [secret.public_bytes().unwrap(), revocation].concat();
    let certificate = Certificate::parse(&revoked, NOW).unwrap();
    assert!(certificate.revoked());
    assert_eq!(certificate.fingerprint(), secret.fingerprint());
}

#[test]
fn gpg_takes_the_secret_keys() {
    let secret = alice();
    let gpg = Gpg::new("secret");
    gpg.ok(&["--import", &gpg.write("alice.pgp", &secret.to_bytes().unwrap())]);
    let text = gpg.write("text", b"hello");
    let signed = gpg.ok(&["--local-user", "alice@example.org", "--detach-sign", &text]);
    assert!(!signed.contains("failed"));
    gpg.ok(&["--trust-model", "always", "--recipient", "alice@example.org", "--encrypt", &text]);
    let opened = gpg.ok(&["--decrypt", &format!("{text}.gpg")]);
    assert!(opened.contains("hello"));
}

/// What every statement begins with; here once more, because it must never change.
const PREFIX: &[u8] = b"haven device attestation 1\n";
const KEY: [u8; 32] = [7; 32];

fn sample(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/openpgp").join(name);
    fs::read(path).unwrap()
}

/// The attestation that GnuPG made.
fn from_gpg(signature: &str) -> Vec<u8> {
    let certificate = sample("gpg-alice.pgp");
    let primary = certificate[..2 + usize::from(certificate[1])].to_vec();
    let parts =
        (ByteBuf::from(primary), ByteBuf::from(sample("gpg-claim.cbor")), ByteBuf::from(sample(signature)));
    haven_wire::encode(&parts).unwrap()
}

fn claim(secret: &SecretCertificate) -> AttestationClaim {
    AttestationClaim {
        address: secret.address().into(),
        fingerprint: secret.fingerprint(),
        device_id: DeviceId([9; 16]),
        signature_key: KEY.to_vec(),
        ciphersuite: 1,
        created: NOW,
        label: "Firefox on Linux".into(),
    }
}

#[test]
fn an_attestation_by_gpg_is_as_good_as_our_own() {
    let certificate = Certificate::parse(&sample("gpg-alice.pgp"), NOW + 86_400_000).unwrap();
    for signature in ["gpg-signature-sha256.pgp", "gpg-signature-sha512.pgp"] {
        let claim = attestation::verify(&from_gpg(signature), &KEY, 1).unwrap();
        assert_eq!(claim.fingerprint, certificate.fingerprint());
        assert!(certificate.claims(&claim.address));
        assert_eq!(claim.device_id, DeviceId([9; 16]));
        assert_eq!(claim.label, "Firefox on Linux");
    }
    let refusal = |signature| attestation::verify(&from_gpg(signature), &KEY, 1);
    assert_eq!(refusal("gpg-signature-not-critical.pgp"), Err(Error::BadStatement("notation")));
    assert_eq!(refusal("gpg-signature-sha384.pgp"), Err(Error::BadStatement("hash algorithm")));
}

#[test]
fn the_first_attestation_verifies_for_ever() {
    let claim = attestation::verify(&sample("haven-attestation.cbor"), &KEY, 1).unwrap();
    assert_eq!((claim.address.as_str(), claim.created), ("alice@example.org", NOW));
    assert_eq!(claim.fingerprint.to_hex(), "809D62FF985EF4F50519B50393909D7B9249616A");
}

#[test]
fn gpg_takes_an_attestation_only_if_it_is_told_of_the_notation() {
    let secret = alice();
    let attested = attestation::attest(&secret, claim(&secret)).unwrap();
    let (_, claim, signature): (ByteBuf, ByteBuf, ByteBuf) = haven_wire::decode(&attested).unwrap();
    let gpg = Gpg::new("attestation");
    gpg.ok(&["--import", &gpg.write("alice.pgp", &secret.public_bytes().unwrap())]);
    let text = gpg.write("text", &[PREFIX, &claim].concat());
    let signature = gpg.write("signature", &signature);
    let as_mail = gpg.run(&["--verify", &signature, &text]);
    assert!(!as_mail.status.success(), "no reader of mail may take it");
    gpg.ok(&["--known-notation", "mls-device@haven.invalid", "--verify", &signature, &text]);
}

#[test]
fn a_reader_of_mail_refuses_an_attestation() {
    use sequoia_openpgp::{
        Cert, KeyHandle,
        parse::{
            Parse as _,
            stream::{DetachedVerifierBuilder, MessageLayer, MessageStructure, VerificationHelper},
        },
        policy::StandardPolicy,
    };
    struct Reader(Cert);
    impl VerificationHelper for Reader {
        fn get_certs(&mut self, _: &[KeyHandle]) -> sequoia_openpgp::Result<Vec<Cert>> {
            Ok(vec![self.0.clone()])
        }
        fn check(&mut self, structure: MessageStructure) -> sequoia_openpgp::Result<()> {
            for layer in structure {
                if let MessageLayer::SignatureGroup { results } = layer {
                    for result in results {
                        result.map_err(|error| sequoia_openpgp::anyhow::anyhow!("{error}"))?;
                    }
                }
            }
            Ok(())
        }
    }
    let secret = alice();
    let attested = attestation::attest(&secret, claim(&secret)).unwrap();
    let (_, claim, signature): (ByteBuf, ByteBuf, ByteBuf) = haven_wire::decode(&attested).unwrap();
    let time = std::time::UNIX_EPOCH + std::time::Duration::from_millis(NOW);
    let verdict = |policy: &StandardPolicy| {
        let cert = Cert::from_bytes(&secret.public_bytes().unwrap()).unwrap();
        let mut verifier = DetachedVerifierBuilder::from_bytes(&*signature)
            .unwrap()
            .with_policy(policy, time, Reader(cert))
            .unwrap();
        verifier.verify_bytes([PREFIX, &claim].concat())
    };
    let mut policy = StandardPolicy::at(time);
    let refused = verdict(&policy).unwrap_err().to_string();
    assert!(refused.contains("notation"), "{refused}");
    policy.good_critical_notations(&["mls-device@haven.invalid"]);
    verdict(&policy).unwrap();
}
