//! What the sender is told: a [`DeliveryReport`], encrypted to the sender like mail that arrives.

use super::verdict::Reason;
use crate::{
    mail::{arrival, envelope::Envelope},
    state::State,
    store::{self, AccountId, NewEntry, Report, random},
};
use haven_wire::{
    ids::MessageId,
    mail::{DeliveryReport, EntryKind, Outcome},
};

/// What is told of some recipients.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum News {
    /// They have it.
    Delivered,
    /// A server has it that hands it on.
    Relayed,
    /// It takes longer.
    Delayed(Reason),
    /// They won't get it.
    Failed(Reason),
}

impl From<News> for Outcome {
    fn from(news: News) -> Self {
        match news {
            News::Delivered => Self::Delivered,
            News::Relayed => Self::Relayed,
            News::Delayed(reason) => Self::Delayed { reason: reason.into_inner() },
            News::Failed(reason) => Self::Failed { reason: reason.into_inner() },
        }
    }
}

/// Writes a report. Nothing if the sender's certificate can't encrypt any more: nobody could read it.
pub async fn write(
    state: &State,
    envelope: &Envelope,
    recipients: Vec<String>,
    news: News,
    now: u64,
) -> store::Result<Option<Report>> {
    let report = DeliveryReport { id: envelope.submission, recipients, outcome: news.into(), time: now };
    let account = AccountId(envelope.account);
    let sender = state.store.own_mail_account(account).await?;
    let bytes = store::encode(&report)?;
    let body = arrival::encrypted(sender.certificate, String::new(), bytes.as_ref().into()).await;
    let Ok(body) = body else { return Ok(None) };
    let entry = NewEntry { id: MessageId(random()?), kind: EntryKind::Delivery, body };
    Ok(Some(Report { account, entry }))
}
