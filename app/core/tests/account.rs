//! Signing up, signing in and recovering, against a relay that does no more than it has to.

use haven_bridge::{KeyTrouble, PasswordStrength};
use haven_core::identity::{Account, Certificate, Error, Recovery, SignIn, SignUp, device_list, passphrase};
use haven_wire::{
    account::{
        Credentials, LoginFinish, LoginStart, LoginStartReply, OPAQUE_CONTEXT, OpaqueSuite, Recover,
        RegisterFinish, RegisterStart, RegisterStartReply, ReplaceCredentials, SignedIn, Stretching, Vault,
        opaque_identifiers,
    },
    ids::{Hash, MessageId},
    keys::{DirectoryEntry, PutDeviceList},
};
use opaque_ke::{
    CredentialFinalization, CredentialRequest, RegistrationRequest, RegistrationUpload, ServerLogin,
    ServerLoginParameters, ServerRegistration, ServerSetup,
};
use rand_core::OsRng;
use sequoia_openpgp::{Cert, parse::Parse as _};

const NOW: u64 = 1_795_305_600_000;
const ORIGIN: &str = "https://chat.example.org";
const ALICE: &str = "alice@example.org";
const PASSWORD: &str = "reword utopia gigolo nape hardcover";
const OTHER_PASSWORD: &str = "pueblo junior opacity dazzler crewless";
/// As cheap as Argon2id can be.
const CHEAP: Stretching = Stretching { memory_kib: 8, passes: 1 };

/// A relay with one person.
struct Relay {
    setup: ServerSetup<OpaqueSuite>,
    credentials: Option<Credentials>,
    vault: Option<Vault>,
    entry: Option<DirectoryEntry>,
    sessions: Vec<Hash>,
}

impl Relay {
    fn new() -> Self {
        Self {
            setup: ServerSetup::new(&mut OsRng),
            credentials: None,
            vault: None,
            entry: None,
            sessions: Vec::new(),
        }
    }

    fn register_start(&self, call: &RegisterStart) -> RegisterStartReply {
        let request = RegistrationRequest::deserialize(&call.request).unwrap();
        let started = ServerRegistration::start(&self.setup, request, call.address.as_bytes()).unwrap();
        RegisterStartReply { response: started.message.serialize().to_vec() }
    }

    fn register_finish(&mut self, call: RegisterFinish) {
        let sequence = call.device_list.sequence;
        assert_eq!((call.vault.version, sequence), (1, 1));
        self.credentials = Some(call.credentials);
        self.vault = Some(call.vault);
        self.entry = Some(DirectoryEntry { certificate: call.certificate, device_list: call.device_list });
        self.sessions.push(call.session_hash);
    }

    fn login_start(&self, call: &LoginStart) -> (ServerLogin<OpaqueSuite>, LoginStartReply) {
        let credentials = self.credentials.as_ref().unwrap();
        let record = RegistrationUpload::deserialize(&credentials.opaque_record).unwrap();
        let started = ServerLogin::start(
            &mut OsRng,
            &self.setup,
            Some(ServerRegistration::finish(record)),
            CredentialRequest::deserialize(&call.request).unwrap(),
            call.address.as_bytes(),
            parameters(&call.address),
        )
        .unwrap();
        let reply = LoginStartReply {
            login: MessageId([0; 16]),
            response: started.message.serialize().to_vec(),
            stretching: credentials.stretching,
        };
        (started.state, reply)
    }

    fn login_finish(&mut self, state: ServerLogin<OpaqueSuite>, call: &LoginFinish) -> SignedIn {
        let finalization = CredentialFinalization::deserialize(&call.finalization).unwrap();
        state.finish(finalization, parameters(ALICE)).unwrap();
        self.sessions.push(call.session_hash);
        self.signed_in()
    }

    fn recover(&mut self, call: &Recover) -> Option<SignedIn> {
        let expected = self.credentials.as_ref().unwrap().recovery_login_hash;
        let right = call.recovery_login.hash() == expected;
        right.then(|| {
            self.sessions.push(call.session_hash);
            self.signed_in()
        })
    }

