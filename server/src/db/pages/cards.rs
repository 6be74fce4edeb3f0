//! Devices at a glance: state, present work, newest runs.

use std::collections::HashMap;

use benchrack_dashboards::view::{CurrentSession, DeviceCard};
use benchrack_protocol::api::{Heartbeat, Run};
use benchrack_protocol::ids::{DeviceId, JobId};
use time::OffsetDateTime;
use time::macros::format_description;

use super::super::column::cell;
use super::super::{Database, DbError, runs};

/// Newest runs on a card.
const NEWEST: i64 = 4;

/// All devices, by name, retired ones last.
pub(super) async fn all(db: &Database) -> Result<Vec<DeviceCard>, DbError> {
    let mut cards = cards(db, None).await?;
    let mut newest = newest_runs(db).await?;
    for card in &mut cards {
        card.newest = newest.remove(&card.id).unwrap_or_default();
    }
    Ok(cards)
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
            let count = |column, value: Option<i32>| cell("leases", column, row.id).number(value.unwrap_or_default());
            let progress = match row.phase {
                Some(phase) => Some(Heartbeat {
                    phase,
                    done: count("blocks_done", row.blocks_done)?,
                    total: count("blocks_total", row.blocks_total)?,
                }),
                None => None,
            };
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
