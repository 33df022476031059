//! Decrypting and verifying what came.
//!
//! Sequoia decrypts a message whole and checks its integrity before it hands out the first byte; a message that is too
//! long for that is refused. What holds for everything that comes out: it was encrypted to one of the own keys and not
//! changed since. Signatures are data: a bad one takes nothing away from what was decrypted.
//!
//! Passwords are never asked for, so no message can make this program stretch one (Argon2).

use super::{
    Error, armor,
    certificates::{self, Judge},
    opened::Keys,
};
use sequoia_openpgp::{
    self as openpgp, Cert, Fingerprint, KeyHandle, Packet,
    crypto::SessionKey,
    packet::{
        Key, PKESK, SKESK, Signature, Tag,
        key::{SecretParts, UnspecifiedRole},
    },
    parse::{
        PacketParser, PacketParserResult, Parse as _,
        stream::{
            DecryptionHelper, DecryptorBuilder, DetachedVerifierBuilder, MessageLayer, MessageStructure,
            VerificationError, VerificationHelper, VerificationResult, VerifierBuilder,
        },
    },
    types::SymmetricAlgorithm,
};
use std::{cell::RefCell, io::Read, rc::Rc};

/// What a message may unpack to, in bytes.
const MAX_UNPACKED: usize = 64 * 1024 * 1024;
/// How many times its own size a message may unpack to.
const MAX_RATIO: usize = 100;
/// A message may unpack to so many bytes whatever its size: short texts repeat themselves.
const ALWAYS_ALLOWED: usize = 1024 * 1024;
/// Packets of a message: recipients, signatures, and layers.
const MAX_PACKETS: usize = 500;
/// The shortest container: with a block cipher of 16 bytes, its prefix of 18 bytes and the integrity check of 22.
const MIN_CONTAINER: usize = 18 + 22;
/// Hidden recipients that the own keys are tried on.
const MAX_HIDDEN: usize = 100;

/// What was in a message.
pub(super) struct Plain {
    /// The content.
    pub bytes: Vec<u8>,
    /// The signatures inside the encryption.
    pub verdicts: Vec<Verdict>,
    /// Whether it was encrypted at all.
    pub encrypted: bool,
}

/// What a signature is worth.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Verdict {
    /// Good, and made by this certificate.
    Valid(Fingerprint),
    /// Made by a key that is not known.
    Unknown(String),
    /// Bad, and why.
    Invalid(&'static str),
}

/// Why there is nothing to show.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Refusal {
    /// None of the own keys opens it.
    NoKey,
    /// It isn't protected against changes, was changed, or is no message.
    NotIntact,
    /// It is larger than accepted, or has more of something.
    TooMuch(&'static str),
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NoKey | Refusal::NotIntact => Self::Closed,
            Refusal::TooMuch(_) => Self::TooLarge,
        }
    }
}

/// Opens a message: binary or armored, encrypted or only signed.
pub(super) fn open(message: &[u8], keys: &Keys<'_>, judge: &Judge<'_>) -> Result<Plain, Refusal> {
    if message.len() > MAX_UNPACKED {
        return Err(Refusal::TooMuch("bytes"));
    }
    let binary = armor::read(message);
    let message = binary.as_deref().unwrap_or(message);
    if is_stump(message) {
        return Err(Refusal::NotIntact);
    }
    // Room for what isn't compressed first: reserving for the worst case would take a hundred times as much memory.
    let most = message.len().saturating_mul(MAX_RATIO).clamp(ALWAYS_ALLOWED, MAX_UNPACKED);
    match open_within(message, message.len().max(4096), keys, judge)? {
        Some(plain) => Ok(plain),
        None => open_within(message, most, keys, judge)?.ok_or(Refusal::TooMuch("bytes when unpacked")),
    }
}

/// Opens a message that unpacks to at most `room` bytes. Nothing if there are more.
fn open_within(
    message: &[u8],
    room: usize,
    keys: &Keys<'_>,
    judge: &Judge<'_>,
) -> Result<Option<Plain>, Refusal> {
    let found = Rc::new(RefCell::new(Found::default()));
    let helper = Helper { keys: *keys, found: Rc::clone(&found) };
    let decryptor = DecryptorBuilder::from_bytes(message)
        .map(|builder| builder.buffer_size(room))
        .and_then(|builder| builder.with_policy(judge.policy(), judge.now(), helper));
    let mut decryptor = match decryptor {
        Ok(decryptor) => decryptor,
        Err(_) => return Err(found.borrow().refusal()),
    };
    if !decryptor.message_processed() {
        return Ok(None);
    }
    let mut bytes = Vec::with_capacity(message.len());
    decryptor.read_to_end(&mut bytes).map_err(|_| Refusal::NotIntact)?;
    let found = found.take();
    Ok(Some(Plain { bytes, verdicts: found.verdicts, encrypted: found.encrypted }))
}

/// Whether this begins like an encrypted message.
pub(super) fn is_encrypted(bytes: &[u8]) -> bool {
    matches!(first_tag(bytes), Some(Tag::PKESK | Tag::SKESK | Tag::SEIP | Tag::SED | Tag::AED))
}

