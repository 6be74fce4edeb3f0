//! Storing a session's results: once, whole, and only under a held lease.

use benchrack_protocol::api::{Estimate, Metric};
use benchrack_protocol::engine::IntegerKernels;
use benchrack_protocol::ids::{LeaseId, ModelId, ReportId, RunId, SessionId};
use benchrack_protocol::reading::Reading;
use benchrack_protocol::report::{Block, Failure, Measurement, SessionReport, Turn};
use benchrack_protocol::session::Subject;
use benchrack_protocol::validity::Validity;
use serde::Serialize;
use sqlx::PgConnection;
use sqlx::types::Json;
use time::OffsetDateTime;

use super::column::word;
use super::jobs::Origin;
use super::leases::HeldLease;
use super::{Database, DbError};
use crate::judge::JudgedRun;

/// One run, ready to be stored.
#[derive(Debug)]
pub struct NewRun<'a> {
    /// What was run.
    pub subject: &'a Subject,
    /// Its model revision.
    pub model: ModelId,
    /// What became of it.
    pub outcome: NewOutcome<'a>,
}

/// What became of a run.
#[derive(Debug)]
pub enum NewOutcome<'a> {
    /// Measured and judged.
    Measured(&'a Measurement, JudgedRun),
    /// Failed.
    Failed(&'a Failure),
}

/// Stores the session of a held lease, without its runs.
pub async fn insert_session(
    tx: &mut PgConnection,
    lease: &HeldLease,
    report: &SessionReport,
    now: OffsetDateTime,
) -> Result<SessionId, DbError> {
    let id = sqlx::query_scalar!(
        "insert into sessions (report_id, lease_id, job_id, device_id, os_fingerprint, reality, agent_version, agent_target,
             wire_version, started_at, measured_at, duration_ns, spec, evidence)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) returning id",
        report.id.0,
        lease.id().0,
        lease.job().id.0,
        lease.device().id.0,
        report.os_fingerprint,
        word(&report.reality),
        report.agent.version,
        report.agent.target,
        i32::try_from(report.wire_version).unwrap_or(i32::MAX),
        report.started_at,
        now,
        nanos(report.duration.0),
        Json(&report.spec) as _,
        report.evidence.as_ref().map(Json) as _
    )
    .fetch_one(tx)
    .await?;
    Ok(SessionId(id))
}

/// The report checks that these fit; a number that does not is stored as the largest.
fn nanos(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Where the runs of a session belong.
#[derive(Debug, Clone, Copy)]
pub struct Storing<'a> {
    /// The right to store.
    pub lease: &'a HeldLease,
    /// The session, stored already.
    pub session: SessionId,
    /// Its report.
    pub report: &'a SessionReport,
    /// What its job came from.
    pub origin: Origin,
    /// Server's clock.
    pub now: OffsetDateTime,
}

/// Stores one run with its samples and figures. A gate's runs move no series: a candidate is no revision.
pub async fn insert_run(tx: &mut PgConnection, to: Storing<'_>, place: usize, run: NewRun<'_>) -> Result<RunId, DbError> {
    let Storing { lease, session, report, origin, now } = to;
    let (measured, failure) = match &run.outcome {
        NewOutcome::Measured(measurement, judged) => (Some((*measurement, judged)), None),
        NewOutcome::Failed(failure) => (None, Some(*failure)),
    };
    let submission = match origin {
        Origin::Submission(id) => Some(id.0),
        Origin::Gate(_) => None,
    };
    let (subject, point) = (run.subject, &report.spec.operating_point);
    let without_blocks = measured.map(|(measurement, _)| Measurement { blocks: Vec::new(), ..measurement.clone() });
    let id = sqlx::query_scalar!(
        "insert into runs (session_id, place, device_id, submission_id, model_id, label, model_name, precision, artifact_id,
             engine, engine_version, engine_artifact_id, threads, cores, frequency, knobs, measured_at, reality, validity, tier,
             failure, measurement)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22)
         returning id",
        session.0,
        i32::try_from(place).unwrap_or(i32::MAX),
        lease.device().id.0,
        submission,
        run.model.0,
        subject.label,
        subject.manifest.name,
        word(&subject.manifest.precision),
        &subject.manifest.artifact.0[..],
        subject.engine.name,
        measured.map(|(measurement, _)| measurement.engine.version.as_str()),
        subject.engine.build.as_ref().map(|build| &build.0[..]),
        i32::from(subject.threads),
        point.cores.to_string(),
        point.frequency.to_string(),
        knobs(report),
        now,
        word(&report.reality),
        measured.map(|(_, judged)| Json(&judged.validity)) as _,
        measured.map(|(_, judged)| word(&judged.tier)),
        failure.map(Json) as _,
        without_blocks.as_ref().map(Json) as _
    )
    .fetch_one(&mut *tx)
    .await?;
    let id = RunId(id);
    let counts = measured.is_some_and(|(_, judged)| judged.validity == Validity::Valid);
    if let Some((measurement, judged)) = measured {
        insert_blocks(tx, id, &measurement.blocks, now).await?;
        let series = match origin {
            Origin::Submission(_) => {
                extend_series(tx, to, id, subject, measurement.engine.integer_kernels, &judged.metrics).await?
            }
            Origin::Gate(_) => Vec::new(),
        };
        insert_metrics(tx, id, judged, &series, now).await?;
    }
    if let Origin::Submission(_) = origin {
        note_latest(tx, &[id.0], &[counts]).await?;
    }
    note_uses(tx, id).await?;
    Ok(id)
}

