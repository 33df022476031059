//! The other side of an SMTP session: says what it is told, byte for byte.

use super::TestRelay;
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{ClientConfig, RootCertStore, crypto::ring, pki_types::CertificateDer},
};

/// Longer than anything takes here: a wait that ends is a failed test.
const PATIENCE: Duration = Duration::from_secs(60);

pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

pub struct Client {
    stream: BufReader<Box<dyn Stream>>,
}

impl Client {
    /// Connects, and reads the greeting.
    pub async fn greeted(relay: &TestRelay) -> Self {
        Self::greeted_at(relay.smtp.unwrap()).await.unwrap()
    }

    /// Nothing if nobody is there.
    pub async fn greeted_at(address: SocketAddr) -> Option<Self> {
        let stream = TcpStream::connect(address).await.ok()?;
        let mut client = Self { stream: BufReader::new(Box::new(stream)) };
        client.reply().await.filter(|reply| reply.starts_with("220 "))?;
        Some(client)
    }

    /// Connects, and says EHLO.
    pub async fn of(relay: &TestRelay) -> Self {
        let mut client = Self::greeted(relay).await;
        assert!(client.say("EHLO mail.example.org").await.starts_with("250-"));
        client
    }

    /// Sends bytes. Nothing if the other side is gone.
    pub async fn send(&mut self, bytes: &[u8]) -> Option<()> {
        let sent = async {
            self.stream.write_all(bytes).await?;
            self.stream.flush().await
        };
        timeout(PATIENCE, sent).await.expect("in time").ok()
    }

    /// The next reply with all its lines; nothing if the other side is gone.
    pub async fn reply(&mut self) -> Option<String> {
        let mut reply = String::new();
        loop {
            let mut line = String::new();
            let read = timeout(PATIENCE, self.stream.read_line(&mut line)).await.expect("a reply in time");
            if read.ok()? == 0 {
                return None;
            }
            reply.push_str(&line);
            if line.as_bytes().get(3) == Some(&b' ') {
                return Some(reply);
            }
        }
    }

    /// A command and its reply; empty if the other side is gone.
    pub async fn say(&mut self, command: &str) -> String {
        if self.send(format!("{command}\r\n").as_bytes()).await.is_none() {
            return String::new();
        }
        self.reply().await.unwrap_or_default()
    }

    /// A whole mail. The reply to its end, or to what was refused before.
    pub async fn mail(&mut self, from: &str, to: &[&str], message: &[u8]) -> String {
        let mut commands = vec![format!("MAIL FROM:<{from}>")];
        commands.extend(to.iter().map(|to| format!("RCPT TO:<{to}>")));
        for command in commands {
            let reply = self.say(&command).await;
            if !reply.starts_with('2') {
                return reply;
            }
        }
        let reply = self.say("DATA").await;
        if !reply.starts_with("354") {
            return reply;
        }
        self.content(message).await
    }

    /// A message with dots stuffed, and its end.
    pub async fn content(&mut self, message: &[u8]) -> String {
        let mut stuffed = Vec::with_capacity(message.len() + 5);
        let mut start = true;
        for byte in message {
            if start && *byte == b'.' {
                stuffed.push(b'.');
            }
            stuffed.push(*byte);
            start = *byte == b'\n';
        }
        stuffed.extend(b".\r\n");
        self.send(&stuffed).await;
        self.reply().await.unwrap_or_default()
    }

    /// The same session, encrypted, with this certificate trusted.
    pub async fn start_tls(mut self, trusted: CertificateDer<'static>) -> Self {
        assert!(self.say("STARTTLS").await.starts_with("220 "));
        let mut roots = RootCertStore::empty();
        roots.add(trusted).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let connector = TlsConnector::from(Arc::new(config));
        let stream =
            connector.connect("localhost".try_into().unwrap(), self.stream.into_inner()).await.unwrap();
        Self { stream: BufReader::new(Box::new(stream)) }
    }
}
