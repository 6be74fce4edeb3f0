//! How warm devices were and how full their batteries, as they said last.

use std::collections::HashMap;

use benchrack_dashboards::view::{BatteryLevel, Condition, Heat};
use benchrack_protocol::device::Battery;
use benchrack_protocol::ids::DeviceId;
use benchrack_protocol::reading::Reading;
use benchrack_protocol::units::Millicelsius;

use super::super::column::cell;
use super::super::{Database, DbError};

/// Of every device: its newest session's last look, and the battery of its report.
pub(super) async fn all(db: &Database) -> Result<HashMap<DeviceId, Condition>, DbError> {
    let rows = sqlx::query!(
        r#"select d.id, (d.report -> 'battery')::text as battery, s.id as "session_id?", s.measured_at as "measured_at?",
               s.temperatures
           from devices d
           left join lateral (
               select id, measured_at, (evidence -> 'watch' -> -1 -> 'temperatures')::text as temperatures
               from sessions where device_id = d.id order by id desc limit 1
           ) s on true"#
    )
    .fetch_all(db.pool())
    .await?;
    rows.into_iter()
        .map(|row| {
            let report = cell("devices", "report", row.id);
            let battery: Option<Battery> = row.battery.as_deref().map(|text| report.json(text)).transpose()?.flatten();
            let sensors: Vec<(String, Reading<Millicelsius>)> = match (row.session_id, row.temperatures.as_deref()) {
                (Some(session), Some(text)) => cell("sessions", "evidence", session).json(text)?,
                _ => Vec::new(),
            };
            let known = sensors.into_iter().filter_map(|(sensor, heat)| Some((sensor, *heat.value()?)));
            let hottest = known.max_by_key(|(_, temperature)| temperature.0);
            let level = |battery: Battery| {
                let percent = *battery.now.level_percent.value()?;
                Some(BatteryLevel { percent, status: battery.now.status.value().cloned() })
            };
            let condition = Condition {
                heat: hottest.zip(row.measured_at).map(|((sensor, temperature), at)| Heat { sensor, temperature, at }),
                battery: battery.and_then(level),
            };
            Ok((DeviceId(row.id), condition))
        })
        .collect()
}
