//! Sealing small messages to a device's inbox key (HPKE, RFC 9180).

use super::Error;
use crate::crypto::Crypto;
use openmls_rust_crypto::RustCrypto;
use openmls_traits::{
    crypto::OpenMlsCrypto as _,
    random::OpenMlsRand as _,
    types::{Ciphersuite, HpkeCiphertext, HpkeConfig},
};
use zeroize::Zeroizing;

/// An encapsulated key (X25519), in bytes.
const KEM_OUTPUT: usize = 32;
/// Binds what is sealed to its purpose, as HPKE's `info`.
const INFO: &[u8] = b"haven inbox 1";

/// The HPKE algorithms of the first ciphersuite: X25519, HKDF-SHA256, AES-128-GCM.
fn config() -> HpkeConfig {
    Ciphersuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519.hpke_config()
}

/// Makes an inbox key pair: secret and public key.
pub fn generate() -> Result<(Zeroizing<Vec<u8>>, Vec<u8>), Error> {
    let seed = RustCrypto::default().random_vec(32).map(Zeroizing::new);
    let seed = seed.map_err(|_| Error::Bug("no randomness"))?;
    let pair = Crypto::default()
        .derive_hpke_keypair(config(), &seed)
        .map_err(|_| Error::Bug("making an inbox key"))?;
    Ok((Zeroizing::new(pair.private.to_vec()), pair.public))
}

/// Seals `plaintext` to an inbox: the encapsulated key, then the ciphertext. 48 bytes longer than the plaintext.
pub fn seal_to_inbox(public_key: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, Error> {
    let sealed = Crypto::default()
        .hpke_seal(config(), public_key, INFO, &[], plaintext)
        .map_err(|_| Error::BadStatement("inbox key"))?;
    Ok([sealed.kem_output.as_slice(), sealed.ciphertext.as_slice()].concat())
}

/// Opens what [`seal_to_inbox`] sealed to the public key of `secret`.
pub fn open_from_inbox(secret: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
    let (kem_output, ciphertext) = sealed.split_at_checked(KEM_OUTPUT).ok_or(Error::InboxSealed)?;
    let input = HpkeCiphertext { kem_output: kem_output.into(), ciphertext: ciphertext.into() };
    Crypto::default()
        .hpke_open(config(), &input, secret, INFO, &[])
        .map(Zeroizing::new)
        .map_err(|_| Error::InboxSealed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_to_an_inbox_opens_with_its_key_alone() {
        let (secret, public) = generate().unwrap();
        let (other, _) = generate().unwrap();
        assert_eq!((secret.len(), public.len()), (32, 32));
        let sealed = seal_to_inbox(&public, b"pointer").unwrap();
        assert_eq!(sealed.len(), 48 + 7);
        assert_eq!(open_from_inbox(&secret, &sealed).unwrap().as_slice(), b"pointer");
        assert_eq!(open_from_inbox(&other, &sealed), Err(Error::InboxSealed));
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(open_from_inbox(&secret, &changed).is_err(), "{at}");
            assert!(open_from_inbox(&secret, &sealed[..at]).is_err(), "{at}");
        }
    }

    #[test]
    fn a_broken_inbox_key_is_refused() {
        assert!(seal_to_inbox(&[], b"x").is_err());
        assert!(seal_to_inbox(&[1; 31], b"x").is_err());
    }
}
