//! What arrives is encrypted to its owner, header fields and all, before it is stored.
//!
//! The relay holds no secret key and decrypts nothing: this module is all that it does with OpenPGP. A certificate that
//! has expired still serves, because its owner can still read; one that is revoked, broken, or can't encrypt does not,
//! and the sender is asked to come again.

use crate::{
    limits::today,
    state::State,
    store::{MailAccount, NewEntry, StoreError},
};
use haven_wire::{Refusal, ids::MessageId, mail::EntryKind};
use sequoia_openpgp::{
    Cert, KeyHandle,
    parse::Parse as _,
    policy::StandardPolicy,
    serialize::stream::{Encryptor, LiteralWriter, Message, Recipient},
    types::{Features, RevocationStatus, SymmetricAlgorithm},
};
use std::{io::Write as _, sync::Arc, time::SystemTime};

/// Bytes that encryption adds at most to a mail of `size` bytes: packets, and the lengths of their pieces.
const fn grown(size: u64) -> u64 {
    size + size / 64 + 4096
}

/// Why a mail did not get into a mailbox.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The owner has to delete something.
    #[error("the mailbox is full")]
    Full,
    /// The owner's certificate can't encrypt.
    #[error("no usable certificate")]
    NoKey,
    /// Nothing could be stored now.
    #[error("the mail could not be stored")]
    Failed,
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Refused(Refusal::MailboxFull) => Self::Full,
            _ => Self::Failed,
        }
    }
}

/// A mail on its way into a mailbox.
#[derive(Clone, Debug)]
pub struct Arrived {
    /// The same for the same mail, so that it is stored once.
    pub id: MessageId,
    /// Header fields that the relay puts before the mail, with their line ends.
    pub trace: String,
    /// The mail as it came.
    pub message: Arc<[u8]>,
}

/// Encrypts a mail to a person of this relay and stores it. Once it answers, the mail is safe. The same id again
/// changes nothing, and is as good.
pub async fn deliver(state: &State, to: &MailAccount, mail: Arrived) -> Result<(), Error> {
    let Arrived { id, trace, message } = mail;
    let quota = state.config.mail.quota();
    if !fits(to, trace.len() + message.len(), quota) {
        return Err(Error::Full);
    }
    let body = match encrypted(to.certificate.clone(), trace, message).await {
        Err(Error::NoKey) => {
            note_refused(state, to).await;
            return Err(Error::NoKey);
        }
        other => other?,
    };
    let entry = NewEntry { id, kind: EntryKind::Arrived, body };
    state.store.append_mail(to.account, entry, quota).await?;
    Ok(())
}

/// Whether a mail can be encrypted to a person. If not, it is counted, so that the person hears of it.
pub async fn can_encrypt(state: &State, to: &MailAccount) -> Result<(), Error> {
    let tried = encrypted(to.certificate.clone(), String::new(), [].into()).await;
    if let Err(Error::NoKey) = tried {
        note_refused(state, to).await;
    }
    tried.map(drop)
}

async fn note_refused(state: &State, to: &MailAccount) {
    // The mail is refused whether or not its count can be stored.
    let _ = state.store.count_refused_mail(to.account, today()).await;
}

/// Whether a mail of this size would fit into the mailbox now. The store decides when it comes to it.
pub fn fits(to: &MailAccount, size: usize, quota: u64) -> bool {
    to.used.saturating_add(grown(size as u64)) <= quota
}

/// Encrypts on a thread on which that may take its time.
pub async fn encrypted(certificate: Vec<u8>, head: String, message: Arc<[u8]>) -> Result<Vec<u8>, Error> {
    let work = move || encrypt(&certificate, &[head.as_bytes(), &message]);
    tokio::task::spawn_blocking(work).await.map_err(|_| Error::Failed)?
}

