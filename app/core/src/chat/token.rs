//! The token of an epoch: who is in it proves that to the relay, which knows no members.

use crate::{Error, memory::Group, mls::Provider};
use haven_wire::ids::EpochToken;
use openmls::prelude::OpenMlsProvider as _;

/// The exporter label of epoch tokens.
const TOKEN_LABEL: &str = "haven epoch token";
const TOKEN_LENGTH: usize = 32;

impl Group {
    /// The token of the group's epoch.
    pub fn token(&self, provider: &Provider) -> Result<EpochToken, Error> {
        export_token(|label, length| self.mls.export_secret(provider.crypto(), label, &[], length).ok())
    }
}

/// Derives an epoch token with an MLS exporter (RFC 9420, section 8.5).
pub fn export_token(export: impl FnOnce(&str, usize) -> Option<Vec<u8>>) -> Result<EpochToken, Error> {
    let secret = export(TOKEN_LABEL, TOKEN_LENGTH).and_then(|secret| EpochToken::from_slice(&secret));
    secret.ok_or(Error::Bug("the epoch token can't be derived"))
}
