//! The encrypted container of a message, whose cipher may run elsewhere.
//!
//! It is the container that every OpenPGP program reads (RFC 9580, Symmetrically Encrypted and Integrity Protected Data,
//! version 1): AES-256 in CFB mode over a random prefix, the signed message, and a SHA-1 of both. Sequoia makes such
//! containers as well. This one is made here because CFB mode enciphers one block after another, which is slow for a
//! program in WebAssembly, and the browser has a cipher made of hardware. It knows no CFB mode, but CBC, and CFB's key stream is the CBC of its text: K\[i + 1\] = E(P\[i\] ^ K\[i\]), with
//! C\[i\] = P\[i\] ^ K\[i\]. So whoever has a fast CBC can do [`Sealing::job`] after job; what nobody did,
//! [`Sealing::finish`] does with Sequoia's own cipher, natively all of it.
//!
//! What holds: nothing that is not enciphered can leave [`Sealing`], and what comes from elsewhere is checked with
//! Sequoia's cipher at the end of each job.

use super::{Error, certificates::PublicKey};
use sequoia_openpgp::{
    Packet,
    crypto::{
        SessionKey,
        symmetric::{BlockCipherMode, Encryptor, PaddingMode},
    },
    packet::{
        PKESK, Tag,
        header::{BodyLength, CTB},
        pkesk::PKESK3,
    },
    serialize::Marshal as _,
    types::{HashAlgorithm, SymmetricAlgorithm},
};
use std::io::Write;

const CIPHER: SymmetricAlgorithm = SymmetricAlgorithm::AES256;
/// Of the cipher, in bytes.
const KEY: usize = 32;
const BLOCK: usize = 16;
/// The header of the packet with the SHA-1, which is part of what is hashed.
const CHECK_HEADER: [u8; 2] = [0xD3, 20];
/// Version 1 of the container.
const VERSION: u8 = 1;

/// A message that is being encrypted.
pub struct Sealing {
    /// The session key for each recipient: packets.
    recipients: Vec<u8>,
    session: SessionKey,
    /// The container's content. Enciphered up to `done`, which lies between two blocks.
    content: Vec<u8>,
    done: usize,
    /// The key stream's block at `done`.
    stream: [u8; BLOCK],
}

/// A piece of a message to be enciphered in CBC mode with AES-256. Any padding after it is of no interest.
#[derive(Clone, Copy)]
pub struct Job<'a> {
    /// The key.
    pub key: &'a [u8],
    /// The initialization vector.
    pub iv: &'a [u8; BLOCK],
    /// The text: whole blocks.
    pub text: &'a [u8],
}

impl Sealing {
    /// Begins a container for `keys`. `write` writes the message in it, which is about as long as `size`.
    pub(super) fn new(
        keys: &[PublicKey<'_>],
        size: usize,
        write: impl FnOnce(&mut Vec<u8>) -> Result<(), Error>,
    ) -> Result<Self, Error> {
        let bug = |_| Error::Bug("encrypting a mail");
        let session = SessionKey::new(KEY).map_err(bug)?;
        let recipients = recipients(keys, &session).map_err(bug)?;
        // Room for Sequoia's packets around the payload, so that it isn't copied while it grows.
        let mut content = Vec::with_capacity(size + size / 1024 + 16 * 1024);
        content.extend_from_slice(&prefix()?);
        write(&mut content)?;
        content.extend_from_slice(&CHECK_HEADER);
        let check = sha1(&content).map_err(bug)?;
        content.extend_from_slice(&check);
        let stream = encrypt_block(&session, &[0; BLOCK])?;
        Ok(Self { recipients, session, content, done: 0, stream })
    }

    /// What is next to be enciphered, at most `size` bytes; nothing if only the last bytes are left, which are no job.
    pub fn job(&self, size: usize) -> Option<Job<'_>> {
        let left = self.content.get(self.done..)?;
        let text = left.get(..size.min(left.len()) / BLOCK * BLOCK).filter(|text| !text.is_empty())?;
        Some(Job { key: &self.session, iv: &self.stream, text })
    }

    /// Takes the result of the [`Self::job`] of this size.
    pub fn take(&mut self, size: usize, result: &[u8]) -> Result<(), Error> {
        const WRONG: Error = Error::Bug("the browser enciphers otherwise");
        let length = self.job(size).map_or(0, |job| job.text.len());
        let (result, last) = result.get(..length).and_then(<[u8]>::split_last_chunk).ok_or(WRONG)?;
        let text = self.content.get_mut(self.done..).unwrap_or_default();
        let stream = self.stream.iter().chain(result);
        text.iter_mut().zip(stream).for_each(|(byte, key)| *byte ^= key);
        self.done += length;
        self.stream = *last;
        let before = self.content.get(..self.done).and_then(<[u8]>::last_chunk).ok_or(WRONG)?;
        if encrypt_block(&self.session, before)? == self.stream { Ok(()) } else { Err(WRONG) }
    }

