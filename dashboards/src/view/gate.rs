//! Gates: is the candidate slower than the baseline?

use benchrack_protocol::api::{Gate, Verdict};
use benchrack_protocol::ids::{ArtifactId, GateId};
use benchrack_protocol::model::Precision;
use benchrack_protocol::session::OperatingPoint;
use serde::Serialize;
use time::OffsetDateTime;

use super::DeviceRef;

/// One gate.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GateView {
    /// Rules, jobs and the outcome so far. Effects are ratios minus one: 0.02 is 2 % slower.
    pub gate: Gate,
    /// What is compared with.
    pub baseline: GateSide,
    /// What is judged.
    pub candidate: GateSide,
    /// Cores and clock.
    pub operating_point: OperatingPoint,
    /// The devices of the jobs, each once.
    pub devices: Vec<DeviceRef>,
    /// When it was asked.
    #[serde(with = "time::serde::rfc3339")]
    pub submitted_at: OffsetDateTime,
    /// When the verdict was given; none while jobs are open.
    #[serde(with = "time::serde::rfc3339::option")]
    pub decided_at: Option<OffsetDateTime>,
    /// Whether its verdict can be computed again from a receipt: not while it is open, nor where signed reports were not kept.
    pub has_receipt: bool,
}

/// One side of a gate.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GateSide {
    /// Model's name.
    pub model: String,
    /// Precision of the file.
    pub precision: Precision,
    /// The file.
    pub artifact: ArtifactId,
    /// Engine's name.
    pub engine: String,
    /// Threads.
    pub threads: u16,
}

/// All gates.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GateListView {
    /// Newest first.
    pub rows: Vec<GateRow>,
    /// Address (path and query) of the next older part; none at the end.
    pub older: Option<String>,
}

/// A gate in a list.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GateRow {
    /// Id.
    pub id: GateId,
    /// What is compared with.
    pub baseline: GateSide,
    /// What is judged.
    pub candidate: GateSide,
    /// When it was asked.
    #[serde(with = "time::serde::rfc3339")]
    pub submitted_at: OffsetDateTime,
    /// Verdict; none while jobs are open.
    pub verdict: Option<Verdict>,
    /// Verdict in one sentence; empty while jobs are open.
    pub summary: String,
    /// Jobs that are done or failed.
    pub jobs_done: u32,
    /// Jobs in all, one for each device.
    pub jobs: u32,
}
