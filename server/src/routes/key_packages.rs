//! Key-package pools.

use super::local_part;
use crate::{
    auth::{SignedIn as By, take},
    cbor::Cbor,
    error::{Answer, at_most},
    limits::{Limit, today},
    state::State,
};
use axum::{Router, extract::State as Shared, routing::post};
use haven_wire::{
    Call as _, Refusal,
    keys::*,
    limits::{MAX_KEY_PACKAGE, MAX_KEY_PACKAGES},
};

/// The calls of this module.
pub fn router() -> Router<State> {
    Router::new()
        .route(PublishKeyPackages::PATH, post(publish))
        .route(CountKeyPackages::PATH, post(count))
        .route(ClaimKeyPackages::PATH, post(claim))
}

async fn publish(
    Shared(state): Shared<State>,
    By(session): By,
    Cbor(call): Cbor<PublishKeyPackages>,
) -> Answer<KeyPackageCount> {
    at_most("key packages", call.one_time.len(), MAX_KEY_PACKAGES)?;
    for body in call.one_time.iter().chain(&call.last_resort) {
        at_most("key package", body.len(), MAX_KEY_PACKAGE)?;
    }
    let count = state.store.publish_key_packages(session.device, call, today()).await?;
    Ok(Cbor(count))
}

async fn count(
    Shared(state): Shared<State>,
    By(session): By,
    Cbor(call): Cbor<CountKeyPackages>,
) -> Answer<KeyPackageCount> {
    let count = state.store.count_key_packages(session.device, call.suite).await?;
    Ok(Cbor(count))
}

async fn claim(
    Shared(state): Shared<State>,
    By(session): By,
    Cbor(call): Cbor<ClaimKeyPackages>,
) -> Answer<ClaimedKeyPackages> {
    let local = local_part(&state, &call.address).ok_or(Refusal::NotFound)?;
    take(&state, Limit::claims_per_target, (session.account, local), 1)?;
    take(&state, Limit::claims, session.account, 1)?;
    take(&state, Limit::claims_of_target, local, 1)?;
    let claimed = state.store.claim_key_packages(local, call.suite).await?;
    Ok(Cbor(claimed))
}
