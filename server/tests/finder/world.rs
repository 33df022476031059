//! A world outside: a DNS that says what the test wants, and an HTTPS server that misbehaves on demand.

use async_trait::async_trait;
use haven_server::{
    config::Certificates,
    finder::{Address, Finder, Root},
    outside::{
        Outside,
        names::{Exchanger, Names, Unresolved},
    },
    pictures::Pictures,
};
use haven_wire::mail::FoundCertificates;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivatePkcs8KeyDer},
};
use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpListener,
};
use tokio_rustls::TlsAcceptor;

/// A public address. Connections to it go to the test's server, and those to all other addresses into its trap.
pub const PUBLIC: &str = "93.184.216.34";

/// Another public address, whose server speaks HTTP without TLS.
pub const PLAIN: &str = "93.184.216.35";

/// What a server answers.
#[derive(Clone)]
pub enum Reply {
    Status(u16, Vec<u8>),
    Redirect(String),
    /// Bytes of a certificate without end.
    Endless,
    /// A picture without end.
    EndlessPicture,
    /// A head, and then nothing.
    Silent,
}

/// Names and their addresses. Everything else doesn't exist.
#[derive(Default)]
struct Dns(BTreeMap<String, Vec<IpAddr>>);

#[async_trait]
impl Names for Dns {
    async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, Unresolved> {
        self.0.get(host).cloned().ok_or(Unresolved::NoSuchName)
    }

    async fn exchangers(&self, _: &str) -> Result<Vec<Exchanger>, Unresolved> {
        Err(Unresolved::NoSuchName)
    }
}

/// What the server was asked: host and path.
pub type Asked = Arc<Mutex<Vec<String>>>;

pub struct World {
    pub outside: Outside,
    pub finder: Finder,
    pub pictures: Pictures,
    pub asked: Asked,
    /// All that was sent to the server, but for the line that says which page.
    pub heads: Asked,
    /// How often somebody connected.
    pub connections: Arc<Mutex<usize>>,
    /// How often somebody connected to an address that is not public.
    pub trapped: Arc<Mutex<usize>>,
}

impl World {
    /// Hosts with their addresses, and what the pages of each host are.
    pub async fn new(hosts: &[(&str, &str)], pages: &[(&str, Reply)]) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let names: Vec<String> = hosts.iter().map(|(name, _)| (*name).to_owned()).collect();
        let (root, config) = certificate(names);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let plain = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (here, here_plain) = (listener.local_addr().unwrap(), plain.local_addr().unwrap());
        let site = Site {
            pages: pages.iter().map(|(host, reply)| ((*host).to_owned(), reply.clone())).collect(),
            ..Site::default()
        };
        let Site { asked, heads, connections, .. } = site.clone();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        tokio::spawn(serve(listener, Some(acceptor), site.clone()));
        tokio::spawn(serve(plain, None, site));
        let trap = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let outside = outside(hosts, here, here_plain, trap.local_addr().unwrap());
        let trapped = Arc::new(Mutex::new(0));
        let count = trapped.clone();
        tokio::spawn(async move {
            while trap.accept().await.is_ok() {
                *count.lock().unwrap() += 1;
            }
        });
        let settings = Certificates { wkd: true, key_server: Some("https://keys.example".into()) };
        let finder = Finder::trusting(outside.clone(), &settings, vec![root.clone()]);
        let pictures = Pictures::trusting(outside.clone(), vec![root]);
        Self { outside, finder, pictures, asked, heads, connections, trapped }
    }

    pub async fn find(&self, address: &str) -> FoundCertificates {
        self.finder.find(&Address::parse(address).unwrap()).await
    }

    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn outside(hosts: &[(&str, &str)], here: SocketAddr, plain: SocketAddr, trap: SocketAddr) -> Outside {
    let mut dns = Dns::default();
    let mut detours = BTreeMap::new();
    for (name, address) in hosts {
        let address: IpAddr = address.parse().unwrap();
        dns.0.entry((*name).to_owned()).or_default().push(address);
        let to = match address.to_string().as_str() {
            PUBLIC => here,
            PLAIN => plain,
            _ => trap,
        };
        detours.insert(address, to);
    }
    Outside::with(Arc::new(dns), detours)
}

/// An authority, and a server with its certificate for all these names.
fn certificate(names: Vec<String>) -> (Root, ServerConfig) {
    let authority_key = KeyPair::generate().unwrap();
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root = Root::from_der(authority.self_signed(&authority_key).unwrap().der()).unwrap();
    let issuer = Issuer::new(authority, authority_key);
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap();
    let chain = vec![CertificateDer::from(certificate.der().to_vec())];
    let key = PrivatePkcs8KeyDer::from(key.serialize_der()).into();
    (root, ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).unwrap())
}

/// What servers answer, and what they remember.
#[derive(Clone, Default)]
struct Site {
    pages: BTreeMap<String, Reply>,
    asked: Asked,
    heads: Asked,
    connections: Arc<Mutex<usize>>,
}

async fn serve(listener: TcpListener, acceptor: Option<TlsAcceptor>, site: Site) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        *site.connections.lock().unwrap() += 1;
        let (acceptor, site) = (acceptor.clone(), site.clone());
        tokio::spawn(async move {
            match acceptor {
                Some(acceptor) => answer(acceptor.accept(stream).await.ok()?, site).await,
                None => answer(stream, site).await,
            }
        });
    }
}

async fn answer(mut stream: impl AsyncRead + AsyncWrite + Unpin, site: Site) -> Option<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).ok()?;
    let path = head.split(' ').nth(1)?;
    let host =
        head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("host: ").map(str::to_owned))?;
    site.asked.lock().unwrap().push(format!("{host}{path}"));
    let rest = head.split_once("\r\n").map(|(_, rest)| rest.to_ascii_lowercase());
    site.heads.lock().unwrap().extend(rest);
    let reply = site.pages.get(&host).cloned().unwrap_or(Reply::Status(404, Vec::new()));
    let head = match &reply {
        Reply::Status(status, body) => {
            format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n\r\n", body.len())
        }
        Reply::Redirect(to) => format!("HTTP/1.1 302 X\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n"),
        Reply::Endless | Reply::EndlessPicture | Reply::Silent => "HTTP/1.1 200 X\r\n\r\n".into(),
    };
    stream.write_all(head.as_bytes()).await.ok()?;
    match reply {
        Reply::Status(_, body) => stream.write_all(&body).await.ok()?,
        Reply::Redirect(_) => {}
        Reply::Endless => loop {
            stream.write_all(&[0x99; 4096]).await.ok()?;
        },
        Reply::EndlessPicture => {
            stream.write_all(b"\x89PNG\r\n\x1a\n").await.ok()?;
            loop {
                stream.write_all(&[0x99; 4096]).await.ok()?;
            }
        }
        Reply::Silent => std::future::pending().await,
    }
    stream.shutdown().await.ok()
}
