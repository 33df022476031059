//! A strict reader of the two OpenPGP packets of which statements are made: a v4 Ed25519 public key and a v4 signature.
//!
//! Members of a group must come to the same verdict on an attestation, in every version of Haven and at any time. So
//! what is accepted is written down here, rather than left to a library that improves its judgement with every
//! release: one key algorithm (EdDSA over Ed25519, id 22), SHA-256 or SHA-512, integers without leading zeros, lengths
//! in their plain forms. Sequoia makes these packets, and tests hold it and GnuPG against what is accepted.

use super::{Error, Fingerprint};
use ed25519_dalek::{Signature as Ed25519, VerifyingKey};
use sha2::{Digest as _, Sha256, Sha512};

const SIGNATURE: u8 = 2;
const PUBLIC_KEY: u8 = 6;
const EDDSA_LEGACY: u8 = 22;
const SHA256: u8 = 8;
const SHA512: u8 = 10;
/// The curve's object identifier 1.3.6.1.4.1.11591.15.1 with its length.
const ED25519_OID: &[u8] = &[9, 0x2B, 0x06, 0x01, 0x04, 0x01, 0xDA, 0x47, 0x0F, 0x01];
/// Marks a point in its native encoding.
const NATIVE_POINT: u8 = 0x40;

/// A certificate's primary key, for verifying.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PrimaryKey {
    point: [u8; 32],
    fingerprint: Fingerprint,
}

impl PrimaryKey {
    /// Reads a public key packet. It must be the only packet.
    pub fn from_packet(packet: &[u8]) -> Result<Self, Error> {
        let body = only_packet(packet, PUBLIC_KEY)?;
        let mut reader = Reader(body);
        reader.expect(&[4], "key version")?;
        reader.take(4)?;
        reader.expect(&[EDDSA_LEGACY], "key algorithm")?;
        reader.expect(ED25519_OID, "curve")?;
        let point = reader.integer(33)?;
        reader.end()?;
        let point = match point.as_slice() {
            [NATIVE_POINT, point @ ..] => point.try_into().ok(),
            _ => None,
        };
        Ok(Self { point: point.ok_or(Error::BadStatement("point"))?, fingerprint: fingerprint(body)? })
    }

    /// The fingerprint.
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// Verifies `signature` over `text`.
    pub(super) fn verify(&self, text: &[u8], signature: &Signature<'_>) -> Result<(), Error> {
        let digest = signature.digest(text);
        if !digest.starts_with(&signature.digest_prefix) {
            return Err(Error::BadSignature);
        }
        let key = VerifyingKey::from_bytes(&self.point).map_err(|_| Error::BadSignature)?;
        key.verify_strict(&digest, &signature.value).map_err(|_| Error::BadSignature)
    }
}

/// RFC 9580, section 5.5.4.2. The collision-detecting SHA-1 is the one that Sequoia uses.
fn fingerprint(body: &[u8]) -> Result<Fingerprint, Error> {
    let length = u16::try_from(body.len()).map_err(|_| Error::TooLarge)?;
    let mut hash = sha1collisiondetection::Sha1CD::default();
    hash.update([0x99]);
    hash.update(length.to_be_bytes());
    hash.update(body);
    let digest = hash.finalize_cd();
    let digest = digest.map_err(|_| Error::BadStatement("key made to collide"))?;
    Fingerprint::from_slice(&digest).ok_or(Error::Bug("a SHA-1 hash of another length"))
}

/// A v4 signature.
pub(super) struct Signature<'a> {
    /// The signature's type.
    pub kind: u8,
    /// What the signature covers beside the text.
    pub hashed: Vec<Subpacket<'a>>,
    sha512: bool,
    trailer: &'a [u8],
    digest_prefix: [u8; 2],
    value: Ed25519,
}

/// A signature subpacket.
pub(super) struct Subpacket<'a> {
    /// The type, without the critical bit.
    pub kind: u8,
    /// Whether a reader must refuse the signature if it doesn't know this.
    pub critical: bool,
    /// The content.
    pub body: &'a [u8],
}

impl<'a> Signature<'a> {
    /// Reads a signature packet. It must be the only packet. What isn't covered by the signature is skipped.
    pub fn from_packet(packet: &'a [u8]) -> Result<Self, Error> {
        let body = only_packet(packet, SIGNATURE)?;
        let mut reader = Reader(body);
        reader.expect(&[4], "signature version")?;
        let kind = reader.byte()?;
        reader.expect(&[EDDSA_LEGACY], "signature algorithm")?;
        let sha512 = match reader.byte()? {
            SHA256 => false,
            SHA512 => true,
            _ => return Err(Error::BadStatement("hash algorithm")),
        };
        let hashed_length = reader.length16()?;
        let hashed = subpackets(reader.take(hashed_length)?)?;
        let trailer = body.get(..6 + hashed_length).ok_or(Error::Bug("a trailer longer than its packet"))?;
        let unhashed_length = reader.length16()?;
        reader.take(unhashed_length)?;
        let digest_prefix = [reader.byte()?, reader.byte()?];
        let value = signature_value(&reader.integer(32)?, &reader.integer(32)?)?;
        reader.end()?;
        Ok(Self { kind, hashed, sha512, trailer, digest_prefix, value })
    }

