//! Judges a mail and stores it for each recipient. Whatever is answered before all of them have it, the sender comes
//! again with the same mail, and those who have it don't get it twice.

use super::reply::Reply;
use crate::{
    mail::{
        arrival::{self, Arrived},
        authentication::{self, Findings, Sender},
        trace::{self, Fields, Hop},
    },
    state::State,
    store::{MailAccount, random},
};
use haven_wire::ids::MessageId;
use std::{
    net::IpAddr,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

/// Who brings a mail, and how.
pub struct Bringer {
    pub peer: IpAddr,
    pub helo: String,
    pub mail_from: String,
    pub protocol: &'static str,
}

/// Answers what is said, and its name among the metrics.
pub async fn receive(
    state: &State,
    from: Bringer,
    recipients: &[MailAccount],
    message: Vec<u8>,
) -> (Reply, &'static str) {
    let hostname = state.config.mail_hostname().to_owned();
    let message: Arc<[u8]> = message.into();
    let sender = Sender { from: from.peer, helo: from.helo.clone(), mail_from: from.mail_from };
    let resolver = state.mail.resolver.clone();
    let results = match authentication::examine(resolver, sender, message.clone(), hostname.clone()).await {
        Findings::Results(results) => results,
        Findings::Forged => return (Reply::FORGED, "forged"),
        Findings::Malformed => return (Reply::MALFORMED, "malformed"),
        Findings::Unknown => return (Reply::CANT_JUDGE, "unjudged"),
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let hop = Hop { helo: &from.helo, from: from.peer, protocol: from.protocol };
    let trace = trace::received(&hop, &hostname, now) + &results;
    let kept = trace::without_forged_results(&message, &hostname).map_or_else(|| message.clone(), Arc::from);
    for to in recipients {
        let Ok(id) = delivery_id(state, to, &message) else {
            return (Reply::CANT_STORE, "failed");
        };
        let mail = Arrived { id, trace: trace.clone(), message: kept.clone() };
        if let Err(error) = arrival::deliver(state, to, mail).await {
            let reason = match error {
                arrival::Error::Full => "full",
                arrival::Error::NoKey => "no_key",
                arrival::Error::Failed => "failed",
            };
            return (error.into(), reason);
        }
    }
    (Reply::TAKEN, "taken")
}

/// A mail that has a `Message-ID` is the same when it comes again, whatever way it came: each server on the way adds a
/// `Received`. One without may be another that reads alike, such as an alarm, and is rather kept twice than lost.
fn delivery_id(
    state: &State,
    to: &MailAccount,
    message: &[u8],
) -> Result<MessageId, crate::store::StoreError> {
    if Fields::of(message).any(|field| field.is("Message-ID")) {
        let header: usize = Fields::of(message).map(|field| field.whole.len()).sum();
        let body = message.get(header..).unwrap_or_default();
        let fields = Fields::of(message).filter(|field| !field.is("Received")).map(|field| field.whole);
        Ok(state.mail.key.delivery_id(to.account, fields.chain([body])))
    } else {
        Ok(MessageId(random()?))
    }
}
