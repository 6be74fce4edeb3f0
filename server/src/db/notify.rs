//! Telling everybody, with the commit.

use sqlx::PgConnection;

use super::DbError;
use crate::events::{CHANNEL, FarmEvent};

/// Sends an event when the transaction commits, and not otherwise.
pub async fn notify(tx: &mut PgConnection, event: &FarmEvent) -> Result<(), DbError> {
    let payload = serde_json::to_string(event).map_err(|error| DbError::Sql(sqlx::Error::Encode(error.into())))?;
    sqlx::query!("select pg_notify($1, $2)", CHANNEL, payload).execute(tx).await?;
    Ok(())
}
