//! Alerts, and what the farm measured of itself.

use benchrack_protocol::alert::{Alert, SelfTest, TriageState};
use serde::Serialize;

/// All alerts, filtered.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AlertListView {
    /// Only those in this state: query `state`.
    pub state: Option<TriageState>,
    /// Newest first, each with its findings.
    pub rows: Vec<Alert>,
    /// Address (path and query) of the next older part; none at the end.
    pub older: Option<String>,
}

/// One alert.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AlertView {
    /// It. Effects are shares: 0.02 is 2 % more.
    pub alert: Alert,
}

/// What the farm measured of itself.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SelfTestView {
    /// Counts and shares.
    pub report: SelfTest,
}
