//! Configuration: a TOML file, and options that override it. Without either, `http://localhost:8080` and `./data`.

use crate::{limits, mail};
use clap::Parser;
use haven_wire::limits::{MIN_COMMIT_DAYS, MIN_MESSAGE_DAYS};
use serde::Deserialize;
use std::{
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
};

/// Haven's relay: stores ciphertext, orders commits, serves the web app.
///
/// Without arguments it serves http://localhost:8080 and keeps its data in ./data. Everything can be set in a TOML file
/// under the same names (with _ for -); options of the command line win.
#[derive(Debug, Default, Parser)]
#[command(version)]
pub struct Options {
    /// TOML file to read [default: haven.toml in the data directory, if it exists]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Where to listen. Put a proxy with TLS before it for anything but localhost [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<SocketAddr>,
    /// The part of people's addresses after the @. It can't be changed later [default: localhost]
    #[arg(long)]
    pub domain: Option<String>,
    /// The origin that browsers use [default: https://DOMAIN; for localhost, http with the port]
    #[arg(long)]
    pub origin: Option<String>,
    /// Directory of the database and of the key files opaque.key, mail.key and dkim.key. Back up all together [default: data]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Where Prometheus finds the metrics, on loopback only; "off" for nowhere [default: 127.0.0.1:9464]
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub metrics: Option<String>,
    /// Serves the web app from this directory instead of the built-in files, for development
    #[arg(long, value_name = "DIR")]
    pub web_root: Option<PathBuf>,
    /// Whether new accounts are taken [default: true]
    #[arg(long, value_name = "BOOL")]
    pub sign_up: Option<bool>,
    /// Where people get the source of the version that runs here; the app shows it, as the AGPL wants (section 13)
    #[arg(long, value_name = "URL")]
    pub source_url: Option<String>,
    /// Proxies whose X-Forwarded-For is believed, by address. Repeat for more [default: 127.0.0.1 and ::1]
    #[arg(long, value_name = "ADDRESS")]
    pub trusted_proxy: Vec<IpAddr>,
    /// How much to log: error, warn, info, debug or trace. No log names a person, a device or a group [default: info]
    #[arg(long, value_name = "LEVEL")]
    pub log: Option<String>,
}

/// The TOML file.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct File {
    listen: Option<SocketAddr>,
    domain: Option<String>,
    origin: Option<String>,
    data: Option<PathBuf>,
    metrics: Option<String>,
    web_root: Option<PathBuf>,
    sign_up: Option<bool>,
    source_url: Option<String>,
    trusted_proxy: Option<Vec<IpAddr>>,
    log: Option<String>,
    mail: mail::config::Config,
    retention_days: Retention,
    certificates: CertificatesFile,
    limits: limits::Config,
}

/// How long things are kept, in days.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Retention {
    /// Application messages.
    pub messages: u32,
    /// Commits, the hashes of epoch tokens, and what is left of application messages.
    pub commits: u32,
    /// Welcomes.
    pub welcomes: u32,
}

impl Default for Retention {
    fn default() -> Self {
        Self { messages: 30, commits: 365, welcomes: 30 }
    }
}

/// Where certificates of people elsewhere are looked for, as in the file.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct CertificatesFile {
    wkd: Option<bool>,
    key_server: Option<String>,
}

/// Where certificates of people elsewhere are looked for.
#[derive(Clone, Debug)]
pub struct Certificates {
    /// At their domains, by WKD.
    pub wkd: bool,
    /// The origin of a key server that speaks VKS, if one is asked.
    pub key_server: Option<String>,
}

/// What the relay runs with.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where to listen.
    pub listen: SocketAddr,
    /// The part of addresses after the `@`.
    pub domain: String,
    /// The origin, if it was set.
    pub origin: Option<String>,
    /// The data directory.
    pub data: PathBuf,
    /// Where the metrics are, if anywhere.
    pub metrics: Option<SocketAddr>,
    /// A directory to serve the web app from.
    pub web_root: Option<PathBuf>,
    /// Whether new accounts are taken.
    pub sign_up: bool,
    /// Where the source is to be had, if that is known.
    pub source_url: Option<String>,
    /// Proxies that are believed.
    pub trusted_proxies: Vec<IpAddr>,
    /// How much to log.
    pub log: tracing::Level,
    /// What is done with mail.
    pub mail: mail::config::Config,
    /// How long things are kept.
    pub retention: Retention,
    /// Where certificates are looked for.
    pub certificates: Certificates,
    /// Rates and quotas.
    pub limits: limits::Config,
}