/// Whether this begins like a signature.
pub(super) fn is_signature(bytes: &[u8]) -> bool {
    first_tag(bytes) == Some(Tag::Signature)
}

fn first_tag(bytes: &[u8]) -> Option<Tag> {
    match PacketParser::from_bytes(bytes).ok()? {
        PacketParserResult::Some(parser) => Some(parser.packet.tag()),
        PacketParserResult::EOF(_) => None,
    }
}

/// Reads a message without knowing whether it was changed: at most `most` bytes of its content, as far as it decrypts.
/// Nothing if none of the own keys opens it, or if it has no container with an integrity check that could be passed over
/// (packet tag 9, which Sequoia doesn't decrypt).
pub(super) fn open_unchecked(message: &[u8], most: usize, keys: &Keys<'_>) -> Option<Vec<u8>> {
    if message.len() > MAX_UNPACKED || is_stump(message) {
        return None;
    }
    let mut next = PacketParser::from_bytes(message).ok()?;
    let (mut pkesks, mut opened) = (Vec::new(), false);
    for _ in 0..MAX_PACKETS {
        let PacketParserResult::Some(mut parser) = next else { return None };
        match parser.packet.tag() {
            // A container within another could end too early: see `is_stump`.
            Tag::SEIP if opened => return None,
            Tag::SEIP => {
                open_container(&pkesks, keys, None, &mut |algorithm, session| {
                    parser.decrypt(algorithm, session).is_ok()
                })?;
                opened = true;
            }
            Tag::Literal if matches!(parser.packet, Packet::Literal(_)) => {
                let mut bytes = Vec::new();
                // What breaks off shows what there was before.
                let _ = parser.by_ref().take(u64::try_from(most).ok()?).read_to_end(&mut bytes);
                return Some(bytes);
            }
            _ => {}
        }
        let (packet, rest) = parser.recurse().ok()?;
        if let Packet::PKESK(pkesk) = packet {
            pkesks.push(pkesk);
        }
        next = rest;
    }
    None
}

/// Verifies a signature that stands beside what it signs.
pub(super) fn verify(signature: &[u8], signed: &[u8], keys: &Keys<'_>, judge: &Judge<'_>) -> Vec<Verdict> {
    let found = Rc::new(RefCell::new(Found::default()));
    let helper = Helper { keys: *keys, found: Rc::clone(&found) };
    let verified = DetachedVerifierBuilder::from_bytes(signature)
        .and_then(|builder| builder.with_policy(judge.policy(), judge.now(), helper))
        .and_then(|mut verifier| verifier.verify_bytes(signed));
    let mut found = found.take();
    if verified.is_err() || found.verdicts.is_empty() {
        found.verdicts = vec![Verdict::Invalid("the signature can't be read")];
    }
    found.verdicts
}

/// Reads a text with a cleartext signature: what is signed of it, and by whom.
pub(super) fn read_signed_text(
    text: &[u8],
    keys: &Keys<'_>,
    judge: &Judge<'_>,
) -> Option<(Vec<u8>, Vec<Verdict>)> {
    let found = Rc::new(RefCell::new(Found::default()));
    let helper = Helper { keys: *keys, found: Rc::clone(&found) };
    let mut verifier = VerifierBuilder::from_bytes(text)
        .map(|builder| builder.buffer_size(text.len()))
        .and_then(|builder| builder.with_policy(judge.policy(), judge.now(), helper))
        .ok()?;
    let mut signed = Vec::with_capacity(text.len());
    verifier.read_to_end(&mut signed).ok()?;
    let verdicts = found.take().verdicts;
    Some((signed, verdicts))
}

/// What is found out while Sequoia reads a message.
#[derive(Default)]
struct Found {
    packets: usize,
    sealed: bool,
    opened: bool,
    encrypted: bool,
    verdicts: Vec<Verdict>,
}

impl Found {
    fn refusal(&self) -> Refusal {
        if self.packets > MAX_PACKETS {
            Refusal::TooMuch("packets")
        } else if self.sealed && !self.opened {
            Refusal::NoKey
        } else {
            Refusal::NotIntact
        }
    }
}

/// Whether a message begins with an encrypted container that is too short to be one.
///
/// Sequoia 2.4 panics when it opens a container (SEIPDv1) that ends within the bytes which it sets aside for the
/// integrity check. Containers in or after others, where the same could happen, are refused in [`Helper::inspect`].
fn is_stump(message: &[u8]) -> bool {
    let Ok(mut next) = PacketParser::from_bytes(message) else { return false };
    for _ in 0..=MAX_PACKETS {
        let PacketParserResult::Some(mut parser) = next else { return false };
        match parser.packet.tag() {
            Tag::SEIP => return parser.read_exact(&mut [0; MIN_CONTAINER]).is_err(),
            Tag::Literal | Tag::CompressedData => return false,
            _ => match parser.next() {
                Ok((_, rest)) => next = rest,
                Err(_) => return false,
            },
        }
    }
    false
}

struct Helper<'a> {
    keys: Keys<'a>,
    found: Rc<RefCell<Found>>,
}

