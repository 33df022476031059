//! Sign-up, sign-in, the vault, signing out.

use super::{local_part, reply};
use crate::{
    auth::{Caller, SignedIn as By, take},
    cbor::Cbor,
    error::{Answer, ApiError, at_most},
    limits::{Limit, MAX_ADDRESS, MAX_WRAP, today},
    opaque,
    state::State,
    store::Lock,
};
use axum::{Router, extract::State as Shared, response::Response, routing::post};
use haven_wire::{Call as _, Refusal, account::*, keys::SignedDeviceList, limits};
use subtle::ConstantTimeEq as _;

/// The calls of this module.
pub fn router() -> Router<State> {
    Router::new()
        .route(Info::PATH, post(info))
        .route(RegisterStart::PATH, post(register_start))
        .route(RegisterFinish::PATH, post(register_finish))
        .route(LoginStart::PATH, post(login_start))
        .route(LoginFinish::PATH, post(login_finish))
        .route(Recover::PATH, post(recover))
        .route(ReplaceCredentials::PATH, post(replace_credentials))
        .route(GetVault::PATH, post(get_vault))
        .route(PutVault::PATH, post(put_vault))
        .route(SignOut::PATH, post(sign_out))
        .route(RevokeDevice::PATH, post(revoke_device))
}

async fn info(Shared(state): Shared<State>, Cbor(Info {}): Cbor<Info>) -> Answer<InfoReply> {
    Ok(Cbor(InfoReply {
        domain: state.config.domain.clone(),
        origin: state.origin.clone(),
        sign_up: state.config.sign_up,
        version: env!("CARGO_PKG_VERSION").into(),
        build: state.assets.build(),
        source: state.config.source_url.clone(),
    }))
}

/// It answers with what a guess of an account's password is tried with, as a sign-in does: so it counts as one.
async fn register_start(
    Shared(state): Shared<State>,
    caller: Caller,
    Cbor(call): Cbor<RegisterStart>,
) -> Answer<RegisterStartReply> {
    let local = free(&state, &call.address)?;
    limit_sign_ins(&state, caller, &call.address)?;
    let response = state.opaque.register(local, &call.request)?;
    Ok(Cbor(RegisterStartReply { response }))
}

async fn register_finish(
    Shared(state): Shared<State>,
    caller: Caller,
    Cbor(call): Cbor<RegisterFinish>,
) -> Answer<Done> {
    if !state.config.sign_up {
        return Err(Refusal::SignUpClosed.into());
    }
    let local = free(&state, &call.address)?.to_owned();
    check_credentials(&call.credentials)?;
    check_device_list(&call.device_list)?;
    at_most("vault", call.vault.body.len(), limits::MAX_VAULT)?;
    at_most("certificate", call.certificate.len(), limits::MAX_CERTIFICATE)?;
    if call.vault.version != 1 || call.device_list.sequence != 1 {
        return Err(ApiError::bad("first version"));
    }
    caller.take(&state, Limit::sign_ups_per_network, 1)?;
    state.store.create_account(&local, call, today()).await?;
    Ok(Cbor(Done {}))
}

/// The part before the `@` of an address that somebody may have, if nobody has it yet.
fn free<'a>(state: &State, address: &'a str) -> Result<&'a str, ApiError> {
    let local = local_part(state, address).ok_or_else(|| ApiError::bad("address"))?;
    if limits::is_role(local) { Err(Refusal::AddressTaken.into()) } else { Ok(local) }
}

fn check_credentials(credentials: &Credentials) -> Result<(), ApiError> {
    at_most("wrap", credentials.wrap_password.len(), MAX_WRAP)?;
    at_most("wrap", credentials.wrap_recovery.len(), MAX_WRAP)?;
    if !credentials.stretching.acceptable() {
        return Err(ApiError::bad("stretching"));
    }
    if !opaque::valid_record(&credentials.opaque_record) {
        return Err(ApiError::bad("OPAQUE record"));
    }
    Ok(())
}

/// Refuses a list that is too large.
pub(super) fn check_device_list(list: &SignedDeviceList) -> Result<(), ApiError> {
    at_most("device list", list.document.len(), limits::MAX_DEVICE_LIST)
}

