//! Series under watch: what was seen of them, and what was written on them.

use benchrack_protocol::api::Metric;
use benchrack_protocol::ids::{ArtifactId, DeviceId, ModelId, RunId, SeriesId};
use sqlx::PgConnection;
use sqlx::types::Json;
use time::OffsetDateTime;

use super::column::cell;
use super::{Database, DbError, one_row};
use crate::judge::series::{Infrastructure, NewPoint, SeriesState};

/// The label of the subject that rides along in sessions to tell a slow phone from a slow model.
pub const CONTROL: &str = "control";

/// A series that has points nobody has looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// The series.
    pub series: SeriesId,
    /// Its device.
    pub device: DeviceId,
    /// Its metric.
    pub metric: Metric,
    /// Its newest run.
    pub newest: RunId,
    /// The newest run that was looked at.
    pub seen: Option<RunId>,
}

/// What was seen of a series.
#[derive(Debug)]
pub struct Watched {
    /// What the detectors know.
    pub state: SeriesState,
    /// The run whose level is accepted.
    pub baseline: RunId,
}

/// A valid point with its revision.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// Its run.
    pub run: RunId,
    /// What is judged of it.
    pub new: NewPoint,
    /// The model's revision.
    pub model: ModelId,
    /// Build of the engine; none for the one inside the agent.
    pub engine: Option<ArtifactId>,
    /// Whether its run is the control of its session.
    pub is_control: bool,
}

/// Series of these metrics with new points, at most so many. One that is under suspicion waits: what its next points mean
/// depends on the answer.
pub async fn due(db: &Database, metrics: &[Metric], limit: i64) -> Result<Vec<Due>, DbError> {
    let names: Vec<String> = metrics.iter().map(|metric| metric.name().to_owned()).collect();
    let rows = sqlx::query!(
        r#"select s.id, s.device_id, s.metric, s.latest_run_id, w.last_run_id as "seen?"
           from series s left join series_watches w on w.series_id = s.id
           where s.metric = any($1) and s.latest_run_id > coalesce(w.last_run_id, 0)
               and not exists (select from suspicions p where p.series_id = s.id and p.state in ('raised', 'confirming'))
           order by s.id limit $2"#,
        &names,
        limit
    )
    .fetch_all(db.pool())
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Due {
                series: SeriesId(row.id),
                device: DeviceId(row.device_id),
                metric: Metric::named(&row.metric).ok_or_else(|| cell("series", "metric", row.id).unknown(&row.metric))?,
                newest: RunId(row.latest_run_id),
                seen: row.seen.map(RunId),
            })
        })
        .collect()
}

/// What was seen of a series, whose row is locked; none before its first run that counts.
pub async fn get(tx: &mut PgConnection, series: SeriesId) -> Result<Option<Watched>, DbError> {
    let row = sqlx::query!(
        r#"select state::text as "state!", baseline_run_id as "baseline!" from series_watches
           where series_id = $1 and state is not null for update"#,
        series.0
    )
    .fetch_optional(tx)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let state = cell("series_watches", "state", series.0).json(&row.state)?;
    Ok(Some(Watched { state, baseline: RunId(row.baseline) }))
}

/// The valid points of a series after this run and up to that one, oldest first, at most so many.
pub async fn points(
    tx: &mut PgConnection,
    series: SeriesId,
    (after, to): (Option<RunId>, RunId),
    limit: i64,
) -> Result<Vec<Point>, DbError> {
    let rows = sqlx::query!(
        r#"select x.run_id, x.value, r.model_id, r.engine_artifact_id, r.label, r.engine_version as "engine_version!",
               s.agent_version, s.agent_target, c.value as "control?"
           from run_metrics x
           join runs r on r.id = x.run_id
           join sessions s on s.id = r.session_id
           left join lateral (
               select cm.value from runs cr join run_metrics cm on cm.run_id = cr.id and cm.metric = x.metric
               where cr.session_id = r.session_id and cr.label = $5 and cr.id <> r.id and cm.counts
               order by cr.place limit 1
           ) c on true
           where x.series_id = $1 and x.counts and x.run_id > $2 and x.run_id <= $3
           order by x.run_id limit $4"#,
        series.0,
        after.map_or(0, |run| run.0),
        to.0,
        limit,
        CONTROL
    )
    .fetch_all(tx)
    .await?;
    rows.into_iter()
        .map(|row| {
            let engine = row.engine_artifact_id.as_deref();
            let engine = engine.map(|id| cell("runs", "engine_artifact_id", row.run_id).artifact(id)).transpose()?;
            let infrastructure = Infrastructure {
                agent: format!("{} for {}", row.agent_version, row.agent_target),
                engine: engine.is_none().then_some(row.engine_version),
            };
            Ok(Point {
                run: RunId(row.run_id),
                new: NewPoint { value: row.value, control: row.control, infrastructure },
                model: ModelId(row.model_id),
                engine,
                is_control: row.label == CONTROL,
            })
        })
        .collect()
}

/// The valid point so many points before this run, or the oldest one; this run itself is 0.
pub async fn back(tx: &mut PgConnection, series: SeriesId, run: RunId, places: usize) -> Result<Option<Point>, DbError> {
    let id = sqlx::query_scalar!(
        r#"select min(run_id) as "run" from (
               select run_id from run_metrics where series_id = $1 and counts and run_id <= $2 order by run_id desc limit $3
           ) newest"#,
        series.0,
        run.0,
        i64::try_from(places).unwrap_or(i64::MAX).saturating_add(1)
    )
    .fetch_one(&mut *tx)
    .await?;
    let Some(id) = id else { return Ok(None) };
    at(tx, series, RunId(id)).await
}

