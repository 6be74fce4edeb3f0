//! Builds of engines, and where they are used.

use benchrack_dashboards::view::{EngineRow, EnginesView};
use benchrack_protocol::api::Engine;
use benchrack_protocol::ids::RunId;

use super::super::column::cell;
use super::super::{Database, DbError, engines};

/// The page.
pub async fn view(db: &Database) -> Result<EnginesView, DbError> {
    let rows = sqlx::query!(
        r#"select n.id, n.build::text as "build!", n.added_at, u.runs as "runs!", u.devices as "devices!",
               u.last_used_at
           from engines n
           cross join lateral (
               select coalesce(sum(e.runs), 0)::bigint as runs, max(e.last_used_at) as last_used_at,
                   coalesce(array_agg(d.name order by d.name), '{}') as devices
               from engine_uses e join devices d on d.id = e.device_id
               where e.artifact_id = n.artifact_id and e.engine = n.name
           ) u
           order by n.name collate "C", n.added_at desc, n.id desc"#
    )
    .fetch_all(db.pool())
    .await?;
    let rows = rows.into_iter().map(|row| {
        Ok(EngineRow {
            engine: engines::engine(row.id, &row.build, row.added_at)?,
            runs: cell("engine_uses", "runs", row.id).number(row.runs)?,
            devices: row.devices,
            last_used_at: row.last_used_at,
        })
    });
    Ok(EnginesView { rows: rows.collect::<Result<_, DbError>>()? })
}

/// The build that a run had; none for the engine inside the agent, and where the build was never registered.
pub(super) async fn of_run(db: &Database, run: RunId) -> Result<Option<Engine>, DbError> {
    let row = sqlx::query!(
        r#"select n.id, n.build::text as "build!", n.added_at
           from runs r join engines n on n.artifact_id = r.engine_artifact_id and n.name = r.engine where r.id = $1"#,
        run.0
    )
    .fetch_optional(db.pool())
    .await?;
    row.map(|row| engines::engine(row.id, &row.build, row.added_at)).transpose()
}
