//! Signing and encrypting what is sent.
//!
//! One layer, signed inside, encrypted outside, with the algorithms that every OpenPGP program reads: SHA-512, AES-256
//! with an integrity check (SEIPDv1), recipients named by key id, nothing compressed. The signature is the primary
//! key's and names everybody whom the message is for (RFC 9580, Intended Recipient Fingerprint), so that no reader can
//! pass it on as if it had been written to somebody else.
//!
//! Sequoia makes every packet but the container, whose cipher can be somebody else's: see [`Sealing`].

use super::{
    Error, armor,
    certificates::{Judge, PublicKey},
    sealing::Sealing,
};
use crate::identity::SecretCertificate;
use sequoia_openpgp::{
    Cert,
    armor::Kind,
    packet::signature::SignatureBuilder,
    serialize::stream::{Armorer, LiteralWriter, Message, Signer},
    types::{HashAlgorithm, SignatureType},
};
use std::io::{self, Write};

/// Signs `payload` and begins to encrypt it to `recipients` and the sender.
///
/// An error is [`Error::NotEncryptable`] with the number of the recipient that has no key to encrypt to.
pub(super) fn begin(
    payload: &[u8],
    sender: &SecretCertificate,
    recipients: &[&Cert],
    judge: &Judge<'_>,
) -> Result<Sealing, Error> {
    let own = Some(sender.cert())
        .filter(|own| recipients.iter().all(|cert| cert.fingerprint() != own.fingerprint()));
    let keys = recipient_keys(own, recipients, judge)?;
    Sealing::new(&keys, payload.len(), |content| {
        let bug = |_| Error::Bug("signing a mail");
        let mut signer = signer(Message::new(content), sender, judge)?;
        for cert in recipients.iter().copied().chain(own) {
            signer = signer.add_intended_recipient(cert);
        }
        let mut message =
            signer.build().and_then(|message| LiteralWriter::new(message).build()).map_err(bug)?;
        message.write_all(payload).map_err(|_| Error::Bug("writing a mail"))?;
        message.finalize().map_err(bug)
    })
}

/// Appends a sealed message to `out` in ASCII armor, with CRLF.
pub(super) fn armored(sealing: Sealing, out: &mut Vec<u8>) -> Result<(), Error> {
    let mut message = Vec::with_capacity(sealing.progress().1 + 8192);
    sealing.finish(&mut message)?;
    armor::write(&message, out);
    Ok(())
}

/// Signs `payload`, which stays outside. Appends the armored signature, with CRLF, to `out`.
pub(super) fn sign(
    payload: &[u8],
    sender: &SecretCertificate,
    judge: &Judge<'_>,
    out: &mut Vec<u8>,
) -> Result<(), Error> {
    let bug = |_| Error::Bug("signing a mail");
    let armor = Armorer::new(Message::new(Lines(out))).kind(Kind::Signature).build().map_err(bug)?;
    let mut message = signer(armor, sender, judge)?.detached().build().map_err(bug)?;
    message.write_all(payload).map_err(|_| Error::Bug("writing a signature"))?;
    message.finalize().map_err(bug)
}

fn signer<'a>(
    message: Message<'a>,
    sender: &SecretCertificate,
    judge: &Judge<'_>,
) -> Result<Signer<'a>, Error> {
    let key = sender.signer().map_err(|_| Error::Bug("a certificate that can't sign"))?;
    let template = SignatureBuilder::new(SignatureType::Binary);
    Signer::with_template(message, key, template)
        .and_then(|signer| signer.hash_algo(HashAlgorithm::SHA512))
        .map(|signer| signer.creation_time(judge.at(sender.cert())))
        .map_err(|_| Error::Bug("signing with the primary key"))
}

/// All keys that a message is encrypted to: the recipients' and the sender's.
fn recipient_keys<'a>(
    own: Option<&'a Cert>,
    recipients: &[&'a Cert],
    judge: &'a Judge<'_>,
) -> Result<Vec<PublicKey<'a>>, Error> {
    let mut all = Vec::with_capacity(recipients.len() + 1);
    for (number, cert) in recipients.iter().enumerate() {
        let keys = judge.encryption_keys(cert);
        if keys.is_empty() {
            return Err(Error::NotEncryptable(number));
        }
        all.extend(keys);
    }
    all.extend(own.into_iter().flat_map(|own| judge.own_encryption_keys(own)));
    Ok(all)
}

/// Writes lines as mail has them: Sequoia's armor ends them with LF alone.
struct Lines<'a>(&'a mut Vec<u8>);

impl Write for Lines<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            match line.strip_suffix(b"\n") {
                Some(content) => {
                    self.0.extend_from_slice(content);
                    self.0.extend_from_slice(b"\r\n");
                }
                None => self.0.extend_from_slice(line),
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