/// The valid point of this run.
pub async fn at(tx: &mut PgConnection, series: SeriesId, run: RunId) -> Result<Option<Point>, DbError> {
    Ok(points(tx, series, (Some(RunId(run.0 - 1)), run), 1).await?.pop())
}

/// Stores what was seen, unless another server did so first.
pub async fn put(tx: &mut PgConnection, due: &Due, seen: Option<&Watched>) -> Result<bool, DbError> {
    let (state, baseline) = seen.map(|seen| (Json(&seen.state), seen.baseline.0)).unzip();
    let touched = match due.seen {
        None => {
            sqlx::query!(
                "insert into series_watches (series_id, last_run_id, baseline_run_id, state) values ($1, $2, $3, $4)
                 on conflict on constraint series_watches_pk do nothing",
                due.series.0,
                due.newest.0,
                baseline,
                state as _
            )
            .execute(tx)
            .await?
        }
        Some(before) => {
            sqlx::query!(
                "update series_watches set last_run_id = $2, baseline_run_id = $3, state = $4
                 where series_id = $1 and last_run_id = $5",
                due.series.0,
                due.newest.0,
                baseline,
                state as _,
                before.0
            )
            .execute(tx)
            .await?
        }
    };
    Ok(touched.rows_affected() == 1)
}

/// Lets the watcher learn the level anew, with another baseline where one is given.
pub async fn relearn(tx: &mut PgConnection, series: SeriesId, baseline: Option<RunId>) -> Result<(), DbError> {
    let Some(mut watched) = get(tx, series).await? else { return Ok(()) };
    watched.state.relearn();
    write(tx, series, &watched.state, baseline).await
}

/// Tells the watcher that the level rose by this share between the runs of two builds.
pub async fn confirmed(
    tx: &mut PgConnection,
    series: SeriesId,
    (good, bad): (RunId, RunId),
    share: Option<f64>,
) -> Result<(), DbError> {
    let Some(mut watched) = get(tx, series).await? else { return Ok(()) };
    let points = sqlx::query_scalar!(
        r#"select count(*) as "points!" from run_metrics where series_id = $1 and counts and run_id > $2 and run_id <= $3"#,
        series.0,
        good.0,
        bad.0
    )
    .fetch_one(&mut *tx)
    .await?;
    watched.state.confirmed(share, cell("series", "points", series.0).number(points)?);
    write(tx, series, &watched.state, None).await
}

async fn write(tx: &mut PgConnection, series: SeriesId, state: &SeriesState, baseline: Option<RunId>) -> Result<(), DbError> {
    let touched = sqlx::query!(
        "update series_watches set state = $2, baseline_run_id = coalesce($3, baseline_run_id) where series_id = $1",
        series.0,
        Json(state) as _,
        baseline.map(|run| run.0)
    )
    .execute(tx)
    .await?
    .rows_affected();
    one_row("update series_watches", touched)
}

/// What is written on a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MarkKind {
    /// The level changed.
    Change,
    /// What it is measured with changed.
    Infrastructure,
    /// It looks worse, and no revision changed.
    Unexplained,
    /// It looks worse; the farm measures again.
    Suspected,
    /// The farm measured again: not slower.
    Cleared,
    /// The farm measured again: no answer.
    Undecided,
    /// The farm measured again: slower.
    Confirmed,
    /// The device changed.
    Drift,
}

impl MarkKind {
    fn word(self) -> &'static str {
        match self {
            Self::Change => "change",
            Self::Infrastructure => "infrastructure",
            Self::Unexplained => "unexplained",
            Self::Suspected => "suspected",
            Self::Cleared => "cleared",
            Self::Undecided => "undecided",
            Self::Confirmed => "confirmed",
            Self::Drift => "drift",
        }
    }
}

/// Writes on a series; what stands there already stays.
pub async fn mark(
    tx: &mut PgConnection,
    (series, run): (SeriesId, RunId),
    kind: MarkKind,
    (detail, change): (&str, Option<f64>),
    now: OffsetDateTime,
) -> Result<(), DbError> {
    sqlx::query!(
        "insert into series_marks (series_id, run_id, kind, detail, change, marked_at) values ($1, $2, $3, $4, $5, $6)
         on conflict on constraint series_marks_once do nothing",
        series.0,
        run.0,
        kind.word(),
        detail,
        change,
        now
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// What a subject was measured under before and is now, where another series of it ends with this one's beginning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Surroundings {
    /// OS fingerprints, before and now.
    pub systems: [String; 2],
    /// Knobs asked for by name, before and now.
    pub knobs: [String; 2],
}

/// How the series of the same subject, operating point and metric on the same device before this one differs; none when
/// this is the first.
pub async fn began(tx: &mut PgConnection, series: SeriesId) -> Result<Option<Surroundings>, DbError> {
    let row = sqlx::query!(
        "select o.os_fingerprint as system_before, s.os_fingerprint as system, o.knobs as knobs_before, s.knobs from series s
         join series o on o.device_id = s.device_id and o.model_name = s.model_name and o.precision = s.precision
             and o.integer_kernels = s.integer_kernels and o.engine = s.engine and o.threads = s.threads
             and o.cores = s.cores and o.frequency = s.frequency and o.metric = s.metric and o.id < s.id
         where s.id = $1 order by o.latest_at desc, o.id desc limit 1",
        series.0
    )
    .fetch_optional(tx)
    .await?;
    Ok(row.map(|row| Surroundings { systems: [row.system_before, row.system], knobs: [row.knobs_before, row.knobs] }))
}