    fn signed_in(&self) -> SignedIn {
        let credentials = self.credentials.as_ref().unwrap();
        SignedIn {
            wrap_password: credentials.wrap_password.clone(),
            wrap_recovery: credentials.wrap_recovery.clone(),
            vault: self.vault.clone().unwrap(),
            entry: self.entry.clone().unwrap(),
        }
    }

    fn put_device_list(&mut self, call: PutDeviceList) -> bool {
        let entry = self.entry.as_mut().unwrap();
        let next = call.device_list.sequence == entry.device_list.sequence + 1;
        if next {
            entry.device_list = call.device_list;
        }
        next
    }

    fn replace_credentials(&mut self, call: ReplaceCredentials) {
        self.credentials = Some(call.credentials);
    }
}

fn parameters(address: &str) -> ServerLoginParameters<'_, '_> {
    ServerLoginParameters { context: Some(OPAQUE_CONTEXT), identifiers: opaque_identifiers(address) }
}

fn sign_up(relay: &mut Relay) -> Account {
    let (sign_up, start) = SignUp::start_cheaply(ORIGIN, ALICE, PASSWORD, CHEAP).unwrap();
    let reply = relay.register_start(&start);
    let (account, finish) = sign_up.finish(&reply, "Firefox on Linux", NOW).unwrap();
    relay.register_finish(finish);
    account
}

fn sign_in(relay: &mut Relay, password: &str) -> Result<(Account, PutDeviceList), Error> {
    let (sign_in, start) = SignIn::start_cheaply(ORIGIN, "Alice@Example.org", password)?;
    let (state, reply) = relay.login_start(&start);
    let (finishing, finish) = sign_in.finish(&reply)?;
    let signed_in = relay.login_finish(state, &finish);
    finishing.complete(&signed_in, "Chrome on Android", NOW)
}

/// What the person's other devices write into the vault.
fn put_vault(relay: &mut Relay, account: &mut Account) {
    let vault = account.seal_vault().unwrap();
    account.vault_version = vault.version;
    relay.vault = Some(vault);
}

#[test]
fn a_second_device_gets_the_same_person() {
    let mut relay = Relay::new();
    let first = sign_up(&mut relay);
    let (second, put) = sign_in(&mut relay, PASSWORD).unwrap();
    assert!(relay.put_device_list(put));

    assert_eq!(second.fingerprint, first.fingerprint);
    assert_eq!(second.vault.certificate, first.vault.certificate);
    assert_eq!(second.phrase_words().unwrap(), first.phrase_words().unwrap());
    assert_ne!(second.device_id, first.device_id);
    assert_ne!(second.session, first.session);
    assert_ne!(second.inbox_secret, first.inbox_secret);
    for device in [&first, &second] {
        assert_eq!(second.vault.name_of(device.device_id), Some(device.device_label.as_str()));
    }

    let entry = relay.entry.clone().unwrap();
    let certificate = Certificate::parse(&entry.certificate, NOW).unwrap();
    assert!(certificate.claims(ALICE));
    let list = device_list::verify(&entry.device_list, &certificate).unwrap();
    assert_eq!(list.devices, [first.device_entry(), second.device_entry()]);
    assert_eq!(first.verify_own_entry(&entry, NOW).unwrap(), list);
}

#[test]
fn an_account_is_stored_and_read_back() {
    let account = sign_up(&mut Relay::new());
    let bytes = haven_wire::encode(&account).unwrap();
    let again: Account = haven_wire::decode(&bytes).unwrap();
    assert_eq!(haven_wire::encode(&again).unwrap(), bytes);
    let secret = again.secret_certificate().unwrap();
    assert_eq!(secret.fingerprint(), account.fingerprint);
    assert_eq!(secret.address(), ALICE);
}

