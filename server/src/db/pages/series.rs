//! One series: every point, and its neighbours.

use benchrack_dashboards::view::{
    SeriesAxis, SeriesBaseline, SeriesElsewhere, SeriesKey, SeriesMark, SeriesPoint, SeriesRange, SeriesView,
};
use benchrack_protocol::alert::{Catches, Planted};
use benchrack_protocol::api::{Estimate, Metric};
use benchrack_protocol::ids::{RunId, SeriesId};
use benchrack_protocol::session::OperatingPoint;
use benchrack_protocol::validity::Validity;
use serde::Deserialize;
use time::OffsetDateTime;

use super::super::column::cell;
use super::super::{Database, DbError, self_tests};
use super::series_also::{self, Also};
use super::{chosen, cut, device_ref};
use crate::judge;

/// Marks that a page shows at most, the newest.
const MARKS: i64 = 200;
/// Devices with the same subject that are named at most.
const ELSEWHERE: i64 = 100;
/// Points of each of their small charts.
const ELSEWHERE_POINTS: i64 = 30;

/// What is chosen.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Choice {
    #[serde(deserialize_with = "chosen")]
    x: Option<Axis>,
    #[serde(deserialize_with = "chosen")]
    points: Option<Points>,
    #[serde(deserialize_with = "chosen")]
    until: Option<RunId>,
    #[serde(deserialize_with = "chosen")]
    also: Option<Also>,
}

/// How many points.
#[derive(Debug, Clone, Copy)]
struct Points(u32);

impl std::str::FromStr for Points {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = text.parse().ok().filter(|number| (1..=SeriesRange::MOST).contains(number));
        number.map(Self).ok_or_else(|| format!("'{text}' is no number of points: 1 to {}", SeriesRange::MOST))
    }
}

#[derive(Debug, Clone, Copy)]
struct Axis(SeriesAxis);

impl std::str::FromStr for Axis {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "time" => Ok(Self(SeriesAxis::Time)),
            "order" => Ok(Self(SeriesAxis::Order)),
            other => Err(format!("'{other}' is no axis: time or order")),
        }
    }
}

/// The columns of a series and its device.
pub(super) struct KeyRow {
    pub(super) id: i64,
    pub(super) os_fingerprint: String,
    pub(super) model_name: String,
    pub(super) precision: String,
    pub(super) engine: String,
    pub(super) threads: i32,
    pub(super) cores: String,
    pub(super) frequency: String,
    pub(super) knobs: String,
    pub(super) metric: String,
    pub(super) points: i64,
    pub(super) device_id: i64,
    pub(super) device_name: String,
    pub(super) device_title: String,
    pub(super) device_reality: String,
}

pub(super) fn key(row: KeyRow) -> Result<(SeriesKey, u64), DbError> {
    let column = |column| cell("series", column, row.id);
    let key = SeriesKey {
        id: SeriesId(row.id),
        device: device_ref(row.device_id, row.device_name, row.device_title, &row.device_reality)?,
        os_fingerprint: row.os_fingerprint,
        model: row.model_name,
        precision: column("precision").word(&row.precision)?,
        engine: row.engine,
        threads: column("threads").number(row.threads)?,
        operating_point: OperatingPoint {
            cores: column("cores").parse(&row.cores)?,
            frequency: column("frequency").parse(&row.frequency)?,
        },
        knobs: row.knobs,
        metric: metric(row.id, &row.metric)?,
    };
    Ok((key, column("points").number(row.points)?))
}

fn metric(series: i64, name: &str) -> Result<Metric, DbError> {
    Metric::named(name).ok_or_else(|| cell("series", "metric", series).unknown(name))
}

/// The columns of a point, its run and its model.
pub(super) struct PointRow {
    pub(super) run_id: i64,
    pub(super) measured_at: OffsetDateTime,
    pub(super) estimate: Estimate,
    /// Null for a valid run, the most common one, so that it need not be read.
    pub(super) doubt: Option<String>,
    pub(super) tier: String,
    pub(super) engine_version: String,
    /// Null for the engine inside the agent.
    pub(super) engine_artifact_id: Option<Vec<u8>>,
    pub(super) revision: String,
    pub(super) artifact_id: Vec<u8>,
}

