//! The client's half of OPAQUE (RFC 9807): the relay never sees the password, nor anything to guess it from.
//!
//! Both sides must agree on a few bytes beside the messages: [`haven_wire::account::OPAQUE_CONTEXT`] and
//! [`haven_wire::account::opaque_identifiers`]. They bind the record to the address and its domain, which outlive a
//! change of the relay's host name.

use super::{Error, RecoveryPhrase, address, passphrase, vault::VaultKey, vault::WrapKey};
use haven_bridge::PasswordStrength;
use haven_wire::account::{
    Credentials, LoginStart, LoginStartReply, OPAQUE_CONTEXT, OpaqueSuite, RegisterStart, RegisterStartReply,
    Stretching, opaque_identifiers,
};
use opaque_ke::{
    ClientLogin, ClientLoginFinishParameters, ClientRegistration, ClientRegistrationFinishParameters,
    CredentialResponse, RegistrationResponse,
    argon2::{Algorithm, Argon2, Params, Version},
};
use rand_core::OsRng;
use zeroize::Zeroizing;

/// A password as it is hashed: without white space around it, which keyboards of phones like to add. It is not
/// normalised otherwise: the tables for NFKC would cost the engine 39 kB, and a page has
/// `String.prototype.normalize` for nothing.
fn trimmed(password: &str) -> Zeroizing<String> {
    Zeroizing::new(password.trim().to_owned())
}

fn argon2(stretching: Stretching) -> Result<Argon2<'static>, Error> {
    let params = Params::new(stretching.memory_kib, stretching.passes, 1, None);
    let params = params.map_err(|_| Error::Stretching(stretching))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// A password on its way to become the account's: at sign-up, after a recovery, or because the person wants another.
pub struct NewPassword {
    address: String,
    password: Zeroizing<String>,
    stretching: Stretching,
    state: ClientRegistration<OpaqueSuite>,
}

impl NewPassword {
    /// Begins. Refuses a weak password.
    pub fn start(address: &str, password: &str) -> Result<(Self, RegisterStart), Error> {
        Self::start_stretched(address, password, Stretching::CURRENT)
    }

    /// Begins with a stretching that may be as cheap as a test likes.
    #[cfg(any(test, feature = "testing"))]
    pub fn start_cheaply(
        address: &str,
        password: &str,
        stretching: Stretching,
    ) -> Result<(Self, RegisterStart), Error> {
        Self::start_stretched(address, password, stretching)
    }

    fn start_stretched(
        address: &str,
        password: &str,
        stretching: Stretching,
    ) -> Result<(Self, RegisterStart), Error> {
        let address = address::normalise(address)?;
        let password = trimmed(password);
        if passphrase::judge(&password, &address) == PasswordStrength::Weak {
            return Err(Error::WeakPassword);
        }
        let started = ClientRegistration::start(&mut OsRng, password.as_bytes())
            .map_err(|_| Error::Bug("starting a registration"))?;
        let request =
            RegisterStart { address: address.clone(), request: started.message.serialize().to_vec() };
        let started = Self { address, password, stretching, state: started.state };
        Ok((started, request))
    }

    /// The address.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Makes what opens the account from now on: by this password or by `phrase`. Takes as long as the stretching.
    pub fn finish(
        self,
        reply: &RegisterStartReply,
        vault_key: &VaultKey,
        phrase: &RecoveryPhrase,
    ) -> Result<Credentials, Error> {
        let malformed = Error::BadReply("OPAQUE registration");
        let response = RegistrationResponse::deserialize(&reply.response).map_err(|_| malformed.clone())?;
        let ksf = argon2(self.stretching)?;
        let parameters =
            ClientRegistrationFinishParameters::new(opaque_identifiers(&self.address), Some(&ksf));
        let finished = self
            .state
            .finish(&mut OsRng, self.password.as_bytes(), response, parameters)
            .map_err(|_| malformed)?;
        let export_key = Zeroizing::new(finished.export_key.to_vec());
        let from_password = WrapKey::from_export_key(&export_key, &self.address)?;
        let from_phrase = phrase.wrap_key(&self.address)?;
        Ok(Credentials {
            opaque_record: finished.message.serialize().to_vec(),
            stretching: self.stretching,
            recovery_login_hash: phrase.login(&self.address)?.hash(),
            wrap_password: vault_key.wrap(&from_password, &self.address)?,
            wrap_recovery: vault_key.wrap(&from_phrase, &self.address)?,
        })
    }
}

/// A sign-in by password.
pub(super) struct Login {
    origin: String,
    address: String,
    password: Zeroizing<String>,
    state: ClientLogin<OpaqueSuite>,
    acceptable: fn(Stretching) -> bool,
}

impl Login {
    /// Begins.
    pub fn start(
        origin: &str,
        address: &str,
        password: &str,
        acceptable: fn(Stretching) -> bool,
    ) -> Result<(Self, LoginStart), Error> {
        let address = address::normalise(address)?;
        let password = trimmed(password);
        let started = ClientLogin::start(&mut OsRng, password.as_bytes())
            .map_err(|_| Error::Bug("starting a login"))?;
        let request = LoginStart { address: address.clone(), request: started.message.serialize().to_vec() };
        let started = Self { origin: origin.to_owned(), address, password, state: started.state, acceptable };
        Ok((started, request))
    }

    /// The origin and the address.
    pub fn names(&self) -> (&str, &str) {
        (&self.origin, &self.address)
    }

    /// Gives OPAQUE's last message and what unwraps the vault key. Takes as long as the stretching.
    pub fn finish(self, reply: &LoginStartReply) -> Result<(Vec<u8>, WrapKey), Error> {
        if !(self.acceptable)(reply.stretching) {
            return Err(Error::Stretching(reply.stretching));
        }
        let response =
            CredentialResponse::deserialize(&reply.response).map_err(|_| Error::BadReply("OPAQUE login"))?;
        let ksf = argon2(reply.stretching)?;
        let identifiers = opaque_identifiers(&self.address);
        let parameters = ClientLoginFinishParameters::new(Some(OPAQUE_CONTEXT), identifiers, Some(&ksf));
        let finished = self
            .state
            .finish(&mut OsRng, self.password.as_bytes(), response, parameters)
            .map_err(|_| Error::WrongPassword)?;
        let export_key = Zeroizing::new(finished.export_key.to_vec());
        let wrap_key = WrapKey::from_export_key(&export_key, &self.address)?;
        Ok((finished.message.serialize().to_vec(), wrap_key))
    }
}
