//! What is under way with relays. Little of this is stored: after a restart most of it is found out again.

use crate::{
    Millis,
    chat::claims::Claims,
    mailbox::MailLine,
    request::{Outgoing, Request, RequestId},
};
use haven_bridge::{ConversationId, mail::MailId};
use haven_wire::ids::{DeviceId, EpochToken, MessageId};
use std::collections::{BTreeMap, BTreeSet};

/// Heads are asked for so often while nothing else happens: lost hints cost no more than this.
pub const POLL: Millis = 15_000;
/// With a live socket, own rows come by themselves; after this they are fetched.
const PUSH_GRACE: Millis = 1_000;
const FIRST_RETRY: Millis = 500;
const LAST_RETRY: Millis = 30_000;

/// What a request was for.
#[derive(Clone, Debug)]
pub enum Purpose {
    AcknowledgeInbox,
    Certificate,
    Append(ConversationId, Vec<MessageId>),
    Claim {
        job: u64,
        address: String,
    },
    Commit(ConversationId),
    CountKeyPackages,
    Compose(MailId),
    DeleteMail(Vec<u64>),
    FindCertificates(String),
    Forwarded(MailId),
    Heads(Vec<ConversationId>),
    Inbox,
    MailBody(u64),
    MailInfo,
    Mailbox,
    OpenMail(usize),
    Publish,
    PutNotes(Vec<MessageId>),
    /// With the row after which they were asked for.
    Rows(ConversationId, u64),
    SubmitMail(MailId),
    Vault,
    Welcome {
        job: u64,
    },
    WithdrawMail(MailId),
    JudgeAgain(MailId),
}

/// When something that failed is tried again.
#[derive(Clone, Copy, Debug, Default)]
pub struct Retry {
    failures: u32,
    at: Millis,
}

impl Retry {
    /// It failed once more.
    pub fn later(&mut self, now: Millis) {
        let wait = FIRST_RETRY.saturating_mul(1 << self.failures.min(10)).min(LAST_RETRY);
        self.failures += 1;
        self.at = now + wait;
    }

    /// It was refused for now.
    pub fn at_least(&mut self, at: Millis) {
        self.at = self.at.max(at);
    }

    /// Not later, but now. It still failed as often.
    pub fn at_once(&mut self) {
        self.at = 0;
    }

    /// It worked.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// How often it failed in a row.
    pub fn failures(self) -> u32 {
        self.failures
    }

    /// When it is tried next, if it waits.
    pub fn next(self, now: Millis) -> Option<Millis> {
        (self.at > now).then_some(self.at)
    }

    /// Whether it may be tried now.
    pub fn due(self, now: Millis) -> bool {
        self.at <= now
    }
}

/// What is known of a conversation's log.
#[derive(Clone, Debug, Default)]
pub struct Line {
    /// Whether a request is under way. There is at most one for each conversation.
    pub busy: bool,
    /// Whether everything up to the head was read since the start. Nothing is sent before.
    pub caught_up: bool,
    /// The last row that the relay spoke of.
    pub known_head: u64,
    /// When to fetch rows up to there, if they didn't come by themselves.
    pub fetch_at: Millis,
    /// Ids of waiting messages that the relay has taken. They are in the log, but were not met there yet.
    pub taken: BTreeSet<MessageId>,
    /// Whether the pending commit was taken.
    pub commit_taken: bool,
    /// When to try again.
    pub retry: Retry,
    /// When to try to write again: what the relay said against it, reading did not explain.
    pub writing: Retry,
    /// How often in a row it did not give rows that it must have.
    pub withheld: u32,
}

impl Line {
    /// The relay says that another epoch has begun. The log tells, and with a new epoch there is nothing to wait for; a
    /// relay that says so and shows none is asked again with patience only.
    pub fn lost_race(&mut self, cursor: Option<u64>, head: u64, now: Millis) {
        if cursor.is_none_or(|cursor| head > cursor) {
            self.retry.clear();
        } else {
            self.retry.later(now);
        }
        self.writing.later(now);
        self.known_head = self.known_head.max(head);
        self.caught_up = false;
    }
}

/// What is known of the vault at the relay. It survives a failed verb: a relay that makes one fail is still to be asked
/// with patience.
#[derive(Clone, Copy, Debug, Default)]
pub struct VaultLine {
    /// Whether it lacks something that this device knows.
    pub due: bool,
    /// Whether something became due after what is under way was sealed.
    pub changed: bool,
    /// Whether the relay holds one that this device has not seen.
    pub behind: bool,
    /// How often it was refused here since the relay last took one.
    pub refused: u32,
    /// When to try again. Its own: nothing else waits for the vault.
    pub retry: Retry,
}

/// What is known of the own certificate in the relay's directory.
#[derive(Clone, Debug, Default)]
pub struct CertificateLine {
    /// Whether the directory may lack something of it.
    pub due: bool,
    /// Whether it changed after what is under way was made.
    pub changed: bool,
    /// Whether it is stored that it is due.
    pub noted: bool,
    /// The state that the directory holds, once it was looked up.
    pub held: Option<Vec<u8>>,
    /// When it was last looked at whether it has to be renewed.
    pub judged: Option<Millis>,
    /// When to try again. Its own: nothing else waits for the certificate.
    pub retry: Retry,
}

