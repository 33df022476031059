//! The cryptography of Haven's ciphersuite: RustCrypto's, with two differences.
//!
//! It has the algorithms of the suite and no others, because what can't be called is not downloaded: RustCrypto's provider
//! brings seven more signature schemes and key encapsulations. A new suite adds its algorithms here.
//!
//! And it computes one thing once instead of once for each member. A Welcome seals a secret to each joiner by HPKE, and
//! all of these seals are bound to the same public `info`: the encrypted group information, some hundred bytes for each
//! member (RFC 9420, section 12.4.3.1). HPKE hashes `info` in every seal (RFC 9180, section 5.1), so adding 500 people
//! would hash hundreds of megabytes. [`OurHpke`] remembers the last such hash.

use crate::mls::suite::SUITE;
use hpke_rs::{Hpke, HpkeError, Mode};
use hpke_rs_crypto::{
    HpkeCrypto,
    error::Error,
    types::{AeadAlgorithm, KdfAlgorithm, KemAlgorithm},
};
use hpke_rs_rust_crypto::HpkeRustCrypto;
use openmls::prelude::tls_codec::SecretVLBytes;
use openmls_rust_crypto::RustCrypto;
use openmls_traits::{
    crypto::OpenMlsCrypto,
    types::{
        AeadType, Ciphersuite, CryptoError, ExporterSecret, HashType, HpkeAeadType, HpkeCiphertext,
        HpkeConfig, HpkeKdfType, HpkeKemType, HpkeKeyPair, KemOutput, SignatureScheme,
    },
};
use std::cell::RefCell;

// The algorithms of the suite, each as the library in question calls it.
const SIGNATURE: SignatureScheme = SignatureScheme::ED25519;
const HASH: HashType = HashType::Sha2_256;
const AEAD: AeadType = AeadType::Aes128Gcm;
const HPKE_KEM: KemAlgorithm = KemAlgorithm::DhKem25519;
const HPKE_KDF: KdfAlgorithm = KdfAlgorithm::HkdfSha256;
const HPKE_AEAD: AeadAlgorithm = AeadAlgorithm::Aes128Gcm;

/// Cryptography for OpenMLS.
#[derive(Debug, Default)]
pub struct Crypto(RustCrypto);

/// Fails for any other algorithm. What follows is given the constant, so that the compiler can leave the others out.
fn is<T: PartialEq, E>(given: T, ours: T, otherwise: E) -> Result<(), E> {
    if given == ours { Ok(()) } else { Err(otherwise) }
}

/// Input of a key derivation from this length on can only be `info`: secrets are much shorter.
const LONG: usize = 4096;

/// RustCrypto's HPKE, with the hash of a long `info` remembered.
#[derive(Debug)]
struct OurHpke;

/// A long input and what was extracted from it.
struct Extracted {
    salt: Vec<u8>,
    input: Vec<u8>,
    output: Vec<u8>,
}

thread_local! {
    static LAST: RefCell<Option<Extracted>> = const { RefCell::new(None) };
}

/// Forgets the last long input: it may be as large as a group.
fn forget_last() {
    LAST.set(None);
}

/// Whether long, public bytes are the same. WebAssembly's `memcmp` goes byte by byte, which takes longer than the rest of
/// a seal.
fn same(a: &[u8], b: &[u8]) -> bool {
    let (a_words, a_rest) = a.as_chunks::<8>();
    let (b_words, b_rest) = b.as_chunks::<8>();
    let equal = |(a, b): (&[u8; 8], &[u8; 8])| u64::from_ne_bytes(*a) == u64::from_ne_bytes(*b);
    a.len() == b.len() && a_words.iter().zip(b_words).all(equal) && a_rest == b_rest
}

impl HpkeCrypto for OurHpke {
    type HpkePrng = <HpkeRustCrypto as HpkeCrypto>::HpkePrng;

    fn kdf_extract(alg: KdfAlgorithm, salt: &[u8], ikm: &[u8]) -> Result<Vec<u8>, Error> {
        Self::supports_kdf(alg)?;
        if ikm.len() < LONG {
            return HpkeRustCrypto::kdf_extract(HPKE_KDF, salt, ikm);
        }
        LAST.with_borrow_mut(|last| {
            if let Some(last) = last.as_ref().filter(|last| last.salt == salt && same(&last.input, ikm)) {
                return Ok(last.output.clone());
            }
            let output = HpkeRustCrypto::kdf_extract(HPKE_KDF, salt, ikm)?;
            *last = Some(Extracted { salt: salt.into(), input: ikm.into(), output: output.clone() });
            Ok(output)
        })
    }

