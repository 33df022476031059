use crate::{identity, mls, request::Rejection, store::StoreError};
use haven_bridge::Failure;
use haven_wire::{Refusal, limits::DEVICES};

/// Why a verb of the engine failed. Nothing was changed: the engine has gone back to what is stored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The store failed. [`StoreError`] says what to do.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A defect of Haven; the phrase is to be searched for in the source.
    #[error("a defect of Haven: {0}")]
    Bug(&'static str),
    /// An identity or account failed.
    #[error(transparent)]
    Identity(#[from] identity::Error),
    /// What somebody else made breaks the rules. The phrase says how.
    #[error("{0}")]
    PeerMisbehaved(String),
}

impl From<mls::Fault> for Error {
    fn from(fault: mls::Fault) -> Self {
        Self::PeerMisbehaved(fault.to_string())
    }
}

impl From<mls::storage::StorageError> for Error {
    fn from(_: mls::storage::StorageError) -> Self {
        Self::Store(StoreError::Damaged)
    }
}

impl From<haven_wire::Malformed> for Error {
    fn from(_: haven_wire::Malformed) -> Self {
        Self::Bug("a value can't be encoded or decoded")
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Store(error) => Self::Storage { message: error.to_string() },
            Error::Bug(phrase) => Self::Bug { phrase: phrase.into() },
            Error::Identity(error) => error.into(),
            // What reaches a person so is a commit of their own that the others would refuse.
            Error::PeerMisbehaved(what) => Self::NotAllowed { what },
        }
    }
}

impl From<Rejection> for Failure {
    fn from(rejection: Rejection) -> Self {
        let refusal = match rejection {
            Rejection::Unreachable => return Self::Offline,
            Rejection::Refused(refusal) => refusal,
        };
        match refusal {
            Refusal::AddressTaken => Self::AddressTaken,
            Refusal::BadCredentials => Self::BadCredentials,
            Refusal::NotFound => Self::NotFound,
            Refusal::NotSignedIn => Self::NotSignedIn,
            Refusal::RateLimited { retry_after_s } => Self::RateLimited { seconds: retry_after_s },
            Refusal::SignUpClosed => Self::SignUpClosed,
            Refusal::TooLarge { what, .. } if what == DEVICES => Self::TooManyDevices,
            other => Self::Relay { message: other.to_string() },
        }
    }
}

impl From<identity::Error> for Failure {
    fn from(error: identity::Error) -> Self {
        use identity::Error as E;
        match error {
            E::BadAddress => Self::AddressInvalid,
            E::PhraseWord(_) | E::PhraseLength(_) | E::PhraseChecksum => Self::PhraseWrong,
            E::Unusable(why) => Self::KeyUnusable(why),
            E::TooManyDevices => Self::TooManyDevices,
            E::WeakPassword => Self::PasswordWeak,
            E::WrongPassword => Self::BadCredentials,
            E::Bug(phrase) => Self::Bug { phrase: phrase.into() },
            other => Self::RelayMisbehaved { what: other.to_string() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_that_is_full_of_devices_is_no_fault_of_the_relay() {
        let refused = |what: &str| {
            Failure::from(Rejection::Refused(Refusal::TooLarge { what: what.into(), limit: 20 }))
        };
        assert_eq!(refused(DEVICES), Failure::TooManyDevices);
        assert!(matches!(refused("vault"), Failure::Relay { .. }));
    }
}
