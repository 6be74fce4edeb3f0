//! One run: every sample and the proof around it.

use benchrack_protocol::api::{Engine, Estimate, Metric, Run};
use benchrack_protocol::energy::EnergySource;
use benchrack_protocol::evidence::SessionEvidence;
use benchrack_protocol::ids::{ModelId, SeriesId};
use benchrack_protocol::model::{Fidelity, Published};
use benchrack_protocol::packaging::Packaging;
use benchrack_protocol::reading::Reading;
use benchrack_protocol::report::{AgentBuild, Measurement};
use benchrack_protocol::session::MeasurePlan;
use benchrack_protocol::units::{Bytes, Nanos};
use serde::Serialize;
use time::OffsetDateTime;

/// One run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunView {
    /// The run, summarised: label, model, device, validity, failure, metrics.
    pub run: Run,
    /// The device's title.
    pub device_title: String,
    /// What was run.
    pub model: RunModel,
    /// Everything measured, samples included; none when the run failed or its samples were retired.
    pub measurement: Option<Measurement>,
    /// Figures of the samples that are shown beside the metrics and never judged; none without samples.
    pub spread: Option<Spread>,
    /// Median inference within whole frames, ns; its other parts are metrics. None without frames.
    pub frame_inference: Option<Estimate>,
    /// Loading from packages in figures, in the order of the measurement.
    pub packaged: Vec<PackagedFigures>,
    /// What told its energy, or why there is none; none when it was not asked for. The figures themselves are metrics.
    pub energy: Option<Reading<EnergyFigures>>,
    /// Minutes of load in figures; none when they were not asked for.
    pub sustained: Option<SustainedFigures>,
    /// The build of the engine; none for the one inside the agent.
    pub engine: Option<Engine>,
    /// Evidence of its session; none when that failed before it began.
    pub evidence: Option<SessionEvidence>,
    /// How long and how often was asked.
    pub plan: MeasurePlan,
    /// Who measured, with what, when.
    pub provenance: Provenance,
    /// Series that this run is a point of.
    pub series: Vec<(Metric, SeriesId)>,
}

/// The model a run measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunModel {
    /// Id.
    pub id: ModelId,
    /// Family.
    pub family: String,
    /// Revision; may be empty.
    pub revision: String,
    /// Size of the file.
    pub size: Bytes,
    /// Learnt numbers.
    pub parameters: Option<u64>,
    /// Multiply-adds of one inference.
    pub macs: Option<u64>,
    /// Closeness to fp32.
    pub fidelity: Option<Fidelity>,
    /// Figures others published.
    pub published: Vec<Published>,
    /// Accuracy its owner claims, 0 to 1.
    pub claimed_accuracy: Option<f64>,
}

/// How the samples of the blocks lie.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    /// Number of samples in the blocks.
    pub samples: u32,
    /// Mean, ns: shown, never judged.
    pub mean_ns: f64,
    /// Median absolute deviation, ns, not scaled.
    pub mad_ns: f64,
    /// Smallest, ns.
    pub min_ns: f64,
    /// Largest, ns.
    pub max_ns: f64,
    /// Whether the samples have more than one mode.
    pub multimodal: bool,
}

/// Loading from one packaging, each time in a fresh runner.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct PackagedFigures {
    /// Form.
    pub packaging: Packaging,
    /// Bytes of the package.
    pub size: Bytes,
    /// How often it was loaded.
    pub loads: u32,
    /// Median of reading, decrypting and decompressing, ns.
    pub unpack_ns: f64,
    /// Median of the engine's own work, ns.
    pub load_ns: f64,
    /// Median of both together, ns.
    pub total: Estimate,
}

/// What told a run's energy.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EnergyFigures {
    /// Which kind of meter.
    pub source: EnergySource,
    /// Its rails or files.
    pub what: String,
    /// How often it has a new value.
    pub period: Nanos,
    /// Mean power of the device at rest, W.
    pub rest_w: f64,
    /// Inferences within the compared time.
    pub inferences: f64,
    /// Compared time, s.
    pub seconds: f64,
}

/// Minutes of load in figures.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct SustainedFigures {
    /// Median latency of the first minute, ns.
    pub first_minute_ns: f64,
    /// When latency left its level for good, ns since the load began.
    pub throttled_after_ns: Option<f64>,
    /// Median latency of the last third, ns; none for a load of less than three minutes.
    pub plateau_ns: Option<f64>,
    /// When latency was back at its level, ns since the load ended.
    pub recovered_after_ns: Option<f64>,
}

/// Who measured, with what, when.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Provenance {
    /// The agent's build.
    pub agent: AgentBuild,
    /// System of the device at that time.
    pub os_fingerprint: String,
    /// The report's id, made on the device.
    pub report: String,
    /// The device's wall clock at the session's start; may be wrong.
    #[serde(with = "time::serde::rfc3339")]
    pub started_at: OffsetDateTime,
    /// The server's clock when the report came.
    #[serde(with = "time::serde::rfc3339")]
    pub received_at: OffsetDateTime,
    /// The whole session.
    pub duration: Nanos,
}
