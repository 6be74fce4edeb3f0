//! Which files the artifact store holds.

use benchrack_protocol::ids::ArtifactId;
use benchrack_protocol::units::Bytes;
use time::OffsetDateTime;

use super::column::cell;
use super::{Database, DbError};

/// Notes a file that has been stored; true when it was not known before.
pub async fn insert(db: &Database, id: ArtifactId, size: i64, now: OffsetDateTime) -> Result<bool, DbError> {
    let touched = sqlx::query!(
        "insert into artifacts (id, size, stored_at) values ($1, $2, $3) on conflict on constraint artifacts_pk do nothing",
        &id.0[..],
        size,
        now
    )
    .execute(db.pool())
    .await?
    .rows_affected();
    Ok(touched == 1)
}

/// Size of a stored file; none when it is not stored.
pub async fn size(db: &Database, id: ArtifactId) -> Result<Option<Bytes>, DbError> {
    let size = sqlx::query_scalar!("select size from artifacts where id = $1", &id.0[..]).fetch_optional(db.pool()).await?;
    size.map(|size| cell("artifacts", "size", 0).number(size).map(Bytes)).transpose()
}