/// Encrypts the parts, one after the other, as one binary message to a certificate: SEIPDv1 with AES-256, which every
/// program reads, not compressed, with the key ids named.
pub fn encrypt(certificate: &[u8], parts: &[&[u8]]) -> Result<Vec<u8>, Error> {
    let cert = Cert::from_bytes(certificate).map_err(|_| Error::NoKey)?;
    let policy = StandardPolicy::new();
    let now = SystemTime::now();
    if matches!(cert.revocation_status(&policy, now), RevocationStatus::Revoked(_)) {
        return Err(Error::NoKey);
    }
    let usable: Vec<_> = cert
        .keys()
        .with_policy(&policy, now)
        .supported()
        .revoked(false)
        .for_transport_encryption()
        .for_storage_encryption()
        .collect();
    let alive = usable.iter().filter(|key| key.alive().is_ok()).count();
    let recipients: Vec<_> = usable
        .iter()
        .filter(|key| alive == 0 || key.alive().is_ok())
        .map(|key| {
            let named = KeyHandle::from(key.key().keyid());
            Recipient::new(Features::empty().set_seipdv1(), named, key.key())
        })
        .collect();
    if recipients.is_empty() {
        return Err(Error::NoKey);
    }
    write(recipients, parts).map_err(|_| Error::NoKey)
}

