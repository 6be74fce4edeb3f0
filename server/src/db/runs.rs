//! Reading runs, sessions and samples.

use std::collections::HashMap;

use benchrack_protocol::api::{Estimate, Metric, Run};
use benchrack_protocol::ids::{DeviceId, ReportId, RunId, SessionId, SubmissionId};
use benchrack_protocol::reading::Reading;
use benchrack_protocol::report::{AgentBuild, Block, Measurement, RunReport, SessionReport};
use benchrack_protocol::session::OperatingPoint;
use benchrack_protocol::units::Nanos;
use time::OffsetDateTime;

use super::column::cell;
use super::{Database, DbError};

/// Which runs to list; what is none does not filter.
#[derive(Debug, Clone, Default)]
pub struct RunFilter {
    /// Device's name.
    pub device: Option<String>,
    /// Device.
    pub device_id: Option<DeviceId>,
    /// Model's name.
    pub model: Option<String>,
    /// Precision of the file.
    pub precision: Option<String>,
    /// Submission.
    pub submission: Option<SubmissionId>,
    /// Session.
    pub session: Option<SessionId>,
    /// Only older ones.
    pub before: Option<RunId>,
    /// At most so many.
    pub limit: i64,
}

struct RunRow {
    id: i64,
    session_id: i64,
    device_id: i64,
    device_name: String,
    label: String,
    model_name: String,
    precision: String,
    artifact_id: Vec<u8>,
    engine: String,
    engine_version: Option<String>,
    threads: i32,
    cores: String,
    frequency: String,
    measured_at: OffsetDateTime,
    reality: String,
    validity: Option<String>,
    tier: Option<String>,
    failure: Option<String>,
}

fn run(row: RunRow, metrics: Vec<(Metric, Estimate)>) -> Result<Run, DbError> {
    let column = |column| cell("runs", column, row.id);
    Ok(Run {
        id: RunId(row.id),
        session: SessionId(row.session_id),
        device: DeviceId(row.device_id),
        device_name: row.device_name,
        label: row.label,
        model: row.model_name,
        precision: column("precision").word(&row.precision)?,
        artifact: column("artifact_id").artifact(&row.artifact_id)?,
        engine: row.engine_version.map_or_else(|| row.engine.clone(), |version| format!("{} {version}", row.engine)),
        threads: column("threads").number(row.threads)?,
        operating_point: OperatingPoint {
            cores: column("cores").parse(&row.cores)?,
            frequency: column("frequency").parse(&row.frequency)?,
        },
        measured_at: row.measured_at,
        reality: column("reality").word(&row.reality)?,
        validity: row.validity.as_deref().map(|text| column("validity").json(text)).transpose()?,
        tier: row.tier.as_deref().map(|tier| column("tier").word(tier)).transpose()?,
        failure: row.failure.as_deref().map(|text| column("failure").json(text)).transpose()?,
        metrics,
    })
}

async fn with_metrics(db: &Database, rows: Vec<RunRow>) -> Result<Vec<Run>, DbError> {
    let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
    let mut metrics = metrics_of(db, &ids).await?;
    rows.into_iter()
        .map(|row| {
            let metrics = metrics.remove(&row.id).unwrap_or_default();
            run(row, metrics)
        })
        .collect()
}

/// Figures of these runs, each run's in the order of [`Metric::ALL`].
async fn metrics_of(db: &Database, runs: &[i64]) -> Result<HashMap<i64, Vec<(Metric, Estimate)>>, DbError> {
    let rows = sqlx::query!("select run_id, metric, value, low, high, level from run_metrics where run_id = any($1)", runs)
        .fetch_all(db.pool())
        .await?;
    let mut metrics: HashMap<i64, Vec<(Metric, Estimate)>> = HashMap::with_capacity(runs.len());
    for row in rows {
        let metric = Metric::named(&row.metric).ok_or_else(|| cell("run_metrics", "metric", row.run_id).unknown(&row.metric))?;
        let estimate = Estimate { value: row.value, low: row.low, high: row.high, level: row.level };
        metrics.entry(row.run_id).or_default().push((metric, estimate));
    }
    for list in metrics.values_mut() {
        list.sort_by_key(|(metric, _)| *metric);
    }
    Ok(metrics)
}

/// Runs, newest first.
pub async fn list(db: &Database, filter: &RunFilter) -> Result<Vec<Run>, DbError> {
    let rows = sqlx::query_as!(
        RunRow,
        r#"select r.id, r.session_id, r.device_id, d.name as device_name, r.label, r.model_name, r.precision, r.artifact_id,
               r.engine, r.engine_version, r.threads, r.cores, r.frequency, r.measured_at, r.reality,
               r.validity::text as validity, r.tier, r.failure::text as failure
           from runs r join devices d on d.id = r.device_id
           where ($1::text is null or r.device_id = (select id from devices where name = $1))
             and ($2::bigint is null or r.device_id = $2)
             and ($3::text is null or r.model_name = $3)
             and ($4::text is null or r.precision = $4)
             and ($5::bigint is null or r.submission_id = $5)
             and ($6::bigint is null or r.session_id = $6)
             and ($7::bigint is null or r.id < $7)
           order by r.id desc limit $8"#,
        filter.device,
        filter.device_id.map(|id| id.0),
        filter.model,
        filter.precision,
        filter.submission.map(|id| id.0),
        filter.session.map(|id| id.0),
        filter.before.map(|id| id.0),
        filter.limit
    )
    .fetch_all(db.pool())
    .await?;
    with_metrics(db, rows).await
}

