//! The conversation with another server.

use super::{
    content::Fault,
    forward::{self, Forwarded},
    receive::{self, Bringer},
    reply::Reply,
    tls,
    transfer::Transfer,
    wire::{Gone, Line, Wire},
};
use crate::{
    limits::{Limit, Network},
    mail::arrival,
    state::State,
    store::MailAccount,
};
use haven_wire::limits::{MAX_ARRIVING_MAIL, MAX_RECIPIENTS, is_role, valid_local_part};
use smtp_proto::{Error as Syntax, MAIL_BODY_BINARYMIME, MailFrom, Request};
use std::{borrow::Cow, net::IpAddr};

/// Errors in one session.
const MAX_ERRORS: u32 = 20;
/// Commands in one session: a hundred mails to a hundred people each.
const MAX_COMMANDS: u32 = 10_000;

/// A session.
pub struct Session {
    state: State,
    /// Where the other side is, or for whom it speaks.
    peer: IpAddr,
    /// Whether it is a server in front, which says for whom it speaks.
    in_front: bool,
    /// How those call themselves.
    forwarded_helo: Option<String>,
    /// How the other side calls itself.
    helo: Option<String>,
    extended: bool,
    encrypted: bool,
    transaction: Option<Transaction>,
    errors: u32,
    commands: u32,
}

/// A mail that is being announced.
struct Transaction {
    mail_from: String,
    /// Bytes, as announced; 0 if they were not.
    size: usize,
    recipients: Vec<MailAccount>,
    /// What came by BDAT.
    chunks: Option<Transfer>,
}

/// What a command leads to.
enum Next {
    Say(Reply),
    /// Read a mail to its dot.
    Data,
    /// Read a chunk.
    Chunk {
        size: usize,
        last: bool,
    },
    StartTls,
}

impl Session {
    /// A session with somebody there.
    pub fn new(state: State, peer: IpAddr) -> Self {
        let in_front = state.config.mail.smtp_proxies.contains(&peer);
        Self {
            state,
            peer,
            in_front,
            forwarded_helo: None,
            helo: None,
            extended: false,
            encrypted: false,
            transaction: None,
            errors: 0,
            commands: 0,
        }
    }

    fn hostname(&self) -> &str {
        self.state.config.mail_hostname()
    }

    /// Talks until either side has had enough.
    pub async fn run(mut self, mut wire: Wire) {
        let greeting = Reply::greeting(self.hostname());
        if wire.send(&greeting).await.is_err() {
            return;
        }
        loop {
            match self.step(wire).await {
                Ok(Some(same)) => wire = same,
                Ok(None) | Err(_) => return,
            }
        }
    }

    /// One command and its answer. Nothing when the session is over.
    async fn step(&mut self, mut wire: Wire) -> Result<Option<Wire>, Gone> {
        let reply = match self.answer(&mut wire).await {
            Ok(Some(reply)) => self.counted(reply),
            Ok(None) => return self.start_tls(wire).await,
            Err(Gone::Slow) => Reply::TOO_SLOW,
            Err(Gone::Closed) => return Err(Gone::Closed),
        };
        wire.send(&reply).await?;
        Ok((!reply.is_last()).then_some(wire))
    }

    /// What is said to the next command. Nothing if TLS is to begin.
    async fn answer(&mut self, wire: &mut Wire) -> Result<Option<Reply>, Gone> {
        let line = wire.line().await?;
        Ok(match self.command(line).await {
            Next::Say(reply) => Some(reply),
            // What was sent before it was asked for is from somebody who doesn't read answers, or is not from whom it
            // seems to be (CVE-2011-0411).
            Next::Data | Next::StartTls if wire.has_more() => Some(Reply::TOO_EARLY),
            Next::StartTls => None,
            Next::Data => Some(self.data(wire).await?),
            Next::Chunk { size, last } => Some(self.chunk(wire, size, last).await?),
        })
    }

    /// Ends the session of somebody who makes too many errors, or doesn't come to an end.
    fn counted(&mut self, reply: Reply) -> Reply {
        self.commands += 1;
        self.errors += u32::from(reply.is_error());
        if self.errors > MAX_ERRORS {
            Reply::TOO_MANY_ERRORS
        } else if self.commands > MAX_COMMANDS {
            Reply::TOO_MANY_COMMANDS
        } else {
            reply
        }
    }

    async fn command(&mut self, line: Line) -> Next {
        let line = match line {
            Line::Good(line) => line,
            Line::Bad => return Next::Say(Reply::BAD_LINE),
            Line::Long => return Next::Say(Reply::LINE_TOO_LONG),
        };
        if self.in_front
            && let Some(forwarded) = forward::parse(&line)
        {
            return Next::Say(self.forwarded(forwarded));
        }
        match Request::parse(&mut line.iter()) {
            Ok(request) => self.obey(request).await,
            Err(Syntax::UnknownCommand) => Next::Say(Reply::UNKNOWN),
            Err(Syntax::InvalidSenderAddress) => Next::Say(Reply::BAD_SENDER),
            Err(Syntax::InvalidRecipientAddress) => Next::Say(Reply::BAD_RECIPIENT),
            Err(_) => Next::Say(Reply::SYNTAX),
        }
    }

