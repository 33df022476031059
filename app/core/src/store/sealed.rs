use super::{Key, Store, StoreError, Table, WriteSet};
use aes_gcm::{AeadInPlace as _, Aes256Gcm, KeyInit as _, Nonce};
use hmac::{Hmac, Mac as _};
use openmls_rust_crypto::RustCrypto;
use openmls_traits::random::OpenMlsRand as _;
use sha2::Sha256;
use zeroize::Zeroizing;

const NONCE: usize = 12;
const NAME: usize = 16;

/// The key under which everything stored on this device is sealed.
#[derive(Clone)]
pub struct StorageKey(pub Zeroizing<[u8; 32]>);

/// A store that seals values and hides names.
///
/// A value is sealed with AES-256-GCM, bound to its table and key. A key is an HMAC of the value's name, cut to 16
/// bytes, and a suffix in the clear, which orders the values of one name. So a stolen database shows how many values
/// there are, how long, and in which order, but neither names nor contents.
pub struct SealedStore<S> {
    inner: S,
    cipher: Aes256Gcm,
    names: Hmac<Sha256>,
    random: RustCrypto,
}

/// One change before it is sealed: table, name, suffix, and the new value; nothing deletes.
pub type Change = (Table, Vec<u8>, Vec<u8>, Option<Vec<u8>>);

impl<S: Store> SealedStore<S> {
    /// Opens `inner` with `key`.
    pub fn new(inner: S, key: &StorageKey) -> Result<Self, StoreError> {
        let derive = |label: &[u8]| {
            let mut bytes = Zeroizing::new([0; 32]);
            let expanded = hkdf::Hkdf::<Sha256>::new(None, key.0.as_ref()).expand(label, bytes.as_mut());
            expanded.map(|()| bytes).map_err(|_| StoreError::Damaged)
        };
        let cipher = Aes256Gcm::new_from_slice(derive(b"haven storage values")?.as_ref());
        let names = <Hmac<Sha256> as hmac::Mac>::new_from_slice(derive(b"haven storage names")?.as_ref());
        Ok(Self {
            inner,
            cipher: cipher.map_err(|_| StoreError::Damaged)?,
            names: names.map_err(|_| StoreError::Damaged)?,
            random: RustCrypto::default(),
        })
    }

    /// The store below.
    pub fn into_inner(self) -> S {
        self.inner
    }

    /// The value under `name` and `suffix`.
    pub async fn get(&self, table: Table, name: &[u8], suffix: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let key = self.key(table, name, suffix);
        let found = self.inner.get(table, std::slice::from_ref(&key)).await?;
        found.into_iter().next().flatten().map(|sealed| self.open(table, &key, sealed)).transpose()
    }

    /// Values under `name`, in the order of their suffixes, from the one after `after`: pairs of suffix and value.
    pub async fn scan(
        &self,
        table: Table,
        name: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Vec<u8>)>, StoreError> {
        let prefix = self.key(table, name, &[]);
        let after = after.map(|suffix| self.key(table, name, suffix));
        let found = self.inner.scan(table, &prefix, after.as_deref(), limit).await?;
        let open = |(key, sealed): (Key, Vec<u8>)| {
            let value = self.open(table, &key, sealed)?;
            Ok((key.get(NAME..).unwrap_or_default().to_vec(), value))
        };
        found.into_iter().map(open).collect()
    }

    /// Stores all changes durably, or none.
    pub async fn commit(&self, changes: Vec<Change>) -> Result<(), StoreError> {
        if changes.is_empty() {
            return Ok(());
        }
        let mut writes = WriteSet::default();
        for (table, name, suffix, value) in changes {
            let key = self.key(table, &name, &suffix);
            let value = value.map(|value| self.seal(table, &key, value)).transpose()?;
            writes.changes.push((table, key, value));
        }
        self.inner.commit(writes).await
    }

    fn key(&self, table: Table, name: &[u8], suffix: &[u8]) -> Key {
        let mut mac = self.names.clone();
        mac.update(table.name().as_bytes());
        mac.update(&[0]);
        mac.update(name);
        let mut key = Vec::with_capacity(NAME + suffix.len());
        key.extend(mac.finalize().into_bytes().iter().take(NAME));
        key.extend_from_slice(suffix);
        key
    }

    fn seal(&self, table: Table, key: &[u8], mut value: Vec<u8>) -> Result<Vec<u8>, StoreError> {
        let failed = |_| StoreError::Failed("can't seal a value".into());
        let nonce: [u8; NONCE] =
            self.random.random_array().map_err(|_| StoreError::Failed("no randomness".into()))?;
        let bound = bound_to(table, key);
        self.cipher.encrypt_in_place(Nonce::from_slice(&nonce), &bound, &mut value).map_err(failed)?;
        value.extend_from_slice(&nonce);
        Ok(value)
    }

    fn open(&self, table: Table, key: &[u8], mut sealed: Vec<u8>) -> Result<Vec<u8>, StoreError> {
        let split = sealed.len().checked_sub(NONCE).ok_or(StoreError::Damaged)?;
        let nonce = sealed.split_off(split);
        let bound = bound_to(table, key);
        let opened = self.cipher.decrypt_in_place(Nonce::from_slice(&nonce), &bound, &mut sealed);
        opened.map(|()| sealed).map_err(|_| StoreError::Damaged)
    }
}

fn bound_to(table: Table, key: &[u8]) -> Vec<u8> {
    [table.name().as_bytes(), &[0], key].concat()
}