impl VerificationHelper for Helper<'_> {
    fn inspect(&mut self, parser: &PacketParser<'_>) -> openpgp::Result<()> {
        let mut found = self.found.borrow_mut();
        found.packets += 1;
        let container = parser.packet.tag() == Tag::SEIP;
        let another = container && (found.sealed || parser.recursion_depth() > 0);
        found.sealed |= container;
        if found.packets > MAX_PACKETS || another {
            return Err(openpgp::Error::MalformedMessage("too many packets or layers".into()).into());
        }
        Ok(())
    }

    fn get_certs(&mut self, ids: &[KeyHandle]) -> openpgp::Result<Vec<Cert>> {
        let known = self.keys.known.iter().map(|known| known.certificate.as_slice());
        let known = known.filter(|bytes| certificates::holds(bytes, ids)).filter_map(certificates::read);
        let own = self.keys.own.iter().map(|own| own.cert().clone().strip_secret_key_material());
        Ok(own.chain(known).collect())
    }

    fn check(&mut self, structure: MessageStructure<'_>) -> openpgp::Result<()> {
        let mut found = self.found.borrow_mut();
        for layer in structure {
            match layer {
                MessageLayer::Compression { .. } => {}
                // A signature around the encryption can be added and taken away by anybody.
                MessageLayer::Encryption { .. } => {
                    found.encrypted = true;
                    found.verdicts.clear();
                }
                MessageLayer::SignatureGroup { results } => {
                    found.verdicts.extend(results.into_iter().map(|result| self.verdict(result)));
                }
            }
        }
        Ok(())
    }
}

impl Helper<'_> {
    fn verdict(&self, result: VerificationResult<'_>) -> Verdict {
        match result {
            Ok(good) => Verdict::Valid(good.ka.cert().fingerprint()),
            Err(VerificationError::MissingKey { sig }) => Verdict::Unknown(issuer(sig)),
            Err(VerificationError::BadSignature { sig, .. }) if !self.is_meant(sig) => {
                Verdict::Invalid("it was written to somebody else")
            }
            Err(VerificationError::BadSignature { .. }) => {
                Verdict::Invalid("the content was changed, or the signature is too weak")
            }
            Err(VerificationError::BadKey { .. } | VerificationError::UnboundKey { .. }) => {
                Verdict::Invalid("the key had expired, was revoked, or must not sign")
            }
            Err(_) => Verdict::Invalid("the signature can't be read"),
        }
    }

    /// Whether a signature that names its recipients names one of the own certificates.
    fn is_meant(&self, signature: &Signature) -> bool {
        let mut named = signature.intended_recipients().peekable();
        let own = |named: &Fingerprint| self.keys.own.iter().any(|own| own.cert().fingerprint() == *named);
        named.peek().is_none() || named.any(own)
    }
}

impl DecryptionHelper for Helper<'_> {
    fn decrypt(
        &mut self,
        pkesks: &[PKESK],
        _: &[SKESK],
        algorithm: Option<SymmetricAlgorithm>,
        decrypt: &mut dyn FnMut(Option<SymmetricAlgorithm>, &SessionKey) -> bool,
    ) -> openpgp::Result<Option<Cert>> {
        match open_container(pkesks, &self.keys, algorithm, decrypt) {
            Some(own) => {
                self.found.borrow_mut().opened = true;
                Ok(Some(own))
            }
            None => Err(openpgp::Error::MissingSessionKey("no own key opens it".into()).into()),
        }
    }
}

/// Tries a session key on a container.
type Try<'t> = dyn FnMut(Option<SymmetricAlgorithm>, &SessionKey) -> bool + 't;

/// Tries the session keys that the own keys open. Tells whose key it was.
fn open_container(
    pkesks: &[PKESK],
    keys: &Keys<'_>,
    algorithm: Option<SymmetricAlgorithm>,
    decrypt: &mut Try<'_>,
) -> Option<Cert> {
    let (named, hidden): (Vec<_>, Vec<_>) = pkesks.iter().partition(|pkesk| pkesk.recipient().is_some());
    for pkesk in named.into_iter().chain(hidden.into_iter().take(MAX_HIDDEN)) {
        for own in keys.own {
            for key in secret_keys(own.cert(), pkesk) {
                let mut pair = key.into_keypair().ok()?;
                let opens = |(algorithm, session)| decrypt(algorithm, &session);
                if pkesk.decrypt(&mut pair, algorithm).is_some_and(opens) {
                    return Some(own.cert().clone());
                }
            }
        }
    }
    None
}

/// The keys of an own certificate that may open a message, expired or not: the one that it names, or all of them.
fn secret_keys(cert: &Cert, pkesk: &PKESK) -> Vec<Key<SecretParts, UnspecifiedRole>> {
    let fits = |key: &Key<SecretParts, UnspecifiedRole>| {
        let named = pkesk.recipient();
        key.pk_algo().for_encryption() && named.is_none_or(|named| named.aliases(key.key_handle()))
    };
    cert.keys().unencrypted_secret().map(|key| key.key().clone()).filter(fits).collect()
}

fn issuer(signature: &Signature) -> String {
    signature.get_issuers().first().map(KeyHandle::to_hex).unwrap_or_default()
}
