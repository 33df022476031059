//! What the page is told when something fails.

use haven_bridge::Failure;
use haven_core::request::Rejection;
use haven_wire::Refusal;

/// What a call's failure means to a person. (For failures of the engine, haven-core knows.)
pub fn of_rejection(rejection: Rejection) -> Failure {
    match rejection {
        Rejection::Unreachable => Failure::Offline,
        Rejection::Refused(refusal) => of_refusal(&refusal),
    }
}

fn of_refusal(refusal: &Refusal) -> Failure {
    match refusal {
        Refusal::AddressTaken => Failure::AddressTaken,
        Refusal::BadCredentials => Failure::BadCredentials,
        Refusal::NotFound => Failure::NotFound,
        Refusal::NotSignedIn => Failure::NotSignedIn,
        Refusal::RateLimited { retry_after_s } => Failure::RateLimited { seconds: *retry_after_s },
        Refusal::SignUpClosed => Failure::SignUpClosed,
        other => Failure::Relay { message: other.to_string() },
    }
}

/// Somebody is signed in already: the page offers no way to ask for this.
pub fn already_signed_in() -> Failure {
    Failure::Bug { phrase: "signing in while signed in".into() }
}
