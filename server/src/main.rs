//! Starts the relay.

use clap::Parser as _;
use haven_server::{
    config::{Config, Options},
    relay::Relay,
};
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::{filter::Targets, layer::SubscriberExt as _, util::SubscriberInitExt as _};

/// Connections, and some for the database and for mail.
const OPEN_FILES: u64 = 65_536;

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("haven-server: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn std::error::Error>> {
    let config = Config::load(Options::parse())?;
    // Libraries may log headers or values at their lower levels, so only the relay's own lines are let through.
    tracing_subscriber::registry()
        .with(tracing_subscriber::fmt::layer().with_writer(std::io::stderr))
        .with(Targets::new().with_target("haven_server", config.log))
        .init();
    // Each connection is an open file, and the limit that systems begin with is 1,024. Where it can't be raised, the relay
    // serves fewer at a time.
    let _ = rlimit::increase_nofile_limit(OPEN_FILES);
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let relay = Relay::open(config).await?;
    println!("Haven is running at {}", relay.state.origin);
    let stop = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    relay.serve(stop).await;
    Ok(())
}
