//! Where mail to other domains goes: nowhere, to a smarthost, or to the servers that the domain names.

use super::{
    session::{Parcel, Protection, Server, Unusable},
    verdict::{Reason, Verdict},
};
use crate::{
    mail::config::{self, Config},
    outside::{Checked, NoWay, Outside},
};
use lettre::transport::smtp::{authentication::Credentials, client::TlsParameters, extension::ClientId};
use std::{io, net::SocketAddr};
use tokio::net::lookup_host;

/// Where servers take mail from each other.
const SMTP: u16 = 25;
/// The password of the smarthost, if it is in no file.
const PASSWORD_VARIABLE: &str = "HAVEN_SMARTHOST_PASSWORD";

/// Where mail to other domains goes.
pub enum Route {
    /// Nowhere.
    Off,
    /// To one server, which takes care of the rest.
    Smarthost(Box<Smarthost>),
    /// To the servers of the recipient's domain.
    Direct(Outside),
}

/// A server that takes all our mail.
pub struct Smarthost {
    host: String,
    port: u16,
    protection: Protection,
    credentials: Option<Credentials>,
}

impl Route {
    /// As configured. Reads the password of the smarthost.
    pub fn open(config: &Config, outside: Outside) -> io::Result<Self> {
        Ok(match config.route {
            config::Route::Off => Self::Off,
            config::Route::Mx => Self::Direct(outside),
            config::Route::Smarthost => Self::Smarthost(Box::new(Smarthost::open(config)?)),
        })
    }

    /// Hands a parcel, whose recipients are all of `domain` unless there is a smarthost, to whoever takes it.
    pub async fn send(&self, hello: &ClientId, domain: &str, parcel: Parcel<'_>) -> Vec<Verdict> {
        let sent = match self {
            Self::Off => Err(Verdict::Failed(Reason::new("this relay sends no mail to other domains"))),
            Self::Smarthost(smarthost) => smarthost.take(hello, parcel).await,
            Self::Direct(outside) => direct(outside, hello, domain, parcel).await,
        };
        sent.unwrap_or_else(|verdict| vec![verdict; parcel.recipients.len()])
    }

    /// Whether all recipients go to the same server.
    pub fn is_one_server(&self) -> bool {
        !matches!(self, Self::Direct(_))
    }
}

impl Smarthost {
    fn open(config: &Config) -> io::Result<Self> {
        let parts = config.smarthost().ok_or_else(|| io::Error::other("mail.smarthost makes no sense"))?;
        let tls = || TlsParameters::new(parts.host.clone()).map_err(io::Error::other);
        let protection = match (parts.wrapped, config.smarthost_tls) {
            (true, _) => Protection::Tls(tls()?),
            (false, config::Tls::Required) => Protection::StartTls(tls()?),
            (false, config::Tls::None) => Protection::None,
        };
        let credentials = match parts.user {
            Some(user) => Some(Credentials::new(user, password(config)?)),
            None => None,
        };
        Ok(Self { host: parts.host, port: parts.port, protection, credentials })
    }

    async fn take(&self, hello: &ClientId, parcel: Parcel<'_>) -> Result<Vec<Verdict>, Verdict> {
        let name = format!("This relay's outgoing mail server ({})", self.host);
        let found = lookup_host((self.host.as_str(), self.port)).await;
        let addresses: Vec<SocketAddr> = found.map(Iterator::collect).unwrap_or_default();
        if addresses.is_empty() {
            return Err(Verdict::Later(Reason::new(&format!("{name} could not be found in the DNS"))));
        }
        let server = Server {
            name: &name,
            addresses: &addresses,
            protection: self.protection.clone(),
            credentials: self.credentials.as_ref(),
            hello,
        };
        server.take(parcel).await.map_err(|unusable| Verdict::Later(unusable.reason))
    }
}

fn password(config: &Config) -> io::Result<String> {
    if let Some(path) = &config.smarthost_password_file {
        let text = std::fs::read_to_string(path);
        let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
        return Ok(text.map_err(named)?.trim_end_matches(['\r', '\n']).to_owned());
    }
    std::env::var(PASSWORD_VARIABLE)
        .map_err(|_| io::Error::other("the smarthost wants a password: smarthost_password_file"))
}

/// Tries the servers of a domain, the best first, until one answers.
async fn direct(
    outside: &Outside,
    hello: &ClientId,
    domain: &str,
    parcel: Parcel<'_>,
) -> Result<Vec<Verdict>, Verdict> {
    let mut verdict = Verdict::Failed(Reason::new(&format!("{domain} has no mail server")));
    for host in hosts(outside, domain).await? {
        let addresses = match outside.addresses(&host, SMTP).await {
            Ok(addresses) => addresses,
            Err(why) => {
                verdict = worse(verdict, no_way(&host, why));
                continue;
            }
        };
        match handed_over(hello, &host, &addresses, parcel).await {
            Ok(verdicts) => return Ok(verdicts),
            Err(unusable) => verdict = Verdict::Later(unusable.reason),
        }
    }
    Err(verdict)
}

/// The mail servers of a domain: those that it names, or itself (RFC 5321, section 5.1).
async fn hosts(outside: &Outside, domain: &str) -> Result<Vec<String>, Verdict> {
    let exchangers = outside.exchangers(domain).await.map_err(|why| no_way(domain, why))?;
    if exchangers.iter().any(|exchanger| exchanger.host.is_empty()) {
        return Err(Verdict::Failed(Reason::new(&format!("{domain} takes no mail"))));
    }
    if exchangers.is_empty() {
        return Ok(vec![domain.to_owned()]);
    }
    Ok(exchangers.into_iter().map(|exchanger| exchanger.host).collect())
}

fn no_way(host: &str, why: NoWay) -> Verdict {
    let reason = Reason::new(&format!("{host}: {why}"));
    match why {
        NoWay::Unknown => Verdict::Later(reason),
        NoWay::NotAHost | NoWay::NoSuchHost | NoWay::NotPublic => Verdict::Failed(reason),
    }
}

/// As long as one server may come back, there is hope.
fn worse(so_far: Verdict, new: Verdict) -> Verdict {
    if matches!(so_far, Verdict::Later(_)) { so_far } else { new }
}

/// With STARTTLS if it is offered, whoever signed the server's certificate: the DNS that named it could lie as well. If
/// TLS fails, without.
async fn handed_over(
    hello: &ClientId,
    host: &str,
    addresses: &Checked,
    parcel: Parcel<'_>,
) -> Result<Vec<Verdict>, Unusable> {
    let unproven = TlsParameters::builder(host.to_owned())
        .dangerous_accept_invalid_certs(true)
        .dangerous_accept_invalid_hostnames(true)
        .build();
    let protection = unproven.map_or(Protection::None, Protection::IfOffered);
    let server = |protection| Server { name: host, addresses, protection, credentials: None, hello };
    match server(protection).take(parcel).await {
        Err(unusable) if unusable.in_starttls => server(Protection::None).take(parcel).await,
        taken => taken,
    }
}