#[test]
fn nothing_secret_is_shown_by_debug() {
    let account = sign_up(&mut Relay::new());
    let shown = format!("{account:?}");
    let bytes = |bytes: &[u8]| format!("{bytes:?}");
    for secret in [
        bytes(&account.vault.certificate),
        bytes(&account.inbox_secret),
        bytes(&account.vault.recovery),
        bytes(account.session.as_bytes()),
        account.session.to_hex(),
    ] {
        assert!(!shown.contains(secret.trim_matches(['[', ']'])), "{shown}");
    }
    assert!(shown.contains("vault_key: VaultKey(…)"));
}

#[test]
fn a_wrong_password_is_refused() {
    let mut relay = Relay::new();
    sign_up(&mut relay);
    let refused = sign_in(&mut relay, OTHER_PASSWORD).err();
    assert_eq!(refused, Some(Error::WrongPassword));
}

#[test]
fn white_space_around_a_password_makes_no_difference() {
    let mut relay = Relay::new();
    sign_up(&mut relay);
    assert!(sign_in(&mut relay, &format!(" {PASSWORD}\n")).is_ok());
}

#[test]
fn a_relay_can_not_weaken_the_stretching() {
    let mut relay = Relay::new();
    sign_up(&mut relay);
    let (sign_in, start) = SignIn::start(ORIGIN, ALICE, PASSWORD).unwrap();
    let (_, reply) = relay.login_start(&start);
    assert_eq!(sign_in.finish(&reply).err(), Some(Error::Stretching(CHEAP)));
}

#[test]
fn a_weak_password_is_refused_before_the_relay_hears_of_it() {
    for weak in ["", "alice", "password123", "alice@example.org"] {
        assert_eq!(SignUp::start(ORIGIN, ALICE, weak).err(), Some(Error::WeakPassword), "{weak}");
    }
    let suggested = passphrase::suggest().unwrap();
    assert!(SignUp::start(ORIGIN, ALICE, &suggested).is_ok());
    assert_eq!(passphrase::judge(&suggested, ALICE), PasswordStrength::Strong);
}

#[test]
fn full_stretching_signs_up_and_in() {
    let mut relay = Relay::new();
    let (sign_up, start) = SignUp::start(ORIGIN, ALICE, PASSWORD).unwrap();
    let (_, finish) = sign_up.finish(&relay.register_start(&start), "Firefox", NOW).unwrap();
    assert_eq!(finish.credentials.stretching, Stretching::CURRENT);
    relay.register_finish(finish);
    let (sign_in, start) = SignIn::start(ORIGIN, ALICE, PASSWORD).unwrap();
    let (state, reply) = relay.login_start(&start);
    let (finishing, finish) = sign_in.finish(&reply).unwrap();
    let signed_in = relay.login_finish(state, &finish);
    assert!(finishing.complete(&signed_in, "Chrome", NOW).is_ok());
}

#[test]
fn the_phrase_replaces_a_forgotten_password() {
    let mut relay = Relay::new();
    let first = sign_up(&mut relay);
    let phrase = first.phrase_words().unwrap().join(" ").to_uppercase();
    let (recovery, register, recover) =
        Recovery::start_cheaply(ORIGIN, ALICE, &phrase, OTHER_PASSWORD, CHEAP).unwrap();
    let signed_in = relay.recover(&recover).unwrap();
    let registered = relay.register_start(&register);
    let (second, put, replace) = recovery.complete(&registered, &signed_in, "Safari", NOW).unwrap();
    assert!(relay.put_device_list(put));
    relay.replace_credentials(replace);

    assert_eq!(second.fingerprint, first.fingerprint);
    assert_eq!(second.vault_key, first.vault_key);
    assert!(second.vault.recovery_confirmed);
    assert_eq!(sign_in(&mut relay, PASSWORD).err(), Some(Error::WrongPassword));
    assert!(sign_in(&mut relay, OTHER_PASSWORD).is_ok());

    let (_, _, again) = Recovery::start_cheaply(ORIGIN, ALICE, &phrase, PASSWORD, CHEAP).unwrap();
    assert!(relay.recover(&again).is_some(), "the phrase stays good");
}

