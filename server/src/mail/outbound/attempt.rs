//! One attempt to deliver one mail of the queue.
//!
//! Recipients are crossed out as soon as it is known what became of them, in the transaction that tells the sender. What
//! was delivered is not delivered again because of others who don't have it yet.

use super::{
    now,
    report::{self, News},
    schedule::{self, Next},
    session::Parcel,
    verdict::{Reason, Verdict},
};
use crate::{
    mail::{
        arrival::{self, Arrived},
        envelope::Envelope,
        key::{Error, Part},
        trace,
    },
    state::State,
    store::{self, Again, Due, QueueId, StoreError, random},
};
use futures_util::{StreamExt as _, stream};
use lettre::Address;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};
use tokio::{
    sync::AcquireError,
    time::{sleep, timeout},
};

/// Domains that one mail is sent to at a time.
const DOMAINS_AT_A_TIME: usize = 8;
/// For one domain, whatever its servers do.
const DOMAIN_WITHIN: Duration = Duration::from_secs(1200);
/// After a failure of the storage.
const STORE_AGAIN: Duration = Duration::from_secs(5);

/// A mail of the queue while it is tried.
pub(super) struct Attempt<'a> {
    state: &'a State,
    id: QueueId,
    envelope: Envelope,
    age: u64,
    late: Vec<(String, Reason)>,
}

/// Tries a mail. Afterwards it is delivered, reported as failed, or due again. If the relay stops before it was sent to other
/// servers, the rest of it is given out again at the next start.
pub(super) async fn run(state: &State, due: Due) {
    let Some(mut attempt) = Attempt::open(state, due) else {
        tracing::error!("a mail in the queue can't be opened: is mail.key that of the database?");
        return;
    };
    let ours = |address: &String| state.config.is_of_this_domain(address);
    let (here, elsewhere) = attempt.envelope.recipients.clone().into_iter().partition(ours);
    attempt.deliver_here(here).await;
    if attempt.send(elsewhere).await.is_ok() {
        attempt.end().await;
    }
}

impl<'a> Attempt<'a> {
    fn open(state: &'a State, due: Due) -> Option<Self> {
        let bytes = state.mail.key.unseal(due.id, Part::Envelope, &due.envelope).ok()?;
        let envelope = haven_wire::decode(&bytes).ok()?;
        let age = now().saturating_sub(due.first_tried);
        Some(Self { state, id: due.id, envelope, age, late: Vec::new() })
    }

    /// The message; nothing if it can't be read now.
    async fn message(&self) -> Option<Vec<u8>> {
        let sealed = self.state.store.queued_message(self.id).await.ok()??;
        let (state, id) = (self.state.clone(), self.id);
        let opened = move || state.mail.key.unseal(id, Part::Message, &sealed);
        tokio::task::spawn_blocking(opened).await.ok()?.ok()
    }

    /// Into mailboxes of this relay.
    async fn deliver_here(&mut self, recipients: Vec<String>) {
        if recipients.is_empty() {
            return;
        }
        let hostname = self.state.config.mail_hostname();
        let Some(message) = self.message().await else { return self.unread(recipients) };
        let message: Arc<[u8]> = trace::without_forged_results(&message, hostname).unwrap_or(message).into();
        let mut verdicts = Vec::new();
        for recipient in recipients {
            let verdict = self.deliver_to(&recipient, message.clone()).await;
            verdicts.push((recipient, verdict));
        }
        self.settle(verdicts, News::Delivered).await;
    }

