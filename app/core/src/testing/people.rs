//! Accounts without the cost of a real sign-up.

use crate::{
    Millis,
    identity::{
        DeviceEntry, DeviceList, RecoveryPhrase, SecretCertificate,
        account::Account,
        device_list, inbox,
        vault::{SeenDeviceList, VaultBody, VaultKey},
    },
};
use haven_wire::{
    ids::{DeviceId, SessionToken},
    keys::DirectoryEntry,
};

/// The relay of all tests.
pub const ORIGIN: &str = "https://relay.example.org";

/// A new person with a first device.
pub fn account(address: &str, device_id: DeviceId, label: &str, now: Millis) -> (Account, DirectoryEntry) {
    let (secret, revocation) = SecretCertificate::generate(address, now).expect("a certificate");
    account_with(&secret, revocation, device_id, label, now)
}

/// A new person with a certificate that was there before.
pub fn account_with(
    secret: &SecretCertificate,
    revocation: Vec<u8>,
    device_id: DeviceId,
    label: &str,
    now: Millis,
) -> (Account, DirectoryEntry) {
    let address = secret.address();
    let (inbox_secret, inbox_key) = inbox::generate().expect("an inbox");
    let list = DeviceList::first(DeviceEntry { device_id, inbox_key: inbox_key.clone(), created: now });
    let signed = list.sign(secret, now).expect("a device list");
    let seen = SeenDeviceList { sequence: 1, hash: device_list::hash_of(&signed).expect("a hash") };
    let vault = VaultBody {
        certificate: secret.to_bytes().expect("bytes").to_vec().into(),
        revocation,
        recovery: RecoveryPhrase::generate().expect("a phrase").entropy().clone(),
        recovery_confirmed: true,
        conversations: Vec::new(),
        device_list: seen,
        devices: Vec::new(),
        imported: None,
        people: Vec::new(),
    };
    let entry =
        DirectoryEntry { certificate: secret.public_bytes().expect("bytes"), device_list: signed.clone() };
    let account = Account {
        origin: ORIGIN.into(),
        address: address.into(),
        fingerprint: secret.fingerprint(),
        device_id,
        device_label: label.into(),
        created: now,
        session: SessionToken([9; 32]),
        inbox_secret: inbox_secret.to_vec().into(),
        inbox_key,
        vault_key: VaultKey::generate().expect("a key"),
        vault_version: 1,
        vault,
        device_list: signed,
    };
    (account, entry)
}

/// A further device of a person.
pub fn another_device(
    first: &Account,
    entry: &DirectoryEntry,
    device_id: DeviceId,
    label: &str,
    now: Millis,
) -> (Account, DirectoryEntry) {
    let (inbox_secret, inbox_key) = inbox::generate().expect("an inbox");
    let mut account = first.clone();
    account.device_id = device_id;
    account.device_label = label.into();
    account.inbox_secret = inbox_secret.to_vec().into();
    account.inbox_key = inbox_key;
    account.created = now;
    let put = account.join_device_list(entry, now).expect("a device list");
    let entry = DirectoryEntry { device_list: put.expect("a new list").device_list, ..entry.clone() };
    account.saw_device_list(&entry.device_list).expect("a device list");
    (account, entry)
}
