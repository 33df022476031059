//! Accounts, devices and sessions, the vault, the directory.

use super::{AccountId, Lock, Result, Session, Tx, fixed, signed, unsigned};
use crate::limits::{Day, MAX_SESSIONS};
use crate::store::{News, StoreError, random};
use haven_wire::{Refusal, account::*, ids::*, keys::*, limits::DEVICES};
use sqlx::{SqliteConnection, SqlitePool, query, query_as};

pub(super) async fn belonging(tx: &mut Tx, name: &str, value: Vec<u8>) -> Result<Vec<u8>> {
    query(
        "INSERT INTO belonging (name, value) VALUES ($1, $2)
         ON CONFLICT (name) DO UPDATE SET value = excluded.value WHERE NOT EXISTS (SELECT 1 FROM account)",
    )
    .bind(name)
    .bind(value)
    .execute(&mut tx.connection)
    .await?;
    let (noted,) = query_as("SELECT value FROM belonging WHERE name = $1")
        .bind(name)
        .fetch_one(&mut tx.connection)
        .await?;
    Ok(noted)
}

pub(super) async fn create(tx: &mut Tx, local: String, new: RegisterFinish, day: Day) -> Result<()> {
    let creation_hash = Hash::of(&crate::store::encode(&new)?);
    let earlier: Option<(Vec<u8>,)> = query_as("SELECT creation_hash FROM account WHERE local_part = $1")
        .bind(&local)
        .fetch_optional(&mut tx.connection)
        .await?;
    match earlier {
        Some((hash,)) if hash == creation_hash.0 => return Ok(()),
        Some(_) => return Err(Refusal::AddressTaken.into()),
        None => {}
    }
    let account = AccountId(random()?);
    let opens = new.credentials;
    query(
        "INSERT INTO account (account_id, local_part, creation_hash, opaque_record, memory_kib, passes,
            recovery_login_hash, wrap_password, wrap_recovery, vault_version, vault_body, certificate,
            list_sequence, list_document, created_day, wkd_hash)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
    )
    .bind(account.0.as_slice())
    .bind(&local)
    .bind(creation_hash.as_bytes())
    .bind(opens.opaque_record)
    .bind(i64::from(opens.stretching.memory_kib))
    .bind(i64::from(opens.stretching.passes))
    .bind(opens.recovery_login_hash.as_bytes())
    .bind(opens.wrap_password)
    .bind(opens.wrap_recovery)
    .bind(signed(new.vault.version))
    .bind(new.vault.body)
    .bind(new.certificate)
    .bind(signed(new.device_list.sequence))
    .bind(new.device_list.document)
    .bind(day)
    .bind(crate::wkd::hash(&local))
    .execute(&mut tx.connection)
    .await?;
    put_device(tx, account, new.device_id, new.session_hash).await
}

/// Adds the device, or gives it a new session.
async fn put_device(tx: &mut Tx, account: AccountId, device: DeviceId, session: Hash) -> Result<()> {
    let taken: Option<(Vec<u8>,)> =
        query_as("SELECT device_id FROM device WHERE session_hash = $1 AND device_id <> $2")
            .bind(session.as_bytes())
            .bind(device.as_bytes())
            .fetch_optional(&mut tx.connection)
            .await?;
    if taken.is_some() {
        return Err(bad("session_hash"));
    }
    let owner: Option<(Vec<u8>,)> = query_as("SELECT account_id FROM device WHERE device_id = $1")
        .bind(device.as_bytes())
        .fetch_optional(&mut tx.connection)
        .await?;
    match owner {
        Some((owner,)) if owner != account.0 => return Err(bad("device_id")),
        Some(_) => {
            query("UPDATE device SET session_hash = $1 WHERE device_id = $2")
                .bind(session.as_bytes())
                .bind(device.as_bytes())
                .execute(&mut tx.connection)
                .await?;
            tx.news.push(News::SignedOut(device));
            return Ok(());
        }
        None => {}
    }
    let (devices,): (i64,) = query_as("SELECT COUNT(*) FROM device WHERE account_id = $1")
        .bind(account.0.as_slice())
        .fetch_one(&mut tx.connection)
        .await?;
    if unsigned(devices) >= MAX_SESSIONS && !drop_unfinished(tx, account).await? {
        return Err(StoreError::Refused(Refusal::TooLarge { what: DEVICES.into(), limit: MAX_SESSIONS }));
    }
    query("INSERT INTO device (device_id, account_id, session_hash, inbox_next) VALUES ($1, $2, $3, 1)")
        .bind(device.as_bytes())
        .bind(account.0.as_slice())
        .bind(session.as_bytes())
        .execute(&mut tx.connection)
        .await?;
    Ok(())
}

