//! Who a mail is from, as far as DNS tells: SPF, DKIM and DMARC, and the header field in which the owner reads it.
//!
//! What is refused here is refused because the domain in `From` asks for it (`p=reject`). Everything else is for the
//! owner to judge. A mail that can't be judged because DNS is silent is taken, and the field says so.

use super::trace::Fields;
use mail_auth::{
    AuthenticatedMessage, AuthenticationResults, DmarcResult, MessageAuthenticator,
    common::headers::HeaderWriter as _,
    dmarc::{Policy, verify::DmarcParameters},
    hickory_resolver::{
        TokioResolver,
        config::{ConnectionConfig, NameServerConfig, ResolverConfig, ResolverOpts},
        net::NetError,
        system_conf::read_system_conf,
    },
    spf::verify::SpfParameters,
};
use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};
use tokio::{runtime::Handle, time::timeout};

/// How long one question to DNS may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(3);
/// How long all questions about one mail may take.
const EXAMINED_WITHIN: Duration = Duration::from_secs(30);
/// Longest header section. Each field costs memory beside its own.
const MAX_HEADER: usize = 512 * 1024;
/// DKIM signatures. Each may want the whole mail hashed; a mailing list adds one or two.
const MAX_SIGNATURES: usize = 12;
/// A mail that went through more servers goes in circles.
const MAX_HOPS: usize = 50;

/// Asks DNS.
#[derive(Clone)]
pub struct Resolver(MessageAuthenticator);

impl Resolver {
    /// Asks this server, or those of the system.
    pub fn new(server: Option<SocketAddr>) -> Result<Self, NetError> {
        let (config, mut options) = match server {
            Some(address) => (only(address), ResolverOpts::default()),
            None => read_system_conf().unwrap_or_else(|_| {
                tracing::warn!("no resolver is configured on this system: no name will be found");
                (ResolverConfig::from_name_servers(Vec::new()), ResolverOpts::default())
            }),
        };
        options.timeout = ANSWER_WITHIN;
        MessageAuthenticator::new(config, options).map(Self)
    }

    /// The resolver itself.
    pub fn dns(&self) -> &TokioResolver {
        self.0.resolver()
    }
}

fn only(server: SocketAddr) -> ResolverConfig {
    let mut connections = vec![ConnectionConfig::udp(), ConnectionConfig::tcp()];
    connections.iter_mut().for_each(|connection| connection.port = server.port());
    ResolverConfig::from_name_servers(vec![NameServerConfig::new(server.ip(), true, connections)])
}

/// Who brings a mail.
#[derive(Clone, Debug)]
pub struct Sender {
    /// From where.
    pub from: IpAddr,
    /// How they call themselves.
    pub helo: String,
    /// Where they want to hear of failures; nothing for a report of a failure.
    pub mail_from: String,
}

/// What became of the examination.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Findings {
    /// An `Authentication-Results` field, with its line end.
    Results(String),
    /// The domain in `From` wants mail like this refused.
    Forged,
    /// It has no header section or too long a one, not exactly one `From`, too many signatures, or went through too many
    /// servers.
    Malformed,
    /// It could not be found out.
    Unknown,
}

/// Examines a mail, on a thread on which that may take its time: large mails are hashed.
pub async fn examine(resolver: Resolver, sender: Sender, message: Arc<[u8]>, hostname: String) -> Findings {
    let runtime = Handle::current();
    let work = move || {
        let examined = resolver.examine(&sender, &message, &hostname);
        runtime.block_on(timeout(EXAMINED_WITHIN, examined))
    };
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(findings)) => findings,
        Ok(Err(_)) | Err(_) => Findings::Unknown,
    }
}

impl Resolver {
    async fn examine(&self, sender: &Sender, message: &[u8], hostname: &str) -> Findings {
        let parsed = well_formed(message).then(|| AuthenticatedMessage::parse(message)).flatten();
        let Some(parsed) = parsed.filter(|parsed| one_domain(parsed.froms())) else {
            return Findings::Malformed;
        };
        let Sender { from, helo, mail_from } = sender;
        let dkim = self.0.verify_dkim(&parsed).await;
        let spf = if mail_from.is_empty() {
            self.0.verify_spf(SpfParameters::verify_ehlo(*from, helo, hostname)).await
        } else {
            self.0.verify_spf(SpfParameters::verify_mail_from(*from, helo, hostname, mail_from)).await
        };
        let domain = mail_from.rsplit_once('@').map_or(helo.as_str(), |(_, domain)| domain);
        let dmarc = self.0.verify_dmarc(DmarcParameters::new(&parsed, &dkim, domain, &spf)).await;
        if dmarc.policy() == Policy::Reject && matches!(dmarc.result(), DmarcResult::Fail(_)) {
            return Findings::Forged;
        }
        let results = AuthenticationResults::new(hostname)
            .with_dkim_results(&dkim, parsed.from())
            .with_spf_mailfrom_result(&spf, *from, mail_from, helo)
            .with_dmarc_result(&dmarc);
        Findings::Results(results.to_header())
    }
}

/// Whether the header section is within its limits, and there is one `From`.
fn well_formed(message: &[u8]) -> bool {
    let (mut size, mut from, mut hops, mut signatures) = (0, 0, 0, 0);
    for field in Fields::of(message) {
        size += field.whole.len();
        from += usize::from(field.is("From"));
        hops += usize::from(field.is("Received"));
        signatures += usize::from(field.is("DKIM-Signature") || field.is("DKIM2-Signature"));
        if size > MAX_HEADER {
            return false;
        }
    }
    from == 1 && hops <= MAX_HOPS && signatures <= MAX_SIGNATURES
}

/// Whether there is somebody in `From`, and all of them are at one domain: DMARC judges one.
fn one_domain(from: &[String]) -> bool {
    let mut domains: Vec<String> =
        from.iter().filter_map(|address| Some(address.rsplit_once('@')?.1.to_ascii_lowercase())).collect();
    domains.dedup();
    domains.len() == 1
}
