//! Alerts: the list.

use benchrack_dashboards::link;
use benchrack_dashboards::view::AlertListView;
use benchrack_protocol::alert::TriageState;
use benchrack_protocol::ids::AlertId;
use serde::Deserialize;

use super::super::alerts::{self, AlertFilter};
use super::super::{Database, DbError};
use super::{PART, chosen, cut};

/// Which part of the list.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Choice {
    /// Only in this state.
    state: Option<TriageState>,
    /// Only older ones.
    #[serde(deserialize_with = "chosen")]
    before: Option<AlertId>,
}

/// The page of all alerts.
pub async fn list(db: &Database, choice: &Choice) -> Result<AlertListView, DbError> {
    let filter = AlertFilter { state: choice.state, before: choice.before, limit: PART + 1, ..AlertFilter::default() };
    let mut tx = db.begin().await?;
    let mut rows = alerts::list(&mut tx, &filter).await?;
    let more = cut(&mut rows, PART);
    let state = choice.state.map_or_else(String::new, |state| format!("state={}&", state.name()));
    let older = rows.last().filter(|_| more).map(|row| format!("{}?{state}before={}", link::ALERTS, row.id));
    Ok(AlertListView { state: choice.state, rows, older })
}
