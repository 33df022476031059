//! One SMTP session as a client: a message to a server, and what the server said of each recipient.

use super::verdict::{Reason, Verdict};
use lettre::{
    Address,
    transport::smtp::{
        Error,
        authentication::{Credentials, DEFAULT_MECHANISMS},
        client::{AsyncSmtpConnection, TlsParameters},
        commands::{Data, Mail, Rcpt},
        extension::ClientId,
        response::Response,
    },
};
use std::{net::SocketAddr, time::Duration};
use tokio::time::timeout;

/// To connect, with TLS and the first greetings.
const CONNECTED_WITHIN: Duration = Duration::from_secs(60);
/// One address of the server.
const ADDRESS_WITHIN: Duration = Duration::from_secs(20);
/// For a command (RFC 5321, section 4.5.3.2, has 5 minutes).
const ANSWERED_WITHIN: Duration = Duration::from_secs(300);
/// For the message, from its first byte to the answer.
const TAKEN_WITHIN: Duration = Duration::from_secs(900);

/// How the connection is protected.
#[derive(Clone)]
pub enum Protection {
    /// By TLS from its first byte.
    Tls(TlsParameters),
    /// By STARTTLS, or there is none.
    StartTls(TlsParameters),
    /// By STARTTLS if the server offers it.
    IfOffered(TlsParameters),
    /// By nothing.
    None,
}

/// A server that takes mail.
pub struct Server<'a> {
    /// As the sender is told.
    pub name: &'a str,
    /// Where it is.
    pub addresses: &'a [SocketAddr],
    /// How the connection is protected.
    pub protection: Protection,
    /// How to sign in, if that is needed.
    pub credentials: Option<&'a Credentials>,
    /// How the relay calls itself.
    pub hello: &'a ClientId,
}

/// A message and who gets it.
#[derive(Clone, Copy)]
pub struct Parcel<'a> {
    /// Whom it is from.
    pub sender: &'a Address,
    /// Who gets it, at this server.
    pub recipients: &'a [Address],
    /// The message, ending with CRLF.
    pub message: &'a [u8],
}

/// Why a command was not done.
enum Fault {
    /// The server said no, for ever or for now.
    Refused { for_ever: bool, said: String },
    /// The connection failed, or makes no sense.
    Broken(String),
    /// STARTTLS failed.
    NoTls(String),
}

/// Why a server can't be used now.
#[derive(Debug)]
pub struct Unusable {
    /// As the sender is told.
    pub reason: Reason,
    /// Whether it was STARTTLS that failed.
    pub in_starttls: bool,
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        let detail = detail(&error);
        match error.status() {
            Some(code) => Self::Refused { for_ever: error.is_permanent(), said: format!("{code} {detail}") },
            None => Self::Broken(detail),
        }
    }
}

/// What lies at the bottom of an error.
fn detail(error: &Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

impl Server<'_> {
    /// Hands a parcel over. Answers a verdict for each recipient, in their order, or why the server can't be used now:
    /// what it refuses before it knows the mail may be mended, on this side or that one.
    pub async fn take(&self, parcel: Parcel<'_>) -> Result<Vec<Verdict>, Unusable> {
        let opened = timeout(CONNECTED_WITHIN, self.open()).await;
        let silent = || Err(Fault::Broken("it does not answer".into()));
        let mut connection = match opened.unwrap_or_else(|_| silent()) {
            Ok(connection) => connection,
            Err(fault) => {
                let in_starttls = matches!(fault, Fault::NoTls(_));
                return Err(Unusable { reason: self.reason(fault), in_starttls });
            }
        };
        let verdicts = self.hand_over(&mut connection, parcel).await;
        // Whatever comes of it, the server has decided.
        let _ = timeout(ADDRESS_WITHIN, connection.quit()).await;
        Ok(verdicts)
    }

    async fn open(&self) -> Result<AsyncSmtpConnection, Fault> {
        let wrapped = match &self.protection {
            Protection::Tls(parameters) => Some(parameters.clone()),
            _ => None,
        };
        let (addresses, limit) = (self.addresses, Some(ADDRESS_WITHIN));
        let mut connection =
            AsyncSmtpConnection::connect_tokio1(addresses, limit, self.hello, wrapped, None).await?;
        match &self.protection {
            Protection::StartTls(tls) => start_tls(&mut connection, tls, self.hello).await?,
            Protection::IfOffered(tls) if connection.can_starttls() => {
                start_tls(&mut connection, tls, self.hello).await?;
            }
            _ => {}
        }
        if let Some(credentials) = self.credentials {
            connection.auth(DEFAULT_MECHANISMS, credentials).await?;
        }
        Ok(connection)
    }

    async fn hand_over(&self, connection: &mut AsyncSmtpConnection, parcel: Parcel<'_>) -> Vec<Verdict> {
        let everybody = |verdict: Verdict| vec![verdict; parcel.recipients.len()];
        if let Err(fault) = answered(connection.command(Mail::new(Some(parcel.sender.clone()), vec![]))).await
        {
            return everybody(self.verdict(fault));
        }
        let mut refused = Vec::new();
        for recipient in parcel.recipients {
            match answered(connection.command(Rcpt::new(recipient.clone(), vec![]))).await {
                Ok(_) => refused.push(None),
                Err(fault @ Fault::Refused { .. }) => refused.push(Some(self.verdict(fault))),
                Err(fault) => return everybody(self.verdict(fault)),
            }
        }
        if refused.iter().all(Option::is_some) {
            return refused.into_iter().flatten().collect();
        }
        let others = match transfer(connection, parcel.message).await {
            Ok(_) => Verdict::Delivered,
            Err(fault) => self.verdict(fault),
        };
        refused.into_iter().map(|refusal| refusal.unwrap_or_else(|| others.clone())).collect()
    }

    fn verdict(&self, fault: Fault) -> Verdict {
        let for_ever = matches!(fault, Fault::Refused { for_ever: true, .. });
        let reason = self.reason(fault);
        if for_ever { Verdict::Failed(reason) } else { Verdict::Later(reason) }
    }

    fn reason(&self, fault: Fault) -> Reason {
        let name = self.name;
        Reason::new(&match fault {
            Fault::Refused { said, .. } => format!("{name} said: {said}"),
            Fault::Broken(detail) => format!("{name} could not be reached: {detail}"),
            Fault::NoTls(detail) => format!("{name} offers no safe connection: {detail}"),
        })
    }
}

async fn start_tls(
    connection: &mut AsyncSmtpConnection,
    tls: &TlsParameters,
    hello: &ClientId,
) -> Result<(), Fault> {
    let started = connection.starttls(tls.clone(), hello).await;
    started.map_err(|error| Fault::NoTls(detail(&error)))
}

async fn transfer(connection: &mut AsyncSmtpConnection, message: &[u8]) -> Result<Response, Fault> {
    answered(connection.command(Data)).await?;
    // The end of data brings a line end of its own.
    let message = message.strip_suffix(b"\r\n").unwrap_or(message);
    within(TAKEN_WITHIN, connection.message(message)).await
}

async fn answered(command: impl Future<Output = Result<Response, Error>>) -> Result<Response, Fault> {
    within(ANSWERED_WITHIN, command).await
}

async fn within(
    limit: Duration,
    command: impl Future<Output = Result<Response, Error>>,
) -> Result<Response, Fault> {
    match timeout(limit, command).await {
        Ok(result) => Ok(result?),
        Err(_) => Err(Fault::Broken("it does not answer".into())),
    }
}
