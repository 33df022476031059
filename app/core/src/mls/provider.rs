use super::storage::MlsStorage;
use crate::crypto::Crypto;
use openmls_rust_crypto::RustCrypto;

/// What OpenMLS needs: cryptography, randomness, and storage.
#[derive(Default)]
pub struct Provider {
    crypto: Crypto,
    rand: RustCrypto,
    storage: MlsStorage,
}

impl Provider {
    /// What was stored.
    pub fn into_storage(self) -> MlsStorage {
        self.storage
    }
}

impl openmls_traits::OpenMlsProvider for Provider {
    type CryptoProvider = Crypto;
    type RandProvider = RustCrypto;
    type StorageProvider = MlsStorage;

    fn storage(&self) -> &MlsStorage {
        &self.storage
    }

    fn crypto(&self) -> &Crypto {
        &self.crypto
    }

    fn rand(&self) -> &RustCrypto {
        &self.rand
    }
}
