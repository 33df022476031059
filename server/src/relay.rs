//! A whole relay: opened over a data directory, served, closed.

use crate::{
    app,
    assets::Assets,
    config::Config,
    fanout::Hub,
    finder::Finder,
    guard::LARGE_KIB,
    limits::Limiter,
    mail::{Mail, outbound, smtp_in},
    metrics::Metrics,
    opaque::Opaque,
    outside::Outside,
    pictures::Pictures,
    routes::push::Patience,
    serve,
    shares::Shares,
    state::{Parts, State},
    store::{RelayStore, StoreError, sqlite::SqliteStore},
    upkeep,
};
use axum::{Router, extract::State as Shared, routing::get};
use haven_wire::ids::Hash;
use std::{
    fs::{File, TryLockError},
    future::Future,
    io,
    net::SocketAddr,
    path::Path,
    sync::Arc,
    time::Duration,
};
use tokio::{
    net::TcpListener,
    sync::{Semaphore, mpsc},
    task::JoinSet,
    time::timeout,
};

/// Answers of up to ten megabytes that are read at once. The store has fewer readers.
const READS: usize = 16;

/// How long the end waits for sockets to say goodbye.
const SOCKETS_END: Duration = Duration::from_secs(2);

/// How long the end waits for mail that is being sent. What takes longer is cut off, and sent after the next start.
const SENDING_END: Duration = Duration::from_secs(10);

/// Why a relay can't start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The data directory can't be used.
    #[error("can't use the data directory {0}: {1}")]
    Data(String, io::Error),
    /// Another relay runs over the same directory.
    #[error("another relay uses the data directory {0}")]
    InUse(String),
    /// An address can't be listened at.
    #[error("can't listen at {0}: {1}")]
    Listen(SocketAddr, io::Error),
    /// Certificate or key for STARTTLS can't be used.
    #[error("can't use the TLS certificate or its key: {0}")]
    Tls(io::Error),
    /// The accounts here have addresses of another domain.
    #[error(
        "the accounts in {0} have addresses at {1}, and these can't be changed: start with --domain {1}, or with \
         another data directory"
    )]
    Domain(String, String),
    /// A key file is missing, or from elsewhere.
    #[error(
        "{0} in {1} is not the one that the accounts there were made with: put it back from the backup, or nobody's \
         {2}"
    )]
    Key(&'static str, String, &'static str),
    /// The database can't be opened: damaged, or from a newer version of the relay.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A relay that is ready to serve.
pub struct Relay {
    listener: TcpListener,
    address: SocketAddr,
    metrics_listener: Option<TcpListener>,
    smtp_listener: Option<TcpListener>,
    store: Arc<SqliteStore>,
    /// What its handlers share.
    pub state: State,
    jobs: JoinSet<()>,
    /// What sends mail. It ends by itself when it is told to.
    sending: JoinSet<()>,
    _lock: File,
}

impl Relay {
    /// Opens the data directory and the listeners.
    pub async fn open(config: Config) -> Result<Self, Error> {
        Self::open_with(config, Patience::default()).await
    }

