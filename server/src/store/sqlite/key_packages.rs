//! Key-package pools: one for each device and suite.

use super::{Result, Tx, fixed, unsigned};
use crate::limits::{Day, MAX_SUITES};
use crate::store::News;
use haven_wire::{Refusal, ids::*, keys::*, limits::MAX_KEY_PACKAGES};
use sqlx::{SqliteConnection, query, query_as};

pub(super) async fn publish(
    tx: &mut Tx,
    device: DeviceId,
    new: PublishKeyPackages,
    day: Day,
) -> Result<KeyPackageCount> {
    // It may have been removed since its session was looked up.
    let there: Option<(i64,)> = query_as("SELECT 1 FROM device WHERE device_id = $1")
        .bind(device.as_bytes())
        .fetch_optional(&mut tx.connection)
        .await?;
    if there.is_none() {
        return Err(Refusal::NotSignedIn.into());
    }
    let (others,): (i64,) = query_as(
        "SELECT COUNT(*) FROM (SELECT suite FROM key_package WHERE device_id = $1
            UNION SELECT suite FROM last_resort WHERE device_id = $1) WHERE suite <> $2",
    )
    .bind(device.as_bytes())
    .bind(i64::from(new.suite))
    .fetch_one(&mut tx.connection)
    .await?;
    if others >= MAX_SUITES {
        return Err(Refusal::TooLarge { what: "suites".into(), limit: MAX_SUITES.unsigned_abs() }.into());
    }
    for body in &new.one_time {
        let reference = Hash::of(body);
        let first_time = query(
            "INSERT INTO published_key_package (reference, day) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        )
        .bind(reference.as_bytes())
        .bind(day)
        .execute(&mut tx.connection)
        .await?;
        if first_time.rows_affected() == 0 {
            continue;
        }
        query("INSERT INTO key_package (device_id, suite, reference, body) VALUES ($1, $2, $3, $4)")
            .bind(device.as_bytes())
            .bind(i64::from(new.suite))
            .bind(reference.as_bytes())
            .bind(body.as_slice())
            .execute(&mut tx.connection)
            .await?;
    }
    if let Some(body) = &new.last_resort {
        put_last_resort(tx, device, new.suite, body).await?;
    }
    let count = count(&mut tx.connection, device, new.suite).await?;
    if count.one_time as usize > MAX_KEY_PACKAGES {
        return Err(Refusal::TooLarge { what: "key packages".into(), limit: MAX_KEY_PACKAGES as u64 }.into());
    }
    Ok(count)
}

async fn put_last_resort(tx: &mut Tx, device: DeviceId, suite: u16, body: &[u8]) -> Result<()> {
    // The same one again stays used, if it was.
    query(
        "INSERT INTO last_resort (device_id, suite, body, used) VALUES ($1, $2, $3, 0)
         ON CONFLICT (device_id, suite) DO UPDATE SET
            used = CASE WHEN last_resort.body = excluded.body THEN last_resort.used ELSE 0 END,
            body = excluded.body",
    )
    .bind(device.as_bytes())
    .bind(i64::from(suite))
    .bind(body)
    .execute(&mut tx.connection)
    .await?;
    Ok(())
}

pub(super) async fn count(
    connection: &mut SqliteConnection,
    device: DeviceId,
    suite: u16,
) -> Result<KeyPackageCount> {
    let (one_time, fresh): (i64, i64) = query_as(
        "SELECT (SELECT COUNT(*) FROM key_package WHERE device_id = $1 AND suite = $2),
                (SELECT COUNT(*) FROM last_resort WHERE device_id = $1 AND suite = $2 AND used = 0)",
    )
    .bind(device.as_bytes())
    .bind(i64::from(suite))
    .fetch_one(connection)
    .await?;
    Ok(KeyPackageCount {
        one_time: u32::try_from(unsigned(one_time)).unwrap_or(u32::MAX),
        last_resort_fresh: fresh > 0,
    })
}

pub(super) async fn claim(tx: &mut Tx, local: String, suite: u16) -> Result<ClaimedKeyPackages> {
    let (account, entry) =
        super::accounts::directory_entry(&mut tx.connection, &local).await?.ok_or(Refusal::NotFound)?;
    let devices: Vec<(Vec<u8>,)> =
        query_as("SELECT device_id FROM device WHERE account_id = $1 ORDER BY device_id")
            .bind(account.0.as_slice())
            .fetch_all(&mut tx.connection)
            .await?;
    let mut key_packages = Vec::with_capacity(devices.len());
    for (device,) in devices {
        let device_id = fixed(DeviceId::from_slice(&device))?;
        if let Some(key_package) = claim_one(tx, device_id, suite).await? {
            key_packages.push(ClaimedKeyPackage { device_id, key_package });
        }
        let left = count(&mut tx.connection, device_id, suite).await?.one_time as usize;
        if left < MAX_KEY_PACKAGES / 2 {
            tx.news.push(News::KeyPackagesLow(device_id));
        }
    }
    Ok(ClaimedKeyPackages { entry, key_packages })
}

async fn claim_one(tx: &mut Tx, device: DeviceId, suite: u16) -> Result<Option<Vec<u8>>> {
    let one_time: Option<(Vec<u8>,)> = query_as(
        "DELETE FROM key_package
         WHERE device_id = $1 AND suite = $2 AND reference =
            (SELECT MIN(reference) FROM key_package WHERE device_id = $1 AND suite = $2)
         RETURNING body",
    )
    .bind(device.as_bytes())
    .bind(i64::from(suite))
    .fetch_optional(&mut tx.connection)
    .await?;
    if let Some((body,)) = one_time {
        return Ok(Some(body));
    }
    let last_resort: Option<(Vec<u8>,)> =
        query_as("UPDATE last_resort SET used = 1 WHERE device_id = $1 AND suite = $2 RETURNING body")
            .bind(device.as_bytes())
            .bind(i64::from(suite))
            .fetch_optional(&mut tx.connection)
            .await?;
    Ok(last_resort.map(|(body,)| body))
}
