//! The first page.

use benchrack_dashboards::view::{HomeView, SessionRow};
use benchrack_protocol::ids::SessionId;
use time::OffsetDateTime;

use super::super::column::cell;
use super::super::{Database, DbError, saved_views};
use super::{cards, device_ref, gates, models, rack, troubles};

const SESSIONS: i64 = 10;
const GATES: i64 = 5;

/// The page.
pub async fn view(db: &Database, now: OffsetDateTime) -> Result<HomeView, DbError> {
    let devices = cards::all(db).await?;
    Ok(HomeView {
        troubles: troubles::of(db, &devices, now).await?,
        devices,
        queue: rack::queue(db).await?,
        sessions: newest_sessions(db).await?,
        gates: gates::rows(db, None, GATES).await?,
        models: models::count(db).await?,
        saved: saved_views::list(db).await?,
    })
}

async fn newest_sessions(db: &Database) -> Result<Vec<SessionRow>, DbError> {
    let rows = sqlx::query!(
        r#"select s.id, s.measured_at, s.reality, j.title, d.id as device_id, d.name, d.title as device_title,
               d.reality as device_reality, r.valid as "valid!", r.degraded as "degraded!", r.invalid as "invalid!",
               r.failed as "failed!"
           from (select * from sessions order by measured_at desc, id desc limit $1) s
           join jobs j on j.id = s.job_id
           join devices d on d.id = s.device_id
           cross join lateral (
               select count(*) filter (where validity ->> 'state' = 'valid') as valid,
                   count(*) filter (where validity ->> 'state' = 'degraded') as degraded,
                   count(*) filter (where validity ->> 'state' = 'invalid') as invalid,
                   count(*) filter (where failure is not null) as failed
               from runs where session_id = s.id
           ) r
           order by s.measured_at desc, s.id desc"#,
        SESSIONS
    )
    .fetch_all(db.pool())
    .await?;
    rows.into_iter()
        .map(|row| {
            let count = |count: i64| cell("runs", "session_id", row.id).number(count);
            Ok(SessionRow {
                id: SessionId(row.id),
                device: device_ref(row.device_id, row.name, row.device_title, &row.device_reality)?,
                title: row.title,
                received_at: row.measured_at,
                valid: count(row.valid)?,
                degraded: count(row.degraded)?,
                invalid: count(row.invalid)?,
                failed: count(row.failed)?,
                reality: cell("sessions", "reality", row.id).word(&row.reality)?,
            })
        })
        .collect()
}