    /// [`Relay::open`], with other times for sockets.
    pub async fn open_with(config: Config, patience: Patience) -> Result<Self, Error> {
        // reqwest takes the process's provider. A second relay in one process finds the first one's.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let data = |error| Error::Data(config.data.display().to_string(), error);
        create_private(&config.data).map_err(data)?;
        let lock = lock(&config.data)?;
        let opaque = Opaque::open(&config.data.join("opaque.key")).map_err(data)?;
        smtp_in::check_tls(&config.mail).map_err(Error::Tls)?;
        let mail = Mail::open(&config).map_err(data)?;
        let listener = listen(config.listen).await?;
        let address = listener.local_addr().map_err(|error| Error::Listen(config.listen, error))?;
        let metrics_listener = listen_if(config.metrics).await?;
        let smtp_listener = listen_if(config.mail.smtp_listen).await?;
        let metrics = Arc::new(Metrics::default());
        let hub = Arc::new(Hub::new(metrics.clone()));
        let (news, heard) = mpsc::unbounded_channel();
        let store = Arc::new(SqliteStore::open(&config.data.join("haven.db"), news).await?);
        check_belongings(&*store, &config).await?;
        let mut jobs = JoinSet::new();
        jobs.spawn(hub.clone().run(heard));
        jobs.spawn(upkeep::deliver(store.clone(), hub.clone()));
        jobs.spawn(upkeep::sweep(store.clone(), config.retention, metrics.clone()));
        let outside = Outside::new(mail.resolver.dns().clone());
        let state = State::new(Parts {
            origin: config.origin_at(address),
            store: store.clone() as Arc<dyn RelayStore>,
            hub,
            limiter: Limiter::new(config.limits.clone()),
            metrics,
            opaque,
            finder: Finder::new(outside.clone(), &config.certificates),
            pictures: Pictures::new(outside),
            assets: config.web_root.clone().map_or_else(Assets::built, Assets::directory),
            large_requests: Shares::new(LARGE_KIB),
            reads: Semaphore::new(READS),
            large_replies: Shares::new(LARGE_KIB),
            large_arrivals: Shares::new(LARGE_KIB),
            mail,
            patience,
            config,
        });
        let mut sending = JoinSet::new();
        sending.spawn(outbound::run(state.clone()));
        Ok(Self {
            listener,
            address,
            metrics_listener,
            smtp_listener,
            store,
            state,
            jobs,
            sending,
            _lock: lock,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it takes mail from other servers, if it does.
    pub fn smtp_address(&self) -> Option<SocketAddr> {
        self.smtp_listener.as_ref()?.local_addr().ok()
    }

    /// The store, for tests that fill the disk.
    pub fn store(&self) -> Arc<SqliteStore> {
        self.store.clone()
    }

    /// Serves until `stop` is done; then ends sockets, lets open requests and mail that is being sent finish, and closes the
    /// database.
    pub async fn serve(mut self, stop: impl Future<Output = ()>) {
        if let Some(listener) = self.metrics_listener.take() {
            let router = metrics_router(self.state.clone());
            self.jobs.spawn(serve::run(listener, router, std::future::pending(), || ()));
        }
        if let Some(listener) = self.smtp_listener.take() {
            self.jobs.spawn(smtp_in::run(listener, self.state.clone()));
        }
        let state = self.state.clone();
        let at_stop = || {
            state.hub.close();
            state.mail.outbound.stop();
        };
        serve::run(self.listener, app(state.clone()), stop, at_stop).await;
        let sent = async { while self.sending.join_next().await.is_some() {} };
        let _ = tokio::join!(timeout(SOCKETS_END, state.hub.emptied()), timeout(SENDING_END, sent));
        self.sending.shutdown().await;
        self.jobs.shutdown().await;
        self.store.close().await;
    }
}

/// Whether domain and keys are those that the accounts were made with. A key file that was missing has been made by now,
/// and is another one.
async fn check_belongings(store: &impl RelayStore, config: &Config) -> Result<(), Error> {
    let directory = || config.data.display().to_string();
    let domain = store.belonging("domain", config.domain.clone().into_bytes()).await?;
    if domain != config.domain.as_bytes() {
        return Err(Error::Domain(directory(), String::from_utf8_lossy(&domain).into_owned()));
    }
    for (name, lost) in
        [("opaque.key", "password opens their account"), ("mail.key", "mail that waits can be sent")]
    {
        let key = std::fs::read(config.data.join(name)).map_err(|error| Error::Data(directory(), error))?;
        let hash = Hash::of(&key).0.to_vec();
        if store.belonging(name, hash.clone()).await? != hash {
            return Err(Error::Key(name, directory(), lost));
        }
    }
    Ok(())
}

fn metrics_router(state: State) -> Router {
    async fn metrics(Shared(state): Shared<State>) -> String {
        state.metrics.render()
    }
    Router::new().route("/metrics", get(metrics)).with_state(state)
}

async fn listen(address: SocketAddr) -> Result<TcpListener, Error> {
    TcpListener::bind(address).await.map_err(|error| Error::Listen(address, error))
}

async fn listen_if(address: Option<SocketAddr>) -> Result<Option<TcpListener>, Error> {
    match address {
        Some(address) => listen(address).await.map(Some),
        None => Ok(None),
    }
}

/// A directory that only its owner can read.
fn create_private(path: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Two relays over one database would not see each other's news.
fn lock(data: &Path) -> Result<File, Error> {
    let name = data.display().to_string();
    let file = File::create(data.join("lock")).map_err(|error| Error::Data(name.clone(), error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::InUse(name)),
        Err(TryLockError::Error(error)) => Err(Error::Data(name, error)),
    }
}
