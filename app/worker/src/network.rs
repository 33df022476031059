//! Whether there is a network. Failed attempts are logged by the browser, and cost battery: so none are made without.

use crate::scope;
use std::cell::Cell;

thread_local! {
    static SEEN_ONLINE: Cell<bool> = const { Cell::new(false) };
}

/// Whether an attempt is known to fail.
///
/// The browser's word counts, except on a machine that never had a network since this worker started and talks to a
/// relay on itself.
pub fn is_offline() -> bool {
    if scope::this().navigator().on_line() {
        SEEN_ONLINE.set(true);
        return false;
    }
    SEEN_ONLINE.get() || !is_loopback(&scope::this().location().hostname())
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host == "[::1]" || host.starts_with("127.")
}