    async fn obey(&mut self, request: Request<Cow<'_, str>>) -> Next {
        Next::Say(match request {
            Request::Ehlo { host } => self.hello(&host, true),
            Request::Helo { host } => self.hello(&host, false),
            Request::StartTls if self.encrypted || !self.offers_tls() => Reply::NOT_NOW,
            Request::StartTls => return Next::StartTls,
            Request::Mail { from } => self.mail(from),
            Request::Rcpt { to } => self.recipient(&to.address).await,
            Request::Data => return self.may_send(Next::Data, false),
            Request::Bdat { chunk_size, is_last } => {
                return self.may_send(Next::Chunk { size: chunk_size, last: is_last }, true);
            }
            Request::Rset => {
                self.transaction = None;
                Reply::DONE
            }
            Request::Noop { .. } => Reply::DONE,
            Request::Vrfy { .. } => Reply::NOT_SAID,
            Request::Quit => Reply::BYE,
            _ => Reply::NOT_HERE,
        })
    }

    /// It holds until it is said anew.
    fn forwarded(&mut self, forwarded: Forwarded) -> Reply {
        if self.transaction.is_some() {
            return Reply::NOT_NOW;
        }
        self.peer = forwarded.from.unwrap_or(self.peer).to_canonical();
        self.forwarded_helo = forwarded.helo.or(self.forwarded_helo.take());
        Reply::DONE
    }

    fn offers_tls(&self) -> bool {
        self.state.config.mail.tls_certificate.is_some()
    }

    fn hello(&mut self, host: &str, extended: bool) -> Reply {
        self.helo = Some(host.trim().to_owned());
        self.extended = extended;
        self.transaction = None;
        if extended {
            let forward = if self.in_front { Some(forward::OFFER) } else { None };
            let tls = Some("STARTTLS").filter(|_| self.offers_tls() && !self.encrypted);
            Reply::ehlo(self.hostname(), &[forward, tls])
        } else {
            Reply::helo(self.hostname())
        }
    }

    fn mail(&mut self, from: MailFrom<Cow<'_, str>>) -> Reply {
        if self.helo.is_none() {
            return Reply::HELLO_FIRST;
        }
        if self.transaction.is_some() {
            return Reply::NOT_NOW;
        }
        if from.flags & MAIL_BODY_BINARYMIME != 0 {
            return Reply::NO_BINARY;
        }
        if from.size > MAX_ARRIVING_MAIL {
            self.state.metrics.mail("too_large");
            return Reply::TOO_LARGE;
        }
        self.transaction = Some(Transaction {
            mail_from: from.address.into_owned(),
            size: from.size,
            recipients: Vec::new(),
            chunks: None,
        });
        Reply::SENDER_OK
    }

    async fn recipient(&mut self, address: &str) -> Reply {
        let Some(transaction) = &self.transaction else {
            return Reply::MAIL_FIRST;
        };
        if transaction.chunks.is_some() {
            return Reply::NOT_NOW;
        }
        if transaction.recipients.len() >= MAX_RECIPIENTS {
            return Reply::TOO_MANY_RECIPIENTS;
        }
        match self.found(address, transaction.size).await {
            Ok(account) => self.add(account),
            Err((reply, reason)) => {
                self.state.metrics.mail(reason);
                reply
            }
        }
    }

    fn add(&mut self, account: MailAccount) -> Reply {
        if let Some(transaction) = &mut self.transaction
            && !transaction.recipients.iter().any(|known| known.account == account.account)
        {
            transaction.recipients.push(account);
        }
        Reply::RECIPIENT_OK
    }

    /// Where the sender is, as far as limits are concerned: nowhere, if that is this machine and the relay is for this machine
    /// only.
    fn network(&self) -> Option<Network> {
        let local = self.peer.is_loopback() && self.state.config.is_local();
        (!local).then(|| self.peer.into())
    }

    /// Who has this address, if they can get a mail now.
    async fn found(&self, address: &str, size: usize) -> Result<MailAccount, (Reply, &'static str)> {
        let local = self.local_part(address).ok_or((Reply::NO_RELAY, "not_here"))?;
        if let Some(network) = self.network() {
            let taken = crate::auth::take(&self.state, Limit::arrivals_per_network, network, 1);
            taken.map_err(|_| (Reply::SLOW_DOWN, "limited"))?;
        }
        let local = match &self.state.config.mail.postmaster {
            Some(postmaster) if is_role(&local) => postmaster.clone(),
            _ => local,
        };
        let unknown = (Reply::NO_SUCH_USER, "unknown");
        if !valid_local_part(&local) {
            return Err(unknown);
        }
        let found = self.state.store.mail_account(&local).await;
        let account = found.map_err(|_| (Reply::CANT_STORE, "failed"))?.ok_or(unknown)?;
        if !arrival::fits(&account, size, self.state.config.mail.quota()) {
            return Err((Reply::FULL, "full"));
        }
        // Said now, it keeps nobody else waiting for their mail.
        match arrival::can_encrypt(&self.state, &account).await {
            Ok(()) => Ok(account),
            Err(_) => Err((Reply::NO_KEY, "no_key")),
        }
    }