/// A configuration that can't be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file can't be read.
    #[error("can't read {0}: {1}")]
    Read(PathBuf, std::io::Error),
    /// The file is not TOML, or holds unknown names.
    #[error("{0}: {1}")]
    Toml(PathBuf, Box<toml::de::Error>),
    /// A value makes no sense.
    #[error("{0}")]
    Value(&'static str),
}

impl Config {
    /// Options over file over defaults.
    pub fn load(options: Options) -> Result<Self, Error> {
        let data = options.data.clone().unwrap_or_else(|| "data".into());
        let file = match &options.config {
            Some(path) => read(path)?,
            None => {
                let path = data.join("haven.toml");
                if path.exists() { read(&path)? } else { File::default() }
            }
        };
        Self::merge(options, file)
    }

    fn merge(options: Options, file: File) -> Result<Self, Error> {
        let domain = options.domain.or(file.domain).unwrap_or_else(|| "localhost".into());
        if domain.is_empty() || domain.contains(|c: char| c == '@' || c.is_whitespace()) {
            return Err(Error::Value("domain: a host name such as example.org is wanted"));
        }
        if let Some(fault) = file.mail.fault() {
            return Err(Error::Value(fault));
        }
        if file.retention_days.messages < MIN_MESSAGE_DAYS || file.retention_days.commits < MIN_COMMIT_DAYS {
            return Err(Error::Value(
                "retention_days: messages are kept for 7 days at least, and commits for 90, or clients think that something \
                 is withheld",
            ));
        }
        let proxies =
            if options.trusted_proxy.is_empty() { file.trusted_proxy } else { Some(options.trusted_proxy) };
        let log = options.log.or(file.log).unwrap_or_else(|| "info".into());
        Ok(Self {
            listen: options.listen.or(file.listen).unwrap_or(SocketAddr::from(([127, 0, 0, 1], 8080))),
            domain: domain.to_ascii_lowercase(),
            origin: options.origin.or(file.origin),
            data: options.data.or(file.data).unwrap_or_else(|| "data".into()),
            metrics: metrics_address(options.metrics.or(file.metrics))?,
            web_root: options.web_root.or(file.web_root),
            sign_up: options.sign_up.or(file.sign_up).unwrap_or(true),
            source_url: source_url(options.source_url.or(file.source_url))?,
            trusted_proxies: proxies
                .unwrap_or_else(|| vec![IpAddr::from([127, 0, 0, 1]), std::net::Ipv6Addr::LOCALHOST.into()]),
            log: log.parse().map_err(|_| Error::Value("log: error, warn, info, debug or trace is wanted"))?,
            mail: file.mail,
            retention: file.retention_days,
            certificates: certificates(file.certificates)?,
            limits: file.limits,
        })
    }

    /// The origin, when the relay listens at `bound`.
    pub fn origin_at(&self, bound: SocketAddr) -> String {
        match &self.origin {
            Some(origin) => origin.trim_end_matches('/').to_owned(),
            None if self.is_local() => format!("http://localhost:{}", bound.port()),
            None => format!("https://{}", self.domain),
        }
    }

    /// How the relay calls itself to other mail servers.
    pub fn mail_hostname(&self) -> &str {
        self.mail.hostname.as_deref().unwrap_or(&self.domain)
    }

    /// Whether an address is of this relay's domain.
    pub fn is_of_this_domain(&self, address: &str) -> bool {
        address.rsplit_once('@').is_some_and(|(_, domain)| domain.eq_ignore_ascii_case(&self.domain))
    }

    /// Whether this is a relay for one machine, as without any configuration.
    pub fn is_local(&self) -> bool {
        self.domain == "localhost"
    }
}

fn read(path: &Path) -> Result<File, Error> {
    let text = std::fs::read_to_string(path).map_err(|error| Error::Read(path.to_owned(), error))?;
    toml::from_str(&text).map_err(|error| Error::Toml(path.to_owned(), Box::new(error)))
}

fn metrics_address(text: Option<String>) -> Result<Option<SocketAddr>, Error> {
    let text = text.unwrap_or_else(|| "127.0.0.1:9464".into());
    if text == "off" {
        return Ok(None);
    }
    let address: SocketAddr =
        text.parse().map_err(|_| Error::Value("metrics: an address such as 127.0.0.1:9464, or off"))?;
    if address.ip().is_loopback() {
        Ok(Some(address))
    } else {
        Err(Error::Value("metrics: must be on loopback, they are not for everybody"))
    }
}

