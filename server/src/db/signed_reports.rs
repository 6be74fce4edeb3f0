//! Reports of gates as their agents sent and signed them.

use benchrack_protocol::ids::SessionId;
use benchrack_protocol::receipt::SignedReport;
use benchrack_protocol::signature::{PublicKey, Signature};
use sqlx::PgConnection;

use super::column::cell;
use super::{Database, DbError};

/// Stores the text of a session's report.
pub async fn insert(tx: &mut PgConnection, session: SessionId, signed: &SignedReport) -> Result<(), DbError> {
    sqlx::query!(
        "insert into signed_reports (session_id, report, signature, public_key) values ($1, $2, $3, $4)",
        session.0,
        signed.report,
        signed.signature.map(|signature| signature.0.to_vec()),
        signed.key.map(|key| key.0.to_vec())
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Whether the text of each of these sessions' reports is kept.
pub async fn are_kept(db: &Database, sessions: &[SessionId]) -> Result<bool, DbError> {
    let ids: Vec<i64> = sessions.iter().map(|session| session.0).collect();
    let kept = sqlx::query_scalar!(
        r#"select not exists (
               select from unnest($1::bigint[]) as wanted (id)
               where not exists (select from signed_reports where session_id = wanted.id)
           ) as "kept!""#,
        &ids
    )
    .fetch_one(db.pool())
    .await?;
    Ok(kept)
}

/// The text of a session's report; none when it was no gate's, or was stored before such texts were kept.
pub async fn get(db: &Database, session: SessionId) -> Result<Option<SignedReport>, DbError> {
    let row = sqlx::query!("select report, signature, public_key from signed_reports where session_id = $1", session.0)
        .fetch_optional(db.pool())
        .await?;
    let Some(row) = row else { return Ok(None) };
    let column = |column| cell("signed_reports", column, session.0);
    Ok(Some(SignedReport {
        report: row.report,
        signature: row.signature.map(|bytes| column("signature").array(&bytes).map(Signature)).transpose()?,
        key: row.public_key.map(|bytes| column("public_key").array(&bytes).map(PublicKey)).transpose()?,
    }))
}
