//! Models known to the server.

use std::collections::HashMap;

use benchrack_dashboards::link;
use benchrack_dashboards::view::{ModelPackage, ModelRow, ModelsView, PackageLoad};
use benchrack_protocol::api::{Estimate, Metric};
use benchrack_protocol::ids::{ModelId, RunId};
use benchrack_protocol::packaging::{PackageSize, Packaging};
use benchrack_protocol::units::Bytes;
use serde::Deserialize;
use time::OffsetDateTime;

use super::super::column::cell;
use super::super::{Database, DbError};
use super::{PART, chosen, cut, manifest};

/// Which revisions.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Choice {
    /// This revision and the earlier ones of the same name and precision, instead of the newest of each.
    #[serde(deserialize_with = "chosen")]
    of: Option<ModelId>,
}

/// The page; none when there is no such revision.
pub async fn view(db: &Database, choice: &Choice) -> Result<Option<ModelsView>, DbError> {
    let mut listed = match choice.of {
        Some(of) => revisions(db, of, PART + 1).await?,
        None => newest(db).await?,
    };
    if choice.of.is_some() && listed.is_empty() {
        return Ok(None);
    }
    let older = match choice.of {
        // The row that is one too many is where the next part begins.
        Some(_) => listed.get(usize::try_from(PART).unwrap_or(usize::MAX)).map(|row| link::revisions(ModelId(row.id))),
        None => None,
    };
    if choice.of.is_some() {
        cut(&mut listed, PART);
    }
    let ids: Vec<i64> = listed.iter().map(|row| row.id).collect();
    let mut manifests = manifest::of(db, &ids).await?;
    let mut loads = loads(db).await?;
    let rows = listed.into_iter().map(|row| {
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
            has_earlier: row.has_earlier,
            runs: cell("model_uses", "runs", row.id).number(row.runs)?,
        })
    });
    let mut rows = rows.collect::<Result<Vec<ModelRow>, DbError>>()?;
    if choice.of.is_none() {
        rows.sort_by(|a, b| (&a.family, &a.name, a.precision).cmp(&(&b.family, &b.name, b.precision)));
    }
    Ok(Some(ModelsView { of: choice.of, rows, older }))
}

/// A revision without what its manifest tells.
struct Listed {
    id: i64,
    name: String,
    precision: String,
    artifact_id: Vec<u8>,
    revision: String,
    added_at: OffsetDateTime,
    superseded: bool,
    has_earlier: bool,
    runs: i64,
}

/// The newest revision of each name and precision. The index is read from one pair to the next, never through all revisions
/// of a pair.
async fn newest(db: &Database) -> Result<Vec<Listed>, DbError> {
    Ok(sqlx::query_as!(
        Listed,
        r#"with recursive pairs as (
               (select name, precision from models where listed order by name, precision limit 1)
               union all
               select n.name, n.precision from pairs p cross join lateral (
                   select name, precision from models where listed and (name, precision) > (p.name, p.precision)
                   order by name, precision limit 1
               ) n
           )
           select m.id as "id!", m.name as "name!", m.precision as "precision!", m.artifact_id as "artifact_id!",
               m.revision as "revision!", m.added_at as "added_at!", false as "superseded!",
               exists (
                   select from models e where e.listed and e.name = m.name and e.precision = m.precision
                       and (e.added_at, e.id) < (m.added_at, m.id)
               ) as "has_earlier!",
               (select coalesce(sum(u.runs), 0)::bigint from model_uses u where u.model_id = m.id) as "runs!"
           from pairs p cross join lateral (
               select id, name, precision, artifact_id, revision, added_at from models
               where listed and name = p.name and precision = p.precision order by added_at desc, id desc limit 1
           ) m"#
    )
    .fetch_all(db.pool())
    .await?)
}

/// This revision and earlier ones of the same name and precision, newest first.
async fn revisions(db: &Database, of: ModelId, limit: i64) -> Result<Vec<Listed>, DbError> {
    Ok(sqlx::query_as!(
        Listed,
        r#"select m.id, m.name, m.precision, m.artifact_id, m.revision, m.added_at,
               exists (
                   select from models l where l.listed and l.name = m.name and l.precision = m.precision
                       and (l.added_at, l.id) > (m.added_at, m.id)
               ) as "superseded!",
               false as "has_earlier!",
               (select coalesce(sum(u.runs), 0)::bigint from model_uses u where u.model_id = m.id) as "runs!"
           from models o
           join models m on m.listed and m.name = o.name and m.precision = o.precision
               and (m.added_at, m.id) <= (o.added_at, o.id)
           where o.id = $1 and o.listed
           order by m.added_at desc, m.id desc limit $2"#,
        of.0,
        limit
    )
    .fetch_all(db.pool())
    .await?)
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
    let count = sqlx::query_scalar!(
        r#"with recursive names as (
               (select name from models where listed order by name limit 1)
               union all
               select n.name from names p cross join lateral (
                   select name from models where listed and name > p.name order by name limit 1
               ) n
           )
           select count(*) as "count!" from names"#
    )
    .fetch_one(db.pool())
    .await?;
    cell("models", "name", 0).number(count)
}