    fn name() -> String {
        HpkeRustCrypto::name()
    }

    fn supports_kdf(alg: KdfAlgorithm) -> Result<(), Error> {
        is(alg, HPKE_KDF, Error::UnknownKdfAlgorithm)
    }

    fn supports_kem(alg: KemAlgorithm) -> Result<(), Error> {
        is(alg, HPKE_KEM, Error::UnknownKemAlgorithm)
    }

    fn supports_aead(alg: AeadAlgorithm) -> Result<(), Error> {
        is(alg, HPKE_AEAD, Error::UnknownAeadAlgorithm)
    }

    fn prng() -> Self::HpkePrng {
        HpkeRustCrypto::prng()
    }

    fn kdf_expand(alg: KdfAlgorithm, prk: &[u8], info: &[u8], output_size: usize) -> Result<Vec<u8>, Error> {
        Self::supports_kdf(alg)?;
        HpkeRustCrypto::kdf_expand(HPKE_KDF, prk, info, output_size)
    }

    fn dh(alg: KemAlgorithm, pk: &[u8], sk: &[u8]) -> Result<Vec<u8>, Error> {
        Self::supports_kem(alg)?;
        HpkeRustCrypto::dh(HPKE_KEM, pk, sk)
    }

    fn secret_to_public(alg: KemAlgorithm, sk: &[u8]) -> Result<Vec<u8>, Error> {
        Self::supports_kem(alg)?;
        HpkeRustCrypto::secret_to_public(HPKE_KEM, sk)
    }

    fn kem_key_gen(alg: KemAlgorithm, prng: &mut Self::HpkePrng) -> Result<(Vec<u8>, Vec<u8>), Error> {
        Self::supports_kem(alg)?;
        HpkeRustCrypto::kem_key_gen(HPKE_KEM, prng)
    }

    // The next three are for encapsulations that are no Diffie-Hellman.

    fn kem_key_gen_derand(_: KemAlgorithm, _: &[u8]) -> Result<(Vec<u8>, Vec<u8>), Error> {
        Err(Error::UnsupportedKemOperation)
    }

    fn kem_encaps(_: KemAlgorithm, _: &[u8], _: &mut Self::HpkePrng) -> Result<(Vec<u8>, Vec<u8>), Error> {
        Err(Error::UnsupportedKemOperation)
    }

    fn kem_decaps(_: KemAlgorithm, _: &[u8], _: &[u8]) -> Result<Vec<u8>, Error> {
        Err(Error::UnsupportedKemOperation)
    }

    fn dh_validate_sk(alg: KemAlgorithm, sk: &[u8]) -> Result<Vec<u8>, Error> {
        Self::supports_kem(alg)?;
        HpkeRustCrypto::dh_validate_sk(HPKE_KEM, sk)
    }

    fn aead_seal(
        alg: AeadAlgorithm,
        key: &[u8],
        nonce: &[u8],
        aad: &[u8],
        msg: &[u8],
    ) -> Result<Vec<u8>, Error> {
        Self::supports_aead(alg)?;
        HpkeRustCrypto::aead_seal(HPKE_AEAD, key, nonce, aad, msg)
    }

    fn aead_open(
        alg: AeadAlgorithm,
        key: &[u8],
        nonce: &[u8],
        aad: &[u8],
        msg: &[u8],
    ) -> Result<Vec<u8>, Error> {
        Self::supports_aead(alg)?;
        HpkeRustCrypto::aead_open(HPKE_AEAD, key, nonce, aad, msg)
    }
}

/// HPKE as the suite wants it.
fn hpke(config: HpkeConfig) -> Result<Hpke<OurHpke>, CryptoError> {
    let of_suite = matches!(
        config,
        HpkeConfig(HpkeKemType::DhKem25519, HpkeKdfType::HkdfSha256, HpkeAeadType::AesGcm128)
    );
    is(of_suite, true, CryptoError::UnsupportedCiphersuite)?;
    Ok(Hpke::new(Mode::Base, HPKE_KEM, HPKE_KDF, HPKE_AEAD))
}

