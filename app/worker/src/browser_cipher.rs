//! The browser's cipher for the bulk of a mail: hardware where ours is a program.

use crate::scope;
use haven_core::mail::Sealing;
use js_sys::{Array, Object, Reflect, Uint8Array};
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{CryptoKey, SubtleCrypto};

/// Bytes that are enciphered at a time: enough to be fast, and the memory for a second copy.
const PIECE: usize = 4 * 1024 * 1024;

/// Enciphers a message but for its last bytes. If it fails, what is left is left for [`Sealing`]'s own cipher, unless
/// what the browser gave was wrong: that is in the error.
pub async fn encipher(sealing: &mut Sealing) -> Result<(), haven_core::mail::Error> {
    let Some(job) = sealing.job(PIECE) else { return Ok(()) };
    let Ok(subtle) = scope::this().crypto().map(|crypto| crypto.subtle()) else { return Ok(()) };
    let Ok(key) = import(&subtle, job.key).await else { return Ok(()) };
    while let Some(job) = sealing.job(PIECE) {
        let Ok(result) = cbc(&subtle, &key, job.iv, job.text).await else { return Ok(()) };
        sealing.take(PIECE, &result)?;
    }
    Ok(())
}

async fn import(subtle: &SubtleCrypto, key: &[u8]) -> Result<CryptoKey, JsValue> {
    let (bytes, usages) = (Uint8Array::from(key), Array::of1(&"encrypt".into()));
    let imported = subtle.import_key_with_str("raw", &bytes, "AES-CBC", false, &usages)?;
    bytes.fill(0, 0, bytes.length());
    JsFuture::from(imported).await?.dyn_into()
}

async fn cbc(subtle: &SubtleCrypto, key: &CryptoKey, iv: &[u8], text: &[u8]) -> Result<Vec<u8>, JsValue> {
    let algorithm = Object::new();
    Reflect::set(&algorithm, &"name".into(), &"AES-CBC".into())?;
    Reflect::set(&algorithm, &"iv".into(), &Uint8Array::from(iv))?;
    let result = subtle.encrypt_with_object_and_buffer_source(&algorithm, key, &Uint8Array::from(text))?;
    Ok(Uint8Array::new(&JsFuture::from(result).await?).to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use haven_core::{
        identity::SecretCertificate,
        mail::{Keys, KnownCertificate},
        testing::openpgp,
    };
    use wasm_bindgen_test::wasm_bindgen_test;

    #[wasm_bindgen_test]
    async fn what_the_browser_enciphers_opens_with_our_own_cipher() {
        let now = scope::now();
        let alice = SecretCertificate::generate("alice@example.org", now).unwrap().0;
        let known = [KnownCertificate {
            address: alice.address().to_owned(),
            certificate: alice.public_bytes().unwrap(),
        }];
        let keys = Keys { own: std::slice::from_ref(&alice), known: &known };
        for size in [0, 1, 16, 1000, PIECE - 300, PIECE, PIECE + 1000] {
            let payload: Vec<u8> = (0..size).map(|at| (at * 7 + at / 256) as u8).collect();
            let mut sealing = openpgp::begin(&payload, &alice, &[], now);
            encipher(&mut sealing).await.unwrap();
            let (done, all) = sealing.progress();
            assert!(all - done < 16, "the browser did it");
            assert!(openpgp::open(&openpgp::finish(sealing, false), &keys, now) == payload, "{size}");
        }
    }
}