    /// The bytes that are enciphered, and all.
    pub fn progress(&self) -> (usize, usize) {
        (self.done, self.content.len())
    }

    /// Enciphers what is left and writes the message.
    pub(super) fn finish(mut self, out: &mut impl Write) -> Result<(), Error> {
        let bug = |_| Error::Bug("encrypting a mail");
        self.encipher()?;
        out.write_all(&self.recipients).map_err(|_| Error::Bug("writing a mail"))?;
        let length = u32::try_from(1 + self.content.len()).map_err(|_| Error::TooLarge)?;
        CTB::new(Tag::SEIP).serialize(out).map_err(bug)?;
        BodyLength::Full(length).serialize(out).map_err(bug)?;
        out.write_all(&[VERSION])
            .and_then(|()| out.write_all(&self.content))
            .map_err(|_| Error::Bug("writing a mail"))
    }

    /// Enciphers what is left: in CFB mode, the initialization vector is the ciphertext before.
    fn encipher(&mut self) -> Result<(), Error> {
        let (before, left) = self.content.split_at_checked(self.done).ok_or(Error::Bug("more than all"))?;
        let iv = before.last_chunk().unwrap_or(&[0; BLOCK]);
        let enciphered = cfb(&self.session, iv, left)?;
        self.content.truncate(self.done);
        self.content.extend_from_slice(&enciphered);
        self.done = self.content.len();
        Ok(())
    }
}