#[derive(Serialize)]
struct BlockRow<'a> {
    nth: usize,
    round: u32,
    place: u32,
    started_ns: u64,
    suspended_ns: u64,
    waiting_share: Option<f64>,
    waiting_missing: Option<&'a Reading<f64>>,
    samples_ns: &'a [benchrack_protocol::units::Nanos],
    turns: Option<&'a [Turn]>,
}

async fn insert_blocks(tx: &mut PgConnection, run: RunId, blocks: &[Block], now: OffsetDateTime) -> Result<(), DbError> {
    let rows: Vec<BlockRow<'_>> = blocks
        .iter()
        .enumerate()
        .map(|(nth, block)| BlockRow {
            nth,
            round: block.round,
            place: block.place,
            started_ns: block.started.0,
            suspended_ns: block.suspended.0,
            waiting_share: block.waiting_share.value().copied(),
            waiting_missing: block.waiting_share.value().is_none().then_some(&block.waiting_share),
            samples_ns: &block.samples,
            turns: (!block.turns.is_empty()).then_some(&block.turns),
        })
        .collect();
    let touched = sqlx::query!(
        "insert into sample_blocks (run_id, measured_at, nth, round, place, started_ns, suspended_ns, waiting_share,
             waiting_missing, samples_ns, turns)
         select $1, $2, nth, round, place, started_ns, suspended_ns, waiting_share, waiting_missing, samples_ns, turns
         from jsonb_to_recordset($3) as block (nth integer, round integer, place integer, started_ns bigint,
             suspended_ns bigint, waiting_share double precision, waiting_missing jsonb, samples_ns bigint[], turns jsonb)",
        run.0,
        now,
        Json(&rows) as _
    )
    .execute(tx)
    .await?
    .rows_affected();
    if touched == blocks.len() as u64 {
        Ok(())
    } else {
        Err(DbError::RowCount { statement: "insert into sample_blocks", touched })
    }
}

/// Adds a point to each of the run's series, making those that are new.
async fn extend_series(
    tx: &mut PgConnection,
    to: Storing<'_>,
    run: RunId,
    subject: &Subject,
    kernels: IntegerKernels,
    metrics: &[(Metric, Estimate)],
) -> Result<Vec<(String, i64)>, DbError> {
    let Storing { lease, report, now, .. } = to;
    let names: Vec<String> = metrics.iter().map(|(metric, _)| metric.name().to_owned()).collect();
    let rows = sqlx::query!(
        "insert into series (device_id, os_fingerprint, model_name, precision, integer_kernels, engine, threads, cores,
             frequency, knobs, metric, points, latest_run_id, latest_at)
         select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, metric, 1, $12, $13 from unnest($11::text[]) as metric
         on conflict on constraint series_once do update
             set points = series.points + 1, latest_run_id = excluded.latest_run_id, latest_at = excluded.latest_at
         returning metric, id",
        lease.device().id.0,
        report.os_fingerprint,
        subject.manifest.name,
        word(&subject.manifest.precision),
        word(&kernels),
        subject.engine.name,
        i32::from(subject.threads),
        report.spec.operating_point.cores.to_string(),
        report.spec.operating_point.frequency.to_string(),
        knobs(report),
        &names,
        run.0,
        now
    )
    .fetch_all(tx)
    .await?;
    Ok(rows.into_iter().map(|row| (row.metric, row.id)).collect())
}

