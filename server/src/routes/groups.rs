//! The log of a group. These calls know epoch tokens and no accounts.

use super::reply;
use crate::{
    auth::{Caller, ShownToken, take},
    cbor::Cbor,
    error::{Answer, ApiError, at_most},
    header,
    limits::{Limit, MAX_POINTERS, kib, today},
    state::State,
    store::{self, NewCommit, NewMessages, StoreError},
};
use axum::{Router, extract::State as Shared, response::Response, routing::post};
use haven_wire::{Call as _, Refusal, group::*, ids::GroupId, limits};
use std::collections::HashSet;

/// The calls of this module.
pub fn router() -> Router<State> {
    Router::new()
        .route(AppendCommit::PATH, post(append_commit))
        .route(AppendMessages::PATH, post(append_messages))
        .route(GetRows::PATH, post(rows))
        .route(GetHeads::PATH, post(heads))
        .route(GetWelcome::PATH, post(welcome))
}

/// Whether pages of other origins may call this path: clients reach several relays.
pub fn is_open_to_other_origins(path: &str) -> bool {
    path.starts_with("/v1/group/") || path == GetWelcome::PATH
}

async fn append_commit(
    Shared(state): Shared<State>,
    caller: Caller,
    ShownToken(token_hash): ShownToken,
    Cbor(request): Cbor<AppendCommit>,
) -> Answer<Appended> {
    check_commit(&request)?;
    if request.epoch == 0 {
        caller.take(&state, Limit::new_groups_per_network, 1)?;
    }
    let welcome = request.welcome.as_ref().map_or(0, |welcome| welcome.welcome.len());
    caller.take(&state, Limit::append_kib_per_network, kib(request.commit.len() + welcome))?;
    let pointers = u32::try_from(request.pointers.len()).unwrap_or(u32::MAX);
    caller.take(&state, Limit::pointers_per_network, pointers)?;
    if let Some(network) = caller.0 {
        for pointer in &request.pointers {
            take(&state, Limit::pointers_to_inbox, (network, pointer.inbox), 1)?;
        }
    }
    let group = request.group_id;
    let new = NewCommit { token_hash, request, day: today() };
    let store = state.store.clone();
    charged(state, Limit::commits_per_group, group, 1, async move { store.append_commit(new).await }).await
}

/// Appends at the expense of the group's bucket. What is refused costs nothing of it, or a stranger, and somebody who was
/// removed and still has an old token, could keep the members from writing. In a task of its own, so that hanging up can't
/// prevent the giving back.
async fn charged(
    state: State,
    limit: Limit,
    group: GroupId,
    amount: u32,
    append: impl Future<Output = store::Result<Appended>> + Send + 'static,
) -> Answer<Appended> {
    take(&state, limit, group, amount)?;
    let task = tokio::spawn(async move {
        let result = append.await;
        if matches!(result, Err(StoreError::Refused(_))) {
            state.limiter.give_back(limit, group, amount);
        }
        result
    });
    Ok(Cbor(task.await.map_err(|_| Refusal::Internal)??))
}

fn check_commit(request: &AppendCommit) -> Result<(), ApiError> {
    at_most("commit", request.commit.len(), limits::MAX_COMMIT)?;
    if let Some(welcome) = &request.welcome {
        at_most("welcome", welcome.welcome.len(), limits::MAX_COMMIT)?;
    }
    at_most("pointers", request.pointers.len(), MAX_POINTERS)?;
    let mut inboxes = HashSet::new();
    for pointer in &request.pointers {
        if !inboxes.insert(pointer.inbox) {
            return Err(ApiError::bad("two pointers to one inbox"));
        }
        at_most("pointer", pointer.sealed.len(), limits::MAX_POINTER)?;
    }
    header::check(&request.commit, request.group_id, request.epoch, Kind::Commit)?;
    Ok(())
}

async fn append_messages(
    Shared(state): Shared<State>,
    caller: Caller,
    ShownToken(token_hash): ShownToken,
    Cbor(request): Cbor<AppendMessages>,
) -> Answer<Appended> {
    check_messages(&request)?;
    let bytes = request.messages.iter().map(|message| message.ciphertext.len()).sum();
    caller.take(&state, Limit::append_kib_per_network, kib(bytes))?;
    let amount = u32::try_from(request.messages.len()).unwrap_or(u32::MAX);
    let group = request.group_id;
    let new = NewMessages { token_hash, request, day: today() };
    let store = state.store.clone();
    charged(state, Limit::messages_per_group, group, amount, async move { store.append_messages(new).await })
        .await
}

fn check_messages(request: &AppendMessages) -> Result<(), ApiError> {
    at_most("messages", request.messages.len(), limits::MAX_APPEND)?;
    if request.messages.is_empty() {
        return Err(ApiError::bad("no messages"));
    }
    for message in &request.messages {
        at_most("message", message.ciphertext.len(), limits::MAX_MESSAGE)?;
        header::check(&message.ciphertext, request.group_id, request.epoch, Kind::Application)?;
    }
    Ok(())
}

async fn rows(
    Shared(state): Shared<State>,
    caller: Caller,
    ShownToken(token_hash): ShownToken,
    Cbor(request): Cbor<GetRows>,
) -> Result<Response, ApiError> {
    reply::bounded(&state, caller, async { Ok(state.store.rows(token_hash, request).await?) }).await
}

async fn heads(Shared(state): Shared<State>, Cbor(request): Cbor<GetHeads>) -> Answer<Heads> {
    at_most("groups", request.groups.len(), limits::MAX_HEADS)?;
    let windows = state.store.windows(&request.groups).await?;
    let heads = windows.into_iter().map(|window| window.map(|window| window.head)).collect();
    Ok(Cbor(Heads { heads }))
}

async fn welcome(
    Shared(state): Shared<State>,
    caller: Caller,
    Cbor(request): Cbor<GetWelcome>,
) -> Result<Response, ApiError> {
    reply::bounded(&state, caller, async {
        let welcome = state.store.welcome(request.id).await?;
        Ok(WelcomeReply { welcome: welcome.ok_or(Refusal::NotFound)? })
    })
    .await
}
