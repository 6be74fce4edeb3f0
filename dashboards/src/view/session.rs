//! One session: its subjects side by side.

use benchrack_protocol::api::Run;
use benchrack_protocol::device::Reality;
use benchrack_protocol::evidence::SessionEvidence;
use benchrack_protocol::ids::{JobId, SessionId};
use benchrack_protocol::report::Block;
use benchrack_protocol::session::{MeasurePlan, OperatingPoint};
use serde::Serialize;
use time::OffsetDateTime;

use super::{DeviceRef, Figure, Provenance};

/// One session.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SessionView {
    /// Id.
    pub id: SessionId,
    /// The job it fulfilled.
    pub job: JobId,
    /// Where.
    pub device: DeviceRef,
    /// Cores and clock.
    pub operating_point: OperatingPoint,
    /// How long and how often was asked.
    pub plan: MeasurePlan,
    /// Evidence; none when it failed before it began.
    pub evidence: Option<SessionEvidence>,
    /// One for each subject in their order.
    pub subjects: Vec<SessionSubject>,
    /// Each pair of subjects that were measured in the same rounds, at most the first subject with each other.
    pub pairs: Vec<Pair>,
    /// Who measured, with what, when.
    pub provenance: Provenance,
    /// Files to be had.
    pub downloads: Vec<Download>,
}

/// One subject of a session.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SessionSubject {
    /// Its run.
    pub run: Run,
    /// Its blocks; empty when it failed or its samples were retired.
    pub blocks: Vec<Block>,
}

/// Two subjects compared within the session, round by round.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Pair {
    /// Label of the one compared with.
    pub base: String,
    /// Label of the other.
    pub candidate: String,
    /// Candidate's latency over the base's: 1.02 is 2 % slower.
    pub ratio: Figure,
    /// The same in each round: round and ratio.
    pub rounds: Vec<(u32, f64)>,
}

/// A file to be had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Download {
    /// What is shown: `report.json`.
    pub name: String,
    /// Address.
    pub href: String,
}

/// A session in a list.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SessionRow {
    /// Id.
    pub id: SessionId,
    /// Where.
    pub device: DeviceRef,
    /// For people: its subjects.
    pub title: String,
    /// When its report came.
    #[serde(with = "time::serde::rfc3339")]
    pub received_at: OffsetDateTime,
    /// Runs that count.
    pub valid: u32,
    /// Runs that are degraded.
    pub degraded: u32,
    /// Runs that are invalid.
    pub invalid: u32,
    /// Runs that failed.
    pub failed: u32,
    /// Whether its figures are real.
    pub reality: Reality,
}
