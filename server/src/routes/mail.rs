//! Mailboxes, and sending.

use super::reply;
use crate::{
    auth::{Caller, SignedIn as By, take},
    cbor::Cbor,
    error::{Answer, ApiError, at_most},
    limits::{Limit, kib},
    mail::{
        arrival,
        envelope::Envelope,
        key::Part,
        submission::{self, Fault},
    },
    state::State,
    store::{MailAccount, MailboxPage, NewEntry, NewQueued, QueueId, Submission, random},
};
use axum::{Router, extract::State as Shared, response::Response, routing::post};
use haven_wire::{
    Call as _, Refusal,
    limits::{MAX_NOTE, MAX_NOTES, MIN_NOTE},
    mail::*,
};
use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

/// Recipients that cost as much as one mail.
const RECIPIENTS_EACH: usize = 10;

/// The calls of this module.
pub fn router() -> Router<State> {
    Router::new()
        .route(GetMailbox::PATH, post(mailbox))
        .route(GetMail::PATH, post(body))
        .route(PutNotes::PATH, post(put_notes))
        .route(DeleteMail::PATH, post(delete))
        .route(SubmitMail::PATH, post(submit))
        .route(WithdrawMail::PATH, post(withdraw))
        .route(MailInfo::PATH, post(info))
}

async fn mailbox(
    Shared(state): Shared<State>,
    caller: Caller,
    By(session): By,
    Cbor(call): Cbor<GetMailbox>,
) -> Result<Response, ApiError> {
    reply::bounded(&state, caller, async {
        let page = state.store.mailbox(session.account, call.after, call.limit).await?;
        let MailboxPage { entries, head, used, refused } = page;
        Ok(Mailbox { entries, head, used, quota: state.config.mail.quota(), refused })
    })
    .await
}

/// Bodies are large, and a slow reader holds one for long: together they may take so much memory and no more.
async fn body(
    Shared(state): Shared<State>,
    caller: Caller,
    By(session): By,
    Cbor(call): Cbor<GetMail>,
) -> Result<Response, ApiError> {
    let size = state.store.mail_size(session.account, call.sequence).await?.ok_or(Refusal::NotFound)?;
    let kib = u32::try_from(size / 1024).unwrap_or(u32::MAX);
    let share = state.large_replies.take(caller.0, kib).await.ok_or(Refusal::Unavailable)?;
    let body = state.store.mail_body(session.account, call.sequence).await?.ok_or(Refusal::NotFound)?;
    let bytes = haven_wire::encode(&MailBody { body }).map_err(|_| Refusal::Internal)?;
    Ok(reply::held(bytes, share))
}

async fn put_notes(
    Shared(state): Shared<State>,
    By(session): By,
    Cbor(call): Cbor<PutNotes>,
) -> Answer<MailboxHead> {
    at_most("notes", call.notes.len(), MAX_NOTES)?;
    for note in &call.notes {
        at_most("note", note.sealed.len(), MAX_NOTE)?;
        if note.sealed.len() < MIN_NOTE {
            // What weighs nothing would never fill the mailbox.
            return Err(ApiError::bad("note"));
        }
    }
    let head = state.store.put_notes(session.account, call.notes, state.config.mail.quota()).await?;
    Ok(Cbor(MailboxHead { head }))
}

async fn delete(
    Shared(state): Shared<State>,
    By(session): By,
    Cbor(call): Cbor<DeleteMail>,
) -> Answer<MailboxHead> {
    at_most("deletions", call.sequences.len(), MAX_NOTES)?;
    let head = state.store.delete_mail(session.account, call.sequences).await?;
    Ok(Cbor(MailboxHead { head }))
}

async fn submit(
    Shared(state): Shared<State>,
    By(session): By,
    Cbor(call): Cbor<SubmitMail>,
) -> Answer<Submitted> {
    let sender = state.store.own_mail_account(session.account).await?;
    let own = format!("{}@{}", sender.local, state.config.domain);
    submission::check(&call, &own)?;
    if !state.mail.outbound.is_on() && !call.messages.iter().all(|mail| stays_here(&state, mail)) {
        return Err(Refusal::OutsideMailOff.into());
    }
    let recipients: usize = call.messages.iter().map(|mail| mail.recipients.len()).sum();
    let cost = u32::try_from(recipients.div_ceil(RECIPIENTS_EACH)).unwrap_or(u32::MAX);
    take(&state, Limit::submit_mails, session.account, cost)?;
    let bytes: usize = call.messages.iter().map(|mail| mail.message.len()).sum();
    take(&state, Limit::submit_kib, session.account, kib(bytes))?;
    let new = prepared(&state, &sender, own, call).await?;
    let sequence = state.store.submit_mail(session.account, new, state.config.mail.quota()).await?;
    Ok(Cbor(Submitted { sequence }))
}

async fn withdraw(
    Shared(state): Shared<State>,
    By(session): By,
    Cbor(call): Cbor<WithdrawMail>,
) -> Answer<Withdrawal> {
    take(&state, Limit::submit_mails, session.account, 1)?;
    Ok(Cbor(state.store.withdraw_mail(session.account, call.id).await?))
}

fn stays_here(state: &State, mail: &OutgoingMail) -> bool {
    mail.recipients.iter().all(|recipient| state.config.is_of_this_domain(recipient))
}

impl From<Fault> for ApiError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Bad(what) => Self::bad(what),
            Fault::TooLarge(what, limit) => Self::too_large(what, limit),
        }
    }
}

/// Encrypts the person's copy, and seals what goes out.
async fn prepared(
    state: &State,
    sender: &MailAccount,
    own: String,
    call: SubmitMail,
) -> Result<Submission, ApiError> {
    let kept = usize::try_from(call.kept).ok().and_then(|kept| call.messages.get(kept));
    let kept: Arc<[u8]> = kept.ok_or(Refusal::Internal)?.message.as_slice().into();
    let body = match arrival::encrypted(sender.certificate.clone(), String::new(), kept).await {
        Ok(body) => body,
        Err(arrival::Error::NoKey) => return Err(ApiError::bad("the certificate can't encrypt")),
        Err(_) => return Err(Refusal::Unavailable.into()),
    };
    let mut queued = Vec::new();
    for mail in call.messages {
        let envelope = Envelope {
            account: sender.account.0,
            sender: own.clone(),
            submission: call.id,
            recipients: mail.recipients,
            said_delayed: false,
        };
        queued.push(sealed(state, &envelope, &mail.message)?);
    }
    let kept = NewEntry { id: call.id, kind: EntryKind::Sent, body };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    Ok(Submission { kept, note: call.note, queued, now })
}

fn sealed(state: &State, envelope: &Envelope, message: &[u8]) -> Result<NewQueued, ApiError> {
    let id = QueueId(random()?);
    let bytes = haven_wire::encode(envelope).map_err(|_| Refusal::Internal)?;
    let seal = |part, bytes: &[u8]| state.mail.key.seal(id, part, bytes).map_err(|_| Refusal::Internal);
    Ok(NewQueued { id, envelope: seal(Part::Envelope, &bytes)?, message: seal(Part::Message, message)? })
}

async fn info(
    Shared(state): Shared<State>,
    _: By,
    Cbor(MailInfo {}): Cbor<MailInfo>,
) -> Answer<MailInfoReply> {
    Ok(Cbor(MailInfoReply {
        sends: state.mail.outbound.is_on(),
        receives: state.config.mail.smtp_listen.is_some(),
    }))
}