    /// The part before the `@`, if the address is of this relay. The parser makes nothing of `<postmaster>`, which may
    /// come without a domain (RFC 5321, section 4.5.1).
    fn local_part(&self, address: &str) -> Option<String> {
        if address.is_empty() {
            return Some("postmaster".into());
        }
        let (local, domain) = address.rsplit_once('@')?;
        domain.eq_ignore_ascii_case(&self.state.config.domain).then(|| local.to_ascii_lowercase())
    }

    /// Whether a mail may come now. A chunk comes anyway, and is read and forgotten if it may not.
    fn may_send(&self, next: Next, chunk: bool) -> Next {
        let reply = match &self.transaction {
            None => Reply::MAIL_FIRST,
            Some(transaction) if transaction.recipients.is_empty() => Reply::RECIPIENT_FIRST,
            Some(transaction) if !chunk && transaction.chunks.is_some() => Reply::NOT_NOW,
            Some(_) => return next,
        };
        if chunk { next } else { Next::Say(reply) }
    }

    async fn start_tls(&mut self, mut wire: Wire) -> Result<Option<Wire>, Gone> {
        let Some(acceptor) = tls::acceptor(&self.state.config.mail).await else {
            wire.send(&Reply::NO_TLS_NOW).await?;
            return Ok(Some(wire));
        };
        wire.send(&Reply::READY_FOR_TLS).await?;
        let (stream, over) = wire.replace();
        // What was said in the clear doesn't count any more.
        self.helo = None;
        self.transaction = None;
        self.encrypted = true;
        Ok(tls::encrypt(&acceptor, stream).await.map(over))
    }

    async fn data(&mut self, wire: &mut Wire) -> Result<Reply, Gone> {
        let Some(transaction) = self.transaction.take() else {
            return Ok(Reply::MAIL_FIRST);
        };
        wire.send(&Reply::GO_ON).await?;
        let mut transfer = Transfer::new(&self.state, self.network(), transaction.size);
        transfer.until_dot(wire).await?;
        Ok(self.taken(transaction, transfer).await)
    }

    async fn chunk(&mut self, wire: &mut Wire, size: usize, last: bool) -> Result<Reply, Gone> {
        let Some(mut transaction) = self.transaction.take_if(|open| !open.recipients.is_empty()) else {
            Transfer::ignored(&self.state).chunk(wire, size).await?;
            return Ok(Reply::RECIPIENT_FIRST);
        };
        let earlier = transaction.chunks.take();
        let mut transfer =
            earlier.unwrap_or_else(|| Transfer::new(&self.state, self.network(), transaction.size));
        transfer.chunk(wire, size).await?;
        if last {
            return Ok(self.taken(transaction, transfer).await);
        }
        self.transaction = Some(Transaction { chunks: Some(transfer), ..transaction });
        Ok(Reply::CHUNK_OK)
    }

    /// A mail came to its end.
    async fn taken(&self, transaction: Transaction, transfer: Transfer) -> Reply {
        let (content, _room) = transfer.finish();
        let (reply, reason) = match content {
            Err(Fault::Bare) => (Reply::BAD_CONTENT, "malformed"),
            Err(Fault::Long) => (Reply::LONG_CONTENT, "malformed"),
            Err(Fault::Large) => (Reply::TOO_LARGE, "too_large"),
            Err(Fault::NoRoom) => (Reply::NO_ROOM, "no_room"),
            Ok(message) => {
                let bringer = Bringer {
                    peer: self.peer,
                    helo: self.forwarded_helo.clone().or_else(|| self.helo.clone()).unwrap_or_default(),
                    mail_from: transaction.mail_from,
                    protocol: self.protocol(),
                };
                receive::receive(&self.state, bringer, &transaction.recipients, message).await
            }
        };
        self.state.metrics.mail(reason);
        reply
    }

    fn protocol(&self) -> &'static str {
        match (self.extended, self.encrypted) {
            (true, true) => "ESMTPS",
            (true, false) => "ESMTP",
            (false, _) => "SMTP",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::{Config, Options},
        relay::Relay,
    };
    use clap::Parser as _;
    use tokio::io::{AsyncReadExt as _, duplex};

    #[tokio::test]
    async fn who_says_nothing_is_told_so_and_left() {
        let data = tempfile::tempdir().unwrap();
        let options = ["haven-server", "--listen", "127.0.0.1:0", "--metrics", "off"];
        let mut options = Options::parse_from(options);
        options.data = Some(data.path().into());
        let relay = Relay::open(Config::load(options).unwrap()).await.unwrap();
        let (near, mut far) = duplex(1024);
        tokio::time::pause();
        let session = Session::new(relay.state.clone(), IpAddr::from([127, 0, 0, 1]));
        session.run(Wire::new(Box::new(near))).await;
        let mut heard = String::new();
        far.read_to_string(&mut heard).await.unwrap();
        assert_eq!(heard, "220 localhost ESMTP Haven\r\n421 4.4.2 That took too long\r\n");
    }
}