    async fn deliver_to(&self, recipient: &str, message: Arc<[u8]>) -> Verdict {
        let local = recipient.rsplit_once('@').map(|(local, _)| local.to_ascii_lowercase());
        let found = self.state.store.mail_account(&local.unwrap_or_default()).await;
        let account = match found {
            Ok(Some(account)) => account,
            Ok(None) => return Verdict::Failed(Reason::new("nobody here has this address")),
            Err(_) => return Verdict::Later(Reason::new("the relay could not store it")),
        };
        // Of the queue's entry, not of the content: whoever sends the same twice wants it to arrive twice.
        let id = self.state.mail.key.delivery_id(account.account, [self.id.0.as_slice()]);
        let trace = trace::submitted(self.state.config.mail_hostname(), &self.envelope.sender, now());
        match arrival::deliver(self.state, &account, Arrived { id, trace, message }).await {
            Ok(()) => Verdict::Delivered,
            Err(arrival::Error::Full) => Verdict::Later(Reason::new("the recipient's mailbox is full")),
            Err(arrival::Error::NoKey) => {
                Verdict::Later(Reason::new("the recipient's certificate can't be used to encrypt"))
            }
            Err(arrival::Error::Failed) => Verdict::Later(Reason::new("the relay could not store it")),
        }
    }

    /// To other servers, each domain for itself unless one server takes all. An error: the relay stops.
    async fn send(&mut self, recipients: Vec<String>) -> Result<(), AcquireError> {
        if recipients.is_empty() {
            return Ok(());
        }
        let state = self.state;
        let _room = state.mail.outbound.room.acquire().await?;
        let Some(message) = self.message().await else {
            self.unread(recipients);
            return Ok(());
        };
        let message = state.mail.outbound.signed(message).await;
        let sender = self.envelope.sender.clone();
        let one_server = state.mail.outbound.route.is_one_server();
        let taken = if one_server { News::Relayed } else { News::Delivered };
        let groups = by_server(recipients, one_server);
        let sent = groups.into_iter().map(|(domain, group)| {
            let (sender, message) = (&sender, &message);
            async move { send_group(state, sender, &domain, group, message).await }
        });
        let mut sent = stream::iter(sent).buffer_unordered(DOMAINS_AT_A_TIME);
        while let Some(verdicts) = sent.next().await {
            self.settle(verdicts, taken.clone()).await;
        }
        Ok(())
    }

    fn unread(&mut self, recipients: Vec<String>) {
        let reason = Reason::new("the relay could not read it from its storage");
        self.late.extend(recipients.into_iter().map(|recipient| (recipient, reason.clone())));
    }

    /// Crosses out those of whom it is known, and remembers the others. `taken` is told of those who were delivered to.
    async fn settle(&mut self, verdicts: Vec<(String, Verdict)>, taken: News) {
        let (mut delivered, mut failed) = (Vec::new(), BTreeMap::<Reason, Vec<String>>::new());
        for (recipient, verdict) in verdicts {
            match verdict {
                Verdict::Delivered => delivered.push(recipient),
                Verdict::Failed(reason) => failed.entry(reason).or_default().push(recipient),
                Verdict::Later(reason) => self.late.push((recipient, reason)),
            }
        }
        if !delivered.is_empty() {
            self.cross_out(delivered, taken).await;
        }
        for (reason, recipients) in failed {
            self.cross_out(recipients, News::Failed(reason)).await;
        }
    }

    /// The rest is due at once, should the relay die before it says otherwise.
    async fn cross_out(&mut self, recipients: Vec<String>, news: News) {
        let gone: BTreeSet<&String> = recipients.iter().collect();
        self.envelope.recipients.retain(|recipient| !gone.contains(recipient));
        self.record(Some((recipients, news)), now()).await;
    }

    /// Says when those who are left come next, or that they don't.
    async fn end(mut self) {
        if self.envelope.recipients.is_empty() {
            return;
        }
        let mut by_reason = BTreeMap::<Reason, Vec<String>>::new();
        for (recipient, reason) in std::mem::take(&mut self.late) {
            by_reason.entry(reason).or_default().push(recipient);
        }
        let random = random().map_or(0, u16::from_ne_bytes);
        match schedule::next(self.age, random) {
            Next::Never => {
                for (reason, recipients) in by_reason {
                    self.cross_out(recipients, News::Failed(reason)).await;
                }
            }
            Next::In(delay) => self.postpone(by_reason, now() + delay).await,
        }
    }

