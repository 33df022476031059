//! A mail server that says what the test wants, and remembers what it took.

use rcgen::{CertifiedKey, generate_simple_self_signed};
use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, pki_types::PrivatePkcs8KeyDer},
};

/// A mail that was taken.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Taken {
    pub from: String,
    pub to: Vec<String>,
    pub message: Vec<u8>,
    pub tls: bool,
    pub login: Option<String>,
}

/// What is said in place of a good answer to a command. The end of a message counts as the command `.`. After an answer
/// that begins with 421 the connection ends, and after an empty one, too.
pub type Script = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

pub struct MailServer {
    pub address: SocketAddr,
    /// Its certificate, if it has one, in PEM.
    pub certificate: String,
    /// Every command, in its order.
    pub heard: Arc<Mutex<Vec<String>>>,
    taken: mpsc::UnboundedReceiver<Taken>,
}

/// Says `answer` to commands that begin so.
pub fn saying(command: &'static str, answer: &'static str) -> Script {
    Arc::new(move |said| said.starts_with(command).then(|| answer.to_owned()))
}

impl MailServer {
    pub async fn start(script: Script) -> Self {
        Self::start_with(script, None).await
    }

    /// With STARTTLS, and a certificate for `localhost` that nobody trusts who was not told to.
    pub async fn with_tls(script: Script) -> Self {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(vec!["localhost".into()]).unwrap();
        let key = PrivatePkcs8KeyDer::from(signing_key.serialize_der()).into();
        let _ = rustls::crypto::ring::default_provider().install_default();
        let config = ServerConfig::builder().with_no_client_auth();
        let config = config.with_single_cert(vec![cert.der().clone()], key).unwrap();
        let server = Self::start_with(script, Some(Arc::new(config).into())).await;
        Self { certificate: cert.pem(), ..server }
    }

    async fn start_with(script: Script, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (took, taken) = mpsc::unbounded_channel();
        let heard = Arc::default();
        let session = Session { script, tls, took, heard: Arc::clone(&heard) };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let session = session.clone();
                tokio::spawn(async move { session.run(stream).await });
            }
        });
        Self { address, certificate: String::new(), heard, taken }
    }

    /// The next mail that it takes.
    pub async fn next(&mut self) -> Taken {
        self.taken.recv().await.unwrap()
    }

    /// What it has taken and nobody asked for.
    pub fn all(&mut self) -> Vec<Taken> {
        std::iter::from_fn(|| self.taken.try_recv().ok()).collect()
    }

    /// Commands that begin so.
    pub fn count(&self, command: &str) -> usize {
        self.heard.lock().unwrap().iter().filter(|line| line.starts_with(command)).count()
    }
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

#[derive(Clone)]
struct Session {
    script: Script,
    tls: Option<TlsAcceptor>,
    took: mpsc::UnboundedSender<Taken>,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Session {
    async fn run(self, stream: TcpStream) -> Option<()> {
        let mut stream: BufReader<Box<dyn Stream>> = BufReader::new(Box::new(stream));
        let mut mail = Taken::default();
        let greeting = (self.script)("").unwrap_or("220 mx.example ESMTP".into());
        say(&mut stream, &greeting).await?;
        loop {
            let line = line(&mut stream).await?;
            self.heard.lock().unwrap().push(line.clone());
            if let Some(answer) = (self.script)(&line) {
                say(&mut stream, &answer).await?;
                continue;
            }
            let verb = line.split([' ', ':']).next()?.to_ascii_uppercase();
            let answer = match verb.as_str() {
                "EHLO" if self.tls.is_some() && !mail.tls => "250-mx.example\r\n250 STARTTLS",
                "EHLO" => "250-mx.example\r\n250 AUTH PLAIN",
                "AUTH" => {
                    mail.login = line.rsplit(' ').next().map(str::to_owned);
                    "235 welcome"
                }
                "MAIL" => {
                    mail = Taken { from: path(&line), to: Vec::new(), message: Vec::new(), ..mail };
                    "250 yes"
                }
                "RCPT" => {
                    mail.to.push(path(&line));
                    "250 yes"
                }
                "DATA" => {
                    say(&mut stream, "354 go on").await?;
                    mail.message = message(&mut stream).await?;
                    if let Some(answer) = (self.script)(".") {
                        say(&mut stream, &answer).await?;
                        continue;
                    }
                    self.took.send(mail.clone()).ok()?;
                    "250 taken"
                }
                "STARTTLS" => {
                    say(&mut stream, "220 go on").await?;
                    let encrypted = self.tls.as_ref()?.accept(stream.into_inner()).await.ok()?;
                    stream = BufReader::new(Box::new(encrypted));
                    mail.tls = true;
                    continue;
                }
                "QUIT" => "221 bye",
                _ => "500 what?",
            };
            say(&mut stream, answer).await?;
        }
    }
}

fn path(line: &str) -> String {
    line.split(['<', '>']).nth(1).unwrap_or_default().to_owned()
}

async fn line(stream: &mut BufReader<Box<dyn Stream>>) -> Option<String> {
    let mut line = String::new();
    (stream.read_line(&mut line).await.ok()? > 0).then(|| line.trim_end().to_owned())
}

/// Up to the dot, without the dots that were added on the way.
async fn message(stream: &mut BufReader<Box<dyn Stream>>) -> Option<Vec<u8>> {
    let mut message = Vec::new();
    loop {
        let mut line = Vec::new();
        stream.read_until(b'\n', &mut line).await.ok()?;
        assert!(line.ends_with(b"\r\n"), "a bare line end");
        match line.strip_prefix(b".") {
            Some(b"\r\n") => return Some(message),
            Some(rest) => message.extend(rest),
            None => message.extend(&line),
        }
    }
}

/// Nothing if the connection ends with it.
async fn say(stream: &mut BufReader<Box<dyn Stream>>, answer: &str) -> Option<()> {
    if !answer.is_empty() {
        stream.write_all(format!("{answer}\r\n").as_bytes()).await.ok()?;
        stream.flush().await.ok()?;
    }
    (!answer.is_empty() && !answer.starts_with("421")).then_some(())
}
