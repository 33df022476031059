//! People by the name that WKD gives them.

use super::Result;
use crate::wkd;
use sqlx::{Connection as _, SqliteConnection, SqlitePool, query, query_as, query_scalar};

/// Names the people whose accounts are older than the column.
pub(super) async fn fill(connection: &mut SqliteConnection) -> Result<()> {
    let mut all = connection.begin().await?;
    let nameless: Vec<(String,)> =
        query_as("SELECT local_part FROM account WHERE wkd_hash IS NULL").fetch_all(&mut *all).await?;
    for (local,) in nameless {
        query("UPDATE account SET wkd_hash = $1 WHERE local_part = $2")
            .bind(wkd::hash(&local))
            .bind(&local)
            .execute(&mut *all)
            .await?;
    }
    Ok(all.commit().await?)
}

pub(super) async fn certificate(readers: &SqlitePool, hash: &str) -> Result<Option<Vec<u8>>> {
    let found = query_scalar("SELECT certificate FROM account WHERE wkd_hash = $1").bind(hash);
    Ok(found.fetch_optional(readers).await?)
}