fn failure(error: HpkeError) -> CryptoError {
    match error {
        HpkeError::InvalidInput => CryptoError::InvalidLength,
        _ => CryptoError::CryptoLibraryError,
    }
}

impl OpenMlsCrypto for Crypto {
    fn hpke_seal(
        &self,
        config: HpkeConfig,
        pk_r: &[u8],
        info: &[u8],
        aad: &[u8],
        ptxt: &[u8],
    ) -> Result<HpkeCiphertext, CryptoError> {
        if info.len() < LONG {
            forget_last();
        }
        let sealed = hpke(config)?.seal(&pk_r.into(), info, aad, ptxt, None, None, None);
        let (kem_output, ciphertext) = sealed.map_err(failure)?;
        Ok(HpkeCiphertext { kem_output: kem_output.into(), ciphertext: ciphertext.into() })
    }

    fn hpke_open(
        &self,
        config: HpkeConfig,
        input: &HpkeCiphertext,
        sk_r: &[u8],
        info: &[u8],
        aad: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        let (kem_output, ciphertext) = (input.kem_output.as_slice(), input.ciphertext.as_slice());
        let opened = hpke(config)?.open(kem_output, &sk_r.into(), info, aad, ciphertext, None, None, None);
        opened.map_err(|_| CryptoError::HpkeDecryptionError)
    }

    fn hpke_setup_sender_and_export(
        &self,
        config: HpkeConfig,
        pk_r: &[u8],
        info: &[u8],
        exporter_context: &[u8],
        exporter_length: usize,
    ) -> Result<(KemOutput, ExporterSecret), CryptoError> {
        let set_up = hpke(config)?.setup_sender(&pk_r.into(), info, None, None, None);
        let (kem_output, context) = set_up.map_err(|_| CryptoError::SenderSetupError)?;
        let exported = context.export(exporter_context, exporter_length);
        Ok((kem_output, exported.map_err(|_| CryptoError::ExporterError)?.into()))
    }

    fn hpke_setup_receiver_and_export(
        &self,
        config: HpkeConfig,
        enc: &[u8],
        sk_r: &[u8],
        info: &[u8],
        exporter_context: &[u8],
        exporter_length: usize,
    ) -> Result<ExporterSecret, CryptoError> {
        let set_up = hpke(config)?.setup_receiver(enc, &sk_r.into(), info, None, None, None);
        let context = set_up.map_err(|_| CryptoError::ReceiverSetupError)?;
        let exported = context.export(exporter_context, exporter_length);
        Ok(exported.map_err(|_| CryptoError::ExporterError)?.into())
    }

    fn derive_hpke_keypair(&self, config: HpkeConfig, ikm: &[u8]) -> Result<HpkeKeyPair, CryptoError> {
        let (private, public) = hpke(config)?.derive_key_pair(ikm).map_err(failure)?.into_keys();
        Ok(HpkeKeyPair { private: private.as_slice().into(), public: public.as_slice().into() })
    }

    fn supports(&self, ciphersuite: Ciphersuite) -> Result<(), CryptoError> {
        is(ciphersuite, SUITE, CryptoError::UnsupportedCiphersuite)
    }

    fn supported_ciphersuites(&self) -> Vec<Ciphersuite> {
        vec![SUITE]
    }

    fn hkdf_extract(&self, hash: HashType, salt: &[u8], ikm: &[u8]) -> Result<SecretVLBytes, CryptoError> {
        is(hash, HASH, CryptoError::UnsupportedHashAlgorithm)?;
        self.0.hkdf_extract(HASH, salt, ikm)
    }

    fn hmac(&self, hash: HashType, key: &[u8], message: &[u8]) -> Result<SecretVLBytes, CryptoError> {
        is(hash, HASH, CryptoError::UnsupportedHashAlgorithm)?;
        self.0.hmac(HASH, key, message)
    }

    fn hkdf_expand(
        &self,
        hash: HashType,
        prk: &[u8],
        info: &[u8],
        okm_len: usize,
    ) -> Result<SecretVLBytes, CryptoError> {
        is(hash, HASH, CryptoError::UnsupportedHashAlgorithm)?;
        self.0.hkdf_expand(HASH, prk, info, okm_len)
    }

