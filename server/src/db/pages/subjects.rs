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
}

/// The newest runs of these devices.
pub(super) async fn of_devices(db: &Database, devices: &[i64]) -> Result<Vec<Subject>, DbError> {
    Ok(sqlx::query_as!(
        Subject,
        "select device_id, model_name, precision, engine, threads, cores, frequency, run_id from latest_runs
         where device_id = any($1)",
        devices
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
