//! Mail as it passes through the relay.
//!
//! A mail that comes from outside is readable for as long as it is in memory, and never on disk:
//! - [`smtp_in`] listens, decides in the session, and says 250 after the store has it.
//! - [`authentication`] finds out who a mail is from, as far as DNS tells (SPF, DKIM, DMARC).
//! - [`arrival`] encrypts it, header fields and all, to the certificate of its owner.
//!
//! A mail that people send is theirs to write; [`submission`] refuses what would speak for others or break lines.
//! [`key`] seals it while it waits in the queue, and [`outbound`] hands it on.

pub mod address;
pub mod arrival;
pub mod authentication;
pub mod config;
pub mod envelope;
pub mod key;
pub mod outbound;
pub mod smtp_in;
pub mod submission;
pub mod trace;

use crate::{config::Config, outside::Outside};
use authentication::Resolver;
use key::MailKey;
use outbound::Outbound;
use std::io;

/// What mail needs beside the store.
pub struct Mail {
    /// Seals what waits in the queue.
    pub key: MailKey,
    /// Asks DNS.
    pub resolver: Resolver,
    /// Hands mail on.
    pub outbound: Outbound,
}

impl Mail {
    /// Reads the keys in the data directory, or makes them on the first start.
    pub fn open(config: &Config) -> io::Result<Self> {
        let resolver = Resolver::new(config.mail.dns).map_err(io::Error::other)?;
        let outside = Outside::new(resolver.dns().clone());
        let key = MailKey::open(&config.data.join("mail.key"))?;
        Ok(Self { key, outbound: Outbound::open(config, outside)?, resolver })
    }
}
