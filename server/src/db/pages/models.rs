//! Models known to the server.

use std::collections::HashMap;

use benchrack_dashboards::view::{ModelPackage, ModelRow, ModelsView, PackageLoad};
use benchrack_protocol::api::{Estimate, Metric};
use benchrack_protocol::ids::{ModelId, RunId};
use benchrack_protocol::packaging::{PackageSize, Packaging};
use benchrack_protocol::units::Bytes;

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
    let mut loads = loads(db).await?;
    let rows = rows.into_iter().map(|row| {
        let column = |column| cell("models", column, row.id);
        let shown = manifests.remove(&row.id).ok_or_else(|| DbError::row("models", "manifest", row.id, "gone meanwhile"))?;
        Ok(ModelRow {
            id: ModelId(row.id),
            name: row.name,
            precision: column("precision").word(&row.precision)?,
            family: shown.family,
            artifact: column("artifact_id").artifact(&row.artifact_id)?,
            packages: packages(&shown.packages, shown.size, loads.remove(&row.id).unwrap_or_default()),
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

/// Newest load times of a model by packaging.
type Loads = Vec<(Packaging, PackageLoad)>;

/// What is known of each packaging of a file: its size, how long it took to load, or both. Without a package there is
/// nothing to set the file itself against.
fn packages(sizes: &[PackageSize], raw: Bytes, mut loads: Loads) -> Vec<ModelPackage> {
    let size = |packaging| match packaging {
        Packaging::Raw => Some(raw),
        _ => sizes.iter().find(|package| package.packaging == packaging).map(|package| package.size),
    };
    let mut package = |packaging: Packaging| {
        let load = loads.iter().position(|(of, _)| *of == packaging).map(|at| loads.swap_remove(at).1);
        ModelPackage { packaging, size: size(packaging), load }
    };
    let all = Packaging::ALL.map(&mut package);
    let packed = all.iter().any(|one| one.packaging != Packaging::Raw && (one.size.is_some() || one.load.is_some()));
    let known = all.into_iter().filter(|one| one.size.is_some() || one.load.is_some());
    if packed { known.collect() } else { Vec::new() }
}

/// The newest load times of each model file, on whatever device; those that count go before those that do not.
async fn loads(db: &Database) -> Result<HashMap<i64, Loads>, DbError> {
    let rows = sqlx::query!(
        r#"select distinct on (r.model_id, s.metric) r.model_id, s.metric, x.value, x.low, x.high, x.level, r.id as run_id,
               d.name as device
           from series s
           join run_metrics x on x.run_id = s.latest_run_id and x.metric = s.metric
           join runs r on r.id = s.latest_run_id
           join devices d on d.id = s.device_id
           where s.metric = any($1)
           order by r.model_id, s.metric, x.counts desc, s.latest_at desc, s.id desc"#,
        &PACKAGED.map(|(_, metric)| metric.name().to_owned())
    )
    .fetch_all(db.pool())
    .await?;
    let mut loads: HashMap<i64, Loads> = HashMap::new();
    for row in rows {
        let Some((packaging, _)) = PACKAGED.iter().find(|(_, metric)| metric.name() == row.metric) else { continue };
        let time = Estimate { value: row.value, low: row.low, high: row.high, level: row.level };
        let load = PackageLoad { time, run: RunId(row.run_id), device: row.device };
        loads.entry(row.model_id).or_default().push((*packaging, load));
    }
    Ok(loads)
}

/// The metric of loading from each packaging.
const PACKAGED: [(Packaging, Metric); 4] = [
    (Packaging::Raw, Metric::LoadRaw),
    (Packaging::Zstd, Metric::LoadZstd),
    (Packaging::EncryptedThenZstd, Metric::LoadEncryptedThenZstd),
    (Packaging::ZstdThenEncrypted, Metric::LoadZstdThenEncrypted),
];

/// Number of models, by name.
pub(super) async fn count(db: &Database) -> Result<u32, DbError> {
    let count =
        sqlx::query_scalar!(r#"select count(distinct name) as "count!" from models where listed"#).fetch_one(db.pool()).await?;
    cell("models", "name", 0).number(count)
}
