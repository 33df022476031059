//! People with accounts.

use super::{By, TestRelay, random};
use haven_wire::{Refusal, account::*, ids::*, keys::*};
use opaque_ke::{
    ClientLogin, ClientLoginFinishParameters, ClientRegistration, ClientRegistrationFinishParameters,
    CredentialResponse, RegistrationResponse, argon2::Argon2,
};
use rand::rngs::OsRng;
use serde_bytes::ByteBuf;

/// The suite of all key packages here.
pub const SUITE: u16 = 1;

/// A person with one signed-in device.
pub struct Person {
    pub address: String,
    pub password: String,
    pub recovery: LoginSecret,
    pub device: DeviceId,
    pub session: SessionToken,
}

/// Quick stretching: the relay never sees it.
fn quick() -> Argon2<'static> {
    let parameters = opaque_ke::argon2::Params::new(8, 1, 1, None).unwrap();
    Argon2::new(Default::default(), Default::default(), parameters)
}

/// The client's side of OPAQUE registration, to the finished record.
pub async fn opaque_record(relay: &TestRelay, address: &str, password: &str) -> Vec<u8> {
    let started = ClientRegistration::<OpaqueSuite>::start(&mut OsRng, password.as_bytes()).unwrap();
    let call = RegisterStart { address: address.into(), request: started.message.serialize().to_vec() };
    let reply = relay.call(&call, By::Nobody).await.unwrap();
    let stretch = quick();
    let finished = started
        .state
        .finish(
            &mut OsRng,
            password.as_bytes(),
            RegistrationResponse::deserialize(&reply.response).unwrap(),
            ClientRegistrationFinishParameters::new(opaque_identifiers(address), Some(&stretch)),
        )
        .unwrap();
    finished.message.serialize().to_vec()
}

pub async fn credentials(
    relay: &TestRelay,
    address: &str,
    password: &str,
    recovery: &LoginSecret,
) -> Credentials {
    Credentials {
        opaque_record: opaque_record(relay, address, password).await,
        stretching: Stretching::CURRENT,
        recovery_login_hash: recovery.hash(),
        wrap_password: format!("wrapped by {password}").into(),
        wrap_recovery: b"wrapped by recovery".to_vec(),
    }
}

/// A sign-up, ready to be sent.
pub async fn sign_up(relay: &TestRelay, name: &str) -> (Person, RegisterFinish) {
    let person = Person {
        address: format!("{name}@localhost"),
        password: format!("password of {name}"),
        recovery: SessionToken(random()),
        device: DeviceId(random()),
        session: SessionToken(random()),
    };
    let call = RegisterFinish {
        address: person.address.clone(),
        credentials: credentials(relay, &person.address, &person.password, &person.recovery).await,
        vault: Vault { version: 1, body: b"sealed vault".to_vec() },
        certificate: format!("certificate of {name}").into(),
        device_list: list(1),
        device_id: person.device,
        session_hash: person.session.hash(),
    };
    (person, call)
}

pub fn list(sequence: u64) -> SignedDeviceList {
    SignedDeviceList { sequence, document: format!("device list {sequence}").into() }
}

/// A login attempt by password, both steps.
pub async fn sign_in(
    relay: &TestRelay,
    address: &str,
    password: &str,
    device: DeviceId,
    session: &SessionToken,
) -> Result<SignedIn, Refusal> {
    relay.call(&first_step(relay, address, password, device, session).await?, By::Nobody).await
}

/// The first step of a login attempt by password, and the call that is its second one.
pub async fn first_step(
    relay: &TestRelay,
    address: &str,
    password: &str,
    device: DeviceId,
    session: &SessionToken,
) -> Result<LoginFinish, Refusal> {
    let started = ClientLogin::<OpaqueSuite>::start(&mut OsRng, password.as_bytes()).unwrap();
    let call = LoginStart { address: address.into(), request: started.message.serialize().to_vec() };
    let reply = relay.call(&call, By::Nobody).await?;
    assert!(reply.stretching.acceptable());
    let stretch = quick();
    let finished = started.state.finish(
        &mut OsRng,
        password.as_bytes(),
        CredentialResponse::deserialize(&reply.response).unwrap(),
        ClientLoginFinishParameters::new(Some(OPAQUE_CONTEXT), opaque_identifiers(address), Some(&stretch)),
    );
    // Who doesn't know the password can't finish; send nonsense of the right size in its place.
    let finalization = finished.map_or(vec![7; 64], |finished| finished.message.serialize().to_vec());
    Ok(LoginFinish { login: reply.login, finalization, device_id: device, session_hash: session.hash() })
}

impl Person {
    pub async fn new(relay: &TestRelay, name: &str) -> Self {
        let (person, call) = sign_up(relay, name).await;
        relay.call(&call, By::Nobody).await.unwrap();
        person
    }

    pub fn by(&self) -> By<'_> {
        By::Session(&self.session)
    }

    /// Another device of the same person.
    pub async fn another_device(&self, relay: &TestRelay) -> Self {
        let (device, session) = (DeviceId(random()), SessionToken(random()));
        sign_in(relay, &self.address, &self.password, device, &session).await.unwrap();
        Self {
            address: self.address.clone(),
            password: self.password.clone(),
            recovery: self.recovery,
            device,
            session,
        }
    }

    /// Publishes one-time key packages, and a last-resort one.
    pub async fn publish(&self, relay: &TestRelay, count: u64) -> KeyPackageCount {
        relay.call(&key_packages(count), self.by()).await.unwrap()
    }

    pub async fn claim(&self, relay: &TestRelay, of: &Person) -> Result<ClaimedKeyPackages, Refusal> {
        let call = ClaimKeyPackages { address: of.address.clone(), suite: SUITE };
        relay.call(&call, self.by()).await
    }
}

pub fn key_packages(count: u64) -> PublishKeyPackages {
    PublishKeyPackages {
        suite: SUITE,
        one_time: (0..count).map(|_| ByteBuf::from(random::<64>())).collect(),
        last_resort: Some(ByteBuf::from(b"last resort".to_vec())),
    }
}
