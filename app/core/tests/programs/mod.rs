//! OpenPGP programs that are not ours, called as a person would call them. Where one is missing, this is said loudly.

use sequoia_openpgp::{Cert, parse::Parse as _, serialize::MarshalInto as _};
use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

/// One person with one key in another program, and one other whose certificate was imported.
pub trait Program {
    /// Makes the person's key, and gives the certificate in binary.
    fn generate(&self, address: &str) -> Vec<u8>;
    /// Takes the other's certificate.
    fn import(&self, certificate: &[u8]);
    /// Opens a message. Also who has signed it, if this was verified: the fingerprint in upper case.
    fn decrypt(&self, armored: &[u8]) -> (Vec<u8>, Option<String>);
    /// Whether a signature by the other is good.
    fn verify(&self, payload: &[u8], signature: &[u8]) -> bool;
    /// Signs, and encrypts to the other, with armor.
    fn encrypt(&self, payload: &[u8]) -> Vec<u8>;
    /// Signs beside, with armor.
    fn sign(&self, payload: &[u8]) -> Vec<u8>;
}

/// A directory of its own, gone when dropped.
struct Desk(PathBuf);

impl Desk {
    fn new() -> Self {
        use std::os::unix::fs::PermissionsExt as _;
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("haven-programs-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
        Self(path)
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }

    fn write(&self, name: &str, bytes: &[u8]) -> String {
        fs::write(self.0.join(name), bytes).unwrap();
        self.path(name)
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Runs a program with these bytes as its input.
fn run(program: &str, arguments: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut pipe = child.stdin.take().unwrap();
    let input = input.to_vec();
    // A program may write before it has read everything, or not read at all.
    let writer = std::thread::spawn(move || drop(pipe.write_all(&input)));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

/// What it writes, if it ends well, as it has to.
fn ok(program: &str, arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let output = run(program, arguments, input);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {said}");
    output.stdout
}

/// What a program says of its version; nothing, said loudly, if it isn't there.
fn version(program: &str, asked: &str) -> Option<String> {
    match Command::new(program).arg(asked).stderr(Stdio::null()).output() {
        Ok(output) => Some(String::from_utf8_lossy(&output.stdout).into_owned()),
        Err(_) => {
            println!("NOT CHECKED: mail to and from {program}: there is no `{program}` here");
            None
        }
    }
}

/// Sequoia's program, of the kind before its version 1, which calls everything otherwise.
pub struct Sq(Desk);

impl Sq {
    pub fn find() -> Option<Self> {
        let version = version("sq", "--version")?;
        if version.starts_with("sq 0.2") {
            return Some(Self(Desk::new()));
        }
        println!("NOT CHECKED: mail to and from sq: this test knows how to call 0.2x, and not {version}");
        None
    }

    pub fn fresh(&self) -> Self {
        Self(Desk::new())
    }
}

impl Program for Sq {
    fn generate(&self, address: &str) -> Vec<u8> {
        let (key, cert) = (self.0.path("key"), self.0.path("cert"));
        ok("sq", &["key", "generate", "--userid", &format!("<{address}>"), "--export", &key], b"");
        ok("sq", &["key", "extract-cert", "--output", &cert, &key], b"");
        ok("sq", &["dearmor", &cert], b"")
    }

    fn import(&self, certificate: &[u8]) {
        self.0.write("other", certificate);
    }

    fn decrypt(&self, armored: &[u8]) -> (Vec<u8>, Option<String>) {
        let (key, other) = (self.0.path("key"), self.0.path("other"));
        let arguments = ["decrypt", "--recipient-key", &key, "--signer-cert", &other];
        // With a signer given, it fails unless there is a good signature by just this one.
        let payload = ok("sq", &arguments, armored);
        (payload, Some(fingerprint(Path::new(&other))))
    }

    fn verify(&self, payload: &[u8], signature: &[u8]) -> bool {
        let (other, signature) = (self.0.path("other"), self.0.write("signature", signature));
        let arguments = ["verify", "--signer-cert", &other, "--detached", &signature];
        run("sq", &arguments, payload).status.success()
    }

    fn encrypt(&self, payload: &[u8]) -> Vec<u8> {
        let (key, other) = (self.0.path("key"), self.0.path("other"));
        ok("sq", &["encrypt", "--signer-key", &key, "--recipient-cert", &other], payload)
    }

    fn sign(&self, payload: &[u8]) -> Vec<u8> {
        ok("sq", &["sign", "--detached", "--signer-key", &self.0.path("key")], payload)
    }
}

/// The fingerprint of a certificate in a file.
fn fingerprint(path: &Path) -> String {
    Cert::from_file(path).unwrap().fingerprint().to_hex()
}

/// Sequoia's program with the Stateless OpenPGP interface.
pub struct Sqop(Desk);

impl Sqop {
    pub fn find() -> Option<Self> {
        version("sqop", "version").map(|_| Self(Desk::new()))
    }

    pub fn fresh(&self) -> Self {
        Self(Desk::new())
    }
}

impl Program for Sqop {
    fn generate(&self, address: &str) -> Vec<u8> {
        let key = ok("sqop", &["generate-key", &format!("<{address}>")], b"");
        self.0.write("key", &key);
        let certificate = ok("sqop", &["extract-cert"], &key);
        ok("sqop", &["dearmor"], &certificate)
    }

    fn import(&self, certificate: &[u8]) {
        self.0.write("other", certificate);
    }

    fn decrypt(&self, armored: &[u8]) -> (Vec<u8>, Option<String>) {
        let (key, other, verdict) = (self.0.path("key"), self.0.path("other"), self.0.path("verdict"));
        let arguments = ["decrypt", "--verify-with", &other, "--verifications-out", &verdict, &key];
        let payload = ok("sqop", &arguments, armored);
        // A line for each: when, by which key, of which certificate.
        let verdict = fs::read_to_string(verdict).unwrap();
        (payload, verdict.split_whitespace().nth(2).map(str::to_owned))
    }

    fn verify(&self, payload: &[u8], signature: &[u8]) -> bool {
        let (other, signature) = (self.0.path("other"), self.0.write("signature", signature));
        run("sqop", &["verify", &signature, &other], payload).status.success()
    }

    fn encrypt(&self, payload: &[u8]) -> Vec<u8> {
        let (key, other) = (self.0.path("key"), self.0.path("other"));
        ok("sqop", &["encrypt", "--sign-with", &key, &other], payload)
    }

    fn sign(&self, payload: &[u8]) -> Vec<u8> {
        ok("sqop", &["sign", &self.0.path("key")], payload)
    }
}

/// RNP, which opens mail in Thunderbird. Its keys are RSA unless it is told otherwise.
pub struct Rnp(Desk);

impl Rnp {
    pub fn find() -> Option<Self> {
        version("rnp", "--version").map(|_| Self(Desk::new()))
    }

    pub fn fresh(&self) -> Self {
        Self(Desk::new())
    }

    fn keys(&self, arguments: &[&str]) -> Vec<u8> {
        ok("rnpkeys", &[&["--homedir", &self.0.path("")], arguments].concat(), b"")
    }

    fn run(&self, arguments: &[&str]) -> Output {
        run("rnp", &[&["--homedir", &self.0.path(""), "--password", ""], arguments].concat(), b"")
    }

    /// What it writes about a file.
    fn make(&self, payload: &[u8], arguments: &[&str]) -> Vec<u8> {
        let payload = self.0.write("payload", payload);
        let output = self.run(&[arguments, &["--output", "-", &payload]].concat());
        assert!(output.status.success(), "rnp {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }
}

impl Program for Rnp {
    fn generate(&self, address: &str) -> Vec<u8> {
        let name = format!("<{address}>");
        self.keys(&["--generate-key", "--userid", &name, "--password", ""]);
        fs::write(self.0.path("address"), address).unwrap();
        Cert::from_bytes(&self.keys(&["--export-key", address])).unwrap().to_vec().unwrap()
    }

    fn import(&self, certificate: &[u8]) {
        let other = self.0.write("other", certificate);
        self.keys(&["--import-keys", &other]);
    }

    fn decrypt(&self, armored: &[u8]) -> (Vec<u8>, Option<String>) {
        let message = self.0.write("message", armored);
        let output = self.run(&["--decrypt", "--output", "-", &message]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "rnp: {said}");
        let fingerprint = fingerprint(Path::new(&self.0.path("other")));
        let good = said.contains("Good signature") && said.to_uppercase().contains(&fingerprint[24..]);
        (output.stdout, good.then_some(fingerprint))
    }

    fn verify(&self, payload: &[u8], signature: &[u8]) -> bool {
        let (payload, signature) = (self.0.write("payload", payload), self.0.write("signature", signature));
        self.run(&["--verify", "--source", &payload, &signature]).status.success()
    }

    fn encrypt(&self, payload: &[u8]) -> Vec<u8> {
        let own = fs::read_to_string(self.0.path("address")).unwrap();
        let other = fingerprint(Path::new(&self.0.path("other")));
        self.make(payload, &["--encrypt", "--sign", "--armor", "-u", &own, "-r", &other])
    }

    fn sign(&self, payload: &[u8]) -> Vec<u8> {
        let own = fs::read_to_string(self.0.path("address")).unwrap();
        self.make(payload, &["--sign", "--detach", "--armor", "-u", &own])
    }
}
