//! Becoming somebody: sign-up, sign-in, recovery.
//!
//! Each gives an [`Account`] that the relay knows, but that is not stored yet. If the browser dies before it is, the
//! account is there all the same: the person signs in.

use crate::{relay_client::RelayClient, scope};
use futures_util::{FutureExt as _, future};
use gloo_timers::future::TimeoutFuture;
use haven_bridge::{About, Command, Failure, OwnKey, Reply, Session};
use haven_core::{
    identity::{Account, Recovery, SignIn, SignUp, vault::VaultBody},
    make_room,
    request::{Caller as _, Rejection},
};
use haven_wire::{
    Call, Refusal,
    account::{GetVault, Info, InfoReply, PutVault},
    ids::DeviceId,
    keys::{Lookup, PutDeviceList},
};
use std::cell::RefCell;

/// How long a page waits to hear of the relay before it is told that nobody is signed in.
const INFO_PATIENCE: u32 = 3_000;
/// How often a lost answer or a conflict is met with another try.
const TRIES: u32 = 4;
const PAUSE: u32 = 1_000;

/// Who came in, if somebody did, and what is to be said.
pub type Came = (Option<Account>, Reply);

/// Carries out a command that makes a session. Nothing: it is another command.
pub async fn enter(command: Command) -> Option<Result<Came, Failure>> {
    match command {
        Command::SignUp { local_part, password, device_label, key } => {
            Some(sign_up(&local_part, &password, &device_label, key).await)
        }
        Command::SignIn { address, password, device_label, remove } => {
            Some(sign_in(&address, &password, &device_label, remove).await)
        }
        Command::Recover { address, phrase, new_password, device_label, remove } => {
            Some(recover(&address, &phrase, &new_password, &device_label, remove).await)
        }
        _ => None,
    }
}

async fn sign_up(
    local_part: &str,
    password: &str,
    device_label: &str,
    key: Option<OwnKey>,
) -> Result<Came, Failure> {
    let relay = Relay::reach().await?;
    if !relay.info.sign_up {
        return Err(Failure::SignUpClosed);
    }
    if !haven_wire::limits::valid_local_part(local_part) {
        return Err(Failure::AddressInvalid);
    }
    let address = relay.address(local_part);
    let (mut sign_up, request) = SignUp::start(&relay.origin, &address, password)?;
    if let Some(OwnKey { file, passphrase }) = key {
        sign_up = sign_up.with_key(&file, &passphrase, scope::now())?;
    }
    let reply = relay.call(&request).await?;
    let (account, request) = sign_up.finish(&reply, device_label, scope::now())?;
    // The relay answers the very same request the same way, whether or not it has been carried out before.
    relay.call(&request).await?;
    let phrase = account.phrase_words()?;
    Ok((Some(account), Reply::RecoveryPhrase(phrase)))
}

async fn sign_in(
    address: &str,
    password: &str,
    device_label: &str,
    remove: Vec<[u8; 16]>,
) -> Result<Came, Failure> {
    let relay = Relay::reach().await?;
    let (sign_in, request) = SignIn::start(&relay.origin, &relay.address(address), password)?;
    let reply = relay.call(&request).await?;
    let (finishing, request) = sign_in.finish(&reply)?;
    // Not repeated: the relay forgets a sign-in that it has finished.
    let reply = relay.call_once(&request).await?;
    let (mut account, list) = finishing.complete(&reply, device_label, scope::now())?;
    if !relay.join(&mut account, list, remove).await? {
        return Ok((None, Reply::Devices(account.devices()?)));
    }
    relay.share(&mut account).await;
    Ok((Some(account), Reply::Done))
}

async fn recover(
    address: &str,
    phrase: &str,
    new_password: &str,
    device_label: &str,
    remove: Vec<[u8; 16]>,
) -> Result<Came, Failure> {
    let relay = Relay::reach().await?;
    let address = relay.address(address);
    let (recovery, register, recover) = Recovery::start(&relay.origin, &address, phrase, new_password)?;
    let registered = relay.call(&register).await?;
    let reply = relay.call_once(&recover).await.map_err(|failure| {
        // The relay says the same for a wrong phrase as for a wrong password.
        match failure {
            Failure::BadCredentials => Failure::PhraseWrong,
            other => other,
        }
    })?;
    let (mut account, list, credentials) =
        recovery.complete(&registered, &reply, device_label, scope::now())?;
    if !relay.join(&mut account, list, remove).await? {
        return Ok((None, Reply::Devices(account.devices()?)));
    }
    relay.call(&credentials).await?;
    relay.share(&mut account).await;
    Ok((Some(account), Reply::Done))
}

thread_local! {
    static LAST_INFO: RefCell<Option<InfoReply>> = const { RefCell::new(None) };
}

/// What the relay says of itself.
async fn info() -> Result<InfoReply, Failure> {
    let client = RelayClient::default();
    let info = client.call(&scope::origin(), &Info {}, None).await;
    let info = info.map_err(Failure::from)?;
    LAST_INFO.set(Some(info.clone()));
    Ok(info)
}

/// What the relay says of the program.
pub async fn about() -> Result<About, Failure> {
    let info = info().await?;
    // It becomes a link.
    let is_page = |url: &String| url.starts_with("https://") || url.starts_with("http://");
    Ok(About { source: info.source.filter(is_page) })
}

