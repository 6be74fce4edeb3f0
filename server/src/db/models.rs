//! Model revisions.

use benchrack_protocol::api::Model;
use benchrack_protocol::ids::{ArtifactId, ModelId};
use benchrack_protocol::model::{Manifest, Precision};
use sqlx::PgExecutor;
use sqlx::types::Json;
use time::OffsetDateTime;

use super::column::{cell, word};
use super::{Database, DbError};

/// Whether suites measure a revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listed {
    /// Added by somebody.
    Yes,
    /// Only seen by a gate.
    ByGateOnly,
}

/// Adds a revision, or finds it again by name, precision and file: then the manifest is brought up to date, as the file
/// is the same and only what is known of it has grown. A gate never changes or hides what somebody added.
pub async fn add(
    db: impl PgExecutor<'_>,
    manifest: &Manifest,
    revision: &str,
    listed: Listed,
    now: OffsetDateTime,
) -> Result<Model, DbError> {
    let row = sqlx::query!(
        r#"insert into models (name, precision, artifact_id, manifest, revision, listed, added_at)
           values ($1, $2, $3, $4, $5, $6, $7)
           on conflict on constraint models_once_by_file do update set
               manifest = case when excluded.listed then excluded.manifest else models.manifest end,
               revision = case when models.listed or not excluded.listed then models.revision else excluded.revision end,
               added_at = case when models.listed or not excluded.listed then models.added_at else excluded.added_at end,
               listed = models.listed or excluded.listed
           returning id, manifest::text as "manifest!", revision, added_at"#,
        manifest.name,
        word(&manifest.precision),
        &manifest.artifact.0[..],
        Json(manifest) as _,
        revision,
        listed == Listed::Yes,
        now
    )
    .fetch_one(db)
    .await?;
    model(row.id, &row.manifest, row.revision, row.added_at)
}

/// All listed revisions, newest first.
pub async fn list(db: &Database) -> Result<Vec<Model>, DbError> {
    let rows = sqlx::query!(
        r#"select id, manifest::text as "manifest!", revision, added_at from models where listed order by added_at desc, id desc"#
    )
    .fetch_all(db.pool())
    .await?;
    rows.into_iter().map(|row| model(row.id, &row.manifest, row.revision, row.added_at)).collect()
}

/// The newest listed revision of each name and precision, by name and precision.
pub async fn newest(db: &Database) -> Result<Vec<Model>, DbError> {
    let rows = sqlx::query!(
        r#"select distinct on (name, precision) id, manifest::text as "manifest!", revision, added_at
           from models where listed order by name, precision, added_at desc, id desc"#
    )
    .fetch_all(db.pool())
    .await?;
    rows.into_iter().map(|row| model(row.id, &row.manifest, row.revision, row.added_at)).collect()
}

/// The revision with this name, precision and file.
pub async fn find(
    db: impl PgExecutor<'_>,
    name: &str,
    precision: Precision,
    artifact: ArtifactId,
) -> Result<Option<ModelId>, DbError> {
    let id = sqlx::query_scalar!(
        "select id from models where name = $1 and precision = $2 and artifact_id = $3",
        name,
        word(&precision),
        &artifact.0[..]
    )
    .fetch_optional(db)
    .await?;
    Ok(id.map(ModelId))
}

fn model(id: i64, manifest: &str, revision: String, added_at: OffsetDateTime) -> Result<Model, DbError> {
    Ok(Model { id: ModelId(id), manifest: cell("models", "manifest", id).json(manifest)?, revision, added_at })
}
