//! How a device gets its [`Account`]: signing up, signing in by password, and by the recovery phrase.
//!
//! Each is a value that is fed the relay's answers and gives the next request. None of them is kept across restarts:
//! a person whose browser dies half-way starts again. What a flow *gives* has to be stored before the request that
//! comes with it is sent, because the relay may carry that out although its answer is lost.

use super::{
    Account, DeviceEntry, DeviceList, Error, NewPassword, RecoveryPhrase, Secret, SecretCertificate, address,
    attestation::clean_label,
    certificate, import, inbox,
    opaque::Login,
    secret::random,
    vault::{NamedDevice, SeenDeviceList, VaultBody, VaultKey, WrapKey},
};
use crate::Millis;
use haven_wire::{
    account::{
        LoginFinish, LoginStart, LoginStartReply, Recover, RegisterFinish, RegisterStart, RegisterStartReply,
        ReplaceCredentials, SignedIn, Stretching,
    },
    ids::{DeviceId, SessionToken},
    keys::PutDeviceList,
};

/// What a device makes for itself before it belongs to anybody.
struct NewDevice {
    id: DeviceId,
    session: SessionToken,
    inbox_secret: Secret,
    inbox_key: Vec<u8>,
}

impl NewDevice {
    fn generate() -> Result<Self, Error> {
        let (inbox_secret, inbox_key) = inbox::generate()?;
        Ok(Self {
            id: DeviceId(*random()?),
            session: SessionToken(*random()?),
            inbox_secret: inbox_secret.into(),
            inbox_key,
        })
    }
}

/// A sign-up: a new person.
pub struct SignUp {
    origin: String,
    password: NewPassword,
    key: Option<import::Imported>,
}

impl SignUp {
    /// Begins at the relay `origin`. Refuses a weak password.
    pub fn start(origin: &str, address: &str, password: &str) -> Result<(Self, RegisterStart), Error> {
        let (password, request) = NewPassword::start(address, password)?;
        Ok((Self::with(origin, password), request))
    }

    /// Begins with a stretching that may be as cheap as a test likes.
    #[cfg(any(test, feature = "testing"))]
    pub fn start_cheaply(
        origin: &str,
        address: &str,
        password: &str,
        stretching: Stretching,
    ) -> Result<(Self, RegisterStart), Error> {
        let (password, request) = NewPassword::start_cheaply(address, password, stretching)?;
        Ok((Self::with(origin, password), request))
    }

    fn with(origin: &str, password: NewPassword) -> Self {
        Self { origin: origin.to_owned(), password, key: None }
    }

    /// With a key that the person has already, instead of a new one: see [`import`].
    pub fn with_key(self, file: &[u8], passphrase: &str, now: Millis) -> Result<Self, Error> {
        let key = import::import(file, passphrase, self.password.address(), now)?;
        Ok(Self { key: Some(key), ..self })
    }

    /// Makes the certificate, the vault, the recovery phrase and this device.
    pub fn finish(
        self,
        reply: &RegisterStartReply,
        device_label: &str,
        now: Millis,
    ) -> Result<(Account, RegisterFinish), Error> {
        let address = self.password.address().to_owned();
        let (secret, revocation, imported) = match self.key {
            Some(import::Imported { secret, whole }) => {
                let revocation = secret.revocation_bytes(certificate::time(now))?;
                (secret, revocation, Some(whole))
            }
            None => {
                let (secret, revocation) = SecretCertificate::generate(&address, now)?;
                (secret, revocation, None)
            }
        };
        let device = NewDevice::generate()?;
        let list = DeviceList::first(DeviceEntry {
            device_id: device.id,
            inbox_key: device.inbox_key.clone(),
            created: now,
        });
        let device_list = list.sign(&secret, now)?;
        let phrase = RecoveryPhrase::generate()?;
        let label = clean_label(device_label);
        let account = Account {
            origin: self.origin,
            address,
            fingerprint: secret.fingerprint(),
            device_id: device.id,
            device_label: label.clone(),
            created: now,
            session: device.session,
            inbox_secret: device.inbox_secret,
            inbox_key: device.inbox_key,
            vault_key: VaultKey::generate()?,
            vault_version: 1,
            vault: VaultBody {
                certificate: secret.to_bytes()?.into(),
                revocation,
                recovery: phrase.entropy().clone(),
                recovery_confirmed: false,
                conversations: Vec::new(),
                device_list: SeenDeviceList { sequence: list.sequence, hash: list.hash()? },
                devices: vec![NamedDevice { device_id: device.id, name: label }],
                imported,
                people: Vec::new(),
            },
            device_list,
        };
        let credentials = self.password.finish(reply, &account.vault_key, &phrase)?;
        let request = RegisterFinish {
            address: account.address.clone(),
            credentials,
            vault: account.vault_key.seal(&account.address, 1, &account.vault)?,
            certificate: secret.public_bytes()?,
            device_list: account.device_list.clone(),
            device_id: account.device_id,
            session_hash: account.session.hash(),
        };
        Ok((account, request))
    }
}

/// A sign-in by password: another device of a person.
pub struct SignIn(Login);

impl SignIn {
    /// Begins at the relay `origin`.
    pub fn start(origin: &str, address: &str, password: &str) -> Result<(Self, LoginStart), Error> {
        let (login, request) = Login::start(origin, address, password, Stretching::acceptable)?;
        Ok((Self(login), request))
    }

