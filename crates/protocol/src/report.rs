//! What a device sends back: every sample, never a summary.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::adapter::Summary;
use crate::device::Reality;
use crate::energy::{EnergyRun, SustainedRun};
use crate::engine::EngineEvidence;
use crate::evidence::{SessionEvidence, ThreadPlacement};
use crate::ids::ReportId;
use crate::packaging::PackagedLoad;
use crate::pipeline::Frames;
use crate::reading::Reading;
use crate::runner::{FailureReason, MemoryFigures, OperatorTime};
use crate::session::SessionSpec;
use crate::tensor::Comparison;
use crate::units::Nanos;

/// One session's result. Delivered once: the server knows `id` again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SessionReport {
    /// Made on the device.
    pub id: ReportId,
    /// Wire format: [`crate::WIRE_VERSION`].
    pub wire_version: u32,
    /// The build that measured.
    pub agent: AgentBuild,
    /// `identity.key` of the device.
    pub device_key: String,
    /// `identity.os_fingerprint` of the device.
    pub os_fingerprint: String,
    /// Whether the figures are real.
    pub reality: Reality,
    /// What was asked, as it was understood.
    pub spec: SessionSpec,
    /// Device's wall clock at the start; may be wrong, the server has its own.
    #[serde(with = "time::serde::rfc3339")]
    pub started_at: OffsetDateTime,
    /// Whole session.
    pub duration: Nanos,
    /// Evidence for the session; none when it failed before it began.
    pub evidence: Option<SessionEvidence>,
    /// One for each subject of the spec, in its order.
    pub runs: Vec<RunReport>,
}

/// Which build of the agent.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AgentBuild {
    /// Package version.
    pub version: String,
    /// Target triple's parts: `x86_64-linux-gnu`.
    pub target: String,
}

/// One subject's result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum RunReport {
    /// It ran.
    Measured(Box<Measurement>),
    /// It did not; that is a result with a reason.
    Failed(Failure),
}

/// Why a subject has no measurement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Failure {
    /// For rules.
    pub reason: FailureReason,
    /// For people.
    pub detail: String,
}

/// Everything measured of one subject.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Measurement {
    /// Reading, parsing and optimising the model.
    pub load: Nanos,
    /// The first inference after loading.
    pub first_inference: Nanos,
    /// Inferences until steady.
    pub warmup: Warmup,
    /// Blocks in the order measured.
    pub blocks: Vec<Block>,
    /// Memory before the model was loaded: the engine's own baseline.
    pub memory_before: MemoryFigures,
    /// Memory after the blocks, in a pass of its own.
    pub memory: MemoryFigures,
    /// Outputs against the manifest's reference.
    pub outputs: OutputCheck,
    /// What the engine says it executed.
    pub engine: EngineEvidence,
    /// Every thread of the runner, read after the blocks.
    pub threads: Vec<ThreadPlacement>,
    /// What a program of its own printed; then there are no blocks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<Summary>,
    /// Whole frames, when asked for and the manifest has a pipeline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frames: Option<Frames>,
    /// Loading from packages, when asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub packaged_loads: Vec<PackagedLoad>,
    /// What a meter of the device told of its energy, or why there is none; none when it was not asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub energy: Option<Reading<EnergyRun>>,
    /// Latency over minutes of load, when asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sustained: Option<SustainedRun>,
    /// What was asked for after the blocks and failed; the rest of the measurement stands.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failed_passes: Vec<FailedPass>,
    /// What the runner of each round gave beside its block, when each round had runners of its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fresh_runners: Vec<FreshRunner>,
    /// Per-operator times, when asked for and the engine can.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub profile: Vec<OperatorTime>,
}

/// A runner that lived for one round.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FreshRunner {
    /// The round.
    pub round: u32,
    /// Reading, parsing and optimising the model.
    pub load: Nanos,
    /// The first inference after loading.
    pub first_inference: Nanos,
    /// Whole frames, when asked for and the manifest has a pipeline.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub frames: Vec<Nanos>,
    /// Its memory after its blocks; none from agents that did not read it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<MemoryFigures>,
}

/// A pass after the blocks that gave nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FailedPass {
    /// Which.
    pub pass: Pass,
    /// Why.
    pub failure: Failure,
}

/// A pass after the blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Pass {
    /// Whole frames.
    Frames,
    /// Loading from packages.
    PackagedLoads,
    /// Energy.
    Energy,
    /// Minutes of load.
    Sustained,
}

/// Inferences before the first block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Warmup {
    /// Latencies, the first inference not among them.
    pub samples: Vec<Nanos>,
    /// Whether the tail showed no trend within the time given.
    pub steady: bool,
}

/// Inferences of one subject without interruption.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Block {
    /// Round of the session: blocks of one round are neighbours in time and make a pair.
    pub round: u32,
    /// Place within the round.
    pub place: u32,
    /// Since the session's start.
    pub started: Nanos,
    /// Latencies in order.
    pub samples: Vec<Nanos>,
    /// Time the device was suspended within the block.
    pub suspended: Nanos,
    /// Time the runner's threads were ready but had no CPU because others had it (/proc/<pid>/task/*/schedstat), as a
    /// share of the block. Threads of one pool that wait for each other do not count.
    pub waiting_share: Reading<f64>,
    /// The pieces of `samples`, in order, when the subjects of the round took turns; otherwise none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub turns: Vec<Turn>,
}

/// A piece of a block, measured between pieces of the round's other subjects.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Turn {
    /// How many of the block's samples, at least 1.
    pub samples: u32,
    /// As that of a block, of this turn.
    pub waiting_share: Reading<f64>,
}

/// Outputs against the manifest's reference.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "check", rename_all = "snake_case")]
pub enum OutputCheck {
    /// The manifest names no reference.
    NoReference,
    /// Compared: each reference's output name and the result.
    Compared {
        /// Output name and comparison.
        outputs: Vec<(String, Comparison)>,
    },
    /// The outputs could not be read.
    Failed {
        /// Why.
        detail: String,
    },
}
