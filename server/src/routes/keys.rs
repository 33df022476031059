//! The directory: certificates and device lists.

use super::{accounts::check_device_list, local_part};
use crate::{
    auth::{SignedIn as By, take},
    cbor::Cbor,
    error::Answer,
    limits::Limit,
    state::State,
};
use axum::{Router, extract::State as Shared, routing::post};
use haven_wire::{Call as _, Refusal, keys::*};

/// The calls of this module.
pub fn router() -> Router<State> {
    Router::new().route(Lookup::PATH, post(look_up)).route(PutDeviceList::PATH, post(put_device_list))
}

async fn look_up(
    Shared(state): Shared<State>,
    By(session): By,
    Cbor(call): Cbor<Lookup>,
) -> Answer<DirectoryEntry> {
    take(&state, Limit::look_ups, session.account, 1)?;
    let local = local_part(&state, &call.address).ok_or(Refusal::NotFound)?;
    let entry = state.store.directory_entry(local).await?;
    Ok(Cbor(entry.ok_or(Refusal::NotFound)?))
}

async fn put_device_list(
    Shared(state): Shared<State>,
    By(session): By,
    Cbor(call): Cbor<PutDeviceList>,
) -> Answer<Done> {
    check_device_list(&call.device_list)?;
    state.store.put_device_list(session.account, call.device_list).await?;
    Ok(Cbor(Done {}))
}
