//! People with certificates, and what they find in their mailboxes.

use super::{By, TestRelay, dns::Zone, person::*};
use haven_server::{config::Config, mail};
use haven_wire::mail::*;
use sequoia_openpgp::{
    Cert, KeyHandle,
    cert::CertBuilder,
    crypto::SessionKey,
    packet::{PKESK, SKESK},
    parse::{
        Parse as _,
        stream::{DecryptionHelper, DecryptorBuilder, MessageStructure, VerificationHelper},
    },
    policy::StandardPolicy,
    serialize::MarshalInto as _,
    types::SymmetricAlgorithm,
};
use std::{io::Read as _, net::SocketAddr};

/// Somebody who can read their mail.
pub struct Reader {
    pub person: Person,
    pub cert: Cert,
}

/// A certificate that encrypts, with its secret keys.
pub fn certificate(address: &str) -> Cert {
    let builder = CertBuilder::new().add_userid(format!("<{address}>"));
    builder.add_transport_encryption_subkey().generate().unwrap().0
}

/// A relay that takes mail, and asks this zone.
pub async fn mail_relay(zone: Zone, change: impl FnOnce(&mut Config)) -> TestRelay {
    let dns = zone.serve().await;
    let configure = |config: &mut Config| {
        config.mail.dns = Some(dns);
        config.mail.smtp_listen = Some(([127, 0, 0, 1], 0).into());
        change(config);
    };
    TestRelay::start_with(configure, Default::default()).await
}

/// A relay that takes mail to other domains, and reaches nobody to hand it to.
pub async fn sending_relay(change: impl FnOnce(&mut Config)) -> TestRelay {
    let dead = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let configure = |config: &mut Config| {
        by_smarthost(dead)(config);
        change(config);
    };
    TestRelay::start_with(configure, Default::default()).await
}

/// Mail to other domains goes to a server on this machine.
pub fn by_smarthost(at: SocketAddr) -> impl FnOnce(&mut Config) {
    move |config| {
        config.mail.route = mail::config::Route::Smarthost;
        config.mail.smarthost = Some(format!("smtp://127.0.0.1:{}", at.port()));
        config.mail.smarthost_tls = mail::config::Tls::None;
    }
}

impl Reader {
    pub async fn new(relay: &TestRelay, name: &str) -> Self {
        Self::with(relay, name, certificate(&format!("{name}@localhost"))).await
    }

    pub async fn with(relay: &TestRelay, name: &str, cert: Cert) -> Self {
        let (person, mut call) = sign_up(relay, name).await;
        call.certificate = cert.to_vec().unwrap();
        relay.call(&call, By::Nobody).await.unwrap();
        Self { person, cert }
    }

    pub fn by(&self) -> By<'_> {
        self.person.by()
    }

    pub async fn mailbox(&self, relay: &TestRelay) -> Mailbox {
        relay.call(&GetMailbox { after: 0, limit: 1000 }, self.by()).await.unwrap()
    }

    /// All bodies that are encrypted to the person, opened.
    pub async fn mails(&self, relay: &TestRelay) -> Vec<Vec<u8>> {
        let mut mails = Vec::new();
        for entry in self.mailbox(relay).await.entries {
            let sealed = match entry.body {
                Some(body) => body.into_vec(),
                None => relay.call(&GetMail { sequence: entry.sequence }, self.by()).await.unwrap().body,
            };
            mails.push(opened(&self.cert, &sealed));
        }
        mails
    }
}

/// What is in a message, opened with a person's secret keys.
pub fn opened(cert: &Cert, message: &[u8]) -> Vec<u8> {
    let policy = StandardPolicy::new();
    let decryptor = DecryptorBuilder::from_bytes(message).unwrap();
    let mut decryptor = decryptor.with_policy(&policy, None, Keys(cert)).unwrap();
    let mut plain = Vec::new();
    decryptor.read_to_end(&mut plain).unwrap();
    plain
}

struct Keys<'a>(&'a Cert);

impl VerificationHelper for Keys<'_> {
    fn get_certs(&mut self, _: &[KeyHandle]) -> sequoia_openpgp::Result<Vec<Cert>> {
        Ok(Vec::new())
    }

    fn check(&mut self, _: MessageStructure<'_>) -> sequoia_openpgp::Result<()> {
        Ok(())
    }
}

impl DecryptionHelper for Keys<'_> {
    fn decrypt(
        &mut self,
        pkesks: &[PKESK],
        _: &[SKESK],
        symmetric: Option<SymmetricAlgorithm>,
        decrypt: &mut dyn FnMut(Option<SymmetricAlgorithm>, &SessionKey) -> bool,
    ) -> sequoia_openpgp::Result<Option<Cert>> {
        for key in self.0.keys().secret() {
            let mut pair = key.key().clone().into_keypair()?;
            for pkesk in pkesks {
                if let Some((algorithm, session)) = pkesk.decrypt(&mut pair, symmetric) {
                    decrypt(algorithm, &session);
                }
            }
        }
        Ok(None)
    }
}
