use super::storage::MlsStorage;
use openmls_rust_crypto::RustCrypto;

/// What OpenMLS needs: cryptography, randomness, and storage.
#[derive(Default)]
pub struct Provider {
    crypto: RustCrypto,
    storage: MlsStorage,
}

impl openmls_traits::OpenMlsProvider for Provider {
    type CryptoProvider = RustCrypto;
    type RandProvider = RustCrypto;
    type StorageProvider = MlsStorage;

    fn storage(&self) -> &MlsStorage {
        &self.storage
    }

    fn crypto(&self) -> &RustCrypto {
        &self.crypto
    }

    fn rand(&self) -> &RustCrypto {
        &self.crypto
    }
}
