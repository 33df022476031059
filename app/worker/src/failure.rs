//! What the page is told when something fails.

use haven_bridge::Failure;

/// Somebody is signed in already: the page offers no way to ask for this.
pub fn already_signed_in() -> Failure {
    Failure::Bug { phrase: "signing in while signed in".into() }
}
