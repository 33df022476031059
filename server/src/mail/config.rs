//! The `[mail]` block of the configuration.

use haven_wire::limits::valid_local_part;
use serde::Deserialize;
use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
};

/// What the relay does with mail. Without any of it, people of this relay write to each other.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How the relay calls itself to other servers, and in `Authentication-Results`. Nothing: the domain.
    pub hostname: Option<String>,
    /// Megabytes that a mailbox holds.
    pub quota_mb: u64,
    /// Where mail from other servers is taken. Nothing: nowhere.
    pub smtp_listen: Option<SocketAddr>,
    /// Whose mailbox gets mail to `postmaster`, `abuse` and other roles (RFC 2142): the part before the `@`. Nothing: it is
    /// refused like mail to nobody.
    pub postmaster: Option<String>,
    /// PEM file of the certificate chain for STARTTLS.
    pub tls_certificate: Option<PathBuf>,
    /// PEM file of its key.
    pub tls_key: Option<PathBuf>,
    /// Mail servers in front that are believed when they say for whom they speak (`XFORWARD`).
    pub smtp_proxies: Vec<IpAddr>,
    /// Where mail to other domains goes.
    pub route: Route,
    /// `smtps://user@host:465`, or `smtp://user@host:587` for STARTTLS; the user and the port may be left out.
    pub smarthost: Option<String>,
    /// File with the smarthost's password. Nothing: the variable `HAVEN_SMARTHOST_PASSWORD`, if there is a user.
    pub smarthost_password_file: Option<PathBuf>,
    /// Whether the smarthost has to offer STARTTLS.
    pub smarthost_tls: Tls,
    /// Names the DKIM key among those of the domain.
    pub dkim_selector: String,
    /// The resolver that is asked. Nothing: the system's.
    pub dns: Option<SocketAddr>,
}

/// Where mail to other domains goes.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "snake_case")]
pub enum Route {
    /// Nowhere: it is refused.
    Off,
    /// To [`Config::smarthost`].
    Smarthost,
    /// To the servers of each domain.
    Mx,
}

/// How a connection is protected that does not begin with TLS.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "snake_case")]
pub enum Tls {
    /// By STARTTLS, or nothing is sent.
    Required,
    /// Not at all. For a server on this machine only.
    None,
}

/// The parts of [`Config::smarthost`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Smarthost {
    /// Whether TLS comes first.
    pub wrapped: bool,
    /// Who signs in, if somebody does.
    pub user: Option<String>,
    /// Its name.
    pub host: String,
    /// Its port.
    pub port: u16,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            hostname: None,
            quota_mb: 1024,
            smtp_listen: None,
            postmaster: None,
            tls_certificate: None,
            tls_key: None,
            smtp_proxies: Vec::new(),
            route: Route::Off,
            smarthost: None,
            smarthost_password_file: None,
            smarthost_tls: Tls::Required,
            dkim_selector: "haven".into(),
            dns: None,
        }
    }
}

impl Config {
    /// Bytes that a mailbox holds.
    pub fn quota(&self) -> u64 {
        self.quota_mb.saturating_mul(1_000_000)
    }

    /// The parts of the smarthost's address, if it is set and one.
    pub fn smarthost(&self) -> Option<Smarthost> {
        let address = self.smarthost.as_ref()?;
        let (wrapped, rest) = match address.split_once("://")? {
            ("smtps", rest) => (true, rest),
            ("smtp", rest) => (false, rest),
            _ => return None,
        };
        // A user may be an address, too.
        let (user, place) = match rest.rsplit_once('@') {
            Some((user, place)) => (Some(user.to_owned()), place),
            None => (None, rest),
        };
        let (host, port) = match place.rsplit_once(':') {
            Some((host, port)) => (host, port.parse().ok()?),
            None => (place, if wrapped { 465 } else { 587 }),
        };
        super::address::valid_domain(host).then(|| Smarthost { wrapped, user, host: host.into(), port })
    }

    fn route_fault(&self) -> Option<&'static str> {
        let smarthost = self.smarthost();
        if smarthost.is_none() && self.smarthost.is_some() {
            return Some("mail.smarthost: smtps://user@host:465 or smtp://user@host:587 is wanted");
        }
        if smarthost.is_some() != (self.route == Route::Smarthost) {
            return Some("mail: route = \"smarthost\" and smarthost go together");
        }
        let here = |host: &str| matches!(host, "localhost" | "127.0.0.1");
        if self.smarthost_tls == Tls::None && !smarthost.is_some_and(|smarthost| here(&smarthost.host)) {
            return Some("mail.smarthost_tls: \"none\" is for a smarthost on this machine only");
        }
        None
    }

    /// What makes no sense, if something does.
    pub fn fault(&self) -> Option<&'static str> {
        let bad = |name: &String| !super::address::valid_domain(name);
        if self.hostname.as_ref().is_some_and(bad) {
            return Some("mail.hostname: a host name such as mail.example.org is wanted");
        }
        if self.postmaster.as_ref().is_some_and(|local| !valid_local_part(local)) {
            return Some("mail.postmaster: the name of somebody of this relay is wanted, without the domain");
        }
        if self.tls_certificate.is_some() != self.tls_key.is_some() {
            return Some("mail: tls_certificate and tls_key go together");
        }
        self.route_fault()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(toml: &str) -> Option<&'static str> {
        toml::from_str::<Config>(toml).unwrap().fault()
    }

    #[test]
    fn a_smarthost_is_read_with_its_defaults() {
        let read = |address: &str| {
            let smarthost = Config { smarthost: Some(address.into()), ..Config::default() }.smarthost()?;
            Some((smarthost.wrapped, smarthost.user, smarthost.host, smarthost.port))
        };
        let me = || Some("me@example.org".to_owned());
        assert_eq!(read("smtps://smtp.example.org"), Some((true, None, "smtp.example.org".into(), 465)));
        assert_eq!(read("smtp://smtp.example.org"), Some((false, None, "smtp.example.org".into(), 587)));
        let full = read("smtps://me@example.org@smtp.example.org:4650");
        assert_eq!(full, Some((true, me(), "smtp.example.org".into(), 4650)));
        for address in [
            "",
            "smtp.example.org",
            "http://a.example",
            "smtp://",
            "smtp://a b",
            "smtp://a:b",
            "smtp://a:70000",
        ] {
            assert_eq!(read(address), None, "{address}");
        }
    }

    #[test]
    fn mail_goes_in_the_clear_to_this_machine_alone() {
        assert_eq!(fault("route = 'mx'"), None);
        assert_eq!(fault("route = 'smarthost'\nsmarthost = 'smtps://a.example'"), None);
        assert!(fault("route = 'smarthost'").is_some());
        assert!(fault("smarthost = 'smtps://a.example'").is_some());
        assert!(fault("route = 'smarthost'\nsmarthost = 'a.example'").is_some());
        let clear = "route = 'smarthost'\nsmarthost_tls = 'none'\n";
        assert_eq!(fault(&format!("{clear}smarthost = 'smtp://localhost:25'")), None);
        assert!(fault(&format!("{clear}smarthost = 'smtp://a.example'")).is_some());
        assert!(fault("smarthost_tls = 'none'").is_some());
    }
}
