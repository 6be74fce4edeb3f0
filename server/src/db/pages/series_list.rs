//! All series, the most recently measured first.

use benchrack_dashboards::link;
use benchrack_dashboards::view::{Facet, SeriesListView, SeriesRow};
use benchrack_protocol::api::{Estimate, Metric};
use benchrack_protocol::ids::DeviceId;
use benchrack_protocol::model::Precision;
use serde::Deserialize;
use time::OffsetDateTime;

use super::super::{Database, DbError};
use super::series::{KeyRow, PointRow, key, point};
use super::subjects::{self, device_facet, text_facet, threads_facet};
use super::{PART, chosen, cut, facet, query_string};

/// Points of a row's small chart.
const RECENT: i64 = 60;

/// What is chosen in the form, and the part of the list.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Choice {
    #[serde(deserialize_with = "chosen")]
    device: Option<DeviceId>,
    #[serde(deserialize_with = "chosen")]
    model: Option<String>,
    #[serde(deserialize_with = "chosen")]
    precision: Option<Precision>,
    #[serde(deserialize_with = "chosen")]
    engine: Option<String>,
    #[serde(deserialize_with = "chosen")]
    threads: Option<u16>,
    #[serde(deserialize_with = "chosen")]
    metric: Option<Wanted>,
    #[serde(deserialize_with = "chosen")]
    before: Option<Cursor>,
}

#[derive(Debug, Clone, Copy)]
struct Wanted(Metric);

impl std::str::FromStr for Wanted {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names = || Metric::ALL.map(Metric::name).join(", ");
        Metric::named(text).map(Self).ok_or_else(|| format!("'{text}' is no metric: {}", names()))
    }
}

/// Where a part of the list ends: time of the last row's newest point, and its id. Text form: `<microseconds>-<id>`.
#[derive(Debug, Clone, Copy)]
struct Cursor {
    at: OffsetDateTime,
    id: i64,
}

impl std::str::FromStr for Cursor {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parse = || {
            let (micros, id) = text.split_once('-')?;
            let nanos = i128::from(micros.parse::<i64>().ok()?) * 1_000;
            Some(Self { at: OffsetDateTime::from_unix_timestamp_nanos(nanos).ok()?, id: id.parse().ok()? })
        };
        parse().ok_or_else(|| format!("'{text}' is no place in the list; follow the link of the part before"))
    }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.at.unix_timestamp_nanos() / 1_000, self.id)
    }
}

/// The page.
pub async fn view(db: &Database, choice: &Choice) -> Result<SeriesListView, DbError> {
    let metric = choice.metric.map_or(Metric::Latency, |wanted| wanted.0);
    let (mut rows, mut cursors) = rows(db, choice, metric).await?.into_iter().unzip::<_, _, Vec<_>, Vec<_>>();
    let more = cut(&mut rows, PART);
    cut(&mut cursors, PART);
    let more = cursors.last().filter(|_| more).map(|cursor| {
        let query = query_string([
            ("device", choice.device.map(|id| id.to_string())),
            ("model", choice.model.clone()),
            ("precision", choice.precision.map(|precision| precision.to_string())),
            ("engine", choice.engine.clone()),
            ("threads", choice.threads.map(|threads| threads.to_string())),
            ("metric", Some(metric.name().to_owned())),
            ("before", Some(cursor.to_string())),
        ]);
        format!("{}?{query}", link::SERIES)
    });
    Ok(SeriesListView { facets: facets(db, choice, metric).await?, rows, more })
}

async fn facets(db: &Database, choice: &Choice, metric: Metric) -> Result<Vec<Facet>, DbError> {
    let devices = subjects::measured_devices(db).await?;
    let kinds = sqlx::query!(
        "select distinct model_name, precision, engine, threads from latest_runs where $1::bigint is null or device_id = $1",
        choice.device.map(|id| id.0)
    )
    .fetch_all(db.pool())
    .await?;
    let precision = choice.precision.map(|precision| precision.to_string());
    Ok(vec![
        device_facet(&devices, true, choice.device),
        text_facet("model", kinds.iter().map(|kind| kind.model_name.as_str()), choice.model.as_deref()),
        text_facet("precision", kinds.iter().map(|kind| kind.precision.as_str()), precision.as_deref()),
        text_facet("engine", kinds.iter().map(|kind| kind.engine.as_str()), choice.engine.as_deref()),
        threads_facet(kinds.iter().map(|kind| kind.threads), choice.threads),
        facet("metric", false, Metric::ALL.map(|metric| metric.name().to_owned()), Some(metric.name())),
    ])
}

