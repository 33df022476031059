//! The cryptography that OpenMLS uses: RustCrypto's, with one thing computed once instead of once for each member.
//!
//! A Welcome seals a secret to each joiner by HPKE, and all of these seals are bound to the same public `info`: the
//! encrypted group information, some hundred bytes for each member (RFC 9420, section 12.4.3.1). HPKE hashes `info` in
//! every seal (RFC 9180, section 5.1), so adding 500 people would hash hundreds of megabytes. [`HashInfoOnce`] remembers
//! the last such hash.

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

/// Cryptography for OpenMLS. Everything but [`OpenMlsCrypto::hpke_seal`] is RustCrypto's as it is.
#[derive(Debug, Default)]
pub struct Crypto(RustCrypto);

/// Input of a key derivation from this length on can only be `info`: secrets are much shorter.
const LONG: usize = 4096;

/// RustCrypto's HPKE, with the hash of a long `info` remembered.
#[derive(Debug)]
struct HashInfoOnce;

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

impl HpkeCrypto for HashInfoOnce {
    type HpkePrng = <HpkeRustCrypto as HpkeCrypto>::HpkePrng;

    fn kdf_extract(alg: KdfAlgorithm, salt: &[u8], ikm: &[u8]) -> Result<Vec<u8>, Error> {
        if ikm.len() < LONG || alg != KdfAlgorithm::HkdfSha256 {
            return HpkeRustCrypto::kdf_extract(alg, salt, ikm);
        }
        LAST.with_borrow_mut(|last| {
            if let Some(last) = last.as_ref().filter(|last| last.salt == salt && same(&last.input, ikm)) {
                return Ok(last.output.clone());
            }
            let output = HpkeRustCrypto::kdf_extract(alg, salt, ikm)?;
            *last = Some(Extracted { salt: salt.into(), input: ikm.into(), output: output.clone() });
            Ok(output)
        })
    }

    fn name() -> String {
        HpkeRustCrypto::name()
    }

    fn supports_kdf(alg: KdfAlgorithm) -> Result<(), Error> {
        HpkeRustCrypto::supports_kdf(alg)
    }

    fn supports_kem(alg: KemAlgorithm) -> Result<(), Error> {
        HpkeRustCrypto::supports_kem(alg)
    }

    fn supports_aead(alg: AeadAlgorithm) -> Result<(), Error> {
        HpkeRustCrypto::supports_aead(alg)
    }

    fn prng() -> Self::HpkePrng {
        HpkeRustCrypto::prng()
    }

    fn kdf_expand(alg: KdfAlgorithm, prk: &[u8], info: &[u8], output_size: usize) -> Result<Vec<u8>, Error> {
        HpkeRustCrypto::kdf_expand(alg, prk, info, output_size)
    }

    fn dh(alg: KemAlgorithm, pk: &[u8], sk: &[u8]) -> Result<Vec<u8>, Error> {
        HpkeRustCrypto::dh(alg, pk, sk)
    }

    fn secret_to_public(alg: KemAlgorithm, sk: &[u8]) -> Result<Vec<u8>, Error> {
        HpkeRustCrypto::secret_to_public(alg, sk)
    }

    fn kem_key_gen(alg: KemAlgorithm, prng: &mut Self::HpkePrng) -> Result<(Vec<u8>, Vec<u8>), Error> {
        HpkeRustCrypto::kem_key_gen(alg, prng)
    }

    fn kem_key_gen_derand(alg: KemAlgorithm, seed: &[u8]) -> Result<(Vec<u8>, Vec<u8>), Error> {
        HpkeRustCrypto::kem_key_gen_derand(alg, seed)
    }

    fn kem_encaps(
        alg: KemAlgorithm,
        pk_r: &[u8],
        prng: &mut Self::HpkePrng,
    ) -> Result<(Vec<u8>, Vec<u8>), Error> {
        HpkeRustCrypto::kem_encaps(alg, pk_r, prng)
    }

    fn kem_decaps(alg: KemAlgorithm, ct: &[u8], sk_r: &[u8]) -> Result<Vec<u8>, Error> {
        HpkeRustCrypto::kem_decaps(alg, ct, sk_r)
    }

    fn dh_validate_sk(alg: KemAlgorithm, sk: &[u8]) -> Result<Vec<u8>, Error> {
        HpkeRustCrypto::dh_validate_sk(alg, sk)
    }

    fn aead_seal(
        alg: AeadAlgorithm,
        key: &[u8],
        nonce: &[u8],
        aad: &[u8],
        msg: &[u8],
    ) -> Result<Vec<u8>, Error> {
        HpkeRustCrypto::aead_seal(alg, key, nonce, aad, msg)
    }

    fn aead_open(
        alg: AeadAlgorithm,
        key: &[u8],
        nonce: &[u8],
        aad: &[u8],
        msg: &[u8],
    ) -> Result<Vec<u8>, Error> {
        HpkeRustCrypto::aead_open(alg, key, nonce, aad, msg)
    }
}