/// Drops devices that have no key packages: whose sign-in was never finished. They may be on no list, so that nobody could
/// remove them. Tells whether there were any.
async fn drop_unfinished(tx: &mut Tx, account: AccountId) -> Result<bool> {
    let unfinished: Vec<(Vec<u8>,)> = query_as(
        "SELECT device_id FROM device WHERE account_id = $1
            AND NOT EXISTS (SELECT 1 FROM last_resort WHERE last_resort.device_id = device.device_id)
            AND NOT EXISTS (SELECT 1 FROM key_package WHERE key_package.device_id = device.device_id)",
    )
    .bind(account.0.as_slice())
    .fetch_all(&mut tx.connection)
    .await?;
    for (device,) in &unfinished {
        remove_device(tx, account, fixed(DeviceId::from_slice(device))?, None).await?;
    }
    Ok(!unfinished.is_empty())
}

fn bad(what: &str) -> StoreError {
    StoreError::Refused(Refusal::BadRequest { what: what.into() })
}

pub(super) async fn lock(readers: &SqlitePool, local: &str) -> Result<Option<Lock>> {
    type Columns = (Vec<u8>, Vec<u8>, i64, i64, Vec<u8>);
    let row: Option<Columns> = query_as(
        "SELECT account_id, opaque_record, memory_kib, passes, recovery_login_hash
         FROM account WHERE local_part = $1",
    )
    .bind(local)
    .fetch_optional(readers)
    .await?;
    let Some((account, opaque_record, memory_kib, passes, recovery)) = row else {
        return Ok(None);
    };
    Ok(Some(Lock {
        account: account_id(&account)?,
        opaque_record,
        stretching: Stretching {
            memory_kib: fixed(memory_kib.try_into().ok())?,
            passes: fixed(passes.try_into().ok())?,
        },
        recovery_login_hash: fixed(Hash::from_slice(&recovery))?,
    }))
}

pub(super) fn account_id(bytes: &[u8]) -> Result<AccountId> {
    fixed(bytes.try_into().ok().map(AccountId))
}

pub(super) async fn sign_in(tx: &mut Tx, lock: Lock, device: DeviceId, session: Hash) -> Result<SignedIn> {
    let account = lock.account;
    type Columns = (Vec<u8>, Vec<u8>, i64, Vec<u8>, Vec<u8>, i64, Vec<u8>);
    let row: Option<Columns> = query_as(
        "SELECT wrap_password, wrap_recovery, vault_version, vault_body, certificate, list_sequence, list_document
         FROM account WHERE account_id = $1 AND opaque_record = $2",
    )
    .bind(account.0.as_slice())
    .bind(lock.opaque_record)
    .fetch_optional(&mut tx.connection)
    .await?;
    let (wrap_password, wrap_recovery, version, body, certificate, sequence, document) =
        row.ok_or(Refusal::BadCredentials)?;
    put_device(tx, account, device, session).await?;
    Ok(SignedIn {
        wrap_password,
        wrap_recovery,
        vault: Vault { version: unsigned(version), body },
        entry: entry(certificate, sequence, document),
    })
}

fn entry(certificate: Vec<u8>, sequence: i64, document: Vec<u8>) -> DirectoryEntry {
    DirectoryEntry { certificate, device_list: SignedDeviceList { sequence: unsigned(sequence), document } }
}

pub(super) async fn session(readers: &SqlitePool, session: Hash) -> Result<Option<Session>> {
    let row: Option<(Vec<u8>, Vec<u8>)> =
        query_as("SELECT account_id, device_id FROM device WHERE session_hash = $1")
            .bind(session.as_bytes())
            .fetch_optional(readers)
            .await?;
    row.map(|(account, device)| {
        Ok(Session { account: account_id(&account)?, device: fixed(DeviceId::from_slice(&device))? })
    })
    .transpose()
}

pub(super) async fn replace_credentials(tx: &mut Tx, account: AccountId, new: Credentials) -> Result<()> {
    let done = query(
        "UPDATE account SET opaque_record = $1, memory_kib = $2, passes = $3, recovery_login_hash = $4,
            wrap_password = $5, wrap_recovery = $6
         WHERE account_id = $7",
    )
    .bind(new.opaque_record)
    .bind(i64::from(new.stretching.memory_kib))
    .bind(i64::from(new.stretching.passes))
    .bind(new.recovery_login_hash.as_bytes())
    .bind(new.wrap_password)
    .bind(new.wrap_recovery)
    .bind(account.0.as_slice())
    .execute(&mut tx.connection)
    .await?;
    found(done.rows_affected())
}

