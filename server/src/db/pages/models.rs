//! Models known to the server.

use benchrack_dashboards::view::{ModelRow, ModelsView};
use benchrack_protocol::ids::ModelId;

use super::super::column::cell;
use super::super::{Database, DbError};
use super::manifest;

/// The page.
pub async fn view(db: &Database) -> Result<ModelsView, DbError> {
    let rows = sqlx::query!(
        r#"select m.id, m.name, m.precision, m.artifact_id, m.revision, m.added_at,
               m.id <> first_value(m.id) over (partition by m.name, m.precision order by m.added_at desc, m.id desc)
                   as "superseded!",
               (select count(*) from runs r where r.model_id = m.id) as "runs!"
           from models m where m.listed
           order by m.family collate "C", m.name collate "C", m.precision, m.added_at desc, m.id desc"#
    )
    .fetch_all(db.pool())
    .await?;
    let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
    let mut manifests = manifest::of(db, &ids).await?;
    let rows = rows.into_iter().map(|row| {
        let column = |column| cell("models", column, row.id);
        let shown = manifests.remove(&row.id).ok_or_else(|| DbError::row("models", "manifest", row.id, "gone meanwhile"))?;
        Ok(ModelRow {
            id: ModelId(row.id),
            name: row.name,
            precision: column("precision").word(&row.precision)?,
            family: shown.family,
            artifact: column("artifact_id").artifact(&row.artifact_id)?,
            size: shown.size,
            inputs: shown.inputs,
            parameters: shown.parameters,
            macs: shown.macs,
            fidelity: shown.fidelity,
            claimed_accuracy: shown.claimed_accuracy,
            opset: shown.opset,
            revision: row.revision,
            origin: shown.origin,
            licence: shown.licence,
            notes: shown.notes,
            added_at: row.added_at,
            superseded: row.superseded,
            runs: cell("runs", "model_id", row.id).number(row.runs)?,
        })
    });
    Ok(ModelsView { rows: rows.collect::<Result<_, DbError>>()? })
}

/// Number of models, by name.
pub(super) async fn count(db: &Database) -> Result<u32, DbError> {
    let count =
        sqlx::query_scalar!(r#"select count(distinct name) as "count!" from models where listed"#).fetch_one(db.pool()).await?;
    cell("models", "name", 0).number(count)
}
