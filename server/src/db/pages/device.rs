//! One device.

use benchrack_dashboards::link;
use benchrack_dashboards::view::{Absence, DeviceRef, DeviceView, RunList};
use benchrack_protocol::api::Device;
use benchrack_protocol::ids::{DeviceId, RunId};
use serde::Deserialize;

use super::super::runs::{self, RunFilter};
use super::super::{Database, DbError, devices};
use super::{PART, cards, chosen, cut, operating};

/// Times without work that are listed, the newest.
const ABSENCES: i64 = 50;

/// Which subject over its operating points, and which part of its runs.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Choice {
    /// Only older ones.
    #[serde(deserialize_with = "chosen")]
    before: Option<RunId>,
    #[serde(flatten)]
    operating: operating::Choice,
}

/// The page; none when there is no such device.
pub async fn view(db: &Database, id: DeviceId, choice: &Choice) -> Result<Option<DeviceView>, DbError> {
    let Some(device) = devices::get(db, id).await? else { return Ok(None) };
    let Some(agent) = devices::agent(db, id).await? else { return Ok(None) };
    let Some((current, queued)) = cards::work_of(db, id).await? else { return Ok(None) };
    let filter = RunFilter { device_id: Some(id), before: choice.before, limit: PART + 1, ..RunFilter::default() };
    let mut runs = runs::list(db, &filter).await?;
    let more = cut(&mut runs, PART);
    let last = runs.last().filter(|_| more);
    let older = last.map(|run| format!("{}?before={}", link::device(id), run.id));
    let Device { name, title, reality, .. } = &device;
    let named = DeviceRef { id, name: name.clone(), title: title.clone(), reality: *reality };
    Ok(Some(DeviceView {
        operating: operating::of_device(db, named, &choice.operating).await?,
        sustained: operating::sustained(db, id).await?,
        absences: absences(db, id).await?,
        device,
        agent,
        current,
        queued,
        runs: RunList { runs, older },
    }))
}

async fn absences(db: &Database, id: DeviceId) -> Result<Vec<Absence>, DbError> {
    Ok(sqlx::query_as!(
        Absence,
        "select state, reason, since, until from device_absences where device_id = $1 order by id desc limit $2",
        id.0,
        ABSENCES
    )
    .fetch_all(db.pool())
    .await?)
}
