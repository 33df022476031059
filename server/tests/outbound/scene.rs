//! Alice at a relay, and what she is told of her mail.

use crate::common::{TestRelay, mail::*, random, socket::Socket};
use haven_server::config::Config;
use haven_wire::{Refusal, ids::MessageId, mail::*, push::FromRelay};
use sqlx::ConnectOptions as _;

pub struct Scene {
    pub relay: TestRelay,
    pub alice: Reader,
    socket: Socket,
    seen: u64,
}

/// A small mail of Alice's.
pub fn text(to: &str, subject: &str) -> String {
    format!(
        "From: <alice@localhost>\r\nTo: <{to}>\r\nSubject: {subject}\r\nDate: Mon, 2 Nov 2026 12:00:00 +0000\r\n\
         Message-ID: <1@localhost>\r\n\r\nGood morning\r\n.starts with a dot\r\n..and two\r\n\r\n"
    )
}

/// One message to all.
pub fn mail(to: &[&str], subject: &str) -> SubmitMail {
    let message = text(to[0], subject).into_bytes();
    let recipients = to.iter().map(|to| (*to).to_owned()).collect();
    SubmitMail {
        id: MessageId(random()),
        messages: vec![OutgoingMail { recipients, message }],
        kept: 0,
        note: None,
    }
}

impl Scene {
    pub async fn new(change: impl FnOnce(&mut Config)) -> Self {
        Self::of(TestRelay::start_with(change, Default::default()).await).await
    }

    pub async fn of(relay: TestRelay) -> Self {
        let alice = Reader::new(&relay, "alice").await;
        let socket = Socket::of(&relay, &alice.person).await;
        Self { relay, alice, socket, seen: 0 }
    }

    pub async fn send(&self, call: &SubmitMail) -> Result<Submitted, Refusal> {
        self.relay.call(call, self.alice.by()).await
    }

    /// The next report in Alice's mailbox.
    pub async fn told(&mut self) -> DeliveryReport {
        loop {
            let call = GetMailbox { after: self.seen, limit: 1 };
            let page = self.relay.call(&call, self.alice.by()).await.unwrap();
            match page.entries.into_iter().next() {
                Some(entry) => {
                    self.seen = entry.sequence;
                    if entry.kind == EntryKind::Delivery {
                        return haven_wire::decode(&opened(&self.alice.cert, &entry.body.unwrap())).unwrap();
                    }
                }
                None => while !matches!(self.socket.next().await.unwrap(), FromRelay::Mailbox { .. }) {},
            }
        }
    }

    /// What is next told of one recipient, as a word and the reason.
    pub async fn outcome(&mut self) -> (String, String) {
        let report = self.told().await;
        let to = report.recipients.join(" ");
        match report.outcome {
            Outcome::Delivered => (to, "delivered".into()),
            Outcome::Relayed => (to, "relayed".into()),
            Outcome::Delayed { reason } => (to, format!("delayed: {reason}")),
            Outcome::Failed { reason } => (to, format!("failed: {reason}")),
        }
    }

    /// Lets the queue believe that everything in it is so many seconds older, and due.
    pub async fn age(&self, seconds: i64) {
        let path = self.relay.data().join("haven.db");
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
        let mut connection = options.connect().await.unwrap();
        let sql = "UPDATE mail_queue SET first_tried = first_tried - $1, due = 0";
        sqlx::query(sql).bind(seconds).execute(&mut connection).await.unwrap();
        self.relay.state.hub.mail_queued.notify_one();
    }

    /// Waits until everything in the queue was given back so often.
    pub async fn tried(&self, attempts: i64) {
        let path = self.relay.data().join("haven.db");
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
        let mut connection = options.connect().await.unwrap();
        loop {
            let fewest: (Option<i64>,) =
                sqlx::query_as("SELECT MIN(attempts) FROM mail_queue WHERE taken_until = 0")
                    .fetch_one(&mut connection)
                    .await
                    .unwrap();
            if fewest.0.is_some_and(|fewest| fewest >= attempts) {
                return;
            }
            tokio::task::yield_now().await;
        }
    }

    pub async fn queue_is_empty(&self) -> bool {
        use haven_server::store::MailStore as _;
        self.relay.store.next_mail_due().await.unwrap().is_none()
    }
}
