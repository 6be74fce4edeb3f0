//! What a device is asked to do.

use serde::{Deserialize, Serialize};

use crate::api::Metric;
use crate::cpuset::CpuSet;
use crate::energy::EnergyPlan;
use crate::engine::EngineRef;
pub use crate::frequency::{ClusterPlan, Frequency, Pin};
use crate::ids::ArtifactId;
use crate::model::Manifest;
use crate::packaging::Packaging;
use crate::units::Nanos;

/// One session: subjects measured under one operating point in interleaved blocks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SessionSpec {
    /// At least one; run in this process order, interleaved.
    pub subjects: Vec<Subject>,
    /// Cores, clocks and context.
    pub operating_point: OperatingPoint,
    /// How long and how often.
    #[serde(default)]
    pub plan: MeasurePlan,
}

/// What ties a report to one gate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct GateBinding {
    /// Digest of the request's JSON text.
    pub request: ArtifactId,
    /// Name of the device in the farm.
    pub device: String,
    /// Devices of the gate.
    pub devices: u32,
    /// Which of the request's budgets are about this device, by their place from 0.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub budgets: Vec<u32>,
}

/// One thing measured: model artifact, engine build, threads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Subject {
    /// For people and for pairing: `baseline`, `candidate`, or the model's name.
    pub label: String,
    /// The model; its artifact is fetched by digest.
    pub manifest: Manifest,
    /// The engine.
    pub engine: EngineRef,
    /// Threads the engine may use, at least 1.
    pub threads: u16,
}

/// Cores, clocks and context in which all subjects of a session run.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct OperatingPoint {
    /// Which cores.
    pub cores: Cores,
    /// Which clock.
    pub frequency: Frequency,
}

/// Which cores a runner may use. Text form: `all`, `little`, `mid`, `big`, `prime`, or a list such as `0-3`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub enum Cores {
    /// All cores that are online.
    #[default]
    All,
    /// The cluster of this name in the device's report.
    Cluster(String),
    /// These CPUs.
    List(CpuSet),
}

/// The names a cluster can have.
pub const CLUSTER_NAMES: [&str; 4] = ["little", "mid", "big", "prime"];

impl std::fmt::Display for Cores {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Cluster(name) => f.write_str(name),
            Self::List(cpus) => cpus.fmt(f),
        }
    }
}

impl std::str::FromStr for Cores {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        if text == "all" {
            return Ok(Self::All);
        }
        if CLUSTER_NAMES.contains(&text) {
            return Ok(Self::Cluster(text.into()));
        }
        match text.parse::<CpuSet>() {
            Ok(cpus) if !cpus.is_empty() => Ok(Self::List(cpus)),
            _ => Err(format!("'{text}' names no cores: all, little, mid, big, prime, or a CPU list such as 0-3,6")),
        }
    }
}

crate::text_form::serde_as_text!(Cores);

/// How long and how often; the defaults need no change for a first look.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct MeasurePlan {
    /// Blocks for each subject.
    pub blocks: u32,
    /// A block lasts about this long, and holds at least `min_block_samples`.
    pub block_time: Nanos,
    /// Fewest inferences in a block.
    pub min_block_samples: u32,
    /// Warm-up lasts at least this many inferences.
    pub min_warmup_samples: u32,
    /// Warm-up gives up, marked unsteady, after this long.
    pub max_warmup_time: Nanos,
    /// How long to wait for a cool and idle device before measuring all the same, marked.
    pub max_settle_time: Nanos,
    /// One answer of a runner may take this long; then it counts as hung.
    pub runner_timeout: Nanos,
    /// Order of subjects in the rounds.
    pub order: BlockOrder,
    /// Ask the engine for a per-operator profile after the blocks.
    pub profile: bool,
    /// Whole frames to measure after the blocks, for models whose manifest has a pipeline; 0 for none.
    #[serde(skip_serializing_if = "is_zero")]
    pub frames: u32,
    /// Packagings whose load time is measured after the blocks.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub packagings: Vec<Packaging>,
    /// Loads of each packaging, each in a fresh runner.
    #[serde(skip_serializing_if = "is_default_loads")]
    pub loads: u32,
    /// Measure energy per inference after the blocks, where the device has a meter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub energy: Option<EnergyPlan>,
    /// Load each subject this long after the blocks and watch how its latency goes; none for not at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sustained: Option<Nanos>,
    /// Every round in runners of its own. Two processes of the same program and model differ by some per cent for as long
    /// as they live, because of where their memory lies; only fresh ones in each round turn that into noise.
    #[serde(skip_serializing_if = "is_false")]
    pub fresh_runners: bool,
    /// Turns that the subjects of a round take: each measures its block in up to so many pieces, between pieces of the
    /// others, and an odd number of them. What the device does in a tenth of a second then hits all alike. Only for
    /// runners of one thread, because threads of a pool need time to come to rest; 1 for whole blocks.
    #[serde(skip_serializing_if = "is_one")]
    pub turns: u32,
    /// Whole frames in each round, with `fresh_runners` and for models whose manifest has a pipeline; 0 for none.
    #[serde(skip_serializing_if = "is_zero")]
    pub round_frames: u32,
    /// Ends the blocks before all are measured; needs exactly two subjects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop: Option<StopRule>,
    /// The gate that is measured, so that a signed report answers one question only; set by the server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gate: Option<GateBinding>,
}

/// When a session of a baseline and a candidate has seen enough.
///
/// It is applied on the device after every round, by the same sequential test that the verdict comes from. That test holds
/// for every moment to stop, however it was chosen, so the verdict rests on the samples of the report and never on this.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct StopRule {
    /// Metrics that must be decided, each with the tolerance as a share.
    pub metrics: Vec<(Metric, f64)>,
    /// Chance of a wrong answer.
    pub alpha: f64,
    /// Comparisons that share `alpha`: metrics times devices.
    pub comparisons: u32,
    /// No round begins when so much time of the session has passed.
    pub max_time: Nanos,
    /// Undisturbed rounds that are measured whatever they say, because absolute limits need them.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub min_rounds: u32,
}

/// Turns of a gate's rounds: with its usual blocks of 90 ms 10 ms each, or an inference where that takes longer.
pub const GATE_TURNS: u32 = 9;
const LOADS: u32 = 5;

fn is_zero(number: &u32) -> bool {
    *number == 0
}

fn is_one(number: &u32) -> bool {
    *number == 1
}

fn is_false(flag: &bool) -> bool {
    !flag
}

fn is_default_loads(loads: &u32) -> bool {
    *loads == LOADS
}

impl Default for MeasurePlan {
    fn default() -> Self {
        Self {
            blocks: 10,
            block_time: Nanos(100_000_000),
            min_block_samples: 3,
            min_warmup_samples: 5,
            max_warmup_time: Nanos(5_000_000_000),
            max_settle_time: Nanos(60_000_000_000),
            runner_timeout: Nanos(120_000_000_000),
            order: BlockOrder::Alternating,
            profile: false,
            frames: 0,
            packagings: Vec::new(),
            loads: LOADS,
            energy: None,
            sustained: None,
            fresh_runners: false,
            turns: 1,
            round_frames: 0,
            stop: None,
            gate: None,
        }
    }
}

/// Order of the subjects' blocks, so that drift of the device hits all alike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum BlockOrder {
    /// Forwards and backwards in turn: A B, B A, A B, …
    Alternating,
    /// Each round in a random order from this seed.
    Shuffled {
        /// Seed.
        seed: u64,
    },
}
