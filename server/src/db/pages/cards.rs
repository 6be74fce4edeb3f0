//! Devices at a glance: state, present work, newest runs.

use std::collections::HashMap;

use benchrack_dashboards::view::{Condition, ControlLevel, CurrentSession, DeviceCard};
use benchrack_protocol::api::Run;
use benchrack_protocol::ids::{DeviceId, JobId, RunId, SeriesId};
use time::OffsetDateTime;
use time::macros::format_description;

use super::super::column::cell;
use super::super::{Database, DbError, leases, runs};
use super::conditions;
use crate::judge;

/// Newest runs on a card.
const NEWEST: i64 = 4;
/// Series and newest runs of each that tell a device's noise.
const STEADY_SERIES: i64 = 4;
const STEADY_RUNS: i64 = 16;
/// Series with fewer points say nothing about that.
const STEADY_LEAST: i64 = 8;

/// All devices, by name, retired ones last.
pub(super) async fn all(db: &Database) -> Result<Vec<DeviceCard>, DbError> {
    let mut cards = cards(db, None).await?;
    let mut newest = newest_runs(db).await?;
    for card in &mut cards {
        card.newest = newest.remove(&card.id).unwrap_or_default();
    }
    Ok(cards)
}

/// All devices as [`all`], with how each is: its heat and battery, how steady it is and where its control stands.
pub(super) async fn all_with_levels(db: &Database) -> Result<Vec<DeviceCard>, DbError> {
    let mut cards = all(db).await?;
    let mut recent = recent_latencies(db).await?;
    let mut controls = controls(db).await?;
    let mut conditions = conditions::all(db).await?;
    for card in &mut cards {
        card.steadiness = recent.remove(&card.id).and_then(|series| judge::steadiness(&series));
        card.control = controls.remove(&card.id);
        card.condition = conditions.remove(&card.id).unwrap_or_default();
    }
    Ok(cards)
}

/// Newest valid median latencies of each device's most recently measured series, in the order measured.
async fn recent_latencies(db: &Database) -> Result<HashMap<DeviceId, Vec<Vec<f64>>>, DbError> {
    let rows = sqlx::query!(
        r#"select d.id, array(
               select p.value from (
                   select value, measured_at, run_id from run_metrics
                   where series_id = s.id and counts order by measured_at desc, run_id desc limit $2
               ) p order by p.measured_at, p.run_id
           ) as "recent!"
           from devices d cross join lateral (
               select id from series where device_id = d.id and metric = 'latency' and points >= $3
               order by latest_at desc, id desc limit $1
           ) s"#,
        STEADY_SERIES,
        STEADY_RUNS,
        STEADY_LEAST
    )
    .fetch_all(db.pool())
    .await?;
    let mut recent: HashMap<DeviceId, Vec<Vec<f64>>> = HashMap::new();
    for row in rows {
        recent.entry(DeviceId(row.id)).or_default().push(row.recent);
    }
    Ok(recent)
}

/// The newest valid run of each device's control against the accepted level of its series.
async fn controls(db: &Database) -> Result<HashMap<DeviceId, ControlLevel>, DbError> {
    let rows = sqlx::query!(
        r#"select d.id, c.run_id, c.series_id as "series_id!", c.value / b.value - 1 as "change!"
           from devices d
           cross join lateral (
               select r.id as run_id, x.series_id, x.value from runs r
               join run_metrics x on x.run_id = r.id and x.metric = 'latency' and x.counts and x.series_id is not null
               where r.device_id = d.id and r.label = 'control' order by r.id desc limit 1
           ) c
           join series_watches w on w.series_id = c.series_id
           join run_metrics b on b.run_id = w.baseline_run_id and b.metric = 'latency' and b.value > 0"#
    )
    .fetch_all(db.pool())
    .await?;
    let level = |row: i64, series: i64, change| ControlLevel { run: RunId(row), series: SeriesId(series), change };
    Ok(rows.into_iter().map(|row| (DeviceId(row.id), level(row.run_id, row.series_id, row.change))).collect())
}

/// What one device does and how many jobs wait for it; none when there is no such device.
pub(super) async fn work_of(db: &Database, id: DeviceId) -> Result<Option<(Option<CurrentSession>, u32)>, DbError> {
    Ok(cards(db, Some(id)).await?.pop().map(|card| (card.current, card.queued)))
}

async fn cards(db: &Database, only: Option<DeviceId>) -> Result<Vec<DeviceCard>, DbError> {
    let rows = sqlx::query!(
        r#"select d.id, d.name, d.title, d.state, d.reason, d.cooling_until, d.reality, d.last_seen_at,
               j.id as "job_id?", j.title as "job_title?", l.granted_at as "granted_at?", l.phase as "phase?",
               l.blocks_done as "blocks_done?", l.blocks_total as "blocks_total?",
               (select count(*) from jobs q where q.device_id = d.id and q.state = 'queued') as "queued!"
           from devices d
           left join leases l on l.id = d.lease_id
           left join jobs j on j.id = l.job_id
           where $1::bigint is null or d.id = $1
           order by d.state = 'retired', d.name collate "C""#,
        only.map(|id| id.0)
    )
    .fetch_all(db.pool())
    .await?;
    rows.into_iter()
        .map(|row| {
            let counts = (row.blocks_done, row.blocks_total);
            let progress = row.phase.map(|phase| leases::progress(row.id, phase, counts)).transpose()?;
            let current = match (row.job_id, row.job_title, row.granted_at) {
                (Some(job), Some(title), Some(since)) => Some(CurrentSession { job: JobId(job), title, since, progress }),
                _ => None,
            };
            Ok(DeviceCard {
                id: DeviceId(row.id),
                name: row.name,
                title: row.title,
                state: row.state,
                reason: row.reason.or_else(|| row.cooling_until.map(cooling)),
                reality: cell("devices", "reality", row.id).word(&row.reality)?,
                last_seen_at: row.last_seen_at,
                current,
                newest: Vec::new(),
                condition: Condition::default(),
                steadiness: None,
                control: None,
                queued: cell("jobs", "device_id", row.id).number(row.queued)?,
            })
        })
        .collect()
}

fn cooling(until: OffsetDateTime) -> String {
    let until = until.format(format_description!("[hour]:[minute]:[second] UTC")).unwrap_or_else(|_| until.to_string());
    format!("rests until {until}")
}

async fn newest_runs(db: &Database) -> Result<HashMap<DeviceId, Vec<Run>>, DbError> {
    let ids = sqlx::query_scalar!(
        r#"select r.id from devices d
           cross join lateral (select id from runs where device_id = d.id order by id desc limit $1) r"#,
        NEWEST
    )
    .fetch_all(db.pool())
    .await?;
    let mut newest: HashMap<DeviceId, Vec<Run>> = HashMap::new();
    for run in runs::some(db, &ids).await?.into_iter().rev() {
        newest.entry(run.device).or_default().push(run);
    }
    Ok(newest)
}
