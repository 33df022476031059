//! A person's certificate as files, for other OpenPGP programs and for a drawer.

use super::{Account, Error, passphrase};
use haven_bridge::PasswordStrength;
use sequoia_openpgp::{
    Cert, Packet,
    armor::{Kind, Writer},
    crypto::Password,
    parse::Parse as _,
    serialize::MarshalInto as _,
};
use std::io::Write as _;

impl Account {
    /// The published certificate, armored.
    pub fn certificate_file(&self) -> Result<Vec<u8>, Error> {
        armored(Kind::PublicKey, &self.public_certificate()?, &[format!("Certificate of {}", self.address)])
    }

    /// The certificate with its secret keys, which the passphrase protects, and with all that an imported one came
    /// with; armored. Refuses a weak passphrase. Stretching it takes a second.
    ///
    /// GnuPG 2.2 reads it: SHA-256 (iterated and salted, 65 MB) and AES-256.
    pub fn secret_key_file(&self, passphrase: &str) -> Result<Vec<u8>, Error> {
        if passphrase::judge(passphrase, &self.address) == PasswordStrength::Weak {
            return Err(Error::WeakPassword);
        }
        let whole = self.whole_certificate()?;
        let protected = protect(whole, &Password::from(passphrase))
            .and_then(|protected| protected.as_tsk().to_vec())
            .map_err(|_| Error::Bug("protecting secret keys"))?;
        let comment = format!("Secret key of {}. Its passphrase opens all mail to it.", self.address);
        armored(Kind::SecretKey, &protected, &[comment])
    }

    /// The revocation certificate, armored.
    pub fn revocation_file(&self) -> Result<Vec<u8>, Error> {
        let comments = [
            format!("Revocation certificate of {}, key {}.", self.address, self.fingerprint.to_hex()),
            "Whoever imports this file into an OpenPGP program and publishes".into(),
            "the key from there withdraws the key for good. Use it if the key".into(),
            "fell into other hands: gpg --import FILE, then send the key out.".into(),
        ];
        armored(Kind::PublicKey, &self.vault.revocation, &comments)
    }

    /// The certificate with its secret keys, and what else was in the file if it was imported.
    fn whole_certificate(&self) -> Result<Cert, Error> {
        let current = self.secret_certificate()?;
        let Some(imported) = &self.vault.imported else { return Ok(current.cert().clone()) };
        let whole = Cert::from_bytes(imported.as_ref() as &[u8]);
        whole
            .and_then(|whole| whole.merge_public_and_secret(current.cert().clone()))
            .map_err(|_| Error::Bug("reading an imported certificate"))
    }
}

fn protect(cert: Cert, password: &Password) -> sequoia_openpgp::Result<Cert> {
    let primary = cert.primary_key().key().clone().parts_into_secret()?.encrypt_secret(password)?;
    let mut keys = vec![Packet::from(primary)];
    for subkey in cert.keys().subkeys().unencrypted_secret() {
        keys.push(subkey.key().clone().encrypt_secret(password)?.into());
    }
    Ok(cert.insert_packets(keys)?.0)
}

fn armored(kind: Kind, bytes: &[u8], comments: &[String]) -> Result<Vec<u8>, Error> {
    let comments = comments.iter().map(|comment| ("Comment", comment.as_str()));
    let mut writer = Writer::with_headers(Vec::new(), kind, comments).map_err(|_| Error::Bug("armor"))?;
    writer.write_all(bytes).map_err(|_| Error::Bug("armor"))?;
    writer.finalize().map_err(|_| Error::Bug("armor"))
}