/// Everything under way.
#[derive(Default)]
pub struct Network {
    /// The time of the current verb.
    pub now: Millis,
    /// Whether the socket is live.
    pub live: bool,
    /// The conversations' logs.
    pub lines: BTreeMap<ConversationId, Line>,
    /// What is under way.
    pub in_flight: BTreeMap<RequestId, Purpose>,
    /// Whether the inbox should be read.
    pub inbox_due: bool,
    /// Hashes of the newest inbox entries that were taken in: one whose deletion got lost is not taken in twice.
    pub seen_pointers: Vec<haven_wire::ids::Hash>,
    /// The inbox entry to delete up to, once the write set with its pointers is safe.
    pub acknowledge: Option<u64>,
    /// Key packages that are safe here and not published yet.
    pub publish: Option<haven_wire::keys::PublishKeyPackages>,
    /// Whether key packages should be counted.
    pub key_packages_due: bool,
    /// The vault.
    pub vault: VaultLine,
    /// The own certificate.
    pub certificate: CertificateLine,
    /// Own devices that are in conversations and were not on the last list.
    pub unlisted: Vec<DeviceId>,
    /// The mailbox.
    pub mail: MailLine,
    /// When heads were asked for.
    pub polled: Millis,
    /// When to try device-wide requests again.
    pub retry: Retry,
    /// When to try jobs again.
    pub job_retry: BTreeMap<u64, Retry>,
    /// Key packages that were claimed for jobs.
    pub claims: BTreeMap<u64, Claims>,
    /// Whether the relay has ended this device's session.
    pub signed_out: bool,
    /// When it was last said that a Welcome can't be followed. Whoever knows this device can send any number of such.
    pub welcome_refused: Option<Millis>,
    /// Whether timelines of forgotten conversations are to be deleted.
    pub to_sweep: bool,
    /// The number of the next job. An answer for a job that has ended must not meet another one.
    pub next_job: u64,
    next_id: u64,
}

impl Network {
    /// The state after a start, with what is stored of it, and request ids that were not used before.
    pub fn after_restart(stored: Self, previous: Self) -> Self {
        Self {
            publish: stored.publish,
            seen_pointers: stored.seen_pointers,
            unlisted: stored.unlisted,
            vault: VaultLine { due: stored.vault.due, ..previous.vault },
            certificate: CertificateLine {
                due: stored.certificate.due,
                noted: stored.certificate.due,
                retry: previous.certificate.retry,
                ..CertificateLine::default()
            },
            inbox_due: true,
            mail: MailLine { due: true, ..MailLine::default() },
            key_packages_due: true,
            claims: previous.claims,
            to_sweep: previous.to_sweep,
            next_job: previous.next_job,
            live: previous.live,
            next_id: previous.next_id,
            now: previous.now,
            ..Self::default()
        }
    }

    /// The line of a conversation.
    pub fn line(&mut self, id: ConversationId) -> &mut Line {
        self.lines.entry(id).or_default()
    }

    /// The relay spoke of a row. It is fetched at once, or after a grace when push should bring it.
    pub fn saw_head(&mut self, id: ConversationId, head: u64, pushed_soon: bool) {
        let at = if pushed_soon && self.live { self.now + PUSH_GRACE } else { self.now };
        let line = self.line(id);
        if head > line.known_head {
            line.known_head = head;
            line.fetch_at = at;
        }
    }

    /// Forgets a conversation's log and what was asked of it. An answer that still comes is about another group, or another
    /// time in it.
    pub fn forget_line(&mut self, id: ConversationId) {
        self.lines.remove(&id);
        let about = |purpose: &Purpose| match purpose {
            Purpose::Append(of, _) | Purpose::Commit(of) | Purpose::Rows(of, _) => *of == id,
            _ => false,
        };
        self.in_flight.retain(|_, purpose| !about(purpose));
    }

    /// Registers a request.
    pub fn start(
        &mut self,
        origin: &str,
        purpose: Purpose,
        token: Option<EpochToken>,
        request: Request,
    ) -> Outgoing {
        let id = self.begin(purpose);
        Outgoing { id, origin: origin.to_owned(), token, request }
    }

    /// Registers work that is done outside the engine.
    pub fn begin(&mut self, purpose: Purpose) -> RequestId {
        self.next_id += 1;
        let id = RequestId(self.next_id);
        self.in_flight.insert(id, purpose);
        id
    }

    /// Whether a request of a kind is under way.
    pub fn under_way(&self, of_kind: impl Fn(&Purpose) -> bool) -> bool {
        self.in_flight.values().any(of_kind)
    }
}

impl Purpose {
    /// Whether it is about mail.
    pub fn is_about_mail(&self) -> bool {
        matches!(
            self,
            Self::Compose(_)
                | Self::DeleteMail(_)
                | Self::FindCertificates(_)
                | Self::Forwarded(_)
                | Self::JudgeAgain(_)
                | Self::MailBody(_)
                | Self::MailInfo
                | Self::Mailbox
                | Self::OpenMail(_)
                | Self::PutNotes(_)
                | Self::SubmitMail(_)
                | Self::WithdrawMail(_)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relay_that_always_has_one_more_row_of_the_same_epoch_is_asked_with_patience() {
        let mut line = Line::default();
        for cursor in 1..9 {
            line.lost_race(Some(cursor), cursor + 1, 0);
            assert!(line.retry.due(0), "reading goes on at once");
            assert!(!line.writing.due(0), "writing waits");
            assert_eq!(u64::from(line.writing.failures()), cursor);
        }
    }
}