async fn insert_metrics(
    tx: &mut PgConnection,
    run: RunId,
    judged: &JudgedRun,
    series: &[(String, i64)],
    now: OffsetDateTime,
) -> Result<(), DbError> {
    let metrics = &judged.metrics;
    let names: Vec<String> = metrics.iter().map(|(metric, _)| metric.name().to_owned()).collect();
    let of_series = |name: &String| series.iter().find(|(metric, _)| metric == name).map(|(_, id)| *id);
    let series: Vec<Option<i64>> = names.iter().map(of_series).collect();
    let [values, lows, highs] = [|e: &Estimate| e.value, |e: &Estimate| e.low, |e: &Estimate| e.high]
        .map(|part| metrics.iter().map(|(_, estimate)| part(estimate)).collect::<Vec<f64>>());
    let levels: Vec<Option<f64>> = metrics.iter().map(|(_, estimate)| estimate.level).collect();
    let touched = sqlx::query!(
        "insert into run_metrics (run_id, metric, series_id, measured_at, counts, value, low, high, level)
         select $1, new.metric, new.series_id, $2, $3, new.value, new.low, new.high, new.level
         from unnest($4::text[], $5::bigint[], $6::float8[], $7::float8[], $8::float8[], $9::float8[])
             as new (metric, series_id, value, low, high, level)",
        run.0,
        now,
        judged.validity == Validity::Valid,
        &names,
        &series as &[Option<i64>],
        &values,
        &lows,
        &highs,
        &levels as &[Option<f64>]
    )
    .execute(tx)
    .await?
    .rows_affected();
    if touched == metrics.len() as u64 {
        Ok(())
    } else {
        Err(DbError::RowCount { statement: "insert into run_metrics", touched })
    }
}

/// The knobs that the agent's configuration asked for, as a column holds them.
fn knobs(report: &SessionReport) -> String {
    report.evidence.as_ref().map_or_else(String::new, |evidence| evidence.asked_knobs.join(","))
}

/// Keeps the newest valid run of a subject on a device, or the newest of any kind while none is valid. Of these runs, with
/// whether each counts, no two are of one subject on one device.
pub(super) async fn note_latest(tx: &mut PgConnection, runs: &[i64], counts: &[bool]) -> Result<(), DbError> {
    sqlx::query!(
        "insert into latest_runs (device_id, model_name, precision, engine, engine_artifact_id, threads, cores, frequency, knobs,
             run_id, counts)
         select r.device_id, r.model_name, r.precision, r.engine, r.engine_artifact_id, r.threads, r.cores, r.frequency, r.knobs,
             r.id, new.counts
         from unnest($1::bigint[], $2::boolean[]) as new (id, counts) join runs r on r.id = new.id
         on conflict on constraint latest_runs_once do update set run_id = excluded.run_id, counts = excluded.counts
         where excluded.counts or not latest_runs.counts",
        runs,
        counts
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Counts the run for its model revision and its build of an engine.
async fn note_uses(tx: &mut PgConnection, run: RunId) -> Result<(), DbError> {
    sqlx::query!(
        "insert into model_uses (model_id, device_id, runs) select model_id, device_id, 1 from runs where id = $1
         on conflict on constraint model_uses_pk do update set runs = model_uses.runs + 1",
        run.0
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!(
        "insert into engine_uses (artifact_id, engine, device_id, runs, last_used_at)
         select engine_artifact_id, engine, device_id, 1, measured_at from runs where id = $1 and engine_artifact_id is not null
         on conflict on constraint engine_uses_pk do update
             set runs = engine_uses.runs + 1, last_used_at = greatest(engine_uses.last_used_at, excluded.last_used_at)",
        run.0
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// A session that is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// It.
    pub session: SessionId,
    /// The report it came from.
    pub report: ReportId,
    /// Its runs, in order.
    pub runs: Vec<RunId>,
}

/// The session that a lease reported.
pub async fn of_lease(db: &Database, lease: LeaseId) -> Result<Option<Stored>, DbError> {
    let row = sqlx::query!(
        r#"select s.id, s.report_id, array(select r.id from runs r where r.session_id = s.id order by r.place) as "runs!"
           from sessions s where s.lease_id = $1"#,
        lease.0
    )
    .fetch_optional(db.pool())
    .await?;
    Ok(row.map(|row| Stored {
        session: SessionId(row.id),
        report: ReportId(row.report_id),
        runs: row.runs.into_iter().map(RunId).collect(),
    }))
}
