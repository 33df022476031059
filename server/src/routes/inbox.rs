//! The inbox of a device.

use crate::{auth::SignedIn as By, cbor::Cbor, error::Answer, state::State};
use axum::{Router, extract::State as Shared, routing::post};
use haven_wire::{Call as _, account::Done, inbox::*};

/// The calls of this module.
pub fn router() -> Router<State> {
    Router::new().route(GetInbox::PATH, post(read)).route(AcknowledgeInbox::PATH, post(acknowledge))
}

async fn read(Shared(state): Shared<State>, By(session): By, Cbor(call): Cbor<GetInbox>) -> Answer<Inbox> {
    let entries = state.store.inbox(session.device, call.after).await?;
    Ok(Cbor(Inbox { entries }))
}

async fn acknowledge(
    Shared(state): Shared<State>,
    By(session): By,
    Cbor(call): Cbor<AcknowledgeInbox>,
) -> Answer<Done> {
    state.store.acknowledge_inbox(session.device, call.up_to).await?;
    Ok(Cbor(Done {}))
}
