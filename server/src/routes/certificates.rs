//! Looking for certificates: in the directory for people of this domain, elsewhere for others.

use super::local_part;
use crate::{
    auth::{SignedIn as By, take},
    cbor::Cbor,
    error::{Answer, ApiError},
    finder::Address,
    limits::Limit,
    state::State,
};
use axum::{Router, extract::State as Shared, routing::post};
use haven_wire::{Call as _, mail::*};

/// The calls of this module.
pub fn router() -> Router<State> {
    Router::new().route(FindCertificates::PATH, post(find))
}

async fn find(
    Shared(state): Shared<State>,
    By(session): By,
    Cbor(call): Cbor<FindCertificates>,
) -> Answer<FoundCertificates> {
    let address = Address::parse(&call.address).ok_or_else(|| ApiError::bad("address"))?;
    take(&state, Limit::certificate_look_ups, session.account, 1)?;
    if address.domain == state.config.domain {
        Ok(Cbor(in_directory(&state, &call.address.to_ascii_lowercase()).await?))
    } else {
        Ok(Cbor(state.finder.find(&address).await))
    }
}

/// Nobody else is asked about people of this domain: the directory is complete, and others could only contradict it.
async fn in_directory(state: &State, address: &str) -> Result<FoundCertificates, ApiError> {
    let entry = match local_part(state, address) {
        Some(local) => state.store.directory_entry(local).await?,
        None => None,
    };
    let found =
        entry.map(|entry| FoundCertificate { source: Source::Directory, certificate: entry.certificate });
    Ok(FoundCertificates { found: found.into_iter().collect(), incomplete: false })
}