#[test]
fn another_phrase_opens_nothing() {
    let mut relay = Relay::new();
    sign_up(&mut relay);
    let other = sign_up(&mut Relay::new()).phrase_words().unwrap().join(" ");
    let (recovery, register, recover) =
        Recovery::start_cheaply(ORIGIN, ALICE, &other, OTHER_PASSWORD, CHEAP).unwrap();
    assert!(relay.recover(&recover).is_none());
    let registered = relay.register_start(&register);
    let refused = recovery.complete(&registered, &relay.signed_in(), "Safari", NOW).err();
    assert_eq!(refused, Some(Error::VaultSealed));
}

#[test]
fn asked_words_of_the_phrase_are_checked() {
    let account = sign_up(&mut Relay::new());
    let words = account.phrase_words().unwrap();
    let asked = |place: usize, word: &str| (place as u8, word.to_owned());
    assert!(account.phrase_check(&[asked(2, &words[2]), asked(11, &words[11].to_uppercase())]));
    let wrong = words.iter().find(|word| **word != words[5]).unwrap();
    assert!(!account.phrase_check(&[asked(2, &words[2]), asked(5, wrong)]));
    assert!(!account.phrase_check(&[asked(12, &words[0])]));
    assert!(!account.phrase_check(&[asked(0, "")]));
    assert!(!account.phrase_check(&[]));
}

#[test]
fn a_device_list_that_another_device_was_faster_with_is_made_again() {
    let mut relay = Relay::new();
    sign_up(&mut relay);
    let (mut second, put_second) = sign_in(&mut relay, PASSWORD).unwrap();
    let (third, put_third) = sign_in(&mut relay, PASSWORD).unwrap();
    assert!(relay.put_device_list(put_third));
    assert!(!relay.put_device_list(put_second), "a conflict");

    let entry = relay.entry.clone().unwrap();
    let put = second.join_device_list(&entry, NOW).unwrap().unwrap();
    assert!(relay.put_device_list(put.clone()));
    let list = second.saw_device_list(&put.device_list).unwrap();
    assert_eq!(list.devices.len(), 3);

    // An answer that got lost: the same question finds that nothing is left to do.
    let entry = relay.entry.clone().unwrap();
    assert!(second.join_device_list(&entry, NOW).unwrap().is_none());
    let list = third.verify_own_entry(&entry, NOW).unwrap();
    assert_eq!(list.devices.len(), 3);
}

#[test]
fn a_relay_that_goes_back_to_an_old_vault_is_noticed() {
    let mut relay = Relay::new();
    let mut account = sign_up(&mut relay);
    let old = relay.vault.clone().unwrap();
    account.vault.recovery_confirmed = true;
    put_vault(&mut relay, &mut account);
    assert!(account.open_vault(relay.vault.as_ref().unwrap()).unwrap().recovery_confirmed);
    assert_eq!(account.open_vault(&old), Err(Error::VaultRolledBack { seen: 2, got: 1 }));

    let renumbered = Vault { version: 2, ..old };
    assert_eq!(account.open_vault(&renumbered), Err(Error::VaultSealed));
}

#[test]
fn a_relay_that_goes_back_to_an_old_device_list_is_noticed() {
    let mut relay = Relay::new();
    let mut first = sign_up(&mut relay);
    let old = relay.entry.clone().unwrap();
    let (second, put) = sign_in(&mut relay, PASSWORD).unwrap();
    assert!(relay.put_device_list(put));
    let new = relay.entry.clone().unwrap();
    first.saw_device_list(&new.device_list).unwrap();
    put_vault(&mut relay, &mut first);
    assert_eq!(first.verify_own_entry(&old, NOW), Err(Error::DeviceListRolledBack));

    // A new device knows it from the vault.
    relay.entry = Some(old);
    assert_eq!(sign_in(&mut relay, PASSWORD).err(), Some(Error::DeviceListRolledBack));
    relay.entry = Some(new);
    let (third, put) = sign_in(&mut relay, PASSWORD).unwrap();
    assert!(relay.put_device_list(put));

    // The first device removes the second, and the third notices that it isn't there any more.
    let entry = relay.entry.clone().unwrap();
    let put = first.remove_device(&entry, second.device_id, NOW).unwrap().unwrap();
    assert!(relay.put_device_list(put));
    let list = third.verify_own_entry(&relay.entry.clone().unwrap(), NOW).unwrap();
    assert!(list.device(second.device_id).is_none() && list.device(third.device_id).is_some());
}

