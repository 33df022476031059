//! STARTTLS. The files are read anew each time, so that a renewed certificate is used without a restart.

use super::wire::Stream;
use crate::mail::config::Config;
use std::{io, path::Path, sync::Arc, time::Duration};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    },
};

/// How long a handshake may take.
const HANDSHAKE_WITHIN: Duration = Duration::from_secs(60);

/// Whether the files that are configured can be used.
pub fn check(config: &Config) -> io::Result<()> {
    match (&config.tls_certificate, &config.tls_key) {
        (Some(certificate), Some(key)) => read(certificate, key).map(drop),
        _ => Ok(()),
    }
}

/// What encrypts a session, if TLS is configured and its files can be used now.
pub async fn acceptor(config: &Config) -> Option<TlsAcceptor> {
    let (certificate, key) = (config.tls_certificate.clone()?, config.tls_key.clone()?);
    let read = tokio::task::spawn_blocking(move || read(&certificate, &key)).await.ok()?;
    match read {
        Ok(config) => Some(TlsAcceptor::from(Arc::new(config))),
        Err(error) => {
            tracing::warn!(kind = ?error.kind(), "the TLS certificate can't be used");
            None
        }
    }
}

fn read(certificate: &Path, key: &Path) -> io::Result<ServerConfig> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_file_iter(certificate).and_then(Iterator::collect);
    let key = PrivateKeyDer::from_pem_file(key).map_err(io::Error::other)?;
    ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| {
            let chain = chain.unwrap_or_default();
            builder.with_no_client_auth().with_single_cert(chain, key)
        })
        .map_err(io::Error::other)
}

/// Encrypts a session. Nothing if the other side can't, or takes too long.
pub async fn encrypt(acceptor: &TlsAcceptor, stream: Box<dyn Stream>) -> Option<Box<dyn Stream>> {
    let handshake = tokio::time::timeout(HANDSHAKE_WITHIN, acceptor.accept(stream)).await;
    Some(Box::new(handshake.ok()?.ok()?))
}
