//! The directory: certificates and device lists.

use super::{accounts::check_device_list, local_part};
use crate::{
    auth::{SignedIn as By, take},
    cbor::Cbor,
    certificate,
    error::{Answer, ApiError, at_most},
    limits::Limit,
    state::State,
};
use axum::{Router, extract::State as Shared, routing::post};
use haven_wire::{Call as _, Refusal, keys::*, limits::MAX_CERTIFICATE};

/// The calls of this module.
pub fn router() -> Router<State> {
    Router::new()
        .route(Lookup::PATH, post(look_up))
        .route(PutDeviceList::PATH, post(put_device_list))
        .route(PutCertificate::PATH, post(put_certificate))
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

async fn put_certificate(
    Shared(state): Shared<State>,
    By(session): By,
    Cbor(call): Cbor<PutCertificate>,
) -> Answer<Done> {
    at_most("certificate", call.certificate.len(), MAX_CERTIFICATE)?;
    take(&state, Limit::certificate_changes, session.account, 1)?;
    let owner = state.store.own_mail_account(session.account).await?;
    if owner.certificate != call.certificate {
        let address = format!("{}@{}", owner.local, state.config.domain);
        let new = call.certificate.clone();
        let check = move || certificate::check_update(&owner.certificate, &new, &address);
        let checked = tokio::task::spawn_blocking(check).await.map_err(|_| Refusal::Internal)?;
        checked.map_err(ApiError::bad)?;
    }
    state.store.put_certificate(session.account, call.replaces, call.certificate).await?;
    Ok(Cbor(Done {}))
}
