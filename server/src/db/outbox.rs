//! What is to be told to whom: written in the transaction of what it tells, delivered at least once.

use benchrack_protocol::ids::AlertId;
use sqlx::PgConnection;
use sqlx::types::Json;
use time::{Duration, OffsetDateTime};

use super::{Database, DbError, one_row};

/// A message to be delivered.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// Its number; a receiver that gets it twice knows it by that.
    pub id: i64,
    /// Name of the webhook.
    pub webhook: String,
    /// What happened.
    pub event: String,
    /// The body.
    pub body: String,
    /// Attempts with this one.
    pub attempts: u32,
}

/// Queues a message.
pub async fn queue(
    tx: &mut PgConnection,
    webhook: &str,
    (alert, event): (AlertId, &str),
    body: &serde_json::Value,
    now: OffsetDateTime,
) -> Result<(), DbError> {
    sqlx::query!(
        "insert into webhook_outbox (webhook, alert_id, event, body, queued_at, next_at, attempts) values ($1, $2, $3, $4, $5, $5, 0)",
        webhook,
        alert.0,
        event,
        Json(body) as _,
        now
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Takes the oldest message that is due; nobody else gets it before `held` has passed.
pub async fn take(db: &Database, now: OffsetDateTime, held: Duration) -> Result<Option<Message>, DbError> {
    let row = sqlx::query!(
        r#"update webhook_outbox set attempts = attempts + 1, next_at = $2
           where id = (select id from webhook_outbox where next_at <= $1 order by next_at, id limit 1 for update skip locked)
           returning id, webhook, event, body::text as "body!", attempts"#,
        now,
        now.saturating_add(held)
    )
    .fetch_optional(db.pool())
    .await?;
    Ok(row.map(|row| Message {
        id: row.id,
        webhook: row.webhook,
        event: row.event,
        body: row.body,
        attempts: u32::try_from(row.attempts).unwrap_or(u32::MAX),
    }))
}

/// A message arrived.
pub async fn delivered(db: &Database, id: i64, now: OffsetDateTime) -> Result<(), DbError> {
    let touched = sqlx::query!(
        "update webhook_outbox set delivered_at = $2, next_at = null, failure = null where id = $1 and delivered_at is null",
        id,
        now
    )
    .execute(db.pool())
    .await?
    .rows_affected();
    one_row("update webhook_outbox", touched)
}

/// A message did not arrive; tried again at `next_at`, given up when there is none.
pub async fn failed(db: &Database, id: i64, failure: &str, next_at: Option<OffsetDateTime>) -> Result<(), DbError> {
    let touched = sqlx::query!("update webhook_outbox set failure = $2, next_at = $3 where id = $1", id, failure, next_at)
        .execute(db.pool())
        .await?
        .rows_affected();
    one_row("update webhook_outbox", touched)
}