    /// RFC 9580, section 5.2.4.
    fn digest(&self, text: &[u8]) -> Vec<u8> {
        // The trailer is shorter than its packet, whose length is bounded by whoever reads statements.
        let length = (self.trailer.len() as u32).to_be_bytes();
        let parts = [text, self.trailer, &[4, 0xFF], &length];
        if self.sha512 {
            Sha512::digest(parts.concat()).to_vec()
        } else {
            Sha256::digest(parts.concat()).to_vec()
        }
    }
}

/// The integers R and S, filled up to 32 bytes each.
fn signature_value(r: &[u8], s: &[u8]) -> Result<Ed25519, Error> {
    let mut value = [0; 64];
    for (half, integer) in value.chunks_exact_mut(32).zip([r, s]) {
        let padding = half.len().saturating_sub(integer.len());
        let place = half.get_mut(padding..).filter(|p| p.len() == integer.len());
        place.ok_or(Error::BadStatement("integer"))?.copy_from_slice(integer);
    }
    Ok(Ed25519::from_bytes(&value))
}

fn subpackets(area: &[u8]) -> Result<Vec<Subpacket<'_>>, Error> {
    let mut reader = Reader(area);
    let mut found = Vec::new();
    while !reader.0.is_empty() {
        let length = reader.length()?;
        let mut content = Reader(reader.take(length)?);
        let kind = content.byte()?;
        found.push(Subpacket { kind: kind & 0x7F, critical: kind & 0x80 != 0, body: content.0 });
    }
    Ok(found)
}

/// The body of the packet, which must be the only one.
fn only_packet(bytes: &[u8], tag: u8) -> Result<&[u8], Error> {
    let mut reader = Reader(bytes);
    let header = reader.byte()?;
    let (found, length) = if header & 0xC0 == 0xC0 {
        (header & 0x3F, reader.length()?)
    } else if header & 0xC0 == 0x80 {
        // The format of before 1998, which GnuPG still writes.
        let length = match header & 3 {
            0 => reader.byte()?.into(),
            1 => reader.length16()?,
            _ => return Err(Error::BadStatement("packet length")),
        };
        ((header >> 2) & 0x0F, length)
    } else {
        return Err(Error::BadStatement("packet header"));
    };
    if found != tag {
        return Err(Error::BadStatement("packet type"));
    }
    let body = reader.take(length)?;
    reader.end()?;
    Ok(body)
}

/// What is left to be read.
pub(super) struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    /// The next `length` bytes.
    pub fn take(&mut self, length: usize) -> Result<&'a [u8], Error> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(Error::BadStatement("too short"))?;
        self.0 = rest;
        Ok(taken)
    }

    /// The next byte.
    pub fn byte(&mut self) -> Result<u8, Error> {
        let byte = self.take(1)?.first();
        byte.copied().ok_or(Error::BadStatement("too short"))
    }

    /// The next two bytes, as a length.
    pub fn length16(&mut self) -> Result<usize, Error> {
        Ok(usize::from(self.byte()?) << 8 | usize::from(self.byte()?))
    }

    /// Nothing may be left.
    pub fn end(&self) -> Result<(), Error> {
        if self.0.is_empty() { Ok(()) } else { Err(Error::BadStatement("too long")) }
    }

    fn expect(&mut self, bytes: &[u8], what: &'static str) -> Result<(), Error> {
        if self.take(bytes.len())? == bytes { Ok(()) } else { Err(Error::BadStatement(what)) }
    }

    /// A length of one, two or five bytes (RFC 9580, sections 4.2.1 and 5.2.3.7). Nothing here is as long as 64 kB.
    fn length(&mut self) -> Result<usize, Error> {
        match self.byte()? {
            short @ 0..192 => Ok(short.into()),
            middle @ 192..224 => Ok(((usize::from(middle) - 192) << 8) + usize::from(self.byte()?) + 192),
            255 => {
                self.expect(&[0, 0], "length")?;
                self.length16()
            }
            _ => Err(Error::BadStatement("length")),
        }
    }

    /// An integer of at most `max` bytes, without leading zeros.
    fn integer(&mut self, max: usize) -> Result<Vec<u8>, Error> {
        let bits = self.length16()?;
        let bytes = self.take(bits.div_ceil(8))?;
        let first_bits = bytes.first().map_or(0, |b| 8 - b.leading_zeros() as usize);
        if bytes.len() > max || (bytes.len().saturating_sub(1) * 8 + first_bits) != bits {
            return Err(Error::BadStatement("integer"));
        }
        Ok(bytes.to_vec())
    }
}
