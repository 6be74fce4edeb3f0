//! What one subject costs at each operating point of a device.

use benchrack_protocol::api::Run;
use benchrack_protocol::energy::SustainedRun;
use benchrack_protocol::ids::RunId;
use benchrack_protocol::units::Kilohertz;
use serde::Serialize;

use super::{BudgetLine, CompareRow, Facet, SustainedFigures};

/// One subject at every operating point of a device at which it was measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OperatingView {
    /// Which subject, in the form's order: `model`, `precision`, `engine`, `threads`. The subject with the most operating
    /// points unless one is chosen.
    pub facets: Vec<Facet>,
    /// What points must keep: `p90_ms`, `power_w`.
    pub budgets: Vec<BudgetLine>,
    /// By cores, then clock; the newest run at each. Empty for a device on which nothing was measured.
    pub points: Vec<OperatingRow>,
    /// For each choice of cores the run that takes the least energy per inference among those that count and keep every
    /// budget; cheapest first. Runs without a figure of energy are nobody's answer.
    pub cheapest: Vec<RunId>,
}

impl OperatingView {
    /// Whether a point keeps every budget.
    pub fn fits(&self, point: &OperatingRow) -> bool {
        self.budgets.iter().all(|budget| budget.keeps(&point.row))
    }
}

/// One operating point.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OperatingRow {
    /// The clock that the cores were to stand at, by the session's evidence; none where it was left to the governor. Of
    /// several clusters the highest.
    pub clock: Option<Kilohertz>,
    /// The run.
    #[serde(flatten)]
    pub row: CompareRow,
}

/// The newest run with minutes of load on a device.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DeviceSustained {
    /// The run.
    pub run: Run,
    /// What the curve says; none where it is too short to say anything.
    pub figures: Option<SustainedFigures>,
    /// The curve.
    pub curve: SustainedRun,
}
