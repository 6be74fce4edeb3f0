//! Builds of engines.

use benchrack_protocol::api::Engine;
use benchrack_protocol::engine::EngineBuild;
use benchrack_protocol::ids::{ArtifactId, EngineId};
use sqlx::types::Json;
use time::OffsetDateTime;

use super::column::cell;
use super::{Database, DbError};

/// Adds a build, or finds it again by name and file: then what is known of it is brought up to date.
pub async fn add(db: &Database, build: &EngineBuild, artifact: ArtifactId, now: OffsetDateTime) -> Result<Engine, DbError> {
    let row = sqlx::query!(
        r#"insert into engines (name, version, target, artifact_id, build, added_at) values ($1, $2, $3, $4, $5, $6)
           on conflict on constraint engines_once_by_file do update set
               version = excluded.version, target = excluded.target, build = excluded.build
           returning id, build::text as "build!", added_at"#,
        build.engine.name,
        build.version,
        build.target,
        &artifact.0[..],
        Json(build) as _,
        now
    )
    .fetch_one(db.pool())
    .await?;
    engine(row.id, &row.build, row.added_at)
}

/// All builds, by name, newest first.
pub async fn list(db: &Database) -> Result<Vec<Engine>, DbError> {
    let rows = sqlx::query!(
        r#"select id, build::text as "build!", added_at from engines order by name collate "C", added_at desc, id desc"#
    )
    .fetch_all(db.pool())
    .await?;
    rows.into_iter().map(|row| engine(row.id, &row.build, row.added_at)).collect()
}

pub(super) fn engine(id: i64, build: &str, added_at: OffsetDateTime) -> Result<Engine, DbError> {
    Ok(Engine { id: EngineId(id), build: cell("engines", "build", id).json(build)?, added_at })
}