/// The session key, encrypted to each key.
fn recipients(keys: &[PublicKey<'_>], session: &SessionKey) -> sequoia_openpgp::Result<Vec<u8>> {
    let mut packets = Vec::new();
    for key in keys {
        let packet = PKESK::from(PKESK3::for_recipient(CIPHER, session, key)?);
        Packet::from(packet).serialize(&mut packets)?;
    }
    Ok(packets)
}

/// Random bytes, the last two of them again.
fn prefix() -> Result<[u8; BLOCK + 2], Error> {
    let mut prefix = [0; BLOCK + 2];
    sequoia_openpgp::crypto::random(&mut prefix).map_err(|_| Error::Bug("no randomness"))?;
    let [.., a, b, c, d] = &mut prefix;
    (*c, *d) = (*a, *b);
    Ok(prefix)
}

fn sha1(bytes: &[u8]) -> sequoia_openpgp::Result<Vec<u8>> {
    let mut hash = HashAlgorithm::SHA1.context()?.for_digest();
    hash.update(bytes);
    hash.into_digest()
}

fn encrypt_block(session: &SessionKey, block: &[u8; BLOCK]) -> Result<[u8; BLOCK], Error> {
    let block = cfb(session, block, &[0; BLOCK])?;
    block.try_into().map_err(|_| Error::Bug("a block of another size"))
}

/// AES-256 in CFB mode, by Sequoia.
fn cfb(session: &SessionKey, iv: &[u8], text: &[u8]) -> Result<Vec<u8>, Error> {
    let mut out = Vec::with_capacity(text.len());
    let mode = BlockCipherMode::CFB;
    Encryptor::new(CIPHER, mode, PaddingMode::None, session, Some(iv), &mut out)
        .and_then(|mut encryptor| {
            encryptor.write_all(text)?;
            encryptor.finalize().map(drop)
        })
        .map_err(|_| Error::Bug("encrypting a mail"))?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        identity::SecretCertificate,
        mail::{Keys, begin_message, finish_message, open_message},
    };
    use sequoia_openpgp::parse::Parse as _;

    const NOW: u64 = 1_795_348_800_000;

    /// A cipher that runs elsewhere: Sequoia's CBC mode, with the padding that a browser adds.
    fn elsewhere(job: Job<'_>) -> Vec<u8> {
        let mut out = Vec::new();
        let key = SessionKey::from(job.key);
        let (mode, padding) = (BlockCipherMode::CBC, PaddingMode::None);
        let mut encryptor = Encryptor::new(CIPHER, mode, padding, &key, Some(job.iv), &mut out).unwrap();
        encryptor.write_all(job.text).unwrap();
        encryptor.finalize().unwrap();
        out.extend_from_slice(&[0xAA; BLOCK]);
        out
    }

    fn sealing(size: usize) -> Sealing {
        let session = SessionKey::new(KEY).unwrap();
        let content = (0..size).map(|at| (at * 7 + at / 256) as u8).collect();
        let stream = encrypt_block(&session, &[0; BLOCK]).unwrap();
        Sealing { recipients: Vec::new(), session, content, done: 0, stream }
    }

    /// The content of the container that is written.
    fn enciphered(sealing: Sealing) -> Vec<u8> {
        let mut out = Vec::new();
        let size = sealing.content.len();
        sealing.finish(&mut out).unwrap();
        out.split_off(out.len() - size)
    }

    #[test]
    fn a_cipher_elsewhere_gives_what_sequoias_gives() {
        for size in [0, 1, 15, 16, 17, 31, 32, 40, 1000, 4096, 4100] {
            for piece in [16, 17, 48, 4096] {
                let mut sealing = sealing(size);
                let expected = cfb(&sealing.session, &[0; BLOCK], &sealing.content).unwrap();
                while let Some(job) = sealing.job(piece) {
                    let result = elsewhere(job);
                    sealing.take(piece, &result).unwrap();
                }
                assert!(sealing.content.len() - sealing.done < BLOCK);
                assert_eq!(enciphered(sealing), expected, "{size} in pieces of {piece}");
            }
        }
    }

    #[test]
    fn what_was_not_done_elsewhere_is_done_here() {
        for jobs in 0..4 {
            let mut sealing = sealing(1000);
            let expected = cfb(&sealing.session, &[0; BLOCK], &sealing.content).unwrap();
            for _ in 0..jobs {
                let result = elsewhere(sealing.job(160).unwrap());
                sealing.take(160, &result).unwrap();
            }
            assert_eq!(sealing.progress(), (jobs * 160, 1000));
            assert_eq!(enciphered(sealing), expected, "after {jobs}");
        }
    }

    #[test]
    fn a_cipher_that_gives_something_else_is_noticed() {
        let right = |sealing: &Sealing| elsewhere(sealing.job(160).unwrap());
        type Spoil = fn(&Sealing, &mut Vec<u8>);
        let spoils: [Spoil; 5] = [
            |_, result| result.fill(0),
            |_, result| result.truncate(159),
            |_, result| result[150] ^= 1,
            |sealing, result| *result = sealing.job(160).unwrap().text.to_vec(),
            |_, result| result.clear(),
        ];
        for (number, spoil) in spoils.into_iter().enumerate() {
            let mut sealing = sealing(1000);
            let mut result = right(&sealing);
            spoil(&sealing, &mut result);
            assert!(sealing.take(160, &result).is_err(), "{number}");
        }
    }

    #[test]
    fn messages_open_whoever_enciphered_them() {
        let [alice, bob] = ["alice", "bob"]
            .map(|name| SecretCertificate::generate(&format!("{name}@example.org"), NOW).unwrap().0);
        let known = [crate::mail::KnownCertificate {
            address: alice.address().into(),
            certificate: alice.public_bytes().unwrap(),
        }];
        for size in [0, 1, 100, 100_000, 5_000_000] {
            let payload: Vec<u8> = (0..size).map(|at: usize| (at * 31 + at / 251) as u8).collect();
            for (armored, outside) in [(false, false), (false, true), (true, true)] {
                let mut sealing = begin_message(&payload, &alice, &[bob.cert()], NOW).unwrap();
                while outside && let Some(job) = sealing.job(1 << 20) {
                    let result = elsewhere(job);
                    sealing.take(1 << 20, &result).unwrap();
                }
                let message = finish_message(sealing, armored).unwrap();
                for reader in [&alice, &bob] {
                    let keys = Keys { own: std::slice::from_ref(reader), known: &known };
                    assert!(open_message(&message, &keys, NOW).unwrap() == payload, "{size}");
                }
            }
        }
    }

    /// Every packet is the one that Sequoia's own encryption writes, but for random content and lengths.
    #[test]
    fn the_packets_are_those_of_sequoia() {
        let alice = SecretCertificate::generate("alice@example.org", NOW).unwrap().0;
        let sealing = begin_message(b"text", &alice, &[], NOW).unwrap();
        let ours = finish_message(sealing, false).unwrap();
        let theirs = crate::testing::seal(&alice.public_bytes().unwrap(), b"text");
        let tags = |message: &[u8]| {
            let packets = sequoia_openpgp::PacketPile::from_bytes(message).unwrap();
            packets.into_children().map(|packet| (packet.tag(), packet.version())).collect::<Vec<_>>()
        };
        assert_eq!(tags(&ours), tags(&theirs));
        assert_eq!(tags(&ours), [(Tag::PKESK, Some(3)), (Tag::SEIP, Some(1))]);
    }
}