/// HPKE as a suite wants it; `None` for algorithms that no suite of Haven's has.
fn hpke(HpkeConfig(kem, kdf, aead): HpkeConfig) -> Option<Hpke<HashInfoOnce>> {
    let kem = match kem {
        HpkeKemType::DhKem25519 => KemAlgorithm::DhKem25519,
        _ => return None,
    };
    let kdf = match kdf {
        HpkeKdfType::HkdfSha256 => KdfAlgorithm::HkdfSha256,
        _ => return None,
    };
    let aead = match aead {
        HpkeAeadType::AesGcm128 => AeadAlgorithm::Aes128Gcm,
        _ => return None,
    };
    Some(Hpke::new(Mode::Base, kem, kdf, aead))
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
        let mut hpke = hpke(config).ok_or(CryptoError::UnsupportedCiphersuite)?;
        let sealed = hpke.seal(&pk_r.into(), info, aad, ptxt, None, None, None);
        let (kem_output, ciphertext) = sealed.map_err(|error| match error {
            HpkeError::InvalidInput => CryptoError::InvalidLength,
            _ => CryptoError::CryptoLibraryError,
        })?;
        Ok(HpkeCiphertext { kem_output: kem_output.into(), ciphertext: ciphertext.into() })
    }

    fn supports(&self, ciphersuite: Ciphersuite) -> Result<(), CryptoError> {
        self.0.supports(ciphersuite)
    }

    fn supported_ciphersuites(&self) -> Vec<Ciphersuite> {
        self.0.supported_ciphersuites()
    }

    fn hkdf_extract(&self, hash: HashType, salt: &[u8], ikm: &[u8]) -> Result<SecretVLBytes, CryptoError> {
        self.0.hkdf_extract(hash, salt, ikm)
    }

    fn hmac(&self, hash: HashType, key: &[u8], message: &[u8]) -> Result<SecretVLBytes, CryptoError> {
        self.0.hmac(hash, key, message)
    }

    fn hkdf_expand(
        &self,
        hash: HashType,
        prk: &[u8],
        info: &[u8],
        okm_len: usize,
    ) -> Result<SecretVLBytes, CryptoError> {
        self.0.hkdf_expand(hash, prk, info, okm_len)
    }

    fn hash(&self, hash: HashType, data: &[u8]) -> Result<Vec<u8>, CryptoError> {
        self.0.hash(hash, data)
    }

    fn aead_encrypt(
        &self,
        alg: AeadType,
        key: &[u8],
        data: &[u8],
        nonce: &[u8],
        aad: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        self.0.aead_encrypt(alg, key, data, nonce, aad)
    }

    fn aead_decrypt(
        &self,
        alg: AeadType,
        key: &[u8],
        ct_tag: &[u8],
        nonce: &[u8],
        aad: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        self.0.aead_decrypt(alg, key, ct_tag, nonce, aad)
    }

    fn signature_key_gen(&self, alg: SignatureScheme) -> Result<(Vec<u8>, Vec<u8>), CryptoError> {
        self.0.signature_key_gen(alg)
    }

    fn verify_signature(
        &self,
        alg: SignatureScheme,
        data: &[u8],
        pk: &[u8],
        signature: &[u8],
    ) -> Result<(), CryptoError> {
        self.0.verify_signature(alg, data, pk, signature)
    }

    fn sign(&self, alg: SignatureScheme, data: &[u8], key: &[u8]) -> Result<Vec<u8>, CryptoError> {
        self.0.sign(alg, data, key)
    }

    fn hpke_open(
        &self,
        config: HpkeConfig,
        input: &HpkeCiphertext,
        sk_r: &[u8],
        info: &[u8],
        aad: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        self.0.hpke_open(config, input, sk_r, info, aad)
    }

    fn hpke_setup_sender_and_export(
        &self,
        config: HpkeConfig,
        pk_r: &[u8],
        info: &[u8],
        exporter_context: &[u8],
        exporter_length: usize,
    ) -> Result<(KemOutput, ExporterSecret), CryptoError> {
        self.0.hpke_setup_sender_and_export(config, pk_r, info, exporter_context, exporter_length)
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
        self.0.hpke_setup_receiver_and_export(config, enc, sk_r, info, exporter_context, exporter_length)
    }

    fn derive_hpke_keypair(&self, config: HpkeConfig, ikm: &[u8]) -> Result<HpkeKeyPair, CryptoError> {
        self.0.derive_hpke_keypair(config, ikm)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 9180, appendix A.1.1 has no long `info`; RustCrypto opens what was sealed with the remembered hash.
    #[test]
    fn seals_with_a_remembered_hash_are_opened_by_rust_crypto() {
        let suite = || Ciphersuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519.hpke_config();
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
            let ours = HashInfoOnce::kdf_extract(KdfAlgorithm::HkdfSha256, salt, input).unwrap();
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
}
