//! Mail as it passes through the relay.
//!
//! A mail that comes from outside is readable for as long as it is in memory, and never on disk:
//! - [`smtp_in`] listens, decides in the session, and says 250 after the store has it.
//! - [`authentication`] finds out who a mail is from, as far as DNS tells (SPF, DKIM, DMARC).
//! - [`arrival`] encrypts it, header fields and all, to the certificate of its owner.
//!
//! A mail that people send is theirs to write; [`submission`] refuses what would speak for others or break lines.
//! [`key`] seals it while it waits in the queue.

pub mod address;
pub mod arrival;
pub mod authentication;
pub mod config;
pub mod envelope;
pub mod key;
pub mod smtp_in;
pub mod submission;
pub mod trace;

use authentication::Resolver;
use key::MailKey;
use std::{io, path::Path};

/// What mail needs beside the store.
pub struct Mail {
    /// Seals what waits in the queue.
    pub key: MailKey,
    /// Asks DNS.
    pub resolver: Resolver,
}

impl Mail {
    /// Reads the key in the data directory, or makes it on the first start.
    pub fn open(config: &config::Config, data: &Path) -> io::Result<Self> {
        Ok(Self {
            key: MailKey::open(&data.join("mail.key"))?,
            resolver: Resolver::new(config.dns).map_err(io::Error::other)?,
        })
    }
}