    /// Tells the sender, if it is time and wasn't done before, and says when to try again.
    async fn postpone(&mut self, by_reason: BTreeMap<Reason, Vec<String>>, due: u64) {
        if !schedule::is_late(self.age) || self.envelope.said_delayed {
            return self.record(None, due).await;
        }
        self.envelope.said_delayed = true;
        let mut reasons = by_reason.into_iter().peekable();
        while let Some((reason, recipients)) = reasons.next() {
            let due = if reasons.peek().is_some() { now() } else { due };
            self.record(Some((recipients, News::Delayed(reason))), due).await;
        }
    }

    /// Stores what is known now. It is tried until it is done: what was delivered must not be sent again because that was
    /// forgotten.
    async fn record(&self, told: Option<(Vec<String>, News)>, due: u64) {
        let mut said = false;
        while let Err(error) = self.store(told.clone(), due).await {
            if let StoreError::Refused(_) = error {
                tracing::error!("what became of a mail could not be stored");
                return;
            }
            if !std::mem::replace(&mut said, true) {
                tracing::error!(
                    "what became of a mail can't be stored now, which holds up mail that is sent: {error}"
                );
            }
            sleep(STORE_AGAIN).await;
        }
    }

    async fn store(&self, told: Option<(Vec<String>, News)>, due: u64) -> store::Result<()> {
        let report = match told {
            Some((recipients, news)) => {
                report::write(self.state, &self.envelope, recipients, news, now()).await?
            }
            None => None,
        };
        if self.envelope.recipients.is_empty() {
            return self.state.store.finish_mail(self.id, report).await;
        }
        let envelope = self.state.mail.key.seal(self.id, Part::Envelope, &store::encode(&self.envelope)?);
        let envelope = envelope.map_err(|error: Error| StoreError::Failed(error.to_string()))?;
        self.state.store.reschedule_mail(self.id, Again { due, envelope }, report).await
    }
}

/// Those who get it from the same server: all, or those of one domain.
fn by_server(recipients: Vec<String>, all: bool) -> BTreeMap<String, Vec<String>> {
    let mut groups = BTreeMap::<String, Vec<String>>::new();
    for recipient in recipients {
        let domain = recipient.rsplit_once('@').map(|(_, domain)| domain.to_ascii_lowercase());
        let group = if all { String::new() } else { domain.unwrap_or_default() };
        groups.entry(group).or_default().push(recipient);
    }
    groups
}

async fn send_group(
    state: &State,
    sender: &str,
    domain: &str,
    group: Vec<String>,
    message: &[u8],
) -> Vec<(String, Verdict)> {
    let (addresses, mut verdicts) = addresses(group);
    let (Ok(sender), false) = (sender.parse::<Address>(), addresses.is_empty()) else {
        let unusable = Verdict::Failed(Reason::new("an address that other servers don't take"));
        verdicts.extend(addresses.into_iter().map(|(recipient, _)| (recipient, unusable.clone())));
        return verdicts;
    };
    let (recipients, parsed): (Vec<String>, Vec<Address>) = addresses.into_iter().unzip();
    let parcel = Parcel { sender: &sender, recipients: &parsed, message };
    let sent = timeout(DOMAIN_WITHIN, state.mail.outbound.send(domain, parcel)).await;
    let slow = || vec![Verdict::Later(Reason::new("it took too long")); recipients.len()];
    verdicts.extend(recipients.iter().cloned().zip(sent.unwrap_or_else(|_| slow())));
    verdicts
}

type Addresses = Vec<(String, Address)>;

/// Tells addresses that SMTP can carry from others.
fn addresses(group: Vec<String>) -> (Addresses, Vec<(String, Verdict)>) {
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    for recipient in group {
        match recipient.parse() {
            Ok(address) => good.push((recipient, address)),
            Err(_) => bad.push((recipient, Verdict::Failed(Reason::new("this is no address")))),
        }
    }
    (good, bad)
}