fn found(rows: u64) -> Result<()> {
    if rows == 0 { Err(Refusal::NotSignedIn.into()) } else { Ok(()) }
}

pub(super) async fn vault(connection: &mut SqliteConnection, account: AccountId) -> Result<Vault> {
    let row: Option<(i64, Vec<u8>)> =
        query_as("SELECT vault_version, vault_body FROM account WHERE account_id = $1")
            .bind(account.0.as_slice())
            .fetch_optional(connection)
            .await?;
    let (version, body) = row.ok_or(Refusal::NotSignedIn)?;
    Ok(Vault { version: unsigned(version), body })
}

pub(super) async fn put_vault(tx: &mut Tx, account: AccountId, new: Vault) -> Result<()> {
    let held = vault(&mut tx.connection, account).await?;
    if held.version == new.version && held.body == new.body {
        // The same call again, after its answer was lost.
        return Ok(());
    }
    if held.version.checked_add(1) != Some(new.version) {
        return Err(Refusal::Conflict { current: held.version }.into());
    }
    query("UPDATE account SET vault_version = $1, vault_body = $2 WHERE account_id = $3")
        .bind(signed(new.version))
        .bind(new.body)
        .bind(account.0.as_slice())
        .execute(&mut tx.connection)
        .await?;
    Ok(())
}

pub(super) async fn remove_device(
    tx: &mut Tx,
    account: AccountId,
    device: DeviceId,
    list: Option<SignedDeviceList>,
) -> Result<()> {
    if let Some(list) = list {
        put_device_list(tx, account, list).await?;
    }
    // Its key packages and its inbox go with it (ON DELETE CASCADE).
    let done = query("DELETE FROM device WHERE device_id = $1 AND account_id = $2")
        .bind(device.as_bytes())
        .bind(account.0.as_slice())
        .execute(&mut tx.connection)
        .await?;
    if done.rows_affected() == 0 {
        return Err(Refusal::NotFound.into());
    }
    query("DELETE FROM outbox WHERE inbox = $1 AND waits = 1")
        .bind(device.as_bytes())
        .execute(&mut tx.connection)
        .await?;
    tx.news.push(News::SignedOut(device));
    Ok(())
}

pub(super) async fn directory_entry(
    connection: &mut SqliteConnection,
    local: &str,
) -> Result<Option<(AccountId, DirectoryEntry)>> {
    type Columns = (Vec<u8>, Vec<u8>, i64, Vec<u8>);
    let row: Option<Columns> = query_as(
        "SELECT account_id, certificate, list_sequence, list_document FROM account WHERE local_part = $1",
    )
    .bind(local)
    .fetch_optional(connection)
    .await?;
    row.map(|(account, certificate, sequence, document)| {
        Ok((account_id(&account)?, entry(certificate, sequence, document)))
    })
    .transpose()
}

pub(super) async fn put_device_list(tx: &mut Tx, account: AccountId, new: SignedDeviceList) -> Result<()> {
    let row: Option<(i64, Vec<u8>)> =
        query_as("SELECT list_sequence, list_document FROM account WHERE account_id = $1")
            .bind(account.0.as_slice())
            .fetch_optional(&mut tx.connection)
            .await?;
    let (sequence, document) = row.ok_or(Refusal::NotSignedIn)?;
    let current = unsigned(sequence);
    if current == new.sequence && document == new.document {
        return Ok(());
    }
    if current.checked_add(1) != Some(new.sequence) {
        return Err(Refusal::Conflict { current }.into());
    }
    query("UPDATE account SET list_sequence = $1, list_document = $2 WHERE account_id = $3")
        .bind(signed(new.sequence))
        .bind(new.document)
        .bind(account.0.as_slice())
        .execute(&mut tx.connection)
        .await?;
    Ok(())
}

pub(super) async fn put_certificate(
    tx: &mut Tx,
    account: AccountId,
    replaces: Hash,
    certificate: Vec<u8>,
) -> Result<()> {
    let row: Option<(Vec<u8>,)> = query_as("SELECT certificate FROM account WHERE account_id = $1")
        .bind(account.0.as_slice())
        .fetch_optional(&mut tx.connection)
        .await?;
    let (held,) = row.ok_or(Refusal::NotSignedIn)?;
    if held == certificate {
        return Ok(());
    }
    if Hash::of(&held) != replaces {
        return Err(Refusal::Conflict { current: 0 }.into());
    }
    query("UPDATE account SET certificate = $1 WHERE account_id = $2")
        .bind(certificate)
        .bind(account.0.as_slice())
        .execute(&mut tx.connection)
        .await?;
    Ok(())
}
