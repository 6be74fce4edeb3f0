//! Submissions.

use benchrack_protocol::api::{NewSubmission, Submission};
use benchrack_protocol::ids::{SubmissionId, TokenId};
use sqlx::PgConnection;
use sqlx::types::Json;
use time::OffsetDateTime;

use super::jobs::{self, Origin};
use super::{Database, DbError};

/// Stores a submission; its jobs are inserted by the caller in the same transaction.
pub async fn insert(
    tx: &mut PgConnection,
    new: &NewSubmission,
    token: Option<TokenId>,
    now: OffsetDateTime,
) -> Result<SubmissionId, DbError> {
    let id = sqlx::query_scalar!(
        "insert into submissions (suite, devices, token_id, submitted_at) values ($1, $2, $3, $4) returning id",
        Json(&new.suite) as _,
        new.devices,
        token.map(|token| token.0),
        now
    )
    .fetch_one(tx)
    .await?;
    Ok(SubmissionId(id))
}

/// One submission with its jobs.
pub async fn get(db: &Database, id: SubmissionId) -> Result<Option<Submission>, DbError> {
    let row = sqlx::query!("select name, submitted_at from submissions where id = $1", id.0).fetch_optional(db.pool()).await?;
    let Some(row) = row else { return Ok(None) };
    let jobs = jobs::of_origin(db, Origin::Submission(id)).await?;
    Ok(Some(Submission { id, suite: row.name, submitted_at: row.submitted_at, jobs }))
}

/// The newest submissions below this id, newest first.
pub async fn list(db: &Database, before: Option<SubmissionId>, limit: i64) -> Result<Vec<Submission>, DbError> {
    let rows = sqlx::query!(
        "select id, name, submitted_at from submissions where id < coalesce($1, 9223372036854775807) order by id desc limit $2",
        before.map(|before| before.0),
        limit
    )
    .fetch_all(db.pool())
    .await?;
    let mut submissions = Vec::with_capacity(rows.len());
    for row in rows {
        let id = SubmissionId(row.id);
        let jobs = jobs::of_origin(db, Origin::Submission(id)).await?;
        submissions.push(Submission { id, suite: row.name, submitted_at: row.submitted_at, jobs });
    }
    Ok(submissions)
}
