//! What has been measured where: the keys of the newest runs, for the choices of comparisons and series.

use std::collections::BTreeSet;

use benchrack_dashboards::view::{DeviceRef, Facet};
use benchrack_protocol::ids::DeviceId;

use super::super::{Database, DbError};
use super::{device_ref, facet, labelled};

/// Devices that were measured, by name.
pub(super) async fn measured_devices(db: &Database) -> Result<Vec<DeviceRef>, DbError> {
    let rows = sqlx::query!(
        r#"select id, name, title, reality from devices d
           where exists (select from latest_runs l where l.device_id = d.id)
           order by name collate "C""#
    )
    .fetch_all(db.pool())
    .await?;
    rows.into_iter().map(|row| device_ref(row.id, row.name, row.title, &row.reality)).collect()
}

/// Key of a newest run.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Subject {
    pub(super) device_id: i64,
    pub(super) model_name: String,
    pub(super) precision: String,
    pub(super) engine: String,
    pub(super) threads: i32,
    pub(super) cores: String,
    pub(super) frequency: String,
    pub(super) run_id: i64,
    /// The model's revision, where several of one model are asked for.
    pub(super) revision: Option<String>,
}

impl Subject {
    /// As a base is named.
    pub(super) fn name(&self) -> String {
        named(&self.model_name, &self.precision, self.revision.as_deref())
    }
}

/// `squeezenet-1.1 int8`, with the revision where there is one to tell.
pub(super) fn named(model: &str, precision: &str, revision: Option<&str>) -> String {
    match revision {
        Some(revision) => format!("{model} {precision} {revision}"),
        None => format!("{model} {precision}"),
    }
}

/// The newest runs of these devices.
pub(super) async fn of_devices(db: &Database, devices: &[i64]) -> Result<Vec<Subject>, DbError> {
    Ok(sqlx::query_as!(
        Subject,
        "select device_id, model_name, precision, engine, threads, cores, frequency, run_id, null::text as revision
         from latest_runs where device_id = any($1)",
        devices
    )
    .fetch_all(db.pool())
    .await?)
}

/// Revisions of a model that are compared, of each precision.
pub(super) const REVISIONS: i64 = 6;
/// Runs of a revision on a device among which the newest of each operating point is looked for.
const RUNS_OF_REVISION: i64 = 100;

/// The same of the newest revisions of one model: of each revision the newest valid run, or the newest of any kind where
/// none is valid. A revision without a word, or with that of another file, is named by its file.
pub(super) async fn of_revisions(db: &Database, devices: &[i64], model: &str) -> Result<Vec<Subject>, DbError> {
    Ok(sqlx::query_as!(
        Subject,
        r#"with newest as (
               select m.*, count(*) over (partition by p.precision, m.word) as alike
               from unnest(array['fp32', 'fp16', 'int8']) as p (precision)
               cross join lateral (
                   select id, revision as word, left(encode(artifact_id, 'hex'), 12) as file from models
                   where listed and name = $2 and precision = p.precision order by added_at desc, id desc limit $3
               ) m
           )
           select distinct on (r.device_id, n.id, r.engine, r.engine_artifact_id, r.threads, r.cores, r.frequency, r.knobs)
               r.device_id as "device_id!", r.model_name as "model_name!", r.precision as "precision!", r.engine as "engine!",
               r.threads as "threads!", r.cores as "cores!", r.frequency as "frequency!", r.id as "run_id!",
               case when n.word = '' then n.file when n.alike > 1 then n.word || ' · ' || n.file else n.word end as revision
           from newest n
           cross join unnest($1::bigint[]) as d (id)
           cross join lateral (
               select id, device_id, model_name, precision, engine, engine_artifact_id, threads, cores, frequency, knobs,
                   coalesce(validity ->> 'state' = 'valid', false) as counts
               from runs where model_id = n.id and device_id = d.id and submission_id is not null order by id desc limit $4
           ) r
           order by r.device_id, n.id, r.engine, r.engine_artifact_id, r.threads, r.cores, r.frequency, r.knobs, r.counts desc,
               r.id desc"#,
        devices,
        model,
        REVISIONS,
        RUNS_OF_REVISION
    )
    .fetch_all(db.pool())
    .await?)
}

/// The choice of a device.
pub(super) fn device_facet(devices: &[DeviceRef], all: bool, chosen: Option<DeviceId>) -> Facet {
    let options = devices.iter().map(|device| (device.id.to_string(), device.name.clone()));
    labelled("device", all, options, chosen.map(|id| id.to_string()).as_deref())
}

/// The choice of a text.
pub(super) fn text_facet<'a>(name: &str, values: impl Iterator<Item = &'a str>, chosen: Option<&str>) -> Facet {
    let values: BTreeSet<&str> = values.collect();
    facet(name, true, values.into_iter().map(str::to_owned), chosen)
}

/// The choice of a number of threads.
pub(super) fn threads_facet(values: impl Iterator<Item = i32>, chosen: Option<u16>) -> Facet {
    let values: BTreeSet<i32> = values.collect();
    facet("threads", true, values.into_iter().map(|threads| threads.to_string()), chosen.map(|t| t.to_string()).as_deref())
}
