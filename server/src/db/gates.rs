//! Gates.

use benchrack_protocol::api::{GateOutcome, NewGate};
use benchrack_protocol::ids::{GateId, TokenId};
use sqlx::PgConnection;
use sqlx::types::Json;
use time::OffsetDateTime;

use super::column::cell;
use super::{Database, DbError};

/// A gate as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredGate {
    /// Id.
    pub id: GateId,
    /// What was asked.
    pub request: NewGate,
    /// The same byte for byte, as the sessions' reports name its digest; none for gates of before such texts were kept.
    pub request_text: Option<String>,
    /// When.
    pub submitted_at: OffsetDateTime,
    /// Verdict and when it was given; none while jobs are open.
    pub decided: Option<(GateOutcome, OffsetDateTime)>,
}

/// Stores a gate; its jobs are inserted by the caller in the same transaction.
pub async fn insert(
    tx: &mut PgConnection,
    (new, text): (&NewGate, &str),
    token: Option<TokenId>,
    now: OffsetDateTime,
) -> Result<GateId, DbError> {
    let id = sqlx::query_scalar!(
        "insert into gates (request, request_text, token_id, submitted_at) values ($1, $2, $3, $4) returning id",
        Json(new) as _,
        text,
        token.map(|token| token.0),
        now
    )
    .fetch_one(tx)
    .await?;
    Ok(GateId(id))
}

struct GateColumns {
    id: i64,
    request: String,
    request_text: Option<String>,
    submitted_at: OffsetDateTime,
    outcome: Option<String>,
    decided_at: Option<OffsetDateTime>,
}

fn gate(row: GateColumns) -> Result<StoredGate, DbError> {
    let outcome: Option<GateOutcome> =
        row.outcome.as_deref().map(|text| cell("gates", "outcome", row.id).json(text)).transpose()?;
    Ok(StoredGate {
        id: GateId(row.id),
        request: cell("gates", "request", row.id).json(&row.request)?,
        request_text: row.request_text,
        submitted_at: row.submitted_at,
        decided: outcome.zip(row.decided_at),
    })
}

/// One gate.
pub async fn get(db: &Database, id: GateId) -> Result<Option<StoredGate>, DbError> {
    let row = sqlx::query_as!(
        GateColumns,
        r#"select id, request::text as "request!", request_text, submitted_at, outcome::text as outcome, decided_at
           from gates where id = $1"#,
        id.0
    )
    .fetch_optional(db.pool())
    .await?;
    row.map(gate).transpose()
}

/// Gates below this id, newest first.
pub async fn list(db: &Database, before: Option<GateId>, limit: i64) -> Result<Vec<StoredGate>, DbError> {
    let rows = sqlx::query_as!(
        GateColumns,
        r#"select id, request::text as "request!", request_text, submitted_at, outcome::text as outcome, decided_at
           from gates where id < coalesce($1, 9223372036854775807) order by id desc limit $2"#,
        before.map(|before| before.0),
        limit
    )
    .fetch_all(db.pool())
    .await?;
    rows.into_iter().map(gate).collect()
}

/// Gates without a verdict whose jobs are all over.
pub async fn due(db: &Database) -> Result<Vec<GateId>, DbError> {
    let ids = sqlx::query_scalar!(
        "select id from gates g where outcome is null
             and not exists (select from jobs j where j.gate_id = g.id and j.state in ('queued', 'leased'))
         order by id limit 100"
    )
    .fetch_all(db.pool())
    .await?;
    Ok(ids.into_iter().map(GateId).collect())
}

/// Stores the verdict, unless another server did so first.
pub async fn decide(tx: &mut PgConnection, id: GateId, outcome: &GateOutcome, now: OffsetDateTime) -> Result<bool, DbError> {
    let touched = sqlx::query!(
        "update gates set outcome = $2, decided_at = $3 where id = $1 and outcome is null",
        id.0,
        Json(outcome) as _,
        now
    )
    .execute(tx)
    .await?
    .rows_affected();
    Ok(touched == 1)
}
