//! Bearer tokens and the browser sessions made from them.

use benchrack_protocol::api::{Scope, Token};
use benchrack_protocol::ids::TokenId;
use time::{Duration, OffsetDateTime};

use super::column::{cell, word};
use super::{Database, DbError, one_row};
use crate::secret::SecretHash;

/// `last_used_at` is kept to this.
const LAST_USED_STEP: Duration = Duration::minutes(1);

/// A token that is good now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownToken {
    /// Its row.
    pub id: TokenId,
    /// What it allows.
    pub scope: Scope,
}

/// Stores a new token's hash.
pub async fn insert(db: &Database, name: &str, scope: Scope, hash: &SecretHash, now: OffsetDateTime) -> Result<TokenId, DbError> {
    let id = sqlx::query_scalar!(
        "insert into tokens (name, scope, secret_hash, created_at) values ($1, $2, $3, $4) returning id",
        name,
        word(&scope),
        hash.as_bytes(),
        now
    )
    .fetch_one(db.pool())
    .await?;
    Ok(TokenId(id))
}

/// Every token, newest first.
pub async fn list(db: &Database) -> Result<Vec<Token>, DbError> {
    let rows = sqlx::query!("select id, name, scope, created_at, last_used_at, revoked_at from tokens order by id desc")
        .fetch_all(db.pool())
        .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Token {
                id: TokenId(row.id),
                name: row.name,
                scope: cell("tokens", "scope", row.id).word(&row.scope)?,
                created_at: row.created_at,
                last_used_at: row.last_used_at,
                revoked_at: row.revoked_at,
            })
        })
        .collect()
}

/// Whether an unrevoked token of this scope exists.
pub async fn any_live(db: &Database, scope: Scope) -> Result<bool, DbError> {
    Ok(sqlx::query_scalar!(
        r#"select exists (select from tokens where scope = $1 and revoked_at is null) as "any!""#,
        word(&scope)
    )
    .fetch_one(db.pool())
    .await?)
}

/// Revokes a token and ends its browser sessions; revoking again keeps the first time. False when there is no such token.
pub async fn revoke(db: &Database, id: TokenId, now: OffsetDateTime) -> Result<bool, DbError> {
    let mut tx = db.begin().await?;
    let touched = sqlx::query!("update tokens set revoked_at = coalesce(revoked_at, $2) where id = $1", id.0, now)
        .execute(&mut *tx)
        .await?
        .rows_affected();
    sqlx::query!("delete from browser_sessions where token_id = $1", id.0).execute(&mut *tx).await?;
    tx.commit().await?;
    Ok(touched == 1)
}

/// The token with this hash, unless revoked; notes its use.
pub async fn find_bearer(db: &Database, hash: &SecretHash, now: OffsetDateTime) -> Result<Option<KnownToken>, DbError> {
    let row =
        sqlx::query!("select id, scope, last_used_at from tokens where secret_hash = $1 and revoked_at is null", hash.as_bytes())
            .fetch_optional(db.pool())
            .await?;
    let Some(row) = row else { return Ok(None) };
    note_use(db, row.id, row.last_used_at, now).await?;
    Ok(Some(KnownToken { id: TokenId(row.id), scope: cell("tokens", "scope", row.id).word(&row.scope)? }))
}

/// The token behind a browser session's cookie, while both live; notes its use.
pub async fn find_by_cookie(
    db: &Database,
    hash: &SecretHash,
    now: OffsetDateTime,
) -> Result<Option<(KnownToken, String)>, DbError> {
    let row = sqlx::query!(
        "select t.id, t.name, t.scope, t.last_used_at
         from browser_sessions b join tokens t on t.id = b.token_id
         where b.secret_hash = $1 and b.expires_at > $2 and t.revoked_at is null",
        hash.as_bytes(),
        now
    )
    .fetch_optional(db.pool())
    .await?;
    let Some(row) = row else { return Ok(None) };
    note_use(db, row.id, row.last_used_at, now).await?;
    let known = KnownToken { id: TokenId(row.id), scope: cell("tokens", "scope", row.id).word(&row.scope)? };
    Ok(Some((known, row.name)))
}

async fn note_use(db: &Database, id: i64, last: Option<OffsetDateTime>, now: OffsetDateTime) -> Result<(), DbError> {
    if last.is_none_or(|last| now - last >= LAST_USED_STEP) {
        sqlx::query!("update tokens set last_used_at = greatest(last_used_at, $2) where id = $1", id, now)
            .execute(db.pool())
            .await?;
    }
    Ok(())
}

/// Begins a browser session.
pub async fn log_in(
    db: &Database,
    token: TokenId,
    hash: &SecretHash,
    now: OffsetDateTime,
    until: OffsetDateTime,
) -> Result<(), DbError> {
    let touched = sqlx::query!(
        "insert into browser_sessions (token_id, secret_hash, created_at, expires_at) values ($1, $2, $3, $4)",
        token.0,
        hash.as_bytes(),
        now,
        until
    )
    .execute(db.pool())
    .await?
    .rows_affected();
    one_row("insert into browser_sessions", touched)
}

/// Ends a browser session; one that has ended already is as good.
pub async fn log_out(db: &Database, hash: &SecretHash) -> Result<(), DbError> {
    sqlx::query!("delete from browser_sessions where secret_hash = $1", hash.as_bytes()).execute(db.pool()).await?;
    Ok(())
}

/// Removes browser sessions that have run out.
pub async fn forget_old_sessions(db: &Database, now: OffsetDateTime) -> Result<u64, DbError> {
    Ok(sqlx::query!("delete from browser_sessions where expires_at <= $1", now).execute(db.pool()).await?.rows_affected())
}