    fn hash(&self, hash: HashType, data: &[u8]) -> Result<Vec<u8>, CryptoError> {
        is(hash, HASH, CryptoError::UnsupportedHashAlgorithm)?;
        self.0.hash(HASH, data)
    }

    fn aead_encrypt(
        &self,
        alg: AeadType,
        key: &[u8],
        data: &[u8],
        nonce: &[u8],
        aad: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        is(alg, AEAD, CryptoError::UnsupportedAeadAlgorithm)?;
        self.0.aead_encrypt(AEAD, key, data, nonce, aad)
    }

    fn aead_decrypt(
        &self,
        alg: AeadType,
        key: &[u8],
        ct_tag: &[u8],
        nonce: &[u8],
        aad: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        is(alg, AEAD, CryptoError::UnsupportedAeadAlgorithm)?;
        self.0.aead_decrypt(AEAD, key, ct_tag, nonce, aad)
    }

    fn signature_key_gen(&self, alg: SignatureScheme) -> Result<(Vec<u8>, Vec<u8>), CryptoError> {
        is(alg, SIGNATURE, CryptoError::UnsupportedSignatureScheme)?;
        self.0.signature_key_gen(SIGNATURE)
    }

    fn verify_signature(
        &self,
        alg: SignatureScheme,
        data: &[u8],
        pk: &[u8],
        signature: &[u8],
    ) -> Result<(), CryptoError> {
        is(alg, SIGNATURE, CryptoError::UnsupportedSignatureScheme)?;
        self.0.verify_signature(SIGNATURE, data, pk, signature)
    }

    fn sign(&self, alg: SignatureScheme, data: &[u8], key: &[u8]) -> Result<Vec<u8>, CryptoError> {
        is(alg, SIGNATURE, CryptoError::UnsupportedSignatureScheme)?;
        self.0.sign(SIGNATURE, data, key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 9180, appendix A.1.1 has no long `info`; RustCrypto opens what was sealed with the remembered hash.
    #[test]
    fn seals_with_a_remembered_hash_are_opened_by_rust_crypto() {
        let suite = || SUITE.hpke_config();
        let foreign = RustCrypto::default();
        let long = |byte: u8| vec![byte; LONG * 3];
        let crypto = Crypto::default();
        for info in [long(1), long(1), long(2), b"short".to_vec(), long(2), long(1)] {
            let pair = foreign.derive_hpke_keypair(suite(), &[7; 32]).unwrap();
            let sealed = crypto.hpke_seal(suite(), &pair.public, &info, b"aad", b"secret").unwrap();
            let opened = foreign.hpke_open(suite(), &sealed, &pair.private, &info, b"aad");
            assert_eq!(opened.unwrap(), b"secret");
            let other = [&info[..], b"."].concat();
            assert!(foreign.hpke_open(suite(), &sealed, &pair.private, &other, b"aad").is_err());
        }
    }

    #[test]
    fn a_hash_is_remembered_for_its_salt_and_input_alone() {
        let extract = |salt: &[u8], input: &[u8]| {
            let ours = OurHpke::kdf_extract(KdfAlgorithm::HkdfSha256, salt, input).unwrap();
            let theirs = HpkeRustCrypto::kdf_extract(KdfAlgorithm::HkdfSha256, salt, input).unwrap();
            assert_eq!(ours, theirs);
        };
        let (input, other) = ([3; LONG], [4; LONG]);
        extract(b"salt", &input);
        extract(b"salt", &input);
        extract(b"pepper", &input);
        extract(b"pepper", &other);
        extract(b"pepper", &other[..LONG - 1]);
    }

    #[test]
    fn the_algorithms_are_those_of_the_suite() {
        assert_eq!(SUITE.signature_algorithm(), SIGNATURE);
        assert_eq!(SUITE.hash_algorithm(), HASH);
        assert_eq!(SUITE.aead_algorithm(), AEAD);
        let crypto = Crypto::default();
        for suite in RustCrypto::default().supported_ciphersuites() {
            assert_eq!(crypto.supports(suite).is_ok(), suite == SUITE);
            assert_eq!(hpke(suite.hpke_config()).is_ok(), suite == SUITE);
        }
    }
}