fn write(recipients: Vec<Recipient<'_>>, parts: &[&[u8]]) -> sequoia_openpgp::Result<Vec<u8>> {
    let size: usize = parts.iter().map(|part| part.len()).sum();
    let mut sink = Vec::with_capacity(usize::try_from(grown(size as u64)).unwrap_or(size));
    let message = Encryptor::for_recipients(Message::new(&mut sink), recipients)
        .symmetric_algo(SymmetricAlgorithm::AES256)
        .build()?;
    let mut literal = LiteralWriter::new(message).build()?;
    for part in parts {
        literal.write_all(part)?;
    }
    literal.finalize()?;
    Ok(sink)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sequoia_openpgp::{
        Packet, PacketPile,
        cert::CertBuilder,
        parse::stream::{DecryptionHelper, DecryptorBuilder, MessageStructure, VerificationHelper},
        serialize::{MarshalInto as _, Serialize as _},
        types::ReasonForRevocation,
    };
    use std::{
        io::Read as _,
        process::{Command, Stdio},
        time::Duration,
    };

    const LONG_AGO: Duration = Duration::from_secs(100 * 86_400);

    fn builder() -> CertBuilder<'static> {
        CertBuilder::new()
            .add_userid("<alice@localhost>")
            .set_creation_time(SystemTime::now() - LONG_AGO)
            .set_validity_period(LONG_AGO * 10)
            .add_transport_encryption_subkey()
    }

    fn made(builder: CertBuilder<'_>) -> Cert {
        builder.generate().unwrap().0
    }

    /// Opens with the secret keys that it holds.
    struct Owner(Cert);

    impl VerificationHelper for Owner {
        fn get_certs(&mut self, _: &[sequoia_openpgp::KeyHandle]) -> sequoia_openpgp::Result<Vec<Cert>> {
            Ok(Vec::new())
        }

        fn check(&mut self, _: MessageStructure<'_>) -> sequoia_openpgp::Result<()> {
            Ok(())
        }
    }

    impl DecryptionHelper for Owner {
        fn decrypt(
            &mut self,
            pkesks: &[sequoia_openpgp::packet::PKESK],
            _: &[sequoia_openpgp::packet::SKESK],
            symmetric: Option<SymmetricAlgorithm>,
            decrypt: &mut dyn FnMut(Option<SymmetricAlgorithm>, &sequoia_openpgp::crypto::SessionKey) -> bool,
        ) -> sequoia_openpgp::Result<Option<Cert>> {
            for key in self.0.keys().secret() {
                let mut pair = key.key().clone().into_keypair()?;
                for pkesk in pkesks {
                    let own = key.key().key_handle();
                    let named = pkesk.recipient().is_some_and(|handle| handle.aliases(own));
                    if named && let Some((algorithm, session)) = pkesk.decrypt(&mut pair, symmetric) {
                        decrypt(algorithm, &session);
                    }
                }
            }
            Ok(None)
        }
    }

    fn opened(cert: &Cert, message: &[u8]) -> Vec<u8> {
        let policy = StandardPolicy::new();
        let decryptor = DecryptorBuilder::from_bytes(message).unwrap();
        let mut decryptor = decryptor.with_policy(&policy, None, Owner(cert.clone())).unwrap();
        let mut plain = Vec::new();
        decryptor.read_to_end(&mut plain).unwrap();
        plain
    }

    fn parts() -> [&'static [u8]; 2] {
        [b"Received: here\r\n", b"Subject: caf\xc3\xa9\r\n\r\n\x00\xff\r\n.\r\n"]
    }

    #[test]
    fn what_is_encrypted_opens_with_the_owners_key_and_is_identical() {
        let alice = made(builder());
        let sealed = encrypt(&alice.to_vec().unwrap(), &parts()).unwrap();
        assert_eq!(opened(&alice, &sealed), parts().concat());
    }

    #[test]
    fn the_message_is_of_the_kind_that_every_program_reads() {
        let alice = made(builder());
        let pile = PacketPile::from_bytes(&encrypt(&alice.to_vec().unwrap(), &parts()).unwrap()).unwrap();
        let kinds: Vec<_> = pile.children().map(|packet| (packet.tag(), packet.version())).collect();
        assert_eq!(kinds.len(), 2, "{kinds:?}");
        let Some(Packet::PKESK(pkesk)) = pile.path_ref(&[0]) else { panic!("{kinds:?}") };
        assert_eq!((pkesk.version(), kinds[1].1), (3, Some(1)));
        assert!(pkesk.recipient().is_some());
    }

    #[test]
    fn an_expired_certificate_still_serves() {
        let alice = made(builder().set_validity_period(LONG_AGO / 2));
        let sealed = encrypt(&alice.to_vec().unwrap(), &parts()).unwrap();
        assert_eq!(opened(&alice, &sealed), parts().concat());
    }

    #[test]
    fn what_is_revoked_broken_or_signs_only_does_not_serve() {
        let (cert, revocation) = builder().generate().unwrap();
        let revoked = cert.insert_packets(revocation).unwrap().0;
        let signs = made(CertBuilder::new().add_userid("<alice@localhost>").add_signing_subkey());
        let mut subkey_revoked = made(builder());
        let revocation = {
            let subkey = subkey_revoked.keys().subkeys().next().unwrap();
            let mut signer =
                subkey_revoked.primary_key().key().clone().parts_into_secret().unwrap().into_keypair();
            sequoia_openpgp::cert::SubkeyRevocationBuilder::new()
                .set_reason_for_revocation(ReasonForRevocation::KeyRetired, b"")
                .unwrap()
                .build(signer.as_mut().unwrap(), &subkey_revoked, subkey.key(), None)
                .unwrap()
        };
        subkey_revoked = subkey_revoked.insert_packets(revocation).unwrap().0;
        for cert in [revoked, signs, subkey_revoked] {
            assert!(matches!(encrypt(&cert.to_vec().unwrap(), &parts()), Err(Error::NoKey)));
        }
        for bytes in [b"".as_slice(), b"certificate of alice", &[0xff; 300]] {
            assert!(matches!(encrypt(bytes, &parts()), Err(Error::NoKey)));
        }
    }

    #[test]
    fn the_room_that_is_reckoned_with_is_enough() {
        let alice = made(builder().add_storage_encryption_subkey()).to_vec().unwrap();
        for size in [0, 1, 4095, 100_000, 3_000_000] {
            let sealed = encrypt(&alice, &[&vec![7; size]]).unwrap();
            assert!(sealed.len() as u64 <= grown(size as u64), "{size}");
        }
    }

    /// GnuPG is another implementation. Where it is not installed, the test says so and proves nothing.
    #[test]
    fn gnupg_opens_what_is_encrypted() {
        let home = tempfile::tempdir().unwrap();
        let gpg = |arguments: &[&str], input: &[u8]| {
            let mut child = Command::new("gpg")
                .args(["--batch", "--quiet", "--homedir"])
                .arg(home.path())
                .args(arguments)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()
                .ok()?;
            child.stdin.take()?.write_all(input).ok()?;
            child.wait_with_output().ok()
        };
        let alice = made(builder());
        let mut secret = Vec::new();
        alice.as_tsk().serialize(&mut secret).unwrap();
        let Some(imported) = gpg(&["--import"], &secret) else {
            println!("NOT CHECKED: there is no gpg here");
            return;
        };
        assert!(imported.status.success());
        let sealed = encrypt(&alice.to_vec().unwrap(), &parts()).unwrap();
        assert_eq!(gpg(&["--decrypt"], &sealed).unwrap().stdout, parts().concat());
    }
}
