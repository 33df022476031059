//! The relay.

use std::{path::PathBuf, process::Child, thread::sleep, time::Duration};

use crate::{
    process::{Failure, Outcome, Run},
    tools, web, workspace,
};

/// Builds the web app and the optimised relay, which holds it.
pub fn release() -> Outcome<PathBuf> {
    web::release()?;
    eprintln!("Building the relay.");
    Run::cargo().args(["build", "--locked", "--profile", "relay", "--package", "haven-server"]).wait()?;
    Ok(program("relay"))
}

/// Builds everything and becomes the relay.
pub fn run(arguments: &[&str]) -> Outcome {
    let relay = release()?;
    if arguments.is_empty() {
        eprintln!("\nHaven is at http://localhost:8080. Its data is in data/; Ctrl-C stops it.\n");
    }
    Run::new(relay).args(arguments).become_it()
}

/// Builds everything unoptimised, starts the relay, and builds the web app again whenever a file of it changes.
pub fn develop(arguments: &[&str]) -> Outcome {
    tools::for_the_web()?;
    web::fetch()?;
    let served = workspace::target().join("dev-dist");
    let trunk = |command| web::trunk(command).args(["--dist".as_ref(), served.as_os_str()]);
    trunk("build").wait()?;
    Run::cargo().args(["build", "--package", "haven-server"]).wait()?;
    let relay = Run::new(program("debug"))
        .args(["--web-root".as_ref(), served.as_os_str()])
        .args(arguments)
        .start()?;
    let watcher = trunk("watch").start()?;
    eprintln!("\nReload the page after a change. Changes under server/ need this command started again.\n");
    first_to_end(relay, watcher)
}

/// Where cargo puts the relay.
fn program(profile: &str) -> PathBuf {
    let name = format!("haven-server{}", std::env::consts::EXE_SUFFIX);
    workspace::target().join(profile).join(name)
}

/// Waits until one of two programs ends, and ends the other.
fn first_to_end(mut relay: Child, mut watcher: Child) -> Outcome {
    let sentence = loop {
        if let Ok(Some(status)) = relay.try_wait() {
            break format!("The relay ended with {status}.");
        }
        if let Ok(Some(status)) = watcher.try_wait() {
            break format!("Trunk ended with {status}.");
        }
        sleep(Duration::from_millis(200));
    };
    relay.kill().ok();
    watcher.kill().ok();
    Err(Failure::new(sentence))
}
