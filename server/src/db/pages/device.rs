//! One device.

use benchrack_dashboards::link;
use benchrack_dashboards::view::{DeviceView, RunList};
use benchrack_protocol::ids::{DeviceId, RunId};
use serde::Deserialize;

use super::super::runs::{self, RunFilter};
use super::super::{Database, DbError, devices};
use super::{PART, cards, chosen, cut};

/// Which part of its runs.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Choice {
    /// Only older ones.
    #[serde(deserialize_with = "chosen")]
    before: Option<RunId>,
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
    Ok(Some(DeviceView { device, agent, current, queued, runs: RunList { runs, older } }))
}