pub(super) fn point(row: PointRow) -> Result<SeriesPoint, DbError> {
    let column = |column| cell("runs", column, row.run_id);
    let model_revision =
        if row.revision.is_empty() { column("artifact_id").artifact(&row.artifact_id)?.short() } else { row.revision };
    Ok(SeriesPoint {
        run: RunId(row.run_id),
        measured_at: row.measured_at,
        model_revision,
        engine_version: match row.engine_artifact_id {
            Some(build) => format!("{} · {}", row.engine_version, column("engine_artifact_id").artifact(&build)?.short()),
            None => row.engine_version,
        },
        estimate: row.estimate,
        validity: row.doubt.as_deref().map_or(Ok(Validity::Valid), |text| column("validity").json(text))?,
        tier: column("tier").word(&row.tier)?,
    })
}

/// The page; none when there is no such series.
pub async fn view(db: &Database, id: SeriesId, choice: &Choice) -> Result<Option<SeriesView>, DbError> {
    let row = sqlx::query_as!(
        KeyRow,
        r#"select s.id, s.os_fingerprint, s.model_name, s.precision, s.engine, s.threads, s.cores, s.frequency, s.knobs,
               s.metric, s.points, s.device_id, d.name as device_name, d.title as device_title, d.reality as device_reality
           from series s join devices d on d.id = s.device_id where s.id = $1"#,
        id.0
    )
    .fetch_optional(db.pool())
    .await?;
    let Some(row) = row else { return Ok(None) };
    let (key, all) = key(row)?;
    let (points, range) = points(db, id, choice).await?;
    let elsewhere = elsewhere(db, id).await?;
    Ok(Some(SeriesView {
        catches: if key.metric == Metric::Latency { catches(db, &key).await? } else { Vec::new() },
        key,
        metrics: metrics(db, id).await?,
        middle: series_also::middle(&points),
        also: series_also::of(db, &choice.also.clone().unwrap_or_default(), &elsewhere, &points).await?,
        elsewhere,
        left_out: all.saturating_sub(points.len() as u64),
        points,
        range,
        baseline: baseline(db, id).await?,
        marks: marks(db, id).await?,
        axis: choice.x.map(|axis| axis.0).unwrap_or_default(),
    }))
}

/// The newest points up to the one asked for, oldest first.
async fn points(db: &Database, id: SeriesId, choice: &Choice) -> Result<(Vec<SeriesPoint>, SeriesRange), DbError> {
    let limit = choice.points.map_or(SeriesRange::DEFAULT, |points| points.0);
    let mut rows = sqlx::query!(
        r#"select x.run_id, x.measured_at, x.value, x.low, x.high, x.level,
               case when x.counts then null else r.validity::text end as doubt, r.tier as "tier!",
               r.engine_version as "engine_version!", r.engine_artifact_id, m.revision, m.artifact_id
           from (
               select * from run_metrics where series_id = $1
                   and measured_at <= coalesce((select measured_at from runs where id = $3), 'infinity')
               order by measured_at desc, run_id desc limit $2
           ) x
           join runs r on r.id = x.run_id
           join models m on m.id = r.model_id
           order by x.measured_at desc, x.run_id desc"#,
        id.0,
        i64::from(limit) + 1,
        choice.until.map(|until| until.0)
    )
    .fetch_all(db.pool())
    .await?;
    let earlier = rows.get(usize::try_from(limit).unwrap_or(usize::MAX)).map(|row| RunId(row.run_id));
    cut(&mut rows, limit.into());
    rows.reverse();
    let range = SeriesRange { points: limit, until: choice.until, earlier };
    rows.into_iter()
        .map(|row| {
            point(PointRow {
                run_id: row.run_id,
                measured_at: row.measured_at,
                estimate: Estimate { value: row.value, low: row.low, high: row.high, level: row.level },
                doubt: row.doubt,
                tier: row.tier,
                engine_version: row.engine_version,
                engine_artifact_id: row.engine_artifact_id,
                revision: row.revision,
                artifact_id: row.artifact_id,
            })
        })
        .collect::<Result<_, _>>()
        .map(|points| (points, range))
}

