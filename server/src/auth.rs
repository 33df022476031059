//! Who is calling: a session, an epoch token, a network address. Never a session and an epoch token together.

use crate::{
    error::ApiError,
    limits::{Limit, Network},
    state::State,
    store,
};
use axum::{
    extract::FromRequestParts,
    http::{Extensions, HeaderMap, header, request::Parts},
};
use haven_wire::{EPOCH_TOKEN_HEADER, Refusal, ids::*};
use std::{
    convert::Infallible,
    hash::Hash as StdHash,
    net::{IpAddr, SocketAddr},
};

/// The other end of the connection, set by the listener.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

/// Where a call comes from. Nothing for direct calls from this machine to a relay for this machine only, which no
/// limit by network applies to.
#[derive(Clone, Copy, Debug)]
pub struct Caller(pub Option<Network>);

impl Caller {
    /// Reads connection and headers.
    pub fn of(state: &State, extensions: &Extensions, headers: &HeaderMap) -> Self {
        let peer =
            extensions.get::<Peer>().map_or(IpAddr::from([127, 0, 0, 1]), |peer| peer.0.ip().to_canonical());
        let trusted = state.config.trusted_proxies.contains(&peer);
        // The last one was added by the proxy itself; earlier ones are what its client claimed.
        let forwarded = headers
            .get_all("x-forwarded-for")
            .iter()
            .next_back()
            .and_then(|value| value.to_str().ok()?.rsplit(',').next()?.trim().parse::<IpAddr>().ok())
            .filter(|_| trusted);
        match forwarded {
            Some(address) => Self(Some(address.into())),
            None if peer.is_loopback() && state.config.is_local() => Self(None),
            None => Self(Some(peer.into())),
        }
    }

    /// Takes from a bucket of this network.
    pub fn take(self, state: &State, limit: Limit, amount: u32) -> Result<(), ApiError> {
        match self.0 {
            Some(network) => take(state, limit, network, amount),
            None => Ok(()),
        }
    }
}

/// Takes from a bucket, and counts refusals.
pub fn take(state: &State, limit: Limit, key: impl StdHash, amount: u32) -> Result<(), ApiError> {
    state.limiter.take(limit, key, amount).map_err(|refusal| {
        state.metrics.refused(limit);
        ApiError(refusal)
    })
}

impl FromRequestParts<State> for Caller {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Infallible> {
        Ok(Self::of(state, &parts.extensions, &parts.headers))
    }
}

/// A call by a device's session.
pub struct SignedIn(pub store::Session);

impl FromRequestParts<State> for SignedIn {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, ApiError> {
        let token = parts
            .headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "))
            .and_then(SessionToken::from_hex)
            .ok_or(Refusal::NotSignedIn)?;
        let session = state.store.session(token.hash()).await?.ok_or(Refusal::NotSignedIn)?;
        take(state, Limit::calls_per_session, session.device, 1)?;
        Ok(Self(session))
    }
}

/// The hash of the epoch token that a group call shows.
pub struct ShownToken(pub Hash);

impl FromRequestParts<State> for ShownToken {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &State) -> Result<Self, ApiError> {
        if parts.headers.contains_key(header::AUTHORIZATION) {
            // It would tie an account to a group.
            return Err(ApiError::bad("session on a group call"));
        }
        let token = parts
            .headers
            .get(EPOCH_TOKEN_HEADER)
            .and_then(|value| value.to_str().ok())
            .and_then(EpochToken::from_hex)
            .ok_or(Refusal::WrongEpochToken)?;
        Ok(Self(token.hash()))
    }
}
