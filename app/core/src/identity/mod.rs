//! Who somebody is.
//!
//! A person is a *certificate*, named by its [`Fingerprint`]; an address is what the certificate claims. Everything
//! else follows from signatures of the certificate's primary key:
//!
//! - [`certificate`]: making the person's certificate, reading other people's. `lifecycle.rs` renews and revokes it,
//!   `export.rs` makes files of it, [`import`] takes one that somebody has already.
//! - [`attestation`]: in each MLS leaf, the proof that it is a device of the person. A merge check: pure.
//! - [`device_list`]: which devices the person says are live. Judged by whoever adds.
//!
//! Both are statements of one shape, made for one purpose each (`statement.rs`, read strictly by `packet.rs`).
//!
//! What two people compare to know that a certificate is the other's: [`safety_number()`].
//!
//! How a device gets hold of the secret keys, without its relay doing so:
//!
//! - [`account`]: what this device knows of its person.
//! - [`SignUp`], [`SignIn`], [`Recovery`]: how it comes to know that, without I/O.
//! - [`opaque`], [`passphrase`]: passwords.
//! - [`vault`]: what a person's devices share, sealed on the relay.
//! - [`recovery`]: the phrase of twelve words.
//! - [`inbox`]: sealing pointers to a device.

pub mod account;
pub mod address;
pub mod attestation;
pub mod certificate;
pub mod device_list;
mod error;
mod export;
mod fingerprint;
pub mod import;
pub mod inbox;
mod lifecycle;
pub mod opaque;
mod packet;
pub mod passphrase;
pub mod recovery;
mod safety_number;
mod secret;
mod sign_in;
mod statement;
pub(crate) mod user_id;
pub mod vault;

pub use account::Account;
pub use attestation::AttestationClaim;
pub use certificate::{Certificate, SecretCertificate};
pub use device_list::{DeviceEntry, DeviceList};
pub use error::Error;
pub use fingerprint::Fingerprint;
pub use opaque::NewPassword;
pub use packet::PrimaryKey;
pub use recovery::RecoveryPhrase;
pub use safety_number::safety_number;
pub use secret::Secret;
pub use sign_in::{Recovery, SignIn, SignInFinishing, SignUp};