/// The accepted level and the newest valid point against it.
async fn baseline(db: &Database, id: SeriesId) -> Result<Option<SeriesBaseline>, DbError> {
    let row = sqlx::query!(
        r#"select x.run_id, x.value, n.value / nullif(x.value, 0) - 1 as "change?"
           from series_watches w
           join run_metrics x on x.run_id = w.baseline_run_id and x.series_id = w.series_id
           left join lateral (
               select value from run_metrics where series_id = w.series_id and counts order by measured_at desc, run_id desc limit 1
           ) n on true
           where w.series_id = $1"#,
        id.0
    )
    .fetch_optional(db.pool())
    .await?;
    Ok(row.map(|row| SeriesBaseline { run: RunId(row.run_id), value: row.value, change: row.change }))
}

/// What would be caught on this device: of this model where that was tried, else of any.
async fn catches(db: &Database, key: &SeriesKey) -> Result<Vec<Catches>, DbError> {
    let mut planted: Vec<Planted> = self_tests::counts(db, Some(key.device.id)).await?;
    planted.retain(|pair| pair.baseline != pair.candidate);
    let (own, others): (Vec<_>, Vec<_>) = judge::catches(&planted).into_iter().partition(|catches| catches.baseline == key.model);
    Ok(if own.is_empty() { others } else { own })
}

/// What the farm wrote, newest first.
async fn marks(db: &Database, id: SeriesId) -> Result<Vec<SeriesMark>, DbError> {
    let rows = sqlx::query!(
        "select run_id, kind, detail, change, marked_at from series_marks where series_id = $1 order by id desc limit $2",
        id.0,
        MARKS
    )
    .fetch_all(db.pool())
    .await?;
    let mark = |run: i64, kind, detail, change, at| SeriesMark { run: RunId(run), kind, detail, change, at };
    Ok(rows.into_iter().map(|row| mark(row.run_id, row.kind, row.detail, row.change, row.marked_at)).collect())
}

/// The same subject's metrics, this one too.
async fn metrics(db: &Database, id: SeriesId) -> Result<Vec<(Metric, SeriesId)>, DbError> {
    let rows = sqlx::query!(
        "select o.id, o.metric from series s
         join series o on o.device_id = s.device_id and o.model_name = s.model_name and o.precision = s.precision
             and o.integer_kernels = s.integer_kernels and o.engine = s.engine and o.threads = s.threads
             and o.cores = s.cores and o.frequency = s.frequency and o.knobs = s.knobs and o.os_fingerprint = s.os_fingerprint
         where s.id = $1",
        id.0
    )
    .fetch_all(db.pool())
    .await?;
    let mut metrics: Vec<_> =
        rows.iter().map(|row| Ok((metric(row.id, &row.metric)?, SeriesId(row.id)))).collect::<Result<_, DbError>>()?;
    metrics.sort_by_key(|(metric, _)| *metric);
    Ok(metrics)
}

/// The same subject and metric on other devices, each under its newest system.
async fn elsewhere(db: &Database, id: SeriesId) -> Result<Vec<SeriesElsewhere>, DbError> {
    let rows = sqlx::query!(
        r#"select o.*, array(
                   select p.value from (
                       select value, measured_at, run_id from run_metrics
                       where series_id = o.id and counts order by measured_at desc, run_id desc limit $3
                   ) p order by p.measured_at, p.run_id
               ) as "recent!" from (
               select distinct on (o.device_id) o.id, d.id as device_id, d.name, d.title, d.reality
               from series s
               join series o on o.model_name = s.model_name and o.precision = s.precision and o.metric = s.metric
                   and o.integer_kernels = s.integer_kernels and o.engine = s.engine and o.threads = s.threads
                   and o.cores = s.cores and o.frequency = s.frequency and o.knobs = s.knobs and o.device_id <> s.device_id
               join devices d on d.id = o.device_id
               where s.id = $1
               order by o.device_id, o.latest_at desc, o.id desc
           ) o
           order by o.name collate "C" limit $2"#,
        id.0,
        ELSEWHERE,
        ELSEWHERE_POINTS
    )
    .fetch_all(db.pool())
    .await?;
    rows.into_iter()
        .map(|row| {
            let device = device_ref(row.device_id, row.name, row.title, &row.reality)?;
            Ok(SeriesElsewhere { device, series: SeriesId(row.id), recent: row.recent })
        })
        .collect()
}
