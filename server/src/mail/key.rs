//! The key under which mail waits in the queue, and which makes ids of arriving mail. It is in a file of its own, so
//! that a stolen database names no recipient and can't be asked whether a mail that somebody knows arrived.

use crate::{
    secret_file,
    store::{AccountId, QueueId, random},
};
use aes_gcm::{
    Aes256Gcm, Nonce,
    aead::{Aead as _, KeyInit as _, Payload},
};
use haven_wire::ids::MessageId;
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use std::{io, path::Path};

/// Bytes of a nonce. They are random, and stand before the ciphertext.
const NONCE: usize = 12;
/// Two keys of 32 bytes: one seals, one makes ids.
const FILE: usize = 64;

/// The parts of a mail in the queue. Each is bound to its place.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Part {
    /// Who sends it to whom.
    Envelope,
    /// What is sent.
    Message,
}

/// What can't be sealed or opened.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Error {
    /// No random numbers.
    #[error("the system has no random numbers")]
    Random,
    /// It was not sealed by this key, or for another place.
    #[error("a sealed value does not open")]
    Sealed,
}

/// The key.
pub struct MailKey {
    seals: Aes256Gcm,
    ids: Hmac<Sha256>,
}

impl MailKey {
    /// Reads the key, or makes it on the first start.
    pub fn open(path: &Path) -> io::Result<Self> {
        let new = || random::<FILE>().map(Vec::from).map_err(io::Error::other);
        let bytes = secret_file::read_or_create(path, new)?;
        Self::from_bytes(&bytes).ok_or_else(|| secret_file::damaged("mail.key"))
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; FILE] = bytes.try_into().ok()?;
        let (seals, ids) = bytes.split_at(FILE / 2);
        Some(Self {
            seals: Aes256Gcm::new_from_slice(seals).ok()?,
            ids: <Hmac<Sha256> as hmac::Mac>::new_from_slice(ids).ok()?,
        })
    }

    /// Seals a part of a mail for its place in the queue.
    pub fn seal(&self, id: QueueId, part: Part, bytes: &[u8]) -> Result<Vec<u8>, Error> {
        let nonce: [u8; NONCE] = random().map_err(|_| Error::Random)?;
        let place = place(id, part);
        let payload = Payload { msg: bytes, aad: &place };
        let sealed = self.seals.encrypt(&Nonce::from(nonce), payload).map_err(|_| Error::Sealed)?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    /// Opens what [`MailKey::seal`] sealed for the same place.
    pub fn unseal(&self, id: QueueId, part: Part, sealed: &[u8]) -> Result<Vec<u8>, Error> {
        let (nonce, ciphertext) = sealed.split_first_chunk::<NONCE>().ok_or(Error::Sealed)?;
        let place = place(id, part);
        let payload = Payload { msg: ciphertext, aad: &place };
        self.seals.decrypt(&Nonce::from(*nonce), payload).map_err(|_| Error::Sealed)
    }

    /// The id of a mail for a person: the same for the same parts, and of no use to whoever lacks the key.
    pub fn delivery_id<'a>(
        &self,
        account: AccountId,
        parts: impl IntoIterator<Item = &'a [u8]>,
    ) -> MessageId {
        let mac = self.ids.clone().chain_update(account.0);
        let mac = parts.into_iter().fold(mac, |mac, part| mac.chain_update(part)).finalize().into_bytes();
        let mut id = [0; 16];
        id.iter_mut().zip(mac).for_each(|(to, from)| *to = from);
        MessageId(id)
    }
}

fn place(id: QueueId, part: Part) -> Vec<u8> {
    let name: &[u8] = match part {
        Part::Envelope => b"haven mail queue: envelope",
        Part::Message => b"haven mail queue: message",
    };
    [name, &id.0].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: QueueId = QueueId([1; 16]);

    #[test]
    fn what_was_sealed_opens_in_its_place_only() {
        let key = MailKey::from_bytes(&[7; FILE]).unwrap();
        let sealed = key.seal(ID, Part::Envelope, b"to bob").unwrap();
        assert!(!sealed.windows(3).any(|window| window == b"bob"));
        assert_eq!(key.unseal(ID, Part::Envelope, &sealed).unwrap(), b"to bob");
        assert_eq!(key.unseal(ID, Part::Message, &sealed), Err(Error::Sealed));
        assert_eq!(key.unseal(QueueId([2; 16]), Part::Envelope, &sealed), Err(Error::Sealed));
        let other = MailKey::from_bytes(&[8; FILE]).unwrap();
        assert_eq!(other.unseal(ID, Part::Envelope, &sealed), Err(Error::Sealed));
        assert_eq!(key.unseal(ID, Part::Envelope, b"short"), Err(Error::Sealed));
    }

    #[test]
    fn the_key_is_made_once_and_for_its_owner() {
        let data = tempfile::tempdir().unwrap();
        let path = data.path().join("mail.key");
        let sealed = MailKey::open(&path).unwrap().seal(ID, Part::Message, b"text").unwrap();
        assert_eq!(MailKey::open(&path).unwrap().unseal(ID, Part::Message, &sealed).unwrap(), b"text");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        std::fs::write(&path, b"half").unwrap();
        assert!(MailKey::open(&path).is_err());
    }

    #[test]
    fn ids_depend_on_person_mail_and_key() {
        let key = MailKey::from_bytes(&[7; FILE]).unwrap();
        let id = key.delivery_id(AccountId([1; 16]), [b"mail".as_slice()]);
        assert_eq!(id, key.delivery_id(AccountId([1; 16]), [b"mail".as_slice()]));
        assert_eq!(id, key.delivery_id(AccountId([1; 16]), [b"ma".as_slice(), b"il"]));
        assert_ne!(id, key.delivery_id(AccountId([2; 16]), [b"mail".as_slice()]));
        assert_ne!(id, key.delivery_id(AccountId([1; 16]), [b"another".as_slice()]));
        let other = MailKey::from_bytes(&[8; FILE]).unwrap();
        assert_ne!(id, other.delivery_id(AccountId([1; 16]), [b"mail".as_slice()]));
    }
}