async fn rows(db: &Database, choice: &Choice, metric: Metric) -> Result<Vec<(SeriesRow, Cursor)>, DbError> {
    let rows = sqlx::query!(
        r#"select s.id, s.os_fingerprint, s.model_name, s.precision, s.engine, s.threads, s.cores, s.frequency, s.knobs,
               s.metric, s.points, s.latest_at, s.device_id, d.name as device_name, d.title as device_title,
               d.reality as device_reality, x.run_id, x.measured_at, x.value, x.low, x.high, x.level,
               case when x.counts then null else r.validity::text end as doubt, r.tier as "tier!",
               r.engine_version as "engine_version!", r.engine_artifact_id, m.revision, m.artifact_id,
               array(
                   select p.value from (
                       select value, measured_at, run_id from run_metrics
                       where series_id = s.id and counts order by measured_at desc, run_id desc limit $9
                   ) p order by p.measured_at, p.run_id
               ) as "recent!"
           from (
               select * from series
               where metric = $1
                 and ($2::bigint is null or device_id = $2)
                 and ($3::text is null or model_name = $3)
                 and ($4::text is null or precision = $4)
                 and ($5::text is null or engine = $5)
                 and ($6::integer is null or threads = $6)
                 and ($7::timestamptz is null or (latest_at, id) < ($7, $8::bigint))
               order by latest_at desc, id desc limit $10
           ) s
           join devices d on d.id = s.device_id
           join run_metrics x on x.run_id = s.latest_run_id and x.metric = s.metric
           join runs r on r.id = s.latest_run_id
           join models m on m.id = r.model_id
           order by s.latest_at desc, s.id desc"#,
        metric.name(),
        choice.device.map(|id| id.0),
        choice.model,
        choice.precision.map(|precision| precision.to_string()),
        choice.engine,
        choice.threads.map(i32::from),
        choice.before.map(|before| before.at),
        choice.before.map(|before| before.id),
        RECENT,
        PART + 1
    )
    .fetch_all(db.pool())
    .await?;
    rows.into_iter()
        .map(|row| {
            let cursor = Cursor { at: row.latest_at, id: row.id };
            let (key, points) = key(KeyRow {
                id: row.id,
                os_fingerprint: row.os_fingerprint,
                model_name: row.model_name,
                precision: row.precision,
                engine: row.engine,
                threads: row.threads,
                cores: row.cores,
                frequency: row.frequency,
                knobs: row.knobs,
                metric: row.metric,
                points: row.points,
                device_id: row.device_id,
                device_name: row.device_name,
                device_title: row.device_title,
                device_reality: row.device_reality,
            })?;
            let latest = point(PointRow {
                run_id: row.run_id,
                measured_at: row.measured_at,
                estimate: Estimate { value: row.value, low: row.low, high: row.high, level: row.level },
                doubt: row.doubt,
                tier: row.tier,
                engine_version: row.engine_version,
                engine_artifact_id: row.engine_artifact_id,
                revision: row.revision,
                artifact_id: row.artifact_id,
            })?;
            Ok((SeriesRow { key, points, latest: Some(latest), recent: row.recent }, cursor))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_in_the_list_is_read_back_from_its_text() {
        let at = OffsetDateTime::from_unix_timestamp_nanos(1_700_000_000_123_456_000).unwrap();
        let read: Cursor = Cursor { at, id: 42 }.to_string().parse().unwrap();
        assert_eq!((read.at, read.id), (at, 42));
        for wrong in ["", "7", "x-1", "1-x", "99999999999999999999-1", "9223372036854775807-1"] {
            assert!(wrong.parse::<Cursor>().is_err(), "{wrong}");
        }
    }
}
