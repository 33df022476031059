//! The relay's side of OPAQUE (RFC 9807).
//!
//! The server setup (OPRF seed and key pair) lives in its own file: a stolen database alone gives nothing that could
//! be tried against a list of passwords. An unknown address is answered as a known one would be: the OPRF depends on
//! the setup and the name alone, and opaque-ke makes up the rest.

use crate::{
    secret_file,
    store::{Lock, random},
};
use haven_wire::{Refusal, account::*, ids::MessageId};
use opaque_ke::{
    CredentialFinalization, CredentialRequest, RegistrationRequest, RegistrationUpload, ServerLogin,
    ServerLoginParameters, ServerRegistration, ServerSetup,
};
use rand::rngs::OsRng;
use std::{
    collections::HashMap,
    io,
    path::Path,
    sync::Mutex,
    time::{Duration, Instant},
};

/// Between the two steps of a sign-in.
const LOGIN_TIME: Duration = Duration::from_secs(60);
/// Sign-ins between their steps. The oldest one gives way.
const MAX_LOGINS: usize = 10_000;

/// Setup and pending sign-ins.
pub struct Opaque {
    setup: ServerSetup<OpaqueSuite>,
    logins: Mutex<HashMap<MessageId, Login>>,
}

/// A sign-in between its two steps.
struct Login {
    address: String,
    state: ServerLogin<OpaqueSuite>,
    /// Nothing for a made-up one.
    lock: Option<Lock>,
    since: Instant,
}

impl Opaque {
    /// Reads the setup, or makes it on the first start.
    pub fn open(path: &Path) -> io::Result<Self> {
        let new = || Ok(ServerSetup::<OpaqueSuite>::new(&mut OsRng).serialize().to_vec());
        let setup = ServerSetup::deserialize(&secret_file::read_or_create(path, new)?)
            .map_err(|_| secret_file::damaged("opaque.key"))?;
        Ok(Self { setup, logins: Mutex::default() })
    }

    /// First step of a registration: the same whether or not the name is taken.
    pub fn register(&self, name: &str, request: &[u8]) -> Result<Vec<u8>, Refusal> {
        let request = RegistrationRequest::deserialize(request).map_err(|_| malformed())?;
        let started =
            ServerRegistration::start(&self.setup, request, name.as_bytes()).map_err(|_| malformed())?;
        Ok(started.message.serialize().to_vec())
    }

    /// First step of a sign-in to `address`, whose local part is `name`.
    pub fn start(
        &self,
        address: &str,
        name: &str,
        lock: Option<Lock>,
        request: &[u8],
    ) -> Result<LoginStartReply, Refusal> {
        let request = CredentialRequest::deserialize(request).map_err(|_| malformed())?;
        let stretching = lock.as_ref().map_or(Stretching::CURRENT, |lock| lock.stretching);
        let record = lock
            .as_ref()
            .map(|lock| ServerRegistration::deserialize(&lock.opaque_record))
            .transpose()
            .map_err(|_| Refusal::Internal)?;
        let started = ServerLogin::start(
            &mut OsRng,
            &self.setup,
            record,
            request,
            name.as_bytes(),
            parameters(address),
        )
        .map_err(|_| malformed())?;
        let login = MessageId(random().map_err(|_| Refusal::Internal)?);
        self.remember(
            login,
            Login { address: address.to_owned(), state: started.state, lock, since: Instant::now() },
        );
        Ok(LoginStartReply { login, response: started.message.serialize().to_vec(), stretching })
    }

    fn remember(&self, id: MessageId, login: Login) {
        let mut logins = self.logins();
        if logins.len() >= MAX_LOGINS {
            logins.retain(|_, login| login.since.elapsed() < LOGIN_TIME);
        }
        if logins.len() >= MAX_LOGINS {
            let oldest = logins.iter().min_by_key(|(_, login)| login.since).map(|(id, _)| *id);
            oldest.and_then(|id| logins.remove(&id));
        }
        logins.insert(id, login);
    }

    /// Second step of a sign-in. Whatever is wrong, the answer is the same.
    pub fn finish(&self, login: MessageId, finalization: &[u8]) -> Result<Lock, Refusal> {
        let login = self.logins().remove(&login).ok_or(Refusal::BadCredentials)?;
        if login.since.elapsed() >= LOGIN_TIME {
            return Err(Refusal::BadCredentials);
        }
        let finalization =
            CredentialFinalization::deserialize(finalization).map_err(|_| Refusal::BadCredentials)?;
        login.state.finish(finalization, parameters(&login.address)).map_err(|_| Refusal::BadCredentials)?;
        login.lock.ok_or(Refusal::BadCredentials)
    }

    fn logins(&self) -> std::sync::MutexGuard<'_, HashMap<MessageId, Login>> {
        self.logins.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// What both sides must agree on beside the messages.
fn parameters(address: &str) -> ServerLoginParameters<'_, '_> {
    ServerLoginParameters { context: Some(OPAQUE_CONTEXT), identifiers: opaque_identifiers(address) }
}

/// Whether this is a registration upload.
pub fn valid_record(bytes: &[u8]) -> bool {
    RegistrationUpload::<OpaqueSuite>::deserialize(bytes).is_ok()
}

fn malformed() -> Refusal {
    Refusal::BadRequest { what: "OPAQUE message".into() }
}