/// Nobody is signed in, at a relay that is asked what it is, unless that takes too long.
pub async fn nobody() -> Session {
    let asked = future::select(info().boxed_local(), TimeoutFuture::new(INFO_PATIENCE));
    asked.await;
    nobody_yet()
}

/// Nobody is signed in any more, at the relay of this address.
pub fn nobody_at(address: &str) -> Session {
    match nobody_yet() {
        Session::SignedOut { domain: None, sign_up } => {
            let domain = address.split_once('@').map(|(_, domain)| domain.to_owned());
            Session::SignedOut { domain, sign_up }
        }
        known => known,
    }
}

/// Nobody is signed in, at a relay that has said or not what it is.
pub fn nobody_yet() -> Session {
    LAST_INFO.with_borrow(|info| Session::SignedOut {
        domain: info.as_ref().map(|info| info.domain.clone()),
        sign_up: info.as_ref().is_none_or(|info| info.sign_up),
    })
}

/// The relay of this page, and this flow's session with it.
struct Relay {
    origin: String,
    info: InfoReply,
    client: RelayClient,
}

impl Relay {
    async fn reach() -> Result<Self, Failure> {
        let origin = scope::origin();
        let info = info().await?;
        // Signing in is bound to the origin, so that one relay can't pass it on to another.
        if info.origin != origin {
            let message = format!("it is to be used at {}", info.origin);
            return Err(Failure::Relay { message });
        }
        let client = RelayClient::default();
        Ok(Self { origin, info, client })
    }

    /// An address, if only the part before the `@` was typed.
    fn address(&self, typed: &str) -> String {
        let typed = typed.trim();
        if typed.contains('@') { typed.to_owned() } else { format!("{typed}@{}", self.info.domain) }
    }

    async fn call_once<C: Call>(&self, call: &C) -> Result<C::Reply, Failure> {
        let reply = self.client.call(&self.origin, call, None).await;
        reply.map_err(Failure::from)
    }

    /// Makes a call that may be repeated, if its answer is lost.
    async fn call<C: Call>(&self, call: &C) -> Result<C::Reply, Failure> {
        for _ in 1..TRIES {
            match self.client.call(&self.origin, call, None).await {
                Err(Rejection::Unreachable) => TimeoutFuture::new(scope::jittered(PAUSE)).await,
                other => return other.map_err(Failure::from),
            }
        }
        self.call_once(call).await
    }

    /// Puts the new device into its person's device list, after taking these off, if there is room then.
    async fn join(
        &self,
        account: &mut Account,
        first: PutDeviceList,
        remove: Vec<[u8; 16]>,
    ) -> Result<bool, Failure> {
        self.client.sign_in(&self.origin, account.session);
        let remove: Vec<_> = remove.into_iter().map(DeviceId).collect();
        let room = make_room(account, first, &remove, &self.client, scope::now()).await?;
        let Some(mut list) = room else { return Ok(false) };
        for _ in 0..TRIES {
            match self.client.call(&self.origin, &list, None).await {
                Ok(_) => {
                    account.saw_device_list(&list.device_list)?;
                    return Ok(true);
                }
                Err(Rejection::Unreachable) => TimeoutFuture::new(scope::jittered(PAUSE)).await,
                // Another device was faster, or it was this call and its answer was lost.
                Err(Rejection::Refused(Refusal::Conflict { .. })) => {
                    let address = account.address.clone();
                    let entry = self.call(&Lookup { address }).await?;
                    match account.join_device_list(&entry, scope::now())? {
                        Some(next) => list = next,
                        None => {
                            account.saw_device_list(&entry.device_list)?;
                            return Ok(true);
                        }
                    }
                }
                Err(rejection) => return Err(rejection.into()),
            }
        }
        Err(Failure::Offline)
    }

    /// Lets the person's other devices know the device list and what this device is called. If that fails, the next change
    /// of the vault does it.
    async fn share(&self, account: &mut Account) {
        let (id, name) = (account.device_id, account.device_label.clone());
        let _ = push_vault(&self.client, account, |vault| vault.name_device(id, &name)).await;
    }
}

/// Writes the vault with a change in it. If another device was faster, the change is made to what that one wrote.
pub async fn push_vault(
    client: &RelayClient,
    account: &mut Account,
    change: impl Fn(&mut VaultBody),
) -> Result<(), Failure> {
    let origin = account.origin.clone();
    for _ in 0..TRIES {
        change(&mut account.vault);
        let vault = account.seal_vault()?;
        let version = vault.version;
        match client.call(&origin, &PutVault { vault }, None).await {
            Ok(_) => {
                account.vault_version = version;
                return Ok(());
            }
            Err(Rejection::Refused(Refusal::Conflict { .. })) => {
                let held = client.call(&origin, &GetVault {}, None).await;
                let held = held.map_err(Failure::from)?;
                let mut body = account.open_vault(&held)?;
                if body.device_list.sequence < account.vault.device_list.sequence {
                    body.device_list = account.vault.device_list;
                }
                account.vault = body;
                account.vault_version = held.version;
            }
            Err(rejection) => return Err(rejection.into()),
        }
    }
    Err(Failure::Offline)
}