fn certificates(file: CertificatesFile) -> Result<Certificates, Error> {
    let server = file.key_server.unwrap_or_else(|| "https://keys.openpgp.org".into());
    let key_server = (server != "off").then(|| server.trim_end_matches('/').to_owned());
    if key_server.as_ref().is_some_and(|origin| !origin.starts_with("https://")) {
        return Err(Error::Value("key_server: an origin such as https://keys.openpgp.org, or off"));
    }
    Ok(Certificates { wkd: file.wkd.unwrap_or(true), key_server })
}

/// What was set, or the repository that the package names: that is where this version comes from.
fn source_url(set: Option<String>) -> Result<Option<String>, Error> {
    let packaged = || Some(env!("CARGO_PKG_REPOSITORY").to_owned()).filter(|url| !url.is_empty());
    let url = set.or_else(packaged);
    let bad = |url: &String| !url.starts_with("https://") && !url.starts_with("http://");
    if url.as_ref().is_some_and(bad) {
        return Err(Error::Value("source_url: an address such as https://git.example.org/haven is wanted"));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(toml: &str, options: &[&str]) -> Result<Config, Error> {
        let file = toml::from_str(toml).unwrap();
        let options = Options::try_parse_from([&["haven-server"], options].concat()).unwrap();
        Config::merge(options, file)
    }

    #[test]
    fn nothing_set_means_localhost() {
        let config = merged("", &[]).unwrap();
        assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
        assert_eq!(config.domain, "localhost");
        assert_eq!(config.origin_at(config.listen), "http://localhost:8080");
        assert!(config.sign_up);
    }

    #[test]
    fn options_win_over_the_file() {
        let toml = "domain = 'a.example'\nsign_up = false\n[limits]\nclaims = { burst = 1, every_s = 2.5 }";
        let config = merged(toml, &["--domain", "B.example"]).unwrap();
        assert_eq!(config.domain, "b.example");
        assert!(!config.sign_up);
        assert_eq!(config.limits.claims, limits::Rate { burst: 1, every_s: 2.5 });
        assert_eq!(config.origin_at(config.listen), "https://b.example");
    }

    #[test]
    fn nothing_is_deleted_before_clients_expect_it() {
        let kept = |toml| merged(toml, &[]).map(|config| config.retention.messages);
        assert_eq!(kept("[retention_days]\nmessages = 7\ncommits = 90").unwrap(), 7);
        assert!(kept("[retention_days]\nmessages = 6").is_err());
        assert!(kept("[retention_days]\ncommits = 89").is_err());
    }

    #[test]
    fn metrics_stay_on_loopback() {
        assert!(merged("", &["--metrics", "0.0.0.0:9464"]).is_err());
        assert_eq!(merged("", &["--metrics", "off"]).unwrap().metrics, None);
    }

    #[test]
    fn a_source_is_named_only_if_it_is_known() {
        assert_eq!(
            merged("", &[]).unwrap().source_url.as_deref().unwrap_or(""),
            env!("CARGO_PKG_REPOSITORY")
        );
        let toml = "source_url = 'https://git.example.org/haven'";
        assert_eq!(merged(toml, &[]).unwrap().source_url.unwrap(), "https://git.example.org/haven");
        assert!(merged("", &["--source-url", "javascript:alert(1)"]).is_err());
    }

    #[test]
    fn a_key_server_is_asked_over_https_or_not_at_all() {
        let certificates = |toml| merged(toml, &[]).map(|config| config.certificates.key_server);
        assert_eq!(certificates("").unwrap().unwrap(), "https://keys.openpgp.org");
        assert_eq!(certificates("[certificates]\nkey_server = 'off'").unwrap(), None);
        assert!(certificates("[certificates]\nkey_server = 'http://keys.openpgp.org'").is_err());
    }

    #[test]
    fn a_misspelt_name_is_refused() {
        assert!(toml::from_str::<File>("domian = 'a.example'").is_err());
        assert!(toml::from_str::<File>("[limits]\nclaim = { burst = 1, every_s = 1.0 }").is_err());
    }

    #[test]
    fn the_example_shows_every_default_in_few_lines() {
        let example = include_str!("../haven.example.toml");
        assert!(example.lines().count() < 66);
        let (shown, default) = (merged(example, &[]).unwrap(), merged("", &[]).unwrap());
        assert_eq!(format!("{shown:?}"), format!("{default:?}"));
        let names = limits::Limit::ALL.iter().map(|limit| limit.name());
        assert!(names.into_iter().all(|name| example.contains(&format!("\n{name} = "))));
    }

    #[test]
    fn the_help_explains_each_option() {
        use clap::CommandFactory as _;
        for argument in Options::command().get_arguments() {
            assert!(argument.get_help().is_some(), "{}", argument.get_id());
        }
    }
}
