//! What the engine wants from relays, and what they answered.

use haven_wire::{Call, Refusal, account, group, ids::EpochToken, inbox, keys, mail};

/// Why a call brought no reply.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Rejection {
    /// The relay can't be reached, or the answer got lost: whether the call was carried out is not known.
    Unreachable,
    /// The relay refused.
    Refused(Refusal),
}

/// Carries out calls.
#[allow(async_fn_in_trait, reason = "engines are single-threaded by contract")]
pub trait Caller {
    /// Carries out one call at the relay `origin`. `token` goes into its header if the call wants one.
    async fn call<C: Call>(
        &self,
        origin: &str,
        call: &C,
        token: Option<EpochToken>,
    ) -> Result<C::Reply, Rejection>;
}

macro_rules! requests {
    ($($(#[$doc:meta])* $name:ident($request:ty)),* $(,)?) => {
        /// A call that the engine wants made.
        #[derive(Clone, Debug)]
        pub enum Request {
            $($(#[$doc])* $name($request),)*
        }

        /// A reply to a [`Request`] of the same name.
        #[derive(Clone, Debug)]
        pub enum Reply {
            $($(#[$doc])* $name(<$request as Call>::Reply),)*
        }

        impl Outgoing {
            /// Makes the call.
            pub async fn send(&self, caller: &impl Caller) -> Result<Reply, Rejection> {
                match &self.request {
                    $(Request::$name(request) => {
                        caller.call(&self.origin, request, self.token).await.map(Reply::$name)
                    })*
                }
            }
        }
    };
}

requests! {
    /// Deletes inbox entries.
    AcknowledgeInbox(inbox::AcknowledgeInbox),
    /// Appends a commit.
    AppendCommit(group::AppendCommit),
    /// Appends messages.
    AppendMessages(group::AppendMessages),
    /// Takes key packages.
    ClaimKeyPackages(keys::ClaimKeyPackages),
    /// Counts own key packages.
    CountKeyPackages(keys::CountKeyPackages),
    /// Deletes mail.
    DeleteMail(mail::DeleteMail),
    /// Looks for certificates of an address.
    FindCertificates(mail::FindCertificates),
    /// Reads heads of logs.
    GetHeads(group::GetHeads),
    /// Reads the inbox.
    GetInbox(inbox::GetInbox),
    /// Reads the body of a mailbox entry.
    GetMail(mail::GetMail),
    /// Reads the mailbox.
    GetMailbox(mail::GetMailbox),
    /// Reads rows.
    GetRows(group::GetRows),
    /// Reads the vault.
    GetVault(account::GetVault),
    /// Fetches a Welcome.
    GetWelcome(group::GetWelcome),
    /// Looks somebody up.
    Lookup(keys::Lookup),
    /// Asks what the relay does with mail of other servers.
    MailInfo(mail::MailInfo),
    /// Publishes the certificate.
    PutCertificate(keys::PutCertificate),
    /// Adds own key packages.
    PublishKeyPackages(keys::PublishKeyPackages),
    /// Writes the device list.
    PutDeviceList(keys::PutDeviceList),
    /// Leaves notes in the mailbox.
    PutNotes(mail::PutNotes),
    /// Writes the vault.
    PutVault(account::PutVault),
    /// Sends a mail.
    SubmitMail(mail::SubmitMail),
    /// Takes back a mail that may have been sent.
    WithdrawMail(mail::WithdrawMail),
}

/// Names an outgoing request until it is confirmed or rejected. Not kept across restarts.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RequestId(pub u64);

/// A call that is to be made now. The engine waits for [`crate::Engine::confirm`] or [`crate::Engine::reject`].
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// Its name.
    pub id: RequestId,
    /// The relay.
    pub origin: String,
    /// The epoch token, for group calls.
    pub token: Option<EpochToken>,
    /// The call.
    pub request: Request,
}
