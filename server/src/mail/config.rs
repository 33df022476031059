//! The `[mail]` block of the configuration.

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
    /// PEM file of the certificate chain for STARTTLS.
    pub tls_certificate: Option<PathBuf>,
    /// PEM file of its key.
    pub tls_key: Option<PathBuf>,
    /// Mail servers in front that are believed when they say for whom they speak (`XFORWARD`).
    pub smtp_proxies: Vec<IpAddr>,
    /// The resolver that is asked. Nothing: the system's.
    pub dns: Option<SocketAddr>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            hostname: None,
            quota_mb: 1024,
            smtp_listen: None,
            tls_certificate: None,
            tls_key: None,
            smtp_proxies: Vec::new(),
            dns: None,
        }
    }
}

impl Config {
    /// Bytes that a mailbox holds.
    pub fn quota(&self) -> u64 {
        self.quota_mb.saturating_mul(1_000_000)
    }

    /// What makes no sense, if something does.
    pub fn fault(&self) -> Option<&'static str> {
        let bad = |name: &String| !super::address::valid_domain(name);
        if self.hostname.as_ref().is_some_and(bad) {
            return Some("mail.hostname: a host name such as mail.example.org is wanted");
        }
        if self.tls_certificate.is_some() != self.tls_key.is_some() {
            return Some("mail: tls_certificate and tls_key go together");
        }
        None
    }
}