#[test]
fn a_relay_that_shows_another_person_is_noticed() {
    let mut relay = Relay::new();
    sign_up(&mut relay);
    let mut other = Relay::new();
    sign_up(&mut other);
    relay.entry = other.entry;
    assert_eq!(sign_in(&mut relay, PASSWORD).err(), Some(Error::Mismatch("certificate")));
}

#[test]
fn a_relay_that_mixes_up_vaults_is_noticed() {
    let mut relay = Relay::new();
    sign_up(&mut relay);
    let mut other = Relay::new();
    sign_up(&mut other);
    relay.vault = other.vault;
    assert_eq!(sign_in(&mut relay, PASSWORD).err(), Some(Error::VaultSealed));
}

#[test]
fn malformed_answers_are_refused() {
    let relay = Relay::new();
    let (sign_up, start) = SignUp::start_cheaply(ORIGIN, ALICE, PASSWORD, CHEAP).unwrap();
    let mut reply = relay.register_start(&start);
    reply.response.pop();
    let refused = sign_up.finish(&reply, "Firefox", NOW).err();
    assert_eq!(refused, Some(Error::BadReply("OPAQUE registration")));
    let (sign_in, _) = SignIn::start_cheaply(ORIGIN, ALICE, PASSWORD).unwrap();
    let reply = LoginStartReply { login: MessageId([0; 16]), response: vec![0; 320], stretching: CHEAP };
    assert!(sign_in.finish(&reply).is_err());
}

#[test]
fn a_key_that_was_there_before_becomes_the_persons_on_all_devices() {
    let file = include_bytes!("data/own_key/gpg-own.asc");
    let mut relay = Relay::new();
    // After the key was made.
    let now = NOW + 24 * 60 * 60 * 1000;
    let (sign_up, start) = SignUp::start_cheaply(ORIGIN, ALICE, PASSWORD, CHEAP).unwrap();
    let wrong = SignUp::start_cheaply(ORIGIN, ALICE, PASSWORD, CHEAP).unwrap().0.with_key(file, "wrong", now);
    assert_eq!(wrong.err(), Some(Error::Unusable(KeyTrouble::WrongPassphrase)));
    let sign_up = sign_up.with_key(file, "velvet-otter-lantern-47", now).unwrap();
    let reply = relay.register_start(&start);
    let (first, finish) = sign_up.finish(&reply, "Firefox on Linux", now).unwrap();
    relay.register_finish(finish);
    let published = Certificate::parse(&relay.entry.clone().unwrap().certificate, now).unwrap();
    assert_eq!(published.addresses(), [ALICE]);
    assert_eq!(published.fingerprint(), first.fingerprint);

    let (sign_in, start) = SignIn::start_cheaply(ORIGIN, ALICE, PASSWORD).unwrap();
    let (state, reply) = relay.login_start(&start);
    let (finishing, finish) = sign_in.finish(&reply).unwrap();
    let signed_in = relay.login_finish(state, &finish);
    let (second, put) = finishing.complete(&signed_in, "Chrome on Android", now).unwrap();
    assert!(relay.put_device_list(put));
    assert_eq!(second.fingerprint, first.fingerprint);
    assert_eq!(second.vault, {
        let mut vault = first.vault.clone();
        vault.take_names(&second.vault.devices);
        vault
    });
    // The file for other programs has what came with it, and the address of now.
    let exported = second.secret_key_file("pueblo junior opacity dazzler").unwrap();
    let exported = Cert::from_bytes(&exported).unwrap();
    assert_eq!((exported.userids().count(), exported.keys().subkeys().count()), (3, 2));
    assert!(exported.userids().any(|userid| userid.certifications().next().is_some()));
    assert_eq!(exported.keys().secret().count(), 3);
    assert_eq!(exported.keys().unencrypted_secret().count(), 0);
}