/// These runs, in the order of their ids.
pub async fn some(db: &Database, ids: &[i64]) -> Result<Vec<Run>, DbError> {
    let rows = sqlx::query_as!(
        RunRow,
        r#"select r.id, r.session_id, r.device_id, d.name as device_name, r.label, r.model_name, r.precision, r.artifact_id,
               r.engine, r.engine_version, r.threads, r.cores, r.frequency, r.measured_at, r.reality,
               r.validity::text as validity, r.tier, r.failure::text as failure
           from runs r join devices d on d.id = r.device_id
           where r.id = any($1) order by r.id"#,
        ids
    )
    .fetch_all(db.pool())
    .await?;
    with_metrics(db, rows).await
}

/// One run.
pub async fn get(db: &Database, id: RunId) -> Result<Option<Run>, DbError> {
    Ok(some(db, &[id.0]).await?.pop())
}

/// Everything measured of a run, samples included; none when it failed. `Err` of nothing is a run that does not exist.
pub async fn measurement(db: &Database, id: RunId) -> Result<Option<Option<Measurement>>, DbError> {
    let row = sqlx::query!("select measurement::text as measurement, measured_at from runs where id = $1", id.0)
        .fetch_optional(db.pool())
        .await?;
    let Some(row) = row else { return Ok(None) };
    let Some(text) = row.measurement else { return Ok(Some(None)) };
    let measurement: Measurement = cell("runs", "measurement", id.0).json(&text)?;
    let mut blocks = blocks_of(db, &[id.0], row.measured_at).await?;
    Ok(Some(Some(Measurement { blocks: blocks.remove(&id.0).unwrap_or_default(), ..measurement })))
}

/// Blocks of runs that were stored at this moment; it leads to the one partition that holds them.
async fn blocks_of(db: &Database, runs: &[i64], measured_at: OffsetDateTime) -> Result<HashMap<i64, Vec<Block>>, DbError> {
    let rows = sqlx::query!(
        r#"select run_id, round, place, started_ns, suspended_ns, waiting_share, waiting_missing::text as waiting_missing,
               samples_ns, turns::text as turns
           from sample_blocks where run_id = any($1) and measured_at = $2 order by run_id, nth"#,
        runs,
        measured_at
    )
    .fetch_all(db.pool())
    .await?;
    let mut blocks: HashMap<i64, Vec<Block>> = HashMap::with_capacity(runs.len());
    for row in rows {
        let column = |column| cell("sample_blocks", column, row.run_id);
        let waiting_share = match (row.waiting_share, &row.waiting_missing) {
            (Some(share), _) => Reading::of(share),
            (None, Some(missing)) => column("waiting_missing").json(missing)?,
            (None, None) => return Err(DbError::row("sample_blocks", "waiting_share", row.run_id, "null without a reason")),
        };
        let samples = row.samples_ns.iter().map(|&sample| column("samples_ns").number(sample).map(Nanos));
        blocks.entry(row.run_id).or_default().push(Block {
            round: column("round").number(row.round)?,
            place: column("place").number(row.place)?,
            started: Nanos(column("started_ns").number(row.started_ns)?),
            samples: samples.collect::<Result<_, _>>()?,
            suspended: Nanos(column("suspended_ns").number(row.suspended_ns)?),
            waiting_share,
            turns: row.turns.as_deref().map_or_else(|| Ok(Vec::new()), |turns| column("turns").json(turns))?,
        });
    }
    Ok(blocks)
}

/// The report of a session, put together again.
pub async fn report(db: &Database, id: SessionId) -> Result<Option<SessionReport>, DbError> {
    let row = sqlx::query!(
        r#"select s.report_id, s.wire_version, s.agent_version, s.agent_target, d.key, s.os_fingerprint, s.reality,
               s.spec::text as "spec!", s.started_at, s.duration_ns, s.evidence::text as evidence, s.measured_at
           from sessions s join devices d on d.id = s.device_id where s.id = $1"#,
        id.0
    )
    .fetch_optional(db.pool())
    .await?;
    let Some(row) = row else { return Ok(None) };
    let runs = sqlx::query!(
        "select id, failure::text as failure, measurement::text as measurement from runs where session_id = $1 order by place",
        id.0
    )
    .fetch_all(db.pool())
    .await?;
    let ids: Vec<i64> = runs.iter().map(|run| run.id).collect();
    let mut blocks = blocks_of(db, &ids, row.measured_at).await?;
    let runs = runs.into_iter().map(|run| match (&run.measurement, &run.failure) {
        (Some(text), _) => {
            let measurement: Measurement = cell("runs", "measurement", run.id).json(text)?;
            let blocks = blocks.remove(&run.id).unwrap_or_default();
            Ok(RunReport::Measured(Box::new(Measurement { blocks, ..measurement })))
        }
        (None, Some(text)) => cell("runs", "failure", run.id).json(text).map(RunReport::Failed),
        (None, None) => Err(DbError::row("runs", "failure", run.id, "null without a measurement")),
    });
    let column = |column| cell("sessions", column, id.0);
    Ok(Some(SessionReport {
        id: ReportId(row.report_id),
        wire_version: column("wire_version").number(row.wire_version)?,
        agent: AgentBuild { version: row.agent_version, target: row.agent_target },
        device_key: row.key,
        os_fingerprint: row.os_fingerprint,
        reality: column("reality").word(&row.reality)?,
        spec: column("spec").json(&row.spec)?,
        started_at: row.started_at,
        duration: Nanos(column("duration_ns").number(row.duration_ns)?),
        evidence: row.evidence.as_deref().map(|text| column("evidence").json(text)).transpose()?,
        runs: runs.collect::<Result<_, _>>()?,
    }))
}