/// Slows down guessing: by address and network, and by address alone, far higher, so that a stranger can't easily
/// keep a person out. Known and unknown addresses have the same limits.
fn limit_sign_ins(state: &State, caller: Caller, address: &str) -> Result<(), ApiError> {
    at_most("address", address.len(), MAX_ADDRESS)?;
    let address = address.to_ascii_lowercase();
    if let Some(network) = caller.0 {
        take(state, Limit::sign_ins_per_network, (network, &address), 1)?;
    }
    take(state, Limit::sign_ins, address, 1)
}

/// What opens the account of an address. One that can't be of this relay is treated as one that nobody has.
async fn lock(state: &State, address: &str) -> Result<Option<Lock>, ApiError> {
    match local_part(state, address) {
        Some(local) => Ok(state.store.lock(local).await?),
        None => Ok(None),
    }
}

async fn login_start(
    Shared(state): Shared<State>,
    caller: Caller,
    Cbor(call): Cbor<LoginStart>,
) -> Answer<LoginStartReply> {
    limit_sign_ins(&state, caller, &call.address)?;
    let lock = lock(&state, &call.address).await?;
    // The name of somebody else's account must not be reached by an address that is limited by itself.
    let name = local_part(&state, &call.address).map_or_else(|| format!("@{}", call.address), str::to_owned);
    Ok(Cbor(state.opaque.start(&call.address, &name, lock, &call.request)?))
}

async fn login_finish(Shared(state): Shared<State>, Cbor(call): Cbor<LoginFinish>) -> Answer<SignedIn> {
    let lock = state.opaque.finish(call.login, &call.finalization)?;
    let signed_in = state.store.sign_in(lock, call.device_id, call.session_hash).await?;
    Ok(Cbor(signed_in))
}

async fn recover(
    Shared(state): Shared<State>,
    caller: Caller,
    Cbor(call): Cbor<Recover>,
) -> Answer<SignedIn> {
    limit_sign_ins(&state, caller, &call.address)?;
    let lock = lock(&state, &call.address).await?;
    let held = lock.as_ref().map_or([0; 32], |lock| lock.recovery_login_hash.0);
    let fits = bool::from(call.recovery_login.hash().0.ct_eq(&held));
    let lock = lock.filter(|_| fits).ok_or(Refusal::BadCredentials)?;
    let signed_in = state.store.sign_in(lock, call.device_id, call.session_hash).await?;
    Ok(Cbor(signed_in))
}

async fn replace_credentials(
    Shared(state): Shared<State>,
    By(session): By,
    Cbor(call): Cbor<ReplaceCredentials>,
) -> Answer<Done> {
    check_credentials(&call.credentials)?;
    state.store.replace_credentials(session.account, call.credentials).await?;
    Ok(Cbor(Done {}))
}

async fn get_vault(
    Shared(state): Shared<State>,
    caller: Caller,
    By(session): By,
    Cbor(GetVault {}): Cbor<GetVault>,
) -> Result<Response, ApiError> {
    reply::bounded(&state, caller, async { Ok(state.store.vault(session.account).await?) }).await
}

async fn put_vault(
    Shared(state): Shared<State>,
    By(session): By,
    Cbor(call): Cbor<PutVault>,
) -> Answer<Done> {
    at_most("vault", call.vault.body.len(), limits::MAX_VAULT)?;
    state.store.put_vault(session.account, call.vault).await?;
    Ok(Cbor(Done {}))
}

async fn sign_out(Shared(state): Shared<State>, By(session): By, Cbor(call): Cbor<SignOut>) -> Answer<Done> {
    call.device_list.as_ref().map(check_device_list).transpose()?;
    state.store.remove_device(session.account, session.device, call.device_list).await?;
    Ok(Cbor(Done {}))
}

async fn revoke_device(
    Shared(state): Shared<State>,
    By(session): By,
    Cbor(call): Cbor<RevokeDevice>,
) -> Answer<Done> {
    call.device_list.as_ref().map(check_device_list).transpose()?;
    state.store.remove_device(session.account, call.device_id, call.device_list).await?;
    Ok(Cbor(Done {}))
}