    /// Begins, and takes any stretching.
    #[cfg(any(test, feature = "testing"))]
    pub fn start_cheaply(origin: &str, address: &str, password: &str) -> Result<(Self, LoginStart), Error> {
        let (login, request) = Login::start(origin, address, password, |_| true)?;
        Ok((Self(login), request))
    }

    /// Finds out whether the password is right.
    pub fn finish(self, reply: &LoginStartReply) -> Result<(SignInFinishing, LoginFinish), Error> {
        let (origin, address) = self.0.names();
        let (origin, address) = (origin.to_owned(), address.to_owned());
        let device = NewDevice::generate()?;
        let (finalization, wrap_key) = self.0.finish(reply)?;
        let request = LoginFinish {
            login: reply.login,
            finalization,
            device_id: device.id,
            session_hash: device.session.hash(),
        };
        let finishing = SignInFinishing { origin, address, device, wrap_key };
        Ok((finishing, request))
    }
}

/// A [`SignIn`] whose password was right.
pub struct SignInFinishing {
    origin: String,
    address: String,
    device: NewDevice,
    wrap_key: WrapKey,
}

impl SignInFinishing {
    /// Opens the vault, verifies the directory's entry against it, and puts this device into the device list. If the
    /// list conflicts when it is put, [`Account::join_device_list`] makes another one.
    pub fn complete(
        self,
        reply: &SignedIn,
        device_label: &str,
        now: Millis,
    ) -> Result<(Account, PutDeviceList), Error> {
        let vault_key = VaultKey::unwrap(&reply.wrap_password, &self.wrap_key, &self.address)?;
        let names = (self.origin, self.address);
        join(names, vault_key, self.device, reply, device_label, now)
    }
}

/// A sign-in by recovery phrase, which replaces the password.
pub struct Recovery {
    origin: String,
    password: NewPassword,
    phrase: RecoveryPhrase,
    device: NewDevice,
}

impl Recovery {
    /// Begins at the relay `origin`. Both requests can be made at once, or one after the other. Refuses a mistyped
    /// phrase and a weak password.
    pub fn start(
        origin: &str,
        address: &str,
        phrase: &str,
        new_password: &str,
    ) -> Result<(Self, RegisterStart, Recover), Error> {
        let phrase = RecoveryPhrase::parse(phrase)?;
        let (password, register) = NewPassword::start(address, new_password)?;
        Self::with(origin, password, register, phrase)
    }

    /// Begins with a stretching that may be as cheap as a test likes.
    #[cfg(any(test, feature = "testing"))]
    pub fn start_cheaply(
        origin: &str,
        address: &str,
        phrase: &str,
        new_password: &str,
        stretching: Stretching,
    ) -> Result<(Self, RegisterStart, Recover), Error> {
        let phrase = RecoveryPhrase::parse(phrase)?;
        let (password, register) = NewPassword::start_cheaply(address, new_password, stretching)?;
        Self::with(origin, password, register, phrase)
    }

    fn with(
        origin: &str,
        password: NewPassword,
        register: RegisterStart,
        phrase: RecoveryPhrase,
    ) -> Result<(Self, RegisterStart, Recover), Error> {
        let device = NewDevice::generate()?;
        let recover = Recover {
            address: password.address().to_owned(),
            recovery_login: phrase.login(password.address())?,
            device_id: device.id,
            session_hash: device.session.hash(),
        };
        let started = Self { origin: origin.to_owned(), password, phrase, device };
        Ok((started, register, recover))
    }

    /// As [`SignInFinishing::complete`]. The second request makes the new password the account's; vault key and
    /// recovery phrase stay. Until it is carried out, the old password is good.
    pub fn complete(
        self,
        registered: &RegisterStartReply,
        reply: &SignedIn,
        device_label: &str,
        now: Millis,
    ) -> Result<(Account, PutDeviceList, ReplaceCredentials), Error> {
        let address = address::normalise(self.password.address())?;
        let wrap_key = self.phrase.wrap_key(&address)?;
        let vault_key = VaultKey::unwrap(&reply.wrap_recovery, &wrap_key, &address)?;
        let credentials = self.password.finish(registered, &vault_key, &self.phrase)?;
        let names = (self.origin, address);
        let (mut account, list) = join(names, vault_key, self.device, reply, device_label, now)?;
        account.vault.recovery = self.phrase.entropy().clone();
        account.vault.recovery_confirmed = true;
        Ok((account, list, ReplaceCredentials { credentials }))
    }
}

/// Makes `device` one of the devices of the vault's owner.
fn join(
    (origin, address): (String, String),
    vault_key: VaultKey,
    device: NewDevice,
    reply: &SignedIn,
    device_label: &str,
    now: Millis,
) -> Result<(Account, PutDeviceList), Error> {
    let vault = vault_key.open(&address, &reply.vault, 0)?;
    let secret = SecretCertificate::from_bytes(&vault.certificate)?;
    if secret.address() != address {
        return Err(Error::Mismatch("address"));
    }
    let mut account = Account {
        origin,
        address,
        fingerprint: secret.fingerprint(),
        device_id: device.id,
        device_label: clean_label(device_label),
        created: now,
        session: device.session,
        inbox_secret: device.inbox_secret,
        inbox_key: device.inbox_key,
        vault_key,
        vault_version: reply.vault.version,
        vault,
        device_list: reply.entry.device_list.clone(),
    };
    account.vault.name_device(account.device_id, &account.device_label);
    account.saw_device_list(&reply.entry.device_list)?;
    let request = account.join_device_list(&reply.entry, now)?;
    Ok((account, request.ok_or(Error::BadReply("device list"))?))
}
