//! Statements: bytes signed by a person's primary key for one purpose, and for no other.
//!
//! The signature is an OpenPGP v4 signature of type 0x00 (binary document), so that any OpenPGP program can check it
//! with the certificate at hand. Two things keep it from being taken for a signature under a mail, or one kind of
//! statement for another: the signed text begins with the purpose, and the signature carries a *critical* notation of
//! the purpose, which is required here, and makes every other reader refuse the signature (RFC 9580, section
//! 5.2.3.7). Haven's own reading of mail must refuse it as well, and does so as long as it accepts no critical
//! notation at all.

use super::{
    Error, PrimaryKey, SecretCertificate,
    packet::{Reader, Signature, Subpacket},
};
use crate::Millis;

const BINARY_DOCUMENT: u8 = 0x00;
const CREATION_TIME: u8 = 2;
const EXPIRATION_TIME: u8 = 3;
const ISSUER: u8 = 16;
const NOTATION: u8 = 20;
const ISSUER_FINGERPRINT: u8 = 33;
/// Notation flags: the value is text.
const HUMAN_READABLE: &[u8] = &[0x80, 0, 0, 0];
/// The value of every notation.
const VERSION: &[u8] = b"1";

/// What a statement is for.
pub(super) struct Purpose {
    /// Beginning of the signed text.
    pub prefix: &'static [u8],
    /// Name of the notation. Names end in a domain of their owner (RFC 9580, section 5.2.3.24), and `.invalid` is a
    /// domain that nobody can ever own, so no other program can come to use the same name.
    pub notation: &'static str,
}

impl Purpose {
    /// What is signed for `body`.
    pub fn text(&self, body: &[u8]) -> Vec<u8> {
        [self.prefix, body].concat()
    }

    /// Signs `body`; gives the signature packet.
    pub fn sign(&self, secret: &SecretCertificate, body: &[u8], now: Millis) -> Result<Vec<u8>, Error> {
        secret.sign(&self.text(body), (self.notation, VERSION), now)
    }

    /// Verifies that `signature` is for this purpose, over `body`, by `primary`. Depends on nothing else: no clock, no
    /// policy, no setting.
    pub fn verify(&self, primary: &PrimaryKey, body: &[u8], signature: &[u8]) -> Result<(), Error> {
        let signature = Signature::from_packet(signature)?;
        if signature.kind != BINARY_DOCUMENT {
            return Err(Error::BadStatement("signature type"));
        }
        self.check_subpackets(primary, &signature.hashed)?;
        primary.verify(&self.text(body), &signature)
    }

    fn check_subpackets(&self, primary: &PrimaryKey, subpackets: &[Subpacket<'_>]) -> Result<(), Error> {
        let (mut times, mut issuers, mut notations) = (0, 0, 0);
        for subpacket in subpackets {
            match subpacket.kind {
                CREATION_TIME => times += 1,
                // An expiring statement would mean something else tomorrow, and statements are read without a clock.
                EXPIRATION_TIME => return Err(Error::BadStatement("expiration time")),
                ISSUER_FINGERPRINT => {
                    check_issuer(primary, subpacket)?;
                    issuers += 1;
                }
                NOTATION if subpacket.critical => {
                    self.check_notation(subpacket)?;
                    notations += 1;
                }
                ISSUER => {}
                _ if subpacket.critical => return Err(Error::BadStatement("critical subpacket")),
                _ => {}
            }
        }
        match (times, issuers, notations) {
            (1, 1, 1) => Ok(()),
            (1, 1, _) => Err(Error::BadStatement("notation")),
            (1, _, _) => Err(Error::BadStatement("issuer")),
            _ => Err(Error::BadStatement("creation time")),
        }
    }

    fn check_notation(&self, subpacket: &Subpacket<'_>) -> Result<(), Error> {
        let mut reader = Reader(subpacket.body);
        let flags = reader.take(4)?;
        let (name_length, value_length) = (reader.length16()?, reader.length16()?);
        let (name, value) = (reader.take(name_length)?, reader.take(value_length)?);
        reader.end()?;
        if flags == HUMAN_READABLE && name == self.notation.as_bytes() && value == VERSION {
            Ok(())
        } else {
            Err(Error::BadStatement("notation"))
        }
    }
}

fn check_issuer(primary: &PrimaryKey, subpacket: &Subpacket<'_>) -> Result<(), Error> {
    match subpacket.body {
        [4, fingerprint @ ..] if fingerprint == primary.fingerprint().as_bytes() => Ok(()),
        _ => Err(Error::Mismatch("certificate")),
    }
}
