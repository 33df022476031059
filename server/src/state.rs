//! What all handlers share.

use crate::{
    assets::Assets, config::Config, fanout::Hub, finder::Finder, limits::Limiter, mail::Mail,
    metrics::Metrics, opaque::Opaque, pictures::Pictures, routes::push::Patience, shares::Shares,
    store::RelayStore,
};
use std::{ops::Deref, sync::Arc};
use tokio::sync::Semaphore;

/// What all handlers share; cheap to clone.
#[derive(Clone)]
pub struct State(Arc<Parts>);

/// The parts of [`State`].
pub struct Parts {
    /// The configuration.
    pub config: Config,
    /// The origin that is told to clients.
    pub origin: String,
    /// What is remembered.
    pub store: Arc<dyn RelayStore>,
    /// Sockets and who wants what.
    pub hub: Arc<Hub>,
    /// Token buckets.
    pub limiter: Limiter,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// Sign-in by password.
    pub opaque: Opaque,
    /// Looks for certificates elsewhere.
    pub finder: Finder,
    /// Fetches pictures from elsewhere.
    pub pictures: Pictures,
    /// The web app.
    pub assets: Assets,
    /// Room for large requests, in KiB.
    pub large_requests: Arc<Shares>,
    /// Turns for reading what may be large.
    pub reads: Semaphore,
    /// Room for large answers, in KiB.
    pub large_replies: Arc<Shares>,
    /// Room for large mails that arrive, in KiB.
    pub large_arrivals: Arc<Shares>,
    /// Key and resolver of mail.
    pub mail: Mail,
    /// How long sockets are waited for.
    pub patience: Patience,
}

impl State {
    /// Shares the parts.
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }
}

impl Deref for State {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}
