//! Views under a name.

use benchrack_dashboards::view::SavedView;
use benchrack_protocol::ids::TokenId;
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::{Database, DbError};

/// All, by name.
pub async fn list(db: &Database) -> Result<Vec<SavedView>, DbError> {
    Ok(sqlx::query_as!(SavedView, r#"select id, name, path, saved_at from saved_views order by name collate "C""#)
        .fetch_all(db.pool())
        .await?)
}

/// Keeps one, unless there are so many already or the name is taken; says whether it did.
pub async fn save(
    tx: &mut PgConnection,
    (name, path): (&str, &str),
    most: i64,
    token: Option<TokenId>,
    now: OffsetDateTime,
) -> Result<bool, DbError> {
    let touched = sqlx::query!(
        "insert into saved_views (name, path, token_id, saved_at)
         select $1, $2, $3, $4 where (select count(*) from saved_views) < $5
         on conflict on constraint saved_views_name_unique do nothing",
        name,
        path,
        token.map(|token| token.0),
        now,
        most
    )
    .execute(tx)
    .await?
    .rows_affected();
    Ok(touched == 1)
}

/// Forgets one; says whether it was there.
pub async fn remove(tx: &mut PgConnection, id: i64) -> Result<bool, DbError> {
    Ok(sqlx::query!("delete from saved_views where id = $1", id).execute(tx).await?.rows_affected() == 1)
}
